//! What the world said: one record of one connection, in the same words whatever the app calls them.
//! Connectors make accounts from pages, the store keeps them, the walk reads them.
//! An account deliberately does not know to whom it belongs: that is a link, with its evidence.

mod fields;

pub use fields::{FieldNames, Fields};

use crate::name::{ConnectionName, EntitlementKind, Name, NativeId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// Which sort of record an account is, where an app has several.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody who works in the app and usually takes a seat.
    Agent,
    /// A customer-side record, such as Freshdesk's contacts.
    Contact,
    /// Somebody who may ask for things, such as Freshservice's requesters.
    Requester,
    /// A plain account of an app that knows one sort only.
    User,
    /// A machine: an integration, a service user.
    Bot,
    /// A record of a source: a row of an HR file, a worker.
    Person,
}

impl Kind {
    /// All kinds, in their order.
    pub const ALL: [Kind; 6] = [Kind::Agent, Kind::Contact, Kind::Requester, Kind::User, Kind::Bot, Kind::Person];

    /// Returns the word that files and JSON use.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Agent => "agent",
            Kind::Contact => "contact",
            Kind::Requester => "requester",
            Kind::User => "user",
            Kind::Bot => "bot",
            Kind::Person => "person",
        }
    }
}

impl Kind {
    /// Tells whether records of this kind are for people who work here, and not for customers or machines.
    pub fn is_staff(self) -> bool {
        matches!(self, Kind::Agent | Kind::User | Kind::Requester)
    }

    /// Returns the word with its article, for sentences: `an agent`.
    pub fn with_article(self) -> &'static str {
        match self {
            Kind::Agent => "an agent",
            Kind::Contact => "a contact",
            Kind::Requester => "a requester",
            Kind::User => "a user",
            Kind::Bot => "a bot",
            Kind::Person => "a person",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is not one of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown word {word:?}, expected one of {expected}")]
pub struct UnknownWord {
    /// What was given.
    pub word: String,
    /// What would have been understood.
    pub expected: &'static str,
}

impl FromStr for Kind {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or(UnknownWord { word: word.into(), expected: "agent, contact, requester, user, bot, person" })
    }
}

/// Where an account stands in its life, whatever the app calls it. Never derived from one flag alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountState {
    /// Created, but the person has not accepted yet; usually takes a seat already.
    Invited,
    /// Can be used.
    Active,
    /// Cannot be used, but can come back.
    Suspended,
    /// Is not there any more.
    Removed,
    /// The app did not tell.
    Unknown,
}

impl AccountState {
    /// All states, in their order.
    pub const ALL: [AccountState; 5] = [Self::Invited, Self::Active, Self::Suspended, Self::Removed, Self::Unknown];

    /// Returns the word that JSON uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Removed => "removed",
            Self::Unknown => "unknown",
        }
    }

    /// Tells whether the account lets its person in, or will as soon as an invitation is accepted.
    pub fn gives_access(self) -> bool {
        matches!(self, Self::Invited | Self::Active | Self::Unknown)
    }
}

impl fmt::Display for AccountState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AccountState {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or(UnknownWord { word: word.into(), expected: "invited, active, suspended, removed, unknown" })
    }
}

/// What holds an account in the world: connection, kind and the app's own immutable id.
/// Written `gorgias/agent/42`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccountKey {
    /// The connection in which the account lives.
    pub connection: ConnectionName,
    /// Its kind; two kinds of one app may use the same ids.
    pub kind: Kind,
    /// The app's own id.
    pub id: NativeId,
}

impl AccountKey {
    /// Returns the key of these three parts.
    pub fn new(connection: &ConnectionName, kind: Kind, id: impl Into<NativeId>) -> Self {
        Self { connection: connection.clone(), kind, id: id.into() }
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.connection, self.kind, self.id)
    }
}

/// One entitlement that an account holds. Its texts are shared, since few entitlements are held by many accounts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// What sort of entitlement.
    pub kind: EntitlementKind,
    /// The app's id of the entitlement in this tenant; null where it is named only.
    pub id: Option<Name>,
    /// The name that people know; falls back to the id where the reference list lacks it.
    pub name: Name,
    /// Within which bounds it is granted, where the app has such bounds (`entire_helpdesk`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Name>,
    /// Whether the manifest calls it privileged.
    #[serde(default)]
    pub privileged: bool,
    /// Asked for, and the app waits for somebody to let it be so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
}

/// One entitlement that an app offers in this tenant: a line of a reference list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Entitlement {
    /// What sort.
    pub kind: EntitlementKind,
    /// The app's id in this tenant.
    pub id: Box<str>,
    /// The name that people know.
    pub name: Box<str>,
    /// Whether the manifest calls it privileged.
    pub privileged: bool,
}

/// One record of one connection, as last observed. Source records (people of an HR file) are accounts of kind
/// `person` whose fields are identity attributes (`work_email`, `employee_id`, `start_date`, `status`, …).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Account {
    /// What holds it.
    pub key: AccountKey,
    /// What the person signs in with, as the app spells it.
    pub login: Option<Box<str>>,
    /// The display name.
    pub name: Option<Box<str>>,
    /// Where it stands in its life.
    pub state: AccountState,
    /// The key that an outside system left on the record.
    pub external_id: Option<Box<str>>,
    /// What it holds, sorted; `None` for a kind whose grants the app did not tell is expressed by `grants_known`.
    pub grants: Vec<Grant>,
    /// The entitlement kinds whose grants the app told completely; others are unknown, not empty.
    pub grants_known: Vec<EntitlementKind>,
    /// Everything else, by canonical field name.
    pub fields: Fields,
    /// When the app says it was created (milliseconds since 1970, UTC).
    pub created_ms: Option<i64>,
    /// When the app says it last changed.
    pub updated_ms: Option<i64>,
}

/// How deep an account is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Depth {
    /// The account itself.
    Itself,
    /// What it leads to.
    Parts,
    /// The texts of its fields.
    Texts,
}

impl Account {
    /// Returns an account of which nothing but its key is known.
    pub fn unknown(key: AccountKey) -> Self {
        Self {
            key,
            login: None,
            name: None,
            state: AccountState::Unknown,
            external_id: None,
            grants: Vec::new(),
            grants_known: Vec::new(),
            fields: Fields::default(),
            created_ms: None,
            updated_ms: None,
        }
    }

    /// Lists the grants of one kind.
    pub fn grants_of<'a>(&'a self, kind: &'a EntitlementKind) -> impl Iterator<Item = &'a Grant> {
        self.grants.iter().filter(move |grant| grant.kind == *kind)
    }

    /// Returns what the app told of a canonical field, the ones with a place of their own included; `None` means that
    /// it did not tell.
    pub fn told(&self, field: &str) -> Option<Value> {
        let text = |text: &Option<Box<str>>| text.as_ref().map(|text| Value::String(text.to_string()));
        self.fields.get(field).cloned().or_else(|| match field {
            "login" | "email" => text(&self.login),
            "name" => text(&self.name),
            "external_id" => text(&self.external_id),
            _ => None,
        })
    }

    /// Returns a number of no meaning for which a part of the account must be read from memory.
    pub(crate) fn read(&self, depth: Depth) -> usize {
        let length = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        let first =
            |text: &Option<Box<str>>| text.as_deref().and_then(|text| text.bytes().next()).map_or(0, usize::from);
        match depth {
            Depth::Itself => {
                let texts = length(&self.login) + length(&self.name) + length(&self.external_id);
                texts + self.grants.len() + self.grants_known.len() + self.key.kind as usize + self.state as usize
            }
            Depth::Parts => {
                let grants = self.grants.iter().filter(|grant| grant.privileged).count();
                let known = self.grants_known.first().map_or(0, |kind| kind.0.address() % 2);
                first(&self.login) + first(&self.name) + grants + known + self.fields.read(depth)
            }
            Depth::Texts => self.fields.read(depth),
        }
    }

    /// Tells whether the account is of the kind that a step makes or touches.
    pub fn kind_is(&self, step: &crate::change::Step) -> bool {
        self.key.kind == step.kind
    }
}
