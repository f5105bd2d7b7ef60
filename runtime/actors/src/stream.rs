//! One direction of numbered messages: the sender's side and the receiver's.
//!
//! In one process nothing gets lost and nothing is sent twice; over a wire that breaks, both happen. The same two halves
//! serve both.

use std::collections::VecDeque;
use std::sync::Arc;

use pogo_plan::worker::Numbered;

/// Say at least once in so many messages what has arrived.
const ACKNOWLEDGE_EVERY: u64 = 32;

/// What was sent and may have to be sent again.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    last: u64,
    kept: VecDeque<Arc<Numbered<T>>>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self { last: 0, kept: VecDeque::new() }
    }
}

impl<T> Outbox<T> {
    /// Numbers a message and keeps it.
    pub(crate) fn push(&mut self, acknowledged: u64, message: T) -> Arc<Numbered<T>> {
        self.last += 1;
        let message = Arc::new(Numbered { seq: self.last, acknowledged, message });
        self.kept.push_back(Arc::clone(&message));
        message
    }

    /// Lets go of what has arrived.
    pub(crate) fn acknowledged(&mut self, up_to: u64, mut arrived: impl FnMut(&T)) {
        while let Some(first) = self.kept.front()
            && first.seq <= up_to
        {
            arrived(&first.message);
            self.kept.pop_front();
        }
    }

    /// What has not arrived as far as is known, in order, for the other side of a break. It says anew what has arrived
    /// here: otherwise both sides might repeat themselves forever.
    pub(crate) fn again(&mut self, acknowledged: u64) -> impl Iterator<Item = Arc<Numbered<T>>>
    where
        T: Clone,
    {
        self.kept.iter_mut().map(move |kept| {
            let (seq, message) = (kept.seq, kept.message.clone());
            *kept = Arc::new(Numbered { seq, acknowledged, message });
            Arc::clone(kept)
        })
    }

    /// Whether everything has arrived as far as is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// How far the messages have arrived.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    received: u64,
    said: u64,
}

impl Inbox {
    /// Whether the message is the next one. One that came before is not to be acted on twice; one that leaves a gap comes
    /// again after the break that made the gap.
    pub(crate) fn accept(&mut self, seq: u64) -> bool {
        let is_next = seq == self.received + 1;
        if is_next {
            self.received = seq;
        } else if seq > self.received {
            tracing::warn!(seq, received = self.received, "messages are missing");
        }
        is_next
    }

    /// What to write into a message that is about to be sent, if everything up to `settled` is dealt with.
    pub(crate) fn acknowledge(&mut self, settled: u64) -> u64 {
        self.said = settled.min(self.received);
        self.said
    }

    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    /// Whether it is time to say so, if need be with a message that says nothing else.
    pub(crate) fn is_due(&self, settled: u64) -> bool {
        settled.min(self.received) >= self.said + ACKNOWLEDGE_EVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_acknowledged_is_kept() {
        let mut outbox = Outbox::default();
        for number in 0..5 {
            outbox.push(0, number);
        }
        let mut arrived = Vec::new();
        outbox.acknowledged(3, |message| arrived.push(*message));
        assert_eq!(arrived, [0, 1, 2]);
        assert_eq!(
            outbox.again(9).map(|kept| (kept.seq, kept.acknowledged)).collect::<Vec<_>>(),
            [(4, 9), (5, 9)]
        );
    }

    #[test]
    fn a_message_counts_once_and_in_order() {
        let mut inbox = Inbox::default();
        assert!(inbox.accept(1));
        assert!(!inbox.accept(1));
        assert!(!inbox.accept(3));
        assert!(inbox.accept(2));
        assert_eq!(inbox.acknowledge(9), 2);
    }
}
