//! Schemas as values: what attributes there are and how each behaves (RFC 7643 §7).
//! One description is read by everything: bodies, filters, patches and projections, and the documents that advertise it.
//! It does not hold a resource, and knows no app: a server describes what its app can hold with these words.

mod core;
mod kind;
mod resource_type;

pub use kind::{Kind, Mutability, Returned, Uniqueness};
pub(crate) use resource_type::is_unassigned;
pub use resource_type::{Extension, Place, ResourceType, Spelling, is_core_urn};

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A schema: an id and its attributes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    /// The URN.
    pub id: String,
    /// A name for people.
    #[serde(default)]
    pub name: String,
    /// A sentence for people.
    #[serde(default)]
    pub description: String,
    /// The attributes, in the order in which they are shown.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// An attribute and its characteristics (RFC 7643 §2.2 and §7).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attribute {
    /// The name, spelt as it is returned.
    pub name: String,
    /// What values it takes.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Whether it holds a list.
    pub multi_valued: bool,
    /// A sentence for people.
    pub description: String,
    /// Whether a resource needs it.
    pub required: bool,
    /// Whether upper and lower case differ.
    pub case_exact: bool,
    /// Who may set it, and when.
    pub mutability: Mutability,
    /// When it is shown.
    pub returned: Returned,
    /// Within what its values are unique.
    pub uniqueness: Uniqueness,
    /// Values that are suggested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// What a reference may point to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// What a complex attribute consists of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
}

impl Default for Attribute {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: Kind::String,
            multi_valued: false,
            description: String::new(),
            required: false,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical_values: Vec::new(),
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
        }
    }
}

impl Schema {
    /// Returns a schema without attributes.
    pub fn new(id: &str, name: &str, description: &str) -> Self {
        Self { id: id.into(), name: name.into(), description: description.into(), attributes: Vec::new() }
    }

    /// Returns the schema with one more attribute.
    #[must_use]
    pub fn with(mut self, attribute: Attribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Returns the schema with only these attributes, for an app that holds no others.
    #[must_use]
    pub fn only(mut self, names: &[&str]) -> Self {
        self.attributes.retain(|attribute| names.iter().any(|name| name.eq_ignore_ascii_case(&attribute.name)));
        self
    }

    /// Returns the attribute of a name in any case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }
}

impl Attribute {
    /// Returns a text that anybody with the right may change, in which case does not matter.
    pub fn new(name: &str, kind: Kind, description: &str) -> Self {
        let case_exact = matches!(kind, Kind::Reference | Kind::Binary);
        Self { name: name.into(), kind, description: description.into(), case_exact, ..Self::default() }
    }

    /// Returns a text.
    pub fn text(name: &str, description: &str) -> Self {
        Self::new(name, Kind::String, description)
    }

    /// Returns a boolean.
    pub fn boolean(name: &str, description: &str) -> Self {
        Self::new(name, Kind::Boolean, description)
    }

    /// Returns a reference to something of these types.
    pub fn reference(name: &str, types: &[&str], description: &str) -> Self {
        let reference_types = types.iter().map(|&kind| kind.into()).collect();
        Self { reference_types, ..Self::new(name, Kind::Reference, description) }
    }

    /// Returns an attribute that consists of others.
    pub fn complex(name: &str, description: &str, sub_attributes: Vec<Self>) -> Self {
        Self { sub_attributes, ..Self::new(name, Kind::Complex, description) }
    }

    /// Returns the attribute as a list.
    #[must_use]
    pub fn many(self) -> Self {
        Self { multi_valued: true, ..self }
    }

    /// Returns the attribute as one that must be there.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// Returns the attribute with upper and lower case told apart.
    #[must_use]
    pub fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    /// Returns the attribute with another mutability.
    #[must_use]
    pub fn mutability(self, mutability: Mutability) -> Self {
        Self { mutability, ..self }
    }

    /// Returns the attribute as one that only the server sets.
    #[must_use]
    pub fn read_only(self) -> Self {
        self.mutability(Mutability::ReadOnly)
    }

    /// Returns the attribute shown at other times.
    #[must_use]
    pub fn returned(self, returned: Returned) -> Self {
        Self { returned, ..self }
    }

    /// Returns the attribute with another uniqueness.
    #[must_use]
    pub fn unique(self, uniqueness: Uniqueness) -> Self {
        Self { uniqueness, ..self }
    }

    /// Returns the attribute with suggested values.
    #[must_use]
    pub fn suggest(self, values: &[&str]) -> Self {
        Self { canonical_values: values.iter().map(|&value| value.into()).collect(), ..self }
    }

    /// Returns the sub-attribute of a name in any case.
    pub fn sub(&self, name: &str) -> Option<&Self> {
        find(&self.sub_attributes, name)
    }

    /// Returns the spelling that decides whether two texts are the same: folded where case does not matter.
    pub fn fold<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.case_exact { text.into() } else { fold(text).into() }
    }
}

/// Returns a text with the differences of case taken out, as `userName` is compared. An index over it must fold alike.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_attribute_is_written_as_rfc_7643_section_7_has_it() {
        let attribute =
            Attribute::text("plan", "The seat.").exact().read_only().suggest(&["full"]).returned(Returned::Request);
        let written = json!({
            "name": "plan", "type": "string", "multiValued": false, "description": "The seat.", "required": false,
            "caseExact": true, "mutability": "readOnly", "returned": "request", "uniqueness": "none",
            "canonicalValues": ["full"],
        });
        assert_eq!(serde_json::to_value(&attribute).unwrap(), written);
        assert_eq!(serde_json::from_value::<Attribute>(written).unwrap(), attribute);
    }

    #[test]
    fn a_schema_of_others_may_leave_out_what_has_a_default() {
        let read: Schema =
            serde_json::from_value(json!({"id": "urn:x:y", "attributes": [{"name": "a", "type": "dateTime"}]}))
                .unwrap();
        assert_eq!(read.attribute("A").unwrap().kind, Kind::DateTime);
        assert_eq!(read.attributes[0].mutability, Mutability::ReadWrite);
    }

    #[test]
    fn a_schema_can_be_cut_down_to_what_an_app_holds() {
        let user = ResourceType::user().schema.only(&["username", "active"]);
        assert_eq!(user.attributes.len(), 2);
        assert!(user.attribute("USERNAME").is_some() && user.attribute("title").is_none());
    }
}
