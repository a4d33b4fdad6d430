//! Accounts, identities, grants and pulls as JSON shows them: one shape for the command line and for the server.
//! Made from the walk's own types when somebody looks; nothing is stored in this form.
//! Absent means unknown, null means known to be empty.

use crate::clock::moment_text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use tenure_core::abilities::KindAbility;
use tenure_core::access::{Access, access};
use tenure_core::account::{Account, AccountKey, AccountState, Fields, Grant, Kind};
use tenure_core::facts::Coverage;
use tenure_core::identity::{Identity, IdentityState};

/// An account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct AccountView {
    pub connection: String,
    pub id: String,
    pub kind: Kind,
    pub login: Option<String>,
    pub name: Option<String>,
    pub state: AccountState,
    pub external_id: Option<String>,
    pub grants: Vec<Grant>,
    pub access: Vec<Access>,
    pub identity: Option<String>,
    pub evidence: Option<String>,
    #[schemars(with = "BTreeMap<String, Value>")]
    pub attributes: Fields,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    pub observed_at: Option<String>,
}

impl AccountView {
    /// Shows `account`, what it lets its person do, whose it is by the evidence of a link, and when it was observed so.
    pub fn new(
        account: &Account,
        ability: Option<&KindAbility>,
        link: Option<(&str, &str)>,
        observed_ms: Option<i64>,
    ) -> Self {
        let text = |text: &Option<Box<str>>| text.as_ref().map(ToString::to_string);
        Self {
            connection: account.key.connection.to_string(),
            id: account.key.id.to_string(),
            kind: account.key.kind,
            login: text(&account.login),
            name: text(&account.name),
            state: account.state,
            external_id: text(&account.external_id),
            grants: account.grants.clone(),
            access: ability.map(|ability| access(account, ability)).unwrap_or_default(),
            identity: link.map(|(identity, _)| identity.to_owned()),
            evidence: link.map(|(_, evidence)| evidence.to_owned()),
            attributes: account.fields.clone(),
            created_at: account.created_ms.map(moment_text),
            updated_at: account.updated_ms.map(moment_text),
            observed_at: observed_ms.map(moment_text),
        }
    }
}

/// One grant of one account, as `grants` lists it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the fields are those of an account and of a grant")]
pub struct GrantView {
    pub connection: String,
    pub account: String,
    pub login: Option<String>,
    pub identity: Option<String>,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    pub privileged: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
}

impl GrantView {
    /// Lists the grants of an account.
    pub fn of(account: &AccountView) -> impl Iterator<Item = GrantView> + '_ {
        account.grants.iter().map(|grant| GrantView {
            connection: account.connection.clone(),
            account: account.id.clone(),
            login: account.login.clone(),
            identity: account.identity.clone(),
            kind: grant.kind.to_string(),
            id: grant.id.as_ref().map(ToString::to_string),
            name: grant.name.to_string(),
            scope: grant.scope.as_ref().map(ToString::to_string),
            privileged: grant.privileged,
            pending: grant.pending,
        })
    }
}

/// What the sources tell of one thing: in JSON it is absent where nobody tells, and null where it is told to be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Told {
    /// Nobody tells.
    #[default]
    Unknown,
    /// It is empty.
    Empty,
    /// It is this.
    Is(String),
}

impl Told {
    /// Returns the text, where there is one.
    pub fn as_deref(&self) -> Option<&str> {
        match self {
            Self::Is(text) => Some(text),
            Self::Unknown | Self::Empty => None,
        }
    }

    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::Empty, Self::Is))
    }
}

/// An identity.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct IdentityView {
    pub id: String,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub name: Told,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub given_name: Told,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub family_name: Told,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub work_email: Told,
    pub emails: Vec<String>,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub employee_id: Told,
    pub external_ids: BTreeMap<String, String>,
    #[serde(rename = "type", default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub worker_type: Told,
    pub state: IdentityState,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub department: Told,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub title: Told,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub manager: Told,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub start_date: Told,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub end_date: Told,
    #[serde(default, skip_serializing_if = "Told::is_unknown")]
    #[schemars(with = "Option<String>")]
    pub time_zone: Told,
    #[schemars(with = "BTreeMap<String, Value>")]
    pub attributes: Fields,
    pub accounts: Vec<AccountBrief>,
}

/// An account in one line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct AccountBrief {
    pub connection: String,
    pub id: String,
    pub kind: Kind,
    pub state: AccountState,
}

const OWN_PLACE: [&str; 11] = [
    "name",
    "given_name",
    "family_name",
    "work_email",
    "employee_id",
    "type",
    "department",
    "title",
    "start_date",
    "end_date",
    "time_zone",
];

impl IdentityView {
    /// Shows `identity` with its accounts in the target connections.
    pub fn new<'a>(identity: &Identity, accounts: impl Iterator<Item = &'a Account>) -> Self {
        let text = |field: &str| match identity.attributes.text(field) {
            Some(text) => Told::Is(text.to_owned()),
            None if identity.attributes.get(field).is_some() => Told::Empty,
            None => Told::Unknown,
        };
        // What is told and leads to nobody, or is no date, is not known.
        let derived = |value: Option<String>, field: &str| match (value, text(field)) {
            (Some(value), _) => Told::Is(value),
            (None, Told::Empty) => Told::Empty,
            (None, _) => Told::Unknown,
        };
        let attributes = identity
            .attributes
            .iter()
            .filter(|(field, _)| !OWN_PLACE.contains(&field.as_str()))
            .map(|(field, value): (_, &Value)| (field.clone(), value.clone()))
            .collect();
        let mut external_ids = BTreeMap::new();
        for AccountKey { connection, id, .. } in &identity.records {
            external_ids.insert(connection.to_string(), id.to_string());
        }
        Self {
            id: identity.id.to_string(),
            name: text("name"),
            given_name: text("given_name"),
            family_name: text("family_name"),
            work_email: text("work_email"),
            emails: identity.emails.iter().map(ToString::to_string).collect(),
            employee_id: text("employee_id"),
            external_ids,
            worker_type: text("type"),
            state: identity.state,
            department: text("department"),
            title: text("title"),
            manager: derived(identity.manager.as_ref().map(ToString::to_string), "manager_id"),
            start_date: derived(identity.start_date.map(|date| date.to_string()), "start_date"),
            end_date: derived(identity.end_date.map(|date| date.to_string()), "end_date"),
            time_zone: text("time_zone"),
            attributes,
            accounts: accounts
                .map(|account| AccountBrief {
                    connection: account.key.connection.to_string(),
                    id: account.key.id.to_string(),
                    kind: account.key.kind,
                    state: account.state,
                })
                .collect(),
        }
    }
}

/// How the way to the other side of a pull was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// There is none: the source is a file.
    None,
    /// The other side answered.
    Open,
    /// The other side could not be reached.
    Closed,
}

/// How one pull went.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct PullView {
    pub connection: String,
    pub coverage: Coverage,
    pub because: Option<String>,
    pub accounts: u64,
    pub added: u64,
    pub changed: u64,
    pub gone: u64,
    pub requests: u64,
    pub throttled: u64,
    pub floor_seconds: f64,
    pub seconds: f64,
    /// Until when the connection is parked, if it is: the next pull goes on behind this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked_until: Option<String>,
    /// How the way to the other side was.
    pub way: Way,
    /// Problems with rows of a file, with their lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}
