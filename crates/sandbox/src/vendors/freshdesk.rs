//! Freshdesk: agents, roles and groups, numbered pages without an envelope, invitations that show as inactive. It
//! imitates FD-02 to FD-40 as far as a server can show them; the contacts and the SCIM surface stand in the files beside
//! this one.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fresh::{PAGES, known, read_custom, updated_since};
use super::freshdesk_contacts::Contact;
use super::{Imitation, Named, STRANGER, Seen, Serial, changed_since, id_of, merge, named, seats_for, shown};
use crate::Vendor::Freshdesk;
use crate::clock;
use crate::company::{Company, Person};
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent};
use crate::paging::{self, numbered};
use crate::refusal::{Wrong, bad_body, invalid, not_allowed, not_found, refuse};
use crate::scim::Directory;
use crate::table::{Held, Row, Table};

const WRITABLE: [&str; 12] = [
    "name",
    "email",
    "phone",
    "mobile",
    "job_title",
    "role_ids",
    "group_ids",
    "ticket_scope",
    "type",
    "available",
    "occasional",
    "custom_fields",
];
const CUSTOM_FIELDS: [&str; 2] = ["employee_number", "cost_center"];
pub(super) const ROLES: [(u64, &str); 4] =
    [(6100, "Account Administrator"), (6101, "Administrator"), (6102, "Supervisor"), (6103, "Agent")];
pub(super) const GROUPS: [(u64, &str); 3] = [(7300, "Support"), (7301, "Escalations"), (7302, "Billing")];

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Agent {
    pub id: u64,
    pub name: String,
    pub email: String,
    pub phone: Option<String>,
    pub mobile: Option<String>,
    pub job_title: Option<String>,
    pub role_ids: Vec<u64>,
    pub group_ids: Vec<u64>,
    pub ticket_scope: u64,
    #[serde(rename = "type")]
    pub kind: String,
    pub available: bool,
    pub occasional: bool,
    pub active: bool,
    pub custom_fields: Map<String, Value>,
    pub created_at: String,
    pub updated_at: String,
}

impl Row for Agent {
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn email(&self) -> Option<&str> {
        Some(&self.email)
    }
    /// Shows the agent with the contact inside it, whose fields are derived (FD-13).
    fn show(&self) -> Value {
        let mut body = shown(self);
        body["contact"] = json!({"name": self.name, "email": self.email, "phone": self.phone,
            "mobile": self.mobile, "job_title": self.job_title, "active": self.active});
        body
    }
}

#[derive(Clone)]
pub(crate) struct Tenant {
    pub(super) agents: Table<Agent>,
    pub(super) contacts: Table<Contact>,
    roles: Vec<Named>,
    groups: Vec<Named>,
    pub(super) serial: Serial,
    seats: usize,
    /// What SCIM clients call their users, by SCIM id.
    pub(super) external_ids: BTreeMap<String, String>,
    pub(super) sso: bool,
}

impl Tenant {
    pub fn seed(company: &Company) -> Self {
        let mut tenant = Tenant {
            agents: Table::default(),
            contacts: Table::default(),
            roles: named(&ROLES),
            groups: named(&GROUPS),
            serial: Serial { last: 81_000, step: 7 },
            seats: 0,
            external_ids: BTreeMap::new(),
            sso: true,
        };
        for person in company.by_start() {
            if person.freshdesk_access().is_some() {
                tenant.seed_person(person);
            }
        }
        for (name, email) in [("Alice Customer", "alice@customer.example"), ("Bob Jones", "bob@customer.example")] {
            let id = tenant.serial.take();
            let created = clock::morning(company.today.saturating_sub(jiff::Span::new().days(300)));
            tenant.contacts.push(Contact::plain(id, name, Some(email.into()), &created), false);
        }
        tenant.seats = seats_for(tenant.taken());
        tenant
    }

    fn seed_person(&mut self, person: &Person) {
        let Some(access) = person.freshdesk_access() else { return };
        let created = clock::morning(person.start_date);
        let agent = Agent {
            id: self.serial.take(),
            name: person.name(),
            email: person.work_email.clone(),
            phone: person.phone.clone(),
            mobile: None,
            job_title: person.known_title(),
            role_ids: vec![id_of(&self.roles, access.role)],
            group_ids: access.groups.iter().map(|group| id_of(&self.groups, group)).collect(),
            ticket_scope: access.ticket_scope,
            kind: "support_agent".into(),
            available: true,
            occasional: false,
            active: !person.has_left() && !person.is_pending(),
            custom_fields: Map::new(),
            created_at: created.clone(),
            updated_at: created,
        };
        self.add_agent(agent, person.is_pending());
    }

    /// Adds an agent with the contact that will outlive it, unless one stands there already.
    pub(super) fn add_agent(&mut self, agent: Agent, invited: bool) {
        if self.contacts.with_email(&agent.email).is_empty() {
            let id = self.serial.take();
            let mut contact = Contact::plain(id, &agent.name, Some(agent.email.clone()), &agent.created_at);
            contact.phone = agent.phone.clone();
            self.contacts.push(contact, false);
        }
        self.agents.push(agent, invited);
    }

    /// Licences taken: active agents and those who were invited.
    fn taken(&self) -> usize {
        self.agents.iter().filter(|held| is_working(held)).count()
    }

    pub(super) fn is_full(&self) -> bool {
        self.taken() >= self.seats
    }

    /// Returns the agent record with this e-mail that is in use or waiting for its invitation.
    pub(super) fn working_agent(&self, email: &str) -> Option<&Held<Agent>> {
        self.agents.with_email(email).into_iter().find(|held| is_working(held))
    }

    fn list(&self, call: &Call) -> Reply {
        match self.list_page(call) {
            Ok(rows) => Reply::ok(Value::Array(rows)),
            Err(wrong) => invalid(Freshdesk, StatusCode::BAD_REQUEST, &[wrong]),
        }
    }

    fn list_page(&self, call: &Call) -> Result<Vec<Value>, Wrong> {
        let (skip, take) = numbered(call, PAGES)?;
        let active = paging::flag(call, "active")?.unwrap_or(true);
        let since = updated_since(call)?;
        let rows = self.agents.of_email(call.query("email")).map(|held| &held.row);
        let rows = rows.filter(|agent| agent.active == active && changed_since(&agent.updated_at, since));
        Ok(rows.skip(skip).take(take).map(Row::show).collect())
    }

    fn get(&self, id: &str) -> Reply {
        self.agents.get(id).map_or_else(|| not_found(Freshdesk), |held| Reply::ok(held.row.show()))
    }

    /// Reads what an agent may be told, over what it is.
    fn read_over(&self, agent: &mut Agent, fields: &mut Fields) {
        fields.solid_text("name").set(&mut agent.name);
        fields.text("phone").store(&mut agent.phone);
        fields.text("mobile").store(&mut agent.mobile);
        fields.text("job_title").store(&mut agent.job_title);
        self.read_access(agent, fields);
        fields.flag("available").set(&mut agent.available);
        read_custom(fields, &CUSTOM_FIELDS, &mut agent.custom_fields);
    }

    /// Reads what makes an agent of a person; also what `make_agent` takes.
    pub(super) fn read_access(&self, agent: &mut Agent, fields: &mut Fields) {
        let roles = fields.numbers("role_ids");
        if matches!(&roles, Sent::Value(ids) if ids.is_empty() || !known(&self.roles, ids)) {
            fields.wrong("role_ids", "There is no role matching the given id.", "invalid_value");
        }
        roles.set(&mut agent.role_ids);
        let groups = fields.numbers("group_ids");
        if matches!(&groups, Sent::Value(ids) if !known(&self.groups, ids)) {
            fields.wrong("group_ids", "There is no group matching the given id.", "invalid_value");
        }
        groups.set(&mut agent.group_ids);
        let scope = fields.number("ticket_scope");
        if matches!(scope, Sent::Value(scope) if !(1..=3).contains(&scope)) {
            fields.wrong("ticket_scope", "It should be one of these values: '1,2,3'.", "invalid_value");
        }
        scope.set(&mut agent.ticket_scope);
        let kind = fields.text("type");
        if matches!(&kind, Sent::Value(kind) if kind != "support_agent" && kind != "field_agent") {
            fields.wrong("type", "It should be one of these values: 'support_agent,field_agent'.", "invalid_value");
        }
        kind.set(&mut agent.kind);
        fields.flag("occasional").set(&mut agent.occasional);
    }

    fn create(&mut self, call: &Call) -> Reply {
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshdesk, error),
        };
        fields.allow_only(&WRITABLE);
        let mut agent = self.blank_agent();
        self.read_over(&mut agent, &mut fields);
        agent.name = fields.required_text("name");
        agent.email = fields.required_email("email");
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshdesk, StatusCode::BAD_REQUEST, &wrongs);
        }
        if !self.agents.with_email(&agent.email).is_empty() || !self.contacts.with_email(&agent.email).is_empty() {
            return duplicate();
        }
        if self.is_full() {
            return full();
        }
        agent.id = self.serial.take();
        let shown = agent.show();
        self.add_agent(agent, true);
        Reply::created(shown)
    }

    /// Changes what is sent; an e-mail is accepted and ignored (FD-26).
    fn update(&mut self, id: &str, call: &Call) -> Reply {
        let Some(mut agent) = self.agents.get(id).map(|held| held.row.clone()) else { return not_found(Freshdesk) };
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshdesk, error),
        };
        fields.allow_only(&WRITABLE);
        self.read_over(&mut agent, &mut fields);
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshdesk, StatusCode::BAD_REQUEST, &wrongs);
        }
        agent.updated_at = clock::now();
        let shown = agent.show();
        self.rename_contact(&agent);
        self.agents.edit(id, |held| held.row = agent);
        Reply::ok(shown)
    }

    fn rename_contact(&mut self, agent: &Agent) {
        if let Some(id) = self.contacts.with_email(&agent.email).first().map(|held| held.row.id()) {
            self.contacts.edit(&id, |held| held.row.name = agent.name.clone());
        }
    }

    /// Deactivates; the record stays readable and the contact stays (FD-29).
    /// Puts an agent out. The contact's record of them, which the agent embeds, is retained.
    fn delete(&mut self, id: &str) -> Reply {
        let edited = self.agents.edit(id, |held| {
            held.row.active = false;
            held.row.available = false;
            held.row.updated_at = clock::now();
            held.invited = false;
        });
        let Some(agent) = edited.map(|held| held.row.clone()) else {
            return not_found(Freshdesk);
        };
        self.retain(&agent);
        Reply::no_content()
    }

    pub(super) fn blank_agent(&self) -> Agent {
        let now = clock::now();
        Agent {
            id: 0,
            name: String::new(),
            email: String::new(),
            phone: None,
            mobile: None,
            job_title: None,
            role_ids: vec![id_of(&self.roles, "Agent")],
            group_ids: Vec::new(),
            ticket_scope: 1,
            kind: "support_agent".into(),
            available: true,
            occasional: false,
            active: false,
            custom_fields: Map::new(),
            created_at: now.clone(),
            updated_at: now,
        }
    }

    fn list_named(&self, list: &[Named], call: &Call) -> Reply {
        match numbered(call, PAGES) {
            Ok((skip, take)) => Reply::ok(list.iter().skip(skip).take(take).map(shown).collect()),
            Err(wrong) => invalid(Freshdesk, StatusCode::BAD_REQUEST, &[wrong]),
        }
    }
}

pub(super) fn is_working(held: &Held<Agent>) -> bool {
    held.row.active || held.invited
}

pub(super) fn duplicate() -> Reply {
    let wrong = Wrong::new("email", "It should be a unique value.", "duplicate_value");
    invalid(Freshdesk, StatusCode::CONFLICT, &[wrong])
}

pub(super) fn full() -> Reply {
    let message = "You have used all the agent seats of your account.";
    refuse(Freshdesk, StatusCode::BAD_REQUEST, "agent_limit_reached", message)
}

impl Imitation for Tenant {
    fn answer(&mut self, call: &Call) -> Reply {
        match (call.method.clone(), call.path().as_slice()) {
            (Method::GET, ["agents"]) => self.list(call),
            (Method::POST, ["agents"]) => self.create(call),
            (Method::GET, ["agents", id]) => self.get(id),
            (Method::PUT, ["agents", id]) => self.update(id, call),
            (Method::DELETE, ["agents", id]) => self.delete(id),
            (Method::GET, ["contacts"]) => self.list_contacts(call),
            (Method::POST, ["contacts"]) => self.create_contact(call),
            (Method::GET, ["contacts", id]) => self.get_contact(id),
            (Method::PUT, ["contacts", id]) => self.update_contact(id, call),
            (Method::DELETE, ["contacts", id]) => self.delete_contact(id),
            (Method::PUT, ["contacts", id, "make_agent"]) => self.make_agent(id, call),
            (Method::GET, ["roles"]) => self.list_named(&self.roles, call),
            (Method::GET, ["groups"]) => self.list_named(&self.groups, call),
            (_, ["agents" | "contacts"] | ["agents" | "contacts", _] | ["contacts", _, "make_agent"]) => {
                not_allowed(Freshdesk)
            }
            (_, ["roles" | "groups"]) => not_allowed(Freshdesk),
            _ => not_found(Freshdesk),
        }
    }

    fn census(&self) -> Vec<Seen> {
        let agents = self.agents.iter().map(|held| Seen::of("agent", held, held.row.active));
        agents.chain(self.contacts.iter().map(|held| Seen::of("contact", held, !held.row.deleted))).collect()
    }

    fn sightings(&self, email: &str) -> Vec<Seen> {
        let agents = self.agents.with_email(email).into_iter().map(|held| Seen::of("agent", held, held.row.active));
        let contacts = self.contacts.with_email(email).into_iter();
        agents.chain(contacts.map(|held| Seen::of("contact", held, !held.row.deleted))).collect()
    }

    fn confirm(&mut self, email: &str) -> bool {
        let Some(id) = self.agents.with_email(email).into_iter().find(|held| held.invited).map(|held| held.row.id())
        else {
            return false;
        };
        let edited = self.agents.edit(&id, |held| {
            held.invited = false;
            held.row.active = true;
            held.row.updated_at = clock::now();
        });
        edited.is_some()
    }

    fn change(&mut self, id: &str, patch: &Value) -> bool {
        let now = clock::now();
        if self.agents.get(id).is_some() {
            merge(&mut self.agents, id, patch) && self.agents.edit(id, |held| held.row.updated_at = now).is_some()
        } else {
            merge(&mut self.contacts, id, patch) && self.contacts.edit(id, |held| held.row.updated_at = now).is_some()
        }
    }

    fn purge(&mut self, id: &str) -> bool {
        self.agents.remove(id).is_some() || self.contacts.remove(id).is_some()
    }

    fn shift(&mut self) {
        if let Some(id) = self.agents.with_email(STRANGER).first().map(|held| held.row.id()) {
            self.agents.remove(&id);
            return;
        }
        let agent = Agent {
            id: self.serial.take(),
            name: "Shifting Row".into(),
            email: STRANGER.into(),
            active: true,
            ..self.blank_agent()
        };
        self.agents.push_front(agent);
    }

    fn set_seats(&mut self, seats: usize) {
        self.seats = seats;
    }

    fn seats(&self) -> Option<(usize, usize)> {
        Some((self.taken(), self.seats))
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
