//! What a move between jobs changes: both sides of it, also where the app goes one way only.
//! Each test starts from the company that is as wished. It does not test how steps are carried out.

use super::{steps, texts};
use crate::abilities::{Effect, KindAbility};
use crate::account::{Account, AccountState, Kind};
use crate::change::FindingKind;
use crate::facts::Facts;
use crate::world::*;
use serde_json::json;

/// Ann answered for IT as an agent of the service desk, and works in Support now.
fn back_from_it() -> Facts {
    let mut facts = company();
    let mut before = support("1", "Ann");
    set(&mut before, "department", json!("IT"));
    facts.history.push(before);
    let held = account_of(&mut facts, "service/requester/1");
    as_agent(held);
    let desk = abilities_of(&mut facts, "desk").kinds[&Kind::Agent].clone();
    let kinds = &mut abilities_of(&mut facts, "service").kinds;
    let agent: &mut KindAbility = kinds.get_mut(&Kind::Agent).unwrap();
    agent.takes_seat = true;
    for effect in [Effect::Grant, Effect::Revoke] {
        agent.effects.insert(effect, desk.effects[&effect].clone());
    }
    agent.entitlements.insert("groups".into(), desk.entitlements["teams"].clone());
    kinds.get_mut(&Kind::Requester).unwrap().cannot.insert(Effect::Convert, "only the app goes that way".into());
    facts
}

fn as_agent(account: &mut Account) {
    account.key.kind = Kind::Agent;
    account.grants = vec![grant("role", "IT Agent"), grant("team", "Network")];
    account.grants_known = vec!["role".into(), "team".into()];
}

const IT: &str = "[[grant]]\nname = \"network\"\nwhen = 'identity.department == \"IT\"'\n[grant.to]\n\
                  service = { as = \"agent\", groups = [\"Network\"] }";

#[test]
fn who_moved_to_a_lesser_job_loses_what_the_app_can_take_and_a_person_turns_the_record_back() {
    let mut facts = back_from_it();
    account_of(&mut facts, "service/agent/1").name = Some("Ann Old".into());
    assert_eq!(
        steps(&facts, IT),
        [
            "update service mover Ann: name \"Ann Old\"→\"Ann Doe\"",
            "revoke service mover Ann: groups [\"Network\"]→[]",
            "manual service mover Ann",
        ]
    );
    let plan = walk(&facts, &policy(IT)).plan;
    let (manual, work) = (&plan.steps[2], plan.steps[2].by_hand.as_ref().unwrap());
    assert_eq!((work.does, manual.kind), (Effect::Convert, Kind::Requester));
    assert!(work.how.ends_with("only the app goes that way"), "{}", work.how);
    assert_eq!(plan.cost.seats.get(&name("service")), None, "nobody takes a seat by it");
    let last = &texts(&facts, IT, FindingKind::UnsupportedChange)[0];
    assert!(last.starts_with("Ann Doe holds roles IT Agent in service, which no rule wishes"), "{last}");
    assert!(texts(&facts, IT, FindingKind::ExtraGrant)[0].contains("is an agent in service where a requester is"));
}

#[test]
fn whom_no_rule_made_mightier_is_said_and_keeps_what_they_hold() {
    let mut facts = back_from_it();
    facts.history.clear();
    assert_eq!(steps(&facts, IT), [""; 0]);
    assert_eq!(texts(&facts, IT, FindingKind::ExtraGrant).len(), 3, "the kind, the role and the group");
    let revoke = format!("{IT}\n[[manage]]\nconnections = [\"service\"]\nextra_grants = \"revoke\"");
    assert_eq!(steps(&facts, &revoke), ["revoke service drift Ann: groups [\"Network\"]→[]"]);
}

const OFFICE: &str = "[[grant]]\nname = \"leads\"\nwhen = 'identity.title == \"Lead\"'\n[grant.to]\n\
                      desk = { role = \"agent\", teams = [\"Leads\"] }";

#[test]
fn who_only_gains_moved_as_well_and_each_wish_names_the_rule_that_made_it() {
    let mut facts = company();
    facts.history.push(support("1", "Ann"));
    set(account_of(&mut facts, "hr/person/1"), "title", json!("Lead"));
    set(account_of(&mut facts, "desk/agent/1"), "title", json!("Lead"));
    assert_eq!(steps(&facts, OFFICE), ["grant desk mover Ann: teams [\"Tier 1\"]→[\"Leads\",\"Tier 1\"]"]);
    let reason = walk(&facts, &policy(OFFICE)).plan.steps.remove(0).reason;
    assert_eq!(reason.rule.as_deref(), Some("leads"));
    assert_eq!(reason.text, "Ann Doe: rule \"leads\" wishes teams Leads");
    account_of(&mut facts, "desk/agent/1").grants.retain(|grant| &*grant.kind.0 == "role");
    let reason = walk(&facts, &policy(OFFICE)).plan.steps.remove(0).reason;
    assert_eq!(reason.text, "Ann Doe: rule \"support agents\" and rule \"leads\" wish teams Leads, Tier 1");
    account_of(&mut facts, "desk/agent/1").grants.push(grant("team", "Leads"));
    let drift = walk(&facts, &policy(OFFICE)).plan.steps.remove(0).reason;
    assert_eq!(
        (drift.kind.as_str(), drift.rule.as_deref()),
        ("drift", Some("support agents")),
        "it fitted before, too"
    );
}

#[test]
fn narrower_bounds_replace_the_wider_ones_in_one_step_that_shows_both() {
    let mut facts = back_from_it();
    facts.history.clear();
    set(account_of(&mut facts, "hr/person/1"), "department", json!("IT"));
    let held = account_of(&mut facts, "service/agent/1");
    held.grants.retain(|grant| grant.name.as_str() == "IT Agent");
    held.grants[0].scope = Some("entire_helpdesk".into());
    let narrow = POLICY.replace("entire_helpdesk", "member_groups");
    let rules = crate::policy::Policy::parse(&narrow, "policy.toml").unwrap();
    let walked = walk(&facts, &rules);
    let all: Vec<_> = shown(&walked).into_iter().filter(|step| step.contains("service")).collect();
    assert_eq!(all, ["grant service drift Ann: roles [\"IT Agent (entire_helpdesk)\"]→[\"IT Agent (member_groups)\"]"]);
    let step = walked.plan.steps.iter().find(|step| step.effect == Effect::Grant).unwrap();
    assert_eq!(step.reason.text, "Ann Doe: rule \"it\" wishes roles IT Agent (member_groups)");
    let asked = step.changes[0].entitlement.as_ref().unwrap();
    assert_eq!(asked.remove[0].scope.as_ref().unwrap().as_str(), "entire_helpdesk");
    let told = findings_of(&walked, FindingKind::ExtraGrant);
    assert!(told.iter().all(|finding| !finding.text.contains("IT Agent")), "{told:?}");
}

/// Gives people of the company new addresses in HR.
fn renamed(addresses: &[(&str, &str)]) -> Facts {
    let mut facts = company();
    pin(&mut facts, &policy(""));
    for (id, address) in addresses {
        set(account_of(&mut facts, &format!("hr/person/{id}")), "work_email", json!(address));
        account_of(&mut facts, &format!("desk/agent/{id}")).external_id = Some((*id).into());
    }
    facts
}

#[test]
fn who_takes_an_address_waits_for_who_gives_it_up() {
    let facts = renamed(&[("1", "ben@acme.example"), ("2", "benjamin@acme.example")]);
    let plan = walk(&facts, &policy("")).plan;
    let desk: Vec<_> = plan.steps.iter().filter(|step| step.connection == name("desk")).collect();
    let people: Vec<_> = desk.iter().map(|step| step.person.as_deref().unwrap()).collect();
    assert_eq!(people, ["Ben Doe", "Ann Doe"]);
    assert_eq!(desk[1].needs, [desk[0].id.clone()]);
    assert!(desk[0].needs.is_empty());
}

#[test]
fn two_who_would_take_each_others_address_are_said_and_not_asked_for_in_vain() {
    let mut facts = renamed(&[("1", "ben@acme.example"), ("2", "ann@acme.example"), ("3", "cleo2@acme.example")]);
    set(account_of(&mut facts, "hr/person/1"), "title", json!("Lead"));
    assert_eq!(
        steps(&facts, ""),
        [
            "update desk drift Ann: title \"Agent\"→\"Lead\"",
            "update desk drift Cleo: login \"cleo@acme.example\"→\"cleo2@acme.example\"",
            "update service drift Cleo: login \"cleo@acme.example\"→\"cleo2@acme.example\"",
        ]
    );
    let told = texts(&facts, "", FindingKind::UnsupportedChange);
    assert_eq!(told.len(), 4, "both of them, in both apps: {told:?}");
    assert!(told[0].contains("should become ben@acme.example, which Ben Doe has there"), "{told:?}");
    account_of(&mut facts, "desk/agent/2").login = Some("set.aside@acme.example".into());
    let desk = steps(&facts, "").into_iter().filter(|step| step.contains("desk") && step.contains("login")).count();
    assert_eq!(desk, 3, "once one is set aside by hand, the rest goes by itself");
}

#[test]
fn who_was_put_out_on_the_word_of_their_record_comes_back_and_who_kept_an_account_was_never_away() {
    for (field, word) in [("status", "terminated"), ("end_date", "2026-05-31")] {
        let mut facts = company();
        let mut gone = support("1", "Ann");
        set(&mut gone, field, json!(word));
        facts.history.push(gone);
        set(account_of(&mut facts, "hr/person/1"), "title", json!("Lead"));
        let expected = ["update desk mover Ann: external_id null→\"1\", title \"Agent\"→\"Lead\""];
        assert_eq!(steps(&facts, ""), expected, "{field}: a bad export put nobody out");
        account_of(&mut facts, "desk/agent/1").state = AccountState::Suspended;
        assert_eq!(
            steps(&facts, ""),
            ["resume desk rehire Ann", "update desk rehire Ann: external_id null→\"1\", title \"Agent\"→\"Lead\""],
            "{field}"
        );
    }
    // A last day that has not come, or was taken back before it came, sent nobody away.
    let mut facts = company();
    let mut leaving = support("1", "Ann");
    set(&mut leaving, "end_date", json!("2099-05-31"));
    facts.history.push(leaving);
    account_of(&mut facts, "desk/agent/1").state = AccountState::Suspended;
    assert!(!steps(&facts, "").iter().any(|step| step.contains("rehire")), "{:?}", steps(&facts, ""));
}
