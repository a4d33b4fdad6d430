//! What became of ends of sessions: when somebody's were last ended in an identity provider, or tried to be. Noted when
//! such a step ends, so that a departure has one end and a failed one is planned again. The journal holds the steps; this
//! is what planning asks of them.

use crate::error::EngineError;
use crate::house::House;
use std::collections::BTreeMap;
use tenure_core::abilities::Effect;
use tenure_core::change::{Outcome, Step, StepResult};
use tenure_core::facts::SessionsTried;
use tenure_core::name::{ConnectionName, IdentityId};

const NOTE: &str = "sessions_tried";
/// People of one identity provider that are remembered; who was tried longest ago is forgotten first.
const PEOPLE_MAX: usize = 1_000;

type Tried = BTreeMap<IdentityId, SessionsTried>;

/// Notes what became of steps that end sessions.
pub(crate) async fn end(house: &House, ended: &[(&Step, &StepResult)]) -> Result<(), EngineError> {
    let at_ms = house.clock.now_ms();
    let mut news: BTreeMap<&ConnectionName, Tried> = BTreeMap::new();
    for (step, result) in ended.iter().filter(|(step, _)| step.effect == Effect::EndSessions) {
        let Some(identity) = &step.identity else { continue };
        let ended = matches!(result.outcome, Outcome::Done | Outcome::AlreadyTrue);
        news.entry(&step.connection).or_default().insert(identity.clone(), SessionsTried { at_ms, ended });
    }
    for (connection, news) in news {
        let change = |tried: &mut Tried| {
            tried.extend(news);
            let oldest =
                |tried: &Tried| tried.iter().min_by_key(|(_, one)| one.at_ms).map(|(identity, _)| identity.clone());
            while tried.len() > PEOPLE_MAX
                && let Some(oldest) = oldest(tried)
            {
                tried.remove(&oldest);
            }
        };
        house.store.change_note(connection, NOTE, change).await?;
    }
    Ok(())
}

/// Returns every try that is remembered.
pub(crate) async fn all(house: &House) -> Result<BTreeMap<(ConnectionName, IdentityId), SessionsTried>, EngineError> {
    let notes: BTreeMap<ConnectionName, Tried> = house.store.noted_everywhere(NOTE).await?;
    let all = notes
        .into_iter()
        .flat_map(|(name, tried)| tried.into_iter().map(move |(identity, tried)| ((name.clone(), identity), tried)));
    Ok(all.collect())
}
