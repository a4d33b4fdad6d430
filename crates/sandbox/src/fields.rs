//! Reads a JSON body field by field and notes everything that is wrong with it. The imitations use it for each write;
//! afterwards they either have typed values or a list to refuse with. It does not know which fields a vendor has.

use serde_json::{Map, Value};

use crate::refusal::Wrong;

/// What a body says about one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sent<T> {
    Absent,
    Null,
    Value(T),
}

impl<T> Sent<T> {
    pub fn value(self) -> Option<T> {
        match self {
            Sent::Value(value) => Some(value),
            Sent::Absent | Sent::Null => None,
        }
    }

    /// Stores a value or an explicit null; an absent field changes nothing.
    pub fn store(self, target: &mut Option<T>) {
        match self {
            Sent::Absent => {}
            Sent::Null => *target = None,
            Sent::Value(value) => *target = Some(value),
        }
    }

    /// Stores a value where null means nothing.
    pub fn set(self, target: &mut T) {
        if let Sent::Value(value) = self {
            *target = value;
        }
    }
}

/// A body being read.
pub(crate) struct Fields {
    object: Map<String, Value>,
    wrongs: Vec<Wrong>,
}

impl Fields {
    pub fn new(object: Map<String, Value>) -> Self {
        Fields { object, wrongs: Vec::new() }
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.object.keys().map(String::as_str)
    }

    /// Notes that something is wrong.
    pub fn wrong(&mut self, field: &str, message: &str, code: &'static str) {
        self.wrongs.push(Wrong::new(field, message, code));
    }

    /// Ends the reading: the list of what is wrong, if anything is.
    pub fn finish(self) -> Result<(), Vec<Wrong>> {
        if self.wrongs.is_empty() { Ok(()) } else { Err(self.wrongs) }
    }

    /// Refuses fields that must never be sent.
    pub fn forbid(&mut self, fields: &[&str]) {
        for field in fields {
            if self.object.contains_key(*field) {
                self.wrong(field, "This field is read-only.", "read_only");
            }
        }
    }

    /// Refuses every field that is not in the list.
    pub fn allow_only(&mut self, fields: &[&str]) {
        let unexpected: Vec<String> = self.keys().filter(|key| !fields.contains(key)).map(String::from).collect();
        for field in unexpected {
            self.wrong(&field, "Unexpected/invalid field in request.", "invalid_field");
        }
    }

    /// Reads a field that has to hold a text which is not blank.
    pub fn required_text(&mut self, field: &str) -> String {
        match self.text(field) {
            Sent::Value(text) if !text.trim().is_empty() => text,
            _ => {
                if !self.wrongs.iter().any(|wrong| wrong.field == field) {
                    self.wrong(field, "This field is mandatory.", "missing_field");
                }
                String::new()
            }
        }
    }

    /// Reads an optional text that may neither be null nor blank when it is sent.
    pub fn solid_text(&mut self, field: &str) -> Sent<String> {
        let sent = self.text(field);
        let blank = matches!(&sent, Sent::Null) || matches!(&sent, Sent::Value(text) if text.trim().is_empty());
        if blank {
            self.wrong(field, "This field can't be blank.", "invalid_value");
        }
        sent
    }

    /// Reads an e-mail address; one that cannot be an address is wrong.
    pub fn email(&mut self, field: &str) -> Sent<String> {
        let sent = self.solid_text(field);
        if let Sent::Value(text) = &sent
            && !text.trim().is_empty()
            && !is_email(text)
        {
            self.wrong(field, "It should be a valid email address.", "invalid_value");
        }
        sent
    }

    pub fn required_email(&mut self, field: &str) -> String {
        match self.email(field) {
            Sent::Value(text) => text,
            Sent::Null => String::new(),
            Sent::Absent => self.required_text(field),
        }
    }

    pub fn text(&mut self, field: &str) -> Sent<String> {
        self.read(field, "String", |value| value.as_str().map(String::from))
    }

    pub fn flag(&mut self, field: &str) -> Sent<bool> {
        self.read(field, "Boolean", Value::as_bool)
    }

    pub fn number(&mut self, field: &str) -> Sent<u64> {
        self.read(field, "Positive Integer", Value::as_u64)
    }

    pub fn numbers(&mut self, field: &str) -> Sent<Vec<u64>> {
        self.read(field, "Array of Integers", |value| value.as_array()?.iter().map(Value::as_u64).collect())
    }

    pub fn texts(&mut self, field: &str) -> Sent<Vec<String>> {
        self.read(field, "Array of Strings", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(String::from)).collect()
        })
    }

    pub fn object(&mut self, field: &str) -> Sent<Map<String, Value>> {
        self.read(field, "Object", |value| value.as_object().cloned())
    }

    pub fn objects(&mut self, field: &str) -> Sent<Vec<Map<String, Value>>> {
        self.read(field, "Array of Objects", |value| {
            value.as_array()?.iter().map(|item| item.as_object().cloned()).collect()
        })
    }

    fn read<T>(&mut self, field: &str, kind: &str, convert: impl Fn(&Value) -> Option<T>) -> Sent<T> {
        match self.object.get(field) {
            None => Sent::Absent,
            Some(Value::Null) => Sent::Null,
            Some(value) => match convert(value) {
                Some(value) => Sent::Value(value),
                None => {
                    self.wrong(field, &format!("Value set is not of type {kind}."), "datatype_mismatch");
                    Sent::Absent
                }
            },
        }
    }
}

/// Says whether a text could be an e-mail address.
pub(crate) fn is_email(text: &str) -> bool {
    match text.split_once('@') {
        Some((local, domain)) => {
            !local.is_empty()
                && domain.contains('.')
                && !domain.contains('@')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && !text.contains(char::is_whitespace)
        }
        None => false,
    }
}

/// Says whether a text has the form of an IANA time zone.
pub(crate) fn is_iana(text: &str) -> bool {
    text == "UTC"
        || text.split_once('/').is_some_and(|(area, city)| {
            !city.is_empty() && area.starts_with(|first: char| first.is_ascii_uppercase()) && !text.contains(' ')
        })
}
