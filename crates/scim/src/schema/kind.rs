//! The characteristics of an attribute as closed words (RFC 7643 §2.2, §2.3 and §7).
//! They come from a description and go into the Schemas document as they are.
//! What follows from each is decided where bodies, filters and projections are read.

use serde::{Deserialize, Serialize};

/// What values an attribute takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Texts.
    #[default]
    String,
    /// `true` and `false`.
    Boolean,
    /// Numbers with a fraction.
    Decimal,
    /// Whole numbers.
    Integer,
    /// Moments, as RFC 3339 writes them.
    DateTime,
    /// Bytes in base64.
    Binary,
    /// URIs.
    Reference,
    /// Objects of sub-attributes.
    Complex,
}

impl Kind {
    /// Returns the word that SCIM uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Who may set an attribute, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Only the server.
    ReadOnly,
    /// Clients, at any time.
    #[default]
    ReadWrite,
    /// Clients, once.
    Immutable,
    /// Clients, and nobody reads it back.
    WriteOnly,
}

/// When an attribute is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// In every answer, whatever was asked.
    Always,
    /// In none.
    Never,
    /// Unless something else was asked.
    #[default]
    Default,
    /// Only when it was asked by name.
    Request,
}

/// Within what the values of an attribute are unique.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// They are not.
    #[default]
    None,
    /// Within the server.
    Server,
    /// Everywhere.
    Global,
}
