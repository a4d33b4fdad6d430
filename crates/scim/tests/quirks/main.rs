//! What real clients send, one golden test for each quirk that concerns the protocol, named by its number.
//! Requests are as Okta, Entra ID (with and without its flag), OneLogin, JumpCloud and Google write them.
//! Quirks 22, 23, 27 and 28 are matters of what a server keeps; here stands what of them is a matter of values.

mod lists;
mod patches;
mod requests;

use serde_json::{Map, Value, json};
use tenure_scim::{Dialect, PatchOp, ResourceType, Said, ScimError, Written};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

/// A user as it is held.
fn jane() -> Map<String, Value> {
    object(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "id": "u1", "externalId": "00u1", "userName": "jane@acme.com", "active": true, "displayName": "Jane Doe",
        "name": {"givenName": "Jane", "familyName": "Doe"},
        "emails": [{"value": "jane@acme.com", "type": "work", "primary": true}, {"value": "j@home.org", "type": "home"}],
        "groups": [{"value": "g1", "display": "Support"}],
        "meta": {"resourceType": "User", "version": "W/\"1\""},
        ENTERPRISE: {"department": "Support", "manager": {"value": "u9", "displayName": "Mia"}},
    }))
}

/// A group as it is held.
fn support() -> Map<String, Value> {
    object(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": "g1", "displayName": "Support",
        "members": [
            {"value": "A", "display": "Ann", "type": "User", "$ref": "../Users/A"},
            {"value": "B", "display": "Ben", "type": "User", "$ref": "../Users/B"},
            {"value": "C", "display": "Cem", "type": "User", "$ref": "../Users/C"},
        ],
    }))
}

fn patch(of: &ResourceType, before: &Map<String, Value>, operations: Value) -> Result<Written, ScimError> {
    let message = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    let mut said = Said::default();
    let mut written = PatchOp::read(message.to_string().as_bytes(), &mut said)?.apply(of, before)?;
    written.said.extend(said);
    Ok(written)
}

fn patch_user(operations: Value) -> Result<Written, ScimError> {
    patch(&ResourceType::user(), &jane(), operations)
}

fn patch_group(operations: Value) -> Result<Written, ScimError> {
    patch(&ResourceType::group(), &support(), operations)
}

fn members(written: &Written) -> Vec<&str> {
    let members = written.resource.get("members").and_then(Value::as_array).into_iter().flatten();
    members.filter_map(|member| member["value"].as_str()).collect()
}

/// Tells whether this is among what was noted.
fn said(written: &Written, dialect: Dialect) -> bool {
    written.said.dialects.contains(&dialect)
}

fn names(written: &Written) -> Vec<&str> {
    written.changed.iter().map(String::as_str).collect()
}
