//! Which attributes an answer shows: `attributes`, `excludedAttributes` and what each attribute's `returned` says
//! (RFC 7644 §3.9, RFC 7643 §7). A server asks it first, so that it reads no members that nobody will see.
//! It takes a resource as it is held and gives one as it is shown; it changes neither.

use crate::error::{ScimError, ScimType};
use crate::path::AttributePath;
use crate::schema::{Attribute, Place, ResourceType, Returned};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What a client asked to see.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Projection {
    only: Option<Vec<String>>,
    without: Vec<String>,
}

impl Projection {
    /// How many names are read.
    pub const NAMES_MAX: usize = 200;

    /// Reads the two parameters, each a list with commas. Names that are none are passed over.
    ///
    /// # Errors
    /// `invalidValue`: both are given, or more names than are read.
    pub fn read(attributes: Option<&str>, excluded: Option<&str>) -> Result<Self, ScimError> {
        let split = |list: Option<&str>| list.map(|list| list.split(',').map(str::to_owned).collect());
        Self::of(split(attributes), split(excluded))
    }

    /// As [`Projection::read`], of lists.
    ///
    /// # Errors
    /// As [`Projection::read`].
    pub fn of(attributes: Option<Vec<String>>, excluded: Option<Vec<String>>) -> Result<Self, ScimError> {
        let named = |list: Option<Vec<String>>| -> Option<Vec<String>> {
            let names: Vec<String> =
                list?.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
            (!names.is_empty()).then_some(names)
        };
        let (only, without) = (named(attributes), named(excluded));
        if only.is_some() && without.is_some() {
            let because = "`attributes` and `excludedAttributes` exclude each other";
            return Err(ScimError::because(ScimType::InvalidValue, because));
        }
        let count = only.iter().chain(&without).map(Vec::len).sum::<usize>();
        if count > Self::NAMES_MAX {
            let because = format!("{count} attribute names, at most {} are read", Self::NAMES_MAX);
            return Err(ScimError::because(ScimType::InvalidValue, because));
        }
        Ok(Self { only, without: without.unwrap_or_default() })
    }

    /// Works out what it means for a type.
    pub fn bind<'a>(&self, to: &'a ResourceType) -> Shown<'a> {
        let asked = self.only.as_ref().map(|names| Named::of(names, to));
        let refused = Named::of(&self.without, to);
        let places = to.attributes().filter_map(|(extension, attribute)| {
            let place = Place::of(extension, attribute);
            let part = part(place, asked.as_ref(), &refused)?;
            Some((place, part))
        });
        Shown { places: places.collect() }
    }
}

/// Attributes that were named, by the place of their description.
struct Named<'a> {
    whole: Vec<&'a Attribute>,
    subs: Vec<(&'a Attribute, &'a Attribute)>,
}

impl<'a> Named<'a> {
    fn of(names: &[String], to: &'a ResourceType) -> Self {
        let mut named = Self { whole: Vec::new(), subs: Vec::new() };
        for name in names {
            if let Some((schema, _)) = to.extension(name) {
                named.whole.extend(&schema.attributes);
            } else if let Some(place) = name.parse().ok().and_then(|path: AttributePath| to.find(&path)) {
                match place.sub {
                    None => named.whole.push(place.attribute),
                    Some(sub) => named.subs.push((place.attribute, sub)),
                }
            }
        }
        named
    }

    fn has(&self, attribute: &Attribute) -> bool {
        self.whole.iter().any(|whole| std::ptr::eq(*whole, attribute))
    }

    fn subs_of(&self, attribute: &Attribute) -> Vec<&'a str> {
        let subs = self.subs.iter().filter(|(of, _)| std::ptr::eq(*of, attribute));
        subs.map(|(_, sub)| sub.name.as_str()).collect()
    }
}

/// How much of an attribute is shown: all sub-attributes, or only these.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part<'a> {
    Whole,
    Subs(BTreeSet<&'a str>),
}

fn part<'a>(place: Place<'a>, asked: Option<&Named<'a>>, refused: &Named<'a>) -> Option<Part<'a>> {
    let attribute = place.attribute;
    let subs = || attribute.sub_attributes.iter().filter(|sub| sub.returned != Returned::Never);
    match (attribute.returned, asked) {
        (Returned::Never, _) => None,
        (Returned::Always, _) => Some(Part::Whole),
        (_, Some(asked)) if asked.has(attribute) => {
            let is_all = attribute.sub_attributes.iter().all(|sub| sub.returned != Returned::Never);
            Some(if is_all { Part::Whole } else { Part::Subs(subs().map(|sub| &*sub.name).collect()) })
        }
        (_, Some(asked)) => {
            let named = asked.subs_of(attribute);
            let always = subs().filter(|sub| sub.returned == Returned::Always).map(|sub| &*sub.name);
            let shown = |name: &&str| subs().any(|sub| sub.name == **name);
            (!named.is_empty()).then(|| Part::Subs(named.iter().copied().filter(shown).chain(always).collect()))
        }
        (Returned::Request, None) => None,
        (Returned::Default, None) if refused.has(attribute) => None,
        (Returned::Default, None) => {
            let refused = refused.subs_of(attribute);
            let is_shown = |sub: &&Attribute| match sub.returned {
                Returned::Always => true,
                Returned::Default => !refused.contains(&&*sub.name),
                Returned::Request | Returned::Never => false,
            };
            let shown: BTreeSet<&str> =
                attribute.sub_attributes.iter().filter(is_shown).map(|sub| &*sub.name).collect();
            Some(if shown.len() == attribute.sub_attributes.len() { Part::Whole } else { Part::Subs(shown) })
        }
    }
}

/// What is shown of the resources of a type.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    places: Vec<(Place<'a>, Part<'a>)>,
}

impl Shown<'_> {
    /// Tells whether anything of an attribute is shown; if not, it need not be read.
    pub fn has(&self, name: &str) -> bool {
        self.places.iter().any(|(place, _)| place.attribute.name.eq_ignore_ascii_case(name))
    }

    /// Returns what is shown of a resource.
    pub fn show(&self, resource: &Map<String, Value>) -> Map<String, Value> {
        let mut shown = Map::new();
        for (place, part) in &self.places {
            let Some(value) = place.value(resource) else { continue };
            let value = match part {
                Part::Whole => value.clone(),
                Part::Subs(subs) => cut(value, subs),
            };
            crate::change::put(&mut shown, *place, value);
        }
        shown
    }
}

fn cut(value: &Value, subs: &BTreeSet<&str>) -> Value {
    match value {
        Value::Array(elements) => Value::Array(elements.iter().map(|element| cut(element, subs)).collect()),
        Value::Object(object) => {
            let shown = object.iter().filter(|(name, _)| subs.contains(name.as_str()));
            Value::Object(shown.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        simple => simple.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ENTERPRISE_USER, Schema};
    use serde_json::json;

    fn shown(attributes: Option<&str>, excluded: Option<&str>) -> Value {
        let secret = Attribute::text("hint", "").returned(Returned::Request);
        let of = ResourceType::user().with(Schema::new("urn:x:y", "Y", "").with(secret));
        let jane = json!({
            "id": "u1", "schemas": ["x"], "userName": "jane", "password": "secret", "urn:x:y": {"hint": "blue"},
            "name": {"givenName": "Jane", "familyName": "Doe"}, "emails": [{"value": "a", "type": "work"}],
            ENTERPRISE_USER: {"department": "Support", "manager": {"value": "u9"}},
        });
        Value::Object(Projection::read(attributes, excluded).unwrap().bind(&of).show(jane.as_object().unwrap()))
    }

    #[test]
    fn without_a_wish_everything_is_shown_but_what_is_not_for_eyes_or_was_not_asked() {
        let all = shown(None, None);
        assert!(all.get("password").is_none() && all.get("urn:x:y").is_none());
        assert_eq!(all[ENTERPRISE_USER]["manager"]["value"], "u9");
        assert_eq!(shown(Some(" ,"), Some("")), all);
    }

    #[test]
    fn what_is_asked_is_shown_with_what_always_is() {
        let expected =
            json!({"id": "u1", "schemas": ["x"], "name": {"familyName": "Doe"}, "emails": [{"type": "work"}]});
        assert_eq!(shown(Some("NAME.familyName, emails.type,colour, a b"), None), expected);
        let hint = json!({"id": "u1", "schemas": ["x"], "urn:x:y": {"hint": "blue"}});
        assert_eq!(shown(Some("urn:x:y:hint,password"), None), hint);
        let extension = json!({"id": "u1", "schemas": ["x"], ENTERPRISE_USER: {"department": "Support", "manager": {"value": "u9"}}});
        assert_eq!(shown(Some(ENTERPRISE_USER), None), extension);
    }

    #[test]
    fn what_is_excluded_is_not_shown_unless_it_always_is() {
        let left = shown(None, Some("id,emails,name.givenName,department"));
        assert_eq!(left["id"], "u1");
        assert_eq!(left["name"], json!({"familyName": "Doe"}));
        assert!(left.get("emails").is_none());
        assert_eq!(left[ENTERPRISE_USER], json!({"manager": {"value": "u9"}}));
    }

    #[test]
    fn both_wishes_at_once_are_refused_and_members_are_known_to_be_unwanted() {
        assert_eq!(Projection::read(Some("a"), Some("b")).unwrap_err().scim_type, Some(ScimType::InvalidValue));
        assert!(Projection::read(Some(&"a,".repeat(300)), None).is_err());
        let group = ResourceType::group();
        assert!(!Projection::read(None, Some("Members")).unwrap().bind(&group).has("members"));
        assert!(Projection::default().bind(&group).has("members"));
    }
}
