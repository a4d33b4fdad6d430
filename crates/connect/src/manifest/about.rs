//! What a manifest says for people rather than for the connector: sessions, webhooks, SCIM, prerequisites.
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

/// What the app's SCIM surface is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scim {
    /// Whether the vendor has one.
    pub available: bool,
    /// Its base URL.
    pub url: Option<String>,
    /// From which plan on.
    pub plan: Option<String>,
    /// Where its token is issued; never the credential of the other surface.
    pub token: Option<String>,
    /// Identity providers that the vendor supports.
    #[serde(default)]
    pub providers: Vec<String>,
    /// What it cannot do, or why there is none.
    #[serde(default)]
    pub limits: Vec<String>,
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
