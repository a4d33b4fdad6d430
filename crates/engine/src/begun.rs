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
    change(house, &step.connection, |begun| {
        if begun.len() < PEOPLE_MAX {
            begun.insert(identity.clone(), fields);
        }
    })
    .await
}

/// Forgets a conversion that is done, and one whose rest another step did.
pub(crate) async fn end(house: &House, step: &Step, result: &StepResult) -> Result<(), EngineError> {
    let makes_good = matches!(step.effect, Effect::Convert | Effect::Update);
    let is_done = matches!(result.outcome, Outcome::Done | Outcome::AlreadyTrue);
    let Some(identity) = step.identity.as_ref().filter(|_| makes_good && is_done) else { return Ok(()) };
    let text = house.store.note(&step.connection, NOTE).await?;
    if !text.as_deref().map(read).unwrap_or_default().contains_key(identity) {
        return Ok(());
    }
    change(house, &step.connection, |begun| {
        begun.remove(identity);
    })
    .await
}

/// Returns every conversion that was begun and not seen done.
pub(crate) async fn all(house: &House) -> Result<BTreeMap<(ConnectionName, IdentityId), Fields>, EngineError> {
    let notes = house.store.notes_named(NOTE).await?.into_iter();
    let all = notes.flat_map(|(name, text)| {
        read(&text).into_iter().map(move |(identity, fields)| ((name.clone(), identity), fields))
    });
    Ok(all.collect())
}

fn read(text: &str) -> Begun {
    serde_json::from_str(text).unwrap_or_default()
}

/// Changes what is noted in one transaction: other steps of the connection begin and end at the same time.
async fn change(
    house: &House,
    name: &ConnectionName,
    change: impl FnOnce(&mut Begun) + Send,
) -> Result<(), EngineError> {
    let changed = |text: Option<&str>| {
        let mut begun = text.map(read).unwrap_or_default();
        change(&mut begun);
        serde_json::to_string(&begun).unwrap_or_default()
    };
    Ok(house.store.change_note(name, NOTE, changed).await?)
}
