//! The shape of what an app answers: which places its records have, in which form, and in how many; never what they hold.
//! A pull gathers it from a sample of its pages, `drift` compares it with what was learned and with what is relied on.
//! Of values it knows only whether the manifest names them; keys that do not look like names of fields are not kept.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Places of one sort of record that are kept at most.
const PLACES_MAX: usize = 150;
/// Sorts of record, and headers, that are kept at most.
const SORTS_MAX: usize = 40;
/// Letters of a place that is kept.
const PLACE_LEN: usize = 80;

/// The form of a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// It is there and empty.
    Null,
    /// True or false.
    Flag,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Flag => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Object => "an object",
        })
    }
}

/// Whether a value is one that the manifest names at its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// It is.
    Named,
    /// It is not.
    Other,
    /// The manifest names none there, or there is none.
    Unasked,
}

/// What was seen at one place.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// Form → in how many records.
    pub forms: BTreeMap<Form, u32>,
    /// In how many records the value is one that the manifest names.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub named: u32,
    /// In how many it is another.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub other: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Seen {
    /// Returns in how many records the place is there.
    pub fn count(&self) -> u32 {
        self.forms.values().sum()
    }

    /// Returns in how many records it holds something.
    pub fn filled(&self) -> u32 {
        self.forms.iter().filter(|(form, _)| **form != Form::Null).map(|(_, count)| count).sum()
    }

    /// Returns the form that it has most often, null where it never holds anything.
    pub fn form(&self) -> Form {
        let filled = self.forms.iter().filter(|(form, _)| **form != Form::Null);
        filled.max_by_key(|(_, count)| **count).map_or(Form::Null, |(form, _)| *form)
    }
}

/// The shape of one sort of record.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RecordShape {
    /// How many records were looked at.
    pub records: u32,
    /// Place, written with dots → what was seen there.
    pub places: BTreeMap<String, Seen>,
}

impl RecordShape {
    /// Counts a place of a record; a key that is no name of a field is left out, and so is what goes beyond the bounds.
    pub fn count(&mut self, place: &str, form: Form, word: Word) {
        let room = self.places.len() < PLACES_MAX || self.places.contains_key(place);
        if !room || !is_name(place) {
            return;
        }
        let seen = self.places.entry(place.to_owned()).or_default();
        *seen.forms.entry(form).or_default() += 1;
        seen.named += u32::from(word == Word::Named);
        seen.other += u32::from(word == Word::Other);
    }

    /// Returns what was seen at a place; nothing where it was in no record.
    pub fn seen(&self, place: &str) -> Option<&Seen> {
        self.places.get(place).filter(|seen| seen.count() > 0)
    }

    /// Returns a newer shape that still knows the places which only an older one had.
    pub fn with_places_of(mut self, older: &RecordShape) -> Self {
        for place in older.places.keys() {
            if self.places.len() < PLACES_MAX {
                self.places.entry(place.clone()).or_default();
            }
        }
        self
    }
}

/// Tells whether a place looks like names of fields. Keys that are data (addresses, numbers, people) do not.
fn is_name(place: &str) -> bool {
    let name = |step: &str| {
        step.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && step.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
    };
    let mut steps = place.split('.');
    place.len() <= PLACE_LEN
        && steps.next().is_some_and(name)
        && steps.all(|step| name(step) || step.parse::<u8>().is_ok())
}

/// The shape of what one connection answers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Shape {
    /// Sort of record, such as `agent` or `list of roles` → its shape.
    pub records: BTreeMap<String, RecordShape>,
    /// How many answers were looked at.
    #[serde(default)]
    pub answers: u32,
    /// Header → in how many answers; only headers that say something of the contract.
    #[serde(default)]
    pub headers: BTreeMap<String, u32>,
}

impl Shape {
    /// Returns the shape of a sort of record, to be added to; nothing when there are too many sorts.
    pub fn record(&mut self, sort: &str) -> Option<&mut RecordShape> {
        if self.records.len() >= SORTS_MAX && !self.records.contains_key(sort) {
            return None;
        }
        Some(self.records.entry(sort.to_owned()).or_default())
    }

    /// Counts an answer by the names of its headers.
    pub fn answer<'h>(&mut self, headers: impl Iterator<Item = &'h str>) {
        self.answers += 1;
        let told: BTreeSet<&str> = headers.filter(|header| tells_contract(header)).collect();
        for header in told {
            if self.headers.len() < SORTS_MAX || self.headers.contains_key(header) {
                *self.headers.entry(header.to_owned()).or_default() += 1;
            }
        }
    }
}

/// Tells whether a header says something of the contract: budgets, versions, and the end of a version. `Retry-After`
/// and `Link` come and go with every answer.
fn tells_contract(header: &str) -> bool {
    let spoken = ["limit", "api-version", "deprecat"].iter().any(|word| header.contains(word));
    (spoken || header == "sunset") && header.len() <= PLACE_LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_may_name_somebody_is_not_kept() {
        let mut shape = RecordShape::default();
        for key in ["email", "contact.email", "custom-1", "roles.0.id", "jane@acme.example", "42", "Jane Doe", "é", ""]
        {
            shape.count(key, Form::Text, Word::Unasked);
        }
        let kept: Vec<&str> = shape.places.keys().map(String::as_str).collect();
        assert_eq!(kept, ["contact.email", "custom-1", "email", "roles.0.id"]);
    }

    #[test]
    fn a_shape_is_bounded() {
        let mut shape = RecordShape::default();
        for at in 0..1000 {
            shape.count(&format!("key{at}"), Form::Text, Word::Unasked);
        }
        shape.count(&"long".repeat(40), Form::Text, Word::Unasked);
        assert_eq!(shape.places.len(), PLACES_MAX);
    }

    #[test]
    fn of_headers_only_those_are_kept_that_tell_of_the_contract() {
        let mut shape = Shape::default();
        shape
            .answer(["date", "x-ratelimit-limit", "set-cookie", "sunset", "link", "x-acme-api-call-limit"].into_iter());
        let kept: Vec<&str> = shape.headers.keys().map(String::as_str).collect();
        assert_eq!(kept, ["sunset", "x-acme-api-call-limit", "x-ratelimit-limit"]);
    }
}
