//! What `plan` says, as facts: each test builds a small world of values and looks at what is derived from it.
//! Nothing here touches a disk, a clock or a network. It does not test what other verbs make of the result.

use crate::change::Risk;
use crate::world::*;
use serde_json::json;

#[test]
fn an_empty_plan_costs_nothing() {
    let facts = company();
    let rules = policy("");
    let plan = walk(&facts, &rules).plan;
    assert!(plan.steps.is_empty() && plan.cost.requests.is_empty() && plan.cost.seconds == 0.0);
}

#[test]
fn leavers_go_first_and_takings_last() {
    let mut facts = company();
    facts.accounts.push(support("4", "Dan"));
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!("2026-11-20"));
    account_of(&mut facts, "desk/agent/2").grants.push(grant("team", "Old"));
    account_of(&mut facts, "desk/agent/3").name = Some("Cleopatra".into());
    let rules = policy("[[manage]]\nconnections = [\"desk\"]\nextra_grants = \"revoke\"");
    let reconciled = walk(&facts, &rules);
    let effects: Vec<&str> = reconciled.plan.steps.iter().map(|step| step.effect.as_str()).collect();
    assert_eq!(effects, ["suspend", "suspend", "create", "create", "update", "revoke"]);
}

#[test]
fn a_plan_says_what_it_costs() {
    let mut facts = company();
    facts.accounts.push(support("4", "Dan"));
    let rules = policy("");
    let cost = walk(&facts, &rules).plan.cost;
    assert_eq!((cost.seats[&name("desk")], cost.requests[&name("desk")], cost.seconds), (1, 2, 1.0));
}

#[test]
fn taking_away_and_privileges_are_risky() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!("2026-11-20"));
    facts.accounts.push(support("4", "Dan"));
    let rules = policy("");
    let risks: Vec<Risk> = walk(&facts, &rules).plan.steps.iter().map(|step| step.risk).collect();
    assert_eq!(risks, [Risk::High, Risk::High, Risk::Low, Risk::Low]);
}

#[test]
fn the_digest_leaves_approvals_out() {
    let mut facts = company();
    facts.accounts.push(support("4", "Dan"));
    let rules = policy("[[approve]]\nwhen = 'true'\nfrom = [\"security\"]");
    let before = walk(&facts, &rules).plan;
    decide(&mut facts, crate::facts::Decided::Approve { step: before.steps[0].id.clone() });
    let after = walk(&facts, &rules).plan;
    assert_ne!(before.steps[0].approval, after.steps[0].approval);
    assert_eq!((before.id, before.digest), (after.id, after.digest));
}

#[test]
fn a_change_of_a_billed_role_shows_what_it_does_to_the_bill() {
    let billed = |facts: &mut crate::facts::Facts| {
        let agent = abilities_of(facts, "desk").kinds.get_mut(&crate::account::Kind::Agent).unwrap();
        agent.entitlements.get_mut("role").unwrap().billed = true;
    };
    let counts = |facts: &crate::facts::Facts| {
        let cost = walk(facts, &policy("")).plan.cost;
        let billing = cost.billing.get(&name("desk")).cloned().unwrap_or_default();
        billing.into_iter().map(|(name, count)| format!("{name} {count:+}")).collect::<Vec<_>>()
    };
    let mut facts = company();
    account_of(&mut facts, "desk/agent/2").grants[0] = grant("role", "observer");
    assert!(counts(&facts).is_empty(), "roles are not billed here");
    billed(&mut facts);
    assert_eq!(counts(&facts), ["agent +1", "observer -1"]);
    facts.accounts.push(support("4", "Dan"));
    assert_eq!(counts(&facts), ["agent +2", "observer -1"], "somebody new is billed as well");
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!("2026-11-20"));
    assert_eq!(counts(&facts), ["agent +1", "observer -1"], "whoever is put out is billed no more");
}
