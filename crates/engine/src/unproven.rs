//! Effects that a vendor's record does not promise: tried once, and what a tenant refused is remembered as a note of the
//! connection. From then on the plan knows that it cannot be done there and takes the next rung.
//! A check that finds another dialect, or the operator's `tenure pull --full`, lets it be tried again.

use crate::error::EngineError;
use crate::house::House;
use std::collections::BTreeMap;
use tenure_core::abilities::{Abilities, Effect};
use tenure_core::account::Kind;
use tenure_core::change::Step;
use tenure_core::name::ConnectionName;
use tenure_store::Store;

const NOTE: &str = "refused_effects";

/// What a tenant refused: kind and effect → in its words.
pub(crate) type Refused = BTreeMap<Kind, BTreeMap<Effect, String>>;

/// Returns what a tenant refused.
pub(crate) async fn refused(store: &Store, name: &ConnectionName) -> Result<Refused, EngineError> {
    let text = store.note(name, NOTE).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Remembers that a tenant refused the effect of a step.
pub(crate) async fn refuse(house: &House, step: &Step, because: &str) -> Result<(), EngineError> {
    let mut refused = refused(&house.store, &step.connection).await?;
    refused.entry(step.kind).or_default().insert(step.effect, because.to_owned());
    let text = serde_json::to_string(&refused).unwrap_or_default();
    Ok(house.store.set_note(&step.connection, NOTE, Some(&text)).await?)
}

/// Forgets what a tenant refused, so that it may be tried again.
pub(crate) async fn forget(store: &Store, name: &ConnectionName) -> Result<(), EngineError> {
    Ok(store.set_note(name, NOTE, None).await?)
}

/// Takes what was refused out of what can be done.
pub(crate) fn without(mut abilities: Abilities, refused: &Refused) -> Abilities {
    for (kind, effects) in refused {
        let Some(ability) = abilities.kinds.get_mut(kind) else { continue };
        for (effect, because) in effects {
            if ability.effects.get(effect).is_some_and(|known| known.unproven) {
                ability.effects.remove(effect);
                ability.cannot.insert(*effect, format!("this tenant refused it ({because})"));
            }
        }
    }
    abilities
}
