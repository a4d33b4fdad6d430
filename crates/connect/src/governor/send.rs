//! Sends a request in its turn and repeats it where that cannot do harm.
//! Connectors call it for everything they ask; the governor learns from each answer on the way.
//! It never repeats a write that may have been done: that is told to the caller, who looks before trying again.

use super::permit::{Governor, NotAdmitted};
use crate::transport::{Request, Response, TransportError, Wire};
use async_recursion::async_recursion as boxed;
use http::{Method, StatusCode};
use std::time::{Duration, Instant};

/// Whether a request may be repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Idempotency {
    /// Doing it twice is the same as doing it once: reads, and writes that say the whole outcome.
    Safe,
    /// Doing it twice would be wrong: it is repeated only where it was certainly not done.
    OnlyIfNotSent,
}

/// How a request is repeated.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RetryPolicy {
    /// Whether it may be.
    pub idempotency: Idempotency,
    /// How often it is tried, refusals for the rate not counted.
    pub attempts_max: u32,
    /// How often it is tried where the server takes it and says nothing in time: each costs the whole wait.
    pub stalls_max: u32,
    /// How often a refusal for the rate is waited out.
    pub refusals_max: u32,
    /// How long it may take in all before no further attempt is begun.
    pub total_max: Duration,
    /// The wait after the first failure; it doubles with each.
    pub backoff: Duration,
    /// The longest wait after a failure.
    pub backoff_max: Duration,
}

impl RetryPolicy {
    /// Returns the policy of requests that may be repeated.
    pub fn safe() -> Self {
        Self {
            idempotency: Idempotency::Safe,
            attempts_max: 6,
            stalls_max: 2,
            refusals_max: 20,
            total_max: Duration::from_secs(1800),
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(20),
        }
    }

    /// Returns the policy of requests that are repeated only where they were certainly not done.
    pub fn only_if_not_sent() -> Self {
        Self { idempotency: Idempotency::OnlyIfNotSent, ..Self::safe() }
    }
}

/// Why there is no answer that settles the matter.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The exchange failed, and trying again is not allowed or did not help.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server failed.
    #[error("{target}: the server failed with {}", response.status.as_u16())]
    ServerFailed {
        /// What was asked.
        target: crate::transport::Target,
        /// The last answer.
        response: Box<Response>,
        /// Whether it may have done what was asked before it failed.
        may_have_happened: bool,
    },
    /// The server refused for the rate, again and again.
    #[error("{target}: refused for the rate {refusals} times")]
    Throttled {
        /// What was asked.
        target: crate::transport::Target,
        /// The last answer.
        response: Box<Response>,
        /// How often.
        refusals: u32,
    },
    /// The request got no turn in time.
    #[error("{target}: {reason}")]
    NotAdmitted {
        /// What was asked.
        target: crate::transport::Target,
        /// Why.
        reason: NotAdmitted,
    },
}

impl SendError {
    /// Tells whether the server may have done what was asked.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Transport(error) => error.may_have_happened(),
            Self::ServerFailed { may_have_happened, .. } => *may_have_happened,
            Self::Throttled { .. } | Self::NotAdmitted { .. } => false,
        }
    }

    /// Returns the last answer, where there was one.
    pub fn response(&self) -> Option<&Response> {
        match self {
            Self::ServerFailed { response, .. } | Self::Throttled { response, .. } => Some(response),
            Self::Transport(_) | Self::NotAdmitted { .. } => None,
        }
    }
}

/// Sends `request` in its turn and returns the answer that settles the matter: any but a refusal for the rate
/// and a failure of the server.
///
/// # Errors
/// No such answer came within the bounds of `retry`. Each error tells whether the server may have done what was
/// asked.
pub async fn send_governed<W: Wire + ?Sized>(
    wire: &W,
    governor: &Governor,
    request: &Request,
    retry: &RetryPolicy,
) -> Result<Response, SendError> {
    let mut course = Course::new(governor, retry);
    loop {
        let permit = course.admit(request).await?;
        let sent = wire.send(request).await;
        crate::transport::tell(request, sent.as_ref().ok());
        let failed = match sent {
            Ok(response) => {
                let throttled = request.is_throttled(&response);
                let status = if throttled { StatusCode::TOO_MANY_REQUESTS } else { response.status };
                let wait = governor.observe(permit, status, &response.headers, response.answered_at);
                if let Err(error) = governor.keep().await {
                    tracing::warn!("{error}");
                }
                match settle(request, response, retry, (wait, throttled)) {
                    Ok(response) => return Ok(response),
                    Err(failed) => failed,
                }
            }
            Err(error) => {
                // A timeout or a cut counts as received; what certainly was not sent does not.
                if error.may_have_happened() {
                    drop(permit)
                } else {
                    governor.unsent(permit)
                }
                Failed {
                    again: error.wait_may_help() && repeatable(&error, retry),
                    wait: None,
                    error: Box::new(error.into()),
                }
            }
        };
        course.wait_or_give_up(failed, request).await?;
    }
}

fn repeatable(error: &TransportError, retry: &RetryPolicy) -> bool {
    retry.idempotency == Idempotency::Safe || !error.may_have_happened()
}

struct Failed {
    error: Box<SendError>,
    again: bool,
    wait: Option<Duration>,
}

/// Sorts an answer: it settles the matter, or it is a failure.
fn settle(
    request: &Request,
    response: Response,
    retry: &RetryPolicy,
    (blocked, throttled): (Option<Duration>, bool),
) -> Result<Response, Failed> {
    let status = response.status;
    let target = request.target();
    if throttled {
        let error = Box::new(SendError::Throttled { target, response: Box::new(response), refusals: 0 });
        return Err(Failed { error, again: true, wait: blocked });
    }
    let definite = matches!(status.as_u16(), 501 | 505);
    if !status.is_server_error() || definite {
        return Ok(response);
    }
    let error = Box::new(SendError::ServerFailed { target, response: Box::new(response), may_have_happened: true });
    Err(Failed { error, again: retry.idempotency == Idempotency::Safe, wait: blocked })
}

/// How far one request has come.
struct Course<'a> {
    governor: &'a Governor,
    retry: &'a RetryPolicy,
    began: Instant,
    /// When it was sent the last time.
    sent_at: Option<Instant>,
    /// Why nobody knows whether an earlier attempt was done.
    doubt: Option<Box<SendError>>,
    attempts: u32,
    stalls: u32,
    refusals: u32,
}

impl<'a> Course<'a> {
    fn new(governor: &'a Governor, retry: &'a RetryPolicy) -> Self {
        Self {
            governor,
            retry,
            began: governor.clock().now(),
            sent_at: None,
            doubt: None,
            attempts: 0,
            stalls: 0,
            refusals: 0,
        }
    }

    fn left(&self) -> Duration {
        self.retry.total_max.saturating_sub(self.governor.clock().now().saturating_duration_since(self.began))
    }

    #[boxed]
    async fn admit(&mut self, request: &Request) -> Result<super::permit::Permit, SendError> {
        let left = self.left();
        let turn = Box::pin(self.governor.admit(request.priority, request.cost, request.label_or_path()));
        let reason = match futures::future::select(turn, self.governor.clock().sleep(left)).await {
            futures::future::Either::Left((Ok(permit), _)) => {
                self.sent_at = Some(self.governor.clock().now());
                return Ok(permit);
            }
            futures::future::Either::Left((Err(reason), _)) => reason,
            futures::future::Either::Right(_) => NotAdmitted::WaitedTooLong(self.retry.total_max),
        };
        Err(self.given_up(request, SendError::NotAdmitted { target: request.target(), reason }))
    }

    /// Returns the error of a request that is not tried again: of a write that may have been done by an earlier attempt,
    /// that it may.
    fn given_up(&mut self, request: &Request, error: SendError) -> SendError {
        match self.doubt.take() {
            Some(doubt) if request.method != Method::GET && !error.may_have_happened() => *doubt,
            _ => error,
        }
    }

    /// Waits before the next attempt, or returns the error where there is none.
    async fn wait_or_give_up(&mut self, failed: Failed, request: &Request) -> Result<(), SendError> {
        let Failed { error, again, wait } = failed;
        if let Some(parked) = wait.filter(|_| again).and_then(|wait| self.governor.parks(wait, request)) {
            let reason = NotAdmitted::Parked(parked);
            return Err(self.given_up(request, SendError::NotAdmitted { target: request.target(), reason }));
        }
        if let SendError::Throttled { target, response, .. } = *error {
            self.refusals += 1;
            let in_time = wait.unwrap_or_default() < self.left();
            if self.refusals <= self.retry.refusals_max && in_time {
                // The governor lets nothing go before the wait is over.
                return Ok(());
            }
            let refusals = self.refusals;
            return Err(self.given_up(request, SendError::Throttled { target, response, refusals }));
        }
        self.attempts += 1;
        if matches!(*error, SendError::Transport(TransportError::Stalled { .. })) {
            self.stalls += 1;
            let stalls_max = self.retry.stalls_max;
            self.sent_at.iter().for_each(|sent_at| self.governor.stalled(*sent_at, request.priority, stalls_max));
        }
        let backoff = self.governor.jitter().backoff(self.attempts, self.retry.backoff, self.retry.backoff_max);
        let spent = self.attempts >= self.retry.attempts_max || self.stalls >= self.retry.stalls_max;
        let pause = wait.map_or(backoff, |wait| wait.max(backoff));
        if !again || spent || pause >= self.left() {
            return Err(self.given_up(request, *error));
        }
        if error.may_have_happened() {
            self.doubt = Some(error);
        }
        self.governor.clock().sleep(pause).await;
        Ok(())
    }
}
