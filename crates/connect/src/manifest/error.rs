//! How success and failure look in an app's answers.
//! The connector asks here which word of ours an answer means; rules are tried in order, then the plain reading of the
//! status. It does not know what is done about an error.

use schemars::JsonSchema;
use serde::Deserialize;
use tenure_core::abilities::Effect;

/// A flag in the body that can fail an answer whose status is a success: `{"result": false}` with 200.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuccessFlag {
    /// Where the flag lies.
    pub at: String,
    /// What it says when all is well; an answer without the flag is well too.
    pub is: serde_json::Value,
}

/// How failures look.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorSpec {
    /// Where the vendor's words may lie, in order; a step through a list takes its first entry.
    #[serde(default)]
    pub text: Vec<String>,
    /// Where the name of the offending field may lie.
    #[serde(default)]
    pub field: Vec<String>,
    /// Which answers mean which error; the first that fits decides.
    #[serde(default)]
    pub rules: Vec<ErrorRule>,
}

/// One rule: all that it names must fit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// The statuses; empty for any.
    #[serde(default)]
    pub status: Vec<u16>,
    /// The effects; empty for any request.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub on: Vec<Effect>,
    /// Any of these stands in the body, in any case; empty for any body.
    #[serde(default)]
    pub says: Vec<String>,
    /// What it means.
    pub is: ErrorWord,
    /// Who must do what.
    pub hint: Option<String>,
}

/// What an error means, whatever the app calls it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorWord {
    /// The credential is not accepted.
    Auth,
    /// The credential may not do this.
    Scope,
    /// There is no such record in this tenant.
    NotFound,
    /// There is such a record already.
    Duplicate,
    /// No seat is left.
    SeatLimit,
    /// A field is not accepted.
    Validation,
    /// Too many requests.
    RateLimited,
    /// The app cannot do this.
    Unsupported,
    /// Anything else that the app says.
    Vendor,
}
