//! The rate limit of the bench's server: a fixed window that begins with the first request served in it.
//! The server asks it before each answer. It waits for nobody; a request is let through or refused.

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// How many.
    pub count: u64,
    /// In how much time.
    pub per_ms: u64,
    /// Whether answers tell the limit and refusals say when to come back.
    pub told: Told,
}

/// Whether answers tell of the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Told {
    /// In the vendor's headers, with `Retry-After` on refusals.
    InHeaders,
    /// Not at all.
    Nowhere,
}

/// A limit being counted.
pub struct Window {
    limit: Limit,
    open: Option<(Instant, u64)>,
}

/// What the window says of one request.
pub struct Turn {
    /// Not let through.
    pub refused: bool,
    /// Whether the answer may say so.
    pub told: bool,
    /// Requests permitted in a window.
    pub limit: u64,
    /// Requests left in this one.
    pub remaining: u64,
    /// Seconds until the next one, rounded up.
    pub reset_seconds: u64,
}

impl Window {
    /// Returns a window that begins with the next request.
    pub fn new(limit: Limit) -> Self {
        Self { limit, open: None }
    }

    /// Counts a request, or refuses it.
    pub fn take(&mut self, now: Instant) -> Turn {
        let per = Duration::from_millis(self.limit.per_ms);
        let (start, taken) = match self.open {
            Some((start, taken)) if now.duration_since(start) < per => (start, taken),
            _ => (now, 0),
        };
        let refused = taken >= self.limit.count;
        let taken = if refused { taken } else { taken + 1 };
        self.open = Some((start, taken));
        let left = (start + per).saturating_duration_since(now);
        Turn {
            refused,
            told: self.limit.told == Told::InHeaders,
            limit: self.limit.count,
            remaining: self.limit.count - taken,
            reset_seconds: u64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(1).max(1),
        }
    }
}
