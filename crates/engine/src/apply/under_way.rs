//! Steps that are under way side by side, driven on while the run writes to the store.
//! A step that asks the store holds one of its few connections; were it left alone while the run waits for another,
//! both would wait for each other. It knows nothing of steps: futures go in, what they came to comes out.

use futures::StreamExt;
use futures::future::FutureExt;
use futures::stream::FuturesUnordered;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Futures under way, and what ended while something else was waited for.
pub(super) struct UnderWay<F: Future> {
    running: FuturesUnordered<F>,
    ended: VecDeque<F::Output>,
}

impl<F: Future> Default for UnderWay<F> {
    fn default() -> Self {
        Self { running: FuturesUnordered::new(), ended: VecDeque::new() }
    }
}

impl<F: Future> UnderWay<F> {
    /// Adds a future.
    pub fn push(&mut self, future: F) {
        self.running.push(future);
    }

    /// Tells whether none is left, and none has ended that was not returned yet.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty() && self.ended.is_empty()
    }

    /// Waits for the next that ends and returns it with all that end soon after, until half have ended or `patience` is
    /// over; none when none is left. Dropped while it waits, it loses none.
    pub async fn next(&mut self, patience: Duration) -> Vec<F::Output> {
        if self.ended.is_empty() {
            self.ended.extend(self.running.next().await);
        }
        let _ = tokio::time::timeout(patience, self.gather()).await;
        while let Some(Some(output)) = self.running.next().now_or_never() {
            self.ended.push_back(output);
        }
        self.ended.drain(..).collect()
    }

    /// Waits until at least as many have ended as are left.
    async fn gather(&mut self) {
        while self.ended.len() < self.running.len() {
            self.ended.extend(self.running.next().await);
        }
    }

    /// Waits for `work` and drives the others on meanwhile.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(output);
            }
            while let Poll::Ready(Some(output)) = self.running.poll_next_unpin(context) {
                self.ended.push_back(output);
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn work_that_waits_for_what_a_future_holds_gets_it() {
        let only = Semaphore::new(1);
        let mut under_way = UnderWay::default();
        under_way.push(async {
            let held = only.acquire().await;
            tokio::task::yield_now().await;
            drop(held);
            7
        });
        under_way.meanwhile(tokio::task::yield_now()).await;
        under_way.meanwhile(only.acquire()).await.unwrap().forget();
        assert_eq!(under_way.next(Duration::ZERO).await, [7]);
        assert!(under_way.is_empty() && under_way.next(Duration::ZERO).await.is_empty());
    }
}
