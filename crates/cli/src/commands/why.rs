//! `tenure why`: walks back from an account, a step or a finding to its causes, in plain sentences.

use crate::arguments::WhyArguments;
use crate::exit::{Exit, Mistake};
use crate::output::Output;
use tenure_core::why;
use tenure_engine::decide::parse_account;
use tenure_engine::house::House;
use tenure_engine::reconcile::{Scope, company};

/// Explains one thing.
pub async fn run(house: &House, arguments: &WhyArguments, output: &Output) -> anyhow::Result<Exit> {
    let thing = arguments.thing.trim();
    let company = company(house, &Scope::default()).await?;
    let found = company.judge(house, None).await?;
    let sentences = if thing.starts_with("s-") {
        let kept = tenure_engine::decide::find_step(house, thing).await?;
        let all = found.plan.steps.iter().chain(found.plan.held.iter().map(|hold| &hold.step));
        let step = all.into_iter().find(|step| step.id.as_str() == thing).cloned().or(kept);
        let step = step.ok_or_else(|| Mistake(format!("no step has the id {thing:?}; `tenure plan` shows them")))?;
        let mut sentences = why::step(&step, &found.graph);
        sentences.extend(tenure_engine::audit::told_of_step(house, &step.id).await?);
        sentences.extend(why::hold(&step.id, &found.plan));
        sentences
    } else if thing.starts_with("f-") {
        let finding = found.findings.iter().find(|finding| finding.id.as_str() == thing);
        let finding =
            finding.ok_or_else(|| Mistake(format!("no finding has the id {thing:?}; `tenure findings` shows them")))?;
        let mut sentences = why::finding(finding, &found.graph);
        sentences.extend(why::settled_by(finding, &found.plan));
        sentences
    } else {
        let account = resolve(house, thing).await?;
        why::account(&account, &found.graph)
    };
    if output.json {
        output.document(&serde_json::json!({ "thing": thing, "because": sentences }))?;
    } else {
        for sentence in sentences {
            output.line(format!("· {sentence}"));
        }
    }
    Ok(Exit::Done)
}

async fn resolve(house: &House, thing: &str) -> anyhow::Result<tenure_core::account::AccountKey> {
    let found = tenure_engine::decide::find_account(house, thing).await;
    found.map_err(|error| match parse_account(thing) {
        Some(_) => anyhow::Error::from(error),
        None => Mistake(format!("{thing:?} is no account (CONNECTION/ID), step (s-…) or finding (f-…)")).into(),
    })
}
