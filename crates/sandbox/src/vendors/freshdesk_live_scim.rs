//! Freshdesk's agents as its SCIM surface shows them, in the live dialect: whoever is an agent or was one, by the contact
//! that outlives it. Deactivating takes an agent down to its contact, and activating makes a new agent of that.

use axum::http::StatusCode;

use super::freshdesk_live::Tenant;
use super::freshdesk_live_contacts::Contact;
use super::freshdesk_live_fields::{Agent, Profile};
use super::freshdesk_scim::{RULES, full_name, names, no_seat, scim_id, shut};
use crate::clock;
use crate::exchange::Reply;
use crate::scim::{Directory, Rules, User, missing, taken};
use crate::table::Row;

impl Tenant {
    fn user_of(&self, contact: &Contact) -> User {
        let (given, family) = names(&contact.profile.name);
        let id = scim_id(contact.id);
        User {
            external_id: self.external_ids.get(&id).cloned(),
            id,
            user_name: contact.profile.email.clone().unwrap_or_default(),
            given,
            family,
            title: contact.profile.job_title.clone(),
            phone: contact.profile.phone.as_str().map(String::from),
            active: contact.agent_id.is_some(),
            ..User::default()
        }
    }

    fn find_user(&self, id: &str) -> Result<Contact, Reply> {
        let contacts = self.contacts.iter().map(|held| &held.row);
        contacts
            .filter(|contact| is_user(contact))
            .find(|contact| scim_id(contact.id) == id)
            .cloned()
            .ok_or_else(|| missing(id))
    }

    /// Makes an agent of a contact, full-time and of global scope; the other e-mails are gone.
    fn raise(&mut self, mut contact: Contact) -> Contact {
        let agent = Agent {
            id: self.serial.take(),
            contact_id: contact.id,
            occasional: false,
            ..Agent::blank(self.lists(), contact.profile.clone(), &clock::now())
        };
        contact.agent_id = Some(agent.id);
        contact.downgraded = false;
        contact.other_emails.clear();
        self.agents.push(agent, true);
        contact
    }
}

fn is_user(contact: &Contact) -> bool {
    !contact.deleted && (contact.agent_id.is_some() || contact.downgraded)
}

impl Directory for Tenant {
    fn rules(&self) -> Rules {
        RULES
    }

    fn shut(&self) -> Option<Reply> {
        shut(self.sso)
    }

    fn users(&self) -> Vec<User> {
        let contacts = self.contacts.iter().map(|held| &held.row);
        contacts.filter(|contact| is_user(contact)).map(|contact| self.user_of(contact)).collect()
    }

    fn save(&mut self, user: User) -> Result<User, Reply> {
        let new = user.id.is_empty();
        let before = match new {
            true => Contact { downgraded: true, ..Contact::of(0, Profile::named("", None), &clock::now()) },
            false => self.find_user(&user.id)?,
        };
        let email = user.address(before.profile.email.as_deref().unwrap_or_default());
        if self.email_taken(&email, before.id) {
            return Err(taken());
        }
        if user.active && before.agent_id.is_none() && self.is_full() {
            return Err(no_seat(StatusCode::FORBIDDEN));
        }
        let mut contact = before;
        if new {
            contact.id = self.serial.take();
        }
        contact.profile.name = full_name(&user);
        contact.profile.email = Some(email);
        contact.profile.job_title = user.title.clone();
        if user.phone.is_some() || contact.profile.phone.is_string() {
            contact.profile.phone = user.phone.clone().into();
        }
        contact.updated_at = clock::now();
        match (contact.agent_id, user.active) {
            (Some(agent), true) => {
                self.agents.edit(&agent.to_string(), |held| held.row.profile = contact.profile.clone());
            }
            (Some(agent), false) => {
                self.agents.remove(&agent.to_string());
                (contact.agent_id, contact.downgraded) = (None, true);
            }
            (None, true) => contact = self.raise(contact),
            (None, false) => {}
        }
        let id = scim_id(contact.id);
        self.external_ids.remove(&id);
        self.external_ids.extend(user.external_id.map(|external| (id, external)));
        let saved = self.user_of(&contact);
        if new {
            self.contacts.push(contact, false);
        } else {
            self.contacts.edit(&contact.id(), |held| held.row = contact.clone());
        }
        Ok(saved)
    }

    fn drop_user(&mut self, id: &str) -> Result<(), Reply> {
        let user = self.find_user(id).map(|contact| self.user_of(&contact))?;
        self.save(User { active: false, ..user }).map(|_| ())
    }
}
