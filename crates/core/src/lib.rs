//! The walk without the world. Correlate, decide, diff, plan, approve and the journal's chain, as total functions
//! over values: no clock, no network, no disk, no chance.
//! Read top to bottom: the words, what the walk starts from, its verbs in their order, what it ends in.

pub mod name;
pub mod place;
pub mod account;
pub mod identity;
pub mod abilities;
pub mod facts;
pub mod change;
pub mod look;
pub mod expression;
pub mod policy;
