//! Filters (RFC 7644 §3.4.2.2): parse, print, bind to a type of resources, evaluate, and see which index serves.
//! A filter is a text of a client's; it becomes a tree that says the same when it is printed.
//! The tree knows no schema: bound to a type of resource it does, and only then it can be evaluated.

mod bind;
mod evaluate;
mod lex;
mod lookup;
mod parse;
mod write;

pub use bind::Bound;
pub use lookup::{Key, Lookup};
pub use parse::FilterError;
pub use write::{equal, equal_all, quote};

pub(crate) use bind::{moment, note};
pub(crate) use lex::{Lexer, Token};
pub(crate) use parse::Parser;

use crate::dialect::Said;
use crate::path::AttributePath;
use serde_json::Number;
use std::fmt;

/// A filter. `And` and `Or` have at least two parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filter {
    /// All of these.
    And(Vec<Filter>),
    /// Any of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// The attribute has a value.
    Present(AttributePath),
    /// The attribute has a value that compares so.
    Compare(AttributePath, Comparison, Literal),
    /// One element of the attribute fits the filter, whose paths are sub-attributes.
    Within(AttributePath, Box<Filter>),
}

/// How two values compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the words of RFC 7644 table 3")]
pub enum Comparison {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A value in a filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
}

impl Filter {
    /// The longest filter that is read, in bytes.
    pub const BYTES_MAX: usize = 8 * 1024;
    /// How deep groups, negations and value paths may stand in each other.
    pub const DEPTH_MAX: usize = 32;
    /// How many comparisons a filter may have.
    pub const TERMS_MAX: usize = 200;

    /// Reads a filter and notes which dialects it was in.
    ///
    /// # Errors
    /// It is no filter, or is beyond the bounds; the error says where.
    pub fn parse(text: &str, said: &mut Said) -> Result<Self, FilterError> {
        Parser::new(text, said)?.whole()
    }
}

impl Comparison {
    const WORDS: [(&'static str, Self); 9] = [
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("co", Self::Contains),
        ("sw", Self::StartsWith),
        ("ew", Self::EndsWith),
        ("gt", Self::Greater),
        ("ge", Self::GreaterOrEqual),
        ("lt", Self::Less),
        ("le", Self::LessOrEqual),
    ];

    /// Returns the operator that `word` names, in any case.
    pub fn read(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, comparison)| *comparison)
    }

    /// Returns the word that SCIM uses.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, comparison)| *comparison == self).map_or("", |(word, _)| word)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => join(f, parts, " and ", |part| matches!(part, Self::And(_) | Self::Or(_))),
            Self::Or(parts) => join(f, parts, " or ", |part| matches!(part, Self::Or(_))),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare(path, comparison, literal) => write!(f, "{path} {} {literal}", comparison.as_str()),
            Self::Within(path, inner) => write!(f, "{path}[{inner}]"),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Filter], word: &str, is_grouped: impl Fn(&Filter) -> bool) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        if is_grouped(part) { write!(f, "({part})")? } else { write!(f, "{part}")? }
    }
    Ok(())
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(&quote(text)),
        }
    }
}
