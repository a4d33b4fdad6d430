//! Steps that are under way side by side, each a task of the runtime, so that they go on whatever the run does meanwhile:
//! on other threads while it writes to the store, and where one of them holds what the run waits for.
//! It knows nothing of steps: work goes in, what it came to comes out. Dropped, it lets none go on past its next
//! wait: what was sent to an app by then may happen, and is looked for as after a kill.

use std::collections::HashMap;
use std::future::Future;
use std::panic::resume_unwind;
use std::time::Duration;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument;

/// Work under way, what each is about, and what ended and was not returned yet.
pub(super) struct UnderWay<A, T> {
    running: JoinSet<T>,
    about: HashMap<Id, A>,
    ended: Vec<(A, T)>,
}

impl<A, T: Send + 'static> Default for UnderWay<A, T> {
    fn default() -> Self {
        Self { running: JoinSet::new(), about: HashMap::new(), ended: Vec::new() }
    }
}

impl<A, T: Send + 'static> UnderWay<A, T> {
    /// Begins some work.
    pub fn push(&mut self, about: A, work: impl Future<Output = T> + Send + 'static) {
        let id = self.running.spawn(work.in_current_span()).id();
        self.about.insert(id, about);
    }

    /// Tells whether none is left, and none has ended that was not returned yet.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty() && self.ended.is_empty()
    }

    /// Waits for the next that ends and returns it with all that end soon after, until half have ended or `patience` is
    /// over; none when none is left. Dropped while it waits, it loses none.
    pub async fn next(&mut self, patience: Duration) -> Vec<(A, T)> {
        if self.ended.is_empty() {
            self.wait().await;
        }
        let _ = tokio::time::timeout(patience, self.gather()).await;
        while let Some(joined) = self.running.try_join_next_with_id() {
            self.take(joined);
        }
        std::mem::take(&mut self.ended)
    }

    /// Waits until at least as many have ended as are left.
    async fn gather(&mut self) {
        while self.ended.len() < self.running.len() {
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        if let Some(joined) = self.running.join_next_with_id().await {
            self.take(joined);
        }
    }

    /// Keeps what came of some work. A panic goes on in whoever began it.
    fn take(&mut self, joined: Result<(Id, T), JoinError>) {
        let (id, output) = match joined {
            Ok((id, output)) => (id, Some(output)),
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(stopped) => (stopped.id(), None), // the runtime ends
        };
        let about = self.about.remove(&id);
        self.ended.extend(about.zip(output));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn work_that_waits_for_what_is_under_way_gets_it() {
        let only = Arc::new(Semaphore::new(1));
        let mut under_way = UnderWay::default();
        let held = only.clone();
        under_way.push("one", async move {
            let held = held.acquire().await;
            tokio::task::yield_now().await;
            drop(held);
            7
        });
        tokio::task::yield_now().await;
        only.acquire().await.unwrap().forget();
        assert_eq!(under_way.next(Duration::ZERO).await, [("one", 7)]);
        assert!(under_way.is_empty() && under_way.next(Duration::ZERO).await.is_empty());
    }

    #[tokio::test]
    async fn what_is_under_way_ends_with_whoever_began_it() {
        let held = Arc::new(());
        let mut under_way = UnderWay::<_, ()>::default();
        let kept = held.clone();
        under_way.push((), async move {
            let _kept = kept;
            std::future::pending().await
        });
        tokio::task::yield_now().await;
        drop(under_way);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test]
    #[should_panic = "a step went wrong"]
    async fn a_panic_is_not_lost() {
        let mut under_way = UnderWay::<_, ()>::default();
        under_way.push((), async { panic!("a step went wrong") });
        under_way.next(Duration::ZERO).await;
    }
}
