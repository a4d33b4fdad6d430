//! Where an app answers, how a request proves who asks, and how often it may ask.
//! The connector turns this into a base URL, a header and a budget. It holds names of secrets, never secrets.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// Where the app answers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// The URL before every path, with `{parameter}` where the tenant differs: `https://{account}.gorgias.com/api`. An
    /// explicit `url` of a connection wins over it.
    pub url: String,
    /// Suffixes that the host of a URL made from the pattern must end in, such as `.gorgias.com`.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// What the pattern asks a connection for.
    #[serde(default)]
    pub parameters: IndexMap<String, Parameter>,
}

/// One thing that the pattern asks for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is, in a sentence with an example.
    pub says: String,
    /// What is meant when a connection does not give it; without this it is required.
    pub default: Option<String>,
}

/// How a request proves who asks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The form.
    pub form: AuthForm,
    /// For `basic`: the user name, such as `{secret.email}` or a fixed text.
    pub username: Option<String>,
    /// For `basic`: the password, such as `{secret.token}` or a fixed text (`X`).
    pub password: Option<String>,
    /// For `header`: the name of the header.
    pub header: Option<String>,
    /// For `header` and `bearer`: the value, such as `{secret.access_key}`.
    pub value: Option<String>,
    /// For the forms that fetch a token: where it is issued; `{parameter}` is filled in, an address that begins with `..`
    /// is taken from the base URL on, and a parameter `token_url` of the connection wins.
    pub token_url: Option<String>,
    /// For `client_credentials` and `private_key_jwt`: the client id.
    pub client_id: Option<String>,
    /// For `client_credentials`: the client's secret.
    pub client_secret: Option<String>,
    /// For `service_account`: the JSON key, such as `{secret.service_account}`.
    pub key: Option<String>,
    /// For `service_account`: the parameter that names the person on whose behalf is asked.
    pub subject: Option<String>,
    /// For `private_key_jwt`: the client's private key, such as `{secret.private_key}`.
    pub private_key: Option<String>,
    /// For `private_key_jwt`: the parameter that names the key, where the key does not name itself.
    pub key_id: Option<String>,
    /// For the forms that fetch a token: the scope asked for.
    pub scope: Option<String>,
    /// For `client_credentials`: how the client proves itself where tokens are issued.
    #[serde(default)]
    pub client_proof: ClientProof,
    /// Other forms that the app takes as well: which one is used follows from the secrets that a connection gives.
    #[serde(default)]
    pub instead: Vec<Auth>,
}

impl Auth {
    /// Lists the secrets that the form names.
    pub fn secrets(&self) -> Vec<&str> {
        let texts = self.texts().flat_map(|text| text.split("{secret.").skip(1));
        texts.filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect()
    }

    /// Lists the texts into which secrets are filled.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &String> {
        let plain = [&self.username, &self.password, &self.value];
        let asked = [&self.client_id, &self.client_secret, &self.key, &self.private_key];
        plain.into_iter().chain(asked).flatten()
    }

    /// Lists the forms that the app takes.
    pub fn forms(&self) -> impl Iterator<Item = &Auth> {
        std::iter::once(self).chain(&self.instead)
    }
}

/// The forms of a credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthForm {
    /// `Authorization: Basic base64(username:password)`.
    Basic,
    /// A header of the app's own.
    Header,
    /// `Authorization: Bearer value`.
    Bearer,
    /// OAuth 2.0 client credentials: a short-lived bearer token from `token_url`.
    ClientCredentials,
    /// The JSON key of a service account signs an assertion, for which `token_url` gives a short-lived bearer token.
    ServiceAccount,
    /// OAuth 2.0 client credentials whose client signs with its private key instead of showing a secret.
    PrivateKeyJwt,
}

/// How a client proves itself where tokens are issued.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientProof {
    /// Id and secret in the form.
    #[default]
    Form,
    /// Id and secret as HTTP Basic.
    Basic,
}

/// One secret that a connection needs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretHelp {
    /// What it is.
    pub says: String,
    /// The vendor's page that issues it.
    pub issued: String,
    /// Whether it may be left out.
    #[serde(default)]
    pub optional: bool,
    /// The credential of another surface with which it is easily confused, and how that looks.
    pub twin: Option<String>,
}

/// How often the app may be asked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Whose budget it is, for people: `account`, `organisation`.
    pub per: Option<String>,
    /// The published limit of each plan, from the smallest plan up.
    #[serde(default)]
    pub plans: IndexMap<String, PlanLimit>,
    /// Plans whose tenants have no API at all.
    #[serde(default)]
    pub without_api: Vec<String>,
    /// The plan that is assumed when a connection names none.
    pub default_plan: Option<String>,
    /// The budget that is assumed where nothing is published.
    pub assumed: Option<BudgetSpec>,
    /// How the app counts.
    #[serde(default)]
    pub window: WindowWord,
    /// Limits of some paths only, on top.
    #[serde(default)]
    pub sub: Vec<SubLimitSpec>,
    /// What the numbers do not say.
    pub note: Option<String>,
}

/// How an app counts requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WindowWord {
    /// From zero again at each window.
    #[default]
    Fixed,
    /// What lies within the last window, at any moment.
    Rolling,
    /// A bucket that runs out evenly.
    Leaky,
}

/// A limit of some paths only.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubLimitSpec {
    /// How people call it.
    pub name: String,
    /// The path, as lists and calls of this manifest write it.
    pub path: String,
    /// Whether paths under it count as well.
    #[serde(default)]
    pub under: bool,
    /// The limit of each plan.
    #[serde(default)]
    pub plans: IndexMap<String, PlanLimit>,
    /// The limit where the plan is not among these.
    pub assumed: Option<BudgetSpec>,
}

/// The published limit of one plan; none where it is negotiated.
pub type PlanLimit = BudgetSpec;

/// So many requests in a time.
#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetSpec {
    /// Requests a second.
    pub per_second: Option<f64>,
    /// Requests a minute.
    pub per_minute: Option<f64>,
    /// Requests an hour.
    pub per_hour: Option<f64>,
    /// Requests a day.
    pub per_day: Option<f64>,
    /// Requests within `seconds`, for windows of another length.
    pub requests: Option<f64>,
    /// The length of the window of `requests`.
    pub seconds: Option<f64>,
    /// Requests that may be open at the same time.
    pub concurrent: Option<u32>,
}

/// How the credential's own account is told: by a read-only request, or by a secret that is its login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhoAmI {
    /// The path that answers with the account of whoever asks.
    pub path: Option<String>,
    /// The secret without which there is no such account: a client of its own acts as nobody.
    pub only_with: Option<String>,
    /// Where the record lies in the body; empty for a body that is the record.
    #[serde(default)]
    pub item: String,
    /// Where its login may lie, in order.
    #[serde(default)]
    pub login: Vec<String>,
    /// The secret that is the login; it counts only where it is an address.
    pub secret: Option<String>,
}
