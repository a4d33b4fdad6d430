//! What `policy` says, as facts: each test builds a small world of values and looks at what is derived from it.
//! Nothing here touches a disk, a clock or a network. It does not test what other verbs make of the result.

use super::{Delay, FieldsFollow, MatchRule, Policy, Unwished, WordValue, policy_schema};
use crate::abilities::Abilities;
use crate::name::ConnectionName;
use crate::world::{company, name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The policy that the manual shows.
const SHOWN: &str = r#"
[[grant]]                           # what people should hold; every wish names the rule that made it
name = "support agents"
when = 'identity.department == "Support" && identity.type == "employee"'
[grant.to]
gorgias    = { role = "agent" }
gladly     = { role = "AGENT", teams = ["Tier 1 Support"], inboxes = ["General Support"] }
freshdesk  = { roles = ["Agent"], groups = ["Support"], ticket_scope = "group" }
freshservice = { as = "requester" } # or as = "agent", roles = [{ name = "IT Agent", scope = "entire_helpdesk" }]
gainsight  = { role = "Standard User" }

[[manage]]
connections = ["gorgias", "gladly"]
extra_grants = "report"             # or "revoke"
orphans = "report"                  # or "suspend"

[lifecycle]
create_before_start = "3d"
suspend_after_end = "0h"
delete_after_end = "never"

[[approve]]
when = 'step.irreversible || step.grants.exists(g, g.privileged)'
from = ["security"]
count = 1
[[approve]]
when = 'true'
from = "nobody"

[approvers]
security = ["mia@acme.example"]

[guards]
removals_max = 25
removals_max_share = 0.05
source_shrink_max_share = 0.02
stale_after = "24h"
protected = ["owner@acme.example"]
"#;

fn error(text: &str) -> String {
    Policy::parse(text, "policy.toml").unwrap_err().to_string()
}

#[test]
fn an_empty_file_has_the_usual_guards() {
    let policy = Policy::parse("", "policy.toml").unwrap();
    assert_eq!(policy.guards.removals_max, 25);
    assert_eq!(policy.lifecycle.create_before_start, Some(Delay::days(3)));
    assert_eq!(policy.correlation.rules, MatchRule::ALL);
}

#[test]
fn what_the_manual_shows_is_read_and_says_the_defaults() {
    let policy = Policy::parse(SHOWN, "policy.toml").unwrap();
    let defaults = Policy::parse("", "policy.toml").unwrap();
    assert_eq!(policy.lifecycle, defaults.lifecycle);
    assert_eq!(policy.guards.stale_after, defaults.guards.stale_after);
    assert_eq!(policy.guards.removals_max_share, defaults.guards.removals_max_share);
    let desk = &policy.grants[0].to[&name("freshdesk")];
    assert_eq!(desk.words["ticket_scope"], WordValue::Text("group".into()));
    assert_eq!(policy.approvals[1].from, [""; 0]);
    let manage = policy.manage_of(&name("gorgias"));
    assert_eq!((manage.orphans, manage.fields), (Unwished::Report, FieldsFollow::Follow));
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
    assert_eq!(
        error("[guards]\nremovals_maxx = 3\n"),
        "policy.toml:2:1: unknown field `removals_maxx`, expected one of `removals_max`, `removals_max_share`, `removals_max_per_day`, `removals_max_share_per_day`, `source_shrink_max_share`, `stale_after`, `failures_max`, `failures_retry_after`, `protected`\n  hint: did you mean `removals_max`?"
    );
    assert!(error("[[grants]]\nname = \"x\"").contains("did you mean `grant`?"));
    assert!(error("[[manage]]\nconnections = [\"x\"]\norphans = \"suspended\"").contains("did you mean `suspend`?"));
}

#[test]
fn a_wrong_value_is_named_with_its_line() {
    assert!(error("[lifecycle]\n\nsuspend_after_end = \"soon\"").starts_with("policy.toml:3:"));
    assert!(error("[guards]\nremovals_max_share = 5.0").contains("5 is no share"));
    assert!(error("[guards]\nremovals_max = \"many\"").contains("policy.toml:2:"));
    assert!(error("[[grant]]\nname = \"a\"\nwhen = 'identity.x =='\n[grant.to]\n").starts_with("policy.toml:3:"));
    assert!(error("[[grant]]\nname = \"a\"\nwhen = 'person.x == 1'\n[grant.to]\n").contains("unknown name `person`"));
    let slip = error("[[grant]]\nname = \"a\"\nwhen = 'identity.departmnt == \"x\"'\n[grant.to]\n");
    assert!(
        slip.starts_with("policy.toml:3:1: `identity` has no `departmnt`") && slip.contains("`department`"),
        "{slip}"
    );
    assert!(error("[[approve]]\nwhen = 'step.effct == \"x\"'\nfrom = \"nobody\"\n").contains("did you mean `effect`?"));
    assert!(
        error("[[grant]]\nname = \"a\"\nwhen = 'true'\n[grant.to]\nx = { as = \"agnet\" }")
            .contains("did you mean `agent`?")
    );
    assert!(error("[[grant]]\nname = \"a\"\nwhen = 'true'\n[grant.to]\nx = { role = 1.5 }").contains("policy.toml:5:"));
    assert!(
        error("[[grant]]\nname = \"a\"\nwhen = 'true'\n[grant.to]\nx = { r = [{ name = \"b\", scop = \"c\" }] }")
            .contains("`scope`")
    );
}

#[test]
fn a_condition_that_says_neither_yes_nor_no_is_named_with_its_line() {
    let grant = |when: &str| format!("[[grant]]\nname = \"a\"\nwhen = '{when}'\n[grant.to]\n");
    let approve = |when: &str| format!("[[approve]]\nwhen = '{when}'\nfrom = \"nobody\"\n");
    for (text, line) in [
        (grant("identity.department"), 3),
        (grant("\"1\""), 3),
        (grant("identity.type == \"employee\" || \"contractor\""), 3),
        (approve("step.effect"), 2),
        (approve("step.identity.department"), 2),
        (approve("1"), 2),
        ("[correlation]\nservice = ['account.login']\n".to_owned(), 2),
    ] {
        let refused = error(&text);
        assert!(refused.starts_with(&format!("policy.toml:{line}:")), "{text}: {refused}");
        assert!(refused.contains("neither yes nor no"), "{text}: {refused}");
    }
    for text in [grant("identity.contractor"), grant("true"), approve("step.irreversible")] {
        assert!(Policy::parse(&text, "p").is_ok(), "{text}");
    }
}

#[test]
fn approvers_must_be_there_and_enough() {
    let rule = |from: &str, count: u32| {
        format!(
            "[approvers]\nsecurity = [\"mia@x.example\"]\n[[approve]]\nwhen = 'true'\nfrom = {from}\ncount = {count}"
        )
    };
    assert!(Policy::parse(&rule("[\"security\"]", 1), "p").is_ok());
    assert!(error(&rule("[\"securty\"]", 1)).contains("did you mean `security`?"));
    assert!(error(&rule("\"nobdy\"", 1)).contains("did you mean `nobody`?"));
    assert!(error(&rule("[\"security\"]", 2)).contains("the groups have 1 people"));
    assert!(error(&rule("[]", 1)).contains("no group is named"));
}

#[test]
fn two_rules_of_one_name_are_refused() {
    let rule = "[[grant]]\nname = \"a\"\nwhen = 'true'\n[grant.to]\n";
    assert!(error(&format!("{rule}{rule}")).starts_with("policy.toml:6:"));
}

#[test]
fn the_schema_knows_every_section() {
    let schema = policy_schema();
    for section in ["grant", "manage", "lifecycle", "approve", "approvers", "guards", "correlation"] {
        assert!(schema["properties"][section].is_object(), "{section}");
    }
}

fn problems(text: &str) -> Vec<String> {
    let facts = company();
    let abilities: BTreeMap<ConnectionName, Arc<Abilities>> =
        facts.connections.iter().map(|(name, facts)| (name.clone(), facts.abilities.clone())).collect();
    Policy::parse(text, "p").unwrap().check(&abilities).iter().map(ToString::to_string).collect()
}

fn wanting(wanted: &str) -> Vec<String> {
    problems(&format!("[[grant]]\nname = \"a\"\nwhen = 'true'\n[grant.to]\n{wanted}"))
}

#[test]
fn what_fits_is_no_problem() {
    assert_eq!(wanting("desk = { role = \"agent\", teams = [\"x\"], ticket_scope = \"group\" }"), [""; 0]);
    assert_eq!(wanting("service = { as = \"agent\", roles = [{ name = \"IT\", scope = \"all\" }, \"B\"] }"), [""; 0]);
}

#[test]
fn what_fits_nothing_is_named_with_the_nearest() {
    assert!(wanting("dsk = { role = \"agent\" }")[0].contains("did you mean `desk`?"));
    assert!(wanting("desk = { rol = \"agent\" }")[0].contains("did you mean `role`?"));
    assert!(wanting("desk = { rol = \"agent\" }")[0].starts_with("p:5:10: "));
    assert!(wanting("desk = { ticket_scope = \"gruop\" }")[0].contains("did you mean `group`?"));
    assert!(wanting("desk = { as = \"contact\" }")[0].contains("desk knows no contact"));
    assert!(wanting("desk = { role = [\"a\", \"b\"] }")[0].contains("exactly one name"));
    assert!(wanting("desk = { teams = [{ name = \"a\", scope = \"b\" }] }")[0].contains("has no scopes"));
    assert!(wanting("hr = { role = \"agent\" }")[0].contains("is a source"));
    assert!(problems("[[manage]]\nconnections = [\"dek\"]")[0].contains("did you mean `desk`?"));
}
