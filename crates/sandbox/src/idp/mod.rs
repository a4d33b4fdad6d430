//! Imitations of identity providers: each keeps the people of the company and their sessions, on the port of the vendors.
//! They stand apart from the five vendors, since nobody is provisioned in them: people are read and sessions ended. What
//! a test or a person does behind their API goes through [`Desk`].

mod okta;
mod people;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;

use crate::exchange::{Call, Reply};
use crate::{Company, Limits};
use people::People;

/// One imitated identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Idp {
    /// Okta.
    Okta,
}

impl Idp {
    /// All of them.
    pub const ALL: [Idp; 1] = [Idp::Okta];

    /// Returns the lowercase name, as a connection would be called.
    pub fn name(self) -> &'static str {
        match self {
            Idp::Okta => "okta",
        }
    }

    /// Returns the path under which its API begins.
    pub fn prefix(self) -> &'static str {
        match self {
            Idp::Okta => "/okta/api/v1",
        }
    }

    /// Returns the secrets of its connection, by the names that a configuration uses.
    pub(crate) fn secrets(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Idp::Okta => &[("api_token", crate::OKTA_TOKEN)],
        }
    }

    /// Returns the provider that a path leads to, and what follows the prefix.
    pub(crate) fn of_path(path: &str) -> Option<(Idp, &str)> {
        Idp::ALL.into_iter().find_map(|idp| {
            let rest = path.strip_prefix(idp.prefix())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((idp, rest))
        })
    }
}

impl fmt::Display for Idp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What an identity provider does with a request.
trait Imitation: Send {
    /// Answers a call; the headers carry the credential.
    fn answer(&mut self, call: &Call, headers: &HeaderMap, people: &mut People) -> Reply;
}

/// One identity provider, to look at and to change behind its API's back. Clones look at the same one.
#[derive(Clone)]
pub struct Desk(Arc<Mutex<Inside>>);

struct Inside {
    imitation: Box<dyn Imitation>,
    people: People,
    requests: u64,
}

impl Desk {
    pub(crate) fn found(idp: Idp, company: &Company, limits: Limits) -> Self {
        let imitation: Box<dyn Imitation> = match idp {
            Idp::Okta => Box::new(okta::Okta::new(limits)),
        };
        Desk(Arc::new(Mutex::new(Inside { imitation, people: People::of(company), requests: 0 })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn answer(&self, call: &Call, headers: &HeaderMap) -> Reply {
        let inside = &mut *self.inside();
        inside.requests += 1;
        inside.imitation.answer(call, headers, &mut inside.people)
    }

    /// Returns how many requests came.
    pub fn requests(&self) -> u64 {
        self.inside().requests
    }

    /// Returns where somebody stands, in a word that all providers share: `staged`, `active`, `locked`, `suspended`,
    /// `deactivated`.
    pub fn state(&self, email: &str) -> Option<&'static str> {
        self.inside().people.with_email(email).map(|person| person.standing.name())
    }

    /// Moves somebody to another standing, as an admin does; says whether there is such a person and such a standing.
    pub fn stand(&self, email: &str, standing: &str) -> bool {
        self.inside().people.stand(email, standing)
    }

    /// Changes what is known of somebody: `department`, `title`, `email`, `employee_id`.
    pub fn change(&self, email: &str, field: &str, value: &str) -> bool {
        self.inside().people.change(email, field, value)
    }

    /// Removes somebody for good, as an admin does.
    pub fn delete(&self, email: &str) -> bool {
        self.inside().people.delete(email)
    }

    /// Signs somebody in once more.
    pub fn sign_in(&self, email: &str) -> bool {
        self.inside().people.sign_in(email)
    }

    /// Returns the sessions that somebody has open, the tokens of apps among them.
    pub fn sessions(&self, email: &str) -> Option<u32> {
        self.inside().people.with_email(email).map(|person| person.sessions + person.tokens)
    }

    /// Returns how often somebody's sessions were ended over the API.
    pub fn endings(&self, email: &str) -> Option<u32> {
        self.inside().people.with_email(email).map(|person| person.endings)
    }
}
