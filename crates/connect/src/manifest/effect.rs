//! How each effect is carried out: one or more calls, what goes into their bodies, what they cost and risk.
//! The connector performs by this, abilities and plans are told the costs. It does not decide whether to act.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use tenure_core::abilities::Effect;
use tenure_core::account::Kind;

/// How one effect is carried out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectSpec {
    /// Cannot be undone.
    #[serde(default)]
    pub irreversible: bool,
    /// What happens to a seat.
    #[serde(default)]
    pub seat: SeatWord,
    /// Sends mail to the person.
    #[serde(default)]
    pub mail: bool,
    /// What is lost, for the approval text.
    pub loses: Option<String>,
    /// Afterwards the record is not there any more, which proves it: an agent who becomes a contact.
    #[serde(default)]
    pub gone: bool,
    /// The vendor's record does not promise it: the first answer of a tenant decides, and a refusal is remembered.
    #[serde(default)]
    pub unproven: bool,
    /// Some tenants do not serve it: where a write is answered with 404 or 405 although the account is there, that is
    /// remembered.
    #[serde(default)]
    pub optional: bool,
    /// Why the app may accept it and do nothing, in the operator's words.
    pub ignored_because: Option<String>,
    /// For `convert`: the kinds that can be converted into this one.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub from: Vec<Kind>,
    /// Carried out by the calls of this other effect of the same kind.
    #[schemars(with = "Option<String>")]
    pub like: Option<Effect>,
    /// The calls, in order.
    #[serde(default)]
    pub calls: Vec<Call>,
}

/// How a person does an effect that the app cannot be asked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByHandSpec {
    /// What to click; `{email}` and other words of the kind are filled in, with what they become, and `{changes}` with
    /// all that becomes different.
    pub how: String,
    /// Column → pattern of a row to import, where the app takes CSV files. The row carries the full wanted state.
    #[serde(default)]
    pub row: IndexMap<String, String>,
    /// For how many hours an invitation sent by it is valid.
    pub expires_hours: Option<u32>,
}

/// What happens to a seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeatWord {
    /// One is taken.
    Takes,
    /// One is given back.
    Frees,
    /// Nothing.
    #[default]
    Keeps,
}

/// One call: either a request (`method` and `path`), or a look for another record of the same person (`find`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Looks up a record of this kind by the account's e-mail; its id is `{found}` afterwards.
    #[schemars(with = "Option<String>")]
    pub find: Option<Kind>,
    /// The method.
    pub method: Option<Method>,
    /// The path after the base URL, with `{id}` for the account and `{found}` for what was found.
    pub path: Option<String>,
    /// When the call is made.
    #[serde(default)]
    pub when: CallWhen,
    /// What the body holds.
    #[serde(default)]
    pub body: Body,
    /// The only canonical fields and entitlement words that this call carries; empty for all.
    #[serde(default)]
    pub only: Vec<String>,
    /// Fields and entitlement words that this call leaves to others.
    #[serde(default)]
    pub without: Vec<String>,
    /// Fields and entitlement words that are sent as they are now when nobody asks to change them, because the app
    /// would fall back to a default of its own.
    #[serde(default)]
    pub carry: Vec<String>,
    /// Parameters of the request; `{id}` and `{found}` are filled in.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// The key of a list in which the body is the only entry: `{"records": [body]}`.
    pub within: Option<String>,
    /// Keys with a fixed value beside that list.
    #[serde(default)]
    pub beside: IndexMap<String, serde_json::Value>,
    /// Native keys with a fixed value; a text may hold `{email}` or another canonical field, or `{id}`.
    #[serde(default)]
    pub set: IndexMap<String, serde_json::Value>,
    /// Doing it twice would be wrong although the method says otherwise: an answer that was lost is looked into first.
    #[serde(default)]
    pub once: bool,
    /// Statuses that mean success.
    #[serde(default = "success_default")]
    pub success: Vec<u16>,
    /// Where the answer may hold the id of the record from now on, seen inside the kind's wrapper first and then from
    /// the top of the body; without it the id stays.
    #[serde(default)]
    pub new_id: Vec<String>,
    /// The call takes several records at once; for `within` and `body = "ids"`.
    pub batch: Option<Batch>,
    /// A path that is read when the call is refused as not found: a record there means that the call was done before.
    pub done_if: Option<String>,
    /// A list of the account's that is read first: the call is made for each of its entries, with `{each}` for the entry's
    /// id. Without an entry, or without the account, there is nothing to do.
    pub each: Option<Each>,
}

/// A list for each of whose entries a call is made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Each {
    /// The path that lists them, with `{id}` for the account; one answer holds all.
    pub path: String,
    /// Where the entries lie in the body.
    #[serde(default)]
    pub items: String,
    /// Where an entry has its id.
    pub id: String,
    /// A place that every answer has, where the app leaves an empty list out.
    pub mark: Option<String>,
}

/// How a call takes several records at once, and tells what became of each.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Records that one request carries at most.
    pub size: u32,
    /// Where the answer lists those that were written.
    pub done: String,
    /// The key by which a record that was sent and one of that list are the same, whatever their case.
    pub by: String,
    /// Where the answer lists what is wrong with single records. A request that is refused without saying so is split.
    pub errors: String,
    /// The key of such an error that holds the place of its record among those sent, counted from 0.
    pub index: String,
}

fn success_default() -> Vec<u16> {
    vec![200, 201, 202, 204]
}

/// The methods.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "HTTP's own words")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// When a call is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallWhen {
    /// Always.
    #[default]
    Always,
    /// When the last `find` found something.
    Found,
    /// When the last `find` found nothing.
    NotFound,
    /// When something is left to send that no call before has sent.
    Remaining,
    /// When the account is not of the target kind yet.
    OtherKind,
}

/// What a body holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// There is none.
    #[default]
    None,
    /// What is asked to change; lists are sent whole.
    Changes,
    /// A list with the account's id: `["…"]`.
    Ids,
    /// The record as it is now without what is read-only, with what is asked to change: for writes that replace the
    /// whole record.
    Whole,
    /// What SCIM has there, for an app whose only surface that is.
    Scim,
}
