//! Hints that something changed at an app: they wake a pull, and are never believed. However many come, a connection is
//! read no more often than once a minute by them.

use crate::error::EngineError;
use crate::house::House;
use crate::work::job;
use async_recursion::async_recursion as boxed;
use tenure_core::name::ConnectionName;

/// Hints that come within this time are one.
const GATHERED_MS: i64 = 2_000;
/// So long after a read no hint wakes the next one.
const APART_MS: i64 = 60 * 1000;

/// Takes a hint about a connection; returns when it will be read (milliseconds since 1970, UTC).
///
/// # Errors
/// There is no such connection, or the store failed.
#[boxed]
pub async fn hint(house: &House, name: &str) -> Result<i64, EngineError> {
    house.connection(name)?;
    let name = ConnectionName::new(name);
    if house.is_pushed(&name) {
        return Ok(house.clock.now_ms()); // it is pushed to, and there is nothing to read
    }
    let last = house.store.pulls(&name, 1).await?.pop().and_then(|pull| pull.finished_ms);
    let now_ms = house.clock.now_ms();
    let at_ms = (now_ms + GATHERED_MS).max(last.map_or(0, |last_ms| last_ms + APART_MS).min(now_ms + APART_MS));
    house.store.enqueue(&[job::pull(&name, at_ms)]).await?;
    Ok(at_ms)
}
