//! What of a plan still holds, judged anew as a run begins: hours may lie between the two, in which somebody came back,
//! was protected, or a source was found short. What is wished no more is not done; where it was tried before, the app is
//! looked at, so that what is so already is told as that.

use crate::error::EngineError;
use crate::house::House;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::abilities::Effect;
use tenure_core::change::{Change, Outcome, Plan, Step};
use tenure_core::name::{ConnectionName, IdentityId, StepId};

/// The guards that speak of one step and of the facts of this moment. The others are of the plan as a whole, which was
/// judged as it was made, or keep watch while a run goes on.
const OF_THE_MOMENT: [&str; 6] = ["protected", "last_administrator", "source_shrink", "stale", "partial", "absence"];

/// Why steps of a plan are left alone.
#[derive(Debug, Default)]
pub(super) struct Still {
    /// Today's facts lead to these no more.
    pub moved: BTreeSet<StepId>,
    /// Nor to these, which were tried before: they may be so already.
    pub perhaps_so: BTreeSet<StepId>,
    /// Guards keep these back by now, and why.
    pub held: BTreeMap<StepId, String>,
}

/// What is said of a step to which nothing leads any more.
pub(super) const MOVED: &str = "what is known today leads to it no more; plan again";

/// What today's facts lead to.
struct Wished<'p> {
    ids: BTreeSet<&'p StepId>,
    /// By whom it is for, and where.
    of: BTreeMap<(&'p ConnectionName, &'p IdentityId), Vec<&'p Step>>,
}

impl<'p> Wished<'p> {
    fn of(plan: &'p Plan) -> Self {
        let mut wished = Self { ids: BTreeSet::new(), of: BTreeMap::new() };
        for step in plan.all_steps() {
            wished.ids.insert(&step.id);
            if let Some(identity) = &step.identity {
                wished.of.entry((&step.connection, identity)).or_default().push(step);
            }
        }
        wished
    }

    /// Tells whether the person of a step is let in there again.
    fn lets_in(&self, step: &Step) -> bool {
        let theirs = step.identity.as_ref().and_then(|identity| self.of.get(&(&step.connection, identity)));
        theirs
            .into_iter()
            .flatten()
            .any(|today| matches!(today.meant(), Effect::Resume | Effect::Create | Effect::Convert))
    }

    /// Tells whether a step is wished by now, under its own id or under another: the account that it waited for, or that
    /// of a manager whom it names, was made meanwhile by a run that did not come to its end.
    fn leads_to(&self, step: &Step) -> bool {
        self.ids.contains(&step.id) || {
            let alike = step.identity.as_ref().and_then(|identity| self.of.get(&(&step.connection, identity)));
            alike.is_some_and(|alike| alike.iter().any(|today| grew_into(step, today)))
        }
    }
}

/// Tells whether a step is wished for what others of its plan have done, and for nothing else: sessions that an app keeps
/// are ended by a person once their account is shut. Where a run broke off between the two, no plan of today has it.
fn follows(step: &Step, was_done: impl Fn(&StepId) -> bool) -> bool {
    let ends = step.by_hand.as_ref().is_some_and(|work| work.does == Effect::EndSessions);
    ends && !step.needs.is_empty() && step.needs.iter().all(was_done)
}

/// Tells whether today's plan has all steps of an earlier one, but for those that were done: what became of these is looked
/// at, whatever is wished.
pub(super) async fn leads_to_all(house: &House, now: &Plan, plan: &Plan) -> Result<bool, EngineError> {
    let wished = Wished::of(now);
    let all = plan.all_steps();
    let missing: Vec<&Step> = all.filter(|step| !wished.leads_to(step)).collect();
    let tried = Tried::of(house, &missing).await?;
    Ok(missing.iter().all(|step| tried.was_done(&step.id)))
}

/// What became of steps that were tried before.
#[derive(Default)]
struct Tried {
    last: BTreeMap<StepId, Outcome>,
    open: BTreeSet<StepId>,
}

impl Tried {
    async fn of(house: &House, steps: &[&Step]) -> Result<Self, EngineError> {
        if steps.is_empty() {
            return Ok(Self::default());
        }
        let ids: Vec<&StepId> = steps.iter().map(|step| &step.id).collect();
        let last = house.store.last_results(&ids).await?.into_iter().map(|(id, result)| (id, result.outcome)).collect();
        let open = house.store.open_steps().await?.into_iter().map(|open| open.step).collect();
        Ok(Self { last, open })
    }

    fn was_tried(&self, id: &StepId) -> bool {
        self.last.contains_key(id) || self.open.contains(id)
    }

    /// Tells whether a step was done for certain the last time.
    fn was_done(&self, id: &StepId) -> bool {
        matches!(self.last.get(id), Some(Outcome::Done | Outcome::AlreadyTrue)) && !self.open.contains(id)
    }
}

/// Tells whether a step of today is an earlier one that knows more accounts by now, and nothing else.
fn grew_into(step: &Step, today: &Step) -> bool {
    let same = |then: &Change, now: &Change| {
        let named = then.refers_to.is_some() && then.after.is_null();
        (&then.field, &then.entitlement, &then.refers_to) == (&now.field, &now.entitlement, &now.refers_to)
            && (then.after == now.after || named)
    };
    (step.effect, step.kind, &step.regains) == (today.effect, today.kind, &today.regains)
        && (step.account.is_none() || step.account == today.account)
        && step.changes.len() == today.changes.len()
        && step.changes.iter().zip(&today.changes).all(|(then, now)| same(then, now))
}

/// Compares a plan with that of today. `freed` are steps that a person released from their guard, `released` the guards.
pub(super) async fn compare(
    house: &House,
    now: &Plan,
    plan: &Plan,
    freed: &[Step],
    released: &BTreeSet<String>,
) -> Result<Still, EngineError> {
    let mut still = Still::default();
    if plan.way_back.is_some() {
        return Ok(still); // the way back from a run is nobody's wish but of whoever asked for it
    }
    let wished = Wished::of(now);
    let steps = || plan.steps.iter().chain(freed);
    let missing: Vec<&Step> = steps().filter(|step| !wished.leads_to(step)).collect();
    let tried = Tried::of(house, &missing).await?;
    for step in missing {
        match tried.was_tried(&step.id) {
            false if follows(step, |id| tried.was_done(id)) && !wished.lets_in(step) => {}
            false => drop(still.moved.insert(step.id.clone())),
            // What gives access and got half way is finished; what takes it away needs a wish of today.
            true if tried.was_done(&step.id) || step.effect.is_removal() => {
                still.perhaps_so.insert(step.id.clone());
            }
            true => {}
        }
    }
    let ours: BTreeSet<&StepId> = steps().map(|step| &step.id).collect();
    for hold in &now.held {
        let counts = OF_THE_MOMENT.contains(&hold.guard.as_str()) && !released.contains(&hold.guard);
        if counts && ours.contains(&hold.step.id) {
            still.held.insert(hold.step.id.clone(), format!("{}: {}", hold.guard, hold.because));
        }
    }
    Ok(still)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn step(id: &str, account: Option<&str>, effect: &str, changes: Value) -> Step {
        serde_json::from_value(json!({
            "id": id, "connection": "desk", "effect": effect, "kind": "agent", "identity": "jane", "account": account,
            "changes": changes, "reason": { "kind": "joiner", "rule": null, "text": "" }, "risk": "low",
            "irreversible": false, "needs": [], "approval": { "state": "not_needed", "from": [], "count": 0, "by": [] },
        }))
        .expect("a step")
    }

    fn named(name: &str, manager: Value, of: &str) -> Value {
        json!([{ "field": "name", "after": name }, { "field": "manager", "after": manager, "refers_to": of }])
    }

    #[test]
    fn a_step_that_knows_more_accounts_by_now_is_still_wished_and_no_other_is() {
        let planned = step("s-1", None, "create", named("Jane", Value::Null, "mia"));
        let grew = |today: &Step| grew_into(&planned, today);
        assert!(grew(&step("s-2", None, "create", named("Jane", json!("agt_7"), "mia"))));
        assert!(grew(&step("s-2", Some("agt_9"), "create", named("Jane", json!("agt_7"), "mia"))));
        assert!(!grew(&step("s-2", None, "create", named("Jane", json!("agt_7"), "tom"))), "another manager");
        assert!(!grew(&step("s-2", None, "create", named("Janet", json!("agt_7"), "mia"))), "another name");
        assert!(!grew(&step("s-2", None, "resume", named("Jane", json!("agt_7"), "mia"))), "another effect");
        let known = step("s-1", Some("agt_9"), "update", named("Jane", json!("agt_7"), "mia"));
        assert!(!grew_into(&known, &step("s-2", Some("agt_8"), "update", named("Jane", json!("agt_7"), "mia"))));
        assert!(!grew_into(&known, &step("s-2", Some("agt_9"), "update", named("Jane", json!("agt_8"), "mia"))));
    }
}
