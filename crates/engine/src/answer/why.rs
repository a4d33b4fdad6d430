//! `why`: walks back from an account, a step or a finding to its causes, in plain sentences.

use crate::decide::{find_account, find_step, parse_account};
use crate::error::EngineError;
use crate::house::House;
use crate::reconcile::{Scope, company};
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenure_core::account::AccountKey;
use tenure_core::why;

/// Why a thing is as it is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Because {
    /// What was asked about.
    pub thing: String,
    /// Sentence by sentence.
    pub because: Vec<String>,
}

/// Explains an account (`CONNECTION/ID`), a step (`s-…`) or a finding (`f-…`).
///
/// # Errors
/// It is none of them, or the store failed.
#[boxed]
pub async fn why(house: &House, thing: &str) -> Result<Because, EngineError> {
    let thing = thing.trim();
    let company = company(house, &Scope::default()).await?;
    let found = company.judge(house, None).await?;
    let because = if thing.starts_with("s-") {
        let kept = find_step(house, thing).await?;
        let all = found.plan.steps.iter().chain(found.plan.held.iter().map(|hold| &hold.step));
        let step = all.into_iter().find(|step| step.id.as_str() == thing).cloned().or(kept);
        let step = step.ok_or_else(|| missing("step", thing, "plan"))?;
        let mut sentences = why::step(&step, &found.graph);
        sentences.extend(crate::audit::told_of_step(house, &step.id).await?);
        sentences.extend(why::hold(&step.id, &found.plan));
        sentences
    } else if thing.starts_with("f-") {
        let finding = found.findings.iter().find(|finding| finding.id.as_str() == thing);
        let finding = finding.ok_or_else(|| missing("finding", thing, "findings"))?;
        let mut sentences = why::finding(finding, &found.graph);
        sentences.extend(why::settled_by(finding, &found.plan));
        sentences
    } else {
        why::account(&resolve(house, thing).await?, &found.graph)
    };
    Ok(Because { thing: thing.to_owned(), because })
}

fn missing(what: &str, thing: &str, command: &str) -> EngineError {
    EngineError::Missing(format!("no {what} has the id {thing:?}; `tenure {command}` shows them"))
}

async fn resolve(house: &House, thing: &str) -> Result<AccountKey, EngineError> {
    let found = find_account(house, thing).await;
    found.map_err(|error| match (&error, parse_account(thing)) {
        (EngineError::Store(_), _) | (_, Some(_)) => error,
        _ => EngineError::Missing(format!("{thing:?} is no account (CONNECTION/ID), step (s-…) or finding (f-…)")),
    })
}
