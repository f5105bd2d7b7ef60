//! What is kept for the next commit, seen from inside: from outside only a clock could tell.

use std::sync::mpsc::{Receiver, channel};

use pogo_plan::HostIdx;
use pogo_plan::event::Fact;
use pogo_plan::outcome::Attempt;

use super::*;

/// A writer without a thread, and what it tells.
struct Alone {
    _folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    writer: Writer,
    told: Receiver<Told>,
}

impl Alone {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (tell, told) = channel();
        let tell = Box::new(move |word| drop(tell.send(word)));
        let opened = Writer::open(&store, "default", Who::this_process(), tell);
        let writer = runtime.block_on(opened).unwrap();
        Self { _folder: folder, runtime, writer, told }
    }

    fn submit(&mut self, batches: impl IntoIterator<Item = Batch>) {
        let mut requests = batches.into_iter().map(Request::Submit).collect();
        assert!(!block_on(self.writer.answer(&mut requests)).unwrap());
    }

    fn committed(&self) -> Vec<u64> {
        let ticket = |word| if let Told::Committed { ticket } = word { Some(ticket) } else { None };
        self.told.try_iter().filter_map(ticket).collect()
    }
}

fn batch(ticket: u64, can_wait: bool) -> Batch {
    Batch { ticket, can_wait, ..Batch::default() }
}

#[test]
fn what_can_wait_goes_with_the_next_batch_and_before_it() {
    let mut alone = Alone::new();
    alone.submit([batch(1, true), batch(2, true)]);
    alone.submit([batch(3, true)]);
    assert!(alone.committed().is_empty());
    alone.submit([batch(4, false), batch(5, true)]);
    assert_eq!(alone.committed(), [1, 2, 3, 4, 5]);
    assert!(alone.writer.due.is_none());
}

#[test]
fn what_can_wait_wakes_the_writer_when_it_has_waited_and_not_for_looks() {
    let mut alone = Alone::new();
    let (_requests, mut inbox) = tokio::sync::mpsc::unbounded_channel();
    alone.submit([batch(1, true)]);
    let due = alone.writer.due;
    alone.submit([batch(2, true)]);
    assert_eq!(alone.writer.due, due, "the first of them says until when");
    let woken = alone.runtime.block_on(alone.writer.wait(&mut inbox));
    assert!(matches!(woken, Woken::Due));
    assert!(due <= Some(Instant::now()));
    block_on(alone.writer.commit(Vec::new())).unwrap();
    assert_eq!(alone.committed(), [1, 2]);
}

#[test]
fn a_stream_of_batches_that_can_wait_does_not_keep_the_first_from_its_time() {
    let mut alone = Alone::new();
    alone.submit([batch(1, true)]);
    alone.writer.due = Some(Instant::now());
    alone.submit([batch(2, true)]);
    assert_eq!(alone.committed(), [1, 2]);
}

#[test]
fn what_others_wait_for_does_not_wait_whatever_it_says() {
    let answers = vec![(CommandId(1), crate::session::Answer::Done)];
    let release = pogo_schedule::ledger::Op::Release { host: "host1".to_owned() };
    let mut alone = Alone::new();
    alone.submit([Batch { answers, ..batch(1, true) }]);
    assert_eq!(alone.committed(), [1]);
    alone.submit([Batch { ops: vec![release], ..batch(2, true) }]);
    assert_eq!(alone.committed(), [2]);
    let fact = Fact::Started { host: HostIdx::from_index(0).unwrap(), attempt: Attempt(1) };
    alone.submit([Batch { facts: vec![fact], ..batch(3, true) }]);
    assert!(alone.committed().is_empty());
}
