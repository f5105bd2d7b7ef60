//! Where machines put what they want done.

/// A list of what is to be done, or whoever does it at once. What is put in is done in order, and nothing of it comes back
/// to the machine before its step is over.
pub trait Outbox<T> {
    /// Puts in one more.
    fn push(&mut self, item: T);
}

impl<T> Outbox<T> for Vec<T> {
    #[inline]
    fn push(&mut self, item: T) {
        self.push(item);
    }
}
