//! A new user: attributes under their paths, and the schemas from which they come.
//! `connect` makes people on other people's servers with it; where each value comes from, it is told.
//! It checks paths and no values: which attributes a server keeps, its own answer says.

use crate::USER;
use crate::path::{AttributePath, NotAPath};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

/// A user as a POST makes one, RFC 7644 §3.3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Newcomer {
    attributes: Map<String, Value>,
}

impl Newcomer {
    /// Sets one attribute: `userName`, `name.familyName`, `emails[type eq "work"].value`, or one of a named schema.
    ///
    /// # Errors
    /// The path is none of these.
    pub fn set(&mut self, path: &str, value: Value) -> Result<(), NotAPath> {
        let wrong = || NotAPath(path.to_owned());
        if let Some((list, rest)) = path.split_once('[') {
            let (sort, part) = rest.split_once("].").ok_or_else(wrong)?;
            let sort: String = sort.strip_prefix("type eq ").and_then(unquoted).ok_or_else(wrong)?;
            let (list, part) = (name_of(list)?, name_of(part)?);
            self.set_in_list(&list, &sort, &part, value);
            return Ok(());
        }
        let whole: AttributePath = path.parse()?;
        let (schema, inner) = whole.as_str().rsplit_once(':').map_or((None, path), |(urn, inner)| (Some(urn), inner));
        let own = schema.filter(|schema| !schema.eq_ignore_ascii_case(USER));
        let at = match own {
            None => &mut self.attributes,
            Some(urn) => object_at(&mut self.attributes, urn),
        };
        match inner.split_once('.') {
            None => at.insert(inner.to_owned(), value),
            Some((outer, inner)) => object_at(at, outer).insert(inner.to_owned(), value),
        };
        Ok(())
    }

    fn set_in_list(&mut self, list: &str, sort: &str, part: &str, value: Value) {
        let items = self.attributes.entry(list).or_insert_with(|| json!([]));
        let Value::Array(items) = items else { return };
        match items.iter_mut().find(|item| item["type"] == sort) {
            Some(item) => item[part] = value,
            None => items.push(json!({ "type": sort, part: value })),
        }
    }
}

fn unquoted(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

fn name_of(text: &str) -> Result<String, NotAPath> {
    let path: AttributePath = text.parse()?;
    if path.as_str().contains([':', '.']) { Err(NotAPath(text.to_owned())) } else { Ok(text.to_owned()) }
}

/// Returns the object under a key, made where there is none.
fn object_at<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let entry = map.entry(key).or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    match entry {
        Value::Object(inner) => inner,
        _ => unreachable!("it was made an object"),
    }
}

impl Serialize for Newcomer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = self.attributes.keys().filter(|key| key.contains(':')).map(String::as_str);
        let schemas: Vec<&str> = [USER].into_iter().chain(own).collect();
        let mut map = serializer.serialize_map(Some(self.attributes.len() + 1))?;
        map.serialize_entry("schemas", &schemas)?;
        for (key, value) in &self.attributes {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ENTERPRISE_USER;

    #[test]
    fn attributes_stand_where_their_paths_say() {
        let mut new = Newcomer::default();
        for (path, value) in [
            ("userName", "jane@acme.com"),
            ("name.givenName", "Jane"),
            ("name.familyName", "Doe"),
            ("emails[type eq \"work\"].value", "jane@acme.com"),
            ("phoneNumbers[type eq \"mobile\"].value", "1"),
            ("phoneNumbers[type eq \"work\"].value", "2"),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "Sales"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:title", "Head"),
        ] {
            new.set(path, value.into()).unwrap();
        }
        let told = serde_json::to_value(&new).unwrap();
        let wanted = json!({
            "schemas": [USER, ENTERPRISE_USER], "userName": "jane@acme.com", "title": "Head",
            "name": {"givenName": "Jane", "familyName": "Doe"},
            "emails": [{"type": "work", "value": "jane@acme.com"}],
            "phoneNumbers": [{"type": "mobile", "value": "1"}, {"type": "work", "value": "2"}],
            ENTERPRISE_USER: {"department": "Sales"},
        });
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_path_that_is_none_sets_nothing() {
        let mut new = Newcomer::default();
        for path in [
            "",
            "a b",
            "emails[type eq work].value",
            "emails[type eq \"work\"]",
            "emails[primary eq true].value",
            "x.y[type eq \"w\"].value",
        ] {
            assert!(new.set(path, "x".into()).is_err(), "{path}");
        }
        assert_eq!(new, Newcomer::default());
    }
}
