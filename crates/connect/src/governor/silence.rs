//! A server that takes requests and says nothing. Each request to it costs the whole wait, and those behind it theirs: once
//! requests were waited for in vain as often as one is tried, one after the other and nothing heard meanwhile, the others
//! are told at once, and after a pause one tries again. Whoever goes before those that waited in vain tries at once: the
//! silence of a list is not that of the whole server, and somebody's last day does not wait for it.
//! `send` says what stalled, `permit` asks before it gives a turn.

use crate::transport::Priority;
use std::time::{Duration, Instant};

/// How long nobody else tries.
const PAUSE: Duration = Duration::from_secs(30);

/// What is known of a server's silence.
#[derive(Debug, Default)]
pub(super) struct Silence {
    heard_at: Option<Instant>,
    /// When the first request was sent to which nothing came.
    since: Option<Instant>,
    /// How often it was waited in vain, and when the last wait ended; waits side by side are one.
    stalls: (u32, Option<Instant>),
    until: Option<Instant>,
    /// Who went first of those that waited in vain.
    of: Priority,
}

impl Silence {
    /// Takes in an answer, whatever it says.
    pub fn heard(&mut self, now: Instant) {
        *self = Self { heard_at: Some(now), ..Self::default() };
    }

    /// Takes in that nothing came to a request of this priority that was sent at `sent_at`; tells whether the server is
    /// silent by now, which it is after `stalls_max` of them.
    pub fn stalled(&mut self, sent_at: Instant, of: Priority, now: Instant, stalls_max: u32) -> bool {
        if self.heard_at.is_some_and(|heard_at| heard_at >= sent_at) {
            return false;
        }
        self.since.get_or_insert(sent_at);
        self.of = self.of.max(of);
        let (stalls, ended_at) = &mut self.stalls;
        if ended_at.is_none_or(|ended_at| sent_at >= ended_at) {
            *stalls += 1;
            *ended_at = Some(now);
        }
        if *stalls < stalls_max {
            return false;
        }
        self.until = Some(now + PAUSE);
        true
    }

    /// Returns for how long nothing was heard, while nobody of this priority is to try.
    pub fn lasts(&self, of: Priority, now: Instant) -> Option<Duration> {
        self.until.filter(|until| now < *until && of <= self.of)?;
        Some(now.saturating_duration_since(self.since?))
    }
}
