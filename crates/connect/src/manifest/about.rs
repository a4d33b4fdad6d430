//! What a manifest says for people rather than for the connector: sessions, webhooks, prerequisites.
//! `app show`, `check` and findings print it. Nothing here changes a request.

use schemars::JsonSchema;
use serde::Deserialize;

/// Whether suspending somebody ends the sessions that they have open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionWord {
    /// The app ends them.
    Ended,
    /// The app leaves them open: the sign-in source has to end them.
    Kept,
    /// The vendor does not say.
    Unstated,
}

/// The forms of a file that is an app.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileForm {
    /// A table of people with a header line.
    Csv,
}

/// The forms in which records are pushed to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PushForm {
    /// People and groups over SCIM.
    Scim,
}

/// Which events the app tells by itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Events about accounts.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Events about other things.
    #[serde(default)]
    pub others: Vec<String>,
    /// What they leave out.
    pub note: String,
}

/// Something that a person must have set up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prerequisite {
    /// What.
    pub what: String,
    /// For which feature.
    pub needed_for: String,
}
