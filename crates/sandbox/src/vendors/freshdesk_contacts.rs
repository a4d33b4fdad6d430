//! Freshdesk contacts: the customers, and the record under every agent that outlives the agent. A contact is hidden
//! from the list while its person is an agent, as the vendor's own lists do it, but stays readable by id. Companies are
//! a fixed set without a list of their own.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fresh::{PAGES, read_custom, updated_since};
use super::freshdesk::{Agent, Tenant, duplicate, full};
use super::{changed_since, shown};
use crate::Vendor::Freshdesk;
use crate::clock;
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent};
use crate::paging::{self, numbered};
use crate::refusal::{Wrong, bad_body, invalid, not_found, refuse};
use crate::table::Row;

const WRITABLE: [&str; 8] = ["name", "email", "phone", "mobile", "twitter_id", "tags", "company_id", "custom_fields"];
const MAKE_AGENT: [&str; 5] = ["role_ids", "group_ids", "ticket_scope", "type", "occasional"];
pub(super) const COMPANIES: [u64; 2] = [5, 6];
pub(super) const CUSTOM_FIELDS: [&str; 1] = ["customer_tier"];

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Contact {
    pub id: u64,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub mobile: Option<String>,
    pub twitter_id: Option<String>,
    pub active: bool,
    pub deleted: bool,
    pub tags: Vec<String>,
    pub company_id: Option<u64>,
    pub custom_fields: Map<String, Value>,
    pub created_at: String,
    pub updated_at: String,
}

impl Contact {
    pub fn plain(id: u64, name: &str, email: Option<String>, created_at: &str) -> Self {
        Contact {
            id,
            name: name.into(),
            email,
            phone: None,
            mobile: None,
            twitter_id: None,
            active: true,
            deleted: false,
            tags: Vec::new(),
            company_id: None,
            custom_fields: Map::new(),
            created_at: created_at.into(),
            updated_at: created_at.into(),
        }
    }
}

impl Row for Contact {
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
    fn show(&self) -> Value {
        shown(self)
    }
}

impl Tenant {
    pub(super) fn list_contacts(&self, call: &Call) -> Reply {
        match self.contact_page(call) {
            Ok(rows) => Reply::ok(Value::Array(rows)),
            Err(wrong) => invalid(Freshdesk, StatusCode::BAD_REQUEST, &[wrong]),
        }
    }

    fn contact_page(&self, call: &Call) -> Result<Vec<Value>, Wrong> {
        let (skip, take) = numbered(call, PAGES)?;
        let deleted = paging::flag(call, "deleted")?.unwrap_or(false);
        let since = updated_since(call)?;
        let same =
            |key: &str, value: &Option<String>| call.query(key).is_none_or(|wanted| value.as_deref() == Some(wanted));
        let company = call.query("company_id");
        let rows = self.contacts.of_email(call.query("email")).map(|held| &held.row).filter(|contact| {
            contact.deleted == deleted
                && same("phone", &contact.phone)
                && same("mobile", &contact.mobile)
                && company.is_none_or(|wanted| contact.company_id.is_some_and(|id| id.to_string() == wanted))
                && changed_since(&contact.updated_at, since)
                && !self.is_agent(contact)
        });
        Ok(rows.skip(skip).take(take).map(Row::show).collect())
    }

    fn is_agent(&self, contact: &Contact) -> bool {
        contact.email.as_deref().is_some_and(|email| self.working_agent(email).is_some())
    }

    pub(super) fn get_contact(&self, id: &str) -> Reply {
        self.contacts.get(id).map_or_else(|| not_found(Freshdesk), |held| Reply::ok(held.row.show()))
    }

    pub(super) fn create_contact(&mut self, call: &Call) -> Reply {
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshdesk, error),
        };
        fields.allow_only(&WRITABLE);
        let mut contact = Contact::plain(0, "", None, &clock::now());
        read_over(&mut contact, &mut fields);
        contact.name = fields.required_text("name");
        let reachable = [&contact.email, &contact.phone, &contact.mobile, &contact.twitter_id];
        if reachable.into_iter().all(Option::is_none) {
            fields.wrong("email", "Please fill at least 1 of email, phone, mobile, twitter_id.", "missing_field");
        }
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshdesk, StatusCode::BAD_REQUEST, &wrongs);
        }
        if contact.email.as_deref().is_some_and(|email| self.contact_email_taken(email, 0)) {
            return duplicate();
        }
        contact.id = self.serial.take();
        let shown = contact.show();
        self.contacts.push(contact, false);
        Reply::created(shown)
    }

    fn contact_email_taken(&self, email: &str, except: u64) -> bool {
        self.contacts.with_email(email).iter().any(|held| held.row.id != except)
    }

    pub(super) fn update_contact(&mut self, id: &str, call: &Call) -> Reply {
        let Some(before) = self.contacts.get(id).map(|held| held.row.clone()) else { return not_found(Freshdesk) };
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshdesk, error),
        };
        fields.allow_only(&WRITABLE);
        let mut contact = before.clone();
        read_over(&mut contact, &mut fields);
        let agents = before.email.as_deref().map(|email| self.agents.with_email(email).len()).unwrap_or_default();
        if agents > 0 && contact.email != before.email {
            fields.wrong("email", "The email of an agent can't be changed here.", "invalid_value");
        }
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshdesk, StatusCode::BAD_REQUEST, &wrongs);
        }
        if contact.email.as_deref().is_some_and(|email| self.contact_email_taken(email, before.id)) {
            return duplicate();
        }
        contact.updated_at = clock::now();
        let shown = contact.show();
        self.contacts.edit(id, |held| held.row = contact);
        Reply::ok(shown)
    }

    pub(super) fn delete_contact(&mut self, id: &str) -> Reply {
        let Some(held) = self.contacts.get(id) else { return not_found(Freshdesk) };
        if self.is_agent(&held.row) {
            return refuse(Freshdesk, StatusCode::BAD_REQUEST, "invalid_value", "This contact is an agent.");
        }
        self.contacts.edit(id, |held| {
            held.row.deleted = true;
            held.row.updated_at = clock::now();
        });
        Reply::no_content()
    }

    /// Makes an agent of a contact (FD-35). The agent's id is never the contact's; a former agent gets the old agent
    /// record back, since e-mail is unique among agents, and has to accept a new invitation.
    pub(super) fn make_agent(&mut self, id: &str, call: &Call) -> Reply {
        let Some(contact) = self.contacts.get(id).map(|held| held.row.clone()) else { return not_found(Freshdesk) };
        let mut fields = match call.object_or_empty() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshdesk, error),
        };
        fields.allow_only(&MAKE_AGENT);
        let mut agent = self.blank_agent();
        self.read_access(&mut agent, &mut fields);
        if contact.deleted || contact.email.is_none() {
            fields.wrong("email", "Only a contact with an email can become an agent.", "invalid_value");
        }
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshdesk, StatusCode::BAD_REQUEST, &wrongs);
        }
        let email = contact.email.clone().unwrap_or_default();
        if self.is_agent(&contact) {
            return duplicate();
        }
        if self.is_full() {
            return full();
        }
        self.appoint(agent, &contact, email)
    }

    /// Keeps what an agent's record says of their person, for whoever makes an agent of the contact again.
    pub(super) fn retain(&mut self, agent: &Agent) {
        let contacts: Vec<String> = self.contacts.with_email(&agent.email).iter().map(|held| held.row.id()).collect();
        for id in contacts {
            self.contacts.edit(&id, |held| {
                held.row.name = agent.name.clone();
                held.row.phone = agent.phone.clone();
                held.row.mobile = agent.mobile.clone();
            });
        }
    }

    fn appoint(&mut self, mut agent: Agent, contact: &Contact, email: String) -> Reply {
        let former = self.agents.with_email(&email).first().map(|held| (held.row.id, held.row.created_at.clone()));
        agent.name = contact.name.clone();
        agent.phone = contact.phone.clone();
        agent.mobile = contact.mobile.clone();
        agent.email = email;
        let known = former.is_some();
        (agent.id, agent.created_at) = former.unwrap_or_else(|| (self.serial.take(), clock::now()));
        let shown = agent.show();
        if known {
            let id = agent.id();
            self.agents.edit(&id, |held| {
                held.row = agent;
                held.invited = true;
            });
        } else {
            self.agents.push(agent, true);
        }
        Reply::ok(shown)
    }
}

fn read_over(contact: &mut Contact, fields: &mut Fields) {
    fields.solid_text("name").set(&mut contact.name);
    fields.email("email").store(&mut contact.email);
    fields.text("phone").store(&mut contact.phone);
    fields.text("mobile").store(&mut contact.mobile);
    fields.text("twitter_id").store(&mut contact.twitter_id);
    fields.texts("tags").set(&mut contact.tags);
    let company = fields.number("company_id");
    if matches!(company, Sent::Value(id) if !COMPANIES.contains(&id)) {
        fields.wrong("company_id", "There is no company matching the given id.", "invalid_value");
    }
    company.store(&mut contact.company_id);
    read_custom(fields, &CUSTOM_FIELDS, &mut contact.custom_fields);
}
