//! Jobs that are kept: what the verbs say and do about them, with real processes and a store of the test's own.

mod answers;
mod life;
mod shared;
mod store;
mod verbs;

use serde_json::Value;

use crate::{Home, Ran};

/// Three slots; a host named in the file `bad` fails.
const THREE: &str =
    "tag: {all: ['h[1-4]']}\nsequence: {t: [h1, 'h[2-3]', h4]}\nconstraint: {$all: {max_parallel: 2}}";
const FAILS: &str = "grep -qsx $POGO_HOST bad && exit 3\necho up $POGO_HOST; echo oh >&2";

impl Home {
    /// A run in which `h3` failed, and `h4` waits for it.
    fn blocked() -> Self {
        let home = Self::new();
        home.spec(THREE, FAILS, "");
        home.write("bad", "h3\n");
        assert_eq!(home.apply(&["a.cfg", "--quiet"]).code, 1);
        home
    }

    /// Runs a verb that may run commands.
    fn pogo(&self, args: &[&str]) -> Ran {
        let path = std::env::var_os("PATH").unwrap();
        Ran::from(self.command(args).env("PATH", path).output().unwrap())
    }

    /// The answer of a verb to programs.
    fn json(&self, args: &[&str]) -> Value {
        let all: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
        let ran = self.run(&all);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn last_job(&self) -> String {
        self.json(&["jobs"])["jobs"][0]["job"].as_str().unwrap().to_owned()
    }

    fn state(&self) -> String {
        self.json(&["status"])["state"].as_str().unwrap().to_owned()
    }
}

/// That a verb refuses, and says so in these words.
#[track_caller]
fn refused(ran: &Ran, words: &str) {
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains(words) || ran.stdout.contains(words), "{ran:?}");
}
