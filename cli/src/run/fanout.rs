//! Hands each event to everyone who wants it. Who fails is given up, aloud, and never touches the run.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use pogo_plan::event::Event;

use super::Reporter;
use crate::failure::plain_words;

/// A report that is not whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lost {
    /// As the command line names it: `--events run.jsonl`.
    pub(crate) report: String,
    /// What went wrong, in plain words.
    pub(crate) problem: String,
}

/// All reporters of a run.
pub(crate) struct Fanout {
    reporters: Vec<(String, Box<dyn Reporter>)>,
    lost: Arc<Mutex<Vec<Lost>>>,
    complain: Box<dyn Fn(&Lost) + Send>,
}

impl Fanout {
    /// Reporters with their names; `complain` is told at once of each that fails.
    pub(crate) fn new(
        reporters: Vec<(String, Box<dyn Reporter>)>,
        complain: impl Fn(&Lost) + Send + 'static,
    ) -> Self {
        Self { reporters, lost: Arc::default(), complain: Box::new(complain) }
    }

    /// Where those who fail are noted.
    #[must_use]
    pub(crate) fn lost(&self) -> Arc<Mutex<Vec<Lost>>> {
        Arc::clone(&self.lost)
    }

    /// Hands on the next event.
    pub(crate) fn event(&mut self, event: &Event) {
        self.reporters.retain_mut(|(name, reporter)| match reporter.event(event) {
            Ok(()) => true,
            Err(error) => {
                let lost = Lost { report: name.clone(), problem: words(&error) };
                (self.complain)(&lost);
                self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(lost);
                false
            }
        });
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::BrokenPipe => "nobody reads it any more".to_owned(),
        io::ErrorKind::StorageFull => "no space left on device".to_owned(),
        _ => plain_words(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Run;
    use super::*;

    struct Counting(Arc<Mutex<u32>>, u32);

    impl Reporter for Counting {
        fn event(&mut self, _: &Event) -> io::Result<()> {
            let mut n = self.0.lock().unwrap();
            *n += 1;
            if *n == self.1 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    #[test]
    fn who_fails_is_given_up_and_the_others_go_on() {
        let (good, bad) = (Arc::<Mutex<u32>>::default(), Arc::<Mutex<u32>>::default());
        let complaints = Arc::<Mutex<Vec<Lost>>>::default();
        let heard = Arc::clone(&complaints);
        let reporters: Vec<(String, Box<dyn Reporter>)> = vec![
            ("bad".to_owned(), Box::new(Counting(Arc::clone(&bad), 2))),
            ("good".to_owned(), Box::new(Counting(Arc::clone(&good), 99))),
        ];
        let mut fanout = Fanout::new(reporters, move |lost| heard.lock().unwrap().push(lost.clone()));
        let mut run = Run::new();
        run.opened("a").done("a").opened("b");
        run.events.iter().for_each(|event| fanout.event(event));
        assert_eq!((*good.lock().unwrap(), *bad.lock().unwrap()), (3, 2));
        let lost = vec![Lost { report: "bad".to_owned(), problem: "no space left on device".to_owned() }];
        assert_eq!(*fanout.lost().lock().unwrap(), lost);
        assert_eq!(*complaints.lock().unwrap(), lost);
    }
}
