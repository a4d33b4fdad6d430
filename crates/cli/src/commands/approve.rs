//! `tenure approve` and `tenure reject`: records what a person decided about steps.
//! A plan stands for all of its steps that wait. The decision is bound to step ids: a step that changes is asked anew.

use crate::arguments::ApproveArguments;
use crate::commands::plan::approved;
use crate::exit::{Exit, Mistake};
use crate::output::Output;
use tenure_core::change::ApprovalState;
use tenure_engine::decide::{By, Verdict, judge_steps, release as let_run};
use tenure_engine::house::House;
use tenure_engine::plan::find_plan;

/// Which way it was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The steps may run.
    Yes,
    /// They may not.
    No,
}

/// Records the decision and shows where each step stands.
pub async fn run(house: &House, arguments: &ApproveArguments, answer: Answer, output: &Output) -> anyhow::Result<Exit> {
    let Some(by) = arguments.said.by.as_deref().filter(|by| !by.trim().is_empty()) else {
        return Err(
            Mistake("a decision needs a name: --as WHO (an address of [approvers] in the policy)".into()).into()
        );
    };
    let verdict = match answer {
        Answer::Yes => Verdict::Approve,
        Answer::No => Verdict::Reject,
    };
    if !arguments.release.is_empty() {
        let by = By { who: by.to_owned(), note: arguments.said.note.clone() };
        return release(house, arguments, answer, by, output).await;
    }
    let steps = judge_steps(house, &arguments.things, verdict, by, arguments.said.note.clone()).await?;
    if output.json {
        output.document(&serde_json::json!({ "steps": steps.iter().map(|step| serde_json::json!({
            "id": step.id, "connection": step.connection, "effect": step.effect, "approval": step.approval,
        })).collect::<Vec<_>>() }))?;
    } else if steps.is_empty() {
        output.line("nothing of it waits for an approval");
    } else {
        output.table(
            &["step", "effect", "where", "who", "approval"],
            steps.iter().map(|step| {
                let state = match step.approval.state {
                    ApprovalState::Approved => approved(&step.approval),
                    ApprovalState::Rejected => format!("rejected by {}", step.approval.by.join(", ")),
                    ApprovalState::NotNeeded => "not needed".into(),
                    ApprovalState::Waiting => {
                        format!("waits: {} of {} said yes", step.approval.by.len(), step.approval.count)
                    }
                };
                vec![
                    step.id.to_string(),
                    step.effect.to_string(),
                    step.connection.to_string(),
                    step.person.clone().unwrap_or_default(),
                    state,
                ]
            }),
        );
    }
    Ok(Exit::Done)
}

/// Records that guards are released, and shows which steps are free by that.
async fn release(
    house: &House,
    arguments: &ApproveArguments,
    answer: Answer,
    by: By,
    output: &Output,
) -> anyhow::Result<Exit> {
    let ([thing], Answer::Yes) = (arguments.things.as_slice(), answer) else {
        return Err(Mistake("a guard is released by `approve`, for one plan".into()).into());
    };
    let plan = find_plan(house, Some(thing)).await?;
    let steps = let_run(house, &plan, &arguments.release, by).await?;
    if output.json {
        output.document(&serde_json::json!({ "plan": plan.id, "released": arguments.release, "steps": steps }))?;
        return Ok(Exit::Done);
    }
    output.line(format!("{} held steps of {} may run, in this plan only", steps.len(), plan.id));
    output.advice(format!("next: tenure apply {}", plan.id));
    Ok(Exit::Done)
}
