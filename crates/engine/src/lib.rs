//! Joins the rooms: decides when, retries, reads the clock, and runs the walk against the world.
//! Read top to bottom: what a verb stands on, then the verbs in the order of the walk, then what people see of them.

pub mod clock;
pub mod chance;
pub mod config;
pub mod drain;
pub mod secrets;
pub mod seal;
mod access;
mod scim;
pub mod house;
pub mod dialect;
mod budget;
mod own;
mod unproven;
pub mod drift;
mod ignored;
mod begun;
mod seats;
pub mod progress;
mod foresight;
mod alone;
pub mod check;
mod invited;
mod touched;
pub mod pull;
pub mod reconcile;
pub mod plan;
pub mod decide;
pub mod stop;
pub mod token;
pub mod apply;
pub mod work;
pub mod client;
pub mod revert;
pub mod anchor;
pub mod audit;
pub mod trace;
pub mod backup;
pub mod doctor;
pub mod metrics;
pub mod view;
pub mod answer;
pub mod act;
pub mod fault;
mod error;

pub use error::{Blame, EngineError, blame_of_store};
