//! `stop` and `resume`: halts all writes of some connections, or of all, whatever the number of processes, and lets them
//! go on. A step that is under way ends; none begins. It is kept in the store, which looks as each step begins.
//! Whoever stops may be in a hurry: neither the policy nor any connection's settings must be right for it.

use crate::clock::Clock;
use crate::config::Config;
use crate::decide::By;
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;
use tenure_core::circuit::Circuit;
use tenure_core::journal::Draft;
use tenure_core::name::ConnectionName;
use tenure_core::stop::Stop;
use tenure_store::Store;

/// What is needed to stop: the configuration's names, the store and the time.
#[derive(Debug)]
pub struct Brake {
    /// What `tenure.toml` says.
    pub config: Config,
    /// Where stops are kept.
    pub store: Store,
    /// The time.
    pub clock: Clock,
}

impl Brake {
    /// Opens the store that the file at `path` names, and nothing else.
    ///
    /// # Errors
    /// The file is wrong, or the store cannot be opened.
    #[boxed]
    pub async fn open(path: &Path, clock: Clock) -> Result<Self, EngineError> {
        let config = Config::read(path)?;
        let store = Store::open(&config.store_url()).await?;
        Ok(Self { config, store, clock })
    }

    /// Returns the brake of a house that is open.
    pub fn of(house: &House) -> Self {
        Self { config: house.config.clone(), store: house.store.clone(), clock: house.clock.clone() }
    }
}

/// What came of letting writes go on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {
    /// The stops that are over.
    pub resumed: Vec<Stop>,
    /// The stops that still stand.
    pub stopped: Vec<Stop>,
    /// The connections whose failures are forgotten, so that steps are tried there again.
    pub tried_again: Vec<ConnectionName>,
}

/// Stops writes to the connections named, or to all by one stop where none is, and returns all stops there are.
///
/// # Errors
/// A connection of that name does not exist, or the store failed.
#[tracing::instrument(name = "stop", skip_all, fields(by = %by.who))]
#[boxed]
pub async fn stop(brake: &Brake, names: &[String], by: &By) -> Result<Vec<Stop>, EngineError> {
    let at = brake.clock.now_text();
    let said = |connection| Stop { connection, by: by.who.clone(), at: at.clone(), note: by.note.clone() };
    let stops: Vec<Stop> = places(brake, names)?.into_iter().map(said).collect();
    let drafts = stops.iter().map(|stop| draft(stop, &by.who, &at, "stopped")).collect();
    brake.store.stop(&stops, drafts).await?;
    stops_of(&brake.store).await
}

/// Takes back the stops of the connections named, or the one of all where none is. Each stop is taken back by itself.
/// Failures there that keep steps from being tried are forgotten.
///
/// # Errors
/// A connection of that name does not exist, or the store failed.
#[tracing::instrument(name = "resume", skip_all, fields(by = %by.who))]
#[boxed]
pub async fn resume(brake: &Brake, names: &[String], by: &By) -> Result<Resumed, EngineError> {
    let at = brake.clock.now_text();
    let places = places(brake, names)?;
    let resumed = brake.store.resume(&places, |stop| draft(stop, &by.who, &at, "resumed")).await?;
    let broken = brake.store.circuits().await?;
    let asked = |name: &ConnectionName| names.is_empty() || places.contains(&Some(name.clone()));
    let broken: Vec<ConnectionName> = broken.into_keys().filter(asked).collect();
    let closes = |name: &ConnectionName, circuit: &Circuit| Draft {
        body: serde_json::json!({ "connection": name, "circuit": circuit }),
        ..entry(&by.who, &at, "circuit_closed")
    };
    let closed = brake.store.reset_circuits(&broken, closes).await?;
    let was_open = closed.into_iter().filter(|(_, circuit)| circuit.open_ms.is_some());
    let tried_again = was_open.map(|(name, _)| name).collect();
    Ok(Resumed { resumed, stopped: stops_of(&brake.store).await?, tried_again })
}

/// Returns all stops there are, the one of everywhere first.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn stops_of(store: &Store) -> Result<Vec<Stop>, EngineError> {
    Ok(store.stops().await?)
}

fn places(brake: &Brake, names: &[String]) -> Result<Vec<Option<ConnectionName>>, EngineError> {
    if names.is_empty() {
        return Ok(vec![None]);
    }
    Ok(brake.config.asked(names)?.into_iter().map(Some).collect())
}

fn draft(stop: &Stop, who: &str, at: &str, event: &str) -> Draft {
    let told = serde_json::json!({ "by": stop.by, "at": stop.at, "note": stop.note });
    Draft { body: serde_json::json!({ "connection": stop.connection, "stop": told }), ..entry(who, at, event) }
}

fn entry(who: &str, at: &str, event: &str) -> Draft {
    let (at, actor, event) = (at.to_owned(), who.to_owned(), event.to_owned());
    Draft { at, actor, event, run: None, step: None, body: serde_json::Value::Null }
}
