//! Gathering: where many attempts run at once, one commit is for many of their batches.
//!
//! A commit costs a sync to disk, however little is in it. What is submitted while one is under way goes into the next one by
//! itself; attempts that take longer than a commit would hardly ever meet that way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use pogo_schedule::job::Counts;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep_until;

use super::Request;

/// So many attempts of a job are many. Of fewer, another one hardly has something to say in a moment, and whoever runs hosts one by
/// one does not wait for others.
const MANY: u32 = 8;

/// How long after a commit the next one begins, if many attempts run. With eight of them each second one waits for this: it is
/// little beside what an attempt over ssh takes.
const APART: Duration = Duration::from_millis(5);

/// When the next commit may begin.
#[derive(Debug, Default)]
pub(super) struct Pace {
    are_many: bool,
    not_before: Option<Instant>,
}

impl Pace {
    /// What a job that puts something on record is doing.
    pub(super) const fn note(&mut self, counts: &Counts) {
        self.are_many = counts.active >= MANY;
    }

    /// There has been a commit.
    pub(super) fn committed(&mut self) {
        self.not_before = self.are_many.then(|| Instant::now() + APART);
    }

    /// Waits for more to be put on record together with this. Whoever waits for an answer is not kept waiting.
    pub(super) async fn gather(
        &self,
        inbox: &mut UnboundedReceiver<Request>,
        requests: &mut VecDeque<Request>,
    ) {
        // Whatever has come in the meantime.
        while let Ok(request) = inbox.try_recv() {
            requests.push_back(request);
        }
        let Some(until) = self.not_before else { return };
        // What can wait for another commit needs none of its own.
        let is_urgent = |request: &Request| matches!(request, Request::Submit(batch) if !batch.waits());
        while requests.iter().all(|request| matches!(request, Request::Submit(_)))
            && requests.iter().any(is_urgent)
        {
            let more = tokio::select! {
                biased;
                request = inbox.recv() => request,
                () = sleep_until(until.into()) => None,
            };
            let Some(request) = more else { return };
            requests.push_back(request);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::super::Batch;
    use super::*;

    fn submit(ticket: u64, can_wait: bool) -> Request {
        Request::Submit(Batch { ticket, can_wait, ..Batch::default() })
    }

    /// After a commit with so many attempts: how many requests there are for the next one, if these come one after another.
    fn gathered(active: u32, requests: Vec<Request>) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let mut pace = Pace::default();
            pace.note(&Counts { active, ..Counts::default() });
            pace.committed();
            let (sender, mut inbox) = unbounded_channel();
            let mut requests = requests.into_iter();
            let mut found: VecDeque<Request> = requests.next().into_iter().collect();
            let says = async {
                for request in requests {
                    tokio::task::yield_now().await;
                    sender.send(request).unwrap();
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = pace.gather(&mut inbox, &mut found) => found.len(),
                () = says => 0,
            }
        })
    }

    #[test]
    fn batches_of_many_attempts_are_gathered() {
        assert_eq!(gathered(MANY, vec![submit(1, false), submit(2, true), submit(3, false)]), 3);
    }

    #[test]
    fn few_attempts_wait_for_nobody() {
        assert_eq!(gathered(MANY - 1, vec![submit(1, false), submit(2, false)]), 1);
    }

    #[test]
    fn what_can_wait_is_not_waited_with() {
        assert_eq!(gathered(MANY, vec![submit(1, true), submit(2, false)]), 1);
    }

    #[test]
    fn whoever_waits_for_an_answer_gets_it_at_once() {
        let (reply, _answer) = std::sync::mpsc::sync_channel(1);
        assert_eq!(gathered(MANY, vec![submit(1, false), Request::Prune(0, reply), submit(2, false)]), 2);
    }
}
