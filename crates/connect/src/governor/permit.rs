//! Asking for a turn, waiting for it, and giving account of it.
//! Workers hold a `Governor` each, all of one; a permit counts until its answer is told, or until it is dropped.
//! It does not know what the request is, apart from its urgency, cost and label.

use super::backoff::Jitter;
use super::learn::{Told, read, server_wall};
use super::limits::{Learn, Limits};
use super::park::Parked;
use super::queue::{Rank, Sort, Waiter};
use super::retry_after::{RetryAfter, read_retry_after};
use super::rival::Rival;
use super::state::{Later, Place, State};
use crate::transport::{Clock, Priority};
use async_recursion::async_recursion as boxed;
use http::{HeaderMap, StatusCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The longest sleep before a waiter looks again by itself.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How many governors this process has made.
static GOVERNORS: AtomicU64 = AtomicU64::new(0);

/// The rate budget of one tenant. Clones share it.
#[derive(Clone, Debug)]
pub struct Governor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    jitter: Jitter,
    keeping: tokio::sync::Mutex<()>,
    /// By what the ledger knows this governor among those of all processes.
    holder: String,
}

/// A turn to send one request. Dropped without an account it counts as sent and answered.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    place: Option<Place>,
}

/// Why a request got no turn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// The turn lies further ahead than a worker sits out.
    #[error("{0}")]
    Parked(Parked),
    /// It could not be written down that the request would be sent.
    #[error("not sent, what is spent could not be noted: {0}")]
    NotKept(String),
    /// Too many wait already.
    #[error("{0} requests wait for this connection already")]
    QueueFull(usize),
    /// The server takes requests and says nothing: it was waited for in vain a moment ago.
    #[error("not sent: nothing was heard from the app for {} s, so it is left alone for a moment", .0.as_secs())]
    Silent(Duration),
    /// The turn did not come in time.
    #[error("the rate limit left no turn within {} s", .0.as_secs())]
    WaitedTooLong(Duration),
}

/// What a governor has seen.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Statistics {
    /// Requests that were answered, or may have been.
    pub requests: u64,
    /// Answers that were refusals for the rate.
    pub throttled: u64,
    /// What all requests together waited for their turn.
    pub waited: Duration,
    /// Requests that wait now.
    pub waiting: usize,
    /// Requests a second that are permitted in the long run, as learned so far; `None` where nothing limits.
    pub per_second: Option<f64>,
    /// Whoever else was seen to use the budget.
    pub rival: Option<Rival>,
}

impl Governor {
    /// Returns a governor that has seen nothing yet. `seed` is where its chance comes from.
    pub fn new(limits: Limits, clock: Arc<dyn Clock>, seed: u64) -> Self {
        let state = Mutex::new(State::new(limits, clock.now()));
        let number = GOVERNORS.fetch_add(1, Ordering::Relaxed);
        let holder = format!("{seed:x}.{:x}.{number:x}", std::process::id());
        Self(Arc::new(Shared {
            state,
            clock,
            jitter: Jitter::new(seed),
            keeping: tokio::sync::Mutex::default(),
            holder,
        }))
    }

    /// Waits for a turn: leavers before writes before reads, then in the order of asking.
    ///
    /// # Errors
    /// Too many wait already, the turn does not come in time, it lies further ahead than a worker sits out, or the server
    /// has been silent just now.
    #[boxed]
    pub async fn admit(&self, priority: Priority, cost: u32, label: &str) -> Result<Permit, NotAdmitted> {
        let shared = &self.0;
        let came = shared.clock.now();
        let wake = Arc::new(Notify::new());
        let (rank, wait_max, sort) = {
            let mut state = shared.lock();
            if state.queue.len() >= state.limits.queue_max {
                return Err(NotAdmitted::QueueFull(state.queue.len()));
            }
            let sort = Sort { subs: state.subs_of(label), cost: u64::from(cost.max(1)) };
            let waiter = Waiter { sort: sort.clone(), wake: wake.clone() };
            (state.queue.enter(priority, waiter), state.limits.wait_max, sort)
        };
        let waiting = Waiting { shared, rank };
        self.listen(&sort).await;
        loop {
            // A wake-up that comes between the look and the wait is kept by `Notify`.
            let now = shared.clock.now();
            let turn = {
                let mut state = shared.lock();
                match state.silence.lasts(priority, now) {
                    Some(since) => return Err(NotAdmitted::Silent(since)),
                    None => state.turn(&waiting.rank, now),
                }
            };
            let wait = match turn {
                Ok(place) => {
                    shared.lock().waited += now.saturating_duration_since(came);
                    return Ok(Permit { shared: shared.clone(), place: Some(place) });
                }
                Err(Later::Ask) => {
                    self.ask(&waiting.rank, &sort).await?;
                    continue;
                }
                Err(Later::At(moment)) => {
                    let (now, now_ms) = self.moments();
                    if let Some(parked) = shared.lock().park(&sort, moment, now, now_ms) {
                        return Err(NotAdmitted::Parked(parked));
                    }
                    moment.saturating_duration_since(now)
                }
                Err(Later::AfterOther) => LOOK_AGAIN,
            };
            let left = wait_max.saturating_sub(now.saturating_duration_since(came));
            if left.is_zero() {
                return Err(NotAdmitted::WaitedTooLong(wait_max));
            }
            let sleep = shared.clock.sleep(wait.min(LOOK_AGAIN).min(left).max(Duration::from_millis(1)));
            futures::future::select(Box::pin(wake.notified()), sleep).await;
        }
    }

    /// Takes in an answer whose head came at `answered_at`. Returns how long nothing goes now, if it was a refusal.
    pub fn observe(
        &self,
        mut permit: Permit,
        status: StatusCode,
        headers: &HeaderMap,
        answered_at: Instant,
    ) -> Option<Duration> {
        let place = permit.place.take()?;
        let now = self.0.clock.now();
        let wall = server_wall(headers, self.0.clock.wall());
        let retry_after = read_retry_after(headers.get("retry-after").and_then(|value| value.to_str().ok()), wall);
        let mut state = self.0.lock();
        state.silence.heard(now);
        let believed = state.limits.learn != Learn::Nothing;
        let told = if believed { read(headers, wall) } else { Told::default() };
        state.answered(&place, answered_at, now, told.cost.unwrap_or(0).min(1000));
        if believed {
            state.learn(&place, &told, now);
        }
        let wait = match (status, retry_after) {
            (StatusCode::TOO_MANY_REQUESTS, _) => {
                state.throttled += 1;
                Some(state.refused(&place, retry_after, &told, now, &self.0.jitter))
            }
            (StatusCode::SERVICE_UNAVAILABLE, RetryAfter::Wait(wait)) => Some(state.busy(wait, now)),
            _ => {
                state.accepted(&place, now);
                None
            }
        };
        state.wake(now);
        wait
    }

    /// Gives back the turn of a request that cannot have reached the server.
    pub fn unsent(&self, mut permit: Permit) {
        if let Some(place) = permit.place.take() {
            let now = self.0.clock.now();
            let mut state = self.0.lock();
            state.unsent(&place);
            state.wake(now);
        }
    }

    /// Takes in that nothing came to a request of this priority that was sent at `sent_at`: once the server passes for
    /// silent, those who wait and do not go before it are told.
    pub(super) fn stalled(&self, sent_at: Instant, of: Priority, stalls_max: u32) {
        let now = self.0.clock.now();
        let mut state = self.0.lock();
        if state.silence.stalled(sent_at, of, now, stalls_max) {
            state.queue.wake_all();
        }
    }

    /// Returns what was seen so far.
    pub fn statistics(&self) -> Statistics {
        let state = self.0.lock();
        Statistics {
            requests: state.answers,
            throttled: state.throttled,
            waited: state.waited,
            waiting: state.queue.len(),
            per_second: state.per_second(),
            rival: state.rival.map(|(rival, _)| rival),
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(super) fn holder(&self) -> &str {
        &self.0.holder
    }

    pub(super) fn keeping(&self) -> &tokio::sync::Mutex<()> {
        &self.0.keeping
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    pub(super) fn jitter(&self) -> &Jitter {
        &self.0.jitter
    }
}

impl Shared {
    /// A worker that panicked while it counted has left at most one request uncounted; the others go on.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue that is left when the waiting ends, whichever way.
struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    rank: Rank,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        if state.queue.leave(&self.rank).is_some() {
            state.wake(now);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            let now = self.shared.clock.now();
            let mut state = self.shared.lock();
            state.answered(&place, now, now, 0);
            state.wake(now);
        }
    }
}
