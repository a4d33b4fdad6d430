//! Work that outlives a process: jobs in the store, a schedule that asks for reads, and the worker that claims and runs
//! what is due. A worker has no state of its own: whatever it was at, another goes on with.
//! The jobs run the verbs of the walk and decide nothing.

pub(crate) mod job;
mod perform;
pub(crate) mod failed;
pub(crate) mod schedule;
mod worker;
mod ask;

pub use ask::{ask_pull, is_asked};
pub use schedule::{Schedule, span};
pub use worker::{check_clock, work};
