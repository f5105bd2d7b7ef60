//! Asking many hosts, some at once.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::failure::Failure;

/// What `work` says of each item, in the order of the items. No more than `most` are asked at once.
///
/// # Errors
/// If the system gives no means to wait, or work panics.
pub(in crate::commands) fn ask<I, T, W>(
    items: Vec<I>,
    most: NonZeroUsize,
    work: impl Fn(I) -> W,
) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    W: Future<Output = T> + Send + 'static,
{
    let gate = Arc::new(Semaphore::new(most.get()));
    let answers = super::block_on(async {
        let mut tasks = JoinSet::new();
        for (at, item) in items.into_iter().enumerate() {
            let (work, gate) = (work(item), Arc::clone(&gate));
            tasks.spawn(async move {
                // It is never closed.
                let _place = gate.acquire_owned().await;
                (at, work.await)
            });
        }
        let mut answers = Vec::with_capacity(tasks.len());
        while let Some(answer) = tasks.join_next().await {
            answers.push(answer);
        }
        answers
    })?;
    let answers: Result<Vec<_>, _> = answers.into_iter().collect();
    let mut answers =
        answers.map_err(|error| Failure::Internal(format!("a host cannot be asked: {error}")))?;
    answers.sort_by_key(|(at, _)| *at);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let most = NonZeroUsize::new(2).unwrap();
        let answers = ask((0..9).collect(), most, |n: u32| async move { n * n }).unwrap();
        assert_eq!(answers, [0, 1, 4, 9, 16, 25, 36, 49, 64]);
    }
}
