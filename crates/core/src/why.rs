//! Why: from a thing back to its causes, in plain sentences.
//! Graph, wishes, findings and plan come in; nothing is computed that is not in them already.

use crate::account::AccountKey;
use crate::change::{ApprovalState, Finding, Plan, Step};
use crate::correlate::{Belonging, Graph, IdentityAt, StayCause};
use crate::decide::{ClientStanding, Standing, Wishes};
use crate::identity::IdentityState;
use crate::look::same;
use crate::name::{ConnectionName, StepId};
use serde_json::Value;

/// Explains an account: what it is, whose it is and why.
pub fn account(key: &AccountKey, graph: &Graph<'_>) -> Vec<String> {
    let Some(place) = graph.find_account(key) else { return vec![format!("{key} was not seen.")] };
    let account = graph.account_at(place);
    let mut lines = vec![format!("{key} is {}.", account.state)];
    match graph.belonging_at(place) {
        Belonging::Somebody(at, _) => {
            if let Some(link) = graph.link_at(place) {
                let pinned = if link.pinned { ", and the link is pinned" } else { "" };
                lines.push(format!(
                    "It belongs to {} ({}): {}{pinned}.",
                    graph.identity_at(at).label(),
                    link.identity,
                    link.evidence
                ));
            }
            lines.extend(identity(graph, at));
        }
        Belonging::Service(why) => lines.push(format!("It is set apart from people by {}.", why.as_str())),
        Belonging::Nobody => {
            lines.push("It belongs to nobody: no pinned link, no decision and no rule finds a person for it.".into());
        }
        Belonging::Ignored => lines.push("Its connection is not configured.".into()),
        Belonging::Disputed => {
            let about = graph.disputes().iter().find(|dispute| dispute.account.as_ref() == Some(key));
            let text = about.map_or("whose it is, cannot be told", |dispute| dispute.text.as_str());
            lines.push(format!("In dispute: {text}."));
        }
    }
    lines
}

/// Explains where an identity stands.
pub fn identity(graph: &Graph<'_>, at: IdentityAt) -> Vec<String> {
    let (identity, stay) = (graph.identity_at(at), graph.stay(at));
    let name = identity.label();
    let records: Vec<String> = identity.records.iter().map(ToString::to_string).collect();
    let known = match records.is_empty() {
        true => format!("{name} is known by a decision or from a SCIM client only."),
        false => format!("{name} is known from {}.", records.join(", ")),
    };
    let date =
        |date: Option<jiff::civil::Date>| date.map_or_else(|| "an unknown day".to_owned(), |date| date.to_string());
    let state = match (identity.state, &stay.cause) {
        (state, StayCause::Decision { by }) => format!("{name} is \"{state}\" because {by} decided it."),
        (IdentityState::Left, StayCause::Dates) => {
            format!("{name} left: the last day was {}.", date(identity.end_date))
        }
        (IdentityState::Future, _) => format!("{name} starts on {}.", date(identity.start_date)),
        (state, StayCause::Status) => format!("{name} is \"{state}\" because the source's status says so."),
        (state, StayCause::Record) => format!("{name} is \"{state}\" because the record is shut in its source."),
        (_, StayCause::Vanished) => {
            format!("{name}'s record is gone from its source; that alone makes nobody a leaver.")
        }
        (_, StayCause::Unreadable) => format!("Where {name} stands could not be read; nothing is done until it can."),
        (state, _) => format!("{name} is \"{state}\": the source lists them."),
    };
    vec![known, state]
}

/// Explains what is wished of a person in one connection, and by which rules.
pub fn wished(graph: &Graph<'_>, wishes: &Wishes, at: IdentityAt, connection: &ConnectionName) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(demand) = wishes.demands(at).and_then(|demands| demands.get(connection)) {
        let name = graph.identity_at(at).label();
        lines.push(match demand.standing {
            ClientStanding::Suspended => format!("{} wishes that {name} has no access to {connection}.", demand.client),
            ClientStanding::Present => format!("{} wishes that {name} is in {connection}.", demand.client),
            ClientStanding::IfThere => format!("{} wishes grants or fields of {name} in {connection}.", demand.client),
        });
    }
    match wishes.standing(at) {
        Standing::Present => {}
        Standing::Suspended => lines.push("Every account of somebody who left should be suspended.".into()),
        Standing::Absent => lines.push("The time to delete the accounts of somebody who left has come.".into()),
        Standing::Untouched => lines.push("Nothing is wished at present; the account is left as it is.".into()),
    }
    if wishes.standing(at) == Standing::Present {
        match wishes.bundle(at).wishes.get(connection) {
            Some(wish) => {
                lines.push(format!(
                    "In {connection}, {} wants them to be {}.",
                    quoted(&wish.rules),
                    wish.kind.with_article()
                ));
                for (word, wished) in &wish.grants {
                    let names: Vec<&str> = wished.grants.iter().map(|grant| grant.name.as_str()).collect();
                    lines.push(format!("Rule \"{}\" wishes {word} {}.", wished.rule, names.join(", ")));
                }
            }
            None => {
                lines.push(format!("No rule wishes an account in {connection} for {}.", graph.identity_at(at).label()))
            }
        }
        if let Some(past) = wishes.past(at, connection) {
            lines.push(format!("Before, {} wished it, which no longer fits.", quoted(&past.rules)));
        }
    }
    lines
}

fn quoted(rules: &[String]) -> String {
    let rules: Vec<String> = rules.iter().map(|rule| format!("rule \"{rule}\"")).collect();
    rules.join(" and ")
}

/// Explains a step: what it does, why, what it waits for.
pub fn step(step: &Step, graph: &Graph<'_>) -> Vec<String> {
    let mut lines = vec![format!("Step {} would {}.", step.id, deed(step)), format!("Because {}.", step.reason.text)];
    lines.extend(step.changes.iter().map(|change| {
        let before = change.before.as_ref().map_or_else(|| "unknown".to_owned(), shown);
        format!("{}: {before} → {}.", change.field, shown(&change.after))
    }));
    if let Some(place) = step.account_key.as_ref().and_then(|key| graph.find_account(key))
        && let Some(link) = graph.link_at(place)
    {
        lines.push(format!("The account is {}'s: {}.", step.person.as_deref().unwrap_or("somebody"), link.evidence));
    }
    if let Some(at) = step.identity.as_ref().and_then(|id| graph.find(id)) {
        lines.extend(identity(graph, at));
    }
    if let Some(loses) = &step.loses {
        lines.push(format!("What is lost: {loses}."));
    }
    lines.extend(step.needs.iter().map(|need| format!("It needs step {need} first.")));
    lines.extend(step.after.iter().map(|before| format!("It waits for step {before}, whatever becomes of it.")));
    lines.extend(approval(step));
    lines
}

fn deed(step: &Step) -> String {
    let whom = step.person.as_deref().unwrap_or("nobody known");
    match &step.account_key {
        Some(key) => format!("{} {key} of {whom}", step.effect),
        None => format!("{} {} in {} for {whom}", step.effect, step.kind.with_article(), step.connection),
    }
}

fn approval(step: &Step) -> Option<String> {
    let from = match step.approval.from.is_empty() {
        true => "somebody who neither asked nor is concerned".to_owned(),
        false => step.approval.from.join(" or "),
    };
    Some(match step.approval.state {
        ApprovalState::NotNeeded => return None,
        ApprovalState::Waiting => format!("It waits for {} of {from}.", step.approval.count),
        ApprovalState::Approved => {
            let until = step.approval.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
            format!("Approved by {}{until}.", step.approval.by.join(", "))
        }
        ApprovalState::Rejected => format!("Rejected by {}.", step.approval.by.join(", ")),
    })
}

/// Explains why a plan keeps a step back; nothing where it does not.
pub fn hold(id: &StepId, plan: &Plan) -> Option<String> {
    let hold = plan.held.iter().find(|hold| hold.step.id == *id)?;
    Some(format!("Guard {} holds it: {}.", hold.guard, hold.because))
}

/// Explains a finding: its sentence, and what is known of what it is about.
pub fn finding(finding: &Finding, graph: &Graph<'_>) -> Vec<String> {
    let mut lines = vec![format!("{}.", finding.text)];
    match (finding.account_key.as_ref(), finding.identity.as_ref().and_then(|id| graph.find(id))) {
        (Some(key), _) => lines.extend(account(key, graph)),
        (None, Some(at)) => lines.extend(identity(graph, at)),
        (None, None) => {}
    }
    lines
}

/// Lists the steps of a plan that would settle a finding.
pub fn settled_by(finding: &Finding, plan: &Plan) -> Vec<String> {
    let about = |step: &&Step| {
        (finding.account_key.is_some() && step.account_key == finding.account_key)
            || (finding.account_key.is_none() && finding.identity.is_some() && step.identity == finding.identity)
    };
    let steps = plan.all_steps().filter(about);
    steps.take(10).map(|step| format!("Step {} would {}.", step.id, deed(step))).collect()
}

fn shown(value: &Value) -> String {
    match value {
        value if same(value, &Value::Null, false) => "empty".into(),
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}
