//! Imitations of identity providers: each keeps the people of the company and their sessions, on the port of the vendors.
//! They stand apart from the five vendors, since nobody is provisioned in them: people are read and sessions ended. What
//! a test or a person does behind their API goes through [`Desk`].

mod entra;
mod entra_delta;
mod google;
mod okta;
mod okta_token;
mod onelogin;
mod people;

pub use google::service_account;
pub use okta_token::{okta_private_key, okta_read_private_key};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::Query;
use axum::http::{HeaderMap, Uri};

use crate::exchange::{Call, Reply};
use crate::tokens::Tokens;
use crate::{Company, Limits};
use people::People;

/// One imitated identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Idp {
    /// Okta.
    Okta,
    /// Microsoft Entra ID, by Microsoft Graph.
    Entra,
    /// Google Workspace, by the Directory API.
    Google,
    /// OneLogin.
    OneLogin,
}

impl Idp {
    /// All of them.
    pub const ALL: [Idp; 4] = [Idp::Okta, Idp::Entra, Idp::Google, Idp::OneLogin];

    /// Returns the lowercase name, as a connection would be called.
    pub fn name(self) -> &'static str {
        match self {
            Idp::Okta => "okta",
            Idp::Entra => "entra",
            Idp::Google => "google",
            Idp::OneLogin => "onelogin",
        }
    }

    /// Returns the path under which its API begins.
    pub fn prefix(self) -> &'static str {
        match self {
            Idp::Okta => "/okta/api/v1",
            Idp::Entra => "/entra/v1.0",
            Idp::Google => "/google",
            Idp::OneLogin => "/onelogin",
        }
    }

    /// Returns the path at which it gives tokens, where a connection has to name it.
    pub fn token_path(self) -> Option<&'static str> {
        match self {
            Idp::Okta => None,
            Idp::Entra => Some("/entra/acme/oauth2/v2.0/token"),
            Idp::Google => Some("/google/token"),
            Idp::OneLogin => Some("/onelogin/auth/oauth2/v2/token"),
        }
    }

    /// Returns the path under which everything of it lies.
    fn root(self) -> &'static str {
        match self {
            Idp::Okta => "/okta",
            Idp::Entra => "/entra",
            other => other.prefix(),
        }
    }

    /// Returns the secrets of its connection, by the names that a configuration uses.
    pub(crate) fn secrets(self) -> Vec<(&'static str, String)> {
        let client = |(id, secret): (&str, &str)| vec![("client_id", id.into()), ("client_secret", secret.into())];
        match self {
            Idp::Okta => vec![("api_token", crate::OKTA_TOKEN.into())],
            Idp::Entra => client(crate::ENTRA_CLIENT),
            Idp::Google => vec![("service_account", service_account())],
            Idp::OneLogin => client(crate::ONELOGIN_CLIENT),
        }
    }

    /// Returns the provider that a path leads to, and what follows the prefix.
    pub(crate) fn of_path(path: &str) -> Option<(Idp, &str)> {
        Idp::ALL.into_iter().find_map(|idp| {
            let rest = path.strip_prefix(idp.root())?;
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

    /// The tokens that it gave out.
    fn tokens(&mut self) -> &mut Tokens;

    /// Forgets the places from which it told changes so far, where it keeps such.
    fn forget_places(&mut self) {}
}

/// Reads a body that is a form.
fn form_of(call: &Call) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(&call.body);
    let uri = format!("/?{text}").parse::<Uri>().ok();
    let read = uri.and_then(|uri| Query::<BTreeMap<String, String>>::try_from_uri(&uri).ok());
    read.map_or_else(BTreeMap::new, |Query(read)| read)
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
            Idp::Entra => Box::new(entra::Entra::new()),
            Idp::Google => Box::new(google::Google::new()),
            Idp::OneLogin => Box::new(onelogin::OneLogin::new()),
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

    /// Ends all access tokens before their time.
    pub fn revoke_tokens(&self) {
        self.inside().imitation.tokens().revoke();
    }

    /// Lets the places from which changes are told be too old.
    pub fn forget_places(&self) {
        self.inside().imitation.forget_places();
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

    /// Returns how many passwords for apps somebody has, where the provider has such.
    pub fn app_passwords(&self, email: &str) -> Option<u32> {
        self.inside().people.with_email(email).map(|person| person.app_passwords)
    }

    /// Returns how often somebody's sessions were ended over the API.
    pub fn endings(&self, email: &str) -> Option<u32> {
        self.inside().people.with_email(email).map(|person| person.endings)
    }
}
