//! Approve: who must say yes to a step, and whether they did.
//! `plan` asks what a step demands, `plan`, `apply` and the commands judge the decisions by it. A yes is bound to the
//! step's id, so it does not outlive what it was said to; whoever asked and whoever is concerned have no say.

use crate::change::{Approval, ApprovalState, Step};
use crate::correlate::attribute;
use crate::expression::Verdict;
use crate::facts::{Decided, Decision};
use crate::identity::Identity;
use crate::name::{EntitlementKind, StepId};
use crate::policy::Policy;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// How many different steps the demands remember.
const REMEMBERED_MAX: usize = 65_536;

/// Whose yes the steps of a plan demand. Steps that look the same to the policy are judged once.
#[derive(Debug)]
pub struct Demands<'p> {
    policy: &'p Policy,
    /// What the rules read of a step, sorted: one part or, for `step.identity.x`, two.
    reads: Vec<Vec<String>>,
    remembered: HashMap<String, Approval>,
}

impl<'p> Demands<'p> {
    /// Starts from the policy.
    pub fn new(policy: &'p Policy) -> Self {
        let mut reads: Vec<Vec<String>> = policy
            .approvals
            .iter()
            .flat_map(|rule| rule.when.reads())
            .map(|path| match path {
                [_, part, attribute, ..] if part == "identity" => vec![part.clone(), attribute.clone()],
                [_, part, ..] => vec![part.clone()],
                _ => Vec::new(),
            })
            .collect();
        reads.sort();
        reads.dedup();
        Self { policy, reads, remembered: HashMap::new() }
    }

    /// Returns what a step demands, before anybody has said anything.
    pub fn demand(&mut self, step: &Step, identity: Option<&Identity>) -> Approval {
        let view = self.view(step, identity);
        let key = format!("{}{view}", step.irreversible);
        if let Some(approval) = self.remembered.get(&key) {
            return approval.clone();
        }
        let approval = demand(step.irreversible, &view, self.policy);
        if self.remembered.len() < REMEMBERED_MAX {
            self.remembered.insert(key, approval.clone());
        }
        approval
    }

    fn view(&self, step: &Step, identity: Option<&Identity>) -> Value {
        if self.reads.iter().any(|path| path.is_empty() || path == &["identity"]) {
            return step_view(step, identity);
        }
        let (mut view, mut person) = (Map::new(), Map::new());
        for path in &self.reads {
            match &path[..] {
                [part] => {
                    view.insert(part.clone(), step_part(step, identity, part));
                }
                [_, name] => {
                    if let Some(value) = identity.and_then(|identity| attribute(identity, name)) {
                        person.insert(name.clone(), value);
                    }
                }
                _ => {}
            }
        }
        view.insert("identity".into(), Value::Object(person));
        Value::Object(view)
    }
}

fn demand(irreversible: bool, view: &Value, policy: &Policy) -> Approval {
    let rule = policy.approvals.iter().find(|rule| match rule.when.judge("step", view) {
        Verdict::Yes => true,
        Verdict::No => false,
        // A rule that cannot be judged asks rather than lets through.
        Verdict::Senseless(_) => !rule.from.is_empty(),
    });
    let (from, count) = match rule {
        Some(rule) if !rule.from.is_empty() => (rule.from.clone(), rule.count),
        _ if irreversible => (policy.approvers.keys().cloned().collect(), 1),
        _ => {
            return Approval {
                state: ApprovalState::NotNeeded,
                from: Vec::new(),
                count: 0,
                by: Vec::new(),
                until: None,
            };
        }
    };
    Approval { state: ApprovalState::Waiting, from, count, by: Vec::new(), until: None }
}

/// What a step can be asked for in a condition.
pub const PARTS: [&str; 12] = [
    "id",
    "connection",
    "effect",
    "kind",
    "account",
    "identity",
    "irreversible",
    "risk",
    "reason",
    "grants",
    "changes",
    "loses",
];

/// Returns a step as conditions see it.
pub fn step_view(step: &Step, identity: Option<&Identity>) -> Value {
    Value::Object(PARTS.iter().map(|part| ((*part).to_owned(), step_part(step, identity, part))).collect())
}

fn step_part(step: &Step, identity: Option<&Identity>, part: &str) -> Value {
    match part {
        "id" => json!(step.id),
        "connection" => json!(step.connection),
        "effect" => json!(step.effect),
        "kind" => json!(step.kind),
        "account" => json!(step.account),
        "identity" => identity.map_or_else(|| json!({}), crate::correlate::identity_view),
        "irreversible" => json!(step.irreversible),
        "risk" => json!(step.risk),
        "reason" => json!({"kind": step.reason.kind, "rule": step.reason.rule, "text": step.reason.text}),
        "loses" => json!(step.loses),
        "grants" => {
            let shown = |kind: &EntitlementKind, name: &str, scope: Option<&str>, privileged: bool| json!({"kind": kind, "name": name, "scope": scope, "privileged": privileged});
            let changes = step.changes.iter().filter_map(|change| change.entitlement.as_ref());
            let added = changes.flat_map(|change| change.add.iter().map(|grant| (&change.kind, grant)));
            let added = added.map(|(kind, grant)| shown(kind, &grant.name, grant.scope.as_deref(), grant.privileged));
            let regained = step.regains.iter();
            let regained =
                regained.map(|grant| shown(&grant.kind, &grant.name, grant.scope.as_deref(), grant.privileged));
            Value::Array(added.chain(regained).collect())
        }
        "changes" => {
            let changes = step
                .changes
                .iter()
                .map(|change| json!({"field": change.field, "before": change.before, "after": change.after}));
            Value::Array(changes.collect())
        }
        _ => Value::Null,
    }
}

/// Why somebody has no say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody is asked.
    #[error("it needs no approval")]
    NotNeeded,
    /// They are in none of the groups.
    #[error(
        "{who} is in none of the groups that may approve it ({groups}); [approvers] in policy.toml names their people"
    )]
    NoApprover {
        /// Who wanted to.
        who: String,
        /// Which groups may.
        groups: String,
    },
    /// They asked for it.
    #[error("{who} asked for it and may not approve it as well")]
    Asked {
        /// Who wanted to.
        who: String,
    },
    /// It is about them.
    #[error("{who} is the one concerned")]
    Concerned {
        /// Who wanted to.
        who: String,
    },
}

/// What people said about steps, found by the step: a plan may have thousands, each with what was said to it.
#[derive(Debug, Default, Clone)]
pub struct Said(HashMap<StepId, Vec<Decision>>);

impl Said {
    /// Takes out of decisions what they say about steps.
    pub fn of(decisions: &[Decision]) -> Self {
        let mut said = Self::default();
        said.hear(decisions);
        said
    }

    /// Hears further decisions.
    pub fn hear(&mut self, decisions: &[Decision]) {
        for decision in decisions {
            if let Decided::Approve { step } | Decided::Reject { step } = &decision.what {
                self.0.entry(step.clone()).or_default().push(decision.clone());
            }
        }
    }

    /// Lists what was said about one step.
    pub fn about(&self, step: &StepId) -> &[Decision] {
        self.0.get(step).map_or(&[], Vec::as_slice)
    }
}

/// Judges what people said to a step whose `approval` holds the demand, at the moment `now_ms`. `concerned` is the
/// person whose accounts it touches. A yes ends after the time that the policy says, a no does not.
pub fn approval(
    step: &Step,
    decisions: &[Decision],
    requested_by: Option<&str>,
    concerned: Option<&Identity>,
    policy: &Policy,
    now_ms: i64,
) -> Approval {
    let mut approval = Approval { by: Vec::new(), until: None, ..step.approval.clone() };
    if approval.state == ApprovalState::NotNeeded {
        return approval;
    }
    let mut said: BTreeMap<String, (&Decision, bool)> = BTreeMap::new();
    for decision in decisions {
        let yes = match &decision.what {
            Decided::Approve { step: of } if *of == step.id => true,
            Decided::Reject { step: of } if *of == step.id => false,
            _ => continue,
        };
        if may_approve(step, &decision.by, requested_by, concerned, policy).is_err() {
            continue;
        }
        let newest = said.entry(folded(&decision.by)).or_insert((decision, yes));
        if decision.seq >= newest.0.seq {
            *newest = (decision, yes);
        }
    }
    let rejected: Vec<String> = said.values().filter(|(_, yes)| !yes).map(|(no, _)| no.by.clone()).collect();
    if !rejected.is_empty() {
        return Approval { state: ApprovalState::Rejected, by: rejected, ..approval };
    }
    let end_of = |yes: &Decision| policy.valid_for.map_or(i64::MAX, |valid| yes.at_ms.saturating_add(valid.as_ms()));
    said.retain(|_, (yes, _)| now_ms < end_of(yes));
    approval.by = said.values().map(|(yes, _)| yes.by.clone()).collect();
    let mut ends: Vec<i64> = said.values().map(|(yes, _)| end_of(yes)).collect();
    ends.sort_unstable_by(|one, other| other.cmp(one));
    // It holds for as long as enough of them hold.
    let last = ends.get(approval.count.max(1) as usize - 1);
    approval.state = if last.is_some() { ApprovalState::Approved } else { ApprovalState::Waiting };
    approval.until = last.and_then(|ms| Timestamp::from_millisecond(*ms).ok()).map(|moment| moment.to_string());
    approval
}

/// Tells whether somebody has a say: in one of the groups (anybody, where the policy has none), not the one who asked
/// for the plan or said what happens to the person, not the one concerned.
///
/// # Errors
/// Why they have none.
pub fn may_approve(
    step: &Step,
    who: &str,
    requested_by: Option<&str>,
    concerned: Option<&Identity>,
    policy: &Policy,
) -> Result<(), Refusal> {
    if step.approval.state == ApprovalState::NotNeeded {
        return Err(Refusal::NotNeeded);
    }
    let from = &step.approval.from;
    let is_who = |other: &str| folded(other) == folded(who);
    let members = || from.iter().filter_map(|group| policy.approvers.get(group)).flatten();
    if !from.is_empty() && !members().any(|member| is_who(member)) {
        return Err(Refusal::NoApprover { who: who.to_owned(), groups: from.join(", ") });
    }
    if requested_by.is_some_and(is_who) || step.reason.by.as_deref().is_some_and(is_who) {
        return Err(Refusal::Asked { who: who.to_owned() });
    }
    let is_concerned = concerned.is_some_and(|identity| {
        identity.emails.iter().any(|email| is_who(email)) || identity.attributes.text("name").is_some_and(is_who)
    });
    match is_concerned {
        true => Err(Refusal::Concerned { who: who.to_owned() }),
        false => Ok(()),
    }
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests;
