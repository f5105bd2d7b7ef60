//! Settings: flag, then environment, then the user's configuration, then the system's. Each setting has one name in all
//! four, and the first source that names it holds.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde_yaml::Value;

use crate::args::Color;
use crate::failure::{Failure, plain_words};
use crate::suggest::did_you_mean;

/// The names, in the order in which `pogo settings` prints them.
pub(crate) const NAMES: [&str; 7] =
    ["color", "width", "max_pattern_hosts", "resolver_path", "deny", "allow", "store"];

/// The environment variable of each setting, in the order of [`NAMES`].
const VARIABLES: [&str; 7] = [
    "POGO_COLOR",
    "POGO_WIDTH",
    "POGO_MAX_PATTERN_HOSTS",
    "POGO_RESOLVER_PATH",
    "POGO_DENY",
    "POGO_ALLOW",
    "POGO_STORE",
];

/// Most hosts of one pattern, unless set.
pub(crate) const MAX_PATTERN_HOSTS: u64 = 10_000_000;

/// Where a setting comes from; later ones hold over earlier ones.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// The system's configuration file.
    System(PathBuf),
    /// The user's configuration file.
    User(PathBuf),
    /// This variable.
    Environment(&'static str),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::System(path) | Self::User(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Setting<T> {
    /// The value that holds.
    pub(crate) value: T,
    /// Who set it.
    pub(crate) origin: Origin,
}

impl<T> Setting<T> {
    const fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    fn set(&mut self, value: T, origin: &Origin) {
        *self = Self { value, origin: origin.clone() };
    }

    fn flag(&mut self, value: Option<T>) {
        if let Some(value) = value {
            self.set(value, &Origin::Flag);
        }
    }
}

/// All settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// When to color.
    pub(crate) color: Setting<Color>,
    /// Columns; `None` for those of the terminal.
    pub(crate) width: Setting<Option<u16>>,
    /// Most hosts that one pattern may stand for.
    pub(crate) max_pattern_hosts: Setting<u64>,
    /// Folders with programs of external groups.
    pub(crate) resolver_path: Setting<Vec<PathBuf>>,
    /// Findings to treat as errors.
    pub(crate) deny: Setting<Vec<String>>,
    /// Findings to leave out.
    pub(crate) allow: Setting<Vec<String>>,
    /// The folder that jobs are kept in; `None` without a home.
    pub(crate) store: Setting<Option<PathBuf>>,
}

/// What the command line says; `None` and empty lists are silent.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    /// `--color`
    pub(crate) color: Option<Color>,
    /// `--width`
    pub(crate) width: Option<u16>,
    /// `--max-pattern-hosts`
    pub(crate) max_pattern_hosts: Option<u64>,
    /// `--resolver-path`
    pub(crate) resolver_path: Vec<PathBuf>,
    /// `--deny`
    pub(crate) deny: Vec<String>,
    /// `--allow`
    pub(crate) allow: Vec<String>,
    /// `--store`
    pub(crate) store: Option<PathBuf>,
}

impl Settings {
    fn defaults() -> Self {
        Self {
            color: Setting::default(Color::Auto),
            width: Setting::default(None),
            max_pattern_hosts: Setting::default(MAX_PATTERN_HOSTS),
            resolver_path: Setting::default(Vec::new()),
            deny: Setting::default(Vec::new()),
            allow: Setting::default(Vec::new()),
            store: Setting::default(state_home().map(|home| home.join("pogo/store"))),
        }
    }

    /// Reads the configuration files and the environment, each once.
    ///
    /// # Errors
    /// If a file cannot be read, or something in one of the sources is not a setting or not a value of one.
    pub(crate) fn load(flags: Flags) -> Result<Self, Failure> {
        let mut files = vec![Origin::System(PathBuf::from("/etc/pogo/config.yaml"))];
        files.extend(config_home().map(|home| Origin::User(home.join("pogo/config.yaml"))));
        Self::from_sources(flags, &|name| std::env::var_os(name)?.into_string().ok(), &files)
    }

    fn from_sources(
        flags: Flags,
        environment: &dyn Fn(&str) -> Option<String>,
        files: &[Origin],
    ) -> Result<Self, Failure> {
        let mut settings = Self::defaults();
        for origin in files {
            if let Origin::System(path) | Origin::User(path) = origin {
                settings.read(path, origin)?;
            }
        }
        for (name, variable) in NAMES.iter().zip(VARIABLES) {
            if let Some(text) = environment(variable).filter(|text| !text.is_empty()) {
                let separator = if *name == "resolver_path" { ':' } else { ',' };
                let words = match *name {
                    "resolver_path" | "deny" | "allow" => {
                        text.split(separator).filter(|word| !word.is_empty()).map(str::to_owned).collect()
                    }
                    _ => vec![text],
                };
                settings
                    .assign(name, words, &Origin::Environment(variable), Path::new(""))
                    .map_err(|problem| Failure::usage(format!("{variable}: {problem}")))?;
            }
        }
        settings.color.flag(flags.color);
        settings.width.flag(flags.width.map(Some));
        settings.max_pattern_hosts.flag(flags.max_pattern_hosts);
        settings.resolver_path.flag(Some(flags.resolver_path).filter(|list| !list.is_empty()));
        settings.deny.flag(Some(flags.deny).filter(|list| !list.is_empty()));
        settings.allow.flag(Some(flags.allow).filter(|list| !list.is_empty()));
        settings.store.flag(flags.store.map(Some));
        Ok(settings)
    }

    fn read(&mut self, path: &Path, origin: &Origin) -> Result<(), Failure> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => {
                return Err(Failure::usage(format!("{}: {}", path.display(), plain_words(&error))));
            }
        };
        let at = |problem: String| Failure::usage(format!("{}: {problem}", path.display()));
        let mapping = match serde_yaml::from_str(&text).map_err(|error| at(error.to_string()))? {
            Value::Mapping(mapping) => mapping,
            Value::Null => return Ok(()),
            _ => return Err(at("a mapping from settings to values is expected".to_owned())),
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        for (key, value) in &mapping {
            let Some(name) = scalar(key) else { return Err(at("a setting's name is a word".to_owned())) };
            let words = match value {
                Value::Sequence(items) if matches!(name.as_str(), "resolver_path" | "deny" | "allow") => {
                    items.iter().map(scalar).collect::<Option<Vec<_>>>()
                }
                value => scalar(value).map(|word| vec![word]),
            };
            let Some(words) = words else {
                return Err(at(format!(
                    "`{name}` takes a single value, or a list of them where it is a list"
                )));
            };
            self.assign(&name, words, origin, folder).map_err(at)?;
        }
        Ok(())
    }

    /// `folder` is what relative paths in this source are relative to.
    fn assign(
        &mut self,
        name: &str,
        words: Vec<String>,
        origin: &Origin,
        folder: &Path,
    ) -> Result<(), String> {
        let single = words.first().map_or("", String::as_str);
        match name {
            "color" => {
                let value = match single {
                    "auto" => Color::Auto,
                    "always" => Color::Always,
                    "never" => Color::Never,
                    other => return Err(format!("`color` is auto, always or never, not `{other}`")),
                };
                self.color.set(value, origin);
            }
            "width" if single == "auto" => self.width.set(None, origin),
            "width" => match single.parse() {
                Ok(value @ 40..=1000) => self.width.set(Some(value), origin),
                _ => return Err(format!("`width` is auto or a number from 40 to 1000, not `{single}`")),
            },
            "max_pattern_hosts" => match single.parse() {
                Ok(value @ 1..) => self.max_pattern_hosts.set(value, origin),
                _ => return Err(format!("`max_pattern_hosts` is a number from 1, not `{single}`")),
            },
            "resolver_path" => {
                self.resolver_path.set(words.iter().map(|word| folder.join(word)).collect(), origin);
            }
            "deny" => self.deny.set(words, origin),
            "allow" => self.allow.set(words, origin),
            "store" if single.is_empty() => return Err("`store` is a folder".to_owned()),
            "store" => self.store.set(Some(folder.join(single)), origin),
            other => {
                let help = did_you_mean(other, NAMES, || format!("settings are {}", NAMES.join(", ")));
                return Err(format!("`{other}` is not a setting: {help}"));
            }
        }
        Ok(())
    }

    /// Name, value and origin of each, for people and for shells.
    #[must_use]
    pub(crate) fn rows(&self) -> Vec<(&'static str, String, String)> {
        let color = match self.color.value {
            Color::Auto => "auto",
            Color::Always => "always",
            Color::Never => "never",
        };
        let paths: Vec<_> = self.resolver_path.value.iter().map(|path| path.display().to_string()).collect();
        let values = [
            (color.to_owned(), &self.color.origin),
            (
                self.width.value.map_or_else(|| "auto".to_owned(), |width| width.to_string()),
                &self.width.origin,
            ),
            (self.max_pattern_hosts.value.to_string(), &self.max_pattern_hosts.origin),
            (format!("[{}]", paths.join(", ")), &self.resolver_path.origin),
            (format!("[{}]", self.deny.value.join(", ")), &self.deny.origin),
            (format!("[{}]", self.allow.value.join(", ")), &self.allow.origin),
            (
                self.store
                    .value
                    .as_ref()
                    .map_or_else(|| "null".to_owned(), |path| path.display().to_string()),
                &self.store.origin,
            ),
        ];
        NAMES
            .into_iter()
            .zip(values)
            .map(|(name, (value, origin))| (name, value, origin.to_string()))
            .collect()
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}

/// `$XDG_CONFIG_HOME`, or its default; `None` without a home.
#[must_use]
pub(crate) fn config_home() -> Option<PathBuf> {
    absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))
}

/// `$XDG_STATE_HOME`, or its default; `None` without a home.
fn state_home() -> Option<PathBuf> {
    absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
}

/// The folder that a variable names; the XDG specification has others ignored.
fn absolute(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flags: Flags, env: &[(&str, &str)], system: &str, user: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("system.yaml"), folder.path().join("user.yaml"));
        std::fs::write(&a, system).unwrap();
        std::fs::write(&b, user).unwrap();
        let env = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Settings::from_sources(flags, &env, &[Origin::System(a), Origin::User(b)]).map_err(|failure| {
            match failure {
                Failure::Usage { message, .. }
                | Failure::Refused { message, .. }
                | Failure::Halted(message)
                | Failure::Internal(message) => message.replace(&folder.path().display().to_string(), "DIR"),
                Failure::Output(error) => error.to_string(),
            }
        })
    }

    #[test]
    fn the_nearer_source_holds() {
        let flags = Flags { max_pattern_hosts: Some(4), ..Flags::default() };
        let all = "width: 60\nmax_pattern_hosts: 1\ncolor: always\ndeny: warnings\n";
        let settings = load(
            flags,
            &[("POGO_MAX_PATTERN_HOSTS", "3"), ("POGO_WIDTH", "70"), ("POGO_ALLOW", "a,b")],
            all,
            "max_pattern_hosts: 2\ncolor: never\nresolver_path: [tags, /opt/tags]\nstore: jobs",
        )
        .unwrap();
        assert_eq!(settings.max_pattern_hosts, Setting { value: 4, origin: Origin::Flag });
        assert_eq!(settings.width, Setting { value: Some(70), origin: Origin::Environment("POGO_WIDTH") });
        assert_eq!(settings.color.value, Color::Never);
        assert!(matches!(settings.color.origin, Origin::User(_)));
        assert_eq!(settings.deny.value, ["warnings"]);
        assert!(matches!(settings.deny.origin, Origin::System(_)));
        assert_eq!(settings.allow.value, ["a", "b"]);
        assert!(settings.resolver_path.value.first().unwrap().ends_with("tags"));
        assert_eq!(settings.resolver_path.value.get(1).unwrap(), Path::new("/opt/tags"));
        let store = settings.store;
        assert!(store.value.unwrap().is_absolute() && matches!(store.origin, Origin::User(_)));
        let with = |flag: Option<&str>| {
            let flags = Flags { store: flag.map(PathBuf::from), ..Flags::default() };
            load(flags, &[("POGO_STORE", "here")], "store: /srv/pogo", "").unwrap().store
        };
        assert_eq!(with(None).value.unwrap(), Path::new("here"));
        assert_eq!(with(Some("there")), Setting { value: Some("there".into()), origin: Origin::Flag });
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        let refused = |env: &[(&str, &str)], user: &str| load(Flags::default(), env, "", user).unwrap_err();
        assert_eq!(
            refused(&[], "colour: auto"),
            "DIR/user.yaml: `colour` is not a setting: did you mean `color`?"
        );
        assert_eq!(refused(&[], "color: red"), "DIR/user.yaml: `color` is auto, always or never, not `red`");
        assert_eq!(
            refused(&[], "width: [1, 2]"),
            "DIR/user.yaml: `width` takes a single value, or a list of them where it is a list"
        );
        assert_eq!(
            refused(&[("POGO_WIDTH", "7")], ""),
            "POGO_WIDTH: `width` is auto or a number from 40 to 1000, not `7`"
        );
        assert!(refused(&[], "width: 50\nwidth: 60").contains("duplicate"));
    }
}
