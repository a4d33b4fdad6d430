//! The five tenants side by side, and the ways in which a test may look at them and change them behind the API's back.
//! The server asks it for replies; tests ask it what is really there. It knows nothing of HTTP, rates or faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::exchange::{Call, Reply};
use crate::refusal::{self, Wrong};
use crate::sample::Literal;
use crate::vendors::{Imitation, Seen, found};
use crate::{Company, Dialect, Dialects, Habit, Surface, Vendor, scim};

/// Where a record truly stands, whatever its flags say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Invited,
    Active,
    Suspended,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Stage::Invited => "invited",
            Stage::Active => "active",
            Stage::Suspended => "suspended",
        }
    }
}

/// What a Gainsight tenant's PUT does with fields that are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutStyle {
    /// They stay.
    Partial,
    /// They are forgotten.
    Full,
}

/// The five tenants. Clones look at the same world.
#[derive(Clone)]
pub struct World {
    tenants: Arc<[Mutex<Box<dyn Imitation>>; 5]>,
    literal: Arc<Mutex<[Literal; 5]>>,
}

impl World {
    pub(crate) fn new(company: &Company, seed: u64, dialects: Dialects) -> Self {
        let tenant = |vendor| Mutex::new(found(vendor, dialects.of(vendor), company, seed));
        World { tenants: Arc::new(Vendor::ALL.map(tenant)), literal: Arc::default() }
    }

    /// Founds a tenant anew in a dialect.
    pub(crate) fn found_again(&self, vendor: Vendor, dialect: Dialect, company: &Company, seed: u64) {
        *self.tenant(vendor) = found(vendor, dialect, company, seed);
    }

    fn tenant(&self, vendor: Vendor) -> MutexGuard<'_, Box<dyn Imitation>> {
        self.tenants[vendor.index()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn answer(&self, vendor: Vendor, call: &Call) -> Reply {
        let literal = self.literal()[vendor.index()];
        let answer = || reply(self.tenant(vendor).as_mut(), call);
        literal.before(vendor, call).unwrap_or_else(|| literal.after(vendor, call, answer()))
    }

    fn literal(&self) -> MutexGuard<'_, [Literal; 5]> {
        self.literal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers as if the call were done, and takes it back before anyone can look.
    pub(crate) fn pretend(&self, vendor: Vendor, call: &Call) -> Reply {
        let mut tenant = self.tenant(vendor);
        let before = tenant.copy();
        let reply = reply(tenant.as_mut(), call);
        *tenant = before;
        reply
    }

    /// Refuses a call that does not reach the tenant, in its vendor's words.
    pub(crate) fn refuse(&self, vendor: Vendor, status: StatusCode, code: &str, message: &str) -> Reply {
        let own = self.tenant(vendor).refusal(status, code, message);
        own.unwrap_or_else(|| refusal::refuse(vendor, status, code, message))
    }

    pub(crate) fn shift(&self, vendor: Vendor) {
        self.tenant(vendor).shift();
    }

    /// Returns every record as the API shows it, with `sandbox: {kind, state, id, email}` added, which is the truth:
    /// state is `invited`, `active` or `suspended`. Where an API shows almost nothing, the rest of the record is there too.
    pub fn list(&self, vendor: Vendor) -> Vec<Value> {
        self.tenant(vendor).census().into_iter().map(told).collect()
    }

    /// Returns the account with this e-mail, as [`World::list`] shows it; a Freshdesk contact only when there is no agent.
    pub fn find(&self, vendor: Vendor, email: &str) -> Option<Value> {
        self.tenant(vendor).sightings(email).into_iter().next().map(told)
    }

    /// Returns the id of the account with this e-mail.
    pub fn id(&self, vendor: Vendor, email: &str) -> Option<String> {
        self.tenant(vendor).sightings(email).into_iter().next().map(|seen| seen.id)
    }

    /// Returns `invited`, `active` or `suspended` for the account with this e-mail.
    pub fn state(&self, vendor: Vendor, email: &str) -> Option<&'static str> {
        self.tenant(vendor).sightings(email).into_iter().next().map(|seen| seen.stage.name())
    }

    /// Returns how many accounts have this e-mail; more than one is a double create. Freshdesk contacts do not count.
    pub fn count(&self, vendor: Vendor, email: &str) -> usize {
        self.tenant(vendor).sightings(email).into_iter().filter(|seen| seen.kind != "contact").count()
    }

    /// Returns every e-mail that more than one account has, with how many.
    pub fn duplicates(&self, vendor: Vendor) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for seen in self.tenant(vendor).census().into_iter().filter(|seen| seen.kind != "contact") {
            *counts.entry(seen.email.unwrap_or_default().to_lowercase()).or_default() += 1;
        }
        counts.retain(|_, count| *count > 1);
        counts
    }

    /// Lets an invited person accept; says whether there was anything to accept.
    pub fn confirm(&self, vendor: Vendor, email: &str) -> bool {
        self.tenant(vendor).confirm(email)
    }

    /// Changes a record as another admin would: fields of `patch` replace the record's, past all checks. Says whether
    /// there was such a record.
    pub fn change(&self, vendor: Vendor, email: &str, patch: &Value) -> bool {
        let mut tenant = self.tenant(vendor);
        let id = tenant.sightings(email).into_iter().next().map(|seen| seen.id);
        id.is_some_and(|id| tenant.change(&id, patch))
    }

    /// Removes a record without a trace, as a purge does; says whether there was one.
    pub fn purge(&self, vendor: Vendor, email: &str) -> bool {
        let mut tenant = self.tenant(vendor);
        let id = tenant.sightings(email).into_iter().next().map(|seen| seen.id);
        id.is_some_and(|id| tenant.purge(&id))
    }

    /// Returns licences taken and bought; nothing for Gladly and Gainsight, which do not count them.
    pub fn seats(&self, vendor: Vendor) -> Option<(usize, usize)> {
        self.tenant(vendor).seats()
    }

    /// Sets how many licences were bought.
    pub fn set_seats(&self, vendor: Vendor, seats: usize) {
        self.tenant(vendor).set_seats(seats);
    }

    /// Returns how many tickets there are; only Freshservice live, where a call can erase them, counts any.
    pub fn tickets(&self, vendor: Vendor) -> Option<usize> {
        self.tenant(vendor).tickets()
    }

    /// Gives the tenant a habit; says whether it has that choice.
    pub fn set_habit(&self, vendor: Vendor, habit: Habit) -> bool {
        match habit {
            Habit::RowsSampled => self.literal()[vendor.index()].rows = true,
            Habit::ListsUnnamed => self.literal()[vendor.index()].lists = true,
            other => return self.tenant(vendor).adopt(other),
        }
        true
    }

    /// Imports rows as an admin does in the vendor's own pages; says how many, or what is wrong with them.
    pub fn import(&self, vendor: Vendor, rows: &str) -> Result<usize, String> {
        let told = |wrongs: Vec<Wrong>| wrongs.into_iter().map(|wrong| wrong.message).collect::<Vec<_>>().join("; ");
        self.tenant(vendor).import(rows).map_err(told)
    }

    /// Answers an upload as the vendor's own pages would.
    pub(crate) fn upload(&self, vendor: Vendor, rows: &str) -> Reply {
        match self.tenant(vendor).import(rows) {
            Ok(count) => Reply::ok(json!({"imported": count})),
            Err(wrongs) => refusal::invalid(vendor, StatusCode::BAD_REQUEST, &wrongs),
        }
    }

    /// Switches single sign-on, without which there is no SCIM. It is on, but for Freshservice.
    pub fn set_sso(&self, vendor: Vendor, on: bool) {
        self.tenant(vendor).set_sso(on);
    }

    /// Switches single sign-on of Freshservice, with which e-mail changes are ignored without a word.
    pub fn set_freshservice_sso(&self, on: bool) {
        self.set_sso(Vendor::Freshservice, on);
    }

    /// Chooses the version of the Gainsight tenant.
    pub fn set_gainsight_put(&self, style: PutStyle) {
        self.tenant(Vendor::Gainsight).set_put_style(style);
    }
}

/// Lets the tenant answer at the door that the call came to.
fn reply(tenant: &mut dyn Imitation, call: &Call) -> Reply {
    match (call.surface, tenant.directory()) {
        (Surface::Scim, Some(directory)) => scim::answer(directory, call),
        _ => tenant.answer(call),
    }
}

fn told(seen: Seen) -> Value {
    let mut body = seen.body;
    body["sandbox"] = json!({"kind": seen.kind, "state": seen.stage.name(), "id": seen.id, "email": seen.email});
    body
}
