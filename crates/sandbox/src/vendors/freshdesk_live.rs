//! Freshdesk as its live API documents itself, where that differs from the guide: the person inside `contact`, no filter
//! by `active`, a DELETE that leaves a contact, `Link` headers, 403 at the seat limit. The record's fields stand in the
//! file beside this one, and so do the contacts. Webhooks and the tickets themselves are not imitated.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::fresh::{linked, list_named};
use super::freshdesk::duplicate;
use super::freshdesk_live_contacts::Contact;
use super::freshdesk_live_fields::{Agent, Lists, Profile, Writing, read_agent};
use super::{Imitation, STRANGER, Seen, Serial, id_of, merge, seats_for};
use crate::Habit;
use crate::Vendor::Freshdesk;
use crate::clock;
use crate::company::{Company, Person, days_before};
use crate::credentials::OWNER_EMAIL;
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent};
use crate::paging::digest;
use crate::refusal::{Wrong, bad_body, invalid, not_allowed, not_found, refuse};
use crate::scim::Directory;
use crate::table::{Row, Table};

/// One agent in so many comes without its ids in a list.
const BARE_ONE_IN: u64 = 4;
/// What a list leaves out of such a row.
const BARE_LACKS: [&str; 3] = ["role_ids", "group_ids", "skill_ids"];

#[derive(Clone)]
pub(crate) struct Tenant {
    pub(super) agents: Table<Agent>,
    pub(super) contacts: Table<Contact>,
    lists: Lists,
    pub(super) serial: Serial,
    seats: usize,
    seed: u64,
    bare_rows: bool,
    /// What SCIM clients call their users, by SCIM id.
    pub(super) external_ids: BTreeMap<String, String>,
    pub(super) sso: bool,
}

impl Tenant {
    pub fn seed(company: &Company, seed: u64) -> Self {
        let mut tenant = Tenant {
            agents: Table::default(),
            contacts: Table::default(),
            lists: Lists::new(),
            serial: Serial { last: 81_000, step: 7 },
            seats: 0,
            seed,
            bare_rows: true,
            external_ids: BTreeMap::new(),
            sso: true,
        };
        for person in company.by_start() {
            tenant.seed_person(person);
        }
        for (name, email) in [("Alice Customer", "alice@customer.example"), ("Bob Jones", "bob@customer.example")] {
            let id = tenant.serial.take();
            let created = clock::morning(days_before(company.today, 300));
            let mut contact = Contact::of(id, Profile::named(name, Some(email.into())), &created);
            contact.other_emails = vec![format!("private.{email}")];
            tenant.contacts.push(contact, false);
        }
        tenant.seats = seats_for(tenant.taken());
        tenant
    }

    /// Seeds an agent with the contact under it; of somebody who left, only the contact is there.
    fn seed_person(&mut self, person: &Person) {
        let Some(access) = person.freshdesk_access() else { return };
        let created = clock::morning(person.start_date);
        let profile = Profile::of(person);
        let mut contact = Contact::of(self.serial.take(), profile.clone(), &created);
        contact.downgraded = person.has_left();
        if !person.has_left() {
            let agent = Agent {
                id: self.serial.take(),
                contact_id: contact.id,
                role_ids: vec![id_of(&self.lists.roles, access.role)],
                group_ids: access.groups.iter().map(|group| id_of(&self.lists.groups, group)).collect(),
                ticket_scope: access.ticket_scope,
                occasional: false,
                active: !person.is_pending(),
                last_login_at: (!person.is_pending()).then(|| created.clone()),
                ..Agent::blank(&self.lists, profile, &created)
            };
            contact.agent_id = Some(agent.id);
            self.agents.push(agent, person.is_pending());
        }
        self.contacts.push(contact, false);
    }

    /// Licences taken: there is no inactive agent but the invited one, and an invitation counts.
    fn taken(&self) -> usize {
        self.agents.iter().count()
    }

    pub(super) fn is_full(&self) -> bool {
        self.taken() >= self.seats
    }

    pub(super) fn lists(&self) -> &Lists {
        &self.lists
    }

    /// Lists agents. Only four filters exist; `active` and everything else is ignored.
    fn list(&self, call: &Call) -> Reply {
        let occasional = match call.query("state") {
            None => None,
            Some("fulltime") => Some(false),
            Some("occasional") => Some(true),
            Some(_) => {
                let wrong = Wrong::new("state", "It should be one of: 'fulltime,occasional'.", "invalid_value");
                return invalid(Freshdesk, StatusCode::BAD_REQUEST, &[wrong]);
            }
        };
        let rows = self.agents.iter().map(|held| &held.row).filter(|agent| {
            agent.profile.matches(call) && occasional.is_none_or(|occasional| agent.occasional == occasional)
        });
        linked(Freshdesk, call, rows.map(|agent| self.listed(agent)), Value::Array)
    }

    /// Shows an agent as a list does: some rows lack the ids of what the agent belongs to.
    fn listed(&self, agent: &Agent) -> Value {
        let mut body = agent.show();
        if self.bare_rows
            && digest(&("bare", self.seed, agent.id)).is_multiple_of(BARE_ONE_IN)
            && let Some(fields) = body.as_object_mut()
        {
            fields.retain(|key, _| !BARE_LACKS.contains(&key.as_str()));
        }
        body
    }

    fn get(&self, id: &str) -> Reply {
        self.agents.get(id).map_or_else(|| not_found(Freshdesk), |held| Reply::ok(held.row.show()))
    }

    /// Answers with the agent whose key it is.
    fn me(&self) -> Reply {
        let caller = self.agents.iter().find(|held| is_caller(&held.row));
        caller.map_or_else(|| not_found(Freshdesk), |held| Reply::ok(held.row.show()))
    }

    fn create(&mut self, call: &Call) -> Reply {
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshdesk, error),
        };
        let mut agent = Agent::blank(&self.lists, Profile::named("", None), &clock::now());
        read_agent(&mut agent, &mut fields, &self.lists, Writing::Create);
        let email = fields.required_email("email");
        if !matches!(fields.number("ticket_scope"), Sent::Value(_)) {
            fields.wrong("ticket_scope", "This field is mandatory.", "missing_field");
        }
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshdesk, StatusCode::BAD_REQUEST, &wrongs);
        }
        if self.email_taken(&email, 0) {
            return duplicate();
        }
        if self.is_full() {
            return full();
        }
        if agent.profile.name.is_empty() {
            agent.profile.name = email.split('@').next().unwrap_or_default().into();
        }
        agent.profile.email = Some(email);
        let mut contact = Contact::of(self.serial.take(), agent.profile.clone(), &agent.created_at);
        (agent.id, agent.contact_id) = (self.serial.take(), contact.id);
        contact.agent_id = Some(agent.id);
        let shown = agent.show();
        self.contacts.push(contact, false);
        self.agents.push(agent, true);
        Reply::created(shown)
    }

    /// Says whether an address is anybody's, agent or contact, in whichever column; one contact is left out of it.
    pub(super) fn email_taken(&self, email: &str, contact_id: u64) -> bool {
        let agents = self.agents.with_email(email);
        agents.iter().any(|held| held.row.contact_id != contact_id)
            || self.contacts.iter().any(|held| held.row.id != contact_id && held.row.has_email(email))
    }

    /// Changes what is sent. An e-mail is changed; name, phones and job title are taken and ignored.
    fn update(&mut self, id: &str, call: &Call) -> Reply {
        let Some(before) = self.agents.get(id).map(|held| held.row.clone()) else { return not_found(Freshdesk) };
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshdesk, error),
        };
        let mut agent = before.clone();
        read_agent(&mut agent, &mut fields, &self.lists, Writing::Update);
        fields.email("email").store(&mut agent.profile.email);
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshdesk, StatusCode::BAD_REQUEST, &wrongs);
        }
        if is_caller(&before) && (agent.role_ids != before.role_ids || agent.ticket_scope != before.ticket_scope) {
            let message = "You are not authorized to change your own roles or scope.";
            return refuse(Freshdesk, StatusCode::FORBIDDEN, "access_denied", message);
        }
        if agent.profile.email.as_deref().is_some_and(|email| self.email_taken(email, agent.contact_id)) {
            return duplicate();
        }
        agent.updated_at = clock::now();
        let shown = agent.show();
        self.put(id, agent);
        Reply::ok(shown)
    }

    /// Stores an agent, and what it shares with the contact under it.
    fn put(&mut self, id: &str, agent: Agent) {
        self.contacts.edit(&agent.contact_id.to_string(), |held| held.row.profile = agent.profile.clone());
        self.agents.edit(id, |held| held.row = agent);
    }

    /// Downgrades an agent to the contact under it; the agent is no longer there.
    fn delete(&mut self, id: &str) -> Reply {
        let Some(held) = self.agents.remove(id) else { return not_found(Freshdesk) };
        self.contacts.edit(&held.row.contact_id.to_string(), |contact| {
            contact.row.agent_id = None;
            contact.row.downgraded = true;
            contact.row.updated_at = clock::now();
        });
        Reply::no_content()
    }
}

/// Says whether this is the agent whose API key the sandbox hands out.
fn is_caller(agent: &Agent) -> bool {
    agent.profile.email.as_deref() == Some(OWNER_EMAIL)
}

pub(super) fn full() -> Reply {
    let message = "You have reached the maximum number of agents: the agent limit of your plan.";
    refuse(Freshdesk, StatusCode::FORBIDDEN, "access_denied", message)
}

impl Imitation for Tenant {
    fn answer(&mut self, call: &Call) -> Reply {
        match (call.method.clone(), call.path().as_slice()) {
            (Method::GET, ["agents"]) => self.list(call),
            (Method::POST, ["agents"]) => self.create(call),
            (Method::GET, ["agents", "me"]) => self.me(),
            (Method::GET, ["agents", id]) => self.get(id),
            (Method::PUT, ["agents", id]) => self.update(id, call),
            (Method::DELETE, ["agents", id]) => self.delete(id),
            (Method::GET, ["contacts"]) => self.list_contacts(call),
            (Method::POST, ["contacts"]) => self.create_contact(call),
            (Method::GET, ["contacts", id]) => self.get_contact(id),
            (Method::PUT, ["contacts", id]) => self.update_contact(id, call),
            (Method::DELETE, ["contacts", id]) => self.delete_contact(id),
            (Method::PUT, ["contacts", id, "make_agent"]) => self.make_agent(id, call),
            (Method::GET, ["roles"]) => list_named(Freshdesk, call, &self.lists.roles, Value::Array),
            (Method::GET, ["groups"]) => list_named(Freshdesk, call, &self.lists.groups, Value::Array),
            (Method::GET, ["skills"]) => list_named(Freshdesk, call, &self.lists.skills, Value::Array),
            (_, ["agents" | "contacts"] | ["agents" | "contacts", _] | ["contacts", _, "make_agent"]) => {
                not_allowed(Freshdesk)
            }
            (_, ["roles" | "groups" | "skills"]) => not_allowed(Freshdesk),
            _ => not_found(Freshdesk),
        }
    }

    fn census(&self) -> Vec<Seen> {
        let agents = self.agents.iter().map(|held| Seen::of("agent", held, held.row.active));
        agents.chain(self.contacts.iter().map(|held| Seen::of("contact", held, held.row.stands()))).collect()
    }

    fn sightings(&self, email: &str) -> Vec<Seen> {
        let agents = self.agents.with_email(email).into_iter().map(|held| Seen::of("agent", held, held.row.active));
        let contacts = self.contacts.with_email(email).into_iter();
        agents.chain(contacts.map(|held| Seen::of("contact", held, held.row.stands()))).collect()
    }

    fn confirm(&mut self, email: &str) -> bool {
        let invited = self.agents.with_email(email).into_iter().find(|held| held.invited).map(|held| held.row.id());
        let edited = invited.and_then(|id| {
            self.agents.edit(&id, |held| {
                held.invited = false;
                held.row.active = true;
                held.row.last_login_at = Some(clock::now());
                held.row.updated_at = clock::now();
            })
        });
        edited.is_some()
    }

    fn change(&mut self, id: &str, patch: &Value) -> bool {
        let now = clock::now();
        if !merge(&mut self.agents, id, patch) {
            return merge(&mut self.contacts, id, patch)
                && self.contacts.edit(id, |held| held.row.updated_at = now).is_some();
        }
        let agent = self.agents.get(id).map(|held| Agent { updated_at: now, ..held.row.clone() });
        agent.map(|agent| self.put(id, agent)).is_some()
    }

    /// Removes an agent together with the contact under it, or a contact.
    fn purge(&mut self, id: &str) -> bool {
        match self.agents.remove(id) {
            Some(held) => self.contacts.remove(&held.row.contact_id.to_string()).is_some(),
            None => self.contacts.remove(id).is_some(),
        }
    }

    fn shift(&mut self) {
        if let Some(id) = self.agents.with_email(STRANGER).first().map(|held| held.row.id()) {
            self.agents.remove(&id);
            return;
        }
        let profile = Profile::named("Shifting Row", Some(STRANGER.into()));
        let agent = Agent { id: self.serial.take(), active: true, ..Agent::blank(&self.lists, profile, &clock::now()) };
        self.agents.push_front(agent);
    }

    fn set_seats(&mut self, seats: usize) {
        self.seats = seats;
    }

    fn seats(&self) -> Option<(usize, usize)> {
        Some((self.taken(), self.seats))
    }

    fn adopt(&mut self, habit: Habit) -> bool {
        let bare = match habit {
            Habit::RowsBare => true,
            Habit::RowsWhole => false,
            _ => return false,
        };
        self.bare_rows = bare;
        true
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
