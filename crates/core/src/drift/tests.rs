//! What counts as a drift of one sort of record, as values: a shape before, a shape now, what is relied on.
//! Each test makes both shapes of few records. What is kept of it for a connection is tested with `contract`.

use super::*;
use crate::shape::Word;
use serde_json::{Value, json};

/// Returns the shape of so many records that all look like this one.
pub(crate) fn shape(records: u32, record: &Value) -> RecordShape {
    let mut shape = RecordShape::default();
    for _ in 0..records {
        add(&mut shape, record);
    }
    shape
}

pub(crate) fn add(shape: &mut RecordShape, record: &Value) {
    shape.records += 1;
    count(shape, "", record);
}

fn count(shape: &mut RecordShape, outer: &str, record: &Value) {
    for (key, value) in record.as_object().unwrap() {
        let place = if outer.is_empty() { key.clone() } else { format!("{outer}.{key}") };
        let form = match value {
            Value::Null => Form::Null,
            Value::Bool(_) => Form::Flag,
            Value::Number(_) => Form::Number,
            Value::String(_) => Form::Text,
            Value::Array(_) => Form::List,
            Value::Object(_) => Form::Object,
        };
        let word = match (key.as_str(), value.as_str()) {
            ("role", Some("agent" | "lead")) => Word::Named,
            ("role", Some(_)) => Word::Other,
            _ => Word::Unasked,
        };
        shape.count(&place, form, word);
        if form == Form::Object {
            count(shape, &place, value);
        }
    }
}

pub(crate) fn need(places: &[&str], reliance: Reliance) -> Need {
    let places = places.iter().map(|place| (*place).to_owned()).collect();
    Need { places, forms: BTreeSet::new(), reliance, required: false }
}

pub(crate) fn needs() -> RecordNeeds {
    let email = Need {
        forms: BTreeSet::from([Form::Text]),
        required: true,
        ..need(&["email", "contact.email"], Reliance::Written)
    };
    RecordNeeds {
        needs: vec![email, need(&["role"], Reliance::Written), need(&["note"], Reliance::Shown)],
        whole_but: None,
        least: RECORDS_LEAST,
    }
}

fn agent() -> Value {
    json!({"id": 1, "email": "a@b", "role": "agent", "note": "x"})
}

fn compare(before: &RecordShape, now: &RecordShape, needs: &RecordNeeds, sample: Sample) -> Vec<String> {
    let drifts = drifts("agent", Some(before), now, needs, sample);
    drifts.iter().map(|drift| format!("{}{drift}", if drift.stops { "stop " } else { "" })).collect()
}

fn changed(before: &Value, now: &Value) -> Vec<String> {
    compare(&shape(30, before), &shape(30, now), &needs(), Sample::Complete)
}

#[test]
fn the_same_form_is_no_drift() {
    assert_eq!(changed(&agent(), &agent()), [""; 0]);
}

#[test]
fn a_field_that_every_record_had_and_none_has_stops_writes() {
    let now = json!({"id": 1, "role": "agent", "note": "x"});
    assert_eq!(
        changed(&agent(), &now),
        ["stop agent: `email` was a text in 30 of 30 records and is in none of 30 now"]
    );
}

#[test]
fn a_renamed_field_is_one_gone_and_one_new_and_says_so() {
    let now = json!({"id": 1, "mail": "a@b", "role": "agent", "note": "x"});
    assert_eq!(
        changed(&agent(), &now),
        [
            "stop agent: `email` was a text in 30 of 30 records and is in none of 30 now (perhaps renamed: `mail` is new)",
            "agent: `mail` was in no record and is a text in 30 of 30 records now",
        ]
    );
}

#[test]
fn a_field_that_is_only_shown_stops_nothing() {
    let now = json!({"id": 1, "email": "a@b", "role": "agent"});
    assert_eq!(changed(&agent(), &now), ["agent: `note` was a text in 30 of 30 records and is in none of 30 now"]);
}

#[test]
fn a_field_that_lies_at_another_known_place_now_stops_nothing() {
    let now = json!({"id": 1, "contact": {"email": "a@b"}, "role": "agent", "note": "x"});
    let told = changed(&agent(), &now);
    assert!(told.iter().all(|text| !text.starts_with("stop")) && told[0].contains("`email`"), "{told:?}");
}

#[test]
fn an_object_that_is_gone_takes_what_is_relied_on_with_it_and_is_told_once() {
    let before = json!({"id": 1, "contact": {"email": "a@b", "phone": "1"}, "role": "agent"});
    let told = changed(&before, &json!({"id": 1, "role": "agent"}));
    assert_eq!(told, ["stop agent: `contact` was an object in 30 of 30 records and is in none of 30 now"]);
}

#[test]
fn another_form_stops_writes_and_null_counts_as_one() {
    let number = json!({"id": 1, "email": 7, "role": "agent", "note": "x"});
    let told = changed(&agent(), &number);
    assert_eq!(told, ["stop agent: `email` was a text in 30 of 30 records and is a number in 30 of 30 records now"]);
    let null = json!({"id": 1, "email": null, "role": "agent", "note": null});
    assert_eq!(changed(&agent(), &null).len(), 1, "`note` may be empty everywhere");
}

#[test]
fn a_field_that_only_some_had_may_be_missing_from_all() {
    let mut before = shape(9, &agent());
    add(&mut before, &json!({"id": 1, "role": "agent", "note": "x"}));
    let without = json!({"id": 1, "contact": {"email": "a@b"}, "role": "agent", "note": "x"});
    let told = compare(&before, &shape(30, &without), &needs(), Sample::Complete);
    assert!(told.iter().all(|text| !text.contains("`email`")), "{told:?}");
}

#[test]
fn one_record_that_still_has_it_is_enough() {
    let mut now = shape(29, &json!({"id": 1, "role": "agent", "note": "x"}));
    add(&mut now, &agent());
    assert_eq!(compare(&shape(30, &agent()), &now, &needs(), Sample::Complete), [""; 0]);
}

#[test]
fn a_record_that_is_sent_back_whole_relies_on_each_of_its_keys() {
    let whole = RecordNeeds { whole_but: Some(BTreeSet::from(["id".to_owned()])), ..needs() };
    let now = json!({"email": "a@b", "role": "agent"});
    let told = compare(&shape(30, &agent()), &shape(30, &now), &whole, Sample::Complete);
    assert_eq!(told.iter().map(|text| text.starts_with("stop")).collect::<Vec<_>>(), [false, true], "{told:?}");
    assert!(told[1].contains("`note`"), "{told:?}");
}

#[test]
fn words_that_the_manifest_does_not_name_are_counted_and_never_told() {
    let mut now = shape(29, &agent());
    add(&mut now, &json!({"id": 1, "email": "a@b", "role": "Jane's own", "note": "x"}));
    let told = compare(&shape(30, &agent()), &now, &needs(), Sample::Complete);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("in 1 of 30") && !told[0].starts_with("stop") && !told[0].contains("Jane"), "{told:?}");
    let all = json!({"id": 1, "email": "a@b", "role": "AGENT_2", "note": "x"});
    assert!(changed(&agent(), &all)[0].starts_with("stop agent: `role`"));
}

#[test]
fn a_few_changed_records_prove_only_what_every_one_had() {
    let before = shape(20, &agent());
    let now = shape(5, &json!({"id": 1, "role": "agent", "note": "x"}));
    assert_eq!(compare(&before, &now, &needs(), Sample::Changes).len(), 1);
    let mut most = before.clone();
    add(&mut most, &json!({"id": 1, "role": "agent", "note": "x"}));
    let optional = RecordNeeds { needs: vec![need(&["email"], Reliance::Written)], ..needs() };
    assert_eq!(compare(&most, &now, &optional, Sample::Changes), [""; 0]);
    assert_eq!(compare(&most, &now, &optional, Sample::Complete).len(), 1);
}

#[test]
fn only_a_complete_pull_says_that_a_place_is_null_everywhere() {
    let null = json!({"id": 1, "email": "a@b", "role": null, "note": "x"});
    let told = |sample| compare(&shape(37, &agent()), &shape(5, &null), &needs(), sample);
    assert_eq!(told(Sample::Complete).len(), 1);
    assert_eq!((told(Sample::Changes), told(Sample::Partial)), (vec![], vec![]), "new people come with little");
    let number = json!({"id": 1, "email": "a@b", "role": 7, "note": "x"});
    assert_eq!(compare(&shape(37, &agent()), &shape(5, &number), &needs(), Sample::Changes).len(), 1);
}

#[test]
fn the_manifest_is_compared_even_where_nothing_was_learned() {
    let told = |record: &Value| -> Vec<(String, bool)> {
        let drifts = drifts("agent", None, &shape(5, record), &needs(), Sample::Complete);
        drifts.iter().map(|drift| (drift.to_string(), drift.stops)).collect()
    };
    assert_eq!(told(&agent()), []);
    let without = ("agent: `email` was what the manifest reads and is in none of 5 now".to_owned(), true);
    assert_eq!(told(&json!({"role": "agent"})), [without]);
    let flag = "agent: `email` was a text by the manifest and is true or false in 5 of 5 records now".to_owned();
    assert_eq!(told(&json!({"email": true, "role": "agent"})), [(flag, true)]);
}
