//! What `diff` says of the sessions of people who are gone, where an identity provider can be asked to end them.

use super::*;
use crate::account::Account;
use crate::facts::SessionsTried;

/// When the last day of Ann was over.
const LEFT_MS: i64 = 1_795_219_200_000;

/// Returns a company in which Ann signs in to the desk by the door, and left.
fn left() -> Facts {
    let mut facts = company();
    let ability = facts.connections["desk"].abilities.kinds[&Kind::Agent].clone();
    let ends = ability.effects[&Effect::Suspend].clone();
    add_source(&mut facts, "door", Kind::Person);
    let kind = abilities_of(&mut facts, "door").kinds.get_mut(&Kind::Person).unwrap();
    kind.effects.insert(Effect::EndSessions, ends);
    let mut ann = Account::unknown(AccountKey::new(&name("door"), Kind::Person, "00u1"));
    ann.state = AccountState::Active;
    ann.login = Some("ann@acme.example".into());
    facts.accounts.push(ann);
    abilities_of(&mut facts, "desk").sso = Some(name("door"));
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!("2026-11-20"));
    facts
}

fn ends(facts: &Facts) -> usize {
    steps(facts, "").iter().filter(|step| step.starts_with("end_sessions door")).count()
}

fn tried(facts: &mut Facts, at_ms: i64, ended: bool) {
    facts.sessions.insert((name("door"), id_of("1")), SessionsTried { at_ms, ended });
}

#[test]
fn sessions_end_after_every_suspension_that_they_would_undo() {
    let facts = left();
    let plan = walk(&facts, &policy("")).plan;
    let end = plan.steps.iter().find(|step| step.effect == Effect::EndSessions).unwrap();
    let suspend = plan.steps.iter().find(|step| step.effect == Effect::Suspend && step.connection == name("desk"));
    assert_eq!(end.account_key.as_ref().unwrap().to_string(), "door/person/00u1");
    assert_eq!(end.needs, [suspend.unwrap().id.clone()]);
    assert!(texts(&facts, "", FindingKind::SessionNotEnded)[0].ends_with("a step of the plan ends them"));
}

#[test]
fn a_departure_has_one_end_and_what_failed_is_planned_again() {
    let mut facts = left();
    account_of(&mut facts, "desk/agent/1").state = AccountState::Suspended;
    account_of(&mut facts, "service/requester/1").state = AccountState::Suspended;
    assert_eq!(ends(&facts), 1, "suspended by other hands, and nobody ended anything");
    tried(&mut facts, LEFT_MS + 60_000, false);
    assert_eq!(ends(&facts), 1);
    tried(&mut facts, LEFT_MS + 60_000, true);
    assert_eq!(ends(&facts), 0);
    assert_eq!(texts(&facts, "", FindingKind::SessionNotEnded), [""; 0]);
    tried(&mut facts, LEFT_MS - 60_000, true);
    assert_eq!(ends(&facts), 1, "that was another departure");
    facts.now_ms = LEFT_MS + 8 * 86_400_000;
    assert_eq!(ends(&facts), 0, "nobody asks for sessions of last week");
}

#[test]
fn who_is_here_keeps_sessions_and_a_source_that_cannot_end_them_leaves_work() {
    let mut facts = left();
    set(account_of(&mut facts, "hr/person/1"), "start_date", json!("2026-11-24"));
    assert_eq!(ends(&facts), 0);
    let mut facts = left();
    abilities_of(&mut facts, "desk").sessions = Sessions::Kept;
    abilities_of(&mut facts, "door").kinds.get_mut(&Kind::Person).unwrap().effects.clear();
    assert_eq!(ends(&facts), 0);
    assert!(steps(&facts, "").iter().any(|step| step.starts_with("manual desk leaver Ann")));
}
