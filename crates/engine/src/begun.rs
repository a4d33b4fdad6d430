//! Conversions that were begun and were not seen done: what they would have set besides, which no rule and no source would
//! wish of a standing account. Noted before the first call and forgotten when it is so; a plan made meanwhile wishes it
//! still.

use crate::error::EngineError;
use crate::house::House;
use std::collections::BTreeMap;
use tenure_core::abilities::Effect;
use tenure_core::account::Fields;
use tenure_core::change::{Outcome, Step, StepResult};
use tenure_core::name::{ConnectionName, IdentityId};

const NOTE: &str = "begun_conversions";
/// People of one connection that are remembered.
const PEOPLE_MAX: usize = 1000;

type Begun = BTreeMap<IdentityId, Fields>;

/// Notes what a conversion is about to set.
pub(crate) async fn begin(house: &House, step: &Step) -> Result<(), EngineError> {
    let (Effect::Convert, Some(identity)) = (step.effect, &step.identity) else { return Ok(()) };
    let plain = step.changes.iter().filter(|change| change.entitlement.is_none() && change.refers_to.is_none());
    let fields: Fields = plain.map(|change| (change.field.clone(), change.after.clone())).collect();
    let mut begun = noted(house, &step.connection).await?;
    if begun.len() < PEOPLE_MAX {
        begun.insert(identity.clone(), fields);
        note(house, &step.connection, &begun).await?;
    }
    Ok(())
}

/// Forgets a conversion that is done, and one whose rest another step did.
pub(crate) async fn end(house: &House, step: &Step, result: &StepResult) -> Result<(), EngineError> {
    let makes_good = matches!(step.effect, Effect::Convert | Effect::Update);
    let is_done = matches!(result.outcome, Outcome::Done | Outcome::AlreadyTrue);
    let Some(identity) = step.identity.as_ref().filter(|_| makes_good && is_done) else { return Ok(()) };
    let mut begun = noted(house, &step.connection).await?;
    match begun.remove(identity) {
        Some(_) => note(house, &step.connection, &begun).await,
        None => Ok(()),
    }
}

/// Returns every conversion that was begun and not seen done.
pub(crate) async fn all(house: &House) -> Result<BTreeMap<(ConnectionName, IdentityId), Fields>, EngineError> {
    let notes = house.store.notes_named(NOTE).await?.into_iter();
    let read = notes.flat_map(|(name, text)| {
        let begun: Begun = serde_json::from_str(&text).unwrap_or_default();
        begun.into_iter().map(move |(identity, fields)| ((name.clone(), identity), fields))
    });
    Ok(read.collect())
}

async fn noted(house: &House, name: &ConnectionName) -> Result<Begun, EngineError> {
    let text = house.store.note(name, NOTE).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

async fn note(house: &House, name: &ConnectionName, begun: &Begun) -> Result<(), EngineError> {
    let text = serde_json::to_string(begun).unwrap_or_default();
    Ok(house.store.set_note(name, NOTE, (!begun.is_empty()).then_some(text.as_str())).await?)
}
