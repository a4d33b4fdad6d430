//! Writing one value where a path or a key aims (RFC 7644 §3.5.2.1 and §3.5.2.3).
//! A complex value is laid over what is there; a list is added to, or put in the old one's place.
//! A value path that fits nothing makes the element that it describes, for clients rely on it.

use super::aim::{Among, Target};
use super::element::{self, merge};
use super::{Named, Verb, Writer, coerce, immutable, put, read_only, take};
use crate::dialect::Dialect;
use crate::error::{ScimError, ScimType};
use crate::schema::{Attribute, Kind, Mutability, is_unassigned};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

impl Writer<'_> {
    /// Writes a value.
    pub(crate) fn write_at(
        &mut self,
        resource: &mut Map<String, Value>,
        target: &Target<'_>,
        verb: Verb,
        value: Value,
        named: Named,
    ) -> Result<(), ScimError> {
        let attribute = target.place.attribute;
        let only_ours = [Some(attribute), target.place.sub].into_iter().flatten();
        if let Some(ours) = only_ours.into_iter().find(|one| one.mutability == Mutability::ReadOnly) {
            return match named {
                Named::ByKey => Ok(()),
                Named::ByPath if ours.name == "id" => self.compare_id(resource, &value),
                Named::ByPath => Err(read_only(ours)),
            };
        }
        let held = take(resource, target.place);
        let before = (attribute.mutability == Mutability::Immutable).then(|| held.clone()).flatten();
        let after = if attribute.multi_valued {
            self.written_list(target, verb, list_of(held), value)?
        } else {
            self.written_single(target, held, value)?
        };
        if before.is_some_and(|before| before != after) {
            return Err(immutable(attribute));
        }
        put(resource, target.place, after);
        Ok(())
    }

    fn written_single(&mut self, target: &Target<'_>, held: Option<Value>, value: Value) -> Result<Value, ScimError> {
        let attribute = target.place.attribute;
        if attribute.kind != Kind::Complex {
            return coerce::single(attribute, value, &mut self.said);
        }
        let mut object = held.and_then(into_object).unwrap_or_default();
        if target.among.as_ref().is_some_and(|among| !among.filter.fits(&object)) {
            return Err(no_target(attribute));
        }
        match target.place.sub {
            Some(sub) => self.set_sub(attribute, &mut object, sub, value)?,
            None => match coerce::single(attribute, value, &mut self.said)? {
                Value::Object(given) => merge(attribute, &mut object, given),
                _ => object.retain(|name, _| is_read_only(attribute, name)),
            },
        }
        let is_ours_alone = object.keys().all(|name| is_read_only(attribute, name));
        Ok(if is_ours_alone { Value::Null } else { Value::Object(object) })
    }

    fn written_list(
        &mut self,
        target: &Target<'_>,
        verb: Verb,
        mut elements: Vec<Value>,
        value: Value,
    ) -> Result<Value, ScimError> {
        let attribute = target.place.attribute;
        let written = match (&target.among, target.place.sub) {
            (Some(among), _) => {
                let written = self.write_among(target, among, &mut elements, value)?;
                element::unite(attribute, &mut elements, &written)
            }
            (None, Some(sub)) => {
                let written = self.write_sub_of_all(attribute, sub, verb, &mut elements, value)?;
                element::unite(attribute, &mut elements, &written)
            }
            (None, None) => {
                let given = coerce::list(attribute, value, &mut self.said)?;
                if verb == Verb::Replace {
                    let held = std::mem::take(&mut elements);
                    element::add(attribute, &mut elements, given);
                    let kept = element::keep_read_only(attribute, &Value::Array(held), Value::Array(elements));
                    elements = list_of(Some(kept));
                    (0..elements.len()).collect()
                } else {
                    element::add(attribute, &mut elements, given)
                }
            }
        };
        element::settle_primary(attribute, &mut elements, &written)?;
        elements.retain(|element| !element::is_husk(attribute, element));
        Ok(Value::Array(elements))
    }

    /// Writes to the elements that a filter chooses, or makes one that it would choose.
    fn write_among(
        &mut self,
        target: &Target<'_>,
        among: &Among<'_>,
        elements: &mut Vec<Value>,
        value: Value,
    ) -> Result<BTreeSet<usize>, ScimError> {
        let attribute = target.place.attribute;
        let fits = |element: &Value| element.as_object().is_some_and(|object| among.filter.fits(object));
        let mut chosen: BTreeSet<usize> =
            elements.iter().enumerate().filter(|(_, element)| fits(element)).map(|(at, _)| at).collect();
        if chosen.is_empty() {
            if is_unassigned(&value) {
                return Ok(chosen);
            }
            let seed = among.seed.clone().ok_or_else(|| no_target(attribute))?;
            let seed = coerce::list(attribute, vec![Value::Object(seed)].into(), &mut self.said)?;
            self.note(Dialect::MadeByPath);
            chosen.insert(elements.len());
            elements.extend(seed);
        }
        for &at in &chosen {
            let Some(object) = elements.get_mut(at).and_then(Value::as_object_mut) else { continue };
            match target.place.sub {
                Some(sub) => self.set_sub(attribute, object, sub, value.clone())?,
                None => match coerce::single(attribute, value.clone(), &mut self.said)? {
                    Value::Object(given) => {
                        given.iter().try_for_each(|(name, value)| keeps_immutable(attribute, object, name, value))?;
                        merge(attribute, object, given);
                    }
                    _ => object.clear(),
                },
            }
        }
        Ok(chosen)
    }

    /// Writes a sub-attribute of a list without saying of which element: clear only if there is one, or none yet.
    fn write_sub_of_all(
        &mut self,
        attribute: &Attribute,
        sub: &Attribute,
        verb: Verb,
        elements: &mut Vec<Value>,
        value: Value,
    ) -> Result<BTreeSet<usize>, ScimError> {
        let is_value = sub.name == "value";
        if elements.is_empty() || (is_value && verb == Verb::Add) {
            let mut object = Map::new();
            self.set_sub(attribute, &mut object, sub, value)?;
            return Ok(element::add(attribute, elements, vec![Value::Object(object)]));
        }
        if is_value && elements.len() > 1 {
            let because = format!("`{}` has several elements; choose one in brackets", attribute.name);
            return Err(ScimError::because(ScimType::NoTarget, because));
        }
        for object in elements.iter_mut().filter_map(Value::as_object_mut) {
            self.set_sub(attribute, object, sub, value.clone())?;
        }
        Ok((0..elements.len()).collect())
    }

    fn set_sub(
        &mut self,
        attribute: &Attribute,
        object: &mut Map<String, Value>,
        sub: &Attribute,
        value: Value,
    ) -> Result<(), ScimError> {
        let value =
            coerce::any(sub, value, &mut self.said).map_err(|error| error.at(format!("`{}`", attribute.name)))?;
        keeps_immutable(attribute, object, &sub.name, &value)?;
        if is_unassigned(&value) {
            object.remove(&sub.name);
        } else {
            merge(attribute, object, Map::from_iter([(sub.name.clone(), value)]));
        }
        Ok(())
    }
}

fn keeps_immutable(
    attribute: &Attribute,
    held: &Map<String, Value>,
    name: &str,
    value: &Value,
) -> Result<(), ScimError> {
    let sub = attribute.sub(name).filter(|sub| sub.mutability == Mutability::Immutable);
    match sub {
        Some(sub) if held.get(name).is_some_and(|held| held != value) => Err(immutable(sub)),
        _ => Ok(()),
    }
}

pub(super) fn is_read_only(attribute: &Attribute, name: &str) -> bool {
    attribute.sub(name).is_none_or(|sub| sub.mutability == Mutability::ReadOnly)
}

pub(super) fn list_of(held: Option<Value>) -> Vec<Value> {
    match held {
        None => Vec::new(),
        Some(Value::Array(elements)) => elements,
        Some(one) => vec![one],
    }
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

fn no_target(attribute: &Attribute) -> ScimError {
    ScimError::because(ScimType::NoTarget, format!("no element of `{}` fits the filter", attribute.name))
}
