//! A process that is killed: its future is dropped at a point at which it waits, with everything it held in memory.
//! What it had committed stays, what it had sent is on its way. It knows nothing of what is killed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs a future until it ends, or until it was polled so often: then nothing comes of it.
pub struct Killed<F> {
    inner: Option<Pin<Box<F>>>,
    polls_left: Option<u32>,
}

impl<F: Future> Killed<F> {
    /// `polls` tells when the end comes; never where there is none.
    pub fn after(polls: Option<u32>, inner: F) -> Self {
        Self { inner: Some(Box::pin(inner)), polls_left: polls }
    }
}

impl<F: Future> Future for Killed<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(left) = &mut self.polls_left {
            if *left == 0 {
                self.inner = None;
                return Poll::Ready(None);
            }
            *left -= 1;
        }
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        inner.as_mut().poll(context).map(Some)
    }
}
