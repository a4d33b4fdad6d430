//! The rate budget of one tenant: who may send when, learned from what is published and from every answer.
//! All workers of a connection share one governor; they ask it before a request and tell it the answer.
//! It sends nothing itself (`send_governed` joins it with a transport) and keeps nothing beyond the
//! process by itself: what must outlive it goes to the keeper that is handed in.

mod backoff;
mod budget;
mod grant;
mod hand;
mod keep;
mod learn;
mod ledger;
mod limits;
mod park;
mod permit;
mod queue;
mod retry_after;
mod rival;
mod send;
mod silence;
mod state;
#[cfg(test)]
mod long_tests;
#[cfg(test)]
mod shared_tests;
#[cfg(test)]
mod tests;

pub use crate::transport::{Clock, SystemClock};
pub(crate) use keep::words;
pub use ledger::{Answer, Ask, Keeper, Ledger, Quiet};
pub(crate) use limits::longest;
pub use limits::{CONCURRENT_USUAL, Covers, Learn, Limits, SubLimit, Window, WindowKind};
pub use park::{Parked, SAT_OUT_MAX};
pub use permit::{Governor, NotAdmitted, Permit, Statistics};
pub use retry_after::{RetryAfter, read_retry_after};
pub use rival::Rival;
pub use send::{Idempotency, RetryPolicy, SendError, send_governed};
