//! `revert`: gathers what a run did, from the journal and the results that were kept, and plans the way back.
//! The values from before come from the journal's own entries; today's facts come from the store. `core` says what would
//! undo what; the plan is kept like any other and goes through approvals and `apply`.

use crate::error::EngineError;
use crate::house::House;
use crate::plan::{find_plan, keep};
use crate::reconcile::company_about;
use async_recursion::async_recursion as boxed;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::Asked;
use tenure_core::change::{Change, Outcome, Plan, Step, StepResult};
use tenure_core::journal::Entry;
use tenure_core::name::{RunId, StepId};
use tenure_core::revert::{Taken, revert as plan_back};

const PAGE: usize = 1000;
const RUNS_SHOWN: usize = 5;

/// Plans the way back from a run, and keeps the plan if there is anything in it.
///
/// # Errors
/// There is no such run, or the store failed.
#[tracing::instrument(name = "revert", skip_all, fields(run = id))]
#[boxed]
pub async fn revert(house: &House, id: &str, requested_by: &str) -> Result<Plan, EngineError> {
    let id = RunId::from(id.trim());
    let Some(run) = house.store.run(&id).await? else { return Err(unknown(house, &id).await?) };
    let plan = find_plan(house, Some(run.plan.as_str())).await?;
    let taken = taken(house, &id, &plan).await?;
    let steps: Vec<&Step> = taken.iter().map(|taken| &taken.step).collect();
    let company = company_about(house, &steps).await?.with_all_counts(house).await?;
    let asked =
        Asked { requested_by: Some(requested_by.to_owned()), made_at: house.clock.now_text(), ..Asked::default() };
    let mut back = plan_back(&id, &taken, &company.facts, &house.policy, &asked);
    crate::budget::foresee(house, &mut back).await?;
    if !back.steps.is_empty() || !back.held.is_empty() {
        keep(house, &back, requested_by).await?;
    }
    Ok(back)
}

async fn unknown(house: &House, id: &RunId) -> Result<EngineError, EngineError> {
    let runs = house.store.runs(RUNS_SHOWN).await?;
    let known: Vec<String> = runs
        .iter()
        .map(|run| format!("{} (by {}, {})", run.id, run.actor, crate::clock::moment_text(run.started_ms)))
        .collect();
    let hint = if known.is_empty() {
        "nothing was applied yet".into()
    } else {
        format!("the newest are {}", known.join(", "))
    };
    Ok(EngineError::Missing(format!("no run has the id \"{id}\"; {hint}")))
}

/// Returns the steps of a run with what became of them.
async fn taken(house: &House, run: &RunId, plan: &Plan) -> Result<Vec<Taken>, EngineError> {
    let written = written(house, run).await?;
    let results = house.store.results(run).await?;
    let mut results: BTreeMap<StepId, StepResult> =
        results.into_iter().map(|result| (result.id.clone(), result)).collect();
    let open = house.store.open_steps().await?;
    let open: BTreeSet<StepId> = open.into_iter().filter(|open| open.run == *run).map(|open| open.step).collect();
    let mut taken = Vec::new();
    for step in &plan.steps {
        let result = match results.remove(&step.id) {
            Some(result) => settled(house, run, result).await?,
            None if open.contains(&step.id) => lost(&step.id),
            None => continue,
        };
        let changes = written.get(&step.id).cloned().unwrap_or_else(|| step.changes.clone());
        taken.push(Taken { step: Step { changes, ..step.clone() }, result });
    }
    Ok(taken)
}

fn lost(step: &StepId) -> StepResult {
    StepResult { id: step.clone(), outcome: Outcome::Unknown, fields: BTreeMap::new(), because: None, account: None }
}

/// Reads what the journal says that each step was to change, and from what.
async fn written(house: &House, run: &RunId) -> Result<BTreeMap<StepId, Vec<Change>>, EngineError> {
    let mut written = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = house.store.journal_of_run(run, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(written) };
        after = last.seq;
        for entry in page.iter().filter(|entry| entry.event == "step_started") {
            let changes = serde_json::from_value(entry.body["changes"].clone());
            if let (Some(step), Ok(changes)) = (&entry.step, changes) {
                written.insert(StepId::from(step.as_str()), changes);
            }
        }
    }
}

/// Counts as done what a run found so already because an earlier try of ours, whose answer was lost, had done it: in
/// another run, or in this one by a hand that did not live to say so.
async fn settled(house: &House, run: &RunId, mut result: StepResult) -> Result<StepResult, EngineError> {
    if result.outcome != Outcome::AlreadyTrue {
        return Ok(result);
    }
    let entries = house.store.journal_of_step(&result.id, PAGE).await?;
    let told: Vec<&Entry> = entries.iter().filter(|entry| entry.event.starts_with("step_")).collect();
    let is_of = |entry: &&&Entry, event: &str| entry.run.as_deref() == Some(run.as_str()) && entry.event == event;
    let ended = told.iter().rposition(|entry| is_of(&entry, "step_ended")).unwrap_or(told.len());
    // The try that found it so is the last that began.
    let began = told[..ended].iter().rposition(|entry| is_of(&entry, "step_started")).unwrap_or(ended);
    let is_lost = |entry: &Entry| entry.event == "step_started" || entry.body["outcome"] == "unknown";
    if told[..began].last().is_some_and(|entry| is_lost(entry)) {
        result.outcome = Outcome::Done;
    }
    Ok(result)
}
