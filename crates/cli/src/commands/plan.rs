//! `tenure plan`: shows what would change, what is held and why, and what it costs.
//! The plan is kept in the store, so that `approve` and `apply` speak of the same one.

use crate::arguments::PlanArguments;
use crate::exit::Exit;
use crate::output::Output;
use crate::place::Place;
use crate::time;
use anyhow::Context;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tenure_core::byhand::HandWork;
use tenure_core::change::{Approval, ApprovalState, Change, Plan, Step};
use tenure_core::name::{ConnectionName, Name, StepId};
use tenure_core::text::count_of;
use tenure_engine::act::{PlanAsked, plan_asked};
use tenure_engine::answer::Told;
use tenure_serve::api::writes;

/// Steps that are listed under one reason of holding.
const HELD_SHOWN: usize = 12;

/// Makes and shows a plan.
pub async fn run(place: &Place, arguments: &PlanArguments, output: &Output) -> anyhow::Result<Exit> {
    let asked = PlanAsked { only: arguments.only.clone(), identity: arguments.identity.clone() };
    let made = match place {
        Place::Here(house) => plan_asked(house, &asked, &crate::ground::actor(None)).await?,
        Place::There(remote) => remote.act::<writes::PlanNow>(&asked).await?,
    };
    write(&made.plan, arguments.out.as_deref())?;
    show(&made, output)?;
    Ok(exit(&made))
}

/// Writes a plan to a file, where one is given.
pub fn write(plan: &Plan, file: Option<&Path>) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    std::fs::write(file, serde_json::to_string_pretty(plan)?).with_context(|| format!("write {}", file.display()))
}

/// Returns the id of the plan that somebody names: by its id, or by the file that `plan --out` wrote.
///
/// # Errors
/// The file holds no plan.
pub fn named(text: &str) -> anyhow::Result<String> {
    let path = Path::new(text);
    if text.starts_with("p-") || !path.is_file() {
        return Ok(text.to_owned());
    }
    let no_plan = || crate::exit::Mistake(format!("{text} holds no plan; `tenure plan --out FILE` writes one"));
    let written = std::fs::read_to_string(path).with_context(|| format!("read {text}"))?;
    let plan: Plan = serde_json::from_str(&written).map_err(|_| no_plan())?;
    Ok(plan.id.to_string())
}

/// Picks the exit code: a guard that holds outweighs changes.
pub fn exit(told: &Told) -> Exit {
    if told.is_held() {
        Exit::Held
    } else if !told.plan.steps.is_empty() || !told.freed.is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    }
}

/// Shows a plan, and what keeps it from being applied at this moment.
pub fn show(told: &Told, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.document(told);
    }
    let plan = &told.plan;
    output.line(story(told));
    super::stop::show(&told.stopped, output);
    if !plan.steps.is_empty() || !told.freed.is_empty() {
        let waiting = plan.steps.iter().any(|step| step.approval.state == ApprovalState::Waiting);
        let next = if waiting { format!("tenure approve {} --as WHO, then ", plan.id) } else { String::new() };
        output.advice(format!("next: {next}tenure apply {}", plan.id));
    }
    Ok(())
}

/// Tells a plan as people read it: by person, each change before → after, then what is held, then the cost.
pub fn story(told: &Told) -> String {
    let plan = &told.plan;
    if plan.steps.is_empty() && plan.held.is_empty() {
        return format!("plan {}: nothing to change", plan.id);
    }
    let steps = count_of(plan.steps.len(), "step");
    let freed = if told.freed.is_empty() { String::new() } else { format!(", {} released", told.freed.len()) };
    let held = plan.held.len() - told.freed.len();
    let mut lines = vec![format!("plan {} · {steps}{freed}, {held} held", plan.id)];
    let mut by_person: BTreeMap<(String, String), Vec<&Step>> = BTreeMap::new();
    for step in &plan.steps {
        let id = step.identity.as_ref().map(ToString::to_string).unwrap_or_default();
        by_person.entry((step.person.clone().unwrap_or_else(|| "nobody's".into()), id)).or_default().push(step);
    }
    for ((person, _), steps) in by_person {
        lines.push(format!("\n{person}"));
        for step in steps {
            lines.extend(step_lines(step));
        }
    }
    lines.extend(held_lines(told));
    lines.push(cost(plan));
    lines.join("\n")
}

/// Tells what is held, and what was until somebody released it: each guard once with its reason, and the first steps
/// under it.
fn held_lines(told: &Told) -> Vec<String> {
    let freed: BTreeSet<&StepId> = told.freed.iter().collect();
    let mut by_reason: BTreeMap<_, Vec<&Step>> = BTreeMap::new();
    for hold in &told.plan.held {
        let is_freed = freed.contains(&hold.step.id);
        by_reason.entry((is_freed, &hold.guard, &hold.because, hold.release.as_ref())).or_default().push(&hold.step);
    }
    let mut lines = Vec::new();
    for ((is_freed, guard, because, release), steps) in by_reason {
        let word = told.released.iter().find(|word| is_freed && word.guard == *guard);
        lines.push(match is_freed {
            true => format!("\nrun all the same, though guard {guard} held: {because}"),
            false => format!("\nheld by guard {guard}: {because}"),
        });
        lines.extend(word.map(|word| {
            let until = word.until.as_deref().map(|until| format!(", until {until}")).unwrap_or_default();
            format!("  released by {} at {}{until}", word.by, word.at)
        }));
        lines.extend(release.filter(|_| !is_freed).map(|release| format!("  {release}")));
        for step in steps.iter().take(HELD_SHOWN) {
            let person = step.person.as_deref().unwrap_or("nobody's");
            let sign = if is_freed { sign(step) } else { "!" };
            lines.push(format!("  {sign} {} {} in {} · {person}", step.id, step.effect, step.connection));
        }
        if steps.len() > HELD_SHOWN {
            lines.push(format!("  … and {} more; --json lists them all", steps.len() - HELD_SHOWN));
        }
    }
    lines
}

fn sign(step: &Step) -> &'static str {
    match step.effect.as_str() {
        "create" | "grant" | "resume" => "+",
        "suspend" | "revoke" | "delete" => "-",
        _ => "~",
    }
}

fn step_lines(step: &Step) -> Vec<String> {
    let sign = sign(step);
    let account = step.account.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
    let mut lines =
        vec![format!("  {sign} {} {} {}{account}   {}", step.id, step.effect, step.connection, step.reason.text)];
    lines.extend(step.changes.iter().map(|change| format!("       {}", change_line(change))));
    match step.approval.state {
        ApprovalState::NotNeeded => {}
        ApprovalState::Waiting => lines.push(format!("       waits for {} of {}", step.approval.count, from(step))),
        ApprovalState::Approved => lines.push(format!("       {}", approved(&step.approval))),
        ApprovalState::Rejected => lines.push(format!("       rejected by {}", step.approval.by.join(", "))),
    }
    if let Some(loses) = &step.loses {
        let what = if step.irreversible { "cannot be undone" } else { "mind" };
        lines.push(format!("       {what}: {loses}"));
    }
    if let Some(work) = &step.by_hand {
        lines.extend(work_lines(work));
    }
    lines
}

/// Tells who said yes, and until when that holds.
pub fn approved(approval: &Approval) -> String {
    let until = approval.until.as_deref().map(|until| format!(", until {until}")).unwrap_or_default();
    format!("approved by {}{until}", approval.by.join(", "))
}

/// Tells what a person does by hand: what to click, the rows to import, by when.
fn work_lines(work: &HandWork) -> Vec<String> {
    let mut lines = vec![format!("       to do: {}", work.how)];
    if let Some(csv) = &work.csv {
        lines.extend(csv.lines().map(|line| format!("         {line}")));
    }
    let owner = work.owner.as_deref().map(|owner| format!("by {owner}"));
    let due = work.due.as_deref().map(|due| format!("due {due}"));
    let said: Vec<String> = owner.into_iter().chain(due).collect();
    if !said.is_empty() {
        lines.push(format!("       {}", said.join(", ")));
    }
    lines
}

fn from(step: &Step) -> String {
    if step.approval.from.is_empty() { "any approver".into() } else { step.approval.from.join(" or ") }
}

/// Writes a change as `field: before → after`; what had no value before is only told as it becomes.
pub fn change_line(change: &Change) -> String {
    let after = match (&change.refers_to, &change.after) {
        (Some(_), Value::Null) => "the account that is made for them".into(),
        (_, after) => value(after),
    };
    match &change.before {
        Some(before) if !before.is_null() => format!("{}: {} → {after}", change.field, value(before)),
        _ => format!("{}: {after}", change.field),
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) => items.iter().map(self::value).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Tells what a plan takes of one connection's seats, and how many are free where that is known.
fn seats_of(plan: &Plan, name: &ConnectionName) -> Option<String> {
    let taken = plan.cost.seats.get(name).copied().unwrap_or(0);
    match (taken, plan.cost.seats_free.get(name)) {
        (0, None) => None,
        (taken, None) => Some(format!("{name} {taken:+}")),
        (taken, Some(free)) => Some(format!("{name} {taken:+} ({free} free)")),
    }
}

fn cost(plan: &Plan) -> String {
    let requests: u64 = plan.cost.requests.values().sum();
    let names: BTreeSet<&ConnectionName> = plan.cost.seats.keys().chain(plan.cost.seats_free.keys()).collect();
    let seats: Vec<String> = names.into_iter().filter_map(|name| seats_of(plan, name)).collect();
    let seats = if seats.is_empty() { "none".into() } else { seats.join(", ") };
    let made_ms = plan.made_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond);
    let until = time::clock(plan.cost.seconds, made_ms).map(|end| format!(", done about {end}")).unwrap_or_default();
    let billing = billing(plan).map(|line| format!("\n{line}")).unwrap_or_default();
    format!("\ncost: seats {seats} · {requests} requests · {}{until}{billing}", time::span(plan.cost.seconds))
}

/// Tells how many accounts more and fewer there are under each name by which a vendor bills.
fn billing(plan: &Plan) -> Option<String> {
    let counts = |billed: &BTreeMap<Name, i64>| {
        billed.iter().map(|(name, count)| format!("{count:+} {name}")).collect::<Vec<_>>().join(", ")
    };
    let told: Vec<String> =
        plan.cost.billing.iter().map(|(name, billed)| format!("{name} {}", counts(billed))).collect();
    (!told.is_empty()).then(|| format!("billed by role: {}", told.join("; ")))
}
