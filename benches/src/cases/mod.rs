//! The cases, one file each: what is measured, how often, and by which bound it is judged.

pub mod applying;
pub mod errors;
pub mod joining;
pub mod judging;
pub mod latency;
pub mod limits;
pub mod million;
pub mod past;
pub mod pages;
pub mod program;
pub mod pulls;
pub mod scim;

use crate::children::{Server, measure};
use crate::job::{Job, Outcome, Pull};

/// What `tenure.toml` says where no limit is wanted.
pub const NO_LIMIT: &str = "{ per_second = 100000 }";

/// Reads a server's list by the bare loop.
pub fn reference(server: &Server, flights: usize) -> anyhow::Result<Outcome> {
    let shape = server.setup.shape;
    measure(&Job::Reference(Pull { url: server.url(), shape, flights, limits: String::new(), shared: None }))
}

/// Reads a server's list by the product.
pub fn ours(server: &Server, limits: &str) -> anyhow::Result<Outcome> {
    let shape = server.setup.shape;
    measure(&Job::Ours(Pull { url: server.url(), shape, flights: 0, limits: limits.into(), shared: None }))
}

/// Returns the middle one of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Tells in words how a pull that should have read everything fell short, if it did.
pub fn shortfall(outcome: &Outcome, records: u64) -> Option<String> {
    let because = outcome.because.as_deref().unwrap_or("no reason");
    match outcome {
        outcome if !outcome.complete => Some(format!("partial: {because}")),
        outcome if outcome.accounts != records || outcome.distinct != records => {
            Some(format!("{} accounts, {} different, of {records}", outcome.accounts, outcome.distinct))
        }
        _ => None,
    }
}
