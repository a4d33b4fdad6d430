//! Effects that a vendor's record does not promise, or that some tenants do not serve: tried once, and what a tenant
//! refused is remembered as a note of the connection. From then on the plan knows that it cannot be done there and takes the next rung.
//! It is tried again when the tenant's dialect changes, and after a month: vendors add what was missing.

use crate::error::EngineError;
use crate::house::House;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tenure_core::abilities::{Abilities, Effect};
use tenure_core::account::Kind;
use tenure_core::change::{Finding, FindingKind, Severity, Step};
use tenure_core::finding::About;
use tenure_core::name::ConnectionName;
use tenure_store::Store;

const NOTE: &str = "refused_effects";
/// How long a refusal is believed.
const BELIEVED_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// How an app shows that it cannot do what its record does not promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disproof {
    /// It said no.
    Said,
    /// It said yes and did nothing.
    Ignored,
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    because: String,
    at_ms: i64,
    /// The tenant answered that it was done, and did nothing.
    #[serde(default)]
    ignored: bool,
}

/// What a tenant refused, by kind and effect.
pub(crate) type Refused = BTreeMap<Kind, BTreeMap<Effect, Refusal>>;

/// Returns what a tenant refused not long ago.
pub(crate) async fn refused(store: &Store, name: &ConnectionName, now_ms: i64) -> Result<Refused, EngineError> {
    let mut refused: Refused = store.noted(name, NOTE).await?.unwrap_or_default();
    forget_old(&mut refused, now_ms);
    Ok(refused)
}

/// Returns what all tenants refused not long ago.
pub(crate) async fn all_refused(store: &Store, now_ms: i64) -> Result<BTreeMap<ConnectionName, Refused>, EngineError> {
    let mut all: BTreeMap<ConnectionName, Refused> = store.noted_everywhere(NOTE).await?;
    all.values_mut().for_each(|refused| forget_old(refused, now_ms));
    Ok(all)
}

fn forget_old(refused: &mut Refused, now_ms: i64) {
    for effects in refused.values_mut() {
        effects.retain(|_, refusal| now_ms - refusal.at_ms < BELIEVED_MS);
    }
}

/// Remembers that a tenant refused the effect of a step.
pub(crate) async fn refuse(house: &House, step: &Step, because: &str, how: Disproof) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let refusal = Refusal { because: because.to_owned(), at_ms: now_ms, ignored: how == Disproof::Ignored };
    let change = |refused: &mut Refused| {
        forget_old(refused, now_ms);
        refused.entry(step.kind).or_default().insert(step.effect, refusal);
    };
    Ok(house.store.change_note(&step.connection, NOTE, change).await?)
}

/// Forgets what a tenant refused, so that it may be tried again.
pub(crate) async fn forget(store: &Store, name: &ConnectionName) -> Result<(), EngineError> {
    Ok(store.set_note(name, NOTE, None).await?)
}

/// Finds the effects that a tenant answered with yes and left undone.
pub(crate) async fn ignored(house: &House) -> Result<Vec<Finding>, EngineError> {
    let mut findings = Vec::new();
    for name in house.names() {
        for (kind, effects) in refused(&house.store, &name, house.clock.now_ms()).await? {
            for (effect, Refusal { because, .. }) in effects.iter().filter(|(_, refusal)| refusal.ignored) {
                let topic = format!("{kind} {effect}");
                let about = About::new(FindingKind::IgnoredWrite, Severity::Medium).connection(&name).topic(&topic);
                let text = format!("{name} cannot {effect} {}: {because}", kind.with_article());
                let facts = [("effect".to_owned(), effect.as_str().into()), ("kind".to_owned(), kind.as_str().into())];
                findings.push(about.finding(text, facts.into()));
            }
        }
    }
    Ok(findings)
}

/// Takes what was refused out of what can be done.
pub(crate) fn without(mut abilities: Abilities, refused: &Refused) -> Abilities {
    for (kind, effects) in refused {
        let Some(ability) = abilities.kinds.get_mut(kind) else { continue };
        for (effect, Refusal { because, .. }) in effects {
            if ability.effects.get(effect).is_some_and(|known| known.unproven || known.optional) {
                ability.effects.remove(effect);
                ability.cannot.insert(*effect, format!("this tenant refused it ({because})"));
            }
        }
    }
    abilities
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::reconcile::{Scope, company};
    use serde_json::json;
    use std::fs;

    #[tokio::test]
    async fn what_another_process_was_refused_is_known_to_whoever_judges() {
        let folder = tempfile::tempdir().unwrap();
        let config = "[store]\nurl = \"sqlite:tenure.db\"\n[connections.gorgias]\napp = \"gorgias\"\ndialect = \"live\"\n\
                      url = \"http://127.0.0.1:9/api\"\nsecrets = { email = { file = \"s\" }, token = { file = \"s\" } }\n";
        fs::write(folder.path().join("tenure.toml"), config).unwrap();
        fs::write(folder.path().join("policy.toml"), "").unwrap();
        fs::write(folder.path().join("s"), "a@acme.example\n").unwrap();
        let open = async || House::open(&folder.path().join("tenure.toml"), Clock::telling(|| 1)).await.unwrap();
        let (one, other) = (open().await, open().await);
        let can = async |house: &House| {
            let facts = company(house, &Scope::default()).await.unwrap().facts;
            let abilities = &facts.connections[&ConnectionName::new("gorgias")].abilities;
            abilities.kinds[&Kind::Agent].effects.contains_key(&Effect::Suspend)
        };
        assert!(can(&one).await && can(&other).await, "it is worth a try");
        let step: Step = serde_json::from_value(json!({
            "id": "s-1", "connection": "gorgias", "effect": "suspend", "kind": "agent", "identity": null, "account": null,
            "changes": [], "reason": { "kind": "leaver", "rule": null, "text": "left" }, "risk": "low",
            "irreversible": false, "needs": [], "approval": { "state": "not_needed", "from": [], "count": 0, "by": [] },
        }))
        .unwrap();
        refuse(&one, &step, "400", Disproof::Said).await.unwrap();
        assert!(!can(&one).await && !can(&other).await, "both know, and neither was opened anew");
        forget(&one.store, &"gorgias".into()).await.unwrap();
        assert!(can(&one).await && can(&other).await, "it is worth a try again");
    }
}
