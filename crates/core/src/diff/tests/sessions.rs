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
    facts.sessions.insert((name("door"), id_of("1")), SessionsTried { at_ms, ended, because: None });
}

/// Suspends every account of Ann that a target has.
fn suspended(facts: &mut Facts) {
    account_of(facts, "desk/agent/1").state = AccountState::Suspended;
    account_of(facts, "service/requester/1").state = AccountState::Suspended;
}

const WEEKS_MS: i64 = 40 * 86_400_000;

#[test]
fn sessions_end_after_every_suspension_that_they_would_undo() {
    let facts = left();
    let plan = walk(&facts, &policy("")).plan;
    let end = plan.steps.iter().find(|step| step.effect == Effect::EndSessions).unwrap();
    let suspend = plan.steps.iter().find(|step| step.effect == Effect::Suspend && step.connection == name("desk"));
    assert_eq!(end.account_key.as_ref().unwrap().to_string(), "door/person/00u1");
    assert_eq!(end.after, [suspend.unwrap().id.clone()]);
    assert!(end.needs.is_empty(), "an app that refuses keeps nobody signed in elsewhere");
    assert!(texts(&facts, "", FindingKind::SessionNotEnded)[0].ends_with("a step of the plan ends them"));
}

#[test]
fn a_departure_has_one_end_and_what_failed_is_planned_again() {
    let mut facts = left();
    suspended(&mut facts);
    assert_eq!(ends(&facts), 1, "suspended by other hands, and nobody ended anything");
    tried(&mut facts, LEFT_MS + 60_000, false);
    assert_eq!(ends(&facts), 1);
    tried(&mut facts, LEFT_MS + 60_000, true);
    assert_eq!(ends(&facts), 0);
    assert_eq!(texts(&facts, "", FindingKind::SessionNotEnded), [""; 0]);
    tried(&mut facts, LEFT_MS - 60_000, true);
    assert_eq!(ends(&facts), 1, "that was another departure");
    facts.sessions.clear();
    facts.now_ms = LEFT_MS + 8 * 86_400_000;
    assert_eq!(ends(&facts), 0, "nobody asks for sessions of whoever left before anybody looked");
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

#[test]
fn sessions_that_are_known_to_be_open_stay_open_until_they_are_ended_or_a_person_saw_to_them() {
    for dated in [true, false] {
        let mut facts = left();
        if !dated {
            let row = account_of(&mut facts, "hr/person/1");
            row.fields.remove("end_date");
            set(row, "status", json!("terminated"));
        }
        suspended(&mut facts);
        tried(&mut facts, LEFT_MS + 60_000, false);
        facts.now_ms = LEFT_MS + WEEKS_MS;
        assert_eq!(ends(&facts), 1, "{dated}");
        assert_eq!(texts(&facts, "", FindingKind::SessionNotEnded).len(), 1, "{dated}");
        let mut settled = facts.clone();
        let account = AccountKey::new(&name("door"), Kind::Person, "00u1");
        decide(&mut settled, Decided::Settle { account, identity: id_of("1") });
        settled.decisions[0].at_ms = LEFT_MS + 2 * 86_400_000;
        assert_eq!(ends(&settled), 0, "{dated}");
        assert_eq!(texts(&settled, "", FindingKind::SessionNotEnded), [""; 0], "{dated}");
        tried(&mut settled, LEFT_MS + 3 * 86_400_000, false);
        assert_eq!(ends(&settled), 1, "{dated}: that was said of what was open before");
        tried(&mut facts, LEFT_MS + WEEKS_MS - 60_000, true);
        assert_eq!(ends(&facts), 0, "{dated}");
        facts.accounts.retain(|account| account.key.connection != name("door"));
        tried(&mut facts, LEFT_MS, false);
        assert_eq!(ends(&facts), 0, "{dated}: the record is gone");
    }
}

#[test]
fn sessions_that_an_app_keeps_stay_work_for_a_person_until_somebody_saw_to_them() {
    let mut facts = left();
    suspended(&mut facts);
    let row = account_of(&mut facts, "hr/person/1");
    row.fields.remove("end_date");
    set(row, "status", json!("terminated"));
    let desk = abilities_of(&mut facts, "desk");
    (desk.sessions, desk.sso) = (Sessions::Kept, None);
    let open = SessionsTried { at_ms: LEFT_MS, ended: false, because: None };
    facts.sessions.insert((name("desk"), id_of("1")), open);
    facts.now_ms = LEFT_MS + WEEKS_MS;
    assert_eq!(texts(&facts, "", FindingKind::SessionNotEnded).len(), 1);
    abilities_of(&mut facts, "desk").sessions = Sessions::Unstated;
    assert_eq!(texts(&facts, "", FindingKind::SessionNotEnded), [""; 0], "of these nobody knows, and it is long ago");
    facts.now_ms = LEFT_MS + 86_400_000;
    assert_eq!(texts(&facts, "", FindingKind::SessionNotEnded).len(), 1);
}

#[test]
fn sessions_that_could_not_be_ended_are_told_with_the_reason_and_worse() {
    let mut facts = left();
    suspended(&mut facts);
    let because = Some("the app answered 403".to_owned());
    facts.sessions.insert((name("door"), id_of("1")), SessionsTried { at_ms: LEFT_MS, ended: false, because });
    let rules = policy("");
    let walked = walk(&facts, &rules);
    let found = findings_of(&walked, FindingKind::SessionNotEnded);
    assert_eq!(found[0].severity, Severity::High);
    assert!(found[0].text.contains("could not be ended: the app answered 403"), "{}", found[0].text);
}

#[test]
fn sessions_ended_in_this_departure_are_ended_again_only_once_another_app_has_suspended() {
    let mut facts = left();
    tried(&mut facts, LEFT_MS + 60_000, true);
    let plan = walk(&facts, &policy("")).plan;
    let end = plan.steps.iter().find(|step| step.effect == Effect::EndSessions).unwrap();
    assert_eq!((end.needs.len(), end.after.len()), (1, 0));
    assert_eq!(texts(&facts, "", FindingKind::SessionNotEnded), [""; 0]);
}

#[test]
fn sessions_wait_for_a_person_where_every_suspension_before_them_is_held() {
    let facts = left();
    let held = policy("[guards]\nremovals_max = 0\n");
    let plan = walk(&facts, &held).plan;
    let ends = |step: &&crate::change::Step| step.effect == Effect::EndSessions;
    assert!(plan.steps.iter().find(ends).is_none());
    assert!(plan.held.iter().any(|hold| hold.step.effect == Effect::EndSessions && hold.guard == "needs"));
}

#[test]
fn a_leaver_who_can_still_sign_in_at_the_identity_provider_is_told() {
    let mut facts = left();
    suspended(&mut facts);
    let told = texts(&facts, "", FindingKind::LeaverActive);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("can still sign in at door (active)"), "{told:?}");
    account_of(&mut facts, "door/person/00u1").state = AccountState::Suspended;
    assert_eq!(texts(&facts, "", FindingKind::LeaverActive), [""; 0]);
    let kind = abilities_of(&mut facts, "door").kinds.get_mut(&Kind::Person).unwrap();
    kind.effects.clear();
    account_of(&mut facts, "door/person/00u1").state = AccountState::Active;
    assert_eq!(texts(&facts, "", FindingKind::LeaverActive).len(), 1, "apps are signed in to by it");
    abilities_of(&mut facts, "desk").sso = None;
    assert_eq!(texts(&facts, "", FindingKind::LeaverActive), [""; 0], "a list of people lets nobody in");
}
