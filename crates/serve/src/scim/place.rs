//! Where a canonical field of an account stands in a SCIM User, and how a value goes there and back.
//! The names of the standard come first; what it has no name for stands in an extension of the app.
//! It moves values between the two forms and knows no account.

use serde_json::{Map, Value, json};
use tenure_core::name::FieldName;
use tenure_scim::ENTERPRISE_USER;

/// Where a field stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// An attribute of the core schema: `title`.
    Core(&'static str),
    /// A part of `name`.
    Name(&'static str),
    /// An element of a list of values, by its type.
    Listed(&'static str, &'static str),
    /// An attribute of the enterprise extension.
    Enterprise(&'static str),
    /// The id of the manager, in the enterprise extension.
    Manager,
    /// An attribute of the app's own extension, by this name.
    Own(String),
}

/// The standard's names for our fields. `email` is `userName`, which has a place of its own.
const PLACES: [(&str, Place); 17] = [
    ("name", Place::Core("displayName")),
    ("given_name", Place::Name("givenName")),
    ("family_name", Place::Name("familyName")),
    ("title", Place::Core("title")),
    ("phone", Place::Listed("phoneNumbers", "work")),
    ("mobile", Place::Listed("phoneNumbers", "mobile")),
    ("time_zone", Place::Core("timezone")),
    ("locale", Place::Core("locale")),
    ("department", Place::Enterprise("department")),
    ("employee_id", Place::Enterprise("employeeNumber")),
    ("user_type", Place::Core("userType")),
    ("type", Place::Core("userType")),
    ("division", Place::Enterprise("division")),
    ("organization", Place::Enterprise("organization")),
    ("cost_center", Place::Enterprise("costCenter")),
    ("manager", Place::Manager),
    ("manager_id", Place::Manager),
];

/// Fields that are no attribute: the address is the sign-in name, the rest is not a client's to see or set.
const ELSEWHERE: [&str; 4] = ["email", "login", "work_email", "external_id"];

impl Place {
    /// Returns where a field stands; nothing for those that are told elsewhere or not at all.
    pub fn of(field: &FieldName) -> Option<Self> {
        if ELSEWHERE.contains(&field.as_str()) {
            return None;
        }
        let known = PLACES.iter().find(|(name, _)| *name == field.as_str());
        Some(known.map_or_else(|| Self::Own(camel(field.as_str())), |(_, place)| place.clone()))
    }

    /// Puts a value there; `own` is the URN of the app's extension.
    pub fn put(&self, resource: &mut Map<String, Value>, own: &str, value: &Value) {
        let Some(text) = text(value) else { return };
        match self {
            Self::Core(name) => {
                resource.insert((*name).to_owned(), text.into());
            }
            Self::Name(part) => within(resource, "name", part, text.into()),
            Self::Enterprise(name) => within(resource, ENTERPRISE_USER, name, text.into()),
            // Who it is, and where, is told by whoever knows the ids of clients.
            Self::Manager => {}
            Self::Own(name) if value.is_boolean() => within(resource, own, name, value.clone()),
            Self::Own(name) => within(resource, own, name, text.into()),
            Self::Listed(list, of_type) => {
                let element = json!({"value": text, "type": of_type});
                if let Value::Array(all) = resource.entry(*list).or_insert_with(|| json!([])) {
                    all.push(element);
                }
            }
        }
    }

    /// Reads the value that stands there.
    pub fn get(&self, resource: &Map<String, Value>, own: &str) -> Option<Value> {
        let inside = |object: &str, name: &str| resource.get(object)?.get(name).cloned();
        match self {
            Self::Core(name) => resource.get(*name).cloned(),
            Self::Name(part) => inside("name", part),
            Self::Enterprise(name) => inside(ENTERPRISE_USER, name),
            Self::Manager => inside(ENTERPRISE_USER, "manager")?.get("value").cloned(),
            Self::Own(name) => inside(own, name).map(plain),
            Self::Listed(list, of_type) => {
                let all = resource.get(*list)?.as_array()?;
                let fits = |element: &&Value| {
                    let given = element.get("type").and_then(Value::as_str);
                    given.is_some_and(|given| given.eq_ignore_ascii_case(of_type))
                };
                let untyped = |element: &&Value| *of_type == "work" && element.get("type").is_none();
                let found = all.iter().find(fits).or_else(|| all.iter().find(untyped));
                found?.get("value").cloned()
            }
        }
    }
}

fn within(resource: &mut Map<String, Value>, object: &str, name: &str, value: Value) {
    if let Value::Object(inside) = resource.entry(object).or_insert_with(|| json!({})) {
        inside.insert(name.to_owned(), value);
    }
}

/// Returns a scalar as the text that SCIM shows.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns a text of the app's extension as the field's value: flags are flags again.
fn plain(value: Value) -> Value {
    match value.as_str() {
        Some("true" | "True") => Value::Bool(true),
        Some("false" | "False") => Value::Bool(false),
        _ => value,
    }
}

/// Writes `ticket_scope` as `ticketScope`.
fn camel(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        match letter {
            '_' | '-' | '.' => upper = true,
            letter if upper => {
                written.extend(letter.to_uppercase());
                upper = false;
            }
            letter => written.push(letter),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_from_where_it_was_put() {
        for field in ["name", "given_name", "phone", "mobile", "department", "ticket_scope", "time_zone"] {
            let place = Place::of(&field.into()).unwrap();
            let mut resource = Map::new();
            place.put(&mut resource, "urn:x:own", &json!("a value"));
            assert_eq!(place.get(&resource, "urn:x:own"), Some(json!("a value")), "{field}");
        }
    }

    #[test]
    fn flags_are_flags_again_and_the_address_has_no_place() {
        let place = Place::of(&"is_vip".into()).unwrap();
        let mut resource = Map::new();
        place.put(&mut resource, "urn:x:own", &json!(true));
        assert_eq!(place.get(&resource, "urn:x:own"), Some(json!(true)));
        assert_eq!(Place::of(&"email".into()), None);
    }
}
