//! Types of resources: a schema with its extensions, and how a name finds its attribute in them (RFC 7643 §6).
//! Names match in any case, with or without URN; an extension's attribute is found without its URN too, as clients send.
//! Where the attribute's value is kept is told by its place; the value itself is the caller's.

use super::{Attribute, Schema, core::COMMON};
use crate::path::AttributePath;
use crate::words::get;
use crate::{ENTERPRISE_USER, GROUP, USER};
use serde_json::{Map, Value};

/// A type of resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResourceType {
    /// Its name, such as `User`.
    pub name: String,
    /// Where its resources are, such as `/Users`.
    pub endpoint: String,
    /// A sentence for people.
    pub description: String,
    /// The schema that each of its resources has.
    pub schema: Schema,
    /// What they may have besides.
    pub extensions: Vec<Extension>,
}

/// A schema that resources may have besides their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extension {
    /// The schema.
    pub schema: Schema,
    /// Whether each resource must have it.
    pub required: bool,
}

/// Where an attribute is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place<'a> {
    /// The extension that has it; `None` for the type's own schema and the common attributes.
    pub extension: Option<&'a Schema>,
    /// The attribute.
    pub attribute: &'a Attribute,
    /// The sub-attribute, where the name went on.
    pub sub: Option<&'a Attribute>,
    /// How the name differed from the one that the RFC wants.
    pub spelling: Spelling,
}

/// How a name was spelt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Spelling {
    /// As the schema has it.
    Exact,
    /// In another case.
    OtherCase,
    /// An extension's attribute without its URN.
    NoUrn,
    /// With a URN of SCIM 1.x.
    Old,
}

/// URNs of SCIM 1.x, and those that stand for them.
const OLD: [(&str, &str); 4] = [
    ("urn:scim:schemas:core:1.0", USER),
    ("urn:scim:schemas:core:1.0", GROUP),
    ("urn:scim:schemas:extension:enterprise:1.0", ENTERPRISE_USER),
    ("urn:scim:schemas:extension:enterprise:1.0:User", ENTERPRISE_USER),
];

/// Tells how `urn` names `schema`, if it does.
fn names(urn: &str, schema: &Schema) -> Option<Spelling> {
    if urn == schema.id {
        Some(Spelling::Exact)
    } else if urn.eq_ignore_ascii_case(&schema.id) {
        Some(Spelling::OtherCase)
    } else {
        let old = OLD.iter().any(|(old, new)| old.eq_ignore_ascii_case(urn) && *new == schema.id);
        old.then_some(Spelling::Old)
    }
}

/// Tells whether a URN is one of a core schema, of whichever type.
pub fn is_core_urn(urn: &str) -> bool {
    [USER, GROUP, OLD[0].0].iter().any(|core| core.eq_ignore_ascii_case(urn))
}

impl ResourceType {
    /// Returns the type with one more extension.
    #[must_use]
    pub fn with(mut self, schema: Schema) -> Self {
        self.extensions.push(Extension { schema, required: false });
        self
    }

    /// Returns the type without extensions.
    #[must_use]
    pub fn without_extensions(mut self) -> Self {
        self.extensions.clear();
        self
    }

    /// Returns all attributes, each with the extension that has it.
    pub fn attributes(&self) -> impl Iterator<Item = (Option<&Schema>, &Attribute)> {
        let own = COMMON.iter().chain(&self.schema.attributes).map(|attribute| (None, attribute));
        let theirs = self.extensions.iter().flat_map(|Extension { schema, .. }| {
            schema.attributes.iter().map(move |attribute| (Some(schema), attribute))
        });
        own.chain(theirs)
    }

    /// Finds the extension that a URN names.
    pub fn extension(&self, urn: &str) -> Option<(&Schema, Spelling)> {
        self.extensions.iter().find_map(|Extension { schema, .. }| Some((schema, names(urn, schema)?)))
    }

    /// Tells whether a URN names the type's own schema.
    pub fn is_own(&self, urn: &str) -> Option<Spelling> {
        names(urn, &self.schema)
    }

    /// Finds an attribute by its path. A path that names a sub-attribute of a known attribute finds nothing if there
    /// is no such sub-attribute.
    pub fn find(&self, path: &AttributePath) -> Option<Place<'_>> {
        let (extension, attribute, mut spelling) = match path.schema() {
            None => self.find_unqualified(path.attribute())?,
            Some(urn) => match self.is_own(urn) {
                Some(spelling) => (None, self.own(path.attribute())?, spelling),
                None => {
                    let (schema, spelling) = self.extension(urn)?;
                    (Some(schema), schema.attribute(path.attribute())?, spelling)
                }
            },
        };
        let sub = match path.sub_attribute() {
            None => None,
            Some(name) => Some(attribute.sub(name)?),
        };
        let exact = attribute.name == path.attribute() && sub.is_none_or(|sub| path.sub_attribute() == Some(&sub.name));
        if !exact {
            spelling = spelling.max(Spelling::OtherCase);
        }
        Some(Place { extension, attribute, sub, spelling })
    }

    fn find_unqualified(&self, name: &str) -> Option<(Option<&Schema>, &Attribute, Spelling)> {
        if let Some(attribute) = self.own(name) {
            return Some((None, attribute, Spelling::Exact));
        }
        self.extensions
            .iter()
            .find_map(|Extension { schema, .. }| Some((Some(schema), schema.attribute(name)?, Spelling::NoUrn)))
    }

    fn own(&self, name: &str) -> Option<&Attribute> {
        super::find(&COMMON, name).or_else(|| self.schema.attribute(name))
    }

    /// Returns the URNs that a resource uses: its type's own, and those of the extensions of which it holds something.
    pub fn schemas_of(&self, resource: &Map<String, Value>) -> Vec<String> {
        let held = self.extensions.iter().filter(|extension| {
            extension.required || resource.get(&extension.schema.id).is_some_and(|value| !is_unassigned(value))
        });
        std::iter::once(self.schema.id.clone()).chain(held.map(|extension| extension.schema.id.clone())).collect()
    }
}

impl<'a> Place<'a> {
    /// Returns the place of an attribute that has no sub-attribute named.
    pub fn of(extension: Option<&'a Schema>, attribute: &'a Attribute) -> Self {
        Self { extension, attribute, sub: None, spelling: Spelling::Exact }
    }

    /// Returns the value of the attribute in a resource, whether or not a sub-attribute was named.
    pub fn value<'v>(&self, resource: &'v Map<String, Value>) -> Option<&'v Value> {
        let container = match self.extension {
            None => resource,
            Some(schema) => get(resource, &schema.id)?.as_object()?,
        };
        get(container, &self.attribute.name).filter(|value| !is_unassigned(value))
    }

    /// Returns the elements of the attribute: of a list each, else its one value.
    pub fn elements<'v>(&self, resource: &'v Map<String, Value>) -> &'v [Value] {
        match self.value(resource) {
            None => &[],
            Some(Value::Array(elements)) => elements,
            Some(one) => std::slice::from_ref(one),
        }
    }
}

/// Tells whether a value stands for none (RFC 7643 §2.5): null, an empty list or an empty object.
pub(crate) fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(of: &'a ResourceType, path: &str) -> Option<(&'a str, Spelling)> {
        of.find(&path.parse().unwrap()).map(|place| (&*place.attribute.name, place.spelling))
    }

    #[test]
    fn names_and_urns_match_in_any_case() {
        let user = ResourceType::user();
        assert_eq!(find(&user, "userName"), Some(("userName", Spelling::Exact)));
        assert_eq!(find(&user, "USERNAME"), Some(("userName", Spelling::OtherCase)));
        let urn = "URN:ietf:params:scim:schemas:core:2.0:user:userName";
        assert_eq!(find(&user, urn), Some(("userName", Spelling::OtherCase)));
        assert_eq!(find(&user, "Name.FamilyName"), Some(("name", Spelling::OtherCase)));
        assert_eq!(find(&user, "name.colour"), None);
        assert_eq!(find(&user, "id"), Some(("id", Spelling::Exact)));
    }

    #[test]
    fn an_extension_is_found_with_its_urn_without_it_and_by_its_old_one() {
        let user = ResourceType::user();
        let urn = format!("{ENTERPRISE_USER}:department");
        assert_eq!(find(&user, &urn), Some(("department", Spelling::Exact)));
        assert_eq!(find(&user, "department"), Some(("department", Spelling::NoUrn)));
        let old = "urn:scim:schemas:extension:enterprise:1.0:department";
        assert_eq!(find(&user, old), Some(("department", Spelling::Old)));
        assert_eq!(find(&user, &format!("{USER}:department")), None);
        assert_eq!(find(&user.without_extensions(), "department"), None);
    }

    #[test]
    fn the_schemas_of_a_resource_are_those_of_which_it_holds_something() {
        let user = ResourceType::user();
        let mut resource = Map::new();
        assert_eq!(user.schemas_of(&resource), [USER]);
        resource.insert(ENTERPRISE_USER.into(), serde_json::json!({"department": "Support"}));
        assert_eq!(user.schemas_of(&resource), [USER, ENTERPRISE_USER]);
    }
}
