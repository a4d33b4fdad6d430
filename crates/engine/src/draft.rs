//! A policy as a draft: what it would change for the company of today, beside what the policy of now would. Both are judged
//! on the same facts; nothing is kept, pinned or planned by it.

use crate::error::EngineError;
use crate::house::House;
use crate::reconcile::{Scope, company};
use async_recursion::async_recursion as boxed;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::Asked;
use tenure_core::abilities::Effect;
use tenure_core::change::{Plan, Step, WishedGrant};
use tenure_core::name::{ConnectionName, IdentityId};
use tenure_core::policy::Policy;
use tenure_core::reconcile as judge;

/// What a draft would change.
#[derive(Debug, Default)]
pub struct Difference {
    /// Steps that the draft asks for and the policy of now does not.
    pub more: Vec<Step>,
    /// Steps that the policy of now asks for and the draft does not.
    pub fewer: Vec<Step>,
    /// People who would get something more by the draft, by id.
    pub gains: BTreeMap<IdentityId, Person>,
    /// People who would lose something by the draft, by id.
    pub loses: BTreeMap<IdentityId, Person>,
    /// How many steps guards would hold of the draft's plan.
    pub held: usize,
}

/// Somebody, and what they would gain or lose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// What.
    pub things: BTreeSet<Thing>,
}

/// What somebody gains or loses: an account, or what it is granted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    /// Where.
    pub connection: ConnectionName,
    /// What, in words.
    pub what: String,
}

/// Which way a thing goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Given,
    Taken,
}

/// Judges today's company by a draft.
///
/// # Errors
/// The draft is no policy, or speaks of what a connection does not have; or the store failed.
#[tracing::instrument(name = "draft", skip_all)]
#[boxed]
pub async fn compare(house: &House, text: &str) -> Result<Difference, EngineError> {
    let draft = Policy::parse(text, "draft")?;
    if let Some(problem) = draft.check(&house.abilities()).into_iter().next() {
        return Err(problem.into());
    }
    let company = company(house, &Scope::default()).await?;
    let asked = Asked { requested_by: None, only: Vec::new(), people: Vec::new(), made_at: house.clock.now_text() };
    let now = steps(judge(&company.facts, &house.policy, &asked).plan);
    let drafted = judge(&company.facts, &draft, &asked).plan;
    let held = drafted.held.len();
    Ok(differ(now, steps(drafted), held))
}

fn steps(plan: Plan) -> Vec<Step> {
    plan.steps.into_iter().chain(plan.held.into_iter().map(|hold| hold.step)).collect()
}

fn differ(now: Vec<Step>, drafted: Vec<Step>, held: usize) -> Difference {
    let key = |step: &Step| {
        let changes = serde_json::to_string(&step.changes).unwrap_or_default();
        let whose = step.identity.as_ref().map(ToString::to_string).or(step.account.clone());
        (whose, step.connection.clone(), step.effect, changes)
    };
    let of_now: BTreeSet<_> = now.iter().map(key).collect();
    let of_draft: BTreeSet<_> = drafted.iter().map(key).collect();
    let mut difference = Difference { held, ..Difference::default() };
    difference.more = drafted.into_iter().filter(|step| !of_now.contains(&key(step))).collect();
    difference.fewer = now.into_iter().filter(|step| !of_draft.contains(&key(step))).collect();
    let mut names = BTreeMap::new();
    let (of_now, of_draft) = (things(&difference.fewer, &mut names), things(&difference.more, &mut names));
    // What the draft no longer takes is gained, and what it no longer gives is lost.
    let gained = |(_, way, _): &&Moved, is_drafted: bool| (*way == Way::Given) == is_drafted;
    for (moved, is_drafted) in of_draft
        .difference(&of_now)
        .map(|moved| (moved, true))
        .chain(of_now.difference(&of_draft).map(|moved| (moved, false)))
    {
        let (id, _, thing) = moved;
        let people = if gained(&moved, is_drafted) { &mut difference.gains } else { &mut difference.loses };
        let person = people.entry(id.clone()).or_insert_with(|| Person {
            name: names.get(id).cloned().unwrap_or_else(|| id.to_string()),
            things: BTreeSet::new(),
        });
        person.things.insert(thing.clone());
    }
    difference
}

type Moved = (IdentityId, Way, Thing);

/// Lists what steps give to people and take from them; work by hand stands for what it does.
fn things(steps: &[Step], names: &mut BTreeMap<IdentityId, String>) -> BTreeSet<Moved> {
    let mut all = BTreeSet::new();
    for step in steps {
        let Some(id) = &step.identity else { continue };
        names.extend(step.person.clone().map(|name| (id.clone(), name)));
        let mut moves = |way: Way, what: String| {
            all.insert((id.clone(), way, Thing { connection: step.connection.clone(), what }));
        };
        match step.by_hand.as_ref().map_or(step.effect, |work| work.does) {
            Effect::Create | Effect::Resume => moves(Way::Given, "an account".into()),
            Effect::Suspend | Effect::Delete => moves(Way::Taken, "an account".into()),
            Effect::Convert => {
                let before = step.account_key.as_ref().map(|key| key.kind).filter(|kind| *kind != step.kind);
                moves(Way::Given, format!("to be {}", step.kind.with_article()));
                before.into_iter().for_each(|kind| moves(Way::Taken, format!("to be {}", kind.with_article())));
            }
            _ => {}
        }
        for change in step.changes.iter().filter_map(|change| change.entitlement.as_ref()) {
            let says = |grant: &WishedGrant| {
                let scope = grant.scope.as_deref().map(|scope| format!(" ({scope})")).unwrap_or_default();
                format!("{} {}{scope}", change.kind, grant.name)
            };
            change.add.iter().for_each(|grant| moves(Way::Given, says(grant)));
            change.remove.iter().for_each(|grant| moves(Way::Taken, says(grant)));
        }
        for grant in &step.regains {
            moves(Way::Given, format!("{} {}", grant.kind, grant.name));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(person: &str, effect: &str, add: &[&str], remove: &[&str]) -> Step {
        let grants = |names: &[&str]| names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
        let entitlement = json!({ "kind": "role", "add": grants(add), "remove": grants(remove) });
        let change = json!({ "field": "role", "after": add.first(), "entitlement": entitlement });
        serde_json::from_value(json!({
            "id": format!("s-{person}-{effect}"), "connection": "desk", "effect": effect, "identity": person, "person": person,
            "account": "1", "kind": "agent", "changes": [change], "risk": "low", "irreversible": false, "needs": [],
            "account_key": if effect == "convert" { json!({ "connection": "desk", "kind": "requester", "id": "1" }) } else { json!(null) },
            "reason": { "kind": "drift", "rule": null, "text": "" },
            "approval": { "state": "not_needed", "from": [], "count": 0, "by": [] },
        }))
        .unwrap()
    }

    fn told(people: &BTreeMap<IdentityId, Person>) -> Vec<String> {
        let told =
            |person: &Person| person.things.iter().map(|thing| format!("{}: {}", person.name, thing.what)).collect();
        people.values().flat_map(|person| -> Vec<String> { told(person) }).collect()
    }

    #[test]
    fn who_gains_and_who_loses_is_told_grant_by_grant() {
        let now = vec![step("ann", "create", &["agent"], &[]), step("eve", "revoke", &[], &["lead"])];
        let drafted = vec![
            step("ann", "create", &["admin"], &[]),
            step("bob", "convert", &[], &[]),
            step("cid", "update", &["admin"], &["agent"]),
        ];
        let difference = differ(now, drafted, 0);
        let gains = ["ann: role admin", "bob: to be an agent", "cid: role admin", "eve: role lead"];
        assert_eq!(told(&difference.gains), gains, "an account that comes anyhow is no gain of the draft");
        assert_eq!(told(&difference.loses), ["ann: role agent", "bob: to be a requester", "cid: role agent"]);
    }

    #[test]
    fn a_draft_of_the_same_words_changes_nothing() {
        let steps = || vec![step("ann", "create", &["agent"], &[])];
        let difference = differ(steps(), steps(), 0);
        assert!(difference.gains.is_empty() && difference.loses.is_empty() && difference.more.is_empty());
    }
}
