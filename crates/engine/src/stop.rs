//! `stop` and `resume`: halts all writes of some connections, or of all, whatever the number of processes, and lets them
//! go on. A step that is under way ends; none begins. It is kept in the store, which looks as each step begins.

use crate::decide::By;
use crate::error::EngineError;
use crate::house::House;
use serde::Serialize;
use tenure_core::journal::Draft;
use tenure_core::name::ConnectionName;
use tenure_core::stop::Stop;

/// What came of letting writes go on.
#[derive(Debug, Clone, Serialize)]
pub struct Resumed {
    /// The stops that are over.
    pub resumed: Vec<Stop>,
    /// The stops that still stand.
    pub stopped: Vec<Stop>,
}

/// Stops writes to the connections named, or to all by one stop where none is, and returns all stops there are.
///
/// # Errors
/// A connection of that name does not exist, or the store failed.
#[tracing::instrument(name = "stop", skip_all, fields(by = %by.who))]
pub async fn stop(house: &House, names: &[String], by: &By) -> Result<Vec<Stop>, EngineError> {
    let at = house.clock.now_text();
    let said = |connection| Stop { connection, by: by.who.clone(), at: at.clone(), note: by.note.clone() };
    let stops: Vec<Stop> = places(house, names)?.into_iter().map(said).collect();
    let drafts = stops.iter().map(|stop| draft(stop, &by.who, &at, "stopped")).collect();
    house.store.stop(&stops, drafts).await?;
    stops_of(house).await
}

/// Takes back the stops of the connections named, or the one of all where none is. Each stop is taken back by itself.
///
/// # Errors
/// A connection of that name does not exist, or the store failed.
#[tracing::instrument(name = "resume", skip_all, fields(by = %by.who))]
pub async fn resume(house: &House, names: &[String], by: &By) -> Result<Resumed, EngineError> {
    let at = house.clock.now_text();
    let places = places(house, names)?;
    let resumed = house.store.resume(&places, |stop| draft(stop, &by.who, &at, "resumed")).await?;
    Ok(Resumed { resumed, stopped: stops_of(house).await? })
}

/// Returns all stops there are, the one of everywhere first.
///
/// # Errors
/// The store failed.
pub async fn stops_of(house: &House) -> Result<Vec<Stop>, EngineError> {
    Ok(house.store.stops().await?)
}

fn places(house: &House, names: &[String]) -> Result<Vec<Option<ConnectionName>>, EngineError> {
    if names.is_empty() {
        return Ok(vec![None]);
    }
    Ok(house.asked(names)?.into_iter().map(Some).collect())
}

fn draft(stop: &Stop, who: &str, at: &str, event: &str) -> Draft {
    Draft {
        at: at.to_owned(),
        actor: who.to_owned(),
        event: event.to_owned(),
        run: None,
        step: None,
        body: serde_json::json!({ "connection": stop.connection, "stop": { "by": stop.by, "at": stop.at, "note": stop.note } }),
    }
}
