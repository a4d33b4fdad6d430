//! The wish that this process comes to its end: what is under way is finished, nothing else is begun.
//! A daemon passes it on when it is told to stop; verbs look at it where they would begin something.
//! It ends nothing itself.

use async_recursion::async_recursion as boxed;
use tokio::sync::watch;

/// The wish that this process comes to its end. Clones share it.
#[derive(Clone, Debug)]
pub struct Drain(watch::Sender<bool>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Drain {
    /// Wishes it.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Tells whether it is wished.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is wished.
    #[boxed]
    pub async fn begun(&self) {
        let mut wished = self.0.subscribe();
        // The sender is here, so that the wait ends with the wish only.
        let _ = wished.wait_for(|wished| *wished).await;
    }
}
