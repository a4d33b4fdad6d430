//! Hints that something changed at an app: they wake a read, and are never believed. A message that names accounts where
//! the app's manifest says has just those looked up; any other has the connection read. However many come, an account is
//! looked up, and a connection read, no more often than once a minute by them.

use crate::alone::alone;
use crate::error::EngineError;
use crate::house::{House, Reader};
use crate::work::job;
use async_recursion::async_recursion as boxed;
use serde_json::Value;
use std::collections::BTreeSet;
use tenure_connect::Look;
use tenure_core::account::{AccountKey, Kind};
use tenure_core::name::{ConnectionName, NativeId};
use tenure_store::{JobEnd, JobState, NewJob};

/// Hints that come within this time are one.
const GATHERED_MS: i64 = 2_000;
/// So long after a read no hint wakes the next one.
const APART_MS: i64 = 60 * 1000;
/// Accounts of a connection that wait to be looked up; beyond that its lists are read, which costs less.
const LOOKS_MAX: usize = 50;
/// Open jobs that are looked through for that.
const JOBS_MAX: usize = 1000;

/// What a hint leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hinted {
    /// When it is looked at (milliseconds since 1970, UTC).
    pub at_ms: i64,
    /// How many accounts are looked up by their ids; none where the connection is read.
    pub accounts: usize,
}

/// Takes a hint about a connection; `message` is what came with it, where that could be read at all.
///
/// # Errors
/// There is no such connection, or the store failed.
#[boxed]
pub async fn hint(house: &House, name: &str, message: &Value) -> Result<Hinted, EngineError> {
    let manifest = house.connection(name)?.settings().manifest;
    let named = manifest.webhooks.as_ref().map(|webhooks| webhooks.named(message)).unwrap_or_default();
    let name = ConnectionName::new(name);
    let now_ms = house.clock.now_ms();
    if house.is_pushed(&name) {
        return Ok(Hinted { at_ms: now_ms, accounts: 0 }); // it is pushed to, and there is nothing to read
    }
    let keys: BTreeSet<AccountKey> = named.into_iter().map(|(kind, id)| AccountKey::new(&name, kind, id)).collect();
    if !keys.is_empty()
        && let Some(jobs) = looks(house, &name, &keys).await?
    {
        house.store.enqueue(&jobs).await?;
        let at_ms = jobs.iter().map(|job| job.run_at_ms).max().unwrap_or(now_ms);
        return Ok(Hinted { at_ms, accounts: jobs.len() });
    }
    Ok(Hinted { at_ms: wake_pull(house, &name).await?, accounts: 0 })
}

/// Has a connection read, as soon as a hint may.
async fn wake_pull(house: &House, name: &ConnectionName) -> Result<i64, EngineError> {
    let last = house.store.pulls(name, 1).await?.pop().and_then(|pull| pull.finished_ms);
    let at_ms = apart(last, house.clock.now_ms());
    house.store.enqueue(&[job::pull(name, at_ms)]).await?;
    Ok(at_ms)
}

/// Says when something is looked at that was looked at then.
fn apart(last_ms: Option<i64>, now_ms: i64) -> i64 {
    (now_ms + GATHERED_MS).max(last_ms.map_or(0, |last_ms| last_ms + APART_MS).min(now_ms + APART_MS))
}

/// Returns the jobs that look accounts up; nothing where that would be too many, or the lists were never read.
async fn looks(
    house: &House,
    name: &ConnectionName,
    keys: &BTreeSet<AccountKey>,
) -> Result<Option<Vec<NewJob>>, EngineError> {
    if house.store.last_complete_pull(name).await?.is_none() {
        return Ok(None);
    }
    let open = house.store.jobs(JOBS_MAX).await?;
    let waiting = open.iter().filter(|open| open.kind == job::Kind::Look.as_str() && open.state == JobState::Open);
    let here = waiting.filter(|open| open.key.split('/').next() == Some(name.as_str())).count();
    if open.len() >= JOBS_MAX || here + keys.len() > LOOKS_MAX {
        return Ok(None);
    }
    let mut jobs = Vec::with_capacity(keys.len());
    for key in keys {
        let last = house.store.job(job::Kind::Look.as_str(), &key.to_string()).await?.and_then(|job| job.ended_ms);
        jobs.push(job::look(key, apart(last, house.clock.now_ms())));
    }
    Ok(Some(jobs))
}

/// Looks one account up, alone in its connection. What is found is kept; whoever is not found is left to the lists, which
/// alone prove that somebody is gone.
///
/// # Errors
/// The store failed, or the connection is being read.
#[tracing::instrument(name = "look", skip_all, fields(account = %key))]
#[boxed]
pub(crate) async fn look(house: &House, key: &str) -> Result<JobEnd, EngineError> {
    let Some(key) = read_key(key).filter(|key| house.connection(key.connection.as_str()).is_ok()) else {
        return Ok(JobEnd::Done); // the file knows it no more
    };
    let name = &key.connection;
    house.catch_up(name).await?;
    let Reader::App(connector) = house.reader(name).await? else { return Ok(JobEnd::Done) };
    let looked = |_| async {
        match connector.read(&key).await {
            Look::Found(account) => {
                let now_ms = house.clock.now_ms();
                // Asked for first: if what follows is lost, judging once too often does no harm.
                house.store.enqueue(&[job::reconcile(now_ms + GATHERED_MS)]).await?;
                house.store.record_accounts(name, std::slice::from_ref(&*account), now_ms).await?;
                Ok(())
            }
            Look::Absent => wake_pull(house, name).await.map(drop),
            Look::CouldNotLook(error) => {
                tracing::info!("{key} could not be looked up, so its connection is read: {error}");
                wake_pull(house, name).await.map(drop)
            }
        }
    };
    alone(house, &format!("pull:{name}"), "a look", looked).await?;
    Ok(JobEnd::Done)
}

fn read_key(text: &str) -> Option<AccountKey> {
    let mut parts = text.splitn(3, '/');
    let (name, kind, id) = (parts.next()?, parts.next()?, parts.next()?);
    let kind: Kind = kind.parse().ok()?;
    Some(AccountKey::new(&ConnectionName::new(name), kind, NativeId::from(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_names_the_account_that_it_looks_up() {
        let key = AccountKey::new(&ConnectionName::new("okta"), Kind::Person, NativeId::from("a/b c"));
        assert_eq!(read_key(&key.to_string()), Some(key));
        assert_eq!(read_key("okta/nobody/1"), None);
    }
}
