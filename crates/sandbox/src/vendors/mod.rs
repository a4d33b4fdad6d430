//! The five imitations and what they have in common. Each is a plain state machine: a call in, a reply out, no socket
//! and no clock but for timestamps and the age of a write. An imitation knows its own vendor's rules and nothing of the
//! other four.

mod fresh;
pub(crate) mod freshdesk;
pub(crate) mod freshdesk_contacts;
pub(crate) mod freshdesk_live;
mod freshdesk_live_contacts;
mod freshdesk_live_fields;
mod freshdesk_live_scim;
mod freshdesk_scim;
pub(crate) mod freshservice;
pub(crate) mod freshservice_fields;
pub(crate) mod freshservice_live;
mod freshservice_live_fields;
mod freshservice_live_lists;
mod freshservice_live_query;
mod freshservice_live_scim;
mod freshservice_scim;
pub(crate) mod gainsight;
pub(crate) mod gainsight_live;
mod gainsight_live_batch;
mod gainsight_live_list;
mod gainsight_live_scim;
mod gainsight_live_user;
mod gainsight_scim;
pub(crate) mod gladly;
pub(crate) mod gladly_live;
mod gladly_live_import;
pub(crate) mod gorgias;
pub(crate) mod gorgias_live;
mod gorgias_live_body;

use std::borrow::Cow;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::company::Company;
use crate::exchange::{Call, Reply};
use crate::refusal::Wrong;
use crate::scim::Directory;
use crate::table::{Held, Row, Table};
use crate::world::{PutStyle, Stage};
use crate::{Dialect, Habit, Vendor};

/// What every imitation can do, for the door in front of it and for tests behind it.
pub(crate) trait Imitation: Send {
    /// Answers a call as the vendor would.
    fn answer(&mut self, call: &Call) -> Reply;
    /// Returns every record with the kind and the stage it truly is in.
    fn census(&self) -> Vec<Seen>;
    /// Returns the records with this e-mail.
    fn sightings(&self, email: &str) -> Vec<Seen>;
    /// Lets an invited person accept.
    fn confirm(&mut self, email: &str) -> bool;
    /// Changes a record as another admin would, past all checks.
    fn change(&mut self, id: &str, patch: &Value) -> bool;
    /// Removes a record without a trace.
    fn purge(&mut self, id: &str) -> bool;
    /// Puts a stranger before all other rows, or removes the one put there.
    fn shift(&mut self);
    /// Sets how many licences were bought, where the vendor counts them.
    fn set_seats(&mut self, _seats: usize) {}
    /// Returns licences taken and bought, where the vendor counts them.
    fn seats(&self) -> Option<(usize, usize)> {
        None
    }
    /// Takes on a habit; says whether the vendor has that choice.
    fn adopt(&mut self, _habit: Habit) -> bool {
        false
    }
    /// Imports rows as an admin does in the vendor's own pages; says how many, or what is wrong with them.
    fn import(&mut self, _rows: &str) -> Result<usize, Vec<Wrong>> {
        Err(vec![Wrong::new("file", "this vendor has no import", "not_found")])
    }
    /// Words a refusal that the door makes, where this vendor does it in a way of its own.
    fn refusal(&mut self, _status: StatusCode, _code: &str, _message: &str) -> Option<Reply> {
        None
    }
    /// Returns how many tickets there are, where the imitation counts any.
    fn tickets(&self) -> Option<usize> {
        None
    }
    /// Returns the people as the SCIM surface shows them, where there is one.
    fn directory(&mut self) -> Option<&mut dyn Directory> {
        None
    }
    fn set_sso(&mut self, _on: bool) {}
    fn set_put_style(&mut self, _style: PutStyle) {}
    /// Copies the whole state, so that a write can be undone.
    fn copy(&self) -> Box<dyn Imitation>;
}

/// A record as it truly is.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub kind: &'static str,
    pub id: String,
    pub email: Option<String>,
    pub stage: Stage,
    pub body: Value,
}

impl Seen {
    pub fn of<R: Row>(kind: &'static str, held: &Held<R>, active: bool) -> Self {
        let stage = match (held.invited, active) {
            (true, _) => Stage::Invited,
            (false, true) => Stage::Active,
            (false, false) => Stage::Suspended,
        };
        let email = held.row.email().map(String::from);
        Seen { kind, id: held.row.id(), email, stage, body: held.row.show() }
    }
}

/// Builds the vendor's tenant as the company left it yesterday.
pub(crate) fn found(vendor: Vendor, dialect: Dialect, company: &Company, seed: u64) -> Box<dyn Imitation> {
    match (vendor, dialect) {
        (Vendor::Gorgias, Dialect::Guide) => Box::new(gorgias::Tenant::seed(company, seed)),
        (Vendor::Gladly, Dialect::Guide) => Box::new(gladly::Tenant::seed(company, seed)),
        (Vendor::Freshdesk, Dialect::Guide) => Box::new(freshdesk::Tenant::seed(company)),
        (Vendor::Freshservice, Dialect::Guide) => Box::new(freshservice::Tenant::seed(company)),
        (Vendor::Gainsight, Dialect::Guide) => Box::new(gainsight::Tenant::seed(company, seed)),
        (Vendor::Gorgias, Dialect::Live) => Box::new(gorgias_live::Tenant::seed(company, seed)),
        (Vendor::Freshdesk, Dialect::Live) => Box::new(freshdesk_live::Tenant::seed(company, seed)),
        (Vendor::Freshservice, Dialect::Live) => Box::new(freshservice_live::Tenant::seed(company)),
        (Vendor::Gladly, Dialect::Live) => Box::new(gladly_live::Tenant::seed(company, seed)),
        (Vendor::Gainsight, Dialect::Live) => Box::new(gainsight_live::Tenant::seed(company, seed)),
    }
}

/// An entry of a reference list with a number for an id.
#[derive(Clone, Serialize)]
pub(crate) struct Named {
    pub id: u64,
    pub name: Cow<'static, str>,
}

/// Builds a reference list.
pub(crate) fn named(entries: &[(u64, &'static str)]) -> Vec<Named> {
    entries.iter().map(|(id, name)| Named { id: *id, name: Cow::Borrowed(name) }).collect()
}

/// Returns the id of an entry, or zero, which no entry has.
pub(crate) fn id_of(list: &[Named], name: &str) -> u64 {
    list.iter().find(|entry| entry.name == name).map_or(0, |entry| entry.id)
}

/// Hands out ids that rise but leave gaps, as shared sequences do.
#[derive(Clone)]
pub(crate) struct Serial {
    pub last: u64,
    pub step: u64,
}

impl Serial {
    pub fn take(&mut self) -> u64 {
        self.last += self.step;
        self.last
    }
}

/// Returns how many more seats to buy than are taken, so that the story fits and a bulk run does not.
pub(crate) fn seats_for(taken: usize) -> usize {
    taken + 5 + taken / 20
}

/// Merges a patch into a record, past all checks; a patch that makes no record of it changes nothing.
pub(crate) fn merge<R: Row + Serialize + DeserializeOwned>(table: &mut Table<R>, id: &str, patch: &Value) -> bool {
    let Some(held) = table.get(id) else { return false };
    let Ok(mut body) = serde_json::to_value(&held.row) else { return false };
    let (Some(fields), Some(changes)) = (body.as_object_mut(), patch.as_object()) else { return false };
    fields.extend(changes.clone());
    match serde_json::from_value::<R>(body) {
        Ok(row) => table.edit(id, |held| held.row = row).is_some(),
        Err(_) => false,
    }
}

/// Lets the invited person with this e-mail accept.
pub(crate) fn accept<R: Row>(table: &mut Table<R>, email: &str) -> bool {
    let invited = table.with_email(email).into_iter().find(|held| held.invited).map(|held| held.row.id());
    invited.is_some_and(|id| table.edit(&id, |held| held.invited = false).is_some())
}

/// Removes the stranger who makes rows shift; says whether there was one.
pub(crate) fn dismiss_stranger<R: Row>(table: &mut Table<R>) -> bool {
    let id = table.with_email(STRANGER).first().map(|held| held.row.id());
    id.is_some_and(|id| table.remove(&id).is_some())
}

/// Says whether a record was changed at or after a time; both ends of the comparison are UTC.
pub(crate) fn changed_since(updated_at: &str, since: Option<Timestamp>) -> bool {
    match (since, updated_at.parse::<Timestamp>()) {
        (Some(since), Ok(updated_at)) => updated_at >= since,
        _ => true,
    }
}

/// Returns a record's JSON; our own types always have one.
pub(crate) fn shown(row: &impl Serialize) -> Value {
    serde_json::to_value(row).unwrap_or_else(|_| json!({}))
}

/// The address of the stranger who makes rows shift.
pub(crate) const STRANGER: &str = "shifting.row@acme.example";
