//! A SCIM user as plain values, and its two readings: into JSON, and from a body over what is there. Attributes that no
//! vendor here keeps are ignored, as the protocol allows. It knows no vendor.

use serde_json::{Map, Value, json};

use super::{Rules, bad};
use crate::exchange::{Call, Reply};
use crate::fields::is_email;

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct User {
    pub id: String,
    pub external_id: Option<String>,
    pub user_name: String,
    pub email: Option<String>,
    pub given: Option<String>,
    pub family: Option<String>,
    pub title: Option<String>,
    pub phone: Option<String>,
    pub department: Option<String>,
    pub roles: Vec<String>,
    /// What the vendor's own schema says.
    pub own: Map<String, Value>,
    pub active: bool,
}

impl Default for User {
    fn default() -> Self {
        User {
            id: String::new(),
            external_id: None,
            user_name: String::new(),
            email: None,
            given: None,
            family: None,
            title: None,
            phone: None,
            department: None,
            roles: Vec::new(),
            own: Map::new(),
            active: true,
        }
    }
}

impl User {
    pub fn show(&self, rules: Rules, call: &Call) -> Value {
        let mut schemas = vec![CORE];
        let name = [self.given.as_deref(), self.family.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let mut body = json!({"id": self.id, "userName": self.user_name, "active": self.active, "displayName": name,
            "name": {"givenName": self.given, "familyName": self.family, "formatted": name},
            "emails": [{"value": self.email.as_ref().unwrap_or(&self.user_name), "type": "work", "primary": true}],
            "meta": {"resourceType": "User", "location": location(call, "Users", &self.id)}});
        let typed = |value: &String| json!([{"value": value, "type": "work"}]);
        let optional = [
            ("externalId", self.external_id.as_ref().map(|id| json!(id))),
            ("title", self.title.as_ref().map(|title| json!(title))),
            ("phoneNumbers", self.phone.as_ref().map(typed)),
            (ENTERPRISE, self.department.as_ref().map(|department| json!({"department": department}))),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                body[key] = value;
            }
        }
        if !self.roles.is_empty() {
            body["roles"] = self.roles.iter().map(|role| json!({"value": role})).collect();
        }
        if self.department.is_some() {
            schemas.push(ENTERPRISE);
        }
        if let Some((urn, _)) = rules.extension {
            schemas.push(urn);
            body[urn] = Value::Object(self.own.clone());
        }
        body["schemas"] = json!(schemas);
        body
    }

    /// Returns what is left of a user that is replaced: what nobody can write, and whether it is active.
    pub fn cleared(&self) -> Self {
        User { id: self.id.clone(), own: self.own.clone(), active: self.active, ..User::default() }
    }

    /// Returns the address that a write asks for: a new user name, else a new e-mail, else what there was.
    pub fn address(&self, before: &str) -> String {
        let renamed = !self.user_name.eq_ignore_ascii_case(before);
        let email = self.email.as_ref().filter(|_| !renamed);
        email.unwrap_or(&self.user_name).clone()
    }

    /// Reads a body over the user.
    pub fn read(mut self, body: &Map<String, Value>, rules: Rules) -> Result<Self, Reply> {
        let schemas = body.get("schemas").and_then(Value::as_array);
        if !schemas.is_some_and(|schemas| schemas.iter().any(|schema| schema == CORE)) {
            return Err(bad("invalidSyntax", "schemas must name the core User schema."));
        }
        self.user_name = text(body, "userName")?.unwrap_or_default();
        if !is_email(&self.user_name) {
            return Err(bad("invalidValue", "userName is required and must be an email address."));
        }
        self.external_id = text(body, "externalId")?;
        self.title = text(body, "title")?;
        let name = part(body, "name")?;
        self.given = text(&name, "givenName")?;
        self.family = text(&name, "familyName")?;
        self.email = primary(body, "emails")?;
        if self.email.as_ref().is_some_and(|email| !is_email(email)) {
            return Err(bad("invalidValue", "emails must hold email addresses."));
        }
        self.phone = primary(body, "phoneNumbers")?;
        self.roles = values(body, "roles")?;
        self.department = text(&part(body, ENTERPRISE)?, "department")?;
        match body.get("active") {
            None | Some(Value::Null) => {}
            Some(Value::Bool(active)) => self.active = *active,
            Some(_) => return Err(bad("invalidValue", "active must be true or false.")),
        }
        if let Some((urn, known)) = rules.extension {
            let sticks = part(body, urn)?.into_iter().filter(|(key, _)| known.contains(&key.as_str()));
            self.own.extend(sticks);
        }
        Ok(self)
    }
}

/// Returns the address of a resource, whatever the path of the call.
pub(super) fn location(call: &Call, list: &str, id: &str) -> String {
    let path = call.url.split('?').next().unwrap_or_default();
    let base = path.rfind(&format!("/{list}")).map_or(path, |at| &path[..at]);
    format!("{base}/{list}/{id}")
}

fn text(body: &Map<String, Value>, key: &str) -> Result<Option<String>, Reply> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.trim().is_empty())),
        Some(_) => Err(bad("invalidValue", &format!("{key} must be a text."))),
    }
}

fn part(body: &Map<String, Value>, key: &str) -> Result<Map<String, Value>, Reply> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(part)) => Ok(part.clone()),
        Some(_) => Err(bad("invalidValue", &format!("{key} must be an object."))),
    }
}

fn values(body: &Map<String, Value>, key: &str) -> Result<Vec<String>, Reply> {
    let wrong = || bad("invalidValue", &format!("{key} must be a list of {{value}}."));
    let items = match body.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value.as_array().ok_or_else(wrong)?,
    };
    items.iter().map(|item| item.get("value").and_then(Value::as_str).map(String::from).ok_or_else(wrong)).collect()
}

/// Returns the value that is marked as primary, or the first one.
fn primary(body: &Map<String, Value>, key: &str) -> Result<Option<String>, Reply> {
    let all = values(body, key)?;
    let items = body.get(key).and_then(Value::as_array);
    let marked = items.and_then(|items| items.iter().position(|item| item.get("primary") == Some(&Value::Bool(true))));
    Ok(all.into_iter().nth(marked.unwrap_or(0)))
}
