//! `apply`: does the permitted steps of a plan, each once, and reports each. Steps of one account keep their order,
//! several accounts go side by side within each connection's budget, open work of an earlier run goes first.
//! It chooses nothing: what may run was decided by plan and approvals; what it finds changed it leaves alone.

mod context;
mod seats;
mod lanes;
mod places;
mod run;
mod abandoned;
mod begin;
mod step;
mod settle;
mod still;
mod under_way;
mod word;

pub use run::{ApplyReport, apply};
pub(crate) use run::{Today, apply_today, waits_for};

use context::Context;
use tenure_connect::Priority;
use tenure_core::change::Step;

/// Returns how urgent the requests of a step are: whoever left goes first.
fn urgency(step: &Step) -> Priority {
    if step.effect.is_removal() { Priority::Leaver } else { Priority::Write }
}

/// Whether a step starts for the first time, or was started before and its outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// Never started.
    Fresh,
    /// Tried before, since this moment (milliseconds since 1970, UTC), and nobody knows what became of it.
    Doubtful(i64),
}
