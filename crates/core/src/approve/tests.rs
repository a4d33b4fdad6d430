//! What `approve` says, as facts: each test builds a small world of values and looks at what is derived from it.
//! Nothing here touches a disk, a clock or a network. It does not test what other verbs make of the result.

use crate::abilities::Effect;
use crate::account::AccountState;
use crate::approve::{Refusal, approval, may_approve, step_view};
use crate::change::{Approval, ApprovalState, Risk, Step};
use crate::facts::{Decided, Decision, Facts};
use crate::world::*;
use serde_json::json;

const ASKS: &str = "[[approve]]\nwhen = 'step.connection == \"desk\"'\nfrom = [\"security\"]\ncount = 2";

fn joiner() -> Facts {
    let mut facts = company();
    facts.accounts.push(support("4", "Dan"));
    facts
}

fn step(facts: &Facts, more: &str) -> Step {
    let rules = policy(more);
    walk(facts, &rules).plan.steps.into_iter().find(|step| step.connection == name("desk")).unwrap()
}

fn said(by: &str, what: Decided) -> Decision {
    Decision { seq: 0, at_ms: 0, by: by.into(), note: None, what }
}

fn judged(step: &Step, yes: &[&str], no: &[&str]) -> Approval {
    let approve = yes.iter().map(|by| said(by, Decided::Approve { step: step.id.clone() }));
    let reject = no.iter().map(|by| said(by, Decided::Reject { step: step.id.clone() }));
    let mut decisions: Vec<Decision> = approve.chain(reject).collect();
    (1..).zip(&mut decisions).for_each(|(seq, decision)| decision.seq = seq);
    approval(step, &decisions, Some("olga@acme.example"), None, &policy(ASKS), 0)
}

#[test]
fn nobody_is_asked_where_no_rule_says_so() {
    assert_eq!(step(&joiner(), "").approval.state, ApprovalState::NotNeeded);
    let nobody = format!("[[approve]]\nwhen = 'true'\nfrom = \"nobody\"\n{ASKS}");
    assert_eq!(step(&joiner(), &nobody).approval.state, ApprovalState::NotNeeded);
}

#[test]
fn enough_different_people_must_say_yes() {
    let step = step(&joiner(), ASKS);
    assert_eq!((step.approval.state, step.approval.count), (ApprovalState::Waiting, 2));
    assert_eq!(judged(&step, &["mia@acme.example"], &[]).state, ApprovalState::Waiting);
    assert_eq!(judged(&step, &["mia@acme.example", "MIA@acme.example "], &[]).state, ApprovalState::Waiting);
    let both = judged(&step, &["mia@acme.example", "Tom@acme.example"], &[]);
    assert_eq!((both.state, both.by.len()), (ApprovalState::Approved, 2));
}

#[test]
fn strangers_askers_and_the_concerned_have_no_say() {
    let step = step(&joiner(), ASKS);
    assert_eq!(judged(&step, &["mia@acme.example", "eve@acme.example"], &[]).state, ApprovalState::Waiting);
    let policy = policy(ASKS);
    let refusal = |who: &str, asker: Option<&str>| may_approve(&step, who, asker, None, &policy).unwrap_err();
    assert!(matches!(refusal("eve@acme.example", None), Refusal::NoApprover { .. }));
    assert!(matches!(refusal("mia@acme.example", Some("mia@acme.example")), Refusal::Asked { .. }));
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "work_email", json!("Mia@acme.example"));
    let graph = crate::correlate::correlate(&facts, &policy);
    let concerned = may_approve(&step, "mia@acme.example", None, graph.identity(&id_of("1")), &policy);
    assert!(matches!(concerned, Err(Refusal::Concerned { .. })));
    assert_eq!(may_approve(&step, "mia@acme.example", None, None, &policy), Ok(()));
}

#[test]
fn one_no_is_enough_until_it_is_taken_back() {
    let step = step(&joiner(), ASKS);
    let rejected = judged(&step, &["mia@acme.example"], &["tom@acme.example"]);
    assert_eq!(
        (rejected.state, rejected.by.as_slice()),
        (ApprovalState::Rejected, &["tom@acme.example".to_owned()][..])
    );
    let reject = said("tom@acme.example", Decided::Reject { step: step.id.clone() });
    let mut approve = said("tom@acme.example", Decided::Approve { step: step.id.clone() });
    approve.seq = 5;
    let judged = approval(&step, &[approve, reject], None, None, &policy(ASKS), 0);
    assert_eq!((judged.state, judged.by.len()), (ApprovalState::Waiting, 1));
}

#[test]
fn an_approval_does_not_outlive_its_step() {
    let mut facts = joiner();
    let before = step(&facts, ASKS);
    set(account_of(&mut facts, "hr/person/4"), "title", json!("Lead"));
    let after = step(&facts, ASKS);
    assert_ne!(before.id, after.id);
    let yes = said("mia@acme.example", Decided::Approve { step: before.id.clone() });
    assert!(approval(&after, &[yes], None, None, &policy(ASKS), 0).by.is_empty());
}

#[test]
fn a_yes_ends_and_a_no_does_not() {
    let step = step(&joiner(), ASKS);
    let said = |by: &str, at_ms: i64, seq: i64, what: Decided| Decision { at_ms, seq, ..said(by, what) };
    let yes = Decided::Approve { step: step.id.clone() };
    let day_ms = 86_400_000;
    let both = [said("mia@acme.example", 0, 1, yes.clone()), said("tom@acme.example", day_ms, 2, yes)];
    let at = |decisions: &[Decision], more: &str, now_ms: i64| {
        approval(&step, decisions, None, None, &policy(&format!("{ASKS}\n{more}")), now_ms)
    };
    let week = at(&both, "", 7 * day_ms - 1);
    assert_eq!((week.state, week.until.as_deref()), (ApprovalState::Approved, Some("1970-01-08T00:00:00Z")));
    let later = at(&both, "", 7 * day_ms);
    assert_eq!((later.state, later.by, later.until), (ApprovalState::Waiting, vec!["tom@acme.example".into()], None));
    assert_eq!(at(&both, "[approvals]\nvalid_for = \"36h\"", 2 * day_ms).state, ApprovalState::Waiting);
    let ever = at(&both, "[approvals]\nvalid_for = \"never\"", 9999 * day_ms);
    assert_eq!((ever.state, ever.until), (ApprovalState::Approved, None));
    let no = said("tom@acme.example", 0, 3, Decided::Reject { step: step.id.clone() });
    assert_eq!(at(&[no], "", 9999 * day_ms).state, ApprovalState::Rejected);
}

#[test]
fn a_decision_in_the_facts_is_in_the_plan() {
    let mut facts = joiner();
    let one = ASKS.replace("count = 2", "count = 1");
    let id = step(&facts, &one).id;
    decide(&mut facts, Decided::Approve { step: id });
    assert_eq!(step(&facts, &one).approval.state, ApprovalState::Approved);
}

#[test]
fn a_condition_sees_grants_and_the_person() {
    let sees = "[[approve]]\nwhen = 'step.grants.exists(g, g.kind == \"team\" && !g.privileged) && step.identity.department == \"Support\" && step.reason.kind == \"joiner\"'\nfrom = [\"security\"]";
    assert_eq!(step(&joiner(), sees).approval.state, ApprovalState::Waiting);
    let facts = joiner();
    let rules = policy("");
    let reconciled = walk(&facts, &rules);
    let view = step_view(&reconciled.plan.steps[0], None);
    assert_eq!(view["grants"][0], json!({"kind": "role", "name": "agent", "scope": null, "privileged": false}));
}

#[test]
fn what_an_account_held_while_it_was_out_is_granted_by_letting_it_in() {
    let privileged = "[[approve]]\nwhen = 'step.grants.exists(g, g.privileged)'\nfrom = [\"security\"]";
    let mut facts = company();
    let account = account_of(&mut facts, "desk/agent/1");
    account.state = AccountState::Suspended;
    let plain = step(&facts, privileged);
    assert_eq!((plain.effect, plain.approval.state), (Effect::Resume, ApprovalState::NotNeeded));
    // An administrator still, though a later step of the plan takes it: in between they are one.
    account_of(&mut facts, "desk/agent/1").grants[0] = grant("role", "admin");
    let admin = step(&facts, privileged);
    assert_eq!((admin.effect, admin.approval.state), (Effect::Resume, ApprovalState::Waiting));
    assert!(admin.changes.is_empty() && admin.risk == Risk::High && admin.reason.text.contains("admin"));
    assert_eq!(step_view(&admin, None)["grants"][0]["name"], "admin");
    assert_ne!(admin.id, plain.id, "a yes to the one is none to the other");
    let rules = policy(privileged);
    let waits = |step: &Step| step.approval.state == ApprovalState::Waiting;
    assert_eq!(walk(&facts, &rules).plan.steps.iter().filter(|step| waits(step)).count(), 1);
    // One that lets its person in already gets nothing by a change.
    account_of(&mut facts, "desk/agent/1").state = AccountState::Active;
    let held = walk(&facts, &rules).plan.held;
    assert!(!held.is_empty() && held.iter().all(|hold| !waits(&hold.step) && hold.step.regains.is_empty()));
}

#[test]
fn a_condition_that_makes_no_sense_asks_rather_than_lets_through() {
    let odd = "[[approve]]\nwhen = 'step.connection > 3'\nfrom = [\"security\"]";
    assert_eq!(step(&joiner(), odd).approval.state, ApprovalState::Waiting);
}
