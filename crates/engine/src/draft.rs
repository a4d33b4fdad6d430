//! A policy as a draft: what it would change for the company of today, beside what the policy of now would. Both are judged
//! on the same facts; nothing is kept, pinned or planned by it.

use crate::error::EngineError;
use crate::house::House;
use crate::reconcile::{Scope, company};
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use tenure_core::Asked;
use tenure_core::abilities::Effect;
use tenure_core::change::{Plan, Step};
use tenure_core::policy::Policy;
use tenure_core::reconcile as judge;

/// What a draft would change.
#[derive(Debug, Default)]
pub struct Difference {
    /// Steps that the draft asks for and the policy of now does not.
    pub more: Vec<Step>,
    /// Steps that the policy of now asks for and the draft does not.
    pub fewer: Vec<Step>,
    /// People who would get something more by the draft, by id and name.
    pub gains: BTreeMap<String, String>,
    /// People who would lose something by the draft, by id and name.
    pub loses: BTreeMap<String, String>,
    /// How many steps guards would hold of the draft's plan.
    pub held: usize,
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
    let asked = Asked { requested_by: None, only: Vec::new(), identity: None, made_at: house.clock.now_text() };
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
    let of_now: std::collections::BTreeSet<_> = now.iter().map(key).collect();
    let of_draft: std::collections::BTreeSet<_> = drafted.iter().map(key).collect();
    let mut difference = Difference { held, ..Difference::default() };
    difference.more = drafted.into_iter().filter(|step| !of_now.contains(&key(step))).collect();
    difference.fewer = now.into_iter().filter(|step| !of_draft.contains(&key(step))).collect();
    let gives = |step: &Step| matches!(step.effect, Effect::Create | Effect::Grant | Effect::Resume);
    let takes = |step: &Step| step.effect.is_removal();
    let (more, fewer) = (&difference.more, &difference.fewer);
    let name = |step: &Step| {
        let id = step.identity.as_ref()?.to_string();
        Some((id.clone(), step.person.clone().unwrap_or(id)))
    };
    let gains = more.iter().filter(|step| gives(step)).chain(fewer.iter().filter(|step| takes(step)));
    let loses = more.iter().filter(|step| takes(step)).chain(fewer.iter().filter(|step| gives(step)));
    (difference.gains, difference.loses) = (gains.filter_map(name).collect(), loses.filter_map(name).collect());
    difference
}
