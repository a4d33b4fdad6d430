//! `plan`: makes a plan of what `reconcile` found, keeps it, and finds it again for those who approve and apply.
//! The same plan made twice is one plan. Making one writes a line to the journal and nothing to the world.

use crate::error::EngineError;
use crate::house::House;
use crate::pinned::{Pins, pin_all};
use crate::reconcile::{Scope, company, was_read};
use crate::whole::{Whole, judge_whole};
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use tenure_core::change::{Finding, Plan, Severity};
use tenure_core::journal::Draft;
use tenure_core::name::PlanId;
use tenure_core::wake::next_moment;
use tenure_store::NewJob;

/// Under which topic findings are counted day by day.
pub const FINDINGS: &str = "findings";

/// Makes a plan for a scope and keeps it.
///
/// # Errors
/// Nothing was ever pulled, the person asked for is not known, or the store failed.
#[tracing::instrument(name = "plan", skip_all)]
#[boxed]
pub async fn make_plan(house: &House, scope: &Scope, requested_by: &str) -> Result<Plan, EngineError> {
    let Derived { plan, .. } = derive(house, scope, requested_by).await?;
    keep(house, &plan, requested_by).await?;
    Ok(plan)
}

/// A plan that is not kept yet.
pub(crate) struct Derived {
    /// The plan.
    pub plan: Plan,
    /// When time alone may make another one of it (milliseconds since 1970, UTC).
    pub next_ms: Option<i64>,
}

/// Derives a plan from today's facts, and pins the links that were found on the way.
pub(crate) async fn derive(house: &House, scope: &Scope, requested_by: &str) -> Result<Derived, EngineError> {
    if !was_read(house).await? {
        return Err(EngineError::Asked("nothing was read yet; `tenure pull` first".into()));
    }
    let (mark, read_ms) = (house.store.mark().await?, house.clock.now_ms());
    let whole = match scope.identity {
        None => judge_whole(house, &scope.only, Some(requested_by)).await?,
        Some(_) => judge_person(house, scope, requested_by).await?,
    };
    let Whole { mut plan, findings, next_ms, pins } = whole;
    pin_all(house, pins, mark).await?;
    crate::budget::foresee(house, &mut plan).await?;
    if scope.identity.is_none() && scope.only.is_empty() {
        count_findings(house, &findings).await?;
        crate::client::tell_anew(house, &plan, read_ms).await?;
    }
    plan.findings = findings.iter().map(|finding| finding.id.clone()).collect();
    Ok(Derived { plan, next_ms })
}

/// Judges one person from what hangs together with them.
async fn judge_person(house: &House, scope: &Scope, requested_by: &str) -> Result<Whole, EngineError> {
    let company = company(house, scope).await?.with_counts(house).await?;
    let found = company.judge(house, Some(requested_by)).await?;
    let next_ms = next_moment(&found.graph, &company.facts, &house.policy, &found.plan);
    let pins = Pins::of(&company, &found.graph);
    Ok(Whole { plan: found.plan, findings: found.findings, next_ms, pins })
}

/// Counts today's findings by severity, to be seen day by day.
async fn count_findings(house: &House, findings: &[Finding]) -> Result<(), EngineError> {
    let mut amounts = BTreeMap::new();
    for finding in findings {
        let word = match finding.severity {
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Low => "low",
        };
        *amounts.entry(word.to_owned()).or_insert(0) += 1;
    }
    Ok(house.store.count_today(FINDINGS, &amounts, house.clock.now_ms()).await?)
}

/// Keeps a plan, and writes a line to the journal.
pub(crate) async fn keep(house: &House, plan: &Plan, requested_by: &str) -> Result<(), EngineError> {
    Ok(house.store.save_plan(plan, house.clock.now_ms(), vec![made(house, plan, requested_by)], &[]).await?)
}

/// Keeps a plan with the work that follows from it. The journal tells of it unless it is the newest already: a daemon
/// makes the same plan again and again, and it stays the plan of whoever asked for it.
pub(crate) async fn keep_waking(
    house: &House,
    plan: &Plan,
    requested_by: &str,
    woken: &[NewJob],
) -> Result<(), EngineError> {
    let newest = house.store.plan_briefs(1).await?.pop().filter(|newest| newest.id == plan.id);
    let told = newest.is_none().then(|| made(house, plan, requested_by)).into_iter().collect();
    let now_ms = house.clock.now_ms();
    match newest.and_then(|newest| newest.requested_by).filter(|who| Some(who) != plan.requested_by.as_ref()) {
        None => house.store.save_plan(plan, now_ms, told, woken).await?,
        asker => house.store.save_plan(&Plan { requested_by: asker, ..plan.clone() }, now_ms, told, woken).await?,
    }
    Ok(())
}

/// Returns the entry of the journal that tells of a plan.
fn made(house: &House, plan: &Plan, requested_by: &str) -> Draft {
    let mut body = serde_json::json!({
        "plan": plan.id, "digest": plan.digest, "steps": plan.steps.len(), "held": plan.held.len(),
    });
    if let Some(way) = &plan.way_back {
        body["reverts"] = serde_json::json!(way.run);
    }
    Draft {
        at: house.clock.now_text(),
        actor: requested_by.to_owned(),
        event: "plan_made".into(),
        run: None,
        step: None,
        body,
    }
}

/// The word for the newest plan, in the place of an id.
const LATEST: &str = "latest";

/// Returns the plan with this id, or the newest one.
///
/// # Errors
/// There is none.
#[boxed]
pub async fn find_plan(house: &House, id: Option<&str>) -> Result<Plan, EngineError> {
    match id {
        Some(id) if id != LATEST => house.store.plan(&PlanId::from(id)).await?.ok_or_else(|| {
            EngineError::Missing(format!("no plan has the id {id:?}; `tenure plan` makes one and shows its id"))
        }),
        _ => house
            .store
            .latest_plan()
            .await?
            .ok_or_else(|| EngineError::Missing("there is no plan yet; `tenure plan` makes one".into())),
    }
}
