//! The clock that transport and governor read, so that tests can run on a time of their own.
//! The real one is handed in at the edge; nothing else in these folders asks for the time.
//! It does not know time zones or dates: wall time is for headers that tell moments.

use futures::future::BoxFuture;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// Tells the time and waits.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns a moment that never goes back.
    fn now(&self) -> Instant;
    /// Returns the moment by the calendar.
    fn wall(&self) -> SystemTime;
    /// Waits.
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()>;
}

/// The time of the runtime: real, or paused in a test.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}
