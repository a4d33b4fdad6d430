//! A SCIM group: a name and the ids of its members. A directory says what stands behind it. It knows no vendor.

use serde_json::{Map, Value, json};

use super::{bad, user::location};
use crate::exchange::{Call, Reply};

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub id: String,
    pub name: String,
    pub members: Vec<String>,
}

impl Group {
    pub fn show_bare(&self, call: &Call) -> Value {
        json!({"schemas": [GROUP], "id": self.id, "displayName": self.name,
            "meta": {"resourceType": "Group", "location": location(call, "Groups", &self.id)}})
    }

    pub fn show(&self, call: &Call) -> Value {
        let mut body = self.show_bare(call);
        body["members"] = self.members.iter().map(|id| json!({"value": id})).collect();
        body
    }

    /// Reads a body over the group.
    pub fn read(mut self, body: &Map<String, Value>) -> Result<Self, Reply> {
        match body.get("displayName").and_then(Value::as_str).map(str::trim) {
            Some(name) if !name.is_empty() => self.name = name.into(),
            _ => return Err(bad("invalidValue", "displayName is required.")),
        }
        if let Some(members) = body.get("members").filter(|members| !members.is_null()) {
            let ids = members.as_array().and_then(|items| {
                items.iter().map(|item| item.get("value").and_then(Value::as_str).map(String::from)).collect()
            });
            self.members = ids.ok_or_else(|| bad("invalidValue", "members must be a list of {value}."))?;
            self.members.sort();
            self.members.dedup();
        }
        Ok(self)
    }
}
