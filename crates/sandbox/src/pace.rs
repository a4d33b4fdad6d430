//! The vendors' rate limits: fixed windows that begin with the first request served in them. The server asks it before
//! each call and puts what it says into the headers. Nothing here waits; a request is let through or refused.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::Instant;

use crate::exchange::Reply;
use crate::refusal::refuse;
use crate::{Limits, Vendor};

/// What Gladly does not publish: a guess.
const GLADLY_PER_SECOND: u32 = 10;
/// What Gainsight does not publish: a guess.
const GAINSIGHT_PER_SECOND: u32 = 20;

/// One vendor's window.
pub(crate) struct Pace {
    vendor: Vendor,
    rule: Option<(u32, Duration)>,
    window: Option<(Instant, u32)>,
}

/// Headers for the answer, and the seconds to wait if the request is refused.
pub(crate) struct Verdict {
    pub refused: bool,
    pub retry_after: Option<u64>,
    limit: u32,
    remaining: u32,
    reset: u64,
    vendor: Vendor,
    told: bool,
}

impl Pace {
    pub fn new(vendor: Vendor, limits: Limits) -> Self {
        Pace { vendor, rule: rule(vendor, limits), window: None }
    }

    /// Counts a request, or refuses it.
    pub fn take(&mut self, now: Instant) -> Verdict {
        let vendor = self.vendor;
        let Some((limit, span)) = self.rule else {
            return Verdict {
                refused: false,
                retry_after: None,
                limit: 0,
                remaining: 0,
                reset: 0,
                vendor,
                told: false,
            };
        };
        let (start, used) = match self.window {
            Some((start, used)) if now < start + span => (start, used),
            _ => (now, 0),
        };
        let refused = used >= limit;
        let used = if refused { used } else { used + 1 };
        self.window = Some((start, used));
        let left = (start + span).saturating_duration_since(now);
        let reset = left.as_millis().div_ceil(1000).max(1) as u64;
        let says_when = matches!(vendor, Vendor::Gorgias | Vendor::Gladly | Vendor::Freshservice);
        let retry_after = (refused && says_when).then_some(reset);
        Verdict { refused, retry_after, limit, remaining: limit - used, reset, vendor, told: true }
    }
}

impl Verdict {
    /// Adds the headers that the vendor sends with every answer.
    pub fn sign(&self, reply: Reply) -> Reply {
        if !self.told {
            return reply;
        }
        let (limit, remaining) = (self.limit.to_string(), self.remaining.to_string());
        match self.vendor {
            Vendor::Gorgias => reply
                .header("x-ratelimit-limit", &limit)
                .header("x-ratelimit-remaining", &remaining)
                .header("x-ratelimit-reset", &self.reset.to_string()),
            Vendor::Freshdesk | Vendor::Freshservice => reply
                .header("x-ratelimit-total", &limit)
                .header("x-ratelimit-remaining", &remaining)
                .header("x-ratelimit-used-currentrequest", "1"),
            Vendor::Gladly | Vendor::Gainsight => reply,
        }
    }

    /// Returns the refusal itself, signed.
    pub fn refusal(&self) -> Reply {
        self.sign(too_many(self.vendor, self.retry_after.map(|seconds| seconds.to_string()).as_deref()))
    }
}

/// Returns a 429 in the vendor's words.
pub(crate) fn too_many(vendor: Vendor, retry_after: Option<&str>) -> Reply {
    let message = "You have exceeded the limit of requests.";
    let reply = refuse(vendor, StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message);
    match retry_after {
        Some(text) => reply.header("retry-after", text),
        None => reply,
    }
}

fn rule(vendor: Vendor, limits: Limits) -> Option<(u32, Duration)> {
    let Limits::Published(plans) = limits else { return None };
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    Some(match vendor {
        Vendor::Gorgias => (plans.gorgias.published().1, second),
        Vendor::Gladly => (GLADLY_PER_SECOND, second),
        Vendor::Freshdesk => (plans.freshdesk.published().1, minute),
        Vendor::Freshservice => (plans.freshservice.published().1, minute),
        Vendor::Gainsight => (GAINSIGHT_PER_SECOND, second),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_the_first_request_in_it() {
        let mut pace = Pace::new(Vendor::Gorgias, Limits::published());
        let start = Instant::now();
        assert!((0..10).all(|_| !pace.take(start).refused));
        let refused = pace.take(start + Duration::from_millis(999));
        assert_eq!((refused.refused, refused.retry_after), (true, Some(1)));
        let late = start + Duration::from_millis(2500);
        assert!((0..10).all(|_| !pace.take(late + Duration::from_millis(900)).refused));
        assert!(pace.take(late + Duration::from_millis(1800)).refused);
    }

    #[test]
    fn freshdesk_does_not_say_when_to_come_back() {
        let mut pace = Pace::new(Vendor::Freshdesk, Limits::published());
        let start = Instant::now();
        assert!((0..700).all(|_| !pace.take(start).refused));
        let reply = pace.take(start).refusal();
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
        let names: Vec<&str> = reply.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x-ratelimit-total", "x-ratelimit-remaining", "x-ratelimit-used-currentrequest"]);
    }
}
