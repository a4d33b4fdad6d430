//! Freshdesk's agents as its SCIM surface shows them, in the guide's dialect. There are users and no groups, and their
//! ids are not the agents' own. An e-mail that the REST API keeps can be changed here; a DELETE deactivates.

use axum::http::StatusCode;

use super::freshdesk::{Agent, Tenant, is_working};
use crate::clock;
use crate::exchange::Reply;
use crate::paging::digest;
use crate::scim::{Directory, Rules, User, missing, refuse, taken};
use crate::table::{Held, Row};

pub(super) const RULES: Rules = Rules {
    filters: &["userName", "externalId", "emails.value", "id"],
    group_filters: &[],
    extension: None,
    config: false,
    own_type: false,
};

/// Returns the id that SCIM has for a record, which cannot be guessed from the record's own.
pub(super) fn scim_id(id: u64) -> String {
    format!("{:016x}", digest(&("freshdesk scim", id)))
}

/// Splits a name at its first blank, as a form with two fields would be filled in.
pub(super) fn names(name: &str) -> (Option<String>, Option<String>) {
    match name.split_once(' ') {
        Some((given, family)) => (Some(given.into()), Some(family.into())),
        None => (Some(name.into()).filter(|name: &String| !name.is_empty()), None),
    }
}

/// Joins the two names again; without any, the address has to do.
pub(super) fn full_name(user: &User) -> String {
    let names: Vec<&str> = [user.given.as_deref(), user.family.as_deref()].into_iter().flatten().collect();
    if names.is_empty() { user.user_name.clone() } else { names.join(" ") }
}

/// Returns the answer of a surface that waits for single sign-on.
pub(super) fn shut(sso: bool) -> Option<Reply> {
    let detail = "SCIM provisioning is not enabled: single sign-on has to be configured first.";
    (!sso).then(|| refuse(StatusCode::FORBIDDEN, None, detail))
}

/// Returns the refusal of a seat that is not there.
pub(super) fn no_seat(status: StatusCode) -> Reply {
    refuse(status, None, "The agent limit of the account is reached.")
}

impl Tenant {
    fn user_of(&self, held: &Held<Agent>) -> User {
        let agent = &held.row;
        let (given, family) = names(&agent.name);
        let id = scim_id(agent.id);
        User {
            external_id: self.external_ids.get(&id).cloned(),
            id,
            user_name: agent.email.clone(),
            given,
            family,
            title: agent.job_title.clone(),
            phone: agent.phone.clone(),
            active: is_working(held),
            ..User::default()
        }
    }

    fn create_user(&mut self, user: &User) -> Result<u64, Reply> {
        let email = user.address("");
        if !self.agents.with_email(&email).is_empty() || !self.contacts.with_email(&email).is_empty() {
            return Err(taken());
        }
        if user.active && self.is_full() {
            return Err(no_seat(StatusCode::BAD_REQUEST));
        }
        let id = self.serial.take();
        let agent = Agent { id, email, ..self.blank_agent() };
        self.add_agent(agent, user.active);
        Ok(id)
    }

    fn find_user(&self, id: &str) -> Option<u64> {
        self.agents.iter().map(|held| held.row.id).find(|agent| scim_id(*agent) == id)
    }
}

impl Directory for Tenant {
    fn rules(&self) -> Rules {
        RULES
    }

    fn shut(&self) -> Option<Reply> {
        shut(self.sso)
    }

    fn users(&self) -> Vec<User> {
        self.agents.iter().map(|held| self.user_of(held)).collect()
    }

    fn save(&mut self, user: User) -> Result<User, Reply> {
        let id = match user.id.as_str() {
            "" => self.create_user(&user)?,
            id => self.find_user(id).ok_or_else(|| missing(id))?,
        };
        let held = self.agents.get(&id.to_string()).ok_or_else(|| missing(&user.id))?;
        let (before, working) = (held.row.clone(), is_working(held));
        let email = user.address(&before.email);
        if self.agents.with_email(&email).iter().any(|held| held.row.id != id) {
            return Err(taken());
        }
        if user.active && !working && self.is_full() {
            return Err(no_seat(StatusCode::BAD_REQUEST));
        }
        let contact = self.contacts.with_email(&before.email).first().map(|held| held.row.id());
        let after = Agent {
            name: full_name(&user),
            email: email.clone(),
            job_title: user.title.clone(),
            phone: user.phone.clone(),
            updated_at: clock::now(),
            ..before
        };
        if let Some(contact) = contact {
            self.contacts.edit(&contact, |held| {
                held.row.name = after.name.clone();
                held.row.email = Some(email);
            });
        }
        self.external_ids.remove(&scim_id(id));
        self.external_ids.extend(user.external_id.map(|external| (scim_id(id), external)));
        let saved = self.agents.edit(&id.to_string(), |held| {
            held.row = after;
            switch(held, working, user.active);
        });
        let saved = saved.cloned().ok_or_else(|| missing(&id.to_string()))?;
        Ok(self.user_of(&saved))
    }

    fn drop_user(&mut self, id: &str) -> Result<(), Reply> {
        let agent = self.find_user(id).ok_or_else(|| missing(id))?;
        self.agents.edit(&agent.to_string(), |held| switch(held, true, false));
        Ok(())
    }
}

/// Deactivates an agent or lets it work again; who comes back does not have to confirm a second time.
fn switch(held: &mut Held<Agent>, working: bool, active: bool) {
    if working && !active {
        held.invited = false;
        held.row.active = false;
        held.row.available = false;
        held.row.updated_at = clock::now();
    }
    if !working && active {
        held.row.active = true;
        held.row.updated_at = clock::now();
    }
}
