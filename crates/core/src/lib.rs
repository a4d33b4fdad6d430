//! The walk without the world. Correlate, decide, diff, plan, approve and the journal's chain, as total functions
//! over values: no clock, no network, no disk, no chance.
//! Read top to bottom: the words, what the walk starts from, its verbs in their order, what it ends in.

pub mod name;
pub mod place;
pub mod account;
pub mod identity;
pub mod abilities;
pub mod facts;
pub mod census;
pub mod shape;
pub mod drift;
pub mod contract;
pub mod change;
pub mod byhand;
pub mod look;
pub mod access;
pub mod expression;
pub mod policy;
pub mod hex;
mod digest;
pub mod text;
pub mod finding;
pub mod correlate;
pub mod decide;
pub mod diff;
pub mod plan;
pub mod guards;
pub mod approve;
pub mod wake;
pub mod reconcile;
pub mod parts;
pub mod revert;
pub mod stop;
pub mod circuit;
pub mod scope;
pub mod role;
pub mod apply;
pub mod journal;
pub mod why;
pub mod trace;

pub use diff::Asked;
pub use reconcile::{Reconciled, reconcile};

#[cfg(test)]
pub(crate) mod world;
