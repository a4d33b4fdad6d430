//! What `correlate` says, as facts: each test builds a small world of values and looks at what is derived from it.
//! Nothing here touches a disk, a clock or a network. It does not test what other verbs make of the result.

use crate::account::{AccountKey, AccountState, Kind};
use crate::change::FindingKind;
use crate::correlate::{Graph, StayCause, correlate, found_identity_id};
use crate::facts::{Decided, Facts, Link};
use crate::identity::IdentityState;
use crate::policy::Policy;
use crate::world::*;
use serde_json::{Value, json};
use std::sync::Arc;

fn link(graph: &Graph<'_>, key: &str) -> Option<(String, String)> {
    let account = graph.facts().accounts.iter().find(|account| account.key.to_string() == key).unwrap();
    graph.link_of(&account.key).map(|link| (link.identity.as_str().to_owned(), link.evidence.to_owned()))
}

fn evidence(facts: &Facts, policy: &Policy, key: &str) -> String {
    link(&correlate(facts, policy), key).map_or("-".into(), |(_, evidence)| evidence)
}

fn state(facts: &Facts, record: &str) -> IdentityState {
    correlate(facts, &policy("")).identity(&id_of(record)).unwrap().state
}

fn key(text: &str) -> AccountKey {
    let parts: Vec<&str> = text.split('/').collect();
    AccountKey::new(&name(parts[0]), parts[1].parse().unwrap(), parts[2])
}

#[test]
fn nothing_correlates_to_nothing() {
    let facts = Facts::default();
    let graph = correlate(&facts, &Policy::default());
    assert!(graph.identities().is_empty() && graph.disputes().is_empty());
}

#[test]
fn an_id_is_derived_and_readable() {
    let id = found_identity_id(&name("hr"), &"1".into());
    assert_eq!(id.as_str().len(), 26);
    assert!(id.as_str().starts_with("01") && id != found_identity_id(&name("hr"), &"2".into()));
}

#[test]
fn an_account_is_found_by_its_login() {
    let facts = company();
    assert_eq!(
        link(&correlate(&facts, &policy("")), "desk/agent/1"),
        Some((id_of("1").to_string(), "login = work_email".into()))
    );
    let mut facts = company();
    account_of(&mut facts, "desk/agent/1").login = Some(" ANN@Acme.example".into());
    assert_eq!(evidence(&facts, &policy(""), "desk/agent/1"), "login = work_email");
}

#[test]
fn rules_are_asked_in_their_order() {
    let mut facts = company();
    account_of(&mut facts, "desk/agent/1").external_id = Some("2".into());
    assert_eq!(
        link(&correlate(&facts, &policy("")), "desk/agent/1"),
        Some((id_of("2").to_string(), "external_id = employee_id".into()))
    );
    let by_email = policy("[correlation]\nrules = [\"email\"]");
    assert_eq!(evidence(&facts, &by_email, "desk/agent/1"), "login = work_email");
}

#[test]
fn an_alias_finds_its_person() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "other_emails", json!("a.doe@acme.example; ann@old.example"));
    account_of(&mut facts, "desk/agent/1").login = Some("ann@old.example".into());
    assert_eq!(evidence(&facts, &policy(""), "desk/agent/1"), "login = other_emails");
}

#[test]
fn an_earlier_address_finds_its_person() {
    let mut facts = company();
    facts.history.push(support("1", "Ann"));
    set(account_of(&mut facts, "hr/person/1"), "work_email", json!("ann.smith@acme.example"));
    assert_eq!(evidence(&facts, &policy(""), "desk/agent/1"), "login = an earlier address");
}

#[test]
fn a_pinned_link_outlives_a_rename() {
    let mut facts = company();
    pin(&mut facts, &policy(""));
    set(account_of(&mut facts, "hr/person/1"), "work_email", json!("ann.smith@acme.example"));
    account_of(&mut facts, "desk/agent/1").login = Some("somebody@else.example".into());
    let graph = correlate(&facts, &policy(""));
    assert_eq!(link(&graph, "desk/agent/1").unwrap().0, id_of("1").to_string());
    assert_eq!(graph.new_links().count(), 0);
}

#[test]
fn a_pinned_identity_outlives_a_new_key_of_its_row() {
    let mut facts = company();
    pin(&mut facts, &policy(""));
    let mut row = without(&mut facts, "hr/person/1");
    facts.vanished.push(row.clone());
    row.key = key("hr/person/900");
    set(&mut row, "employee_id", json!("900"));
    facts.accounts.push(row);
    let graph = correlate(&facts, &policy(""));
    assert_eq!(graph.identities().len(), 3);
    assert_eq!(link(&graph, "hr/person/900").unwrap().0, id_of("1").to_string());
    assert_eq!(graph.identity(&id_of("1")).unwrap().state, IdentityState::Active);
}

#[test]
fn an_address_that_is_given_anew_makes_its_new_owner_nobody_who_left() {
    let newcomer = |fields: Value| {
        let mut facts = company();
        pin(&mut facts, &policy(""));
        let row = without(&mut facts, "hr/person/1");
        facts.vanished.push(row.clone());
        account_of(&mut facts, "desk/agent/1").state = AccountState::Suspended;
        let mut new = person("900", json!({"work_email": row.fields.text("work_email"), "department": "Support"}));
        fields.as_object().unwrap().iter().for_each(|(field, value)| set(&mut new, field, value.clone()));
        facts.accounts.push(new);
        facts
    };
    // Another number and another name: another person. The leaver's account stays the leaver's, and nothing lets it in.
    let facts = newcomer(json!({"name": "Zoe Park"}));
    let reconciled = walk(&facts, &policy(""));
    assert_eq!(link(&reconciled.graph, "hr/person/900").unwrap().0, id_of("900").to_string());
    assert_eq!(link(&reconciled.graph, "desk/agent/1").unwrap().0, id_of("1").to_string());
    assert_eq!(reconciled.graph.identity(&id_of("1")).unwrap().state, IdentityState::Unknown);
    assert_eq!(shown(&reconciled), Vec::<String>::new());
    let missing = findings_of(&reconciled, FindingKind::MissingAccount);
    assert!(
        missing.iter().any(|finding| finding.text.contains("desk/agent/1 of Ann Doe signs in with")),
        "{missing:?}"
    );
    // Under the same name it is a new number of the same person; without a number the address alone tells.
    for same in [json!({"given_name": "Ann", "family_name": "DOE"}), json!({"name": "Zoe", "employee_id": null})] {
        let facts = newcomer(same.clone());
        let graph = correlate(&facts, &policy(""));
        assert_eq!(link(&graph, "hr/person/900").unwrap().0, id_of("1").to_string(), "{same}");
    }
    // Another source has its own numbers.
    let mut facts = newcomer(json!({"name": "Zoe Park"}));
    with_idp(&mut facts);
    facts.accounts.last_mut().unwrap().key = key("okta/person/900");
    assert_eq!(link(&correlate(&facts, &policy("")), "okta/person/900").unwrap().0, id_of("1").to_string());
}

#[test]
fn two_rows_with_one_address_stay_two_and_nothing_is_guessed() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/2"), "work_email", json!("Ann@acme.example"));
    let graph = correlate(&facts, &policy(""));
    assert_eq!(graph.identities().len(), 3);
    assert_eq!(link(&graph, "desk/agent/1"), None);
    let topics: Vec<&str> = graph.disputes().iter().map(|dispute| dispute.topic).collect();
    assert_eq!(topics, ["double_row", "link", "link"]);
    assert_eq!(graph.orphans().filter(|account| account.key.id.as_str() == "1").count(), 0);
}

#[test]
fn two_rows_with_one_employee_id_stay_two() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/2"), "employee_id", json!("1"));
    let graph = correlate(&facts, &policy(""));
    assert_eq!(graph.identities().len(), 3);
    assert_eq!(graph.disputes()[0].topic, "double_row");
}

fn with_idp(facts: &mut Facts) {
    let mut idp = facts.connections[&name("hr")].clone();
    let mut abilities = (*idp.abilities).clone();
    (abilities.connection, abilities.standing) = (name("okta"), crate::abilities::Standing::Source(1));
    idp.abilities = Arc::new(abilities);
    facts.connections.insert(name("okta"), idp);
}

#[test]
fn a_later_source_joins_and_tells_only_what_is_not_told() {
    let mut facts = company();
    with_idp(&mut facts);
    let mut row = person("x1", json!({"employee_id": "1", "title": "Boss", "phone": "123"}));
    row.key = key("okta/person/x1");
    facts.accounts.push(row);
    let graph = correlate(&facts, &policy(""));
    assert_eq!(graph.identities().len(), 3);
    let ann = graph.identity(&id_of("1")).unwrap();
    assert_eq!((ann.attributes.text("title"), ann.attributes.text("phone")), (Some("Agent"), Some("123")));
    assert_eq!(ann.records.len(), 2);
    assert_eq!(link(&graph, "okta/person/x1").unwrap().1, "employee_id = employee_id");
}

#[test]
fn a_later_source_founds_whom_nobody_knows() {
    let mut facts = company();
    with_idp(&mut facts);
    let mut row = person("x9", json!({"employee_id": null, "work_email": "zoe@acme.example"}));
    row.key = key("okta/person/x9");
    facts.accounts.push(row);
    assert_eq!(correlate(&facts, &policy("")).identities().len(), 4);
}

#[test]
fn a_vanished_row_makes_nobody_a_leaver() {
    let mut facts = company();
    pin(&mut facts, &policy(""));
    let row = without(&mut facts, "hr/person/1");
    facts.vanished.push(row);
    let graph = correlate(&facts, &policy(""));
    let ann = graph.identity(&id_of("1")).unwrap();
    assert_eq!(ann.state, IdentityState::Unknown);
    assert_eq!(graph.stay(graph.find(&ann.id).unwrap()).cause, StayCause::Vanished);
    assert_eq!(link(&graph, "desk/agent/1").unwrap().0, ann.id.to_string());
}

#[test]
fn a_link_to_somebody_lost_is_no_orphan() {
    let mut facts = company();
    pin(&mut facts, &policy(""));
    without(&mut facts, "hr/person/1");
    let graph = correlate(&facts, &policy(""));
    assert_eq!(graph.disputes()[0].topic, "lost_identity");
    assert_eq!(graph.orphans().count(), 0);
}

#[test]
fn a_decision_says_whose_it_is() {
    let mut facts = company();
    decide(&mut facts, Decided::Link { account: key("desk/agent/1"), identity: id_of("2") });
    assert_eq!(
        link(&correlate(&facts, &policy("")), "desk/agent/1"),
        Some((id_of("2").to_string(), "a person's decision".into()))
    );
    decide(&mut facts, Decided::Unlink { account: key("desk/agent/1"), identity: Some(id_of("2")) });
    assert_eq!(link(&correlate(&facts, &policy("")), "desk/agent/1").unwrap().0, id_of("1").to_string());
    decide(&mut facts, Decided::Unlink { account: key("desk/agent/1"), identity: None });
    assert_eq!(link(&correlate(&facts, &policy("")), "desk/agent/1"), None);
}

#[test]
fn a_pin_that_is_newer_than_a_decision_and_differs_is_a_dispute() {
    let mut facts = company();
    decide(&mut facts, Decided::Link { account: key("desk/agent/1"), identity: id_of("2") });
    facts.links.push(Link {
        account: key("desk/agent/1"),
        identity: id_of("1"),
        evidence: "x".into(),
        since_ms: NOW_MS,
    });
    let graph = correlate(&facts, &policy(""));
    assert_eq!(link(&graph, "desk/agent/1"), None);
    assert_eq!(graph.disputes().len(), 1);
}

#[test]
fn machines_are_set_apart() {
    let mut facts = company();
    let mut bot = agent("90", "Bot");
    bot.key.kind = Kind::Bot;
    let mut service = agent("91", "svc-ann");
    service.login = Some("svc-ann@acme.example".into());
    facts.accounts.extend([bot, service]);
    decide(&mut facts, Decided::Exempt { account: key("desk/agent/1") });
    let policy = policy("[correlation]\nservice = ['account.login.startsWith(\"svc-\")']");
    let graph = correlate(&facts, &policy);
    let mut apart: Vec<String> = graph.service().map(|(account, _)| account.key.to_string()).collect();
    apart.sort();
    assert_eq!(apart, ["desk/agent/1", "desk/agent/91", "desk/bot/90"]);
}

#[test]
fn the_last_day_ends_at_midnight_where_the_person_lives() {
    // It is 2026-11-24 12:00 UTC: the 25th in Auckland, still the 24th in Honolulu.
    let mut facts = company();
    let row = account_of(&mut facts, "hr/person/1");
    set(row, "end_date", json!("2026-11-24"));
    set(row, "time_zone", json!("Pacific/Auckland"));
    assert_eq!(state(&facts, "1"), IdentityState::Left);
    set(account_of(&mut facts, "hr/person/1"), "time_zone", json!("Pacific/Honolulu"));
    assert_eq!(state(&facts, "1"), IdentityState::Active);
    let graph = correlate(&facts, &policy(""));
    assert!(graph.disputes().is_empty());
}

#[test]
fn a_zone_that_is_none_is_said_and_utc_is_taken() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "time_zone", json!("Mars/Olympus"));
    assert_eq!(state(&facts, "1"), IdentityState::Active);
    assert_eq!(correlate(&facts, &policy("")).disputes()[0].topic, "time_zone");
}

#[test]
fn what_cannot_be_read_makes_nobody_a_leaver() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!("2026-02-30"));
    set(account_of(&mut facts, "hr/person/2"), "status", json!("on notice"));
    assert_eq!((state(&facts, "1"), state(&facts, "2")), (IdentityState::Unknown, IdentityState::Unknown));
    assert_eq!(correlate(&facts, &policy("")).disputes().len(), 2);
}

#[test]
fn status_and_dates_say_where_somebody_stands() {
    let cases = [
        (json!({"start_date": "2026-12-01"}), IdentityState::Future),
        (json!({"start_date": "2026-11-24"}), IdentityState::Active),
        (json!({"status": "leave"}), IdentityState::Leave),
        (json!({"status": "terminated"}), IdentityState::Left),
        (json!({"status": "terminated", "end_date": "2026-12-31"}), IdentityState::Active),
        (json!({"status": "active", "end_date": "2026-11-23"}), IdentityState::Left),
        (json!({"start_date": "2026-11-01", "end_date": "2026-06-30"}), IdentityState::Active),
        (json!({"start_date": "2027-01-01", "end_date": "2026-06-30"}), IdentityState::Future),
    ];
    for (fields, expected) in cases {
        let mut facts = company();
        for (field, value) in fields.as_object().unwrap() {
            set(account_of(&mut facts, "hr/person/1"), field, value.clone());
        }
        assert_eq!(state(&facts, "1"), expected, "{fields}");
    }
}

#[test]
fn a_record_that_its_source_shut_is_a_leaver_unless_a_status_says_otherwise() {
    let mut facts = company();
    account_of(&mut facts, "hr/person/1").state = AccountState::Suspended;
    assert_eq!(state(&facts, "1"), IdentityState::Left);
    set(account_of(&mut facts, "hr/person/1"), "status", json!("active"));
    assert_eq!(state(&facts, "1"), IdentityState::Active);
}

#[test]
fn a_record_that_nobody_came_in_by_yet_is_of_somebody_to_come_unless_a_day_or_a_status_says_otherwise() {
    let mut facts = company();
    account_of(&mut facts, "hr/person/1").state = AccountState::Invited;
    assert_eq!(state(&facts, "1"), IdentityState::Future);
    set(account_of(&mut facts, "hr/person/1"), "start_date", json!("2026-11-01"));
    assert_eq!(state(&facts, "1"), IdentityState::Active);
    set(account_of(&mut facts, "hr/person/1"), "start_date", json!(null));
    set(account_of(&mut facts, "hr/person/1"), "status", json!("active"));
    assert_eq!(state(&facts, "1"), IdentityState::Active);
}

#[test]
fn a_decision_to_leave_waits_for_its_moment() {
    let mut facts = company();
    decide(&mut facts, Decided::Leave { identity: id_of("1"), at_ms: Some(NOW_MS + 1), start_date: None });
    assert_eq!(state(&facts, "1"), IdentityState::Active);
    facts.now_ms += 1;
    assert_eq!(state(&facts, "1"), IdentityState::Left);
    decide(&mut facts, Decided::Join { identity: id_of("1"), attributes: Default::default(), start_ms: None });
    assert_eq!(state(&facts, "1"), IdentityState::Active);
}

#[test]
fn a_later_first_day_wins_over_an_old_decision_to_leave() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "start_date", json!("2026-11-20"));
    decide(&mut facts, Decided::Leave { identity: id_of("1"), at_ms: Some(NOW_MS - 30 * DAY_MS), start_date: None });
    assert_eq!(state(&facts, "1"), IdentityState::Active);
}

#[test]
fn a_first_day_that_was_known_when_it_was_decided_is_no_return() {
    let leave =
        |at_ms, known: &str| Decided::Leave { identity: id_of("1"), at_ms, start_date: Some(known.parse().unwrap()) };
    // It is the 24th: who starts tomorrow, or was moved to tomorrow since, does not come; who starts later than was known does.
    for (known, expected) in [
        ("2026-11-25", IdentityState::Left),
        ("2026-12-08", IdentityState::Left),
        ("2026-11-24", IdentityState::Future),
    ] {
        let mut facts = company();
        set(account_of(&mut facts, "hr/person/1"), "start_date", json!("2026-11-25"));
        decide(&mut facts, leave(None, known));
        assert_eq!(state(&facts, "1"), expected, "{known}");
    }
    // A moment of leaving before a first day that is over by now.
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "start_date", json!("2026-11-20"));
    decide(&mut facts, leave(Some(NOW_MS - 30 * DAY_MS), "2026-11-20"));
    assert_eq!(state(&facts, "1"), IdentityState::Left);
    set(account_of(&mut facts, "hr/person/1"), "start_date", json!("2026-11-23"));
    assert_eq!(state(&facts, "1"), IdentityState::Active);
}

#[test]
fn nothing_is_made_ready_for_whom_a_decision_takes_away_before_the_first_day() {
    let mut facts = company();
    facts.accounts.retain(|account| account.key.connection == name("hr"));
    set(account_of(&mut facts, "hr/person/1"), "start_date", json!("2026-11-25"));
    let ahead = policy("[lifecycle]\ncreate_before_start = \"5d\"");
    let steps = |facts: &Facts| shown(&walk(facts, &ahead)).iter().filter(|step| step.contains(" Ann")).count();
    assert_eq!(steps(&facts), 2);
    for at_ms in [None, Some(NOW_MS + 1000)] {
        let start_date = Some("2026-11-25".parse().unwrap());
        decide(&mut facts, Decided::Leave { identity: id_of("1"), at_ms, start_date });
        assert_eq!(steps(&facts), 0, "{at_ms:?}");
        facts.decisions.clear();
    }
}

#[test]
fn a_decision_founds_whom_no_source_knows() {
    let mut facts = company();
    let zoe = person("9", json!({"work_email": "zoe@acme.example", "name": "Zoe", "department": "Support"}));
    decide(&mut facts, Decided::Join { identity: "01ZOE".into(), attributes: zoe.fields, start_ms: None });
    let graph = correlate(&facts, &policy(""));
    let zoe = graph.identity(&"01ZOE".into()).unwrap();
    assert_eq!((zoe.state, zoe.label()), (IdentityState::Active, "Zoe"));
}

#[test]
fn managers_are_found_by_employee_id_and_circles_are_said() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "manager_id", json!("2"));
    assert_eq!(correlate(&facts, &policy("")).identity(&id_of("1")).unwrap().manager, Some(id_of("2")));
    set(account_of(&mut facts, "hr/person/2"), "manager_id", json!("1"));
    let graph = correlate(&facts, &policy(""));
    assert_eq!(graph.disputes()[0].topic, "manager_circle");
    let left = ["1", "2"].iter().filter(|id| graph.identity(&id_of(id)).unwrap().manager.is_some()).count();
    assert_eq!(left, 1);
}

#[test]
fn a_person_is_found_by_any_key() {
    let facts = company();
    let graph = correlate(&facts, &policy(""));
    let ann = graph.find(&id_of("1")).unwrap();
    for key in [id_of("1").as_str(), "ANN@acme.example", "1", "ann doe", "desk/agent/1"] {
        assert_eq!(graph.search(key), [ann], "{key}");
    }
    assert!(graph.search("nobody").is_empty());
}

#[test]
fn an_old_decision_to_join_keeps_no_later_leaver_in() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "status", json!("terminated"));
    decide(&mut facts, Decided::Join { identity: id_of("1"), attributes: Default::default(), start_ms: None });
    assert_eq!(state(&facts, "1"), IdentityState::Active);
    facts.now_ms += 31 * DAY_MS;
    assert_eq!(state(&facts, "1"), IdentityState::Left);
}

#[test]
fn of_two_employments_of_one_person_the_one_that_is_held_counts() {
    let employments = |old: Value, new: Value, name: &str| {
        let mut facts = company();
        old.as_object().unwrap().iter().for_each(|(field, value)| {
            set(account_of(&mut facts, "hr/person/1"), field, value.clone());
        });
        let mut row = support("901", "Ann");
        set(&mut row, "name", json!(name));
        new.as_object().unwrap().iter().for_each(|(field, value)| set(&mut row, field, value.clone()));
        facts.accounts.push(row);
        facts
    };
    let over = json!({"status": "terminated", "end_date": "2026-10-31"});
    let mut facts = employments(over.clone(), json!({"start_date": "2026-11-01"}), "Ann Doe");
    for _ in 0..2 {
        let reconciled = walk(&facts, &policy(""));
        let ann = reconciled.graph.identity(&id_of("1")).unwrap();
        assert_eq!((ann.state, ann.end_date, ann.records.len()), (IdentityState::Active, None, 2));
        assert!(reconciled.graph.disputes().is_empty(), "{:?}", reconciled.graph.disputes());
        assert!(!shown(&reconciled).iter().any(|step| step.contains("suspend")), "{:?}", shown(&reconciled));
        pin(&mut facts, &policy(""));
    }
    // The one that is held may be the one that is known; and it makes no odds which is read first.
    let facts = employments(json!({}), over.clone(), "Ann Doe");
    assert_eq!(state(&facts, "1"), IdentityState::Active);
    let facts = employments(over.clone(), json!({"start_date": "2026-12-20"}), "Ann Doe");
    assert_eq!(state(&facts, "1"), IdentityState::Future);
    let facts = employments(over.clone(), over.clone(), "Ann Doe");
    assert_eq!(state(&facts, "1"), IdentityState::Left);
    // Two who are here with one address, or two names: nobody knows whether that is one person.
    for facts in [employments(json!({}), json!({}), "Ann Doe"), employments(over, json!({}), "Ann Other")] {
        assert_eq!(correlate(&facts, &policy("")).identities().len(), 4);
        assert!(correlate(&facts, &policy("")).disputes().iter().any(|dispute| dispute.topic == "double_row"));
    }
}

#[test]
fn an_empty_status_lets_nobody_in_who_was_gone_by_their_last_one() {
    let blank = |before: &[Value], now: Value| {
        let mut facts = company();
        for fields in before {
            let mut version = support("1", "Ann");
            fields.as_object().unwrap().iter().for_each(|(field, value)| set(&mut version, field, value.clone()));
            facts.history.push(version);
        }
        let row = account_of(&mut facts, "hr/person/1");
        set(row, "status", Value::Null);
        now.as_object().unwrap().iter().for_each(|(field, value)| set(row, field, value.clone()));
        facts
    };
    let (active, gone) = (json!({"status": "active"}), json!({"status": "terminated", "start_date": "2024-01-01"}));
    let facts = blank(&[active.clone(), gone.clone()], json!({"start_date": "2024-01-01"}));
    assert_eq!(state(&facts, "1"), IdentityState::Unknown);
    let reconciled = walk(&facts, &policy(""));
    assert!(shown(&reconciled).is_empty(), "{:?}", shown(&reconciled));
    assert!(reconciled.graph.disputes()[0].text.contains("status is empty now"), "{:?}", reconciled.graph.disputes());
    let mut left_out = facts.clone();
    let row = account_of(&mut left_out, "hr/person/1");
    row.fields.remove("status");
    assert_eq!(state(&left_out, "1"), IdentityState::Active, "another field tells the state");
    account_of(&mut left_out, "hr/person/1").state = AccountState::Unknown;
    assert_eq!(state(&left_out, "1"), IdentityState::Unknown);
    let still = blank(&[gone.clone(), json!({"status": null})], json!({"title": "Lead"}));
    assert_eq!(state(&still, "1"), IdentityState::Unknown, "a second empty one says no more than the first");
    assert_eq!(state(&blank(std::slice::from_ref(&gone), json!({"end_date": "2026-10-31"})), "1"), IdentityState::Left);
    assert_eq!(
        state(&blank(std::slice::from_ref(&gone), json!({"start_date": "2026-11-02"})), "1"),
        IdentityState::Active
    );
    assert_eq!(state(&blank(&[gone, active], json!({})), "1"), IdentityState::Active);
    assert_eq!(state(&blank(&[], json!({})), "1"), IdentityState::Active, "files may have no status at all");
}
