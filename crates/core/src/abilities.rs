//! What one connection can and cannot do, in the words of the walk.
//! `connect` derives abilities from an app's manifest and the operator's configuration; `decide`, `diff` and `plan`
//! read them. They say nothing of URLs or wire formats, so that planning needs no connector.

use crate::access::AccessRule;
use crate::account::Kind;
use crate::name::{ConnectionName, EntitlementKind, FieldName, Name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What a step does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Makes an account.
    Create,
    /// Turns one kind of record into another.
    Convert,
    /// Lets a suspended account in again.
    Resume,
    /// Changes fields, single-valued entitlements (a role) among them.
    Update,
    /// Adds entitlements.
    Grant,
    /// Takes entitlements away.
    Revoke,
    /// Keeps the person out; can be undone.
    Suspend,
    /// Ends the sessions that are open.
    EndSessions,
    /// Removes the account.
    Delete,
    /// Something that a person must do by hand.
    Manual,
}

impl Effect {
    /// Returns the word that JSON uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Convert => "convert",
            Self::Resume => "resume",
            Self::Update => "update",
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::Suspend => "suspend",
            Self::EndSessions => "end_sessions",
            Self::Delete => "delete",
            Self::Manual => "manual",
        }
    }

    /// Tells whether the step takes something away from its person; guards count these.
    pub fn is_removal(self) -> bool {
        matches!(self, Self::Revoke | Self::Suspend | Self::Delete)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a connection is to the company.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Says who should be here; the number is its place in the order of authority, 0 first.
    Source(usize),
    /// A place where people hold accounts.
    Target,
}

/// Whether suspending somebody ends the sessions that they have open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sessions {
    /// The app ends them.
    Ended,
    /// The app leaves them open: an open step remains.
    Kept,
    /// The vendor does not say.
    Unstated,
}

/// What an effect does to the seats that the company has bought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// Takes one.
    Takes,
    /// Gives one back.
    Frees,
    /// Neither.
    Keeps,
}

/// What one connection can do.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Abilities {
    /// The connection.
    pub connection: ConnectionName,
    /// The app behind it.
    pub app: Name,
    /// The app's name for people, such as `Freshservice`.
    pub title: Name,
    /// Source or target.
    pub standing: Standing,
    /// The kind that a wish without `as` means.
    pub default_kind: Kind,
    /// What each kind of record can do; a kind that is absent here is neither read nor written.
    pub kinds: BTreeMap<Kind, KindAbility>,
    /// Whether suspending ends sessions.
    pub sessions: Sessions,
    /// The source connection that signs people in here, if the operator says so.
    pub sso: Option<ConnectionName>,
    /// The seats bought, where the operator or the app tells.
    pub seats: Option<u64>,
    /// Logins never to be changed: the credential's own account, the account owner.
    pub protected_logins: Vec<Box<str>>,
    /// Who does by hand what the app cannot be asked to do, if the operator says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Requests in which the lists of names are read that writes need ids from, once for a run that is not long.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub references: u32,
    /// Requests that the tenant's budget lets us make a second, for the plan's cost; `None` where nothing limits.
    pub per_second: Option<f64>,
}

/// What one kind of record can do.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct KindAbility {
    /// Whether a record of this kind takes a seat while it is not suspended.
    pub takes_seat: bool,
    /// Canonical field → what can be done with it.
    pub fields: BTreeMap<FieldName, FieldAbility>,
    /// The policy's word (`role`, `teams`) → what can be granted under it.
    pub entitlements: BTreeMap<Name, EntitlementAbility>,
    /// What can be done; an effect that is absent cannot.
    pub effects: BTreeMap<Effect, EffectAbility>,
    /// From which kinds a record can be converted into this one.
    pub convert_from: Vec<Kind>,
    /// Why an absent effect is absent, for the person who would do it by hand.
    pub cannot: BTreeMap<Effect, String>,
    /// How a person does what the app cannot be asked to do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_hand: BTreeMap<Effect, ByHand>,
    /// The entitlements of one kind to which a leaver falls back where nothing suspends: the policy's word → the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub demoted: BTreeMap<Name, Name>,
    /// For how many hours an invitation is valid, where the vendor says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_hours: Option<u32>,
    /// What roles, groups and scopes let people see and do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<AccessRule>,
}

/// How a person does one effect in the app's own pages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ByHand {
    /// What to click; `{email}` and other canonical words are filled in, and `{changes}` with all that becomes different.
    pub how: String,
    /// Columns and patterns of a row to import, where the app takes files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub row: Vec<(String, String)>,
    /// For how many hours an invitation sent by it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_hours: Option<u32>,
}

/// What can be done with one field.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct FieldAbility {
    /// The identity attribute from which it is filled; `None` for fields that only a policy sets.
    pub from: Option<FieldName>,
    /// Refused locally at create when there is no value.
    pub required: bool,
    /// Can be set at create.
    pub at_create: bool,
    /// Can be changed later.
    pub at_update: bool,
    /// Why it cannot be changed, in the operator's words.
    pub cannot: Option<String>,
    /// Why the app may accept a change and leave the field as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_because: Option<String>,
    /// Whether the value is true or false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_flag: bool,
    /// The words that a policy may use, where the field is an enumeration; empty for free values.
    pub values: Vec<Name>,
    /// What is asked of a new account when no source and no rule tells, because the app would choose a mightier value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Value>,
    /// Whether the value is the native id of another account of this connection, found through the identity that
    /// the attribute names (a manager).
    pub refers_to_account: bool,
    /// Whether two values are compared without regard to case (addresses).
    pub fold_case: bool,
    /// Where the app has a list of its own for what we know by more names (time zones): every value that it can be given →
    /// the value that it is read back as. Empty where values are free.
    #[serde(default, skip_serializing_if = "no_spellings")]
    pub spellings: Arc<BTreeMap<Name, Name>>,
}

impl FieldAbility {
    /// Returns a value as it is read back once the app was given it; nothing for one that the app cannot be given.
    pub fn spelt<'v>(&self, value: &'v Value) -> Option<Cow<'v, Value>> {
        match value {
            Value::String(text) if !self.spellings.is_empty() && !text.is_empty() => {
                let spelt = self.spellings.get(text.as_str())?;
                Some(if spelt.as_str() == text { Cow::Borrowed(value) } else { Cow::Owned(spelt.as_str().into()) })
            }
            _ => Some(Cow::Borrowed(value)),
        }
    }
}

fn no_spellings(spellings: &Arc<BTreeMap<Name, Name>>) -> bool {
    spellings.is_empty()
}

/// What can be granted under one word of the policy.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EntitlementAbility {
    /// The entitlement kind of the grants.
    pub kind: EntitlementKind,
    /// One at a time, or a set.
    pub cardinality: Cardinality,
    /// Whether each grant needs a scope beside its name.
    pub scoped: bool,
    /// The scope that is meant when a policy names none.
    pub default_scope: Option<Name>,
    /// The scope in which a grant lets do least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_scope: Option<Name>,
    /// The names that are privileged, from the manifest.
    pub privileged: Vec<Name>,
    /// The names whose only holder owns the tenant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Name>,
    /// The only names there are, where the app has a closed list that is no reference list; empty otherwise.
    pub values: Vec<Name>,
    /// Other words for names, so that one policy serves several dialects: the word → the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub synonyms: BTreeMap<Name, Name>,
    /// Create is refused locally without it.
    pub required: bool,
    /// Whether names are compared exactly; otherwise without regard to case.
    pub exact: bool,
    /// Whether only a person can grant it, in the app's own pages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// Whether its ids are numbers: where the tenant tells no list of names, only a number can be written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub numbered: bool,
    /// Whether the name that an account holds decides what the vendor bills for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub billed: bool,
}

/// How many of a kind of entitlement an account holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cardinality {
    /// One at a time: granting another replaces it.
    One,
    /// A set.
    Many,
}

/// What an effect costs and risks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EffectAbility {
    /// Cannot be undone.
    pub irreversible: bool,
    /// What happens to a seat.
    pub seat: Seat,
    /// Sends mail to the person.
    pub sends_mail: bool,
    /// What is lost, for the approval text.
    pub loses: Option<String>,
    /// The vendor's record does not promise it: the first answer of a tenant decides whether it can be done there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// Some tenants do not serve it at all, and show that by how they answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Why the app may accept it and do nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_because: Option<String>,
    /// Requests that one such step takes, reading back included.
    pub requests: u32,
    /// Whether one of them reads the record to write it with what it holds. Where none does, a step that changes a set of
    /// grants takes one more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reads_before: bool,
    /// Of these, the requests that it takes for itself where others go along with it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub own_requests: u32,
    /// How many such steps may go together in the other requests; nothing where each goes alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<u32>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
