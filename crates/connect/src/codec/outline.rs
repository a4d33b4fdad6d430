//! What of a record its shape is told by: its own keys, the places that the manifest names, and which words it names there.
//! Compiled from the manifest when a pull or a reference list starts; the walker hands in sampled records.
//! Keys within an object are told only where the manifest looks into it: elsewhere they may be data.

use super::json::{Json, Place};
use crate::manifest::{GrantForm, KindSpec, Reference};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::shape::{Form, RecordShape, Word};

/// The compiled outline of one sort of record.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// Place, as the manifest writes it → the words that it names there.
    asked: BTreeMap<String, (Place, Vec<Value>)>,
    /// Keys of objects that are looked into.
    opened: BTreeSet<String>,
}

impl Outline {
    /// Compiles the outline of a kind.
    pub fn of_kind(spec: &KindSpec) -> Self {
        let mut outline = Self::default();
        for field in spec.fields.values() {
            let words = field.words.values().flat_map(|value| match value {
                Value::Array(any) => any.clone(),
                one => vec![one.clone()],
            });
            let words: Vec<Value> = words.collect();
            field.read.iter().for_each(|place| outline.ask(place, &words));
        }
        for entitlement in spec.entitlements.values() {
            let words: Vec<Value> = entitlement.values.iter().map(|name| name.as_str().into()).collect();
            for place in &entitlement.read {
                match place.form {
                    GrantForm::Name => outline.ask(&place.at, &words),
                    GrantForm::Id => outline.ask(&place.at, &[]),
                    GrantForm::Object => {
                        outline.ask(&format!("{}.{}", place.at, place.id), &[]);
                        place.name.iter().for_each(|name| outline.ask(&format!("{}.{name}", place.at), &words));
                    }
                }
            }
        }
        for rule in &spec.state {
            rule.equals.iter().for_each(|(place, value)| outline.ask(place, std::slice::from_ref(value)));
            rule.present.iter().for_each(|place| outline.ask(place, &[]));
        }
        let others = spec.list.iter().flat_map(|list| &list.others).flat_map(|other| other.equals.keys());
        for place in spec.id.iter().chain(&spec.created).chain(&spec.updated).chain(others) {
            outline.ask(place, &[]);
        }
        outline
    }

    /// Compiles the outline of the entries of a reference list.
    pub fn of_reference(reference: &Reference) -> Self {
        let mut outline = Self::default();
        [&reference.id, &reference.name]
            .into_iter()
            .chain(&reference.members)
            .for_each(|place| outline.ask(place, &[]));
        outline
    }

    fn ask(&mut self, place: &str, words: &[Value]) {
        let (_, known) = self.asked.entry(place.to_owned()).or_insert_with(|| (Place::new(place), Vec::new()));
        known.extend_from_slice(words);
        if let Some((outer, _)) = place.split_once('.') {
            self.opened.insert(outer.to_owned());
        }
    }

    /// Counts a record.
    pub fn count(&self, record: &Json<'_>, shape: &mut RecordShape) {
        let Json::Object(entries) = record else { return };
        shape.records += 1;
        let mut found: BTreeMap<String, &Json<'_>> = BTreeMap::new();
        for (key, value) in entries {
            if let (true, Json::Object(inner)) = (self.opened.contains(&**key), value) {
                found.extend(inner.iter().map(|(step, value)| (format!("{key}.{step}"), value)));
            }
            found.insert(key.clone().into_owned(), value);
        }
        found.extend(self.asked.iter().filter_map(|(place, (at, _))| Some((place.clone(), at.of(record)?))));
        for (place, value) in found {
            let words = self.asked.get(&place).map_or(&[][..], |(_, words)| words);
            shape.count(&place, value.form(), word(value, words));
        }
    }
}

fn word(value: &Json<'_>, words: &[Value]) -> Word {
    match value {
        _ if words.is_empty() => Word::Unasked,
        Json::Null | Json::List(_) | Json::Object(_) => Word::Unasked,
        value if words.iter().any(|word| value.equals(word)) => Word::Named,
        _ => Word::Other,
    }
}

impl Json<'_> {
    /// Returns the form of the value.
    fn form(&self) -> Form {
        match self {
            Json::Null => Form::Null,
            Json::Flag(_) => Form::Flag,
            Json::Natural(_) | Json::Whole(_) | Json::Real(_) => Form::Number,
            Json::Text(_) => Form::Text,
            Json::List(_) => Form::List,
            Json::Object(_) => Form::Object,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    fn shape(record: &str) -> RecordShape {
        let text = r#"
app = "x"
title = "X"
covers = "all"
default_kind = "agent"
sessions = "unstated"
[kinds.agent]
title = "agent"
id = ["id"]
state = [{ is = "active", equals = { active = true } }, { is = "suspended", equals = { active = false } }]
[kinds.agent.fields]
email = { read = ["email", "contact.email"], write = "email" }
[kinds.agent.entitlements.role]
kind = "role"
cardinality = "one"
values = ["agent", "lead"]
read = [{ at = "role", form = "object", name = "name" }]
"#;
        let manifest = Manifest::parse(text, "manifest.toml").unwrap();
        let outline = Outline::of_kind(&manifest.kinds[0]);
        let mut shape = RecordShape::default();
        outline.count(&serde_json::from_str(record).unwrap(), &mut shape);
        shape
    }

    fn forms(shape: &RecordShape) -> Vec<String> {
        shape.places.iter().map(|(place, seen)| format!("{place}: {}", seen.form())).collect()
    }

    #[test]
    fn keys_are_told_and_objects_are_opened_only_where_the_manifest_looks_into_them() {
        let shape = shape(
            r#"{"id":1,"active":true,"contact":{"email":"j@x","phone":null},"by_person":{"jane":1},"role":{"id":"3","name":"lead"}}"#,
        );
        let told = [
            "active: true or false",
            "by_person: an object",
            "contact: an object",
            "contact.email: a text",
            "contact.phone: null",
            "id: a number",
            "role: an object",
            "role.id: a text",
            "role.name: a text",
        ];
        assert_eq!(forms(&shape), told);
        assert_eq!(shape.records, 1);
    }

    #[test]
    fn of_a_word_it_is_known_only_whether_the_manifest_names_it() {
        let named = shape(r#"{"active":false,"role":{"name":"Lead"}}"#);
        assert_eq!((named.places["role.name"].named, named.places["active"].named), (1, 1));
        let other = shape(r#"{"active":"ja","role":{"name":"Jane's own"}}"#);
        assert_eq!((other.places["role.name"].other, other.places["active"].other), (1, 1));
        let text = serde_json::to_string(&other).unwrap();
        assert!(!text.contains("Jane") && !text.contains("ja\""), "{text}");
    }
}
