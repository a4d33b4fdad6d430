//! Short words that repeat in every record: connection names, field names, entitlements.
//! They are interned when they come in, so that a million records share a few hundred strings.
//! The table is bounded and begins anew when it is full: a hostile file with endless column names costs allocations,
//! not a leak, and what comes after it is shared again.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Borrow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

const INTERNED_MAX: usize = 4096;
const INTERNED_LEN_MAX: usize = 64;

thread_local! {
    static INTERNED: RefCell<HashSet<Interned>> = RefCell::new(HashSet::new());
}

/// A short shared text. Cheap to clone, compared by value; as thin as a pointer, since records are full of them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Arc<Box<str>>);

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

/// A text of the table, found by its value.
#[derive(PartialEq, Eq, Hash)]
struct Interned(Arc<Box<str>>);

impl Borrow<str> for Interned {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Name {
    /// Returns the shared form of `text`.
    pub fn new(text: &str) -> Self {
        if text.len() > INTERNED_LEN_MAX {
            return Self(Arc::new(text.into()));
        }
        INTERNED.with(|table| {
            let mut table = table.borrow_mut();
            if let Some(found) = table.get(text) {
                return Self(found.0.clone());
            }
            let shared: Arc<Box<str>> = Arc::new(text.into());
            if table.len() == INTERNED_MAX {
                table.clear();
            }
            table.insert(Interned(shared.clone()));
            Self(shared)
        })
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns where the text lies: a quick guess at which it is, and no more. Equal texts may lie in two places.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}
impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}
impl std::ops::Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}
impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        **self.0 == *other
    }
}
impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        **self.0 == **other
    }
}
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self.0, f)
    }
}
impl Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a short text")
            }
            fn visit_str<E>(self, text: &str) -> Result<Name, E> {
                Ok(Name::new(text))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Name {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Name".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// Declares a newtype over [`Name`], so that two kinds of name are never confused in a signature.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(inline)]
        pub struct $type(pub Name);
        impl $type {
            /// Returns the shared form of `text`.
            pub fn new(text: &str) -> Self { Self(Name::new(text)) }
            /// Returns the text.
            pub fn as_str(&self) -> &str { self.0.as_str() }
        }
        impl From<&str> for $type { fn from(text: &str) -> Self { Self::new(text) } }
        impl From<String> for $type { fn from(text: String) -> Self { Self::new(&text) } }
        impl std::borrow::Borrow<str> for $type { fn borrow(&self) -> &str { self.as_str() } }
        impl fmt::Display for $type { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.as_str()) } }
    };
}

named!(
    /// The operator's name of one configured tenant of an app, such as `freshdesk-eu`.
    ConnectionName
);
named!(
    /// A canonical field of an account or an attribute of an identity, such as `given_name`.
    FieldName
);
named!(
    /// What sort of entitlement is granted: `role`, `group`, `team`, `inbox`, `department`, `scope`, `licence`.
    EntitlementKind
);

/// Declares an id: opaque text of somebody's making, compared by value.
macro_rules! id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(inline)]
        pub struct $type(pub Box<str>);
        impl $type {
            /// Returns the text.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl From<&str> for $type { fn from(text: &str) -> Self { Self(text.into()) } }
        impl From<String> for $type { fn from(text: String) -> Self { Self(text.into()) } }
        impl std::borrow::Borrow<str> for $type { fn borrow(&self) -> &str { &self.0 } }
        impl fmt::Display for $type { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(&self.0) } }
    };
}

id!(
    /// The app's own immutable id of a record. Opaque: integers, UUIDs and anything else are text here.
    NativeId
);
/// No app has longer ids; an index has no room for them.
pub const NATIVE_LEN_MAX: usize = 1024;

impl NativeId {
    /// Tells whether a text can be kept as an id.
    pub fn fits(text: &str) -> bool {
        !text.is_empty() && text.len() <= NATIVE_LEN_MAX && !text.contains('\0')
    }
}

id!(
    /// An identity's id: 26 characters of Crockford base 32, derived from the record that founded it.
    IdentityId
);
id!(
    /// A step's id: derived from what the step would do, so that an approval cannot outlive its step.
    StepId
);
id!(
    /// A plan's id, derived from its digest: the same plan made twice is one plan.
    PlanId
);
id!(
    /// A run's id: one execution of `apply`.
    RunId
);
id!(
    /// A finding's id, derived from its kind and what it is about.
    FindingId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_names_do_not_keep_later_ones_from_being_shared() {
        let before = Name::new("role");
        (0..2 * INTERNED_MAX).for_each(|at| drop(Name::new(&format!("column {at}"))));
        let (one, other) = (Name::new("role"), Name::new("role"));
        assert!(Arc::ptr_eq(&one.0, &other.0) && one == before);
        assert!(INTERNED.with(|table| table.borrow().len()) <= INTERNED_MAX);
    }
}
