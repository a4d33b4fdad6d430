//! What a client's words make of a resource: creation, replacement, and the writing that patches share with both.
//! A body is read as if each of its keys were a path (RFC 7644 §3.3, §3.5.1), so that every dialect is read in one place.
//! It takes what is held and gives what is to be held; whether that may be is the server's business.

mod aim;
mod coerce;
mod element;
mod object;
mod remove;
mod value;

pub(crate) use aim::Aim;
pub(crate) use object::Named;

use crate::dialect::{Dialect, Said};
use crate::error::{ScimError, ScimType};
use crate::schema::{Attribute, Mutability, Place, ResourceType, Schema, is_unassigned};
use crate::words::{canonical, get};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What a request makes of a resource.
#[derive(Clone, PartialEq, Debug)]
pub struct Written {
    /// The resource as it is to be held: names as the schema spells them, values of their kinds, and only what the
    /// type has. What the server sets itself is as it was; a password stands here in clear until it is taken out.
    pub resource: Map<String, Value>,
    /// The attributes that differ from before, an extension's with its URN; empty where nothing changes.
    pub changed: BTreeSet<String>,
    /// In which dialects it was said, and what it named that is not held.
    pub said: Said,
}

/// Attributes that a replacement leaves as they are unless it names them: who forgets `active` suspends nobody, and
/// who forgets `members` empties no group.
const KEPT: [&str; 3] = ["active", "externalId", "members"];

/// Reads the body of a creation.
///
/// # Errors
/// `invalidSyntax`: it is no object. `invalidValue`: a value does not fit, or a required one is missing.
pub fn create(of: &ResourceType, body: Value) -> Result<Written, ScimError> {
    let mut writer = Writer::new(of);
    let mut resource = Map::new();
    writer.write_object(&mut resource, object(body)?, Verb::Add)?;
    writer.finish(&Map::new(), resource, ScimType::InvalidValue)
}

/// Reads the body of a replacement of what is held. What only the server sets stays as it is; what the body does not
/// name is taken away, except for the few attributes that nobody means to take away by forgetting them. What the type
/// does not describe is not kept either: an extension of the server's own belongs into the type, as read-only.
///
/// # Errors
/// As [`create`]; `mutability` where it would change what cannot change.
pub fn replace(of: &ResourceType, before: &Map<String, Value>, body: Value) -> Result<Written, ScimError> {
    let mut writer = Writer::new(of);
    let mut resource = Map::new();
    let held_id = get(before, "id").cloned();
    if let Some(id) = held_id {
        resource.insert("id".into(), id);
    }
    let body = object(body)?;
    let named = writer.named(&body);
    writer.write_object(&mut resource, body, Verb::Replace)?;
    for (extension, attribute) in of.attributes() {
        let place = Place::of(extension, attribute);
        let Some(held) = place.value(before) else { continue };
        let given = place.value(&resource);
        let is_kept = extension.is_none() && KEPT.contains(&&*attribute.name);
        match attribute.mutability {
            Mutability::ReadOnly => put(&mut resource, place, held.clone()),
            Mutability::Immutable if given.is_some_and(|given| given != held) => return Err(immutable(attribute)),
            Mutability::Immutable => put(&mut resource, place, held.clone()),
            _ if given.is_none() && is_kept && !named.contains(&*attribute.name) => {
                put(&mut resource, place, held.clone());
            }
            _ => {
                if let Some(given) = given.cloned() {
                    put(&mut resource, place, element::keep_read_only(attribute, held, given));
                }
            }
        }
    }
    writer.finish(before, resource, ScimType::InvalidValue)
}

/// The elements of a list that a change brings and takes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListChange {
    /// Those that were not there, or not so.
    pub added: Vec<Value>,
    /// Those that are there no more, or not so any more.
    pub removed: Vec<Value>,
}

impl ListChange {
    /// Compares a list before and after. A server that merges parallel patches of one group applies this to the group
    /// of the moment, instead of writing the whole list.
    pub fn between(place: &Place<'_>, before: &Map<String, Value>, after: &Map<String, Value>) -> Self {
        let keyed = |resource| -> BTreeMap<String, Value> {
            place.elements(resource).iter().map(|element| (canonical(element), element.clone())).collect()
        };
        let (before, after) = (keyed(before), keyed(after));
        let without = |these: &BTreeMap<String, Value>, those: &BTreeMap<String, Value>| {
            these.iter().filter(|(key, _)| !those.contains_key(*key)).map(|(_, element)| element.clone()).collect()
        };
        Self { added: without(&after, &before), removed: without(&before, &after) }
    }
}

/// What a writing operation does; removals are a matter of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Add,
    Replace,
}

/// Writes into one resource.
pub(crate) struct Writer<'t> {
    pub(crate) of: &'t ResourceType,
    pub(crate) said: Said,
}

impl<'t> Writer<'t> {
    pub(crate) fn new(of: &'t ResourceType) -> Self {
        Self { of, said: Said::default() }
    }

    /// Returns what came of it: checks what is required, names the schemas in use, and compares with before.
    pub(crate) fn finish(
        self,
        before: &Map<String, Value>,
        mut resource: Map<String, Value>,
        missing: ScimType,
    ) -> Result<Written, ScimError> {
        let required = self.of.attributes().filter(|(extension, attribute)| extension.is_none() && attribute.required);
        for (_, attribute) in required {
            let value = resource.get(&attribute.name);
            if value
                .is_none_or(|value| is_unassigned(value) || value.as_str().is_some_and(|text| text.trim().is_empty()))
            {
                return Err(ScimError::because(missing, format!("`{}` is required", attribute.name)));
            }
        }
        resource.insert("schemas".into(), self.of.schemas_of(&resource).into());
        let changed = changed(self.of, before, &resource);
        Ok(Written { resource, changed, said: self.said })
    }

    /// Returns the names of the type's own attributes that a body names.
    fn named(&self, body: &Map<String, Value>) -> BTreeSet<&'t str> {
        let own = |key: &String| match self.aim(key, &mut Said::default()) {
            Ok(Aim::Attribute(target)) if target.place.extension.is_none() => Some(&*target.place.attribute.name),
            _ => None,
        };
        body.keys().filter_map(own).collect()
    }

    pub(crate) fn note(&mut self, dialect: Dialect) {
        self.said.note(dialect);
    }
}

fn object(body: Value) -> Result<Map<String, Value>, ScimError> {
    match body {
        Value::Object(object) => Ok(object),
        _ => Err(ScimError::because(ScimType::InvalidSyntax, "the body is not an object")),
    }
}

fn changed(of: &ResourceType, before: &Map<String, Value>, after: &Map<String, Value>) -> BTreeSet<String> {
    let written = |attribute: &Attribute| attribute.name != "schemas";
    let differing = of.attributes().filter(|(extension, attribute)| {
        let place = Place::of(*extension, attribute);
        written(attribute) && !same(attribute, place.value(before), place.value(after))
    });
    differing.map(|(extension, attribute)| full_name(extension, attribute)).collect()
}

/// Tells whether two values are the same; a list has no order (RFC 7643 §2.4).
fn same(attribute: &Attribute, before: Option<&Value>, after: Option<&Value>) -> bool {
    match (before, after) {
        (Some(Value::Array(before)), Some(Value::Array(after))) if attribute.multi_valued => {
            let sorted = |list: &[Value]| list.iter().map(canonical).collect::<BTreeSet<_>>();
            before == after || (before.len() == after.len() && sorted(before) == sorted(after))
        }
        (before, after) => before == after,
    }
}

fn full_name(extension: Option<&Schema>, attribute: &Attribute) -> String {
    extension.map_or_else(|| attribute.name.clone(), |schema| format!("{}:{}", schema.id, attribute.name))
}

/// Puts a value where it belongs; what stands for none is taken away.
pub(crate) fn put(resource: &mut Map<String, Value>, place: Place<'_>, value: Value) {
    let name = &place.attribute.name;
    let Some(schema) = place.extension else {
        if is_unassigned(&value) {
            resource.remove(name);
        } else {
            resource.insert(name.clone(), value);
        }
        return;
    };
    let container = resource.entry(schema.id.clone()).or_insert_with(|| Value::Object(Map::new()));
    if !container.is_object() {
        *container = Value::Object(Map::new());
    }
    if let Value::Object(container) = container {
        put(container, Place { extension: None, ..place }, value);
        if container.is_empty() {
            resource.remove(&schema.id);
        }
    }
}

/// Takes the value out of where it is.
pub(crate) fn take(resource: &mut Map<String, Value>, place: Place<'_>) -> Option<Value> {
    let container = match place.extension {
        None => resource,
        Some(schema) => resource.get_mut(&schema.id)?.as_object_mut()?,
    };
    container.remove(&place.attribute.name).filter(|value| !is_unassigned(value))
}

pub(crate) fn immutable(attribute: &Attribute) -> ScimError {
    ScimError::because(ScimType::Mutability, format!("`{}` cannot change once it is set", attribute.name))
}

pub(crate) fn read_only(attribute: &Attribute) -> ScimError {
    ScimError::because(ScimType::Mutability, format!("`{}` is set by the server only", attribute.name))
}

#[cfg(test)]
mod tests;
