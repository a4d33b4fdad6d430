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

/// Forgets conversions that are done, and those whose rest another step did.
pub(crate) async fn end(house: &House, ended: &[(&Step, &StepResult)]) -> Result<(), EngineError> {
    let mut done: BTreeMap<&ConnectionName, Vec<&IdentityId>> = BTreeMap::new();
    for (step, result) in ended {
        let makes_good = matches!(step.effect, Effect::Convert | Effect::Update);
        let is_done = matches!(result.outcome, Outcome::Done | Outcome::AlreadyTrue);
        if let Some(identity) = step.identity.as_ref().filter(|_| makes_good && is_done) {
            done.entry(&step.connection).or_default().push(identity);
        }
    }
    for (connection, identities) in done {
        let begun: Begun = house.store.noted(connection, NOTE).await?.unwrap_or_default();
        if identities.iter().any(|identity| begun.contains_key(*identity)) {
            let forget = |begun: &mut Begun| begun.retain(|identity, _| !identities.contains(&identity));
            change(house, connection, forget).await?;
        }
    }
    Ok(())
}

/// Returns every conversion that was begun and not seen done.
pub(crate) async fn all(house: &House) -> Result<BTreeMap<(ConnectionName, IdentityId), Fields>, EngineError> {
    let notes: BTreeMap<ConnectionName, Begun> = house.store.noted_everywhere(NOTE).await?;
    let all = notes
        .into_iter()
        .flat_map(|(name, begun)| begun.into_iter().map(move |(identity, fields)| ((name.clone(), identity), fields)));
    Ok(all.collect())
}

/// Changes what is noted in one transaction: other steps of the connection begin and end at the same time.
async fn change(
    house: &House,
    name: &ConnectionName,
    change: impl FnOnce(&mut Begun) + Send,
) -> Result<(), EngineError> {
    Ok(house.store.change_note(name, NOTE, change).await?)
}
