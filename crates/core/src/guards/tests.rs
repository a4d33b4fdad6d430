//! What `guards` says, as facts: each test builds a small world of values and looks at what is derived from it.
//! Nothing here touches a disk, a clock or a network. It does not test what other verbs make of the result.

use super::release;
use crate::account::AccountState;
use crate::change::FindingKind;
use crate::facts::{Coverage, Decided, Decision, Facts, Removed};
use crate::name::PlanId;
use crate::world::*;
use serde_json::json;

fn guards(facts: &Facts, more: &str) -> Vec<String> {
    let rules = policy(more);
    walk(facts, &rules).plan.held.into_iter().map(|hold| format!("{}: {}", hold.guard, hold.because)).collect()
}

fn left(facts: &mut Facts, record: &str) {
    set(account_of(facts, &format!("hr/person/{record}")), "end_date", json!("2026-11-20"));
}

fn one_leaver() -> Facts {
    let mut facts = company();
    left(&mut facts, "1");
    facts
}

fn many_leavers(count: usize) -> Facts {
    let mut facts = empty();
    for at in 0..count {
        let (id, first) = (format!("{at:03}"), format!("P{at:03}"));
        facts.accounts.extend([support(&id, &first), agent(&id, &first), requester(&id, &first)]);
        left(&mut facts, &id);
    }
    for connection in facts.connections.values_mut() {
        connection.accounts_active = 1000;
    }
    facts
}

#[test]
fn an_ordinary_leaver_is_not_held() {
    assert_eq!(guards(&one_leaver(), ""), [""; 0]);
}

#[test]
fn too_many_removals_are_held_all_together() {
    assert_eq!(guards(&many_leavers(12), "").len(), 0);
    let held = guards(&many_leavers(13), "");
    assert_eq!(held.len(), 26);
    assert_eq!(held[0], "removals_max: the plan has 26 removals, removals_max is 25");
}

#[test]
fn too_large_a_share_of_a_connection_is_held() {
    let mut facts = one_leaver();
    left(&mut facts, "2");
    connection_of(&mut facts, "desk").accounts_active = 40;
    assert!(guards(&facts, "").is_empty());
    connection_of(&mut facts, "desk").accounts_active = 39;
    assert!(guards(&facts, "")[0].contains("removals_max_share = 0.05 allows 1"), "2 of 39 are more than 0.05");
    connection_of(&mut facts, "desk").accounts_active = 20;
    let held = guards(&facts, "");
    assert_eq!(held.len(), 2);
    assert!(held[0].starts_with("removals_max_share: 2 of 20 active accounts of desk"), "{held:?}");
}

#[test]
fn one_removal_is_let_through_however_small_the_connection() {
    let mut facts = one_leaver();
    for connection in facts.connections.values_mut() {
        connection.accounts_active = 3;
    }
    assert!(guards(&facts, "").is_empty());
}

#[test]
fn a_share_is_never_rounded_up_and_nothing_of_a_connection_is_nothing() {
    let allowed = super::removals::allowed;
    assert_eq!((allowed(23, 0.05), allowed(39, 0.05), allowed(40, 0.05), allowed(100, 0.29)), (1, 1, 2, 29));
    assert_eq!((allowed(3, 0.05), allowed(0, 0.05), allowed(1000, 0.0)), (1, 1, 0));
    let facts = one_leaver();
    assert_eq!(guards(&facts, "[guards]\nremovals_max_share = 0").len(), 2);
    assert_eq!(guards(&facts, "[guards]\nremovals_max_share_per_day = 0").len(), 2);
    assert_eq!(guards(&facts, "[guards]\nremovals_max_per_day = 0").len(), 2);
}

#[test]
fn what_one_guard_holds_counts_for_none_after_it() {
    let mut facts = one_leaver();
    left(&mut facts, "2");
    connection_of(&mut facts, "desk").accounts_active = 3;
    for key in ["desk/agent/1", "desk/agent/2"] {
        account_of(&mut facts, key).grants.push(grant("team", "admin"));
    }
    assert!(guards(&facts, "")[0].starts_with("last_administrator: 2 of 2"), "{:?}", guards(&facts, ""));
    // Ann is never changed, so one administrator stays, and one account loses something.
    let held = guards(&facts, "[guards]\nprotected = [\"ann@acme.example\"]");
    assert_eq!(held, ["protected: ann@acme.example is protected and never changed"; 2]);
    let held = guards(&many_leavers(13), "[guards]\nprotected = [\"p000@acme.example\"]");
    assert_eq!(held.len(), 2, "24 are left of 26: {held:?}");
}

#[test]
fn a_source_that_shrank_is_not_believed_but_a_decision_is() {
    let mut facts = one_leaver();
    connection_of(&mut facts, "hr").records_before = Some(1000);
    connection_of(&mut facts, "hr").records_now = Some(980);
    let told = |facts: &Facts| findings_of(&walk(facts, &policy("")), FindingKind::PartialPull).len();
    assert!(guards(&facts, "").is_empty() && told(&facts) == 0);
    connection_of(&mut facts, "hr").records_now = Some(979);
    let held = guards(&facts, "");
    assert_eq!(held.len(), 2);
    assert!(held[0].contains("it lost 21, source_shrink_max_share = 0.02 allows 20"), "{held:?}");
    assert_eq!(told(&facts), 1);
    decide(&mut facts, Decided::Leave { identity: id_of("1"), at_ms: None, start_date: None });
    assert!(guards(&facts, "").is_empty());
}

#[test]
fn nothing_is_taken_away_on_the_word_of_an_old_pull() {
    let mut facts = one_leaver();
    connection_of(&mut facts, "desk").complete_ms = Some(NOW_MS - DAY_MS);
    assert!(guards(&facts, "").is_empty());
    connection_of(&mut facts, "desk").complete_ms = Some(NOW_MS - DAY_MS - 1);
    assert_eq!(guards(&facts, "").len(), 1);
    assert!(guards(&facts, "[guards]\nstale_after = \"2d\"").is_empty());
    connection_of(&mut facts, "hr").complete_ms = None;
    let held = guards(&facts, "");
    assert_eq!(held.len(), 2);
    assert!(held.iter().any(|held| held.contains("hr was never read completely")));
}

#[test]
fn only_a_complete_pull_takes_away() {
    let mut facts = one_leaver();
    let desk = connection_of(&mut facts, "desk");
    (desk.coverage, desk.because) = (Some(Coverage::Partial), Some("page 3 broke off".into()));
    assert_eq!(guards(&facts, ""), ["partial: the newest pull of desk is partial: page 3 broke off"]);
    let rules = policy("");
    assert_eq!(findings_of(&walk(&facts, &rules), FindingKind::PartialPull).len(), 1);
    connection_of(&mut facts, "desk").coverage = Some(Coverage::Complete);
    connection_of(&mut facts, "hr").coverage = Some(Coverage::Partial);
    assert_eq!(guards(&facts, "").len(), 2);
}

#[test]
fn nobody_is_made_where_nobody_looked() {
    let mut facts = company();
    facts.accounts.push(support("4", "Dan"));
    assert!(guards(&facts, "").is_empty());
    connection_of(&mut facts, "desk").complete_ms = None;
    assert!(guards(&facts, "")[0].starts_with("absence: desk was never read completely"));
}

#[test]
fn a_protected_account_is_never_changed() {
    let facts = one_leaver();
    let held = guards(&facts, "[guards]\nprotected = [\"ANN@acme.example\"]");
    assert_eq!(held, ["protected: ann@acme.example is protected and never changed"; 2]);
    let mut facts = one_leaver();
    abilities_of(&mut facts, "desk").protected_logins = vec!["ann@acme.example".into()];
    assert_eq!(guards(&facts, "").len(), 1);
    let rules = policy("");
    assert_eq!(findings_of(&walk(&facts, &rules), FindingKind::ProtectedAccount).len(), 1);
}

#[test]
fn a_protected_account_of_nobody_is_held_as_well() {
    let mut facts = company();
    facts.accounts.push(agent("66", "Ghost"));
    let more =
        "[[manage]]\nconnections = [\"desk\"]\norphans = \"suspend\"\n[guards]\nprotected = [\"ghost@acme.example\"]";
    assert_eq!(guards(&facts, more).len(), 1);
}

#[test]
fn the_only_holder_of_the_owners_role_is_never_changed() {
    let mut facts = one_leaver();
    connection_of(&mut facts, "desk").accounts_active = 3;
    let owners = |facts: &mut Facts| {
        for kind in abilities_of(facts, "desk").kinds.values_mut() {
            for entitlement in kind.entitlements.values_mut() {
                entitlement.owners = vec!["admin".into()];
            }
        }
    };
    owners(&mut facts);
    assert!(guards(&facts, "").is_empty(), "nobody holds the role");
    account_of(&mut facts, "desk/agent/1").grants.push(grant("team", "admin"));
    assert_eq!(guards(&facts, ""), ["protected: ann@acme.example is protected and never changed"]);
    account_of(&mut facts, "desk/agent/2").grants.push(grant("team", "admin"));
    assert!(guards(&facts, "").is_empty(), "one of two owners may leave");
}

#[test]
fn the_last_administrator_stays() {
    let mut facts = one_leaver();
    connection_of(&mut facts, "desk").accounts_active = 3;
    account_of(&mut facts, "desk/agent/1").grants.push(grant("team", "admin"));
    let held = guards(&facts, "");
    assert_eq!(held.len(), 1);
    assert!(held[0].contains("1 of 1 active administrators of desk would go"), "{held:?}");
    account_of(&mut facts, "desk/agent/2").grants.push(grant("team", "admin"));
    assert!(guards(&facts, "").is_empty());
    left(&mut facts, "2");
    assert_eq!(guards(&facts, "[guards]\nremovals_max_share = 1.0").len(), 2);
}

#[test]
fn an_administrator_whose_role_is_replaced_counts_as_gone() {
    let mut facts = company();
    connection_of(&mut facts, "desk").accounts_active = 3;
    account_of(&mut facts, "desk/agent/1").grants[0] = grant("role", "admin");
    assert!(guards(&facts, "")[0].starts_with("last_administrator: 1 of 1"));
}

#[test]
fn a_part_of_a_connection_does_not_show_whether_another_administrator_remains() {
    let mut facts = one_leaver();
    account_of(&mut facts, "desk/agent/1").grants.push(grant("team", "admin"));
    assert!(guards(&facts, "")[0].contains("only a part of desk was looked at"));
}

// proves FD-23 (guide, live)
#[test]
fn seats_that_are_not_there_are_not_taken() {
    let mut facts = company();
    facts.accounts.extend([support("4", "Dan"), support("5", "Eve")]);
    abilities_of(&mut facts, "desk").seats = Some(12);
    assert!(guards(&facts, "").is_empty());
    let free = |facts: &Facts| walk(facts, &policy("")).plan.cost.seats_free;
    assert_eq!(free(&facts), [(name("desk"), 2)].into());
    abilities_of(&mut facts, "desk").seats = Some(10);
    assert_eq!(free(&facts), [(name("desk"), 0)].into(), "all is held, and it still shows why");
    abilities_of(&mut facts, "desk").seats = None;
    assert!(free(&facts).is_empty(), "nobody says how many there are");
    abilities_of(&mut facts, "desk").seats = Some(11);
    let because = "10 of 11 seats of desk are taken, and a step before this takes the last one";
    assert_eq!(guards(&facts, ""), [format!("seats: {because}")]);
    let rules = policy("");
    assert_eq!(findings_of(&walk(&facts, &rules), FindingKind::SeatLimit).len(), 1);
    left(&mut facts, "1");
    assert!(guards(&facts, "").is_empty());
    let asks = "[[approve]]\nwhen = 'step.effect == \"suspend\"'\nfrom = [\"security\"]";
    assert_eq!(guards(&facts, asks).len(), 1);
}

#[test]
fn a_column_that_slipped_renames_nobody() {
    let mut facts = empty();
    for at in 0..26 {
        let (id, first) = (format!("{at:03}"), format!("P{at:03}"));
        facts.accounts.extend([support(&id, &first), agent(&id, &first), requester(&id, &first)]);
        account_of(&mut facts, &format!("desk/agent/{id}")).name = Some("Slipped".into());
    }
    let held = guards(&facts, "");
    assert_eq!(held.len(), 26);
    assert_eq!(held[0], "mass_rename: 26 accounts of desk would be renamed at once, where 100 are active; 25 may be");
    account_of(&mut facts, "desk/agent/000").name = Some("P000 Doe".into());
    assert!(guards(&facts, "").is_empty());
}

#[test]
fn what_needs_a_held_step_is_held_with_it() {
    let mut facts = company();
    let row = account_of(&mut facts, "hr/person/1");
    set(row, "title", json!("Lead"));
    account_of(&mut facts, "desk/agent/1").state = AccountState::Suspended;
    abilities_of(&mut facts, "desk").seats = Some(10);
    let held = guards(&facts, "");
    assert_eq!(held.len(), 2);
    assert!(held[0].starts_with("seats: 10 of 10 seats") && held[1].starts_with("needs: it needs step s-"), "{held:?}");
}

#[test]
fn whatever_would_be_done_where_the_contract_drifted_is_held_and_elsewhere_it_goes_on() {
    let mut facts = one_leaver();
    assert!(guards(&facts, "").is_empty());
    connection_of(&mut facts, "desk").drift = Some("desk answers in another form than before".into());
    assert_eq!(guards(&facts, ""), ["contract_drift: desk answers in another form than before"]);
    let steps = walk(&facts, &policy("")).plan.steps;
    assert!(steps.iter().all(|step| step.connection.as_str() == "service") && !steps.is_empty());
    connection_of(&mut facts, "hr").drift = Some("hr answers in another form than before".into());
    assert!(walk(&facts, &policy("")).plan.steps.is_empty(), "who is here is not known any more");
}

#[test]
fn what_was_taken_away_today_counts_whatever_the_plan() {
    let mut facts = many_leavers(12);
    connection_of(&mut facts, "desk").removed = Removed { steps: 38, accounts: 38 };
    assert!(guards(&facts, "").is_empty());
    connection_of(&mut facts, "desk").removed = Removed { steps: 39, accounts: 39 };
    let held = guards(&facts, "");
    assert_eq!(held.len(), 12, "the other connection goes on");
    assert_eq!(
        held[0],
        "removals_max_per_day: 12 removals in desk after 39 within the last 24 hours, removals_max_per_day is 50"
    );
    assert!(guards(&facts, "[guards]\nremovals_max_per_day = 51").is_empty());
}

#[test]
fn a_step_that_is_counted_already_is_not_counted_again() {
    let mut facts = many_leavers(12);
    let steps = walk(&facts, &policy("")).plan.steps;
    let in_desk: Vec<_> = steps.iter().filter(|step| step.connection.as_str() == "desk").collect();
    let desk = connection_of(&mut facts, "desk");
    desk.removed = Removed { steps: 50, accounts: 50 };
    assert_eq!(guards(&facts, "").len(), 12);
    let desk = connection_of(&mut facts, "desk");
    desk.removed_by = in_desk.iter().skip(1).map(|step| step.id.clone()).collect();
    assert_eq!(
        guards(&facts, ""),
        ["removals_max_per_day: 1 removals in desk after 50 within the last 24 hours, removals_max_per_day is 50"]
    );
    connection_of(&mut facts, "desk").removed_by.insert(in_desk[0].id.clone());
    assert!(guards(&facts, "").is_empty());
}

#[test]
fn a_share_of_a_connection_is_a_share_of_its_day() {
    let mut facts = one_leaver();
    let desk = connection_of(&mut facts, "desk");
    (desk.accounts_active, desk.removed) = (97, Removed { steps: 3, accounts: 9 });
    assert!(guards(&facts, "").is_empty(), "{:?}", guards(&facts, ""));
    let desk = connection_of(&mut facts, "desk");
    (desk.accounts_active, desk.removed) = (97, Removed { steps: 3, accounts: 11 });
    let held = guards(&facts, "");
    assert_eq!(held.len(), 1);
    assert!(
        held[0].starts_with("removals_max_share_per_day: 1 accounts of desk would lose something after 11"),
        "{held:?}"
    );
    assert!(guards(&facts, "[guards]\nremovals_max_share_per_day = 0.2").is_empty());
}

#[test]
fn nothing_is_done_where_step_after_step_failed() {
    let mut facts = one_leaver();
    connection_of(&mut facts, "desk").circuit = Some("10 steps in desk failed one after the other".into());
    assert_eq!(guards(&facts, ""), ["circuit_breaker: 10 steps in desk failed one after the other"]);
}

#[test]
fn a_release_frees_what_its_guard_holds_in_its_plan_and_in_no_other() {
    let facts = many_leavers(13);
    let rules = policy("");
    let plan = walk(&facts, &rules).plan;
    assert_eq!(plan.held.len(), 26);
    let word = |by: &str, plan: &PlanId, guard: &str| Decision {
        seq: 1,
        at_ms: NOW_MS,
        by: by.into(),
        note: None,
        what: Decided::Release { plan: plan.clone(), guard: guard.into() },
    };
    let free = |decision: Decision, now_ms: i64| {
        release::freed(&plan, &release::released(&plan, &[decision], &rules, now_ms)).len()
    };
    assert_eq!(free(word("mia@acme.example", &plan.id, "removals_max"), NOW_MS), 26);
    assert_eq!(free(word("mia@acme.example", &plan.id, "removals_max_share"), NOW_MS), 0, "it holds nothing");
    assert_eq!(free(word("mia@acme.example", &"p-other".into(), "removals_max"), NOW_MS), 0);
    assert_eq!(free(word("eve@acme.example", &plan.id, "removals_max"), NOW_MS), 0, "no approver");
    assert_eq!(free(word("mia@acme.example", &plan.id, "removals_max"), NOW_MS + 8 * DAY_MS), 0, "it ends");
    let asked = crate::change::Plan { requested_by: Some("Mia@acme.example".into()), ..plan.clone() };
    assert!(release::may_release(&asked, "removals_max", "mia@acme.example", &rules).is_err(), "she asked for it");
    let told = release::may_release(&plan, "protected", "mia@acme.example", &rules).unwrap_err();
    assert!(told.to_string().starts_with("protected cannot be released"), "{told}");
}
