//! Who may speak SCIM for a connection: the bearer of a token with its scope, and not too many requests of one token at
//! once. Everybody else is told why not, as a SCIM error.
//! What a token permits is the door's of the whole server to ask; here the answer becomes SCIM's.

use super::Gate;
use crate::door::admit;
use axum::http::HeaderMap;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tenure_core::abilities::{Abilities, Standing};
use tenure_core::name::ConnectionName;
use tenure_core::scope::Scope;
use tenure_engine::clock::Clock;
use tenure_engine::config::ScimLimits;
use tenure_engine::token::Bearer;
use tenure_scim::ScimError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// After so many seconds a client is told to ask again that has too many requests at once.
const AGAIN_S: u64 = 5;
const SECOND_US: i64 = 1_000_000;
/// So many tokens are remembered at most.
const TOKENS_MAX: usize = 10_000;

/// The turns of each token.
pub(super) struct Doors {
    limits: ScimLimits,
    tokens: Mutex<HashMap<String, Arc<Turns>>>,
}

/// The turns of one token.
struct Turns {
    at_once: Arc<Semaphore>,
    /// When the request is due that comes next, if they come one after the other at the rate that is permitted
    /// (microseconds since 1970, UTC).
    due_us: Mutex<i64>,
}

/// Why there is no turn, and after how many seconds there may be one.
pub(super) struct Busy {
    /// As it is told.
    pub error: ScimError,
    /// When to ask again.
    pub retry_s: u64,
}

impl Doors {
    /// Returns doors behind which nobody is.
    pub fn new(limits: ScimLimits) -> Self {
        Self { limits, tokens: Mutex::default() }
    }

    fn turns(&self, token: &str, now_us: i64) -> Arc<Turns> {
        let mut all = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let at_once = self.limits.at_once as usize;
        if all.len() >= TOKENS_MAX {
            all.retain(|_, turns| turns.at_once.available_permits() < at_once || turns.due_us() > now_us);
        }
        let new = || Arc::new(Turns { at_once: Arc::new(Semaphore::new(at_once)), due_us: Mutex::new(now_us) });
        all.entry(token.to_owned()).or_insert_with(new).clone()
    }

    /// Waits for a turn of a token: that fewer of its requests are answered, and that it asked less in this second.
    async fn turn(&self, token: &str, clock: &Clock) -> Result<OwnedSemaphorePermit, Busy> {
        let now_us = clock.now_ms().saturating_mul(1000);
        let turns = self.turns(token, now_us);
        let waits_max = Duration::from_secs(self.limits.wait_s.into());
        let wait = turns.take(now_us, self.limits.per_second, waits_max).map_err(|wait| {
            let because = format!("more than {} requests a second of this token", self.limits.per_second);
            Busy { error: ScimError::new(429, because), retry_s: wait.as_secs().saturating_add(1) }
        })?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        match tokio::time::timeout(waits_max.saturating_sub(wait), turns.at_once.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => {
                let because = format!("more than {} requests of this token at once", self.limits.at_once);
                Err(Busy { error: ScimError::new(429, because), retry_s: AGAIN_S })
            }
        }
    }
}

impl Turns {
    fn due_us(&self) -> i64 {
        *self.due_us.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next place in the row of requests, and returns how long it is until its turn; without a place, how long
    /// it would be.
    fn take(&self, now_us: i64, per_second: u32, waits_max: Duration) -> Result<Duration, Duration> {
        let mut due_us = self.due_us.lock().unwrap_or_else(PoisonError::into_inner);
        let step_us = SECOND_US / i64::from(per_second.max(1));
        let mine_us = (*due_us).max(now_us);
        let wait_us = mine_us + step_us - now_us - SECOND_US.max(step_us);
        let wait = Duration::from_micros(u64::try_from(wait_us).unwrap_or(0));
        if wait > waits_max {
            return Err(wait);
        }
        *due_us = mine_us + step_us;
        Ok(wait)
    }
}

impl Busy {
    /// Says no for a reason that no time mends; where it is the store that cannot be asked, it says when to ask again.
    fn never(error: ScimError) -> Self {
        Self { error, retry_s: AGAIN_S }
    }
}

/// A client that was let in, for as long as its request takes.
pub(super) struct Knock {
    /// Whose request it is.
    pub bearer: Bearer,
    /// The connection that it is about.
    pub connection: ConnectionName,
    /// What that can do.
    pub abilities: Arc<Abilities>,
    /// Whether people are pushed through it, and no wishes.
    pub is_source: bool,
    _turn: OwnedSemaphorePermit,
}

impl Knock {
    /// Lets a client in.
    ///
    /// # Errors
    /// 401, 403: not with this token. 404: there is no such connection. 429: too many requests.
    pub async fn admit(gate: &Gate, connection: &str, headers: &HeaderMap) -> Result<Self, Busy> {
        let connection = ConnectionName::new(connection);
        let scope = Scope::Scim(connection.clone());
        let bearer = admit(&gate.house, headers, &scope).await.map_err(|problem| {
            let (status, detail) = problem.into_parts();
            Busy::never(ScimError::new(status.as_u16(), detail))
        })?;
        let known = gate.house.connection(connection.as_str()).ok();
        let abilities = known.map(|known| known.abilities()).ok_or_else(|| {
            let because = format!("no connection is named {connection} any more; the token is of an earlier file");
            Busy::never(ScimError::new(404, because))
        })?;
        let is_source = gate.house.is_pushed(&connection);
        if abilities.standing != Standing::Target && !is_source {
            let because = format!("{connection} is a source that is read by tenure; nothing is pushed to it");
            return Err(Busy::never(ScimError::new(404, because)));
        }
        let turn = gate.doors.turn(&bearer.token, &gate.house.clock).await?;
        Ok(Self { bearer, connection, abilities, is_source, _turn: turn })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn turns() -> Turns {
        Turns { at_once: Arc::new(Semaphore::new(1)), due_us: Mutex::new(0) }
    }

    #[test]
    fn a_second_of_requests_comes_at_once_and_the_next_ones_wait_their_part_of_it() {
        let (turns, now_us) = (turns(), 7_000_000);
        let waits: Vec<_> = (0..6).map(|_| turns.take(now_us, 4, SECOND).unwrap().as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 250, 500]);
        assert_eq!(turns.take(now_us + 10 * SECOND_US, 4, SECOND), Ok(Duration::ZERO));
    }

    #[test]
    fn who_would_wait_too_long_is_told_how_long_and_takes_no_place() {
        let (turns, now_us) = (turns(), 7_000_000);
        let all: Vec<_> = (0..20).map(|_| turns.take(now_us, 2, SECOND)).collect();
        assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 4);
        assert_eq!(all[19], Err(Duration::from_millis(1500)));
        assert_eq!(turns.take(now_us + SECOND_US, 2, SECOND), Ok(Duration::from_millis(500)));
    }
}
