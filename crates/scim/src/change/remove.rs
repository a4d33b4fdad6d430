//! Taking values away (RFC 7644 §3.5.2.2), and only those that were meant.
//! A removal that lists what it removes takes those and never all: whole groups were lost to the other reading.
//! What is not there already is removed with success.

use super::aim::{Aim, Target};
use super::element::{identity, is_husk};
use super::object::clear_extension;
use super::value::{is_read_only, list_of};
use super::{Writer, coerce, immutable, put, read_only, take};
use crate::dialect::Dialect;
use crate::error::{ScimError, ScimType};
use crate::schema::{Attribute, Mutability};
use serde_json::{Map, Value};

impl Writer<'_> {
    /// Takes away what a path aims at, or the listed part of it.
    pub(crate) fn remove(
        &mut self,
        resource: &mut Map<String, Value>,
        path: &str,
        listed: Option<Value>,
    ) -> Result<(), ScimError> {
        let mut said = std::mem::take(&mut self.said);
        let aim = self.aim(path, &mut said);
        self.said = said;
        match aim? {
            Aim::Unheld => {
                self.said.pass_over(path);
                Ok(())
            }
            Aim::Own => Err(ScimError::because(ScimType::NoTarget, "a resource cannot be removed by a patch")),
            Aim::Extension(schema) => {
                clear_extension(resource, schema);
                Ok(())
            }
            Aim::Attribute(target) => self.remove_at(resource, &target, listed.filter(|listed| !listed.is_null())),
        }
    }

    fn remove_at(
        &mut self,
        resource: &mut Map<String, Value>,
        target: &Target<'_>,
        listed: Option<Value>,
    ) -> Result<(), ScimError> {
        let attribute = target.place.attribute;
        let ours = [Some(attribute), target.place.sub].into_iter().flatten();
        if let Some(ours) = ours.into_iter().find(|one| one.mutability == Mutability::ReadOnly) {
            return Err(read_only(ours));
        }
        if target.is_emptily_bracketed && listed.is_none() {
            return Err(ScimError::because(ScimType::InvalidPath, "brackets that choose nothing"));
        }
        let Some(held) = take(resource, target.place) else { return Ok(()) };
        if attribute.mutability == Mutability::Immutable {
            return Err(immutable(attribute));
        }
        let left = if attribute.multi_valued {
            Value::Array(self.left_of_list(target, list_of(Some(held)), listed)?)
        } else {
            left_of_single(target, held)
        };
        put(resource, target.place, left);
        Ok(())
    }

    fn left_of_list(
        &mut self,
        target: &Target<'_>,
        mut elements: Vec<Value>,
        listed: Option<Value>,
    ) -> Result<Vec<Value>, ScimError> {
        let attribute = target.place.attribute;
        let chosen = |element: &Value| match &target.among {
            None => true,
            Some(among) => element.as_object().is_some_and(|object| among.filter.fits(object)),
        };
        match (target.place.sub, listed) {
            // Without it an element says nothing: that would be all of them.
            (Some(sub), _) if sub.name == "value" && target.among.is_none() => {
                let because = format!("`{0}.value` is of every element; say which: {0}[value eq …]", attribute.name);
                return Err(ScimError::because(ScimType::InvalidPath, because));
            }
            (Some(sub), _) => {
                for element in elements.iter_mut().filter(|element| chosen(element)) {
                    if let Some(object) = element.as_object_mut() {
                        object.remove(&sub.name);
                    }
                }
                elements.retain(|element| !is_husk(attribute, element));
            }
            (None, Some(listed)) => {
                self.note(Dialect::RemoveListed);
                let patterns = self.patterns(attribute, listed)?;
                elements
                    .retain(|element| !chosen(element) || !patterns.iter().any(|one| covers(attribute, one, element)));
            }
            (None, None) => {
                if target.among.is_none() {
                    self.note(Dialect::RemoveAll);
                }
                elements.retain(|element| !chosen(element));
            }
        }
        Ok(elements)
    }

    /// Reads a list of what to remove. An element that says nothing would fit everything, and is refused.
    fn patterns(&mut self, attribute: &Attribute, listed: Value) -> Result<Vec<Value>, ScimError> {
        let count = listed.as_array().map_or(1, Vec::len);
        let patterns = coerce::list(attribute, listed, &mut self.said)?;
        if patterns.len() < count {
            return Err(coerce::invalid(attribute, "an element to remove says nothing of itself"));
        }
        Ok(patterns)
    }
}

/// Tells whether an element is the one that a removal lists: by all that the list says of it.
fn covers(attribute: &Attribute, pattern: &Value, element: &Value) -> bool {
    let (Some(pattern), Some(element)) = (pattern.as_object(), element.as_object()) else {
        return identity(attribute, pattern) == identity(attribute, element);
    };
    // Only `value` and `type` say which one it is; `display` and the rest may have changed since.
    let decisive: Vec<&String> = match pattern.contains_key("value") {
        true => pattern.keys().filter(|name| ["value", "type"].contains(&name.as_str())).collect(),
        false => pattern.keys().collect(),
    };
    decisive.into_iter().all(|name| match (pattern.get(name), element.get(name), attribute.sub(name)) {
        (Some(Value::String(wanted)), Some(Value::String(held)), Some(sub)) => sub.fold(wanted) == sub.fold(held),
        (wanted, held, _) => wanted == held,
    })
}

fn left_of_single(target: &Target<'_>, held: Value) -> Value {
    let attribute = target.place.attribute;
    let Value::Object(mut object) = held else { return Value::Null };
    if target.among.as_ref().is_some_and(|among| !among.filter.fits(&object)) {
        return Value::Object(object);
    }
    let Some(sub) = target.place.sub else { return Value::Null };
    object.remove(&sub.name);
    let is_empty = object.keys().all(|name| is_read_only(attribute, name));
    if is_empty { Value::Null } else { Value::Object(object) }
}
