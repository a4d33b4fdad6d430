//! `why`: walks back from an account, a step or a finding to its causes, in plain sentences.

use crate::decide::{find_account, parse_account, step_of_plan};
use crate::error::EngineError;
use crate::house::House;
use crate::reconcile::{Company, Scope, company, company_about, company_of};
use crate::whole::judge_whole;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenure_core::account::AccountKey;
use tenure_core::why;
use tenure_store::{Extent, Loaded, Managers, Seed};

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
    let because = match thing.get(..2) {
        Some("s-") => of_step(house, thing).await?,
        Some("f-") => of_finding(house, thing).await?,
        _ => {
            let account = resolve(house, thing).await?;
            let loaded = house.store.load_cluster(&about(&account), Managers::Loaded).await?;
            why::account(&account, &near(house, loaded).await?.graph(house))
        }
    };
    Ok(Because { thing: thing.to_owned(), because })
}

async fn of_step(house: &House, thing: &str) -> Result<Vec<String>, EngineError> {
    let (kept, plan) = match step_of_plan(house, thing).await? {
        Some(known) => known,
        None => {
            let plan = judge_whole(house, &[], None).await?.plan;
            let step = plan.all_steps().find(|step| step.id.as_str() == thing).cloned();
            (step.ok_or_else(|| missing("step", thing, "plan"))?, plan)
        }
    };
    let company = company_about(house, &[&kept]).await?;
    let found = company.judge(house, None).await?;
    let step = found.plan.all_steps().find(|step| step.id == kept.id).unwrap_or(&kept);
    let mut sentences = why::step(step, &found.graph);
    sentences.extend(crate::audit::told_of_step(house, &step.id).await?);
    sentences.extend(why::hold(&step.id, &plan).or_else(|| why::hold(&step.id, &found.plan)));
    let guard = plan.held.iter().find(|hold| hold.step.id == step.id).map(|hold| &hold.guard);
    let released = if guard.is_some() { super::releases(house, &plan).await? } else { Vec::new() };
    let word = released.iter().find(|release| Some(&release.guard) == guard);
    sentences.extend(word.map(|word| format!("{} released it for plan {} at {}.", word.by, plan.id, word.at)));
    Ok(sentences)
}

/// A finding is known by judging everybody; what it is about, and what would settle it, is looked at by itself.
async fn of_finding(house: &House, thing: &str) -> Result<Vec<String>, EngineError> {
    let all = super::kept::all(house).await?;
    let finding = all.iter().find(|finding| finding.id.as_str() == thing);
    let finding = finding.ok_or_else(|| missing("finding", thing, "findings"))?;
    let seed = Seed {
        identities: finding.identity.iter().cloned().collect(),
        accounts: finding.account_key.iter().cloned().collect(),
        keys: Vec::new(),
    };
    let loaded = house.store.load_cluster(&seed, Managers::Loaded).await?;
    let company = near(house, loaded).await?.with_counts(house).await?;
    let found = company.judge(house, None).await?;
    let mut sentences = why::finding(finding, &found.graph);
    sentences.extend(why::settled_by(finding, &found.plan));
    Ok(sentences)
}

fn about(account: &AccountKey) -> Seed {
    Seed { accounts: vec![account.clone()], ..Seed::default() }
}

/// Takes what hangs together with a thing; everything where that is too much.
async fn near(house: &House, loaded: Loaded) -> Result<Company, EngineError> {
    match loaded.extent {
        Extent::Cut => company(house, &Scope::default()).await,
        _ => company_of(house, &Scope::default(), loaded).await,
    }
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
