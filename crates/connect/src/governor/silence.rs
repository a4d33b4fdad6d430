//! A server that takes requests and says nothing. Each request to it costs the whole wait, and those behind it theirs:
//! once one has been waited for in vain as often as is allowed, and nothing was heard meanwhile, the others are told at
//! once, and after a pause one tries again.
//! `send` says what stalled, `permit` asks before it gives a turn.

use std::time::{Duration, Instant};

/// How long nobody else tries.
const PAUSE: Duration = Duration::from_secs(30);

/// What is known of a server's silence.
#[derive(Debug, Default)]
pub(super) struct Silence {
    heard_at: Option<Instant>,
    since: Option<Instant>,
    until: Option<Instant>,
}

impl Silence {
    /// Takes in an answer, whatever it says.
    pub fn heard(&mut self, now: Instant) {
        *self = Self { heard_at: Some(now), ..Self::default() };
    }

    /// Takes in that a request was given up that was first sent at `sent_at`; tells whether the server is silent by now.
    pub fn gave_up(&mut self, sent_at: Instant, now: Instant) -> bool {
        if self.heard_at.is_some_and(|heard_at| heard_at >= sent_at) {
            return false;
        }
        self.since.get_or_insert(sent_at);
        self.until = Some(now + PAUSE);
        true
    }

    /// Returns for how long nothing was heard, while nobody else is to try.
    pub fn lasts(&self, now: Instant) -> Option<Duration> {
        self.until.filter(|until| now < *until)?;
        Some(now.saturating_duration_since(self.since?))
    }

    /// Tells whether nothing was heard since the server fell silent: who tries tries once.
    pub fn is_unbroken(&self) -> bool {
        self.since.is_some()
    }
}
