//! The dialects that SCIM clients speak beside the RFC, as words that a log can say.
//! Readers of filters, resources and patches note which they met; a server logs them once per client.
//! Nothing is decided by them: every dialect is understood from everybody, always.

use std::collections::BTreeSet;
use std::fmt;

macro_rules! dialects {
    ($($(#[$doc:meta])* $name:ident = $quirk:literal, $word:literal;)*) => {
        /// One way of saying something that the RFC says otherwise. The order is that of the quirk numbers.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Dialect { $($(#[$doc])* $name,)* }

        impl Dialect {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the word for a log.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Returns the number of the quirk, as the golden tests count them.
            pub fn quirk(self) -> u8 {
                match self { $(Self::$name => $quirk,)* }
            }
        }
    };
}

dialects! {
    /// `Replace` instead of `replace`.
    VerbCase = 1, "verb-case";
    /// An attribute name or URN in another case than the schema's.
    NameCase = 2, "name-case";
    /// `"True"` where a boolean belongs.
    BooleanText = 3, "boolean-as-text";
    /// `"7"` where a number belongs, or a bare number where a text belongs.
    NumberText = 3, "number-as-text";
    /// `"name.givenName": …` as a key of an object.
    DottedKey = 5, "dotted-key";
    /// `"urn:…:User:employeeNumber": …` as a key of an object.
    UrnKey = 5, "urn-key";
    /// `"emails[type eq \"work\"].value": …` as a key of an object.
    ValuePathKey = 5, "value-path-key";
    /// An attribute of an extension without its URN.
    NoUrn = 5, "extension-without-urn";
    /// A value path that matches nothing, written to: the element is made.
    MadeByPath = 7, "made-by-value-path";
    /// `remove` that lists what to remove as its value.
    RemoveListed = 8, "remove-by-value";
    /// `remove` of a multi-valued attribute as a whole.
    RemoveAll = 9, "remove-all";
    /// `members[]`.
    EmptyBrackets = 10, "empty-brackets";
    /// `"id": null`, or an id chosen by the client.
    IdSent = 14, "id-sent";
    /// An attribute or a schema that is not held.
    Unheld = 15, "unheld";
    /// A URN or a name of SCIM 1.x.
    OldName = 15, "scim-1-name";
    /// One value where a list belongs.
    OneForMany = 16, "one-for-many";
    /// A list of one where a single value belongs.
    ManyForOne = 16, "many-for-one";
    /// A bare text where an object with a `value` belongs: `"manager": "7"`, `"members": ["7"]`.
    BareValue = 16, "bare-value";
    /// JSON in a text.
    JsonText = 17, "json-in-text";
    /// A filter value without quotes.
    Unquoted = 19, "unquoted-value";
    /// `emails[type eq "work"].value eq "x"` as a filter.
    PathThenSub = 19, "sub-attribute-after-brackets";
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What was noted while something of a client was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Said {
    /// Which dialects it was in.
    pub dialects: BTreeSet<Dialect>,
    /// Which attributes it named that are not held, and were passed over; names only, never values.
    pub unheld: BTreeSet<String>,
}

impl Said {
    const UNHELD_MAX: usize = 100;
    const UNHELD_CHARS_MAX: usize = 120;

    pub(crate) fn note(&mut self, dialect: Dialect) {
        self.dialects.insert(dialect);
    }

    pub(crate) fn pass_over(&mut self, name: &str) {
        self.note(Dialect::Unheld);
        // A filter in brackets holds a value, which may be somebody's address.
        let name = name.split('[').next().unwrap_or_default();
        if self.unheld.len() < Self::UNHELD_MAX {
            self.unheld.insert(name.chars().take(Self::UNHELD_CHARS_MAX).collect());
        }
    }

    /// Adds what was noted elsewhere.
    pub fn extend(&mut self, other: Self) {
        self.dialects.extend(other.dialects);
        self.unheld.extend(other.unheld);
    }

    /// Tells whether everything was said as the RFC has it, and is held.
    pub fn is_plain(&self) -> bool {
        self.dialects.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_numbered_as_the_quirks_are() {
        let words: BTreeSet<&str> = Dialect::ALL.iter().map(|dialect| dialect.as_str()).collect();
        assert_eq!(words.len(), Dialect::ALL.len());
        assert!(Dialect::ALL.is_sorted_by_key(|dialect| dialect.quirk()));
    }

    #[test]
    fn what_is_passed_over_is_named_without_values_and_not_without_end() {
        let mut said = Said::default();
        said.pass_over("emails[value eq \"jane@acme.com\"].x");
        assert!(said.unheld.contains("emails"));
        (0..1000).for_each(|n| said.pass_over(&format!("a{n}")));
        assert_eq!(said.unheld.len(), 100);
    }
}
