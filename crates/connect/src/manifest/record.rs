//! What a record of an app looks like: where each canonical field lies in read form and in write form, what can be
//! granted, and how its state is told from several signals.
//! The connector decodes and encodes by this. It does not say how records travel: that is `list` and `effect`.

use super::{AccessSpec, ByHandSpec, EffectSpec, ListSpec, LookupSpec, ReadSpec};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use tenure_core::abilities::Effect;

/// One sort of record.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KindSpec {
    /// What the vendor calls it.
    pub title: String,
    /// Where the id may lie, in order.
    pub id: Vec<String>,
    /// Whether a record of this kind takes a seat while it is not suspended.
    #[serde(default)]
    pub takes_seat: bool,
    /// How all of them are listed and pulled.
    pub list: Option<ListSpec>,
    /// The list in which a kind is looked up that is not pulled.
    pub searched: Option<ListSpec>,
    /// How one is read by id.
    pub read: Option<ReadSpec>,
    /// How they are looked up: `email`, `external_id`.
    #[serde(default)]
    pub lookup: IndexMap<String, LookupSpec>,
    /// Canonical field → where it lies.
    pub fields: IndexMap<String, FieldSpec>,
    /// Where attributes lie that an admin of the tenant has defined, where the app has such.
    pub custom: Option<CustomSpec>,
    /// The policy's word → what can be granted under it.
    #[serde(default)]
    pub entitlements: IndexMap<String, EntitlementSpec>,
    /// How the state is told; the first rule that fits decides, and none that fits means `unknown`.
    pub state: Vec<StateRule>,
    /// Where the moment of creation may lie.
    #[serde(default)]
    pub created: Vec<String>,
    /// Where the moment of the last change may lie.
    #[serde(default)]
    pub updated: Vec<String>,
    /// Places, and a text in them (in any case) that the record of somebody outside has: of those nothing is read.
    #[serde(default)]
    pub outside: IndexMap<String, String>,
    /// Native keys that a write must never carry.
    #[serde(default)]
    pub read_only: Vec<String>,
    /// What can be done.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, EffectSpec>")]
    pub effects: IndexMap<Effect, EffectSpec>,
    /// Why an absent effect is absent, for the person who would do it by hand.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, String>")]
    pub cannot: IndexMap<Effect, String>,
    /// How a person does an absent effect.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, ByHandSpec>")]
    pub by_hand: IndexMap<Effect, ByHandSpec>,
    /// The policy's word → the least name under it, to which a leaver falls back where nothing suspends.
    #[serde(default)]
    pub demoted: IndexMap<String, String>,
    /// For how many hours an invitation is valid, where the vendor says.
    pub invitation_hours: Option<u32>,
    /// What roles, groups and scopes let people see and do.
    #[serde(default)]
    pub access: Vec<AccessSpec>,
}

/// Attributes that an admin of the tenant has defined; a connection names those that a policy may speak of.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomSpec {
    /// The object that holds them; empty for the record itself.
    pub at: String,
    /// The key under which each holds its value, where it is an object.
    pub within: Option<String>,
    /// The key of the list's body, and of the read's parameters, under which they are asked for by name.
    pub ask: Option<String>,
    /// Why one may stay as it is although the app accepts a change, in the operator's words.
    pub ignored_because: Option<String>,
}

/// One canonical field.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// Where it may lie in a record, in order.
    #[serde(default)]
    pub read: Vec<String>,
    /// The key that a write uses; without one the field is never written.
    pub write: Option<String>,
    /// When it can be written; both by default.
    #[serde(default = "both")]
    pub on: Vec<On>,
    /// The identity attribute from which it is filled; without one only a policy sets it.
    pub from: Option<String>,
    /// How its values are spelt.
    #[serde(default)]
    pub codec: Codec,
    /// For `words`: our word → the app's value; of a list the first is written and any is read. Of several places the first
    /// that holds one of them counts.
    #[serde(default)]
    pub words: IndexMap<String, serde_json::Value>,
    /// Create is refused locally when there is no value.
    #[serde(default)]
    pub required: bool,
    /// What is asked of a new record when no source and no rule tells, where the app would choose a mightier value.
    pub fallback: Option<serde_json::Value>,
    /// Whether two values are compared without regard to case.
    #[serde(default)]
    pub fold_case: bool,
    /// Why it cannot be changed, in the operator's words.
    pub cannot: Option<String>,
    /// Why the app may accept a change and leave the field as it was, in the operator's words.
    pub ignored_because: Option<String>,
    /// Where this object is there and the value is not, the value is empty and not untold.
    pub empty_in: Option<String>,
}

fn both() -> Vec<On> {
    vec![On::Create, On::Update]
}

/// When something can be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// When the record is made.
    Create,
    /// Later.
    Update,
}

/// How values are spelt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// A text; numbers are read as texts.
    #[default]
    Text,
    /// A list of texts, which is read only.
    Texts,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// A day: what follows it (a time, an offset) is left out, and `0000-00-00` is none.
    Date,
    /// One of `words`.
    Words,
    /// An IANA time zone with us, a Rails name (`Eastern Time (US & Canada)`) with the app.
    RailsTimeZone,
    /// The native id of another account of this connection, written as a number.
    AccountNumber,
    /// The native id of another account of this connection, written as a text.
    AccountText,
}

impl Codec {
    /// Tells whether the value names another account.
    pub fn refers_to_account(self) -> bool {
        matches!(self, Self::AccountNumber | Self::AccountText)
    }
}

/// What can be granted under one word of the policy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntitlementSpec {
    /// The entitlement kind of the grants.
    pub kind: String,
    /// One at a time, or a set.
    pub cardinality: CardinalityWord,
    /// The reference list that knows names and ids; without one, names are ids.
    pub reference: Option<String>,
    /// The only names there are, where the app has a closed list that is no reference list.
    #[serde(default)]
    pub values: Vec<String>,
    /// Other words for names, so that one policy serves several dialects: the word → the name.
    #[serde(default)]
    pub synonyms: IndexMap<String, String>,
    /// Whether it is told by the entries of the reference list, each of which names its members.
    #[serde(default)]
    pub by_members: bool,
    /// Where the grants may lie in a record, in order; the first place that is there decides.
    #[serde(default)]
    pub read: Vec<GrantPlace>,
    /// Where grants may lie that are asked for and wait for somebody's approval.
    #[serde(default)]
    pub pending: Vec<GrantPlace>,
    /// Whether only a person can grant it, in the app's own pages.
    #[serde(default)]
    pub by_hand: bool,
    /// Whether the name that a record holds decides what the vendor bills for it: a plan's cost counts these names.
    #[serde(default)]
    pub billed: bool,
    /// How the grants are written; without it they are only read.
    pub write: Option<GrantWrite>,
    /// The privileged names.
    #[serde(default)]
    pub privileged: Vec<String>,
    /// Of the privileged names, those whose only holder owns the tenant and is never changed.
    #[serde(default)]
    pub owners: Vec<String>,
    /// Create is refused locally without it.
    #[serde(default)]
    pub required: bool,
    /// Whether names are compared exactly.
    #[serde(default)]
    pub exact: bool,
    /// The scopes that the app has, the one that lets do least last; empty where grants have none.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The scope that is meant when a policy names none.
    pub default_scope: Option<String>,
    /// Why it cannot be granted, where it is only read.
    pub cannot: Option<String>,
}

/// How many of a kind of entitlement an account holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CardinalityWord {
    /// One at a time.
    One,
    /// A set.
    Many,
}

/// Where grants lie in a record.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantPlace {
    /// The place.
    pub at: String,
    /// What lies there: one of it, or a list of it.
    pub form: GrantForm,
    /// For objects: the key of the id.
    #[serde(default = "id_key")]
    pub id: String,
    /// For objects: the key of the name, where there is one.
    pub name: Option<String>,
    /// For objects: the key of the scope, where there is one.
    pub scope: Option<String>,
}

/// What stands for a grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GrantForm {
    /// Its name.
    Name,
    /// Its id.
    Id,
    /// An object with the id, and perhaps name and scope.
    Object,
}

/// How grants are written. One is written as it is, a set as a list that replaces the whole set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantWrite {
    /// The key.
    pub at: String,
    /// What stands for a grant.
    pub form: GrantForm,
    /// How ids are written.
    #[serde(default)]
    pub ids: IdForm,
    /// For objects: the key of the id.
    #[serde(default = "id_key")]
    pub id: String,
    /// For objects: the key of the scope.
    pub scope: Option<String>,
    /// When it can be written; both by default.
    #[serde(default = "both")]
    pub on: Vec<On>,
}

fn id_key() -> String {
    "id".into()
}

/// How ids are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdForm {
    /// As a JSON number.
    #[default]
    Number,
    /// As a JSON text.
    Text,
}

/// One rule of the state: all that it names must fit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateRule {
    /// The state.
    pub is: StateWord,
    /// Places and the values that they must have.
    #[serde(default)]
    pub equals: IndexMap<String, serde_json::Value>,
    /// Places that must hold something, neither null nor empty.
    #[serde(default)]
    pub present: Vec<String>,
    /// Whether the record is known to have changed after it was created, by its own moments.
    pub changed: Option<bool>,
    /// The record is at most so many days old, by its own moment of creation.
    pub younger_than_days: Option<u32>,
    /// What we know from before; any of them.
    #[serde(default)]
    pub memory: Vec<MemoryWord>,
}

/// The states, as a manifest spells them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StateWord {
    /// Created, but the person has not accepted yet.
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

/// What we know of an account from before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemoryWord {
    /// We made it, or let it in again, and never saw it active since.
    Made,
    /// It was seen active.
    WasActive,
    /// We suspended it.
    PutOut,
}
