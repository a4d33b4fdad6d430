//! Steps that are still wished and whose last try ended so that nobody knows what became of it: a finding each, until a read
//! shows that they are done or the next run has looked. Outcomes come from the store; nothing is asked of an app.

use crate::error::EngineError;
use crate::house::House;
use std::collections::BTreeMap;
use tenure_core::change::{Finding, FindingKind, Outcome, Plan, Severity, Step};
use tenure_core::finding::About;
use tenure_store::Store;

/// Steps of a plan that are looked at.
const STEPS_MAX: usize = 5_000;

/// Returns the steps of a plan of whose last try nobody knows what became.
pub(crate) async fn in_doubt<'p>(store: &Store, plan: &'p Plan) -> Result<Vec<&'p Step>, EngineError> {
    let steps: Vec<&Step> = plan.all_steps().take(STEPS_MAX).collect();
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = steps.iter().map(|step| &step.id).collect();
    let last = store.last_results(&ids).await?;
    let unknown = |step: &&Step| last.get(&step.id).is_some_and(|result| result.outcome == Outcome::Unknown);
    Ok(steps.into_iter().filter(unknown).collect())
}

/// Finds the steps of a plan that are in doubt.
pub(crate) async fn findings(house: &House, plan: &Plan) -> Result<Vec<Finding>, EngineError> {
    Ok(in_doubt(&house.store, plan).await?.into_iter().map(finding).collect())
}

fn finding(step: &Step) -> Finding {
    let mut about =
        About::new(FindingKind::OpenWork, Severity::Medium).connection(&step.connection).topic(step.id.as_str());
    if let Some(key) = &step.account_key {
        about = about.account(key);
    }
    if let Some(identity) = &step.identity {
        about = about.identity(identity);
    }
    let whom = step.person.as_deref().or(step.account.as_deref()).unwrap_or("somebody");
    let text = format!(
        "nobody knows what became of the {} of {whom} in {}; the next `tenure apply` looks before it does anything",
        step.effect, step.connection
    );
    let facts = BTreeMap::from([("step".to_owned(), step.id.as_str().into())]);
    about.finding(text, facts)
}
