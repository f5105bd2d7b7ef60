//! Waiting for SQLite's thread without the runtime.
//!
//! A runtime waits in `epoll`, and who wakes it writes to a file descriptor each time, also when it is awake. What is waited for in
//! a commit is another thread and nothing else: parking is enough, and waking a thread that is awake costs no call of the system.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark {
    thread: Thread,
    /// That something has happened; the thread's own mark might be taken by others who park it.
    is_woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Carries out work that waits for other threads only: neither for the runtime's timers nor for its files.
pub(crate) fn finish<T>(work: impl Future<Output = T>) -> T {
    let unpark = Arc::new(Unpark { thread: thread::current(), is_woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&unpark));
    let mut context = Context::from_waker(&waker);
    let mut work = pin!(work);
    loop {
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
        while !unpark.is_woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_goes_on_when_another_thread_has_done_its_part_and_whoever_else_parks_this_one() {
        let (ask, asked) = tokio::sync::oneshot::channel::<()>();
        let (answer, answered) = tokio::sync::oneshot::channel();
        let other = thread::spawn(move || {
            asked.blocking_recv().unwrap();
            answer.send(7).unwrap();
        });
        let work = async move {
            thread::current().unpark();
            ask.send(()).unwrap();
            let (says, waits) = std::sync::mpsc::sync_channel(0);
            let sender = thread::spawn(move || says.send(1).unwrap());
            let first = waits.recv().unwrap();
            sender.join().unwrap();
            first + answered.await.unwrap()
        };
        assert_eq!(finish(work), 8);
        other.join().unwrap();
    }
}
