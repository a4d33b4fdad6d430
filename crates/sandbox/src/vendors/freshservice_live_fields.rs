//! What a live Freshservice person is made of and how a body is read over one: one primary address and further ones,
//! work telephones, roles with the groups they are limited to, memberships that wait for approval. Agents and requesters
//! are the same record with a different reading; the endpoints stand in the file beside this one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fresh::{known, read_custom};
use super::freshservice_fields::{self, Lists, RequesterPart, SCOPES, Sort, Writing};
use super::{id_of, named, shown};
use crate::clock;
use crate::fields::{Fields, Sent, is_email, is_iana};
use crate::table::Row;

const SHARED: [&str; 12] = [
    "first_name",
    "last_name",
    "work_phone_number",
    "mobile_phone_number",
    "job_title",
    "department_ids",
    "location_id",
    "time_zone",
    "language",
    "custom_fields",
    CAN_SEE_ALL,
    "workspace_ids",
];
const AGENT_ONLY: [&str; 6] = ["email", "roles", "member_of", "observer_of", "occasional", "license_type"];
const REQUESTER_ONLY: [&str; 4] = ["primary_email", "secondary_emails", "reporting_manager_id", "vip_user"];
const CUSTOM_FIELDS: [&str; 2] = ["employee_number", "cost_center"];
/// The field that a PUT resets unless it is sent as true.
const CAN_SEE_ALL: &str = "can_see_all_tickets_from_associated_departments";
/// The group whose members an approver has to let in.
const GUARDED_GROUP: u64 = 2201;
/// The workspace that everybody is in.
const WORKSPACE: u64 = 2;
/// What a converted requester gets, asked or not.
const DEFAULT_ROLE: &str = "SD Agent";

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Assigned {
    pub role_id: u64,
    pub assignment_scope: String,
    /// The groups of the scope `specified_groups`.
    #[serde(default)]
    pub groups: Vec<u64>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Member {
    pub id: u64,
    pub first_name: String,
    pub last_name: Option<String>,
    pub email: String,
    /// Shown of requesters only, and reserved for agents too.
    pub secondary_emails: Vec<String>,
    pub work_phone_number: Option<String>,
    pub mobile_phone_number: Option<String>,
    pub job_title: Option<String>,
    pub department_ids: Vec<u64>,
    pub location_id: Option<u64>,
    pub active: bool,
    pub time_zone: Option<String>,
    pub language: Option<String>,
    #[serde(rename = "can_see_all_tickets_from_associated_departments")]
    pub can_see_all: bool,
    pub workspace_ids: Vec<u64>,
    pub custom_fields: Map<String, Value>,
    #[serde(flatten)]
    pub agent: Option<AgentPart>,
    #[serde(flatten)]
    pub requester: Option<RequesterPart>,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AgentPart {
    pub roles: Vec<Assigned>,
    pub member_of: Vec<u64>,
    pub observer_of: Vec<u64>,
    pub member_of_pending_approval: Vec<u64>,
    pub observer_of_pending_approval: Vec<u64>,
    pub occasional: bool,
    pub license_type: String,
}

impl AgentPart {
    /// Returns an agent with this role everywhere, or with none.
    pub fn with_role(role_id: Option<u64>) -> Self {
        let scope = || "entire_helpdesk".to_string();
        let assigned = |role_id| Assigned { role_id, assignment_scope: scope(), groups: Vec::new() };
        AgentPart {
            roles: role_id.map(assigned).into_iter().collect(),
            member_of: Vec::new(),
            observer_of: Vec::new(),
            member_of_pending_approval: Vec::new(),
            observer_of_pending_approval: Vec::new(),
            occasional: false,
            license_type: "it".into(),
        }
    }

    /// Returns what a conversion makes: an occasional agent with the default role and no group.
    pub fn converted(lists: &Lists) -> Self {
        AgentPart { occasional: true, ..AgentPart::with_role(Some(id_of(&lists.roles, DEFAULT_ROLE))) }
    }

    /// Lets the agent into the groups that it waits for; says whether there were any.
    pub fn approve(&mut self) -> bool {
        let waiting = !self.member_of_pending_approval.is_empty() || !self.observer_of_pending_approval.is_empty();
        self.member_of.append(&mut self.member_of_pending_approval);
        self.observer_of.append(&mut self.observer_of_pending_approval);
        waiting
    }
}

/// Returns the guide's lists with the role that only the live service has.
pub(super) fn lists(departments: &[&'static str], locations: &[&'static str]) -> Lists {
    let mut lists = Lists::new(departments, locations);
    lists.roles.extend(named(&[(2103, DEFAULT_ROLE)]));
    lists
}

impl Member {
    /// Takes over a person from the guide's tenant; a director sees what the departments ask, and has an old address.
    pub fn of(guide: &freshservice_fields::Member) -> Self {
        let directs = guide.job_title.as_deref().is_some_and(|title| title.starts_with("Director"));
        Member {
            id: guide.id,
            first_name: guide.first_name.clone(),
            last_name: guide.last_name.clone(),
            email: guide.email.clone(),
            secondary_emails: directs.then(|| format!("old.{}", guide.email)).into_iter().collect(),
            work_phone_number: guide.phone.clone(),
            mobile_phone_number: guide.mobile_phone_number.clone(),
            job_title: guide.job_title.clone(),
            department_ids: guide.department_ids.clone(),
            location_id: guide.location_id,
            active: guide.active,
            time_zone: guide.time_zone.clone(),
            language: guide.language.clone(),
            can_see_all: directs,
            workspace_ids: vec![WORKSPACE],
            custom_fields: guide.custom_fields.clone(),
            agent: guide.agent.as_ref().map(|agent| AgentPart::with_role(agent.roles.first().map(|role| role.role_id))),
            requester: guide.requester.clone(),
            created_at: guide.created_at.clone(),
            updated_at: guide.updated_at.clone(),
        }
    }

    /// Returns a person of this sort of whom nothing is known.
    pub fn blank(sort: Sort) -> Self {
        let now = clock::now();
        Member {
            id: 0,
            first_name: String::new(),
            last_name: None,
            email: String::new(),
            secondary_emails: Vec::new(),
            work_phone_number: None,
            mobile_phone_number: None,
            job_title: None,
            department_ids: Vec::new(),
            location_id: None,
            active: true,
            time_zone: None,
            language: None,
            can_see_all: false,
            workspace_ids: vec![WORKSPACE],
            custom_fields: Map::new(),
            agent: (sort == Sort::Agent).then(|| AgentPart::with_role(None)),
            requester: (sort == Sort::Requester).then(RequesterPart::default),
            created_at: now.clone(),
            updated_at: now,
        }
    }

    pub fn sort(&self) -> Sort {
        if self.agent.is_some() { Sort::Agent } else { Sort::Requester }
    }

    /// Returns the record as the search index gets it: there the address of a requester is an `email` too.
    pub fn indexed(&self) -> Value {
        let mut body = self.show();
        body["email"] = json!(self.email);
        body
    }

    /// Says whether an address is this person's, in either column.
    pub fn has_email(&self, email: &str) -> bool {
        self.emails().any(|own| own.eq_ignore_ascii_case(email))
    }

    pub fn emails(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.email).chain(&self.secondary_emails)
    }

    /// Shows the person as a requester, which an agent is in a list that includes agents.
    pub fn show_as_requester(&self) -> Value {
        let mut body = shown(&Member { agent: None, ..self.clone() });
        if let Some(fields) = body.as_object_mut() {
            fields.remove("email");
        }
        body["primary_email"] = json!(self.email);
        body["is_agent"] = json!(self.agent.is_some());
        body
    }
}

impl Row for Member {
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn email(&self) -> Option<&str> {
        Some(&self.email)
    }
    fn show(&self) -> Value {
        let Some(agent) = &self.agent else { return self.show_as_requester() };
        let mut body = shown(self);
        if let Some(fields) = body.as_object_mut() {
            fields.remove("secondary_emails");
        }
        body["role_ids"] = agent.roles.iter().map(|role| role.role_id).collect();
        body["scopes"] = json!({"ticket": agent.roles.first().map(|role| &role.assignment_scope)});
        body
    }
}

/// Reads a body over a member of a sort; everything that is not sent stays, with one exception.
pub(super) fn read_over(member: &mut Member, fields: &mut Fields, lists: &Lists, writing: Writing) {
    let own: &[&str] = if member.agent.is_some() { &AGENT_ONLY } else { &REQUESTER_ONLY };
    fields.allow_only(&[&SHARED, own].concat());
    fields.solid_text("first_name").set(&mut member.first_name);
    fields.text("last_name").store(&mut member.last_name);
    fields.text("work_phone_number").store(&mut member.work_phone_number);
    fields.text("mobile_phone_number").store(&mut member.mobile_phone_number);
    fields.text("job_title").store(&mut member.job_title);
    read_ids(fields, "department_ids", |ids| known(&lists.departments, ids), &mut member.department_ids);
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
    read_ids(fields, "workspace_ids", |ids| !ids.is_empty(), &mut member.workspace_ids);
    let sees_all = fields.flag(CAN_SEE_ALL);
    if writing == Writing::Update || sees_all != Sent::Absent {
        member.can_see_all = sees_all == Sent::Value(true);
    }
    if let Some(agent) = &mut member.agent {
        read_agent(agent, fields, lists);
    }
    if let Some(requester) = &mut member.requester {
        fields.number("reporting_manager_id").store(&mut requester.reporting_manager_id);
        fields.flag("vip_user").set(&mut requester.vip_user);
        let others = fields.texts("secondary_emails");
        if matches!(&others, Sent::Value(emails) if !emails.iter().all(|email| is_email(email))) {
            fields.wrong("secondary_emails", "It should contain valid email addresses.", "invalid_value");
        }
        others.set(&mut member.secondary_emails);
    }
}

fn read_ids(fields: &mut Fields, key: &str, fits: impl Fn(&[u64]) -> bool, target: &mut Vec<u64>) {
    let ids = fields.numbers(key);
    if matches!(&ids, Sent::Value(ids) if !fits(ids)) {
        fields.wrong(key, "There is no record matching the given id.", "invalid_value");
    }
    ids.set(target);
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
    let groups = |ids: &[u64]| known(&lists.groups, ids);
    read_groups(fields, "member_of", groups, (&mut agent.member_of, &mut agent.member_of_pending_approval));
    read_groups(fields, "observer_of", groups, (&mut agent.observer_of, &mut agent.observer_of_pending_approval));
    fields.flag("occasional").set(&mut agent.occasional);
    let license = fields.text("license_type");
    if matches!(&license, Sent::Value(license) if license != "it" && license != "business") {
        fields.wrong("license_type", "It should be one of these values: 'it,business'.", "invalid_value");
    }
    license.set(&mut agent.license_type);
}

/// Reads the whole list of groups; who is new to a guarded one is not in it but waits.
fn read_groups(
    fields: &mut Fields,
    key: &str,
    fits: impl Fn(&[u64]) -> bool,
    (inside, waiting): (&mut Vec<u64>, &mut Vec<u64>),
) {
    let mut wanted = inside.clone();
    let before = wanted.clone();
    read_ids(fields, key, fits, &mut wanted);
    if fields.keys().any(|sent| sent == key) {
        let waits = |id: &u64| *id == GUARDED_GROUP && !before.contains(id);
        (*waiting, *inside) = wanted.into_iter().partition(waits);
    }
}

fn assigned(entries: &[Map<String, Value>], lists: &Lists) -> Result<Vec<Assigned>, &'static str> {
    if entries.is_empty() {
        return Err("At least one role is required.");
    }
    let read = |entry: &Map<String, Value>| {
        let assigned: Assigned = serde_json::from_value(Value::Object(entry.clone()))
            .map_err(|_| "Each role needs a role_id and an assignment_scope.")?;
        if !known(&lists.roles, &[assigned.role_id]) {
            return Err("There is no role matching the given id.");
        }
        if !SCOPES.contains(&assigned.assignment_scope.as_str()) {
            return Err("The assignment_scope is not known.");
        }
        if !known(&lists.groups, &assigned.groups) {
            return Err("There is no group matching the given id.");
        }
        match (assigned.assignment_scope == "specified_groups", assigned.groups.is_empty()) {
            (true, true) => Err("The scope specified_groups needs groups."),
            (false, false) => Err("Only the scope specified_groups takes groups."),
            _ => Ok(assigned),
        }
    };
    entries.iter().map(read).collect()
}
