//! What becomes due by time alone, as facts: each test builds a small world and asks for the next moment.
//! Nothing here touches a clock.

use super::next_moment;
use crate::facts::{Decided, Facts};
use crate::policy::Policy;
use crate::world::*;
use jiff::Timestamp;
use serde_json::json;

fn next(facts: &Facts, policy: &Policy) -> Option<String> {
    let reconciled = walk(facts, policy);
    let next_ms = next_moment(&reconciled.graph, facts, policy, &reconciled.plan)?;
    Some(Timestamp::from_millisecond(next_ms).unwrap().to_string())
}

fn with_dates(start: &str, end: &str) -> Facts {
    let mut facts = company();
    let ann = account_of(&mut facts, "hr/person/1");
    set(ann, "start_date", json!(start));
    set(ann, "end_date", json!(end));
    facts
}

#[test]
fn a_company_without_dates_waits_for_nothing() {
    assert_eq!(next(&company(), &policy("")), None);
}

#[test]
fn the_day_after_the_last_begins_in_the_persons_own_zone() {
    let mut facts = with_dates("2020-01-01", "2026-12-31");
    assert_eq!(next(&facts, &policy("")).as_deref(), Some("2027-01-01T00:00:00Z"));
    set(account_of(&mut facts, "hr/person/1"), "time_zone", json!("America/New_York"));
    assert_eq!(next(&facts, &policy("")).as_deref(), Some("2027-01-01T05:00:00Z"));
}

#[test]
fn what_the_policy_counts_from_a_day_is_due_by_itself() {
    let facts = with_dates("2026-12-24", "");
    assert_eq!(next(&facts, &policy("")).as_deref(), Some("2026-12-21T00:00:00Z"), "three days before the first");
    let facts = with_dates("2020-01-01", "2026-11-20");
    let rules = policy("[lifecycle]\ndelete_after_end = \"90d\"\n");
    assert_eq!(next(&facts, &rules).as_deref(), Some("2027-02-19T00:00:00Z"));
}

#[test]
fn a_last_day_that_is_taken_back_leaves_nothing_to_wait_for() {
    let mut facts = with_dates("2020-01-01", "2026-12-31");
    assert!(next(&facts, &policy("")).is_some());
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!(""));
    assert_eq!(next(&facts, &policy("")), None);
}

#[test]
fn what_is_decided_for_later_is_waited_for() {
    let mut facts = company();
    let at_ms = Some(NOW_MS + 1000);
    decide(&mut facts, Decided::Leave { identity: id_of("1"), at_ms, start_date: None });
    let reconciled = walk(&facts, &policy(""));
    assert_eq!(next_moment(&reconciled.graph, &facts, &policy(""), &reconciled.plan), at_ms);
}

#[test]
fn an_end_that_is_told_to_the_moment_counts_from_then_on() {
    let state = |end: &str| {
        let facts = with_dates("2020-01-01", end);
        walk(&facts, &policy("")).graph.identity(&id_of("1")).unwrap().state
    };
    assert_eq!(Timestamp::from_millisecond(NOW_MS).unwrap().to_string(), "2026-11-24T12:00:00Z");
    assert_eq!(
        next(&with_dates("2020-01-01", "2026-11-24T15:30:00Z"), &policy("")).as_deref(),
        Some("2026-11-24T15:30:00Z")
    );
    assert_eq!(state("2026-11-24T15:30:00Z"), crate::identity::IdentityState::Active);
    assert_eq!(state("2026-11-24T11:59:00Z"), crate::identity::IdentityState::Left);
    assert_eq!(state("2026-11-24T12:30:00+01:00"), crate::identity::IdentityState::Left);
    assert_eq!(state("2026-11-24"), crate::identity::IdentityState::Active, "a day is one until it is over");
}
