//! What is known of the sessions of those who left: ended in an identity provider, or open since their account was
//! suspended, since it was first told, or since it was tried in vain. So a departure has one end, what failed is planned
//! again, and what is open is not forgotten. The journal holds the steps; this is what planning asks of them.

use crate::error::EngineError;
use crate::house::House;
use std::collections::BTreeMap;
use tenure_core::abilities::{Abilities, Effect, Sessions};
use tenure_core::account::Kind;
use tenure_core::change::{Finding, FindingKind, Outcome, ReasonKind, Step, StepResult};
use tenure_core::facts::{Facts, SessionsTried};
use tenure_core::name::{ConnectionName, IdentityId};

const NOTE: &str = "sessions_tried";
/// People of one connection whose ended sessions are remembered; whose were ended longest ago is forgotten first.
const ENDED_MAX: usize = 1_000;
/// People of one connection whose open sessions are remembered.
const OPEN_MAX: usize = 5_000;
/// For how long it is remembered that an app was not seen to end sessions, where it does not say whether it does.
const UNSTATED_KEPT_MS: i64 = 30 * 86_400_000;
/// Letters of a reason that are kept.
const BECAUSE_MAX: usize = 300;

type Tried = BTreeMap<IdentityId, SessionsTried>;
type News = BTreeMap<ConnectionName, Tried>;

/// Notes what became of steps that end sessions, or leave them open.
pub(crate) async fn end(house: &House, ended: &[(&Step, &StepResult)]) -> Result<(), EngineError> {
    let (at_ms, mut news) = (house.clock.now_ms(), News::new());
    let is_done = |result: &StepResult| matches!(result.outcome, Outcome::Done | Outcome::AlreadyTrue);
    for (step, _) in ended.iter().filter(|(step, result)| step.meant() == Effect::Suspend && is_done(result)) {
        let leaves = matches!(step.reason.kind, ReasonKind::Leaver | ReasonKind::Decision);
        let Some(identity) = step.identity.as_ref().filter(|_| leaves) else { continue };
        for keeper in keepers(house, step) {
            let open = SessionsTried { at_ms, ended: false, because: None };
            news.entry(keeper).or_default().insert(identity.clone(), open);
        }
    }
    for (step, result) in ended.iter().filter(|(step, _)| step.effect == Effect::EndSessions) {
        let Some(identity) = &step.identity else { continue };
        let ended = is_done(result);
        let because = result.because.as_ref().filter(|_| !ended).map(|text| text.chars().take(BECAUSE_MAX).collect());
        let tried = SessionsTried { at_ms, ended, because };
        news.entry(step.connection.clone()).or_default().insert(identity.clone(), tried);
    }
    for (connection, news) in news {
        change(house, &connection, at_ms, |tried| tried.extend(news)).await?;
    }
    Ok(())
}

/// Notes that sessions at an identity provider were told to be open, so that they are not forgotten before they are ended
/// or seen to: nobody may have begun anything about them in the days in which they are told by themselves.
pub(crate) async fn told(house: &House, facts: &Facts, findings: &[Finding]) -> Result<(), EngineError> {
    let mut news: BTreeMap<&ConnectionName, Vec<(&IdentityId, Option<&SessionsTried>)>> = BTreeMap::new();
    let at_a_provider = |finding: &&Finding| {
        let is_record = finding.account_key.as_ref().is_some_and(|key| key.kind == Kind::Person);
        finding.kind == FindingKind::SessionNotEnded && is_record
    };
    for finding in findings.iter().filter(at_a_provider) {
        let (Some(connection), Some(identity)) = (&finding.connection, &finding.identity) else { continue };
        let known = facts.sessions.get(&(connection.clone(), identity.clone()));
        if known.is_none_or(|known| known.ended) {
            news.entry(connection).or_default().push((identity, known));
        }
    }
    let at_ms = house.clock.now_ms();
    for (connection, open) in news {
        let note = |tried: &mut Tried| {
            for (identity, known) in open {
                // Nobody ended them meanwhile.
                if tried.get(identity) == known {
                    tried.insert(identity.clone(), SessionsTried { at_ms, ended: false, because: None });
                }
            }
        };
        change(house, connection, at_ms, note).await?;
    }
    Ok(())
}

/// Lists where sessions of somebody may be open whose account was suspended: where people sign in, if that can be asked to
/// end them, and in the app, unless it has ended them by that.
fn keepers(house: &House, step: &Step) -> Vec<ConnectionName> {
    let of = |name: &ConnectionName| house.connection(name.as_str()).ok().map(|connection| connection.abilities());
    let Some(app) = of(&step.connection) else { return Vec::new() };
    let sso = app.sso.iter().filter(|sso| of(sso).is_some_and(|idp| ends_sessions(&idp)));
    let kept = (app.sessions != Sessions::Ended).then_some(&step.connection);
    sso.chain(kept).cloned().collect()
}

fn ends_sessions(abilities: &Abilities) -> bool {
    abilities.kinds.values().any(|kind| kind.effects.contains_key(&Effect::EndSessions))
}

async fn change(
    house: &House,
    connection: &ConnectionName,
    now_ms: i64,
    change: impl FnOnce(&mut Tried) + Send,
) -> Result<(), EngineError> {
    let abilities = house.connection(connection.as_str()).map(|connection| connection.abilities()).ok();
    let is_brief =
        abilities.is_some_and(|abilities| abilities.sessions == Sessions::Unstated && !ends_sessions(&abilities));
    let note = |tried: &mut Tried| {
        change(tried);
        if is_brief {
            tried.retain(|_, one| now_ms.saturating_sub(one.at_ms) < UNSTATED_KEPT_MS);
        }
        forget(tried, true, ENDED_MAX);
        forget(tried, false, OPEN_MAX);
    };
    Ok(house.store.change_note(connection, NOTE, note).await?)
}

/// Forgets the oldest of the ended, or of the open, of which there are more than so many.
fn forget(tried: &mut Tried, ended: bool, most: usize) {
    let mut known: Vec<(i64, &IdentityId)> =
        tried.iter().filter(|(_, one)| one.ended == ended).map(|(identity, one)| (one.at_ms, identity)).collect();
    if known.len() <= most {
        return;
    }
    known.sort();
    let oldest: Vec<IdentityId> = known[..known.len() - most].iter().map(|(_, identity)| (*identity).clone()).collect();
    oldest.iter().for_each(|identity| {
        tried.remove(identity);
    });
}

/// Returns all that is remembered.
pub(crate) async fn all(house: &House) -> Result<BTreeMap<(ConnectionName, IdentityId), SessionsTried>, EngineError> {
    let notes: BTreeMap<ConnectionName, Tried> = house.store.noted_everywhere(NOTE).await?;
    let all = notes
        .into_iter()
        .flat_map(|(name, tried)| tried.into_iter().map(move |(identity, tried)| ((name.clone(), identity), tried)));
    Ok(all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_sessions_are_not_forgotten_for_ended_ones() {
        let one = |at: usize, ended| {
            let at_ms = i64::try_from(at).unwrap();
            (IdentityId(format!("{at:05}").into()), SessionsTried { at_ms, ended, because: None })
        };
        let mut tried: Tried = (0..20).map(|at| one(at, at > 0)).collect();
        forget(&mut tried, true, 10);
        forget(&mut tried, false, 5);
        assert_eq!(tried.len(), 11);
        assert!(tried.keys().next().is_some_and(|first| first.as_str() == "00000"), "open since longest");
        assert_eq!(tried.keys().nth(1).map(IdentityId::as_str), Some("00010"));
    }
}
