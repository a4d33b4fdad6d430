//! A step as pages show it: what, where, before → after, why, whose yes. Made from a plan's own words and from what people
//! said since it was made.

use crate::words::{self, Chip};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tenure_core::approve::{Refusal, Said, approval};
use tenure_core::change::{ApprovalState, Plan, Step, StepResult};
use tenure_core::facts::Decision;
use tenure_core::name::{PlanId, StepId};
use tenure_core::policy::Policy;
use tenure_engine::house::House;
use tenure_store::StoreError;

const DECISIONS_PAGE: usize = 1000;
/// How long a plan is remembered: a yes may end meanwhile.
const REMEMBERED_MS: i64 = 30_000;

/// A step as a page shows it.
#[derive(Debug, Clone)]
pub(crate) struct StepLine {
    pub id: String,
    pub effect: Chip,
    pub connection: String,
    pub account: String,
    pub person: String,
    pub person_id: String,
    pub because: String,
    pub rule: String,
    pub changes: Vec<ChangeLine>,
    pub approval: Chip,
    /// Whose yes is needed, or whose it has.
    pub says: String,
    pub waits: bool,
    pub irreversible: bool,
    /// What is lost, in the operator's words.
    pub loses: Option<String>,
    pub high_risk: bool,
    /// For work by hand: what to do, rows to import, who and by when.
    pub by_hand: Option<(String, Option<String>, String)>,
    pub outcome: Option<(Chip, String)>,
    /// What the visitor may say of it.
    pub say: Say,
}

/// What a visitor may say of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Say {
    /// Nothing.
    #[default]
    Nothing,
    /// Yes or no: it waits.
    Either,
    /// No after all: it has a yes, and did not begin. Where that is said.
    No(String),
    /// Yes after all: it has a no.
    Yes,
    /// Nothing, for a reason.
    Refused(String),
}

/// A field of a step.
#[derive(Debug, Clone)]
pub(crate) struct ChangeLine {
    pub field: String,
    pub before: String,
    pub after: String,
}

impl StepLine {
    pub fn new(step: &Step, policy: &Policy) -> Self {
        let changes = step.changes.iter().map(|change| ChangeLine {
            field: change.field.to_string(),
            before: words::before(change),
            after: words::after(change),
        });
        let by_hand = step.by_hand.as_ref().map(|work| {
            let owner = work.owner.as_deref().map(|owner| format!("by {owner}"));
            let due = work.due.as_deref().map(|due| format!("due {due}"));
            (work.how.clone(), work.csv.clone(), owner.into_iter().chain(due).collect::<Vec<_>>().join(", "))
        });
        Self {
            id: step.id.to_string(),
            effect: words::effect(step.effect),
            connection: step.connection.to_string(),
            account: step.account.clone().unwrap_or_default(),
            person: words::person(step),
            person_id: step.identity.as_ref().map(ToString::to_string).unwrap_or_default(),
            because: step.reason.text.clone(),
            rule: step.reason.rule.clone().unwrap_or_default(),
            changes: changes.collect(),
            approval: words::approval(step.approval.state),
            says: whose(step, policy),
            waits: step.approval.state == ApprovalState::Waiting,
            irreversible: step.irreversible,
            loses: step.loses.clone(),
            high_risk: step.risk == tenure_core::change::Risk::High,
            by_hand,
            outcome: None,
            say: Say::Nothing,
        }
    }

    /// Offers what somebody may say of it who is asked for a yes; `refusal` is why they may not.
    pub fn asking(mut self, plan: &Plan, state: ApprovalState, refusal: Option<&Refusal>) -> Self {
        self.say = match (state, refusal) {
            (ApprovalState::NotNeeded, _) => Say::Nothing,
            _ if self.outcome.is_some() => Say::Nothing,
            (ApprovalState::Waiting, Some(refusal)) => Say::Refused(refusal.to_string()),
            (_, Some(_)) => Say::Nothing,
            (ApprovalState::Waiting, None) => Say::Either,
            (ApprovalState::Approved, None) => Say::No(format!("/plans/{}/reject", words::part(plan.id.as_str()))),
            (ApprovalState::Rejected, None) => Say::Yes,
        };
        self
    }

    /// Shows what became of it.
    pub fn with(mut self, result: Option<&StepResult>) -> Self {
        self.outcome =
            result.map(|result| (words::outcome(result.outcome), result.because.clone().unwrap_or_default()));
        self
    }
}

/// Says whose yes a step waits for or has.
fn whose(step: &Step, policy: &Policy) -> String {
    let approval = &step.approval;
    match approval.state {
        ApprovalState::NotNeeded => String::new(),
        ApprovalState::Waiting => {
            let people = may(step, policy);
            let said = match approval.by.len() {
                0 => String::new(),
                some => format!("{some} said yes; "),
            };
            format!("{said}{} of {} must say yes: {people}", approval.count, groups(&approval.from))
        }
        ApprovalState::Approved => {
            let until = approval.until.as_deref().map(|until| format!(", until {}", words::moment(until)));
            format!("by {}{}", approval.by.join(", "), until.unwrap_or_default())
        }
        ApprovalState::Rejected => format!("by {}", approval.by.join(", ")),
    }
}

fn groups(from: &[String]) -> String {
    if from.is_empty() { "any approver".into() } else { from.join(" or ") }
}

/// Lists who may say yes to a step.
fn may(step: &Step, policy: &Policy) -> String {
    let all = step.approval.from.is_empty();
    let groups = policy.approvers.iter().filter(|(group, _)| all || step.approval.from.contains(group));
    let mut people: Vec<&str> = groups.flat_map(|(_, people)| people).map(String::as_str).collect();
    people.sort_unstable();
    people.dedup();
    if people.is_empty() { "nobody is named in the policy".into() } else { people.join(", ") }
}

/// What people said, all of it, a page at a time.
async fn decisions(house: &House) -> Result<Vec<Decision>, StoreError> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map_or(0, |decision: &Decision| decision.seq);
        let page = house.store.decisions(after, DECISIONS_PAGE).await?;
        let last = page.len() < DECISIONS_PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

/// Everything that people said about steps, or had said at an earlier moment.
pub(crate) async fn said(house: &House, as_of_ms: Option<i64>) -> Result<Said, StoreError> {
    let mut decisions = decisions(house).await?;
    decisions.retain(|decision| as_of_ms.is_none_or(|as_of_ms| decision.at_ms <= as_of_ms));
    Ok(Said::of(&decisions))
}

/// Puts into a plan what was said to its steps by now, or by an earlier moment.
pub(crate) fn heard(house: &House, plan: &mut Plan, said: &Said, as_of_ms: Option<i64>) {
    let now_ms = as_of_ms.unwrap_or_else(|| house.clock.now_ms());
    let by = plan.requested_by.clone();
    for step in plan.steps.iter_mut().filter(|step| step.approval.state != ApprovalState::NotNeeded) {
        step.approval = approval(step, said.about(&step.id), by.as_deref(), None, &house.policy, now_ms);
    }
}

/// Puts into a plan what people said to its steps since it was made, or until an earlier moment.
pub(crate) async fn hear(house: &House, plan: &mut Plan, as_of_ms: Option<i64>) -> Result<(), StoreError> {
    heard(house, plan, &said(house, as_of_ms).await?, as_of_ms);
    Ok(())
}

/// A plan with what people said to its steps, remembered until something is written into the journal: a plan of a large
/// company is long.
#[derive(Debug, Default)]
pub(crate) struct Plans(Mutex<Option<Heard>>);

#[derive(Debug)]
struct Heard {
    asked: Option<PlanId>,
    mark: (i64, i64),
    at_ms: i64,
    plan: Arc<Plan>,
}

impl Plans {
    /// Returns the plan with this id, or the newest one, if there is any.
    pub async fn find(&self, house: &House, id: Option<&PlanId>) -> Result<Option<Arc<Plan>>, StoreError> {
        let (mark, now_ms) = (house.store.pulse().await?, house.clock.now_ms());
        let is_good =
            |heard: &&Heard| heard.asked.as_ref() == id && heard.mark == mark && now_ms - heard.at_ms < REMEMBERED_MS;
        {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(heard) = known.as_ref().filter(is_good) {
                return Ok(Some(heard.plan.clone()));
            }
        }
        let found = match id {
            Some(id) => house.store.plan(id).await?,
            None => house.store.latest_plan().await?,
        };
        let Some(mut plan) = found else { return Ok(None) };
        hear(house, &mut plan, None).await?;
        let plan = Arc::new(plan);
        let heard = Heard { asked: id.cloned(), mark, at_ms: now_ms, plan: plan.clone() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
        Ok(Some(plan))
    }
}

/// What became of the steps of a plan in its newest run, by step.
///
/// As of an earlier moment there is none that had not ended by then.
pub(crate) async fn results(
    house: &House,
    plan: &Plan,
    as_of_ms: Option<i64>,
) -> Result<(Option<tenure_store::Run>, BTreeMap<StepId, StepResult>), StoreError> {
    let had_ended = |run: &tenure_store::Run| {
        as_of_ms.is_none_or(|as_of_ms| run.finished_ms.is_some_and(|finished_ms| finished_ms <= as_of_ms))
    };
    let newest = house.store.newest_run(&plan.id).await?;
    let Some(run) = newest.filter(had_ended) else { return Ok((None, BTreeMap::new())) };
    let results = house.store.results(&run.id).await?;
    Ok((Some(run), results.into_iter().map(|result| (result.id.clone(), result)).collect()))
}
