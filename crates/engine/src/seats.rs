//! Seats that an app refused: remembered as a note of the connection, told as a finding until one is free again.
//! `apply` notes a refusal and a success; reconcile asks what stands. How many seats were bought, if anybody says, is
//! the guard's to judge.

use crate::error::EngineError;
use crate::house::House;
use serde::{Deserialize, Serialize};
use tenure_core::change::{Finding, FindingKind, Severity};
use tenure_core::facts::Facts;
use tenure_core::finding::About;
use tenure_core::name::ConnectionName;

const NOTE: &str = "seat_refused";

#[derive(Debug, Serialize, Deserialize)]
struct Refused {
    because: String,
    taken: u64,
}

/// Notes that an app had no seat left.
pub(crate) async fn refuse(house: &House, name: &ConnectionName, because: &str) -> Result<(), EngineError> {
    let abilities = house.connection(name.as_str())?.abilities();
    let takes_seat = |kind| abilities.kinds.get(&kind).is_some_and(|kind| kind.takes_seat);
    let taken = house.store.overviews().await?.remove(name).map_or(0, |known| known.totals.seats(takes_seat));
    let text = serde_json::to_string(&Refused { because: because.to_owned(), taken }).unwrap_or_default();
    Ok(house.store.set_note(name, NOTE, Some(&text)).await?)
}

/// Notes that a seat was there.
pub(crate) async fn found(house: &House, name: &ConnectionName) -> Result<(), EngineError> {
    Ok(house.store.set_note(name, NOTE, None).await?)
}

/// Finds connections that refused a seat and have none more free since, as far as anybody can see.
pub(crate) async fn findings(house: &House, facts: &Facts) -> Result<Vec<Finding>, EngineError> {
    let notes = house.store.notes_named(NOTE).await?;
    let mut findings = Vec::new();
    for (name, connection) in &facts.connections {
        let Some(text) = notes.get(name) else { continue };
        let Ok(refused) = serde_json::from_str::<Refused>(text) else { continue };
        if connection.seats_taken < refused.taken {
            continue;
        }
        let about = About::new(FindingKind::SeatLimit, Severity::Medium).connection(name).topic("refused");
        let text = format!(
            "{name} has no seat left: {}; {} are taken, invitations that wait among them",
            refused.because, connection.seats_taken
        );
        findings.push(about.finding(text, [("taken".to_owned(), connection.seats_taken.into())].into()));
    }
    Ok(findings)
}
