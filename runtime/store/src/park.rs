//! Waiting for SQLite's thread without the runtime.
//!
//! A runtime waits in `epoll`, and who wakes it writes to a file descriptor each time, also when it is awake. What is waited for in
//! a commit is another thread and nothing else: parking is enough, and waking a thread that is awake costs no call of the system.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Carries out work that waits for other threads only: neither for the runtime's timers nor for its files.
pub(crate) fn finish<T>(work: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut work = pin!(work);
    loop {
        match work.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}
