//! Live Freshdesk contacts: the customers, the record under every agent, and what a DELETE leaves of an agent. A contact
//! is hidden from the list while its person is an agent. `make_agent` is the only way back, and it costs the contact its
//! other e-mails.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fresh::{linked, read_custom, since};
use super::freshdesk::duplicate;
use super::freshdesk_contacts::{COMPANIES, CUSTOM_FIELDS};
use super::freshdesk_live::{Tenant, full};
use super::freshdesk_live_fields::{Agent, Profile, Writing, read_agent};
use super::{changed_since, shown};
use crate::Vendor::Freshdesk;
use crate::clock;
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent, is_email};
use crate::paging;
use crate::refusal::{bad_body, invalid, not_found, refuse};
use crate::table::Row;

const WRITABLE: [&str; 12] = [
    "name",
    "email",
    "other_emails",
    "phone",
    "mobile",
    "twitter_id",
    "tags",
    "company_id",
    "custom_fields",
    "job_title",
    "language",
    "time_zone",
];

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Contact {
    pub id: u64,
    /// The agent that this person is; not shown.
    pub agent_id: Option<u64>,
    /// Once was an agent and is none now; not shown.
    pub downgraded: bool,
    #[serde(flatten)]
    pub profile: Profile,
    pub other_emails: Vec<String>,
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
    pub fn of(id: u64, profile: Profile, created_at: &str) -> Self {
        Contact {
            id,
            agent_id: None,
            downgraded: false,
            profile,
            other_emails: Vec::new(),
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

    /// Says whether an address is this contact's, in either column.
    pub fn has_email(&self, email: &str) -> bool {
        self.profile.email.iter().chain(&self.other_emails).any(|own| own.eq_ignore_ascii_case(email))
    }

    /// Says whether the person may still be somebody here: neither deleted nor an agent that was taken down.
    pub fn stands(&self) -> bool {
        !self.deleted && !self.downgraded
    }

    fn emails(&self) -> impl Iterator<Item = &String> {
        self.profile.email.iter().chain(&self.other_emails)
    }
}

impl Row for Contact {
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn email(&self) -> Option<&str> {
        self.profile.email.as_deref()
    }
    fn show(&self) -> Value {
        let mut body = shown(self);
        if let Some(fields) = body.as_object_mut() {
            fields.remove("agent_id");
            fields.remove("downgraded");
        }
        body
    }
}

impl Tenant {
    pub(super) fn list_contacts(&self, call: &Call) -> Reply {
        let asked = since(call, "_updated_since").and_then(|since| Ok((since, paging::flag(call, "deleted")?)));
        let (since, deleted) = match asked {
            Ok(asked) => asked,
            Err(wrong) => return invalid(Freshdesk, StatusCode::BAD_REQUEST, &[wrong]),
        };
        let company = call.query("company_id");
        let rows = self.contacts.iter().map(|held| &held.row).filter(|contact| {
            contact.agent_id.is_none()
                && contact.deleted == deleted.unwrap_or(false)
                && contact.profile.matches(call)
                && company.is_none_or(|wanted| contact.company_id.is_some_and(|id| id.to_string() == wanted))
                && changed_since(&contact.updated_at, since)
        });
        linked(Freshdesk, call, rows.map(Row::show), Value::Array)
    }

    pub(super) fn get_contact(&self, id: &str) -> Reply {
        self.contacts.get(id).map_or_else(|| not_found(Freshdesk), |held| Reply::ok(held.row.show()))
    }

    pub(super) fn create_contact(&mut self, call: &Call) -> Reply {
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshdesk, error),
        };
        let mut contact = Contact::of(0, Profile::named("", None), &clock::now());
        read_contact(&mut contact, &mut fields);
        contact.profile.name = fields.required_text("name");
        let unreachable = contact.profile.email.is_none()
            && contact.profile.phone.is_null()
            && contact.profile.mobile.is_none()
            && contact.twitter_id.is_none();
        if unreachable {
            fields.wrong("email", "Please fill at least 1 of email, phone, mobile, twitter_id.", "missing_field");
        }
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshdesk, StatusCode::BAD_REQUEST, &wrongs);
        }
        if contact.emails().any(|email| self.email_taken(email, 0)) {
            return duplicate();
        }
        contact.id = self.serial.take();
        let shown = contact.show();
        self.contacts.push(contact, false);
        Reply::created(shown)
    }

    pub(super) fn update_contact(&mut self, id: &str, call: &Call) -> Reply {
        let Some(before) = self.contacts.get(id).map(|held| held.row.clone()) else { return not_found(Freshdesk) };
        if before.agent_id.is_some() {
            return is_agent();
        }
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshdesk, error),
        };
        let mut contact = before.clone();
        read_contact(&mut contact, &mut fields);
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshdesk, StatusCode::BAD_REQUEST, &wrongs);
        }
        if contact.emails().any(|email| self.email_taken(email, before.id)) {
            return duplicate();
        }
        contact.updated_at = clock::now();
        let shown = contact.show();
        self.contacts.edit(id, |held| held.row = contact);
        Reply::ok(shown)
    }

    pub(super) fn delete_contact(&mut self, id: &str) -> Reply {
        let Some(held) = self.contacts.get(id) else { return not_found(Freshdesk) };
        if held.row.agent_id.is_some() {
            return is_agent();
        }
        self.contacts.edit(id, |held| {
            held.row.deleted = true;
            held.row.updated_at = clock::now();
        });
        Reply::no_content()
    }

    /// Makes an agent of a contact, with an id of its own: full-time and of global scope unless the body says otherwise.
    /// The contact's other e-mails are gone for good. The answer is the contact, with the agent inside it.
    pub(super) fn make_agent(&mut self, id: &str, call: &Call) -> Reply {
        let Some(mut contact) = self.contacts.get(id).map(|held| held.row.clone()) else { return not_found(Freshdesk) };
        let mut fields = match call.object_or_empty() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshdesk, error),
        };
        let now = clock::now();
        let mut agent = Agent { occasional: false, ..Agent::blank(self.lists(), contact.profile.clone(), &now) };
        read_agent(&mut agent, &mut fields, self.lists(), Writing::MakeAgent);
        if contact.deleted || contact.profile.email.is_none() {
            fields.wrong("email", "Contact with email id can only be converted to agent.", "invalid_value");
        }
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshdesk, StatusCode::BAD_REQUEST, &wrongs);
        }
        if contact.agent_id.is_some() {
            return duplicate();
        }
        if self.is_full() {
            return full();
        }
        (agent.id, agent.contact_id) = (self.serial.take(), contact.id);
        contact.agent_id = Some(agent.id);
        contact.downgraded = false;
        contact.other_emails.clear();
        contact.updated_at = now;
        let mut shown = Contact { active: false, ..contact.clone() }.show();
        shown["agent"] = Value::Object(agent.show_bare());
        self.contacts.edit(id, |held| held.row = contact);
        self.agents.push(agent, true);
        Reply::ok(shown)
    }
}

fn is_agent() -> Reply {
    refuse(Freshdesk, StatusCode::BAD_REQUEST, "invalid_value", "This contact is an agent.")
}

fn read_contact(contact: &mut Contact, fields: &mut Fields) {
    fields.allow_only(&WRITABLE);
    contact.profile.read(fields);
    fields.email("email").store(&mut contact.profile.email);
    let others = fields.texts("other_emails");
    if matches!(&others, Sent::Value(emails) if !emails.iter().all(|email| is_email(email))) {
        fields.wrong("other_emails", "It should contain valid email addresses.", "invalid_value");
    }
    others.set(&mut contact.other_emails);
    fields.text("twitter_id").store(&mut contact.twitter_id);
    fields.texts("tags").set(&mut contact.tags);
    let company = fields.number("company_id");
    if matches!(company, Sent::Value(id) if !COMPANIES.contains(&id)) {
        fields.wrong("company_id", "There is no company matching the given id.", "invalid_value");
    }
    company.store(&mut contact.company_id);
    read_custom(fields, &CUSTOM_FIELDS, &mut contact.custom_fields);
}
