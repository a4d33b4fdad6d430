//! `tenure approve` and `tenure reject`: records what a person decided about steps.
//! A plan stands for all of its steps that wait. The decision is bound to step ids: a step that changes is asked anew.

use crate::arguments::ApproveArguments;
use crate::commands::plan::{approved, named};
use crate::exit::Exit;
use crate::ground;
use crate::output::Output;
use crate::place::Place;
use std::collections::BTreeMap;
use tenure_core::change::{Approval, ApprovalState, Step};
use tenure_core::name::StepId;
use tenure_engine::act::{ApproveAsked, Judged, judge};
use tenure_engine::decide::Verdict;
use tenure_serve::api::writes;

/// How many steps are named where there are many.
const LISTED_MAX: usize = 5;

/// Which way it was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The steps may run.
    Yes,
    /// They may not.
    No,
}

/// Records the decision and shows where each step stands.
pub async fn run(place: &Place, arguments: &ApproveArguments, answer: Answer, output: &Output) -> anyhow::Result<Exit> {
    let ApproveArguments { things, release, said } = arguments;
    let things = things.iter().map(|thing| named(thing)).collect::<anyhow::Result<Vec<_>>>()?;
    let asked = ApproveAsked { things, release: release.clone(), note: said.note.clone() };
    let judged = match (place, answer) {
        (Place::Here(house), answer) => {
            let by = ground::named(
                said.by.as_deref(),
                "a decision needs a name: --as WHO (an address of [approvers] in the policy)",
            )?;
            let verdict = if answer == Answer::Yes { Verdict::Approve } else { Verdict::Reject };
            judge(house, &asked, verdict, by, None).await?
        }
        (Place::There(remote), Answer::Yes) => remote.ask::<writes::Approve>(&asked).await?,
        (Place::There(remote), Answer::No) => remote.ask::<writes::Reject>(&asked).await?,
    };
    show(&judged, output)?;
    Ok(Exit::Done)
}

fn show(judged: &Judged, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.document(judged);
    }
    if let Some(plan) = &judged.plan {
        output.line(format!("{} held steps of {plan} may run, in this plan only", judged.steps.len()));
        output.advice(format!("next: tenure apply {plan}"));
        return Ok(());
    }
    if !judged.withheld.is_empty() {
        output.line(format!("what {} held there stays held", judged.withheld.join(", ")));
    } else if judged.steps.is_empty() && judged.done.is_empty() {
        output.line("nothing of it waits for an approval");
    }
    if !judged.steps.is_empty() {
        let row = |step: &Step| {
            vec![
                step.id.to_string(),
                step.effect.to_string(),
                step.connection.to_string(),
                step.person.clone().unwrap_or_default(),
                stands(&step.approval),
            ]
        };
        output.table(&["step", "effect", "where", "who", "approval"], judged.steps.iter().map(row));
    }
    if !judged.done.is_empty() {
        output.line(format!("done already, so that it counts for none of them: {}", listed(judged.done.iter())));
    }
    // One line for each reason: a plan may have thousands of steps that wait for others.
    let mut others: BTreeMap<&str, Vec<&StepId>> = BTreeMap::new();
    for (id, because) in &judged.not_yours {
        others.entry(because).or_default().push(id);
    }
    for (because, steps) in others {
        output.line(format!("not yours to decide about: {}: {because}", listed(steps.into_iter())));
    }
    Ok(())
}

/// Names some steps, and says how many more there are.
fn listed<'a>(steps: impl ExactSizeIterator<Item = &'a StepId>) -> String {
    let more = steps.len().saturating_sub(LISTED_MAX);
    let named: Vec<&str> = steps.take(LISTED_MAX).map(StepId::as_str).collect();
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}

fn stands(approval: &Approval) -> String {
    match approval.state {
        ApprovalState::Approved => approved(approval),
        ApprovalState::Rejected => format!("rejected by {}", approval.by.join(", ")),
        ApprovalState::NotNeeded => "not needed".into(),
        ApprovalState::Waiting => format!("waits: {} of {} said yes", approval.by.len(), approval.count),
    }
}
