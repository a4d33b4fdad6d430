//! Gainsight: users behind an access key, numbered pages with a total, errors that may hide in a 200. It imitates the
//! REST half of GS-02 to GS-29; group membership is written by the SCIM half beside it. A tenant may be of the
//! version whose PUT replaces or of the one whose PUT is partial.

use std::collections::{BTreeSet, HashMap};

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Imitation, STRANGER, Seen, Serial, dismiss_stranger, merge, shown};
use crate::Vendor::Gainsight;
use crate::company::{Company, Person};
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent, is_iana};
use crate::paging::{self, PageRule, digest, numbered};
use crate::refusal::{Wrong, bad_body, invalid, not_allowed, not_found, refuse};
use crate::scim::Directory;
use crate::table::{Row, Table};
use crate::world::PutStyle;

const PAGES: PageRule = PageRule { page: "page", size: "pageSize", size_default: 100, size_max: 1000 };
const ROLES: [&str; 3] = ["Admin", "Standard User", "Viewer"];
const ATTRIBUTES: [&str; 2] = ["costCenter", "region"];

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    pub user_id: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub name: String,
    pub is_active: bool,
    pub role: String,
    pub user_type: Option<String>,
    pub phone: Option<String>,
    pub title: Option<String>,
    pub department: Option<String>,
    pub manager_id: Option<String>,
    pub timezone: Option<String>,
    pub locale: Option<String>,
    pub external_id: Option<String>,
    pub groups: Vec<String>,
    pub custom_attributes: Map<String, Value>,
}

impl Row for User {
    fn id(&self) -> String {
        self.user_id.clone()
    }
    fn email(&self) -> Option<&str> {
        Some(&self.email)
    }
    fn show(&self) -> Value {
        shown(self)
    }
}

#[derive(Clone)]
pub(crate) struct Tenant {
    pub(super) users: Table<User>,
    serial: Serial,
    put_style: PutStyle,
    /// The names of the groups, which only SCIM can make.
    pub(super) groups: BTreeSet<String>,
    pub(super) sso: bool,
}

impl Tenant {
    pub fn seed(company: &Company, seed: u64) -> Self {
        let serial = Serial { last: seed % 1000, step: 1 };
        let (groups, put_style) = (BTreeSet::new(), PutStyle::Partial);
        let mut tenant = Tenant { users: Table::default(), serial, put_style, groups, sso: true };
        let mut ids = HashMap::new();
        for person in company.by_start() {
            if let Some(role) = person.gainsight_role() {
                let user = tenant.user_of(person, role);
                if let Some(employee_id) = &person.employee_id {
                    ids.insert(employee_id.clone(), user.user_id.clone());
                }
                tenant.users.push(user, false);
            }
        }
        for person in &company.yesterday {
            let own = person.employee_id.as_ref().and_then(|id| ids.get(id));
            let manager = person.manager_id.as_ref().and_then(|id| ids.get(id)).cloned();
            if let Some(own) = own {
                tenant.users.edit(own, |held| held.row.manager_id = manager);
            }
        }
        tenant
    }

    fn user_of(&mut self, person: &Person, role: &str) -> User {
        User {
            user_id: self.next_id(),
            email: person.work_email.clone(),
            first_name: person.given_name.clone(),
            last_name: person.family_name.clone(),
            name: person.name(),
            is_active: !person.has_left(),
            role: role.into(),
            phone: person.phone.clone(),
            title: person.known_title(),
            department: Some(person.department.into()).filter(|department: &String| !department.is_empty()),
            timezone: Some(person.time_zone.into()),
            locale: Some(person.locale.into()),
            external_id: person.employee_id.clone(),
            ..blank()
        }
    }

    pub(super) fn next_id(&mut self) -> String {
        format!("u{:012x}", digest(&("gainsight", self.serial.take())) >> 16)
    }

    /// Lists users, inactive ones included. There is no look-up by e-mail; other parameters are ignored.
    fn list(&self, call: &Call) -> Reply {
        let asked = numbered(call, PAGES).and_then(|range| Ok((range, paging::flag(call, "isActive")?)));
        let ((skip, take), active) = match asked {
            Ok(asked) => asked,
            Err(wrong) => return invalid(Gainsight, StatusCode::BAD_REQUEST, &[wrong]),
        };
        let rows = || self.users.iter().filter(|held| active.is_none_or(|active| held.row.is_active == active));
        let data: Vec<Value> = rows().skip(skip).take(take).map(|held| held.row.show()).collect();
        Reply::ok(json!({"result": true, "data": data, "totalCount": rows().count()}))
    }

    fn get(&self, id: &str) -> Reply {
        let found = |user: &User| Reply::ok(json!({"result": true, "data": user.show()}));
        self.users.get(id).map_or_else(|| not_found(Gainsight), |held| found(&held.row))
    }

    /// Reads a body over a user. Groups are SCIM's and undefined attributes do not exist; both are dropped in silence.
    fn read_over(&self, user: &mut User, fields: &mut Fields) {
        fields.forbid(&["userId"]);
        fields.email("email").set(&mut user.email);
        let renamed = self.read_names(user, fields);
        match fields.text("name") {
            Sent::Value(name) if !name.trim().is_empty() => user.name = name,
            _ if renamed => user.name = format!("{} {}", user.first_name, user.last_name),
            _ => {}
        }
        fields.flag("isActive").set(&mut user.is_active);
        let role = fields.solid_text("role");
        if matches!(&role, Sent::Value(role) if !ROLES.contains(&role.as_str())) {
            fields.wrong("role", "No role with this name.", "invalid_value");
        }
        role.set(&mut user.role);
        fields.text("userType").store(&mut user.user_type);
        fields.text("phone").store(&mut user.phone);
        fields.text("title").store(&mut user.title);
        fields.text("department").store(&mut user.department);
        fields.text("managerId").store(&mut user.manager_id);
        let timezone = fields.text("timezone");
        if matches!(&timezone, Sent::Value(zone) if !is_iana(zone)) {
            fields.wrong("timezone", "Not a known time zone.", "invalid_value");
        }
        timezone.store(&mut user.timezone);
        fields.text("locale").store(&mut user.locale);
        fields.text("externalId").store(&mut user.external_id);
        if let Sent::Value(attributes) = fields.object("customAttributes") {
            let defined = attributes.into_iter().filter(|(key, _)| ATTRIBUTES.contains(&key.as_str()));
            user.custom_attributes.extend(defined);
        }
    }

    fn read_names(&self, user: &mut User, fields: &mut Fields) -> bool {
        let before = (user.first_name.clone(), user.last_name.clone());
        fields.solid_text("firstName").set(&mut user.first_name);
        fields.solid_text("lastName").set(&mut user.last_name);
        before != (user.first_name.clone(), user.last_name.clone())
    }

    fn require(fields: &mut Fields) {
        for field in ["email", "firstName", "lastName", "role"] {
            fields.required_text(field);
        }
    }

    fn create(&mut self, call: &Call) -> Reply {
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Gainsight, error),
        };
        let mut user = blank();
        self.read_over(&mut user, &mut fields);
        Self::require(&mut fields);
        if let Err(wrongs) = fields.finish() {
            return invalid(Gainsight, StatusCode::BAD_REQUEST, &wrongs);
        }
        if let Some(refusal) = self.objection(&user) {
            return refusal;
        }
        user.user_id = self.next_id();
        let shown = user.show();
        self.users.push(user, false);
        Reply::ok(json!({"result": true, "data": shown}))
    }

    /// Changes a user; a tenant whose PUT replaces forgets what the body leaves out (GS-22), groups among it.
    fn update(&mut self, id: &str, call: &Call) -> Reply {
        let Some(before) = self.users.get(id).map(|held| held.row.clone()) else { return not_found(Gainsight) };
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Gainsight, error),
        };
        let mut user = match self.put_style {
            PutStyle::Partial => before.clone(),
            PutStyle::Full => User { user_id: before.user_id.clone(), ..blank() },
        };
        self.read_over(&mut user, &mut fields);
        if self.put_style == PutStyle::Full {
            if let Sent::Value(groups) = fields.texts("groups") {
                let shown = |name: &String| self.users.iter().any(|held| held.row.groups.contains(name));
                user.groups = groups.into_iter().filter(|name| self.groups.contains(name) || shown(name)).collect();
            }
            Self::require(&mut fields);
        }
        let sent: Vec<String> = fields.keys().map(String::from).collect();
        if let Err(wrongs) = fields.finish() {
            return invalid(Gainsight, StatusCode::BAD_REQUEST, &wrongs);
        }
        if let Some(refusal) = self.objection(&user) {
            return refusal;
        }
        let mut shown = user.show();
        if let Some(fields) = shown.as_object_mut() {
            fields.retain(|key, _| key == "userId" || sent.contains(key));
        }
        self.users.edit(id, |held| held.row = user);
        Reply::ok(json!({"result": true, "data": shown}))
    }

    /// Refuses a second use of an e-mail, and an unknown manager with a 200 that says `result: false` (GS-20).
    fn objection(&self, user: &User) -> Option<Reply> {
        if self.users.with_email(&user.email).iter().any(|held| held.row.user_id != user.user_id) {
            let wrong = Wrong::new("email", "A user with this email already exists.", "duplicate");
            return Some(invalid(Gainsight, StatusCode::BAD_REQUEST, &[wrong]));
        }
        let manager = user.manager_id.as_deref()?;
        if self.users.get(manager).is_none() || manager == user.user_id {
            return Some(refuse(Gainsight, StatusCode::OK, "GSOBJ_1012", "managerId: no such user."));
        }
        None
    }

    fn delete(&mut self, id: &str) -> Reply {
        match self.users.edit(id, |held| held.row.is_active = false) {
            Some(_) => Reply::ok(json!({"result": true, "message": "User deactivated successfully."})),
            None => not_found(Gainsight),
        }
    }
}

pub(super) fn blank() -> User {
    User {
        user_id: String::new(),
        email: String::new(),
        first_name: String::new(),
        last_name: String::new(),
        name: String::new(),
        is_active: true,
        role: String::new(),
        user_type: Some("Internal".into()),
        phone: None,
        title: None,
        department: None,
        manager_id: None,
        timezone: None,
        locale: None,
        external_id: None,
        groups: Vec::new(),
        custom_attributes: Map::new(),
    }
}

impl Imitation for Tenant {
    fn answer(&mut self, call: &Call) -> Reply {
        match (call.method.clone(), call.path().as_slice()) {
            (Method::GET, ["users"]) => self.list(call),
            (Method::POST, ["users"]) => self.create(call),
            (Method::GET, ["users", id]) => self.get(id),
            (Method::PUT, ["users", id]) => self.update(id, call),
            (Method::DELETE, ["users", id]) => self.delete(id),
            (_, ["users"] | ["users", _]) => not_allowed(Gainsight),
            _ => not_found(Gainsight),
        }
    }

    fn census(&self) -> Vec<Seen> {
        self.users.iter().map(|held| Seen::of("user", held, held.row.is_active)).collect()
    }

    fn sightings(&self, email: &str) -> Vec<Seen> {
        self.users.with_email(email).into_iter().map(|held| Seen::of("user", held, held.row.is_active)).collect()
    }

    fn confirm(&mut self, _email: &str) -> bool {
        false
    }

    fn change(&mut self, id: &str, patch: &Value) -> bool {
        merge(&mut self.users, id, patch)
    }

    fn purge(&mut self, id: &str) -> bool {
        self.users.remove(id).is_some()
    }

    fn shift(&mut self) {
        if dismiss_stranger(&mut self.users) {
            return;
        }
        let user_id = self.next_id();
        let (first_name, last_name) = ("Shifting".into(), "Row".into());
        let role = "Viewer".into();
        self.users.push_front(User { user_id, email: STRANGER.into(), first_name, last_name, role, ..blank() });
    }

    fn set_put_style(&mut self, style: PutStyle) {
        self.put_style = style;
    }

    fn directory(&mut self) -> Option<&mut dyn Directory> {
        Some(self)
    }

    fn set_sso(&mut self, on: bool) {
        self.sso = on;
    }

    fn copy(&self) -> Box<dyn Imitation> {
        Box::new(self.clone())
    }
}
