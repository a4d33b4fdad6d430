//! What is worth telling a receiver: what waits for a yes, what a guard holds, what failed, what answers otherwise than before,
//! which tokens end. Counts, names of connections and ids, never names or addresses of people: whoever may know more signs in.
//! Each thing has a mark, by which it is told once for as long as it stands.

use super::settings::{MatterKind, ReceiverConfig};
use crate::error::EngineError;
use crate::house::House;
use crate::token::TokenState;
use crate::work::failed;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::change::{ApprovalState, Finding, Plan, Step};
use tenure_core::text::count_of;

/// Entries of the journal that are looked through for what failed.
const ENTRIES_MAX: usize = 2_000;
/// How a step ends that somebody should look at.
const FAILED: [&str; 3] = ["refused", "unsupported", "unknown"];

/// One thing to tell, as a receiver sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Matter {
    pub kind: MatterKind,
    /// How many there are of it.
    pub count: usize,
    /// In a sentence.
    pub text: String,
    /// Where to look, within the console.
    pub path: String,
    /// What it is made of.
    #[serde(skip)]
    pub marks: BTreeSet<String>,
}

/// Lists what stands, and what happened since entry `seq` of the journal; returns the last entry that was read.
pub(super) async fn gather(
    house: &House,
    receiver: &ReceiverConfig,
    seq: i64,
) -> Result<(Vec<Matter>, i64), EngineError> {
    let wants = |kind| receiver.kinds.contains(&kind);
    let mut matters = Vec::new();
    if let Some(plan) = house.store.latest_plan().await? {
        if wants(MatterKind::Waits) {
            matters.extend(waits(&plan, receiver));
        }
        if wants(MatterKind::Held) {
            matters.extend(held(&plan));
        }
    }
    let entries = house.store.read_journal(seq, ENTRIES_MAX).await?;
    let read = entries.last().map_or(seq, |entry| entry.seq);
    if wants(MatterKind::Failed) {
        let mut runs: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.event == "step_ended") {
            let word = |name: &str| entry.body.get(name).and_then(|word| word.as_str()).unwrap_or_default();
            if let (true, Some(run), Some(step)) = (FAILED.contains(&word("outcome")), &entry.run, &entry.step) {
                let of = runs.entry((run.to_string(), word("connection").to_owned())).or_default();
                of.insert(format!("failed {run} {step}"));
            }
        }
        matters.extend(runs.into_iter().map(|((run, connection), marks)| {
            let text = format!("{} in {connection} failed in run {run}", steps(marks.len()));
            Matter { kind: MatterKind::Failed, count: marks.len(), text, path: "/audit?q=step_ended".into(), marks }
        }));
        matters.extend(found(MatterKind::Failed, failed::findings(house).await?));
    }
    if wants(MatterKind::Drift) {
        matters.extend(found(MatterKind::Drift, crate::drift::findings(house).await?));
    }
    if wants(MatterKind::TokenExpires) {
        let tokens = crate::token::list(house).await?;
        let ending = tokens.into_iter().filter(|token| token.state == TokenState::Expiring);
        matters.extend(ending.map(|token| Matter {
            kind: MatterKind::TokenExpires,
            count: 1,
            text: format!("the token {:?} ends at {}", token.name, token.expires_at.as_deref().unwrap_or("some time")),
            path: "/audit?q=token".into(),
            marks: BTreeSet::from([format!("token {}", token.id)]),
        }));
    }
    Ok((matters, read))
}

fn steps(count: usize) -> String {
    count_of(count, "step")
}

fn waits(plan: &Plan, receiver: &ReceiverConfig) -> Option<Matter> {
    let theirs = |step: &&Step| {
        receiver.approvers.is_empty() || step.approval.from.iter().any(|of| receiver.approvers.contains(of))
    };
    let waiting = plan.steps.iter().filter(|step| step.approval.state == ApprovalState::Waiting).filter(theirs);
    let waiting: Vec<&Step> = waiting.collect();
    if waiting.is_empty() {
        return None;
    }
    let irreversible = waiting.iter().filter(|step| step.irreversible).count();
    let lost = if irreversible > 0 { format!(", {irreversible} of them cannot be undone") } else { String::new() };
    let (verb, count) = (if waiting.len() == 1 { "waits" } else { "wait" }, waiting.len());
    Some(Matter {
        kind: MatterKind::Waits,
        count,
        text: format!("{} of plan {} {verb} for a yes{lost}", steps(count), plan.id),
        path: format!("/plans/{}?by=person&only=waiting", plan.id),
        marks: waiting.iter().map(|step| format!("waits {}", step.id)).collect(),
    })
}

fn held(plan: &Plan) -> Vec<Matter> {
    let mut guards: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for hold in &plan.held {
        guards.entry(&hold.guard).or_default().insert(format!("held {} {}", hold.guard, hold.step.id));
    }
    let matter = |(guard, marks): (&str, BTreeSet<String>)| Matter {
        kind: MatterKind::Held,
        count: marks.len(),
        text: format!(
            "{} of plan {} {} held by the guard {guard}",
            steps(marks.len()),
            plan.id,
            if marks.len() == 1 { "is" } else { "are" }
        ),
        path: format!("/plans/{}#held", plan.id),
        marks,
    };
    guards.into_iter().map(matter).collect()
}

/// Tells findings by what they are about: their sentences may say more than a message should.
fn found(kind: MatterKind, findings: Vec<Finding>) -> Vec<Matter> {
    let matter = |finding: Finding| {
        let place = finding.connection.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
        let text = match kind {
            MatterKind::Drift => format!("the app answers otherwise than before{place}"),
            _ => format!("work was given up{place}"),
        };
        let path = finding.connection.as_ref().map_or_else(|| "/".to_owned(), |name| format!("/apps/{name}"));
        Matter { kind, count: 1, text, path, marks: BTreeSet::from([format!("finding {}", finding.id)]) }
    };
    findings.into_iter().map(matter).collect()
}
