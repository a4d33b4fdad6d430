//! What `diff` says, as facts: each test builds a small world of values and looks at what is derived from it.
//! Nothing here touches a disk, a clock or a network. It does not test what other verbs make of the result.

mod moves;
mod scopes;
mod sessions;

use crate::abilities::{Effect, FieldAbility, Sessions};
use crate::account::{AccountKey, AccountState, Fields, Kind};
use crate::change::{FindingKind, Severity};
use crate::facts::{ClientAsks, ClientWish, Decided, Facts};
use crate::world::*;
use serde_json::json;
use std::sync::Arc;

fn steps(facts: &Facts, more: &str) -> Vec<String> {
    shown(&walk(facts, &policy(more)))
}

fn texts(facts: &Facts, more: &str, kind: FindingKind) -> Vec<String> {
    let rules = policy(more);
    findings_of(&walk(facts, &rules), kind).into_iter().map(|finding| finding.text.clone()).collect()
}

#[test]
fn a_company_as_wished_needs_nothing() {
    let facts = company();
    let rules = policy("");
    let reconciled = walk(&facts, &rules);
    assert_eq!(shown(&reconciled), [""; 0]);
    assert!(reconciled.findings.is_empty(), "{:?}", reconciled.findings);
}

#[test]
fn a_joiner_gets_accounts_with_everything_that_is_known() {
    let mut facts = company();
    facts.accounts.push(support("4", "Dan"));
    assert_eq!(
        steps(&facts, ""),
        [
            "create desk joiner Dan: external_id null→\"4\", login null→\"dan@acme.example\", name null→\"Dan Doe\", title null→\"Agent\", role null→\"agent\", teams null→[\"Tier 1\"]",
            "create service joiner Dan: login null→\"dan@acme.example\", name null→\"Dan Doe\"",
        ]
    );
}

#[test]
fn a_joiner_without_an_address_is_said_and_not_made() {
    let mut facts = company();
    let mut dan = support("4", "Dan");
    dan.fields.remove("work_email");
    facts.accounts.push(dan);
    assert!(steps(&facts, "").is_empty());
    assert!(texts(&facts, "", FindingKind::MissingAccount)[0].contains("needs login"));
}

#[test]
fn an_address_that_somebody_else_signs_in_with_makes_no_second_account() {
    let mut facts = company();
    pin(&mut facts, &policy(""));
    let mut ann = support("9", "Ann");
    set(account_of(&mut facts, "hr/person/1"), "work_email", json!("ann.smith@acme.example"));
    set(&mut ann, "name", json!("Ann Other"));
    facts.accounts.push(ann);
    let made = steps(&facts, "").into_iter().filter(|step| step.starts_with("create")).count();
    assert_eq!(made, 0);
    assert!(
        texts(&facts, "", FindingKind::MissingAccount)[0].contains("of Ann Doe signs in with ann@acme.example already")
    );
}

#[test]
fn no_account_is_made_while_whose_one_is_is_in_dispute() {
    let mut facts = company();
    let mut twin = support("9", "Ann");
    set(&mut twin, "name", json!("Ann Other"));
    facts.accounts.push(twin);
    assert!(steps(&facts, "").is_empty());
    assert_eq!(texts(&facts, "", FindingKind::MissingAccount).len(), 4);
}

#[test]
fn a_new_name_and_address_follow() {
    let mut facts = company();
    pin(&mut facts, &policy(""));
    let row = account_of(&mut facts, "hr/person/1");
    set(row, "work_email", json!("ann.smith@acme.example"));
    set(row, "name", json!("Ann Smith"));
    let expected = "login \"ann@acme.example\"→\"ann.smith@acme.example\", name \"Ann Doe\"→\"Ann Smith\"";
    assert_eq!(
        steps(&facts, ""),
        [
            format!("update desk drift Ann: external_id null→\"1\", {expected}"),
            format!("update service drift Ann: {expected}")
        ]
    );
}

#[test]
fn case_alone_is_no_difference_where_the_app_folds_it() {
    let mut facts = company();
    account_of(&mut facts, "desk/agent/1").login = Some("Ann@Acme.Example".into());
    assert!(steps(&facts, "").is_empty());
}

#[test]
fn what_the_app_spells_alike_is_no_difference_and_what_it_has_no_word_for_stops_nobody() {
    let mut facts = company();
    let pairs = [("Paris", "Paris"), ("Oslo", "Stockholm"), ("Stockholm", "Stockholm")];
    let spellings = pairs.into_iter().map(|(one, back)| (one.into(), back.into())).collect();
    let agent = abilities_of(&mut facts, "desk").kinds.get_mut(&Kind::Agent).unwrap();
    let zone = FieldAbility {
        from: Some("time_zone".into()),
        at_create: true,
        at_update: true,
        spellings: Arc::new(spellings),
        ..FieldAbility::default()
    };
    agent.fields.insert("time_zone".into(), zone);
    for (id, here, there) in [("1", "Oslo", "Stockholm"), ("2", "Oslo", "Paris"), ("3", "Panama", "Paris")] {
        set(account_of(&mut facts, &format!("hr/person/{id}")), "time_zone", json!(here));
        set(account_of(&mut facts, &format!("desk/agent/{id}")), "time_zone", json!(there));
    }
    let mut dan = support("4", "Dan");
    set(&mut dan, "time_zone", json!("Panama"));
    facts.accounts.push(dan);
    let steps = steps(&facts, "");
    let of =
        |what: &str| steps.iter().find(|step| step.starts_with(what)).unwrap_or_else(|| panic!("{what}: {steps:?}"));
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert!(of("update desk drift Ben").ends_with("time_zone \"Paris\"→\"Stockholm\""), "{steps:?}");
    assert!(!of("create desk joiner Dan").contains("time_zone"), "{steps:?}");
    let told = texts(&facts, "", FindingKind::UnsupportedChange);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|text| text.contains("time_zone in desk should be \"Panama\"")), "{told:?}");
}

#[test]
fn what_the_app_does_not_tell_is_never_changed() {
    let mut facts = company();
    let account = account_of(&mut facts, "desk/agent/1");
    account.fields.remove("title");
    account.name = None;
    account.grants.clear();
    account.grants_known.clear();
    assert!(steps(&facts, "").is_empty());
    let told = texts(&facts, "", FindingKind::UnsupportedChange);
    let because = "does not tell which teams desk/agent/1 holds, so nothing is written there; Tier 1 is wished";
    assert!(told.iter().any(|text| text.contains(because)), "{told:?}");
    assert!(told.iter().any(|text| text.contains("which role desk/agent/1 holds")), "{told:?}");
    assert_eq!(told.len(), 2);
}

#[test]
fn what_a_mover_should_lose_and_the_app_does_not_tell_is_work_that_is_said() {
    let mut facts = company();
    facts.history.push(support("1", "Ann"));
    set(account_of(&mut facts, "hr/person/1"), "department", json!("Success"));
    let account = account_of(&mut facts, "desk/agent/1");
    account.grants.retain(|grant| grant.kind.as_str() != "team");
    account.grants_known.retain(|kind| kind.as_str() != "team");
    let success = "[[grant]]\nname = \"success\"\nwhen = 'identity.department == \"Success\"'\n[grant.to]\n\
                   desk = { role = \"agent\", teams = [\"Success\"] }";
    assert!(steps(&facts, success).is_empty());
    let told = &texts(&facts, success, FindingKind::UnsupportedChange)[0];
    let lacks = "Success is wished: see whether it is there, and grant it by hand; ";
    let gone = "Tier 1 was wished before a move and is no more: take it away by hand";
    assert!(told.ends_with(&format!("{lacks}{gone}")), "{told}");
}

#[test]
fn what_is_empty_is_filled_with_something_else_or_when_asked() {
    let mut facts = company();
    set(account_of(&mut facts, "desk/agent/1"), "title", json!(null));
    assert!(steps(&facts, "").is_empty());
    let filled = "update desk drift Ann: external_id null→\"1\", title null→\"Agent\"";
    let key = |first: &str, id: u8| format!("update desk drift {first}: external_id null→\"{id}\"");
    let fill = "[[manage]]\nconnections = [\"desk\"]\nfields = \"fill\"";
    assert_eq!(steps(&facts, fill), [filled, &key("Ben", 2), &key("Cleo", 3)]);
    let ben = account_of(&mut facts, "desk/agent/2").key.clone();
    facts.ignored.insert(ben, ["external_id".into()].into());
    assert_eq!(steps(&facts, fill), [filled, &key("Cleo", 3)], "the app did not show it a moment ago");
    account_of(&mut facts, "desk/agent/1").name = Some("Anne Doe".into());
    assert_eq!(
        steps(&facts, ""),
        ["update desk drift Ann: external_id null→\"1\", name \"Anne Doe\"→\"Ann Doe\", title null→\"Agent\""]
    );
}

#[test]
fn fields_that_are_off_stay_and_names_follow() {
    let mut facts = company();
    let account = account_of(&mut facts, "desk/agent/1");
    set(account, "title", json!("Boss"));
    account.external_id = Some("1".into());
    let off = "[[manage]]\nconnections = [\"desk\"]\nfields = \"off\"";
    assert_eq!(steps(&facts, ""), ["update desk drift Ann: title \"Boss\"→\"Agent\""]);
    assert!(steps(&facts, off).is_empty());
}

#[test]
fn a_key_that_somebody_left_is_not_overwritten() {
    let mut facts = company();
    pin(&mut facts, &policy(""));
    let account = account_of(&mut facts, "desk/agent/1");
    account.external_id = Some("theirs".into());
    account.name = Some("Anne".into());
    assert_eq!(steps(&facts, ""), ["update desk drift Ann: name \"Anne\"→\"Ann Doe\""]);
}

#[test]
fn a_field_that_cannot_be_changed_is_said_with_the_reason() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "phone", json!("1"));
    set(account_of(&mut facts, "desk/agent/1"), "phone", json!("2"));
    assert!(steps(&facts, "").is_empty());
    assert!(texts(&facts, "", FindingKind::UnsupportedChange)[0].ends_with("only the owner can"));
}

#[test]
fn a_field_that_the_app_left_alone_of_late_is_said_and_not_asked_for_again() {
    let mut facts = company();
    set(account_of(&mut facts, "desk/agent/1"), "title", json!("Boss"));
    account_of(&mut facts, "desk/agent/1").external_id = Some("1".into());
    let key = account_of(&mut facts, "desk/agent/1").key.clone();
    let title = crate::name::FieldName::new("title");
    facts.ignored.insert(key, [title.clone()].into());
    let asked = "update desk drift Ann: title \"Boss\"→\"Agent\"";
    assert_eq!(steps(&facts, ""), [asked], "nothing says that the app may ignore it");
    let ability = abilities_of(&mut facts, "desk").kinds.get_mut(&Kind::Agent).unwrap();
    ability.fields.get_mut(&title).unwrap().ignored_because = Some("the directory owns it".into());
    assert!(steps(&facts, "").is_empty());
    let text = &texts(&facts, "", FindingKind::IgnoredWrite)[0];
    assert!(text.contains("did not change it; the directory owns it"), "{text}");
    facts.ignored.clear();
    assert_eq!(steps(&facts, ""), [asked]);
}

#[test]
fn a_manager_is_named_by_the_account_and_made_first() {
    let mut facts = company();
    let mut dan = support("4", "Dan");
    set(&mut dan, "manager_id", json!("5"));
    facts.accounts.extend([dan, support("5", "Eve")]);
    let rules = policy("");
    let reconciled = walk(&facts, &rules);
    let desk: Vec<_> = reconciled.plan.steps.iter().filter(|step| step.connection == name("desk")).collect();
    assert_eq!(desk.iter().map(|step| step.person.as_deref().unwrap()).collect::<Vec<_>>(), ["Eve Doe", "Dan Doe"]);
    let manager = desk[1].changes.iter().find(|change| change.field.as_str() == "manager").unwrap();
    assert_eq!((manager.refers_to.clone(), manager.after.clone()), (Some(id_of("5")), json!(null)));
    assert_eq!(desk[1].needs, [desk[0].id.clone()]);
    set(account_of(&mut facts, "hr/person/4"), "manager_id", json!("1"));
    let reconciled = walk(&facts, &rules);
    let dan = reconciled.plan.steps.iter().find(|step| step.person.as_deref() == Some("Dan Doe")).unwrap();
    assert!(dan.needs.is_empty());
    assert!(dan.changes.iter().any(|change| change.field.as_str() == "manager" && change.after == json!("1")));
}

#[test]
fn a_role_is_replaced_and_a_team_added() {
    let mut facts = company();
    let account = account_of(&mut facts, "desk/agent/1");
    account.external_id = Some("1".into());
    account.grants = vec![grant("role", "observer"), grant("team", "Old")];
    let expected = [
        "update desk drift Ann: role \"observer\"→\"agent\"",
        "grant desk drift Ann: teams [\"Old\"]→[\"Old\",\"Tier 1\"]",
    ];
    assert_eq!(steps(&facts, ""), expected);
    assert_eq!(texts(&facts, "", FindingKind::ExtraGrant), ["Ann Doe holds teams Old in desk, which no rule wishes"]);
    let revoke = "[[manage]]\nconnections = [\"desk\"]\nextra_grants = \"revoke\"";
    assert_eq!(steps(&facts, revoke)[2], "revoke desk drift Ann: teams [\"Old\",\"Tier 1\"]→[\"Tier 1\"]");
    // A name that the app does not have may be the old one, misspelt: nobody loses anything for it.
    let typo = "[[grant]]\nname = \"typo\"\nwhen = 'identity.department == \"Support\"'\n[grant.to]\ndesk = { role = \"agent\", teams = [\"Odl\"] }";
    let both = format!("{typo}\n{revoke}");
    let offered = |(kind, word): (&str, &str)| crate::account::Entitlement {
        kind: kind.into(),
        id: word.into(),
        name: word.into(),
        privileged: false,
    };
    let there = [("role", "agent"), ("role", "observer"), ("team", "Tier 1"), ("team", "Old")];
    connection_of(&mut facts, "desk").entitlements = there.map(offered).to_vec();
    assert_eq!(steps(&facts, revoke)[2], "revoke desk drift Ann: teams [\"Old\",\"Tier 1\"]→[\"Tier 1\"]");
    assert_eq!(steps(&facts, &both), expected);
    assert!(texts(&facts, &both, FindingKind::ExtraGrant)[0].contains("teams Old"));
}

#[test]
fn both_sides_of_a_move_are_done_where_extras_are_only_reported() {
    let mut facts = company();
    let more = "[[grant]]\nname = \"leads\"\nwhen = 'identity.title == \"Lead\"'\n[grant.to]\ndesk = { role = \"agent\", teams = [\"Leads\"] }";
    let mut before = support("1", "Ann");
    set(&mut before, "title", json!("Lead"));
    facts.history.push(before);
    let account = account_of(&mut facts, "desk/agent/1");
    account.grants.extend([grant("team", "Leads"), grant("team", "Chess")]);
    assert_eq!(
        steps(&facts, more),
        ["revoke desk mover Ann: teams [\"Chess\",\"Leads\",\"Tier 1\"]→[\"Chess\",\"Tier 1\"]"]
    );
    assert!(texts(&facts, more, FindingKind::ExtraGrant)[0].contains("Chess"));
}

#[test]
fn who_moved_away_is_suspended_where_nothing_is_wished_any_more() {
    let mut facts = company();
    facts.history.push(support("1", "Ann"));
    set(account_of(&mut facts, "hr/person/1"), "department", json!("Sales"));
    assert_eq!(steps(&facts, ""), ["suspend desk mover Ann"]);
    facts.history.clear();
    assert!(steps(&facts, "").is_empty());
    assert!(texts(&facts, "", FindingKind::ExtraGrant)[0].contains("no rule wishes"));
}

#[test]
fn who_comes_back_is_resumed_and_never_made_twice() {
    let mut facts = company();
    let row = account_of(&mut facts, "hr/person/1");
    set(row, "end_date", json!("2026-05-31"));
    set(row, "start_date", json!("2026-11-01"));
    set(row, "title", json!("Lead"));
    account_of(&mut facts, "desk/agent/1").state = AccountState::Suspended;
    let rules = policy("");
    let reconciled = walk(&facts, &rules);
    assert_eq!(
        shown(&reconciled),
        ["resume desk rehire Ann", "update desk rehire Ann: external_id null→\"1\", title \"Agent\"→\"Lead\""]
    );
    assert_eq!(reconciled.plan.steps[1].needs, [reconciled.plan.steps[0].id.clone()]);
}

#[test]
fn a_requester_becomes_an_agent_and_no_second_record_is_made() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "department", json!("IT"));
    let all = steps(&facts, "");
    assert_eq!(all, ["convert service joiner Ann: roles ?→[\"IT Agent\"]"]);
}

#[test]
fn an_agent_who_was_put_out_keeps_the_address_from_a_requester() {
    let mut facts = company();
    let agent = account_of(&mut facts, "service/requester/1");
    agent.key.kind = Kind::Agent;
    agent.state = AccountState::Suspended;
    assert!(steps(&facts, "").is_empty());
    let told = &texts(&facts, "", FindingKind::MissingAccount)[0];
    assert!(told.contains("service/agent/1 is theirs and suspended, and keeps the address"), "{told}");
    let kinds = &mut abilities_of(&mut facts, "service").kinds;
    kinds.get_mut(&Kind::Requester).unwrap().cannot.insert(Effect::Convert, "only the app goes that way".into());
    assert!(texts(&facts, "", FindingKind::MissingAccount)[0].ends_with("only the app goes that way"));
    account_of(&mut facts, "service/agent/1").state = AccountState::Removed;
    assert_eq!(steps(&facts, "").len(), 1, "what is gone keeps nothing");
}

#[test]
fn a_requester_who_was_put_out_is_let_in_before_they_become_an_agent() {
    let mut facts = company();
    let row = account_of(&mut facts, "hr/person/1");
    set(row, "department", json!("IT"));
    set(row, "end_date", json!("2026-05-31"));
    set(row, "start_date", json!("2026-11-01"));
    account_of(&mut facts, "service/requester/1").state = AccountState::Suspended;
    let plan = walk(&facts, &policy("")).plan;
    let service: Vec<_> = plan.steps.iter().filter(|step| step.connection == name("service")).collect();
    let effects: Vec<_> = service.iter().map(|step| (step.effect, step.kind)).collect();
    assert_eq!(effects, [(Effect::Resume, Kind::Requester), (Effect::Convert, Kind::Agent)]);
    assert_eq!(service[1].needs, [service[0].id.clone()]);
}

#[test]
fn an_account_of_a_leaver_is_suspended_and_said() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!("2026-11-20"));
    let target = abilities_of(&mut facts, "desk");
    (target.sessions, target.sso) = (Sessions::Kept, Some(name("okta")));
    assert_eq!(steps(&facts, ""), ["suspend desk leaver Ann", "suspend service leaver Ann", "manual desk leaver Ann"]);
    let plan = walk(&facts, &policy("")).plan;
    let (work, suspend) = (plan.steps[2].by_hand.as_ref().unwrap(), &plan.steps[0]);
    assert_eq!((work.does, plan.steps[2].needs.clone()), (Effect::EndSessions, vec![suspend.id.clone()]));
    assert!(work.how.starts_with("end the sessions in okta"), "{}", work.how);
    assert_eq!(texts(&facts, "", FindingKind::LeaverActive).len(), 2);
    assert!(texts(&facts, "", FindingKind::SessionNotEnded)[0].ends_with("end them in okta, where people sign in"));
}

#[test]
fn what_cannot_be_suspended_is_work_for_a_person_and_never_deleted() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!("2026-11-20"));
    let kind = abilities_of(&mut facts, "desk").kinds.get_mut(&Kind::Agent).unwrap();
    kind.effects.remove(&Effect::Suspend);
    kind.cannot.insert(Effect::Suspend, "the vendor has no switch for it".into());
    let rules = policy("[lifecycle]\ndelete_after_end = \"0h\"");
    let reconciled = walk(&facts, &rules);
    let step = reconciled.plan.steps.iter().find(|step| step.connection == name("desk")).unwrap();
    assert_eq!(step.effect, Effect::Manual);
    assert!(step.reason.text.ends_with("the vendor has no switch for it"));
}

#[test]
fn a_deletion_comes_after_the_suspension_and_is_irreversible() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!("2026-11-01"));
    account_of(&mut facts, "desk/agent/1").state = AccountState::Suspended;
    account_of(&mut facts, "service/requester/1").state = AccountState::Suspended;
    let rules = policy("[lifecycle]\ndelete_after_end = \"10d\"");
    let reconciled = walk(&facts, &rules);
    assert_eq!(shown(&reconciled), ["delete desk leaver Ann"]);
    let step = &reconciled.plan.steps[0];
    assert!(step.irreversible && !step.approval.state.permits());
    assert_eq!(step.approval.from, ["security"]);
}

#[test]
fn a_decision_to_leave_is_carried_out_as_such() {
    let mut facts = company();
    decide(&mut facts, Decided::Leave { identity: id_of("1"), at_ms: None, start_date: None });
    assert_eq!(steps(&facts, ""), ["suspend desk decision Ann", "suspend service decision Ann"]);
}

#[test]
fn an_orphan_is_said_and_suspended_only_where_the_policy_says_so() {
    let mut facts = company();
    facts.accounts.push(agent("66", "Ghost"));
    assert!(steps(&facts, "").is_empty());
    assert_eq!(texts(&facts, "", FindingKind::OrphanAccount).len(), 1);
    assert_eq!(steps(&facts, "[[manage]]\nconnections = [\"desk\"]\norphans = \"suspend\""), ["suspend desk drift -"]);
}

#[test]
fn customers_are_no_orphans() {
    let mut facts = company();
    let mut customer = agent("66", "Customer");
    customer.key.kind = Kind::Contact;
    facts.accounts.push(customer);
    assert!(texts(&facts, "", FindingKind::OrphanAccount).is_empty());
}

#[test]
fn two_accounts_of_one_person_and_waiting_invitations_are_said() {
    let mut facts = company();
    let mut second = agent("77", "Ann");
    second.state = AccountState::Invited;
    second.created_ms = Some(NOW_MS - 6 * DAY_MS);
    facts.accounts.push(second);
    assert!(steps(&facts, "").is_empty());
    assert_eq!(texts(&facts, "", FindingKind::DuplicateAccount).len(), 1);
    assert!(texts(&facts, "", FindingKind::PendingInvite)[0].contains("for 6 days"));
}

#[test]
fn an_invitation_is_said_louder_before_it_ends_and_after() {
    let stage = |age_ms: i64, hours: Option<u32>| {
        let mut facts = company();
        abilities_of(&mut facts, "desk").kinds.get_mut(&Kind::Agent).unwrap().invitation_hours = hours;
        let invited = account_of(&mut facts, "desk/agent/1");
        (invited.state, invited.created_ms) = (AccountState::Invited, Some(NOW_MS - age_ms));
        let reconciled = walk(&facts, &policy(""));
        let found = findings_of(&reconciled, FindingKind::PendingInvite);
        assert_eq!(found.len(), 1);
        (found[0].facts["stage"].clone(), found[0].severity)
    };
    let hour_ms = DAY_MS / 24;
    assert_eq!(stage(6 * DAY_MS - 1, Some(168)), (json!("waits"), Severity::Low));
    assert_eq!(stage(6 * DAY_MS, Some(168)), (json!("ending"), Severity::Medium));
    assert_eq!(stage(7 * DAY_MS, Some(168)), (json!("over"), Severity::Medium));
    assert_eq!(stage(20 * hour_ms, Some(24)), (json!("waits"), Severity::Low));
    assert_eq!(stage(21 * hour_ms, Some(24)), (json!("ending"), Severity::Medium));
    assert_eq!(stage(29 * DAY_MS, None), (json!("waits"), Severity::Low));
    assert_eq!(stage(31 * DAY_MS, None), (json!("still_pending"), Severity::Medium));
}

#[test]
fn who_was_let_in_again_is_invited_since_then_and_not_since_the_record_was_made() {
    let mut facts = company();
    let invited = account_of(&mut facts, "desk/agent/1");
    (invited.state, invited.created_ms) = (AccountState::Invited, Some(NOW_MS - 2522 * DAY_MS));
    let key = invited.key.clone();
    assert!(texts(&facts, "", FindingKind::PendingInvite)[0].contains("for 2522 days"));
    facts.invited.insert(key, NOW_MS - 2 * DAY_MS);
    let told = &texts(&facts, "", FindingKind::PendingInvite)[0];
    assert!(told.contains("for 2 days") && !told.contains("no longer looked at"), "{told}");
}

#[test]
fn what_an_app_left_empty_is_asked_for_again_by_itself() {
    let mut facts = company();
    set(account_of(&mut facts, "desk/agent/1"), "title", json!(null));
    let key = account_of(&mut facts, "desk/agent/1").key.clone();
    assert!(steps(&facts, "").is_empty());
    facts.left.insert(key.clone(), ["title".into()].into());
    assert_eq!(steps(&facts, ""), ["update desk drift Ann: external_id null→\"1\", title null→\"Agent\""]);
    facts.ignored.insert(key, ["title".into()].into());
    assert!(steps(&facts, "").is_empty(), "not with every plan");
    assert!(texts(&facts, "", FindingKind::IgnoredWrite)[0].contains("title was changed, and did not change it"));
}

#[test]
fn a_membership_that_waits_for_approval_is_not_asked_for_again() {
    let mut facts = company();
    for grant in &mut account_of(&mut facts, "desk/agent/1").grants {
        grant.pending = grant.kind.as_str() == "team";
    }
    assert!(steps(&facts, "").is_empty());
    assert!(texts(&facts, "", FindingKind::OpenWork)[0].contains("waits for somebody's approval"));
}

#[test]
fn only_what_is_asked_for_is_planned() {
    let mut facts = company();
    facts.accounts.extend([support("4", "Dan"), support("5", "Eve")]);
    let rules = policy("");
    let mut wanted = asked();
    wanted.people = vec![id_of("4")];
    wanted.only = vec![name("service")];
    let reconciled = crate::reconcile(&facts, &rules, &wanted);
    assert_eq!(
        shown(&reconciled),
        ["create service joiner Dan: login null→\"dan@acme.example\", name null→\"Dan Doe\""]
    );
}

#[test]
fn nobody_is_touched_whose_row_vanished() {
    let mut facts = company();
    pin(&mut facts, &policy(""));
    let row = without(&mut facts, "hr/person/1");
    facts.vanished.push(row);
    assert!(steps(&facts, "[[manage]]\nconnections = [\"desk\"]\norphans = \"suspend\"").is_empty());
}

#[test]
fn two_people_with_one_address_get_no_accounts_from_it() {
    let mut facts = company();
    let mut other = support("5", "Dan");
    set(&mut other, "name", json!("Dan Other"));
    facts.accounts.extend([support("4", "Dan"), other]);
    assert!(steps(&facts, "").is_empty());
    assert!(texts(&facts, "", FindingKind::MissingAccount)[0].contains("somebody else has the address"));
}

#[test]
fn two_addresses_in_the_login_of_a_record_are_both_somebodys() {
    let mut facts = company();
    for (id, login) in [("4", "dan@acme.example; team@acme.example"), ("5", "team@acme.example")] {
        let mut row = support(id, &format!("P{id}"));
        row.fields.remove("work_email");
        row.login = Some(login.into());
        facts.accounts.push(row);
    }
    let told = texts(&facts, "", FindingKind::MissingAccount);
    assert!(told.iter().any(|text| text.contains("somebody else has the address team@acme.example")), "{told:?}");
}

/// Lets a SCIM client wish something of the account of the record with this number.
fn wish(record: &str, account: bool, asks: ClientAsks) -> ClientWish {
    let key = AccountKey::new(&name("desk"), Kind::Agent, record);
    let address = "dan@acme.example";
    let mut person = Fields::default();
    person.set("work_email".into(), json!(address));
    person.set("name".into(), json!("Dan Doe"));
    ClientWish {
        connection: name("desk"),
        id: format!("agent-{record}").into(),
        client: "SCIM client okta".into(),
        identity: if account { id_of(record) } else { "01DAN".into() },
        account: account.then_some(key),
        kind: None,
        asks,
        login: address.into(),
        external_id: None,
        primary: None,
        person,
        fields: Fields::default(),
        manager: None,
        grants: Default::default(),
        because: None,
        is_held: false,
        since_ms: NOW_MS - 1000,
        created_ms: NOW_MS - 1000,
        version: 1,
    }
}

#[test]
fn a_client_makes_an_account_where_it_speaks_and_nowhere_else() {
    let mut facts = company();
    let mut dan = wish("9", false, ClientAsks::Present);
    dan.fields.set("title".into(), json!("Guest"));
    dan.grants.insert("role".into(), [("agent".into(), true)].into());
    facts.client_wishes.push(dan);
    assert_eq!(
        steps(&facts, ""),
        [
            "create desk joiner Dan: login null→\"dan@acme.example\", name null→\"Dan Doe\", title null→\"Guest\", role null→\"agent\""
        ]
    );
    let walked = walk(&facts, &policy(""));
    assert_eq!(walked.plan.steps[0].reason.rule.as_deref(), Some("SCIM client okta"));
}

#[test]
fn what_a_client_empties_is_taken_away_and_what_is_not_there_is_not_made() {
    let mut facts = company();
    let mut ann = wish("1", true, ClientAsks::Nothing);
    ann.fields.set("title".into(), json!(null));
    set(account_of(&mut facts, "desk/agent/1"), "title", json!("Guest"));
    facts.client_wishes.push(ann);
    assert!(steps(&facts, "")[0].ends_with("title \"Guest\"→null"), "{:?}", steps(&facts, ""));
    set(account_of(&mut facts, "desk/agent/1"), "title", json!(""));
    assert!(steps(&facts, "").iter().all(|step| !step.contains("title")), "empty is empty: {:?}", steps(&facts, ""));
    let mut dan = wish("9", false, ClientAsks::Present);
    dan.fields.set("title".into(), json!(null));
    dan.grants.insert("role".into(), [("agent".into(), true)].into());
    facts.client_wishes = vec![dan];
    assert!(!steps(&facts, "")[0].contains("title"), "{:?}", steps(&facts, ""));
}

#[test]
fn a_client_puts_somebody_out_where_it_speaks_though_a_rule_wishes_them() {
    let mut facts = company();
    facts.client_wishes.push(wish("1", true, ClientAsks::Suspended));
    assert_eq!(steps(&facts, ""), ["suspend desk decision Ann"]);
    facts.client_wishes[0].asks = ClientAsks::Gone;
    account_of(&mut facts, "desk/agent/1").state = AccountState::Suspended;
    assert_eq!(steps(&facts, ""), [""; 0], "and nobody lets them in again");
}

#[test]
fn a_client_takes_what_it_names_and_leaves_the_rest_to_the_rules() {
    let mut facts = company();
    let mut ann = wish("1", true, ClientAsks::Nothing);
    ann.grants.insert("teams".into(), [("Tier 1".into(), false), ("Tier 2".into(), true)].into());
    facts.client_wishes.push(ann);
    let steps = steps(&facts, "");
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(steps.iter().any(|step| step.starts_with("grant") && step.contains("Tier 2")), "{steps:?}");
    assert!(steps.iter().any(|step| step.starts_with("revoke") && step.contains("decision")), "{steps:?}");
}

#[test]
fn nobody_who_left_is_let_in_by_a_client() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "status", json!("terminated"));
    account_of(&mut facts, "desk/agent/1").state = AccountState::Suspended;
    facts.client_wishes.push(wish("1", true, ClientAsks::Present));
    let steps = steps(&facts, "");
    assert!(steps.iter().all(|step| !step.contains("desk")), "{steps:?}");
}

#[test]
fn a_client_that_speaks_of_grants_only_lets_rules_make_and_resume() {
    let mut facts = company();
    account_of(&mut facts, "desk/agent/1").state = AccountState::Suspended;
    facts.client_wishes.push(wish("1", true, ClientAsks::Nothing));
    let steps = steps(&facts, "");
    assert!(steps[0].starts_with("resume desk"), "{steps:?}");
}

#[test]
fn an_account_that_is_nobodys_is_theirs_of_whom_a_client_speaks() {
    let mut facts = company();
    without(&mut facts, "hr/person/1");
    let mut ann = wish("1", true, ClientAsks::Suspended);
    ann.identity = "01ANN".into();
    facts.client_wishes.push(ann);
    let steps = steps(&facts, "");
    assert!(steps.iter().any(|step| step.starts_with("suspend desk decision")), "{steps:?}");
}

#[test]
fn a_connection_that_was_never_read_has_steps_that_are_held_and_no_wrong_cause_is_told() {
    let mut facts = company();
    facts.accounts.push(support("4", "Dan"));
    let desk = connection_of(&mut facts, "desk");
    (desk.complete_ms, desk.coverage) = (None, Some(crate::facts::Coverage::Partial));
    let kind = abilities_of(&mut facts, "desk").kinds.get_mut(&Kind::Agent).unwrap();
    kind.entitlements.values_mut().for_each(|ability| ability.numbered = true);
    let all = steps(&facts, "");
    assert!(all.iter().any(|step| step.starts_with("[absence] create desk joiner Dan")), "{all:?}");
    assert_eq!(all.iter().filter(|step| step.contains("desk")).count(), 1, "what is held is not compared: {all:?}");
    assert!(texts(&facts, "", FindingKind::UnsupportedChange).is_empty());
    assert!(texts(&facts, "", FindingKind::MissingAccount).is_empty());
    connection_of(&mut facts, "desk").complete_ms = Some(NOW_MS);
    assert!(texts(&facts, "", FindingKind::UnsupportedChange)[0].contains("tells no list of these"));
}
