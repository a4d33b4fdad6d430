//! What a connection's contract learns, what stops its writes and what lifts that, as values.
//! Shapes are made by the helpers of `drift`; what a single drift is, is tested there.

use super::*;
use crate::drift::tests::{needs as agent_needs, shape};
use serde_json::{Value, json};

const DAY_MS: i64 = 86_400_000;

fn needs() -> Needs {
    Needs::from([("agent".to_owned(), agent_needs())])
}

fn seen(records: u32, record: &Value) -> Shape {
    Shape { records: BTreeMap::from([("agent".to_owned(), shape(records, record))]), ..Shape::default() }
}

fn agent() -> Value {
    json!({"email": "a@b", "role": "agent"})
}

fn nameless() -> Value {
    json!({"mail": "a@b", "role": "agent"})
}

fn after(contract: Contract, seen: Shape, sample: Sample) -> Contract {
    contract.after(seen, "guide", &needs(), sample, 0)
}

fn learned() -> Contract {
    after(Contract::default(), seen(9, &agent()), Sample::Complete)
}

#[test]
fn the_first_pull_learns_and_tells_nothing() {
    assert!(learned().news().stopping.is_empty() && learned().news().told(0).is_empty());
    assert!(learned().learned.records["agent"].seen("email").is_some());
}

#[test]
fn a_partial_pull_teaches_nothing() {
    let partial = after(Contract::default(), seen(9, &agent()), Sample::Partial);
    assert!(partial.learned.records.is_empty());
}

#[test]
fn a_gone_field_stops_writes_until_a_complete_pull_fits_again() {
    let stopped = after(learned(), seen(9, &nameless()), Sample::Complete);
    assert_eq!(stopped.news().stopping.len(), 1);
    let again = after(stopped.clone(), seen(9, &nameless()), Sample::Complete);
    assert_eq!(again.news().stopping, stopped.news().stopping, "what is wrong is not learned");
    let partial = after(stopped.clone(), seen(9, &agent()), Sample::Partial);
    assert_eq!(partial.news().stopping.len(), 1, "a partial pull lifts nothing");
    let few = after(stopped.clone(), seen(4, &agent()), Sample::Complete);
    assert_eq!(few.news().stopping.len(), 1, "neither do too few records");
    assert!(after(stopped, seen(9, &agent()), Sample::Complete).news().stopping.is_empty());
}

#[test]
fn a_few_changed_records_neither_say_that_a_field_is_null_everywhere_nor_lift_it() {
    let null = json!({"id": 1, "email": null, "role": "agent", "note": "x"});
    assert!(after(learned(), seen(9, &null), Sample::Changes).news().stopping.is_empty());
    let stopped = after(learned(), seen(9, &null), Sample::Complete);
    assert_eq!(stopped.news().stopping.len(), 1);
    assert_eq!(after(stopped.clone(), seen(9, &null), Sample::Changes).news().stopping.len(), 1);
    assert!(after(stopped, seen(9, &agent()), Sample::Changes).news().stopping.is_empty());
}

#[test]
fn a_partial_pull_stops_writes_as_well() {
    assert_eq!(after(learned(), seen(9, &nameless()), Sample::Partial).news().stopping.len(), 1);
}

#[test]
fn a_form_that_a_person_accepted_is_the_known_one_until_it_changes_again() {
    let accepted = after(learned(), seen(9, &nameless()), Sample::Complete).accepted();
    assert!(accepted.news().stopping.is_empty());
    let after_more = after(accepted, seen(9, &nameless()), Sample::Complete);
    assert!(after_more.news().stopping.is_empty(), "the manifest's word does not bring it back");
    let back = after(after_more, seen(9, &agent()), Sample::Complete);
    assert!(back.news().stopping.is_empty());
    assert_eq!(after(back, seen(9, &nameless()), Sample::Complete).news().stopping.len(), 1, "gone anew is news");
}

#[test]
fn an_additive_change_is_told_for_a_week_or_until_it_was_read() {
    let added =
        after(learned(), seen(9, &json!({"email": "a@b", "role": "agent", "pronouns": null})), Sample::Complete);
    assert!(added.news().stopping.is_empty());
    let told: Vec<String> = added.news().told(6 * DAY_MS).iter().map(|drift| drift.place.clone()).collect();
    assert_eq!(told, ["pronouns"]);
    assert!(added.news().told(7 * DAY_MS).is_empty() && added.clone().read().news().told(0).is_empty());
    let later = after(added, seen(9, &agent()), Sample::Complete);
    assert_eq!(later.news().told(0).iter().map(|drift| drift.turn).collect::<Vec<_>>(), [Turn::Gone]);
    let twice = after(later, seen(9, &json!({"email": "a@b", "role": "agent", "pronouns": null})), Sample::Complete);
    assert!(twice.news().told(0).is_empty(), "what was known once is not new again, and is gone no more");
}

#[test]
fn another_dialect_is_learned_from_the_start() {
    let live = learned().after(seen(9, &nameless()), "live", &Needs::new(), Sample::Complete, 0);
    assert!(live.news().stopping.is_empty() && live.news().told(0).is_empty());
    assert!(live.learned.records["agent"].seen("mail").is_some());
}

#[test]
fn a_header_of_every_answer_that_is_in_none_is_told() {
    let answered = |headers: &[&'static str]| {
        let mut shape = seen(9, &agent());
        shape.answer(headers.iter().copied());
        shape
    };
    let contract = after(Contract::default(), answered(&["x-ratelimit-limit"]), Sample::Complete);
    let contract = after(contract, answered(&["sunset"]), Sample::Complete);
    let told: Vec<String> = contract.news().told(0).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "answers: `x-ratelimit-limit` was in every answer and is in none now",
            "answers: `sunset` was in none and is in every one now",
        ]
    );
}

#[test]
fn a_contract_survives_its_note() {
    let stopped = after(learned(), seen(9, &nameless()), Sample::Complete);
    let text = serde_json::to_string(&stopped).unwrap();
    assert_eq!(serde_json::from_str::<Contract>(&text).unwrap(), stopped);
    assert!(!text.contains("a@b"), "no value is kept");
}
