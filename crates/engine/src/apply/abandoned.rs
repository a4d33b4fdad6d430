//! Steps of runs that did not live to say what became of them. Each is looked at, by the account it was about, and its
//! outcome is written into its own run, before a later plan does anything; nothing is tried again here.
//! Steps of the plan at hand are the run's own affair, and what somebody is at, or nobody could look at, stays open.

use super::Context;
use super::settle::{observe, told};
use super::step::look_only;
use crate::error::EngineError;
use crate::house::{House, Reader};
use std::collections::BTreeMap;
use std::time::Duration;
use tenure_connect::witnessed;
use tenure_core::change::{Plan, Step};
use tenure_core::journal::Draft;
use tenure_core::name::PlanId;
use tenure_store::{Lease, OpenStep};

/// How long a run looks at what others left open before it begins its own work.
const LOOKED_AT_MOST: Duration = Duration::from_secs(20);

/// Settles the steps that others left open.
pub(super) async fn settle_abandoned(
    house: &House,
    context: &Context,
    plan: &Plan,
    lease: &Lease,
) -> Result<(), EngineError> {
    let left: Vec<OpenStep> = house.store.abandoned_steps(house.clock.now_ms()).await?;
    let left: Vec<(OpenStep, Step)> = with_steps(house, left.into_iter().filter(|open| open.plan != plan.id)).await?;
    let looking = async {
        for (open, step) in &left {
            settle(house, context, open, step, lease).await?;
        }
        Ok(())
    };
    // An app that does not answer keeps nobody waiting: what is not looked at now stays open for the next run.
    tokio::time::timeout(LOOKED_AT_MOST, looking).await.unwrap_or(Ok(()))
}

/// Finds each open step in its plan.
async fn with_steps(house: &House, open: impl Iterator<Item = OpenStep>) -> Result<Vec<(OpenStep, Step)>, EngineError> {
    let mut by_plan: BTreeMap<PlanId, Vec<OpenStep>> = BTreeMap::new();
    for open in open {
        by_plan.entry(open.plan.clone()).or_default().push(open);
    }
    let mut found = Vec::new();
    for (plan, open) in by_plan {
        let Some(plan) = house.store.plan(&plan).await? else { continue };
        let step_of = |open: &OpenStep| plan.steps.iter().find(|step| step.id == open.step).cloned();
        found
            .extend(open.into_iter().filter_map(|open| Some((step_of(&open)?, open))).map(|(step, open)| (open, step)));
    }
    Ok(found)
}

async fn settle(
    house: &House,
    context: &Context,
    open: &OpenStep,
    step: &Step,
    lease: &Lease,
) -> Result<(), EngineError> {
    let Ok(Reader::App(connector)) = house.reader(&step.connection).await else { return Ok(()) };
    let (looked, asked) = witnessed(look_only(context, &connector, step, open.started_ms)).await;
    let Some(carried) = looked else { return Ok(()) };
    for (name, accounts) in observe(house, context, &[(step, &carried)]).await? {
        house.store.record_accounts(&name, &accounts, house.clock.now_ms()).await?;
    }
    crate::begun::end(house, &[(step, &carried.result)]).await?;
    crate::endings::end(house, &[(step, &carried.result)]).await?;
    let result = &carried.result;
    let draft = Draft {
        at: house.clock.now_text(),
        actor: context.by.clone(),
        event: "step_ended".into(),
        run: Some(open.run.to_string()),
        step: Some(step.id.to_string()),
        body: told(step, result, &asked),
    };
    house.store.settle_abandoned(lease, open, result, draft, house.clock.now_ms()).await?;
    tracing::info!(step = %step.id, run = %open.run, outcome = ?result.outcome, "settled by looking");
    Ok(())
}
