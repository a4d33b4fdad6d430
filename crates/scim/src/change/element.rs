//! The elements of a list: which are the same, how one takes up another, and that one at most is primary.
//! Two are the same when their `value` is, and their `type` where clients set it (RFC 7643 §2.4).
//! What only the server sets in an element stays with the element, and goes when its `value` becomes another.

use super::coerce::invalid;
use crate::error::ScimError;
use crate::schema::{Attribute, Mutability};
use crate::words::canonical;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What makes an element this one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity<'e> {
    /// Its value and type, folded.
    Value(Cow<'e, str>, Cow<'e, str>),
    /// All that clients set of it, where it has no value.
    Whole(String),
}

impl Identity<'_> {
    fn into_owned(self) -> Identity<'static> {
        match self {
            Self::Value(value, of_type) => Identity::Value(value.into_owned().into(), of_type.into_owned().into()),
            Self::Whole(text) => Identity::Whole(text),
        }
    }
}

/// Returns what makes an element this one.
pub(super) fn identity<'e>(attribute: &Attribute, element: &'e Value) -> Identity<'e> {
    let Some(object) = element.as_object() else {
        let folded = element.as_str().map(|text| Identity::Value(attribute.fold(text), "".into()));
        return folded.unwrap_or_else(|| Identity::Whole(canonical(element)));
    };
    let folded = |name: &str| {
        let sub = attribute.sub(name)?;
        Some((sub, sub.fold(object.get(name)?.as_str()?)))
    };
    let Some((_, value)) = folded("value") else {
        let ours = object.iter().filter(|(name, _)| is_client_s(attribute, name));
        let ours = ours.map(|(name, value)| (name.clone(), value.clone())).collect();
        return Identity::Whole(canonical(&Value::Object(ours)));
    };
    let of_type = folded("type").filter(|(sub, _)| sub.mutability != Mutability::ReadOnly);
    Identity::Value(value, of_type.map(|(_, of_type)| of_type).unwrap_or_default())
}

fn is_client_s(attribute: &Attribute, name: &str) -> bool {
    attribute.sub(name).is_some_and(|sub| sub.mutability != Mutability::ReadOnly)
}

/// Where each element of a list is.
type Known = BTreeMap<Identity<'static>, usize>;

/// So many new elements are looked for one by one; for more, the places of all are written down first.
const FEW: usize = 4;

/// Adds elements to a list; those that are there already take up what the new ones say.
/// Returns where those now are that say they are primary.
pub(super) fn add(attribute: &Attribute, elements: &mut Vec<Value>, new: Vec<Value>) -> BTreeSet<usize> {
    let mut known = Known::new();
    let is_few = new.len() <= FEW;
    for (at, element) in elements.iter().enumerate().filter(|_| !is_few) {
        known.entry(identity(attribute, element).into_owned()).or_insert(at);
    }
    let mut primary = BTreeSet::new();
    for element in new {
        let says_so = is_primary(&element);
        let wanted = identity(attribute, &element);
        let at = if is_few {
            let found = elements.iter().position(|held| identity(attribute, held) == wanted);
            found.unwrap_or(elements.len())
        } else {
            *known.entry(wanted.into_owned()).or_insert(elements.len())
        };
        put_at(elements, at, element);
        if says_so {
            primary.insert(at);
        }
    }
    primary
}

/// Lets the element at a place take up another, or adds it where there is none.
fn put_at(elements: &mut Vec<Value>, at: usize, element: Value) {
    match elements.get_mut(at) {
        Some(held) => {
            if let (Some(held), Value::Object(element)) = (held.as_object_mut(), element) {
                held.extend(element);
            }
        }
        None => elements.push(element),
    }
}

/// Makes elements one that have become the same, and returns where those at `places` are now.
pub(super) fn unite(attribute: &Attribute, elements: &mut Vec<Value>, places: &BTreeSet<usize>) -> BTreeSet<usize> {
    let (mut known, mut now) = (Known::new(), BTreeSet::new());
    for (was, element) in std::mem::take(elements).into_iter().enumerate() {
        let at = *known.entry(identity(attribute, &element).into_owned()).or_insert(elements.len());
        put_at(elements, at, element);
        if places.contains(&was) {
            now.insert(at);
        }
    }
    now
}

/// Keeps what the server set in what is held, for the parts of `given` that are the same.
pub(super) fn keep_read_only(attribute: &Attribute, held: &Value, given: Value) -> Value {
    match (held, given) {
        (Value::Array(held), Value::Array(given)) => {
            let held: BTreeMap<Identity<'_>, &Value> = held.iter().map(|one| (identity(attribute, one), one)).collect();
            let given = given.into_iter().map(|one| match held.get(&identity(attribute, &one)) {
                Some(held) => keep_read_only(attribute, held, one),
                None => one,
            });
            Value::Array(given.collect())
        }
        (Value::Object(held), Value::Object(mut given)) => {
            let is_same = held.get("value") == given.get("value");
            let theirs = held.iter().filter(|(name, _)| is_same && !is_client_s(attribute, name));
            for (name, value) in theirs {
                given.insert(name.clone(), value.clone());
            }
            Value::Object(given)
        }
        (_, given) => given,
    }
}

/// Lays an object over another: what it does not name stays (RFC 7644 §3.5.2.3).
pub(super) fn merge(attribute: &Attribute, held: &mut Map<String, Value>, given: Map<String, Value>) {
    let is_other = given.get("value").is_some_and(|value| held.get("value").is_some_and(|held| held != value));
    if is_other {
        held.retain(|name, _| is_client_s(attribute, name));
    }
    held.extend(given);
}

fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// Sees to it that at most one element is primary: the one just written takes it from the others (RFC 7644 §3.5.2).
pub(super) fn settle_primary(
    attribute: &Attribute,
    elements: &mut [Value],
    written: &BTreeSet<usize>,
) -> Result<(), ScimError> {
    if attribute.sub("primary").is_none() {
        return Ok(());
    }
    let chosen = written.iter().filter(|&&at| elements.get(at).is_some_and(is_primary)).count();
    match chosen {
        0 => Ok(()),
        1 => {
            let others =
                elements.iter_mut().enumerate().filter(|(at, element)| !written.contains(at) && is_primary(element));
            others.for_each(|(_, element)| element["primary"] = false.into());
            Ok(())
        }
        _ => Err(invalid(attribute, "more than one element is primary")),
    }
}

/// Tells whether nothing is left of an element but what says of which sort it was.
pub(super) fn is_husk(attribute: &Attribute, element: &Value) -> bool {
    let Some(object) = element.as_object() else { return element.is_null() };
    if attribute.sub("value").is_some() {
        return object.get("value").is_none_or(Value::is_null);
    }
    object.keys().all(|name| ["type", "primary", "display"].contains(&name.as_str()))
}
