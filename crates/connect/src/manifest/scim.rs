//! The SCIM surface that some apps have beside their REST one: where it is, who may use it, and what is written there.
//! The connector uses it for what REST cannot write, and only where a connection switches it on. Records are read over
//! REST; SCIM's ids are not REST's, so that a person is looked up there by address.

use super::Auth;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use tenure_core::account::Kind;

/// What the app's SCIM surface is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scim {
    /// Whether the vendor has one.
    pub available: bool,
    /// Its base URL; `{parameter}` is filled in, and `{base}` is the base URL of the connection, from which `/..` leads
    /// up.
    pub url: Option<String>,
    /// From which plan on, for people.
    pub plan: Option<String>,
    /// The plans that have it, as `[limits.plans]` or the vendor names them; empty where a plan is not compared.
    #[serde(default)]
    pub plans: Vec<String>,
    /// Where its token is issued; never the credential of the other surface.
    pub token: Option<String>,
    /// Identity providers that the vendor supports.
    #[serde(default)]
    pub providers: Vec<String>,
    /// Whether it works only while single sign-on is on.
    #[serde(default)]
    pub needs_sso: bool,
    /// What it cannot do, or why there is none.
    #[serde(default)]
    pub limits: Vec<String>,
    /// How a request proves who asks; the first whose secrets a connection gives is used.
    #[serde(default)]
    pub credentials: Vec<Auth>,
    /// The kinds of whose people it has users.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub kinds: Vec<Kind>,
    /// The app has no other surface: address and credential are the connection's, ids are the accounts', and what a
    /// service offers is asked of it. The `write` of a field is then an attribute path.
    #[serde(default)]
    pub alone: bool,
    /// How a change is written, where the surface stands alone.
    #[serde(default)]
    pub change: ScimChange,
    /// How a member is taken out of a group.
    #[serde(default)]
    pub member_leaves: ScimLeave,
    /// What a new user's `userName` is made of, where the surface stands alone.
    #[serde(default)]
    pub login: ScimLogin,
    /// Whether `userName` is the address in small letters.
    #[serde(default)]
    pub lower_case: bool,
    /// Canonical field or policy's word → how SCIM writes it, at the moments at which REST does not.
    #[serde(default)]
    pub writes: IndexMap<String, ScimWrite>,
    /// How it makes somebody, where the operator wants that done here.
    pub create: Option<ScimCreate>,
    /// How it puts somebody out, where the operator wants that done here.
    pub suspend: Option<ScimSuspend>,
}

/// How somebody is made; what it does not take is set over REST afterwards.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScimCreate {
    /// The kind of record that comes of it, where it is always the same one: an account of another kind is converted
    /// from it over REST.
    #[schemars(with = "Option<String>")]
    pub makes: Option<Kind>,
    /// Canonical field → the attribute paths that take it.
    pub fields: IndexMap<String, Vec<String>>,
    /// The paths of the first word of a name and of all others, for an app that knows a whole name only.
    pub split_name: Option<[String; 2]>,
}

/// How SCIM writes one field or sort of grant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScimWrite {
    /// What stands there.
    pub form: ScimForm,
    /// The attribute paths that take it, all with the same value; none for `members`.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// What stands for a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScimForm {
    /// A field's text.
    Text,
    /// Grants by name: `[{"value": "CSM"}]`.
    Values,
    /// Grants that are groups: the user becomes a member of the group of that name.
    Members,
}

/// How a change of a record is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScimChange {
    /// A PATCH that names a path for each change.
    #[default]
    Paths,
    /// A PATCH of one object, without a path.
    Object,
    /// A PUT of the whole record, for a service without PATCH.
    Put,
}

/// How a member is taken out of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScimLeave {
    /// The path names the member: `members[value eq "…"]`.
    #[default]
    Path,
    /// The path is `members`, and the value lists who leaves.
    Value,
}

/// What a new user's `userName` is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScimLogin {
    /// The address.
    #[default]
    Address,
    /// What stands before the `@`.
    LocalPart,
}

/// How somebody is put out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScimSuspend {
    /// A PATCH of `active` to false.
    Inactive,
    /// A DELETE, which deprovisions.
    Delete,
}

impl Scim {
    /// Lists the secrets that some credential asks for, without repetition.
    pub fn secrets(&self) -> Vec<&str> {
        let mut secrets: Vec<&str> = self.credentials.iter().flat_map(Auth::secrets).collect();
        secrets.sort_unstable();
        secrets.dedup();
        secrets
    }
}
