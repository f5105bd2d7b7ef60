//! Mail that an actor reads in batches.
//!
//! A message through an actor's mailbox costs two allocations and, from another thread, a system call that wakes the
//! reader. Here letters wait in one list, and only the first of them goes to the mailbox, as [`Collect`]. So what comes
//! while the reader is busy is read in one go, and each sender's letters stay in their order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::{Actor, Addr, Context, Handler, Message};

/// There is mail.
#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Collect;

/// An actor that reads mail.
pub(crate) trait Reads: Actor<Context = Context<Self>> + Handler<Collect> {
    /// What it reads.
    type Letter;
}

/// Sends mail to an actor. A clone is the same way, and costs no allocation as that of an address does.
pub(crate) struct Post<A: Reads>(Arc<Way<A>>);

struct Way<A: Reads> {
    to: Addr<A>,
    queue: Queue<A::Letter>,
}

/// The reader's side, which belongs to the actor. With it goes what has not been read.
pub(crate) struct Mail<L> {
    queue: Queue<L>,
    /// An empty list to read the next letters into.
    spare: Vec<L>,
}

/// Nothing when nobody reads any more.
struct Queue<L>(Arc<Mutex<Option<Vec<L>>>>);

impl<L> Queue<L> {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<L>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L> Clone for Queue<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Reads> Clone for Post<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Reads> Post<A> {
    /// Never blocks. Without effect when the actor is gone.
    pub(crate) fn send(&self, letter: A::Letter) {
        let is_first = {
            let mut queue = self.0.queue.lock();
            let Some(letters) = queue.as_mut() else {
                // Dropping a letter may send another one.
                drop(queue);
                return drop(letter);
            };
            letters.push(letter);
            letters.len() == 1
        };
        if is_first {
            self.0.to.do_send(Collect);
        }
    }

    /// Sends all letters at once.
    pub(crate) fn send_all(&self, letters: impl ExactSizeIterator<Item = A::Letter>) {
        if letters.len() == 0 {
            return;
        }
        let was_empty = {
            let mut queue = self.0.queue.lock();
            let Some(waiting) = queue.as_mut() else {
                drop(queue);
                return drop(letters);
            };
            let was_empty = waiting.is_empty();
            waiting.extend(letters);
            was_empty
        };
        if was_empty {
            self.0.to.do_send(Collect);
        }
    }

    pub(crate) fn connected(&self) -> bool {
        self.0.to.connected()
    }

    /// For messages that are no mail.
    pub(crate) fn addr(&self) -> &Addr<A> {
        &self.0.to
    }
}

impl<L> Mail<L> {
    pub(crate) fn new() -> Self {
        Self { queue: Queue(Arc::new(Mutex::new(Some(Vec::new())))), spare: Vec::new() }
    }

    /// The way to the actor that has this address and reads this mail.
    pub(crate) fn post<A: Reads<Letter = L>>(&self, to: Addr<A>) -> Post<A> {
        Post(Arc::new(Way { to, queue: self.queue.clone() }))
    }

    /// A way to an actor that is about to be started with this mail.
    pub(crate) fn way<A: Reads<Letter = L>>(&self) -> impl FnOnce(Addr<A>) -> Post<A> + use<A, L> {
        let queue = self.queue.clone();
        move |to| Post(Arc::new(Way { to, queue }))
    }

    /// All letters that wait. Give the list back with [`Mail::read`].
    pub(crate) fn take(&mut self) -> Vec<L> {
        let spare = std::mem::take(&mut self.spare);
        self.queue.lock().as_mut().map_or_else(Vec::new, |letters| std::mem::replace(letters, spare))
    }

    /// The list has been read.
    pub(crate) fn read(&mut self, list: Vec<L>) {
        self.spare = list;
    }
}

impl<L> Drop for Mail<L> {
    fn drop(&mut self) {
        let unread = self.queue.lock().take();
        drop(unread);
    }
}

/// Starts an actor that is made with its mail.
pub(crate) fn start<A: Reads>(make: impl FnOnce(Mail<A::Letter>) -> A) -> Post<A> {
    let mail = Mail::new();
    let way = mail.way();
    way(make(mail).start())
}

#[cfg(test)]
mod tests {
    use actix::ActorContext;
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    use super::*;

    /// Hands on each batch; ends with a letter that says 0.
    struct Reader {
        mail: Mail<u32>,
        batches: UnboundedSender<Vec<u32>>,
    }

    impl Actor for Reader {
        type Context = Context<Self>;
    }

    impl Reads for Reader {
        type Letter = u32;
    }

    impl Handler<Collect> for Reader {
        type Result = ();

        fn handle(&mut self, _: Collect, ctx: &mut Self::Context) {
            let letters = self.mail.take();
            if letters.contains(&0) {
                ctx.stop();
            }
            self.batches.send(letters.clone()).unwrap();
            self.mail.read(Vec::new());
        }
    }

    #[test]
    fn what_waits_is_read_in_one_go_and_in_order() {
        actix::System::new().block_on(async {
            let (batches, mut seen) = unbounded_channel();
            let post = start(|mail| Reader { mail, batches });
            post.send(1);
            post.send_all([2, 3].into_iter());
            assert_eq!(seen.recv().await, Some(vec![1, 2, 3]));
            post.send_all([4].into_iter());
            assert_eq!(seen.recv().await, Some(vec![4]), "a later letter says anew that there is mail");
            post.send(0);
            assert_eq!(seen.recv().await, Some(vec![0]));
            assert_eq!(seen.recv().await, None, "the reader is gone");
            post.send(5);
            assert!(post.0.queue.lock().is_none(), "what nobody reads is not kept");
        });
    }
}
