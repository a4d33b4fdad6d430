//! The two ways in which each vendor can be imitated: as its guide describes it, and as the vendor itself documents and
//! serves it today. Options carry one for each vendor; the command line and tests write them as text. It does not know
//! in what the two differ.

use std::fmt;
use std::str::FromStr;

use crate::Vendor;

/// Whose word an imitation follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// The guide's, to the letter.
    #[default]
    Guide,
    /// The vendor's own.
    Live,
}

impl Dialect {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Guide => "guide",
            Dialect::Live => "live",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One dialect for each vendor.
///
/// As text: a dialect for all, or `VENDOR=DIALECT` pieces between commas, such as `live` or `live,gladly=guide`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialects {
    chosen: [Dialect; 5],
}

impl Dialects {
    /// Returns the same dialect for all.
    pub fn all(dialect: Dialect) -> Self {
        Dialects { chosen: [dialect; 5] }
    }

    /// Returns the choice with another dialect for one vendor.
    #[must_use]
    pub fn with(mut self, vendor: Vendor, dialect: Dialect) -> Self {
        self.chosen[vendor.index()] = dialect;
        self
    }

    /// Returns a vendor's dialect.
    pub fn of(self, vendor: Vendor) -> Dialect {
        self.chosen[vendor.index()]
    }
}

/// Why a text is no choice of dialects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialectError {
    /// The word is neither of the two.
    #[error("unknown dialect `{0}`; known are guide and live")]
    Unknown(String),
    /// The name is none of the five vendors.
    #[error(transparent)]
    Vendor(#[from] crate::UnknownVendor),
}

impl FromStr for Dialect {
    type Err = DialectError;

    fn from_str(text: &str) -> Result<Self, DialectError> {
        let known = [Dialect::Guide, Dialect::Live].into_iter().find(|dialect| dialect.name() == text);
        known.ok_or_else(|| DialectError::Unknown(text.into()))
    }
}

impl FromStr for Dialects {
    type Err = DialectError;

    fn from_str(text: &str) -> Result<Self, DialectError> {
        text.split(',').try_fold(Dialects::default(), |dialects, piece| match piece.trim().split_once('=') {
            None => Ok(Dialects::all(piece.trim().parse()?)),
            Some((vendor, dialect)) => Ok(dialects.with(vendor.parse()?, dialect.parse()?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_are_chosen_for_all_and_for_one() {
        let chosen: Dialects = "live,gladly=guide".parse().expect("dialects");
        let live: Vec<Vendor> = Vendor::ALL.into_iter().filter(|vendor| chosen.of(*vendor) == Dialect::Live).collect();
        assert_eq!(live, [Vendor::Gorgias, Vendor::Freshdesk, Vendor::Freshservice, Vendor::Gainsight]);
        let one: Dialects = "gorgias=live".parse().expect("dialects");
        assert_eq!(one, Dialects::default().with(Vendor::Gorgias, Dialect::Live));
    }

    #[test]
    fn a_wrong_choice_is_told_the_known_words() {
        let told =
            |text: &str| text.parse::<Dialects>().map_or_else(|error| error.to_string(), |all| format!("{all:?}"));
        assert_eq!(told("lively"), "unknown dialect `lively`; known are guide and live");
        assert!(told("okta=live").starts_with("unknown app `okta`; known are gorgias"));
        assert!(told("").contains("known are guide and live"));
    }
}
