//! What an app's roles, groups and scopes let people see and do, as sentences with conditions: a small closed
//! vocabulary. `abilities` hands the rules to the walk, which fills the sentences; nothing here sends or judges.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// One sentence about what an account can see or do, and when it is true.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessSpec {
    /// Field or entitlement word → its value, or a list of which one must fit; an entitlement must be held by that name.
    #[serde(default)]
    pub when: IndexMap<String, serde_json::Value>,
    /// Said once for each grant under this word, as `{name}` with its `{scope}`; of several the first that fits.
    pub each: Option<String>,
    /// Only of grants within this scope.
    pub scope: Option<String>,
    /// The sentence; `{word}` is the value of a field, or the names held under an entitlement word.
    pub says: String,
    /// Whether it is privileged, besides the privileged grants that it names.
    #[serde(default)]
    pub privileged: bool,
}
