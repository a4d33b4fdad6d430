//! What people ask a daemon for: that a connection is read now. It is a job like any other, so that whichever process is
//! there does it, once, however many ask.

use super::job::{self, Kind};
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use tenure_core::name::ConnectionName;
use tenure_store::{JobState, NewJob};

/// Asks that these connections are read now.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn ask_pull(house: &House, names: &[ConnectionName]) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let jobs: Vec<NewJob> = names.iter().map(|name| job::pull(name, now_ms)).collect();
    Ok(house.store.enqueue(&jobs).await?)
}

/// Tells whether a connection is being read, or is to be read at once.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn is_asked(house: &House, name: &ConnectionName) -> Result<bool, EngineError> {
    let job = house.store.job(Kind::Pull.as_str(), name.as_str()).await?;
    let now_ms = house.clock.now_ms();
    Ok(job.is_some_and(|job| job.state == JobState::Open && (job.holder.is_some() || job.run_at_ms <= now_ms)))
}
