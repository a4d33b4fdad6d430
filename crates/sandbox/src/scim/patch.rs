//! Applies the operations of a PATCH to the JSON of a resource, all of them or none. Paths are an attribute, a part of
//! one, an element of a list chosen by one comparison, or an attribute of a named schema. It knows no vendor and stores
//! nothing.

use serde_json::{Map, Value, json};

use super::{Rules, bad, user::ENTERPRISE};
use crate::exchange::Reply;

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Attributes that a PATCH may name; each is an attribute of a user or of a group.
const KNOWN: [&str; 10] =
    ["active", "userName", "externalId", "name", "displayName", "title", "emails", "phoneNumbers", "roles", "members"];
const LISTS: [&str; 4] = ["emails", "phoneNumbers", "roles", "members"];

/// Returns the resource as the body of a PATCH wants it.
pub(super) fn apply(resource: Value, body: &Map<String, Value>, rules: Rules) -> Result<Map<String, Value>, Reply> {
    let declared = body.get("schemas").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == PATCH));
    let operations = body.get("Operations").and_then(Value::as_array).filter(|operations| !operations.is_empty());
    let (true, Some(operations)) = (declared, operations) else {
        return Err(bad("invalidSyntax", "A PATCH needs the PatchOp schema and Operations."));
    };
    let Value::Object(mut resource) = resource else { return Ok(Map::new()) };
    for operation in operations {
        apply_one(&mut resource, operation, rules)?;
    }
    Ok(resource)
}

fn apply_one(resource: &mut Map<String, Value>, operation: &Value, rules: Rules) -> Result<(), Reply> {
    let op = operation.get("op").and_then(Value::as_str).map(str::to_lowercase).unwrap_or_default();
    if !["add", "replace", "remove"].contains(&op.as_str()) {
        return Err(bad("invalidSyntax", "op must be add, replace or remove."));
    }
    let value = operation.get("value").cloned().unwrap_or(Value::Null);
    match (operation.get("path").and_then(Value::as_str), op.as_str()) {
        (Some(path), _) => set(resource, &Path::read(path, rules)?, &op, value),
        (None, "remove") => Err(bad("noTarget", "A remove needs a path.")),
        (None, _) => {
            let Value::Object(values) = value else { return Err(bad("invalidValue", "value must be an object.")) };
            values.into_iter().try_for_each(|(path, value)| set(resource, &Path::read(&path, rules)?, &op, value))
        }
    }
}

/// Where an operation works.
struct Path {
    /// A schema other than the core one, if the path names it.
    schema: Option<String>,
    attribute: String,
    /// The comparison that chooses an element of a list.
    choice: Option<(String, String)>,
    part: Option<String>,
}

impl Path {
    fn read(text: &str, rules: Rules) -> Result<Self, Reply> {
        let wrong = || bad("invalidPath", &format!("The path {text} is not known."));
        let own = rules.extension.map(|(urn, _)| urn);
        for urn in own.into_iter().chain([ENTERPRISE]) {
            if let Some(rest) = text.strip_prefix(urn) {
                let attribute = rest.strip_prefix(':').unwrap_or_default().to_string();
                return Ok(Path { schema: Some(urn.into()), attribute, choice: None, part: None });
            }
        }
        let (attribute, choice, part) = match text.split_once('[') {
            Some((attribute, rest)) => {
                let (choice, part) = rest.split_once(']').ok_or_else(wrong)?;
                let (key, wanted) = choice.split_once(" eq ").ok_or_else(wrong)?;
                let wanted: String = serde_json::from_str(wanted).map_err(|_| wrong())?;
                (attribute, Some((key.to_string(), wanted)), part.strip_prefix('.'))
            }
            None => text.split_once('.').map_or((text, None, None), |(attribute, part)| (attribute, None, Some(part))),
        };
        if !KNOWN.contains(&attribute) || choice.is_some() && !LISTS.contains(&attribute) {
            return Err(wrong());
        }
        Ok(Path { schema: None, attribute: attribute.into(), choice, part: part.map(String::from) })
    }
}

fn set(resource: &mut Map<String, Value>, path: &Path, op: &str, value: Value) -> Result<(), Reply> {
    if let Some(schema) = &path.schema {
        return set_in_schema(resource, schema, &path.attribute, op, value);
    }
    if LISTS.contains(&path.attribute.as_str()) {
        return set_in_list(resource, path, op, value);
    }
    match (&path.part, op) {
        (None, "remove") => drop(resource.remove(&path.attribute)),
        (None, _) if path.attribute == "name" => {
            let (Value::Object(parts), Some(Value::Object(name))) = (value, resource.get_mut("name")) else {
                return Err(bad("invalidValue", "name must be an object."));
            };
            name.extend(parts);
        }
        (None, _) => drop(resource.insert(path.attribute.clone(), value)),
        (Some(part), _) => {
            let Some(Value::Object(parts)) = resource.get_mut(&path.attribute) else {
                return Err(bad("invalidPath", "This attribute has no parts."));
            };
            parts.insert(part.clone(), if op == "remove" { Value::Null } else { value });
        }
    }
    Ok(())
}

fn set_in_schema(
    resource: &mut Map<String, Value>,
    schema: &str,
    attribute: &str,
    op: &str,
    value: Value,
) -> Result<(), Reply> {
    let entry = resource.entry(schema).or_insert_with(|| json!({}));
    let Value::Object(fields) = entry else { return Ok(()) };
    match (attribute, value) {
        ("", Value::Object(values)) => fields.extend(values),
        ("", _) => return Err(bad("invalidValue", "value must be an object.")),
        (_, value) => drop(fields.insert(attribute.into(), if op == "remove" { Value::Null } else { value })),
    }
    Ok(())
}

fn set_in_list(resource: &mut Map<String, Value>, path: &Path, op: &str, value: Value) -> Result<(), Reply> {
    let entry = resource.entry(path.attribute.clone()).or_insert_with(|| json!([]));
    let Value::Array(items) = entry else { return Ok(()) };
    let Some((key, wanted)) = &path.choice else {
        let given = match value {
            Value::Array(given) => given,
            Value::Null => Vec::new(),
            one => vec![one],
        };
        match op {
            "replace" => *items = given,
            "remove" if given.is_empty() => items.clear(),
            "remove" => items.retain(|item| !given.iter().any(|one| one.get("value") == item.get("value"))),
            _ => {
                let new = |one: &Value| !items.iter().any(|item| item.get("value") == one.get("value"));
                let new: Vec<Value> = given.into_iter().filter(new).collect();
                items.extend(new);
            }
        }
        return Ok(());
    };
    let chosen = |item: &Value| item.get(key).and_then(Value::as_str) == Some(wanted.as_str());
    match (op, &path.part) {
        ("remove", _) => items.retain(|item| !chosen(item)),
        (_, Some(part)) if items.iter().any(chosen) => {
            items.iter_mut().filter(|item| chosen(item)).for_each(|item| item[part.as_str()] = value.clone());
        }
        (_, Some(part)) if op == "add" => items.push(json!({ key.as_str(): wanted, part.as_str(): value })),
        _ => return Err(bad("noTarget", "The path matches nothing.")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules =
        Rules { filters: &[], group_filters: &[], extension: Some(("urn:x", &["y"])), config: false, own_type: false };

    fn patched(resource: Value, operations: Value) -> Result<Value, Reply> {
        let body = json!({"schemas": [PATCH], "Operations": operations});
        apply(resource, body.as_object().expect("an object"), RULES).map(Value::Object)
    }

    #[test]
    fn each_kind_of_path_reaches_its_place() {
        let user = json!({"active": true, "name": {"givenName": "A", "familyName": "B"},
            "emails": [{"value": "a@x.example", "type": "work"}], "title": "T"});
        let operations = json!([
            {"op": "replace", "path": "active", "value": false},
            {"op": "replace", "path": "name.familyName", "value": "C"},
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "c@x.example"},
            {"op": "remove", "path": "title"},
            {"op": "add", "path": "roles", "value": [{"value": "CSM"}]},
            {"op": "add", "path": "urn:x:y", "value": true},
            {"op": "replace", "value": {"externalId": "E1", "name.givenName": "D"}}
        ]);
        let expected = json!({"active": false, "name": {"givenName": "D", "familyName": "C"},
            "emails": [{"value": "c@x.example", "type": "work"}], "roles": [{"value": "CSM"}], "urn:x": {"y": true},
            "externalId": "E1"});
        assert_eq!(patched(user, operations).ok(), Some(expected));
    }

    #[test]
    fn members_come_and_go_one_by_one() {
        let group = json!({"displayName": "G", "members": [{"value": "1"}, {"value": "2"}]});
        let members = |operations: Value| patched(group.clone(), operations).ok().map(|group| group["members"].clone());
        let added = members(json!([{"op": "add", "path": "members", "value": [{"value": "2"}, {"value": "3"}]}]));
        assert_eq!(added, Some(json!([{"value": "1"}, {"value": "2"}, {"value": "3"}])));
        let removed = members(json!([{"op": "remove", "path": "members[value eq \"1\"]"}]));
        assert_eq!(removed, Some(json!([{"value": "2"}])));
        let listed = members(json!([{"op": "remove", "path": "members", "value": [{"value": "2"}]}]));
        assert_eq!(listed, Some(json!([{"value": "1"}])));
    }

    #[test]
    fn what_cannot_be_applied_is_refused_as_a_whole() {
        for operations in [
            json!([]),
            json!([{"op": "move", "path": "active", "value": true}]),
            json!([{"op": "remove"}]),
            json!([{"op": "replace", "path": "shoeSize", "value": 4}]),
            json!([{"op": "replace", "path": "emails[type eq \"home\"].value", "value": "x@x.example"}]),
            json!([{"op": "replace", "value": true}]),
        ] {
            assert!(patched(json!({"emails": []}), operations.clone()).is_err(), "{operations}");
        }
    }
}
