//! Sets that are written whole while the app does not tell in which scope each grant is held.
//! Nobody's scope is chosen for them: it is known from a rule, or a person does it.

use super::*;
use crate::change::Step;
use crate::name::Name;

const LEAD: &str =
    "[[grant]]\nname = \"leads\"\nwhen = 'identity.title == \"Lead\"'\n[grant.to]\ndesk = { teams = [\"Tier 2\"] }\n";

/// Ann leads, and her teams have scopes of which the app tells none.
fn unscoped(extra: Option<&str>) -> Facts {
    let mut facts = company();
    let agent = abilities_of(&mut facts, "desk").kinds.get_mut(&Kind::Agent).unwrap();
    let teams = agent.entitlements.get_mut(&Name::new("teams")).unwrap();
    (teams.scoped, teams.default_scope, teams.least_scope) = (true, Some("all".into()), Some("own".into()));
    set(account_of(&mut facts, "hr/person/1"), "title", json!("Lead"));
    set(account_of(&mut facts, "desk/agent/1"), "title", json!("Lead"));
    account_of(&mut facts, "desk/agent/1").grants.extend(extra.map(|name| grant("team", name)));
    facts
}

fn plan_of(facts: &Facts, more: &str) -> Vec<Step> {
    walk(facts, &policy(&format!("{LEAD}{more}"))).plan.steps
}

fn kept(step: &Step) -> Vec<String> {
    let keep = step.changes.iter().filter_map(|change| change.entitlement.as_ref()).flat_map(|asked| &asked.keep);
    keep.map(|grant| format!("{}@{}", grant.name, grant.scope.as_ref().map_or("", Name::as_str))).collect()
}

#[test]
fn what_a_rule_wishes_goes_back_in_the_scope_of_the_rule() {
    let steps = plan_of(&unscoped(None), "");
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert_eq!((steps[0].effect, kept(&steps[0])), (Effect::Grant, vec!["Tier 1@all".to_owned()]));
}

#[test]
fn what_nobody_knows_the_scope_of_leaves_the_set_to_a_person() {
    let steps = plan_of(&unscoped(Some("Extra")), "");
    assert_eq!(steps.len(), 1, "{steps:?}");
    let work = steps[0].by_hand.as_ref().unwrap();
    assert_eq!((steps[0].effect, work.does), (Effect::Manual, Effect::Grant));
    assert!(work.how.contains("does not tell in which scope Extra is held"), "{}", work.how);
}

#[test]
fn what_is_taken_away_goes_back_with_the_least_until_then_and_the_plan_says_so() {
    let more = "[[manage]]\nconnections = [\"desk\"]\nextra_grants = \"revoke\"";
    let steps = plan_of(&unscoped(Some("Extra")), more);
    let of = |effect: Effect| steps.iter().find(|step| step.effect == effect).unwrap();
    assert_eq!(kept(of(Effect::Grant)), ["Tier 1@all", "Extra@own"]);
    assert!(of(Effect::Grant).reason.text.contains("Extra, whose scope the app does not tell, goes back as own"));
    assert_eq!(kept(of(Effect::Revoke)), ["Tier 1@all"]);
}
