//! What a live Freshdesk agent is made of and how a body is read over one. What describes the person lies in `contact`
//! and is the contact's own; what makes an agent of the person lies beside it. The endpoints stand in the files beside
//! this one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fresh::known;
use super::freshdesk::{GROUPS, ROLES};
use super::{Named, id_of, named, shown};
use crate::company::Person;
use crate::exchange::Call;
use crate::fields::{Fields, Sent};
use crate::table::Row;

/// What both a create and an update may carry.
const SHARED: [&str; 13] = [
    "name",
    "email",
    "phone",
    "mobile",
    "job_title",
    "language",
    "time_zone",
    "role_ids",
    "group_ids",
    "skill_ids",
    "ticket_scope",
    "occasional",
    "focus_mode",
];
const MAKE_AGENT: [&str; 6] = ["role_ids", "group_ids", "skill_ids", "ticket_scope", "type", "occasional"];
/// What a create calls 1, 2 and 3.
const TYPES: [&str; 3] = ["support_agent", "field_agent", "collaborator"];

/// Which of the three writes a body belongs to; each spells the type of the agent in its own way, or not at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    Create,
    Update,
    MakeAgent,
}

/// What agents and contacts tell of a person.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Profile {
    pub name: String,
    pub email: Option<String>,
    /// A text, or a number where somebody imported it so.
    pub phone: Value,
    pub mobile: Option<String>,
    pub job_title: Option<String>,
    pub language: String,
    pub time_zone: Option<String>,
}

impl Profile {
    pub fn named(name: &str, email: Option<String>) -> Self {
        let (phone, mobile, job_title, time_zone) = (Value::Null, None, None, None);
        Profile { name: name.into(), email, phone, mobile, job_title, language: "en".into(), time_zone }
    }

    /// Describes a person. Who is in no HR file was imported, and has a number for a telephone.
    pub fn of(person: &Person) -> Self {
        let imported = || Value::from(15_550_100_u64 + person.given_name.len() as u64);
        Profile {
            phone: person.phone.clone().map_or_else(imported, Value::from),
            job_title: person.known_title(),
            language: person.locale.into(),
            time_zone: Some(super::freshservice_fields::rails_zone(person.time_zone).into()),
            ..Profile::named(&person.name(), Some(person.work_email.clone()))
        }
    }

    /// Reads what a body says of the person; the e-mail is left to whoever asks, since it must be free.
    pub fn read(&mut self, fields: &mut Fields) {
        fields.solid_text("name").set(&mut self.name);
        match fields.text("phone") {
            Sent::Absent => {}
            Sent::Null => self.phone = Value::Null,
            Sent::Value(phone) => self.phone = phone.into(),
        }
        fields.text("mobile").store(&mut self.mobile);
        fields.text("job_title").store(&mut self.job_title);
        fields.text("language").set(&mut self.language);
        fields.text("time_zone").store(&mut self.time_zone);
    }

    /// Says whether the filters that agents and contacts share let this person through.
    pub fn matches(&self, call: &Call) -> bool {
        let same = |wanted: &str, value: Option<&str>| value.is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        let phone = self.phone.as_str().map_or_else(|| self.phone.to_string(), String::from);
        call.query("email").is_none_or(|wanted| same(wanted, self.email.as_deref()))
            && call.query("mobile").is_none_or(|wanted| same(wanted, self.mobile.as_deref()))
            && call.query("phone").is_none_or(|wanted| phone == wanted)
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Agent {
    pub id: u64,
    pub contact_id: u64,
    #[serde(flatten)]
    pub profile: Profile,
    pub role_ids: Vec<u64>,
    pub group_ids: Vec<u64>,
    pub skill_ids: Vec<u64>,
    pub ticket_scope: u64,
    #[serde(rename = "type")]
    pub kind: String,
    pub available: bool,
    pub occasional: bool,
    pub focus_mode: bool,
    pub active: bool,
    pub last_login_at: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

impl Agent {
    /// Returns an agent as it is when a create says nothing more: with the Agent role, occasional, not confirmed.
    pub fn blank(lists: &Lists, profile: Profile, created_at: &str) -> Self {
        Agent {
            id: 0,
            contact_id: 0,
            profile,
            role_ids: vec![id_of(&lists.roles, "Agent")],
            group_ids: Vec::new(),
            skill_ids: Vec::new(),
            ticket_scope: 1,
            kind: TYPES[0].into(),
            available: true,
            occasional: true,
            focus_mode: true,
            active: false,
            last_login_at: None,
            created_at: created_at.into(),
            updated_at: created_at.into(),
        }
    }

    /// Shows what makes an agent of a person, without the person.
    pub fn show_bare(&self) -> Map<String, Value> {
        let Value::Object(mut fields) = shown(self) else { return Map::new() };
        for key in ["contact_id", "active", "last_login_at"] {
            fields.remove(key);
        }
        if let Value::Object(profile) = shown(&self.profile) {
            fields.retain(|key, _| !profile.contains_key(key));
        }
        fields
    }
}

impl Row for Agent {
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn email(&self) -> Option<&str> {
        self.profile.email.as_deref()
    }
    fn show(&self) -> Value {
        let mut contact = shown(&self.profile);
        contact["active"] = self.active.into();
        contact["last_login_at"] = self.last_login_at.clone().into();
        let mut body = self.show_bare();
        body.insert("contact".into(), contact);
        Value::Object(body)
    }
}

/// The lists that an agent's ids come from.
#[derive(Clone)]
pub(super) struct Lists {
    pub roles: Vec<Named>,
    pub groups: Vec<Named>,
    pub skills: Vec<Named>,
}

impl Lists {
    pub fn new() -> Self {
        Lists { roles: named(&ROLES), groups: named(&GROUPS), skills: named(&[(7400, "Refunds"), (7401, "French")]) }
    }
}

/// Reads a body over an agent, except for its e-mail.
pub(super) fn read_agent(agent: &mut Agent, fields: &mut Fields, lists: &Lists, writing: Writing) {
    let own: &[&str] = match writing {
        Writing::Create => &["agent_type"],
        Writing::Update => &["agent_type", "available"],
        Writing::MakeAgent => &[],
    };
    let shared: &[&str] = if writing == Writing::MakeAgent { &MAKE_AGENT } else { &SHARED };
    fields.allow_only(&[shared, own].concat());
    read_profile(&mut agent.profile, fields, writing);
    read_ids(fields, "role_ids", &lists.roles, &mut agent.role_ids);
    if agent.role_ids.is_empty() {
        fields.wrong("role_ids", "At least one role is required.", "invalid_value");
    }
    read_ids(fields, "group_ids", &lists.groups, &mut agent.group_ids);
    read_ids(fields, "skill_ids", &lists.skills, &mut agent.skill_ids);
    let scope = fields.number("ticket_scope");
    if matches!(scope, Sent::Value(scope) if !(1..=3).contains(&scope)) {
        fields.wrong("ticket_scope", "It should be one of these values: '1,2,3'.", "invalid_value");
    }
    scope.set(&mut agent.ticket_scope);
    read_kind(agent, fields);
    fields.flag("occasional").set(&mut agent.occasional);
    fields.flag("focus_mode").set(&mut agent.focus_mode);
    fields.flag("available").set(&mut agent.available);
}

/// Reads what describes the person; of that, an update keeps nothing but the language and the time zone.
fn read_profile(profile: &mut Profile, fields: &mut Fields, writing: Writing) {
    let mut read = profile.clone();
    read.read(fields);
    if writing == Writing::Update {
        profile.language = read.language;
        profile.time_zone = read.time_zone;
    } else {
        *profile = read;
    }
}

fn read_ids(fields: &mut Fields, key: &str, list: &[Named], target: &mut Vec<u64>) {
    let ids = fields.numbers(key);
    if matches!(&ids, Sent::Value(ids) if !known(list, ids)) {
        fields.wrong(key, "There is no record matching the given id.", "invalid_value");
    }
    ids.set(target);
}

/// Reads the type: a number where an agent is written, a text where one is made of a contact.
fn read_kind(agent: &mut Agent, fields: &mut Fields) {
    if let Sent::Value(number) = fields.number("agent_type") {
        match TYPES.get((number as usize).wrapping_sub(1)) {
            Some(kind) => agent.kind = (*kind).into(),
            None => fields.wrong("agent_type", "It should be one of these values: '1,2,3'.", "invalid_value"),
        }
    }
    let kind = fields.text("type");
    if matches!(&kind, Sent::Value(kind) if !TYPES.contains(&kind.as_str())) {
        fields.wrong("type", "It should be one of the known types.", "invalid_value");
    }
    kind.set(&mut agent.kind);
}
