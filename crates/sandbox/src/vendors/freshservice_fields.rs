//! What a Freshservice person is made of, how a body is read over one, and the reference lists it may name. Agents and
//! requesters are the same record with a different reading; the endpoints stand in the file beside this one. A write
//! with a field of the other sort is refused (FS-09).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fresh::{known, read_custom};
use super::{Named, Serial, named, shown};
use crate::fields::{Fields, Sent, is_iana};
use crate::table::Row;

const SHARED: [&str; 11] = [
    "first_name",
    "last_name",
    "email",
    "phone",
    "mobile_phone_number",
    "job_title",
    "department_ids",
    "location_id",
    "time_zone",
    "language",
    "custom_fields",
];
const AGENT_ONLY: [&str; 3] = ["roles", "group_ids", "occasional"];
const REQUESTER_ONLY: [&str; 2] = ["reporting_manager_id", "vip_user"];
pub(super) const SCOPES: [&str; 4] = ["entire_helpdesk", "member_groups", "specified_groups", "assigned_items"];
const CUSTOM_FIELDS: [&str; 2] = ["employee_number", "cost_center"];

/// Which of the two sorts of record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Agent,
    Requester,
}

/// Whether a body makes a record or changes one; `active` may only be sent in a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    Create,
    Update,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Assigned {
    pub role_id: u64,
    pub assignment_scope: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Member {
    pub id: u64,
    pub first_name: String,
    pub last_name: Option<String>,
    pub email: String,
    pub phone: Option<String>,
    pub mobile_phone_number: Option<String>,
    pub job_title: Option<String>,
    pub department_ids: Vec<u64>,
    pub location_id: Option<u64>,
    pub active: bool,
    pub time_zone: Option<String>,
    pub language: Option<String>,
    pub custom_fields: Map<String, Value>,
    #[serde(flatten)]
    pub agent: Option<AgentPart>,
    #[serde(flatten)]
    pub requester: Option<RequesterPart>,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct AgentPart {
    pub roles: Vec<Assigned>,
    pub group_ids: Vec<u64>,
    pub occasional: bool,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct RequesterPart {
    pub reporting_manager_id: Option<u64>,
    pub vip_user: bool,
}

impl Row for Member {
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn email(&self) -> Option<&str> {
        Some(&self.email)
    }
    /// Shows the record with `role_ids` beside `roles` (FS-15).
    fn show(&self) -> Value {
        let mut body = shown(self);
        if let Some(agent) = &self.agent {
            body["role_ids"] = agent.roles.iter().map(|role| role.role_id).collect();
        }
        body
    }
}

/// The lists that a person's fields may name.
#[derive(Clone)]
pub(super) struct Lists {
    pub roles: Vec<Named>,
    pub groups: Vec<Named>,
    pub departments: Vec<Named>,
    pub locations: Vec<Named>,
}

impl Lists {
    /// Returns the name of the first department, which is all that SCIM shows.
    pub fn department_of(&self, ids: &[u64]) -> Option<String> {
        let id = ids.first()?;
        self.departments.iter().find(|entry| entry.id == *id).map(|entry| entry.name.to_string())
    }

    /// Returns the departments of somebody whose first one gets this name; further ones stay while it is the same.
    pub fn departments_for(&self, name: Option<&str>, before: &[u64]) -> Vec<u64> {
        if self.department_of(before).as_deref() == name {
            return before.to_vec();
        }
        self.departments.iter().filter(|entry| Some(&*entry.name) == name).map(|entry| entry.id).collect()
    }

    /// Gives a group its name, or adds one; returns its id.
    pub fn name_group(&mut self, is_it: impl Fn(&Named) -> bool, name: &str, serial: &mut Serial) -> u64 {
        if let Some(entry) = self.groups.iter_mut().find(|entry| is_it(entry)) {
            entry.name = name.to_string().into();
            return entry.id;
        }
        let id = serial.take();
        self.groups.push(Named { id, name: name.to_string().into() });
        id
    }

    pub fn new(departments: &[&'static str], locations: &[&'static str]) -> Self {
        let numbered = |names: &[&'static str], first: u64| {
            named(&names.iter().zip((first..).step_by(2)).map(|(name, id)| (id, *name)).collect::<Vec<_>>())
        };
        Lists {
            roles: named(&[(2100, "Account Admin"), (2101, "IT Supervisor"), (2102, "IT Agent")]),
            groups: named(&[(2200, "Hardware"), (2201, "Access Requests")]),
            departments: numbered(departments, 2300),
            locations: numbered(locations, 2400),
        }
    }
}

/// Reads a body over a member of a sort; everything that is not sent stays.
pub(super) fn read_over(member: &mut Member, fields: &mut Fields, lists: &Lists, writing: Writing) {
    let mut allowed: Vec<&str> = SHARED.to_vec();
    allowed.extend(if member.agent.is_some() { &AGENT_ONLY[..] } else { &REQUESTER_ONLY[..] });
    if writing == Writing::Update {
        allowed.push("active");
    }
    fields.allow_only(&allowed);
    fields.solid_text("first_name").set(&mut member.first_name);
    fields.text("last_name").store(&mut member.last_name);
    fields.text("phone").store(&mut member.phone);
    fields.text("mobile_phone_number").store(&mut member.mobile_phone_number);
    fields.text("job_title").store(&mut member.job_title);
    let departments = fields.numbers("department_ids");
    if matches!(&departments, Sent::Value(ids) if !known(&lists.departments, ids)) {
        fields.wrong("department_ids", "There is no department matching the given id.", "invalid_value");
    }
    departments.set(&mut member.department_ids);
    let location = fields.number("location_id");
    if matches!(location, Sent::Value(id) if !known(&lists.locations, &[id])) {
        fields.wrong("location_id", "There is no location matching the given id.", "invalid_value");
    }
    location.store(&mut member.location_id);
    let time_zone = fields.text("time_zone");
    if matches!(&time_zone, Sent::Value(zone) if is_iana(zone) && zone != "UTC") {
        fields.wrong("time_zone", "It should be a valid time zone.", "invalid_value");
    }
    time_zone.store(&mut member.time_zone);
    fields.text("language").store(&mut member.language);
    read_custom(fields, &CUSTOM_FIELDS, &mut member.custom_fields);
    fields.flag("active").set(&mut member.active);
    if let Some(agent) = &mut member.agent {
        read_agent(agent, fields, lists);
    }
    if let Some(requester) = &mut member.requester {
        fields.number("reporting_manager_id").store(&mut requester.reporting_manager_id);
        fields.flag("vip_user").set(&mut requester.vip_user);
    }
}

fn read_agent(agent: &mut AgentPart, fields: &mut Fields, lists: &Lists) {
    match fields.objects("roles") {
        Sent::Absent => {}
        Sent::Null => fields.wrong("roles", "At least one role is required.", "invalid_value"),
        Sent::Value(entries) => match assigned(&entries, lists) {
            Ok(roles) => agent.roles = roles,
            Err(message) => fields.wrong("roles", message, "invalid_value"),
        },
    }
    let groups = fields.numbers("group_ids");
    if matches!(&groups, Sent::Value(ids) if !known(&lists.groups, ids)) {
        fields.wrong("group_ids", "There is no group matching the given id.", "invalid_value");
    }
    groups.set(&mut agent.group_ids);
    fields.flag("occasional").set(&mut agent.occasional);
}

fn assigned(entries: &[Map<String, Value>], lists: &Lists) -> Result<Vec<Assigned>, &'static str> {
    if entries.is_empty() {
        return Err("At least one role is required.");
    }
    let read = |entry: &Map<String, Value>| {
        let role_id = entry.get("role_id").and_then(Value::as_u64).ok_or("Each role needs a role_id.")?;
        let scope =
            entry.get("assignment_scope").and_then(Value::as_str).ok_or("Each role needs an assignment_scope.")?;
        if !known(&lists.roles, &[role_id]) {
            return Err("There is no role matching the given id.");
        }
        if !SCOPES.contains(&scope) {
            return Err("The assignment_scope is not known.");
        }
        Ok(Assigned { role_id, assignment_scope: scope.into() })
    };
    entries.iter().map(read).collect()
}

/// Returns the vendor's own name for a time zone of the made-up company.
pub(super) fn rails_zone(iana: &str) -> &'static str {
    match iana {
        "Europe/Berlin" => "Berlin",
        "Europe/London" => "London",
        "America/New_York" => "Eastern Time (US & Canada)",
        "America/Los_Angeles" => "Pacific Time (US & Canada)",
        "Asia/Tokyo" => "Tokyo",
        "Pacific/Auckland" => "Auckland",
        _ => "UTC",
    }
}
