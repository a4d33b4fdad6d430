//! `tenure apply`: does the permitted steps of a plan and reports each.
//! On a terminal it asks first. Interrupted, the same command goes on where it was stopped.

use crate::arguments::ApplyArguments;
use crate::commands::plan::change_line;
use crate::exit::Exit;
use crate::output::Output;
use crate::place::Place;
use crate::{ground, progress};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use tenure_core::change::{FieldOutcome, Outcome, Plan, Step, StepResult};
use tenure_core::name::StepId;
use tenure_engine::act::ApplyAsked;
use tenure_engine::apply::{ApplyReport, apply};
use tenure_serve::api::reads::{self, Identified};
use tenure_serve::api::writes;

/// Applies.
pub async fn run(place: &Place, arguments: &ApplyArguments, output: &Output) -> anyhow::Result<Exit> {
    let named = arguments.plan.as_deref().map(crate::commands::plan::named).transpose()?;
    let id = named.unwrap_or_else(|| "latest".into());
    let told = match place {
        Place::Here(house) => tenure_engine::answer::plan(house, &id).await?,
        Place::There(remote) => remote.ask::<reads::Plan>(&Identified { id }).await?,
    };
    let plan = &told.plan;
    let asks = !arguments.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if asks && !(plan.steps.is_empty() && told.freed.is_empty()) {
        eprintln!("{}", crate::commands::plan::story(&told));
        ground::confirm("Do these steps?")?;
    }
    let report = match place {
        Place::Here(house) => {
            apply(house, plan, &ground::actor(arguments.by.as_deref()), &progress::listener(output)).await?
        }
        Place::There(remote) => remote.act::<writes::Apply>(&ApplyAsked { plan: Some(plan.id.to_string()) }).await?,
    };
    show(plan, &report, output)?;
    Ok(exit(&report))
}

/// Picks the exit code.
pub fn exit(report: &ApplyReport) -> Exit {
    let failed = |result: &StepResult| {
        matches!(result.outcome, Outcome::Moved | Outcome::Refused | Outcome::Unsupported | Outcome::Unknown)
    };
    if report.steps.iter().any(failed) || report.steps.iter().any(|r| r.outcome == Outcome::Skipped && !report.waits(r))
    {
        if report.all_unreachable() { Exit::Unreachable } else { Exit::Incomplete }
    } else if report.held > 0 || report.steps.iter().any(|result| report.waits(result)) {
        Exit::Held
    } else {
        Exit::Done
    }
}

/// Shows what became of each step.
pub fn show(plan: &Plan, report: &ApplyReport, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.document(report);
    }
    if report.steps.is_empty() {
        output.line(nothing_to_do(plan));
        return Ok(());
    }
    output.line(format!("run {}", report.run));
    let released = plan.held.iter().map(|hold| &hold.step);
    let steps: BTreeMap<&StepId, &Step> = plan.steps.iter().chain(released).map(|step| (&step.id, step)).collect();
    for result in &report.steps {
        let Some(step) = steps.get(&result.id) else { continue };
        let person = step.person.as_deref().unwrap_or("nobody's");
        output.line(format!(
            "  {} {:<12} {:<8} {:<14} {person}",
            sign(result.outcome),
            crate::commands::findings::word(&result.outcome),
            step.effect,
            step.connection
        ));
        for change in &step.changes {
            let outcome = result.fields.get(&change.field);
            let mark = match outcome {
                Some(FieldOutcome::Applied) => "✓",
                Some(FieldOutcome::Ignored) => "✗ ignored",
                Some(FieldOutcome::Pending) => "… pending",
                Some(FieldOutcome::Unknown) => "? unknown",
                None => continue,
            };
            output.line(format!("      {} {mark}", change_line(change)));
        }
        if let Some(because) = &result.because {
            output.line(format!("      {because}"));
        }
    }
    let count = |outcome: Outcome| report.steps.iter().filter(|result| result.outcome == outcome).count();
    let done = count(Outcome::Done) + count(Outcome::AlreadyTrue);
    output.line(format!("{done} of {} steps done; {} held", report.steps.len(), report.held));
    Ok(())
}

/// Says why there is nothing to do: nothing is wished, or guards hold all of it.
fn nothing_to_do(plan: &Plan) -> String {
    let mut held: BTreeMap<&str, usize> = BTreeMap::new();
    for hold in &plan.held {
        *held.entry(hold.guard.as_str()).or_default() += 1;
    }
    if held.is_empty() {
        return format!("plan {}: nothing to do", plan.id);
    }
    let guards: Vec<String> = held.iter().map(|(guard, count)| format!("{count} by guard {guard}")).collect();
    let steps = if plan.held.len() == 1 { "1 step is" } else { "all its steps are" };
    format!("plan {}: nothing can be done now, {steps} held: {}", plan.id, guards.join(", "))
}

fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done | Outcome::AlreadyTrue => "✓",
        Outcome::Pending => "…",
        Outcome::Unknown => "?",
        Outcome::Skipped => "-",
        Outcome::Moved | Outcome::Refused | Outcome::Unsupported => "✗",
    }
}
