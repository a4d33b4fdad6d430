//! What a manifest relies on in the answers of its app: places, the forms that it can read, and whether a write hangs on them.
//! The engine compares the shape of what a pull saw with it. It does not look at answers itself.

use crate::manifest::{Body, Codec, EffectSpec, EntitlementSpec, FieldSpec, GrantForm, KindSpec, Manifest, Reference};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::account::Kind;
use tenure_core::drift::{Need, Needs, RECORDS_LEAST, RecordNeeds, Reliance};
use tenure_core::shape::Form;

/// The fields by which a source tells who is here, and when.
const TELLING: [&str; 3] = ["start_date", "end_date", "time_zone"];

/// Returns the name under which the shape of a reference list is kept.
pub(crate) fn sort_of_reference(name: &str) -> String {
    format!("list of {name}")
}

/// Returns what a manifest relies on.
pub(crate) fn needs_of(manifest: &Manifest) -> Needs {
    let kinds = manifest.kinds.iter().map(|(kind, spec)| (kind.to_string(), needs_of_kind(*kind, spec)));
    let lists = manifest.references.iter().map(|(name, list)| (sort_of_reference(name), needs_of_reference(list)));
    kinds.chain(lists).collect()
}

fn needs_of_kind(kind: Kind, spec: &KindSpec) -> RecordNeeds {
    let is_source = kind == Kind::Person;
    let written = is_source || !spec.effects.is_empty() || !spec.by_hand.is_empty();
    let relied = |relied: bool| if written && relied { Reliance::Written } else { Reliance::Shown };
    let mut needs = vec![Need { required: true, ..need(&spec.id, &[Form::Number, Form::Text], relied(true)) }];
    for (name, field) in spec.fields.iter().filter(|(_, field)| !field.read.is_empty()) {
        let is_key = name == "email" || spec.lookup.values().any(|lookup| lookup.field == *name);
        // Every write in every app is made by what a source tells of who is here.
        let tells = is_source && TELLING.contains(&name.as_str());
        let reliance = relied(tells || (is_key && !is_source) || field.write.is_some());
        needs.push(Need { required: field.required, ..need(&field.read, &forms_of(field), reliance) });
    }
    for entitlement in spec.entitlements.values().filter(|spec| !spec.by_members && !spec.read.is_empty()) {
        needs.extend(needs_of_grants(entitlement, relied(entitlement.write.is_some() || entitlement.by_hand)));
    }
    needs.extend(needs_of_state(spec, relied(true)));
    let others = spec.list.iter().flat_map(|list| &list.others).flat_map(|other| other.equals.keys());
    needs.extend(others.map(|place| need(std::slice::from_ref(place), &[], relied(true))));
    RecordNeeds { needs, whole_but: whole_but(spec), least: RECORDS_LEAST }
}

fn needs_of_reference(reference: &Reference) -> RecordNeeds {
    let own = |place: &String, forms: &[Form]| need(std::slice::from_ref(place), forms, Reliance::Written);
    let mut needs =
        vec![own(&reference.id, &[Form::Number, Form::Text]), own(&reference.name, &[Form::Number, Form::Text])];
    needs.iter_mut().for_each(|need| need.required = true);
    needs.extend(reference.members.iter().map(|place| own(place, &[Form::List])));
    RecordNeeds { needs, whole_but: None, least: 1 }
}

fn need(places: &[String], forms: &[Form], reliance: Reliance) -> Need {
    Need { places: places.to_vec(), forms: forms.iter().copied().collect(), reliance, required: false }
}

/// Returns the forms that a field's codec reads.
fn forms_of(field: &FieldSpec) -> Vec<Form> {
    match field.codec {
        Codec::Number | Codec::AccountNumber | Codec::AccountText => vec![Form::Number, Form::Text],
        // Whatever is no text is kept as it is; a list or an object is not what a person could read there.
        Codec::Text => vec![Form::Flag, Form::Number, Form::Text],
        Codec::Texts => vec![Form::List, Form::Text],
        Codec::RailsTimeZone | Codec::Date => vec![Form::Text],
        Codec::Flag => vec![Form::Flag],
        Codec::Words => field.words.values().flat_map(forms_of_value).collect(),
    }
}

fn forms_of_value(value: &Value) -> Vec<Form> {
    match value {
        Value::Null => vec![Form::Null],
        Value::Bool(_) => vec![Form::Flag],
        Value::Number(_) => vec![Form::Number],
        Value::String(_) => vec![Form::Text],
        Value::Array(any) => any.iter().flat_map(forms_of_value).collect(),
        Value::Object(_) => vec![Form::Object],
    }
}

fn needs_of_grants(spec: &EntitlementSpec, reliance: Reliance) -> Vec<Need> {
    let places: Vec<String> = spec.read.iter().map(|place| place.at.clone()).collect();
    let forms: Vec<Form> = spec
        .read
        .iter()
        .flat_map(|place| match place.form {
            GrantForm::Name | GrantForm::Id => [Form::Number, Form::Text, Form::List].as_slice(),
            GrantForm::Object => &[Form::Object, Form::List],
        })
        .copied()
        .collect();
    let objects = spec.read.iter().filter(|place| place.form == GrantForm::Object);
    let ids: Vec<String> = objects.map(|place| format!("{}.{}", place.at, place.id)).collect();
    let ids = (!ids.is_empty()).then(|| need(&ids, &[Form::Number, Form::Text], reliance));
    std::iter::once(need(&places, &forms, reliance)).chain(ids).collect()
}

/// Returns what the state is told by: each place by itself, and at least one of them.
fn needs_of_state(spec: &KindSpec, reliance: Reliance) -> Vec<Need> {
    let mut places: BTreeMap<&String, BTreeSet<Form>> = BTreeMap::new();
    for (place, value) in spec.state.iter().flat_map(|rule| &rule.equals) {
        places.entry(place).or_default().extend(forms_of_value(value));
    }
    for place in spec.state.iter().flat_map(|rule| &rule.present) {
        places.insert(place, BTreeSet::new());
    }
    let all: Vec<String> = places.keys().map(|place| (*place).clone()).collect();
    let any = (!all.is_empty()).then(|| Need { required: true, ..need(&all, &[], reliance) });
    let each = places.into_iter().map(|(place, forms)| {
        // A null that a rule waits for is as good as none: it says nothing of the form.
        let forms = if forms.contains(&Form::Null) { BTreeSet::new() } else { forms };
        Need { places: vec![place.clone()], forms, reliance, required: false }
    });
    let by_moments = spec.state.iter().any(|rule| rule.changed.is_some() || rule.younger_than_days.is_some());
    let moments = [&spec.created, &spec.updated].into_iter().filter(|places| by_moments && !places.is_empty());
    each.chain(any).chain(moments.map(|places| need(places, &[Form::Text], reliance))).collect()
}

/// Returns the keys that do not matter where a write sends the whole record back; nothing where none does.
fn whole_but(spec: &KindSpec) -> Option<BTreeSet<String>> {
    let sends_whole = |effect: &EffectSpec| effect.calls.iter().any(|call| call.body == Body::Whole);
    spec.effects.values().any(sends_whole).then(|| spec.read_only.iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(more: &str) -> RecordNeeds {
        let text = format!(
            r#"
app = "x"
title = "X"
covers = "all"
default_kind = "agent"
sessions = "unstated"
[kinds.agent]
title = "agent"
id = ["id"]
read_only = ["id"]
state = [{{ is = "suspended", equals = {{ active = false }} }}, {{ is = "active", present = ["joined"] }}]
[kinds.agent.fields]
email = {{ read = ["email", "contact.email"], required = true }}
phone = {{ read = ["phone"], write = "phone" }}
availability = {{ read = ["status"] }}
{more}"#
        );
        needs_of(&Manifest::parse(&text, "manifest.toml").unwrap()).remove("agent").unwrap()
    }

    const UPDATE: &str =
        "[kinds.agent.effects.update]\ncalls = [{ method = \"PUT\", path = \"/a/{id}\", body = \"whole\" }]";

    fn of<'n>(needs: &'n RecordNeeds, place: &str) -> &'n Need {
        needs.needs.iter().find(|need| need.places[0] == place).unwrap()
    }

    #[test]
    fn a_write_relies_on_what_it_writes_and_on_what_tells_who_and_where_somebody_is() {
        let needs = needs(UPDATE);
        for place in ["id", "email", "phone", "active"] {
            assert_eq!(of(&needs, place).reliance, Reliance::Written, "{place}");
        }
        assert_eq!(of(&needs, "status").reliance, Reliance::Shown);
        assert!(of(&needs, "email").required && !of(&needs, "phone").required);
        assert_eq!(of(&needs, "active").forms, BTreeSet::from([Form::Flag]));
        assert!(needs.needs.iter().any(|need| need.required && need.places == ["active", "joined"]));
    }

    #[test]
    fn a_kind_that_nobody_writes_stops_nothing() {
        assert!(needs("").needs.iter().all(|need| need.reliance == Reliance::Shown));
    }

    #[test]
    fn a_record_that_is_sent_back_whole_relies_on_all_but_what_is_read_only() {
        assert_eq!(needs(UPDATE).whole_but, Some(BTreeSet::from(["id".to_owned()])));
        assert_eq!(needs("").whole_but, None);
    }
}
