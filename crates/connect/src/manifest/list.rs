//! How records are listed, looked up and read: paths, paging, passes, incremental parameters.
//! The connector walks lists by this. It does not say what a record looks like: that is `record`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use tenure_core::account::Kind;

/// One way to walk a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// How the next page is found.
    pub style: PagingStyle,
    /// The parameter that says how many records a page holds.
    pub size_parameter: Option<String>,
    /// Records a page that are asked for.
    pub size: Option<u32>,
    /// Records a page that the app gives at most.
    pub size_max: Option<u32>,
    /// For `page` and `start_index`: the parameter that counts. For `cursor`: the parameter that takes the cursor.
    pub parameter: Option<String>,
    /// For `page`: the number of the first page. For `start_index`: of the first record.
    #[serde(default = "one")]
    pub first: u64,
    /// For `cursor`: where the next cursor lies in the body; null, absent or empty ends the walk. For `address`: where the
    /// address of the next page lies.
    pub next: Option<String>,
    /// For `cursor`: the header that holds the next cursor, for an app that does not tell it in the body.
    pub next_header: Option<String>,
    /// A place that every page has, where the app leaves the list out of a page without records.
    pub mark: Option<String>,
    /// Where the body tells how many records there are.
    pub total: Option<String>,
    /// Whether the total ends the walk, or is only a cross-check.
    #[serde(default)]
    pub total_is: Total,
}

fn one() -> u64 {
    1
}

/// How the next page is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PagingStyle {
    /// The body holds a cursor for the next page.
    Cursor,
    /// The body holds the address of the next page, on the same host; none ends the walk. A page may be empty.
    Address,
    /// Pages are numbered; a page with fewer records than asked for is the last, unless a total that ends the walk says
    /// otherwise.
    Page,
    /// A `Link` header with `rel="next"` on the same host; none ends the walk.
    Link,
    /// SCIM: `startIndex` counts records, `totalResults` says how many there are.
    StartIndex,
    /// One answer holds everything.
    Single,
}

/// What a total is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Total {
    /// It may be missing or stale: compared, never believed.
    #[default]
    Check,
    /// The walk ends when so many records were seen; further pages are asked for at once.
    End,
}

/// How all records of a kind are listed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListSpec {
    /// The path after the base URL.
    pub path: String,
    /// Where the records lie in the body; empty for a body that is the list itself. A body that is a list is taken as
    /// one in any case.
    #[serde(default)]
    pub items: String,
    /// The name of a paging of this manifest.
    pub paging: String,
    /// Parameters of every request.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Passes over the list, whose records are merged by id; without any, one pass sees everything.
    #[serde(default)]
    pub passes: Vec<Pass>,
    /// How to ask for changed records only.
    pub incremental: Option<Incremental>,
    /// How to go on from a place that the app gave, for one that keeps track of changes itself.
    pub delta: Option<Delta>,
    /// For an app that lists by POST: the body of every request, into which the paging's parameters go as well.
    pub read_body: Option<IndexMap<String, serde_json::Value>>,
    /// Records of other kinds that the list holds; the first that fits decides.
    #[serde(default)]
    pub others: Vec<OtherKind>,
    /// Places that the list leaves out of some records; such a record is read by its id.
    #[serde(default)]
    pub thin: Vec<String>,
    /// Whether a complete list proves by itself that somebody is not there, for an app in which nobody can be asked for
    /// alone. Elsewhere each who is missing is looked up by id first.
    #[serde(default)]
    pub proves_absence: bool,
    /// Whether one person may have several records with one id, one for each employment: of those in one page the one that
    /// counts today is taken, with the days of those that follow each other.
    #[serde(default)]
    pub one_person: bool,
}

/// Records of another kind in a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OtherKind {
    /// Their kind.
    #[schemars(with = "String")]
    pub kind: Kind,
    /// Places and the values that they must have.
    pub equals: IndexMap<String, serde_json::Value>,
}

/// One pass over a list that hides records by default.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// What it sees, for people: `active`, `inactive`.
    pub name: String,
    /// The path that it walks instead of the list's.
    pub path: Option<String>,
    /// Its parameters.
    #[serde(default)]
    pub query: IndexMap<String, String>,
}

/// How to ask for changed records only.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incremental {
    /// The parameter; takes a UTC time in ISO 8601, to the second.
    pub parameter: String,
    /// What the parameter takes instead, with the time, to the millisecond, at `{since}`.
    pub value: Option<String>,
    /// Whether a record that changed at that very moment comes too.
    pub inclusive: bool,
    /// Whether all passes are walked with it; without them, one walk tells every change.
    #[serde(default = "yes")]
    pub passes: bool,
}

/// How an app that keeps track of changes is asked for them. It gives an address from which to go on the next time; what it
/// tells there are ids, each of which is then read, for a record in it may leave out what did not change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delta {
    /// The path that tells changes.
    pub path: String,
    /// Its parameters; they may decide which changes are told.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Parameters that ask for nothing but the address from now on. It is asked for before everything is listed.
    pub latest: IndexMap<String, String>,
    /// Where a page has the address of the next one. A page may be empty.
    pub next: String,
    /// Where the last page has the address from which to go on the next time.
    pub link: String,
    /// What a record has that was removed.
    pub removed: String,
    /// The pass of the list in which those removed can still be read; it is walked when there are any.
    pub removed_pass: Option<String>,
    /// Places and the values that a record has to have once it is read; of others the list does not tell either.
    #[serde(default)]
    pub only: IndexMap<String, serde_json::Value>,
    /// Words in a refusal that mean: the address is too old. So does the status 410. Then everything is listed.
    #[serde(default)]
    pub expired: Vec<String>,
}

/// How records are looked up by something other than their id.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookupSpec {
    /// Parameters, with `{value}` where the value sought goes. Without any the whole list is walked. A record in the
    /// answer that does not match means that the app does not filter: then the whole list is walked as well.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// For an app that lists by POST: what is laid over the body of the list, with `{value}` in it.
    pub read_body: Option<IndexMap<String, serde_json::Value>>,
    /// For an app that lists by POST and takes several values at once.
    pub many: Option<Many>,
    /// Whether every pass of the list is walked; without them, one look finds everybody.
    #[serde(default = "yes")]
    pub passes: bool,
    /// Tried where the first parameters found nothing: `query = { query = "email:'{value}'" }`.
    #[serde(default)]
    pub again: IndexMap<String, String>,
    /// Places of further values that match as well as the field.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The canonical field that must match exactly.
    pub field: String,
    /// Kinds that share the same space of values, and are searched too.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub also: Vec<Kind>,
}

/// How one record is read by its id.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadSpec {
    /// The path after the base URL, with `{id}`.
    pub path: String,
    /// Parameters.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// For an app that reads by POST: the body, with `{id}` in it. The record is absent where `item` leads to nothing.
    pub read_body: Option<IndexMap<String, serde_json::Value>>,
    /// For an app that reads by POST and takes several ids at once.
    pub many: Option<Many>,
    /// Where the record lies in the body; empty for a body that is the record. Answers to writes have the same wrapper.
    #[serde(default)]
    pub item: String,
}

/// How several records are read with one request. Where it is refused, each is read alone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Many {
    /// Records that one request asks for at most; the answer has to hold as many.
    pub size: u32,
    /// The body, in which a list `["{id}"]` or `["{value}"]` takes them all.
    pub read_body: IndexMap<String, serde_json::Value>,
}

/// A list of what can be granted in a tenant, or named in a field.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The entitlement kind of its entries.
    pub kind: String,
    /// The path after the base URL.
    pub path: String,
    /// Where the entries lie in the body.
    #[serde(default)]
    pub items: String,
    /// The name of a paging of this manifest.
    pub paging: String,
    /// Where an entry lists the ids of the accounts that hold it.
    pub members: Option<String>,
    /// The key of an entry's id.
    #[serde(default = "id_key")]
    pub id: String,
    /// The key of an entry's name.
    #[serde(default = "name_key")]
    pub name: String,
    /// Whether the guide names this endpoint; one that it does not name may be missing, and ids then stand for names.
    #[serde(default = "yes")]
    pub documented: bool,
}

fn id_key() -> String {
    "id".into()
}

fn name_key() -> String {
    "name".into()
}

fn yes() -> bool {
    true
}
