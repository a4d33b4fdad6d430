//! A filter bound to a type of resource: every path is found, every value has the kind of its attribute.
//! What the type does not have, or what cannot be compared so, is refused here and not answered with an empty list.
//! Whether a resource fits is told by the neighbour that evaluates.

use super::{Comparison, Filter, Literal};
use crate::dialect::{Dialect, Said};
use crate::error::{ScimError, ScimType};
use crate::path::AttributePath;
use crate::schema::{Attribute, Kind, Place, ResourceType, Returned, Spelling};
use jiff::Timestamp;

/// A filter that can be evaluated.
#[derive(Clone, Debug)]
pub struct Bound<'a>(pub(super) Node<'a>);

#[derive(Clone, Debug)]
pub(super) enum Node<'a> {
    All(Vec<Node<'a>>),
    Any(Vec<Node<'a>>),
    Not(Box<Node<'a>>),
    Present(Place<'a>),
    Compare(Place<'a>, Comparison, Operand),
    Within(Place<'a>, Box<Node<'a>>),
}

/// A value with the kind of the attribute that it is compared with.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Operand {
    /// A text, folded as the attribute wants.
    Text(String),
    Boolean(bool),
    Number(f64),
    Moment(Timestamp),
}

impl Filter {
    /// Binds the filter to a type, and notes how its names were spelt.
    ///
    /// # Errors
    /// `invalidFilter`: the type has no such attribute, or it cannot be compared so.
    pub fn bind<'a>(&self, to: &'a ResourceType, said: &mut Said) -> Result<Bound<'a>, ScimError> {
        let mut find = |path: &AttributePath, said: &mut Said| {
            let place = to.find(path).ok_or_else(|| refuse(path, format!("{} has no such attribute", to.name)))?;
            note(place.spelling, said);
            Ok(place)
        };
        self.node(&mut find, said).map(Bound)
    }

    /// Binds the filter to the elements of an attribute, as in brackets.
    pub(crate) fn bind_within<'a>(&self, to: &'a Attribute, said: &mut Said) -> Result<Bound<'a>, ScimError> {
        self.node(&mut |path, said| find_sub(to, path, said), said).map(Bound)
    }

    fn node<'a>(&self, find: &mut Find<'_, 'a>, said: &mut Said) -> Result<Node<'a>, ScimError> {
        let mut parts = |parts: &[Self], said: &mut Said| -> Result<Vec<Node<'a>>, ScimError> {
            parts.iter().map(|part| part.node(find, said)).collect()
        };
        match self {
            Self::And(all) => Ok(Node::All(parts(all, said)?)),
            Self::Or(any) => Ok(Node::Any(parts(any, said)?)),
            Self::Not(inner) => Ok(Node::Not(Box::new(inner.node(find, said)?))),
            Self::Present(path) => Ok(Node::Present(shown(find(path, said)?, path)?)),
            Self::Compare(path, comparison, literal) => compare(find(path, said)?, path, *comparison, literal, said),
            Self::Within(path, inner) => {
                let place = shown(find(path, said)?, path)?;
                if place.attribute.kind != Kind::Complex || place.sub.is_some() {
                    return Err(refuse(path, "has no sub-attributes that could stand in brackets"));
                }
                let inner = inner.node(&mut |path, said| find_sub(place.attribute, path, said), said)?;
                Ok(Node::Within(place, Box::new(inner)))
            }
        }
    }
}

type Find<'f, 'a> = dyn FnMut(&AttributePath, &mut Said) -> Result<Place<'a>, ScimError> + 'f;

fn find_sub<'a>(of: &'a Attribute, path: &AttributePath, said: &mut Said) -> Result<Place<'a>, ScimError> {
    let is_plain = path.schema().is_none() && path.sub_attribute().is_none();
    let sub = of.sub(path.attribute()).filter(|_| is_plain);
    let sub = sub.ok_or_else(|| refuse(path, format!("`{}` has no such sub-attribute", of.name)))?;
    if sub.name != path.attribute() {
        said.note(Dialect::NameCase);
    }
    Ok(Place::of(None, sub))
}

/// Notes how a name was spelt.
pub(crate) fn note(spelling: Spelling, said: &mut Said) {
    match spelling {
        Spelling::Exact => {}
        Spelling::OtherCase => said.note(Dialect::NameCase),
        Spelling::NoUrn => said.note(Dialect::NoUrn),
        Spelling::Old => said.note(Dialect::OldName),
    }
}

fn refuse(path: &AttributePath, because: impl std::fmt::Display) -> ScimError {
    ScimError::because(ScimType::InvalidFilter, format!("filter on `{path}`: {because}"))
}

/// Lets no filter look at what is never shown: a password could be guessed letter by letter.
fn shown<'a>(place: Place<'a>, path: &AttributePath) -> Result<Place<'a>, ScimError> {
    let is_hidden = [Some(place.attribute), place.sub].into_iter().flatten().any(|one| one.returned == Returned::Never);
    if is_hidden { Err(refuse(path, "cannot be filtered by")) } else { Ok(place) }
}

fn compare<'a>(
    place: Place<'a>,
    path: &AttributePath,
    comparison: Comparison,
    literal: &Literal,
    said: &mut Said,
) -> Result<Node<'a>, ScimError> {
    let place = shown(place, path)?;
    if *literal == Literal::Null {
        let present = Node::Present(place);
        return Ok(if comparison == Comparison::Equal { Node::Not(Box::new(present)) } else { present });
    }
    let place = comparable(place, path)?;
    let leaf = place.sub.unwrap_or(place.attribute);
    let operand = operand(leaf, comparison, literal, said).map_err(|because| refuse(path, because))?;
    Ok(Node::Compare(place, comparison, operand))
}

/// Returns the place of the value that is compared: that of a complex attribute is its `value` (RFC 7644 §3.4.2.2).
fn comparable<'a>(place: Place<'a>, path: &AttributePath) -> Result<Place<'a>, ScimError> {
    if place.sub.is_some() || place.attribute.kind != Kind::Complex {
        return Ok(place);
    }
    let sub = place.attribute.sub("value").ok_or_else(|| refuse(path, "name one of its sub-attributes"))?;
    Ok(Place { sub: Some(sub), ..place })
}

fn operand(
    leaf: &Attribute,
    comparison: Comparison,
    literal: &Literal,
    said: &mut Said,
) -> Result<Operand, &'static str> {
    use Comparison::{Contains, EndsWith, Equal, NotEqual, StartsWith};
    let is_equality = matches!(comparison, Equal | NotEqual);
    let is_textual = matches!(comparison, Contains | StartsWith | EndsWith);
    match leaf.kind {
        Kind::Boolean if !is_equality => Err("a boolean can only be compared with `eq` and `ne`"),
        Kind::Boolean => boolean(literal, said).map(Operand::Boolean).ok_or("expected `true` or `false`"),
        Kind::Binary if !is_equality && !is_textual => Err("bytes have no order"),
        Kind::Integer | Kind::Decimal if is_textual => Err("a number has no parts"),
        Kind::Integer | Kind::Decimal => number(literal, said).map(Operand::Number).ok_or("expected a number"),
        Kind::DateTime if !is_textual => {
            text(literal).and_then(|text| moment(&text)).map(Operand::Moment).ok_or("expected a date and time")
        }
        _ => text(literal).map(|text| Operand::Text(leaf.fold(&text).into_owned())).ok_or("expected a text"),
    }
}

fn boolean(literal: &Literal, said: &mut Said) -> Option<bool> {
    match literal {
        Literal::Boolean(value) => Some(*value),
        Literal::Text(text) => {
            let value = [true, false].into_iter().find(|value| value.to_string().eq_ignore_ascii_case(text.trim()));
            value.inspect(|_| said.note(Dialect::BooleanText))
        }
        _ => None,
    }
}

fn number(literal: &Literal, said: &mut Said) -> Option<f64> {
    match literal {
        Literal::Number(number) => number.as_f64(),
        Literal::Text(text) => {
            let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
            number.inspect(|_| said.note(Dialect::NumberText))
        }
        _ => None,
    }
}

fn text(literal: &Literal) -> Option<String> {
    match literal {
        Literal::Null => None,
        Literal::Text(text) => Some(text.clone()),
        bare => Some(bare.to_string()),
    }
}

/// Reads a date and time; one without a zone is in UTC.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let is_timed = text.len() > 10 && text.as_bytes().get(10).is_some_and(|byte| b"Tt ".contains(byte));
    let read = || text.parse().ok().or_else(|| format!("{text}Z").parse().ok());
    is_timed.then(read).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let mut said = Said::default();
        let (user, filter) = (ResourceType::user(), Filter::parse(text, &mut said).unwrap());
        let error = filter.bind(&user, &mut said).expect_err(text);
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidFilter)));
        error.detail.unwrap()
    }

    #[test]
    fn what_cannot_be_compared_is_refused_by_name() {
        for (text, because) in [
            ("colour pr", "filter on `colour`: User has no such attribute"),
            ("active gt true", "filter on `active`: a boolean can only be compared with `eq` and `ne`"),
            ("active eq \"yes\"", "filter on `active`: expected `true` or `false`"),
            ("name eq \"x\"", "filter on `name`: name one of its sub-attributes"),
            ("meta.created gt \"yesterday\"", "filter on `meta.created`: expected a date and time"),
            ("password sw \"a\"", "filter on `password`: cannot be filtered by"),
            ("userName[a pr]", "filter on `userName`: has no sub-attributes that could stand in brackets"),
            ("emails[colour pr]", "filter on `colour`: `emails` has no such sub-attribute"),
            ("x509Certificates.value gt \"a\"", "filter on `x509Certificates.value`: bytes have no order"),
        ] {
            assert_eq!(refused(text), because);
        }
    }

    #[test]
    fn a_moment_may_lack_its_zone() {
        assert_eq!(moment("2011-05-13T04:42:34"), moment("2011-05-13T06:42:34+02:00"));
        assert_eq!(moment("2011-05-13"), None);
    }
}
