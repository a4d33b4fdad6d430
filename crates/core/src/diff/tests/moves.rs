//! What a move between jobs changes: both sides of it, also where the app goes one way only.
//! Each test starts from the company that is as wished. It does not test how steps are carried out.

use super::{steps, texts};
use crate::abilities::{Effect, KindAbility};
use crate::account::{Account, Kind};
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
