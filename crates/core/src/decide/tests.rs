//! What `decide` says, as facts: each test builds a small world of values and looks at what is derived from it.
//! Nothing here touches a disk, a clock or a network. It does not test what other verbs make of the result.

use crate::abilities::EntitlementAbility;
use crate::account::Kind;
use crate::change::FindingKind;
use crate::decide::Standing;
use crate::facts::{Decided, Facts};
use crate::policy::Policy;
use crate::world::*;
use serde_json::json;

fn standing(facts: &Facts, policy: &Policy, record: &str) -> Standing {
    let reconciled = walk(facts, policy);
    reconciled.wishes.standing(reconciled.graph.find(&id_of(record)).unwrap())
}

fn wish(facts: &Facts, policy: &Policy, record: &str, connection: &str) -> String {
    let reconciled = walk(facts, policy);
    let bundle = reconciled.wishes.bundle(reconciled.graph.find(&id_of(record)).unwrap());
    bundle.wishes.get(&name(connection)).map_or("-".into(), |wish| {
        let words: Vec<String> = wish
            .grants
            .iter()
            .map(|(word, wished)| {
                let names: Vec<&str> = wished.grants.iter().map(|grant| grant.name.as_str()).collect();
                format!("{word}={}", names.join("+"))
            })
            .collect();
        format!("{} {} by {}", wish.kind, words.join(" "), wish.rules.join("+"))
    })
}

#[test]
fn everybody_holds_what_their_rules_say() {
    let facts = company();
    assert_eq!(wish(&facts, &policy(""), "1", "desk"), "agent role=agent teams=Tier 1 by support agents");
    assert_eq!(wish(&facts, &policy(""), "1", "service"), "requester  by everybody");
}

#[test]
fn sets_of_two_rules_are_united() {
    let more = "[[grant]]\nname = \"leads\"\nwhen = 'identity.title == \"Agent\"'\n[grant.to]\ndesk = { role = \"agent\", teams = [\"Leads\"] }";
    assert_eq!(
        wish(&company(), &policy(more), "1", "desk"),
        "agent role=agent teams=Leads+Tier 1 by support agents+leads"
    );
}

#[test]
fn of_two_roles_the_first_in_the_file_wins_and_it_is_said() {
    let more = "[[grant]]\nname = \"bosses\"\nwhen = 'true'\n[grant.to]\ndesk = { role = \"admin\" }";
    let facts = company();
    assert!(wish(&facts, &policy(more), "1", "desk").contains("role=agent"));
    let rules = policy(more);
    let reconciled = walk(&facts, &rules);
    let disputes = findings_of(&reconciled, FindingKind::Dispute);
    assert_eq!(disputes.len(), 1);
    assert!(disputes[0].text.contains("for 3 people"), "{}", disputes[0].text);
}

#[test]
fn what_a_weaker_rule_wishes_is_added_where_the_mightier_kind_has_the_word() {
    let mut facts = company();
    let kinds = &mut abilities_of(&mut facts, "service").kinds;
    let of_desk = kinds[&Kind::Agent].entitlements["roles"].clone();
    let plain = EntitlementAbility {
        kind: "department".into(),
        scoped: false,
        required: false,
        default_scope: None,
        ..of_desk
    };
    for kind in [Kind::Agent, Kind::Requester] {
        kinds.get_mut(&kind).unwrap().entitlements.insert("departments".into(), plain.clone());
    }
    kinds.get_mut(&Kind::Requester).unwrap().entitlements.insert("floors".into(), plain);
    let row = account_of(&mut facts, "hr/person/1");
    set(row, "department", json!("IT"));
    let more = "[[grant]]\nname = \"all\"\nwhen = 'true'\n[grant.to]\nservice = { as = \"requester\", departments = [\"Sales\"], floors = [\"2\"] }\n\
        [[grant]]\nname = \"it too\"\nwhen = 'identity.department == \"IT\"'\n[grant.to]\nservice = { as = \"agent\", departments = [\"IT\"] }";
    assert_eq!(wish(&facts, &policy(more), "1", "service"), "agent departments=IT+Sales roles=IT Agent by it+it too");
    let rules = policy(more);
    assert!(
        findings_of(&walk(&facts, &rules), FindingKind::Prerequisite).is_empty(),
        "a word of another kind is passed over"
    );
    assert_eq!(wish(&facts, &policy(more), "2", "service"), "requester departments=Sales floors=2 by everybody+all");
}

#[test]
fn of_two_scopes_of_one_role_the_first_wins_and_it_is_said() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "department", json!("IT"));
    let wider = |scope: &str| {
        format!(
            "[[grant]]\nname = \"wider\"\nwhen = 'identity.department == \"IT\"'\n[grant.to]\nservice = {{ as = \"agent\", roles = [{{ name = \"IT Agent\", scope = \"{scope}\" }}, \"Lead\"] }}"
        )
    };
    let other = wider("member_groups");
    assert_eq!(wish(&facts, &policy(&other), "1", "service"), "agent roles=IT Agent+Lead by it+wider");
    let rules = policy(&other);
    let reconciled = walk(&facts, &rules);
    let disputes = findings_of(&reconciled, FindingKind::Dispute);
    assert_eq!(disputes.len(), 1);
    assert!(
        disputes[0]
            .text
            .starts_with("rules \"it\" and \"wider\" contradict each other about the scope of roles \"IT Agent\""),
        "{}",
        disputes[0].text
    );
    let bundle = reconciled.wishes.bundle(reconciled.graph.find(&id_of("1")).unwrap());
    let scope = bundle.wishes[&name("service")].grants["roles"].grants[0].scope.clone();
    assert_eq!(scope.as_deref(), Some("entire_helpdesk"));
    let same = policy(&wider("entire_helpdesk"));
    assert!(findings_of(&walk(&facts, &same), FindingKind::Dispute).is_empty());
}

#[test]
fn an_agent_beats_a_requester() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "department", json!("IT"));
    assert_eq!(wish(&facts, &policy(""), "1", "service"), "agent roles=IT Agent by it");
    let reconciled_kind = wish(&facts, &policy(""), "1", "service");
    assert!(reconciled_kind.starts_with(Kind::Agent.as_str()));
}

#[test]
fn accounts_are_made_days_before_the_first_day_where_the_person_lives() {
    // It is 2026-11-24 12:00 UTC. Three days before the 28th begin on the 25th.
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "start_date", json!("2026-11-28"));
    assert_eq!(standing(&facts, &policy(""), "1"), Standing::Untouched);
    set(account_of(&mut facts, "hr/person/1"), "time_zone", json!("Pacific/Auckland"));
    assert_eq!(standing(&facts, &policy(""), "1"), Standing::Present);
    set(account_of(&mut facts, "hr/person/1"), "start_date", json!("2026-11-27"));
    set(account_of(&mut facts, "hr/person/1"), "time_zone", json!("UTC"));
    assert_eq!(standing(&facts, &policy(""), "1"), Standing::Present);
}

#[test]
fn of_several_moves_that_people_said_each_earlier_side_is_known() {
    let mut facts = company();
    let to = |department: &str| Decided::Move {
        identity: id_of("1"),
        attributes: [("department".into(), json!(department))].into_iter().collect(),
        from_ms: None,
    };
    let more = "[[grant]]\nname = \"sellers\"\nwhen = 'identity.department == \"Sales\"'\n[grant.to]\ndesk = { role = \"admin\" }";
    let rules = policy(more);
    let past = |facts: &Facts| {
        let reconciled = walk(facts, &rules);
        let at = reconciled.graph.find(&id_of("1")).unwrap();
        reconciled.wishes.past(at, &name("desk")).map(|past| past.rules.clone()).unwrap_or_default()
    };
    assert_eq!(past(&facts), [""; 0]);
    decide(&mut facts, to("Sales"));
    assert_eq!(past(&facts), ["support agents"]);
    decide(&mut facts, to("Finance"));
    assert_eq!(past(&facts), ["support agents", "sellers"]);
    decide(&mut facts, to("Support"));
    assert_eq!(past(&facts), ["sellers"], "what is wished again is no past");
}

#[test]
fn leavers_are_suspended_and_deleted_when_it_is_time() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!("2026-11-22"));
    assert_eq!(standing(&facts, &policy(""), "1"), Standing::Suspended);
    assert_eq!(standing(&facts, &policy("[lifecycle]\nsuspend_after_end = \"36h\""), "1"), Standing::Suspended);
    assert_eq!(standing(&facts, &policy("[lifecycle]\nsuspend_after_end = \"37h\""), "1"), Standing::Untouched);
    assert_eq!(standing(&facts, &policy("[lifecycle]\ndelete_after_end = \"1d\""), "1"), Standing::Absent);
    assert_eq!(standing(&facts, &policy("[lifecycle]\nsuspend_after_end = \"never\""), "1"), Standing::Untouched);
}

#[test]
fn a_last_day_that_moves_past_a_change_of_clocks_ends_where_the_person_lives() {
    // In Berlin the 24th of October 2026 ends at 22:00 UTC; the 25th has 25 hours and ends at 23:00 UTC.
    let mut facts = company();
    let mut at = |end_date: &str, now: &str, more: &str| {
        let record = account_of(&mut facts, "hr/person/1");
        set(record, "time_zone", json!("Europe/Berlin"));
        set(record, "end_date", json!(end_date));
        facts.now_ms = now.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        standing(&facts, &policy(more), "1")
    };
    assert_eq!(at("2026-10-24", "2026-10-24T21:59:59Z", ""), Standing::Present);
    assert_eq!(at("2026-10-24", "2026-10-24T22:00:00Z", ""), Standing::Suspended);
    assert_eq!(at("2026-10-25", "2026-10-24T22:00:00Z", ""), Standing::Present, "it was moved by a day");
    assert_eq!(at("2026-10-25", "2026-10-25T22:59:59Z", ""), Standing::Present);
    assert_eq!(at("2026-10-25", "2026-10-25T23:00:00Z", ""), Standing::Suspended);
    let (day, hours) = ("[lifecycle]\nsuspend_after_end = \"1d\"", "[lifecycle]\nsuspend_after_end = \"24h\"");
    assert_eq!(at("2026-10-24", "2026-10-25T22:00:00Z", day), Standing::Untouched);
    assert_eq!(at("2026-10-24", "2026-10-25T23:00:00Z", day), Standing::Suspended);
    assert_eq!(at("2026-10-24", "2026-10-25T22:00:00Z", hours), Standing::Suspended);
}

#[test]
fn a_role_that_the_tenant_does_not_have_is_named_and_not_wished() {
    let mut facts = company();
    let offered = |name: &str| crate::account::Entitlement {
        kind: "role".into(),
        id: name.into(),
        name: name.into(),
        privileged: false,
    };
    connection_of(&mut facts, "desk").entitlements = vec![offered("agents"), offered("observer")];
    let rules = policy("");
    let reconciled = walk(&facts, &rules);
    let found = findings_of(&reconciled, FindingKind::UnsupportedChange);
    assert_eq!(found.len(), 1);
    assert!(found[0].text.contains("\"agents\" perhaps"), "{}", found[0].text);
    assert!(shown(&reconciled).is_empty());
}

#[test]
fn without_a_list_of_names_only_a_number_serves_where_ids_are_numbers() {
    let mut facts = company();
    let kind = abilities_of(&mut facts, "desk").kinds.get_mut(&Kind::Agent).unwrap();
    kind.entitlements.get_mut("teams").unwrap().numbered = true;
    let rules = policy("");
    let reconciled = walk(&facts, &rules);
    let found = findings_of(&reconciled, FindingKind::UnsupportedChange);
    assert_eq!(found.len(), 1);
    assert!(found[0].text.contains("\"Tier 1\"") && found[0].text.contains("write the number"), "{}", found[0].text);
    assert!(shown(&reconciled).is_empty());
    let more =
        "[[grant]]\nname = \"leads\"\nwhen = 'identity.title == \"Agent\"'\n[grant.to]\ndesk = { teams = [\"77\"] }";
    assert!(wish(&facts, &policy(more), "1", "desk").contains("teams=77"));
}

#[test]
fn two_of_one_name_are_a_dispute() {
    let mut facts = company();
    let offered = |id: &str, name: &str| crate::account::Entitlement {
        kind: "team".into(),
        id: id.into(),
        name: name.into(),
        privileged: false,
    };
    // Either as they are, or told apart by their ids, as connections list them.
    for (one, other) in [("Tier 1", "Tier 1"), ("Tier 1 (7)", "tier 1 (8)")] {
        connection_of(&mut facts, "desk").entitlements = vec![offered("7", one), offered("8", other)];
        let rules = policy("");
        let reconciled = walk(&facts, &rules);
        let found = findings_of(&reconciled, FindingKind::Dispute);
        assert_eq!(found.len(), 1, "{one}");
        assert!(!found[0].text.contains("none of that name"), "{}", found[0].text);
        assert_eq!(found[0].text.contains("write one of \"Tier 1 (7)\""), one != other, "{}", found[0].text);
    }
}

#[test]
fn a_rule_that_makes_no_sense_is_said() {
    let more = "[[grant]]\nname = \"odd\"\nwhen = 'identity.department > 3'\n[grant.to]\ndesk = { role = \"admin\" }";
    let facts = company();
    let rules = policy(more);
    let reconciled = walk(&facts, &rules);
    assert!(findings_of(&reconciled, FindingKind::Prerequisite)[0].text.contains("for 3 people"));
}
