//! The error that a SCIM server answers with.
//! `connect` reads other people's; our own server writes them.
//! It does not decide what follows from one: that is the reader's business.

use crate::ERROR;
use crate::words::{count, get};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use std::fmt;

/// An error as RFC 7644 §3.12 has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScimError {
    /// The HTTP status that the body repeats; 0 where it tells none.
    pub status: u16,
    /// The kind of error, where the server tells.
    pub scim_type: Option<ScimType>,
    /// A sentence for people.
    pub detail: Option<String>,
}

/// The `scimType` words.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the words of RFC 7644 table 9 and RFC 9865")]
pub enum ScimType {
    InvalidFilter,
    TooMany,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
    InvalidVers,
    Sensitive,
    InvalidCursor,
    ExpiredCursor,
    InvalidCount,
    /// A word of the server's own.
    Other(String),
}

const WORDS: [(&str, ScimType); 13] = [
    ("invalidFilter", ScimType::InvalidFilter),
    ("tooMany", ScimType::TooMany),
    ("uniqueness", ScimType::Uniqueness),
    ("mutability", ScimType::Mutability),
    ("invalidSyntax", ScimType::InvalidSyntax),
    ("invalidPath", ScimType::InvalidPath),
    ("noTarget", ScimType::NoTarget),
    ("invalidValue", ScimType::InvalidValue),
    ("invalidVers", ScimType::InvalidVers),
    ("sensitive", ScimType::Sensitive),
    ("invalidCursor", ScimType::InvalidCursor),
    ("expiredCursor", ScimType::ExpiredCursor),
    ("invalidCount", ScimType::InvalidCount),
];

impl ScimType {
    /// Returns the kind that `word` names, in any case.
    pub fn read(word: &str) -> Self {
        WORDS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(word))
            .map_or_else(|| Self::Other(word.to_owned()), |(_, kind)| kind.clone())
    }

    /// Returns the word that SCIM uses.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(word) => word,
            known => WORDS.iter().find(|(_, kind)| kind == known).map_or("", |(word, _)| word),
        }
    }

    /// Returns the HTTP status that goes with the kind (RFC 7644 table 9).
    pub fn status(&self) -> u16 {
        match self {
            Self::Uniqueness => 409,
            Self::Sensitive => 403,
            _ => 400,
        }
    }
}

impl ScimError {
    /// Returns an error without a kind.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: Some(detail.into()) }
    }

    /// Returns an error of a kind, with the status that goes with it.
    pub fn because(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { status: scim_type.status(), scim_type: Some(scim_type), detail: Some(detail.into()) }
    }

    /// Returns the same error, said of `place`: `operation 2: …`.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Self {
        let detail = self.detail.map_or_else(|| place.to_string(), |detail| format!("{place}: {detail}"));
        Self { detail: Some(detail), ..self }
    }

    /// Returns the same error with its kind.
    pub fn of(self, scim_type: ScimType) -> Self {
        Self { scim_type: Some(scim_type), ..self }
    }

    /// Reads an error, if the text is one: an object that names the error schema, or has `status` with `detail`
    /// or `scimType`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(text).ok()?;
        let object = value.as_object()?;
        let named = get(object, "schemas").and_then(Value::as_array).is_some_and(|schemas| {
            schemas.iter().filter_map(Value::as_str).any(|schema| schema.eq_ignore_ascii_case(ERROR))
        });
        let status = get(object, "status").and_then(count).and_then(|status| u16::try_from(status).ok());
        let scim_type = get(object, "scimType").and_then(Value::as_str).filter(|word| !word.is_empty());
        let detail = get(object, "detail").and_then(Value::as_str).map(str::to_owned);
        if !named && (status.is_none() || (scim_type.is_none() && detail.is_none())) {
            return None;
        }
        Some(Self { status: status.unwrap_or(0), scim_type: scim_type.map(ScimType::read), detail })
    }
}

impl Serialize for ScimError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schemas", &[ERROR])?;
        map.serialize_entry("status", &self.status.to_string())?;
        if let Some(scim_type) = &self.scim_type {
            map.serialize_entry("scimType", scim_type.as_str())?;
        }
        if let Some(detail) = &self.detail {
            map.serialize_entry("detail", detail)?;
        }
        map.end()
    }
}

impl fmt::Display for ScimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(scim_type) = &self.scim_type {
            write!(f, " {}", scim_type.as_str())?;
        }
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScimError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_writing_and_reading() {
        let error = ScimError::new(409, "taken").of(ScimType::Uniqueness);
        let text = serde_json::to_string(&error).unwrap();
        assert_eq!(
            text,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","scimType":"uniqueness","detail":"taken"}"#
        );
        assert_eq!(ScimError::parse(text.as_bytes()), Some(error));
    }

    #[test]
    fn a_status_may_be_a_number_and_a_kind_unknown() {
        let error = ScimError::parse(br#"{"Status":403,"scimtype":"SENSITIVE"}"#).unwrap();
        assert_eq!((error.status, error.scim_type), (403, Some(ScimType::Sensitive)));
        let error = ScimError::parse(br#"{"status":"400","scimType":"own"}"#).unwrap();
        assert_eq!(error.scim_type, Some(ScimType::Other("own".into())));
    }

    #[test]
    fn a_resource_with_a_status_is_no_error() {
        assert_eq!(ScimError::parse(br#"{"id":"1","status":"active"}"#), None);
        assert_eq!(ScimError::parse(br#"{"status":200}"#), None);
        assert_eq!(ScimError::parse(b"<html>"), None);
    }

    #[test]
    fn every_kind_reads_its_own_word() {
        for (word, kind) in WORDS {
            assert_eq!(ScimType::read(word), kind);
            assert_eq!(kind.as_str(), word);
        }
    }
}
