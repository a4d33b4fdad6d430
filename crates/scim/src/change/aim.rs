//! What a path or a key of a body aims at, in a type of resources.
//! An unknown name is no error: it is passed over and told, as RFC 7644 §3.3 allows.
//! A name that is known and written wrongly is an error: nothing is reported done that was not.

use super::Writer;
use crate::dialect::Said;
use crate::error::{ScimError, ScimType};
use crate::filter::{Bound, Comparison, Filter, Literal, note};
use crate::patch::PatchPath;
use crate::schema::{Kind, Place, ResourceType, Schema};
use serde_json::{Map, Value};

/// What a path aims at.
pub(crate) enum Aim<'t> {
    /// The resource itself, by its own URN.
    Own,
    /// All of an extension.
    Extension(&'t Schema),
    /// An attribute, or a part of it.
    Attribute(Target<'t>),
    /// Something that is not held.
    Unheld,
}

/// An attribute, or a part of it.
pub(crate) struct Target<'t> {
    /// Which, with the sub-attribute.
    pub(crate) place: Place<'t>,
    /// Which of its elements.
    pub(crate) among: Option<Among<'t>>,
    /// Whether it was written `members[]`.
    pub(crate) is_emptily_bracketed: bool,
}

/// Elements of a list, by filter.
pub(crate) struct Among<'t> {
    pub(crate) filter: Bound<'t>,
    /// The element that would fit, where the filter only says what is equal.
    pub(crate) seed: Option<Map<String, Value>>,
}

impl<'t> Writer<'t> {
    /// Finds what a text aims at.
    pub(crate) fn aim(&self, text: &str, said: &mut Said) -> Result<Aim<'t>, ScimError> {
        let of: &'t ResourceType = self.of;
        let text = text.trim();
        if let Some(spelling) = of.is_own(text) {
            note(spelling, said);
            return Ok(Aim::Own);
        }
        if let Some((schema, spelling)) = of.extension(text) {
            note(spelling, said);
            return Ok(Aim::Extension(schema));
        }
        self.aim_path(&PatchPath::parse(text, said)?, said)
    }

    fn aim_path(&self, path: &PatchPath, said: &mut Said) -> Result<Aim<'t>, ScimError> {
        let of: &'t ResourceType = self.of;
        let Some(mut place) = of.find(&path.attribute) else { return Ok(Aim::Unheld) };
        note(place.spelling, said);
        let Some(filter) = &path.filter else {
            if path.sub.is_some() && !path.is_emptily_bracketed {
                return Err(ScimError::because(ScimType::InvalidPath, "a sub-attribute twice"));
            }
            return match self.with_sub(&mut place, path) {
                true => {
                    Ok(Aim::Attribute(Target { place, among: None, is_emptily_bracketed: path.is_emptily_bracketed }))
                }
                false => Ok(Aim::Unheld),
            };
        };
        if place.attribute.kind != Kind::Complex || place.sub.is_some() {
            let because = format!("`{}` has no elements that brackets could choose among", path.attribute);
            return Err(ScimError::because(ScimType::InvalidPath, because));
        }
        let among = Among { filter: filter.bind_within(place.attribute, said)?, seed: seed(&place, filter) };
        if !self.with_sub(&mut place, path) {
            return Ok(Aim::Unheld);
        }
        Ok(Aim::Attribute(Target { place, among: Some(among), is_emptily_bracketed: false }))
    }

    /// Adds the sub-attribute behind the brackets; tells whether there is one of that name, or none was asked for.
    fn with_sub(&self, place: &mut Place<'t>, path: &PatchPath) -> bool {
        let Some(name) = &path.sub else { return true };
        place.sub = place.attribute.sub(name);
        place.sub.is_some()
    }
}

/// Returns the element that a filter of equalities describes.
fn seed(place: &Place<'_>, filter: &Filter) -> Option<Map<String, Value>> {
    let parts = match filter {
        Filter::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let equality = |part: &Filter| match part {
        Filter::Compare(path, Comparison::Equal, literal) => {
            let sub = place.attribute.sub(path.attribute())?;
            let value = match literal {
                Literal::Null => return None,
                Literal::Boolean(value) => Value::from(*value),
                Literal::Number(number) => Value::Number(number.clone()),
                Literal::Text(text) => Value::from(text.as_str()),
            };
            Some((sub.name.clone(), value))
        }
        _ => None,
    };
    parts.iter().map(equality).collect()
}
