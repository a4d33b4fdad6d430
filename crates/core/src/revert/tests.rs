//! The way back, over the small company: what a run did is undone, what somebody did since is left alone, and ids that
//! changed are followed. Nothing here touches a disk, a clock or a network.

use super::*;
use crate::account::{AccountKey, AccountState, Kind};
use crate::change::{Change, FieldOutcome, Outcome};
use crate::policy::Policy;
use crate::world::*;
use serde_json::json;
use std::collections::BTreeMap;

/// Plans, makes the world so, and returns what a run would have kept of it.
fn run(facts: &mut Facts, policy: &Policy) -> Vec<Taken> {
    pin(facts, policy);
    let steps = walk(facts, policy).plan.steps;
    carry_out(facts, &steps, &BTreeMap::new());
    let taken = |step: Step| {
        let account = match step.effect {
            Effect::Create => Some(format!("new-{}", step.id)),
            _ => step.account.clone(),
        };
        let fields = step.changes.iter().map(|change: &Change| (change.field.clone(), FieldOutcome::Applied)).collect();
        let result = StepResult { id: step.id.clone(), outcome: Outcome::Done, fields, because: None, account };
        Taken { step, result }
    };
    steps.into_iter().map(taken).collect()
}

fn back(facts: &Facts, policy: &Policy, taken: &[Taken]) -> Plan {
    revert(&RunId::from("r-1"), taken, facts, policy, &asked())
}

fn shown(plan: &Plan) -> Vec<String> {
    let change = |change: &Change| {
        format!(" {} {}→{}", change.field, change.before.as_ref().map_or("?".into(), ToString::to_string), change.after)
    };
    let step = |step: &Step| {
        let changes: String = step.changes.iter().map(change).collect();
        format!("{} {} {}{changes}", step.effect, step.connection, step.account.as_deref().unwrap_or("-"))
    };
    let stays = plan.way_back.iter().flat_map(|way| &way.stays).map(|stays| format!("stays: {}", stays.because));
    let held = plan.held.iter().map(|hold| format!("[{}] {}", hold.guard, step(&hold.step)));
    plan.steps.iter().map(step).chain(held).chain(stays).collect()
}

fn moved() -> (Facts, Policy, Vec<Taken>) {
    let mut facts = company();
    let policy = policy("");
    account_of(&mut facts, "desk/agent/1").grants = vec![grant("role", "observer"), grant("team", "Old")];
    set(account_of(&mut facts, "hr/person/1"), "title", json!("Lead"));
    let taken = run(&mut facts, &policy);
    (facts, policy, taken)
}

#[test]
fn what_was_changed_and_granted_is_put_back() {
    let (mut facts, policy, taken) = moved();
    let plan = back(&facts, &policy, &taken);
    assert_eq!(
        shown(&plan),
        [
            r#"update desk 1 role "agent"→"observer" title "Lead"→"Agent""#,
            r#"revoke desk 1 teams ["Old","Tier 1"]→["Old"]"#,
            "stays: external_id was empty before, and fields are never emptied",
        ]
    );
    assert!(plan.steps.iter().all(|step| step.reason.kind == crate::change::ReasonKind::Decision));
    carry_out(&mut facts, &plan.steps, &BTreeMap::new());
    let again = back(&facts, &policy, &taken);
    assert!(again.steps.is_empty(), "{:?}", shown(&again));
}

#[test]
fn what_somebody_changed_since_is_left_alone() {
    let (mut facts, policy, taken) = moved();
    set(account_of(&mut facts, "desk/agent/1"), "title", json!("Boss"));
    let shown = shown(&back(&facts, &policy, &taken));
    assert!(shown.contains(&"stays: title was changed since, to \"Boss\"; that is left alone".to_owned()), "{shown:?}");
    assert!(!shown.iter().any(|line| line.contains("title \"")), "{shown:?}");
}

#[test]
fn a_team_that_somebody_added_since_stays() {
    let (mut facts, policy, taken) = moved();
    account_of(&mut facts, "desk/agent/1").grants.push(grant("team", "Night"));
    let shown = shown(&back(&facts, &policy, &taken));
    assert_eq!(shown[1], r#"revoke desk 1 teams ["Night","Old","Tier 1"]→["Night","Old"]"#);
}

#[test]
fn an_account_that_was_made_is_shut_and_not_deleted() {
    let mut facts = company();
    let policy = policy("");
    without(&mut facts, "desk/agent/2");
    let taken = run(&mut facts, &policy);
    let plan = back(&facts, &policy, &taken);
    assert_eq!(plan.steps.iter().map(|step| step.effect).collect::<Vec<_>>(), [Effect::Suspend]);
    assert!(plan.steps[0].reason.text.contains("the account stays, shut"), "{}", plan.steps[0].reason.text);
}

#[test]
fn an_id_that_changed_since_is_followed_by_its_person() {
    let (mut facts, policy, taken) = moved();
    account_of(&mut facts, "desk/agent/1").key = AccountKey::new(&name("desk"), Kind::Agent, "77");
    let plan = back(&facts, &policy, &taken);
    assert_eq!(plan.steps.iter().map(|step| step.account.as_deref()).collect::<Vec<_>>(), [Some("77"), Some("77")]);
}

#[test]
fn an_id_that_is_somebody_elses_now_is_left_alone() {
    let (mut facts, policy, taken) = moved();
    for link in facts.links.iter_mut().filter(|link| link.account.to_string() == "desk/agent/1") {
        link.identity = id_of("2");
    }
    let shown = shown(&back(&facts, &policy, &taken));
    assert!(shown.iter().all(|line| line == "stays: the account is Ben Doe's now"), "{shown:?}");
    assert!(!shown.is_empty());
}

#[test]
fn who_was_suspended_is_let_in_again_and_a_deletion_is_said() {
    let mut facts = company();
    let policy = policy("");
    set(account_of(&mut facts, "hr/person/3"), "status", json!("terminated"));
    let mut taken = run(&mut facts, &policy);
    assert_eq!(account_of(&mut facts, "desk/agent/3").state, AccountState::Suspended);
    let mut deleted = taken[0].clone();
    deleted.step.effect = Effect::Delete;
    taken.push(deleted);
    let shown = shown(&back(&facts, &policy, &taken));
    assert!(shown.contains(&"resume desk 3".to_owned()), "{shown:?}");
    assert!(shown.iter().any(|line| line.contains("a deletion cannot be undone")), "{shown:?}");
}

#[test]
fn guards_hold_the_way_back_too() {
    let mut facts = company();
    let policy = policy("");
    without(&mut facts, "desk/agent/2");
    let taken = run(&mut facts, &policy);
    connection_of(&mut facts, "desk").coverage = Some(crate::facts::Coverage::Partial);
    let plan = back(&facts, &policy, &taken);
    assert!(plan.steps.is_empty());
    assert_eq!(plan.held[0].guard, "partial");
}

#[test]
fn a_step_that_did_nothing_is_not_taken_back() {
    let (facts, policy, mut taken) = moved();
    for taken in &mut taken {
        taken.result.outcome = Outcome::AlreadyTrue;
    }
    let plan = back(&facts, &policy, &taken);
    assert!(plan.steps.is_empty());
    for taken in &mut taken {
        taken.result.outcome = Outcome::Unknown;
    }
    assert!(shown(&back(&facts, &policy, &taken))[0].contains("nobody knows yet"));
}
