//! Who a client is, by what it sends: its name for itself, its flags, and the turns of phrase of its bodies.
//! It serves logs, pages of advice and recordings; no answer depends on it, for every dialect is read from everybody.
//! It sees the request that it is handed and remembers nothing.

use crate::dialect::{Dialect, Said};
use serde_json::Value;

/// A SCIM client that is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "the names of the products")]
pub enum Client {
    Okta,
    Entra,
    OneLogin,
    JumpCloud,
    Google,
}

/// What a request shows of its client.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shows<'a> {
    /// The header `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// The query of the URL.
    pub query: &'a str,
    /// The body, where it is JSON.
    pub body: Option<&'a Value>,
    /// In which dialects it was.
    pub said: Option<&'a Said>,
}

/// Who it is, and by what that is seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recognised {
    /// Who.
    pub client: Client,
    /// By what, in words for a log.
    pub by: &'static str,
    /// Whether the client said so itself; else it is a guess from its habits.
    pub is_told: bool,
}

impl Client {
    /// Returns the client's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Okta => "Okta",
            Self::Entra => "Entra ID",
            Self::OneLogin => "OneLogin",
            Self::JumpCloud => "JumpCloud",
            Self::Google => "Google",
        }
    }

    /// Recognises a client; `None` where nothing points at one.
    pub fn recognise(shows: Shows<'_>) -> Option<Recognised> {
        by_name(shows.user_agent).or_else(|| by_flag(shows.query)).or_else(|| by_habit(shows))
    }
}

const NAMES: [(&str, Client); 6] = [
    ("okta scim client", Client::Okta),
    ("okta", Client::Okta),
    ("google-auto-provisioning", Client::Google),
    ("onelogin", Client::OneLogin),
    ("jumpcloud", Client::JumpCloud),
    ("azuread", Client::Entra),
];

/// The query flags that choose one of Entra's two dialects.
const FLAGS: [&str; 2] = ["aadoptscim062020", "azureadscimpatch2017"];

const ENTRA_GROUP: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM";

fn by_name(user_agent: Option<&str>) -> Option<Recognised> {
    let user_agent = user_agent?.to_ascii_lowercase();
    let (_, client) = NAMES.iter().find(|(name, _)| user_agent.contains(name))?;
    Some(Recognised { client: *client, by: "its User-Agent", is_told: true })
}

fn by_flag(query: &str) -> Option<Recognised> {
    let mut names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default().to_ascii_lowercase());
    let is_flagged = names.any(|name| FLAGS.contains(&name.as_str()));
    is_flagged.then_some(Recognised { client: Client::Entra, by: "its flag on the URL", is_told: true })
}

fn by_habit(shows: Shows<'_>) -> Option<Recognised> {
    let guess = |client, by| Some(Recognised { client, by, is_told: false });
    let body = shows.body.unwrap_or(&Value::Null);
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let has_schema = |start: &str| {
        let schemas = body.get("schemas").and_then(Value::as_array).into_iter().flatten();
        schemas.filter_map(Value::as_str).any(|urn| urn.starts_with(start))
    };
    let has_role = |of_type: &str| {
        let roles = body.get("roles").and_then(Value::as_array).into_iter().flatten();
        roles.filter_map(|role| role.get("type")?.as_str()).any(|found| found == of_type)
    };
    if has_schema(ENTRA_GROUP) {
        return guess(Client::Entra, "the schema of its groups");
    }
    if has_role("WindowsAzureActiveDirectoryRole") {
        return guess(Client::Entra, "the type of its roles");
    }
    // Okta's ids of users begin with `00u` and have twenty letters.
    let is_okta_id =
        |id: &str| id.len() == 20 && id.starts_with("00u") && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if text("externalId").is_some_and(is_okta_id) {
        return guess(Client::Okta, "the shape of its ids");
    }
    if has_schema("urn:scim:schemas:core:1.0") && body.get("id") == Some(&Value::Null) {
        return guess(Client::OneLogin, "schemas of SCIM 1 with an empty id");
    }
    let said = shows.said.filter(|said| said.dialects.contains(&Dialect::VerbCase))?;
    let is_entra = said.dialects.iter().any(|dialect| {
        matches!(dialect, Dialect::BooleanText | Dialect::RemoveListed | Dialect::JsonText | Dialect::MadeByPath)
    });
    if is_entra { guess(Client::Entra, "capital verbs beside values as texts or lists to remove") } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(shows: Shows<'_>) -> Option<(Client, bool)> {
        Client::recognise(shows).map(|recognised| (recognised.client, recognised.is_told))
    }

    #[test]
    fn a_client_that_says_its_name_or_sets_a_flag_is_believed() {
        let named = |name| seen(Shows { user_agent: Some(name), ..Shows::default() });
        assert_eq!(named("Okta SCIM Client 1.0.0"), Some((Client::Okta, true)));
        assert_eq!(named("Google-Auto-Provisioning"), Some((Client::Google, true)));
        assert_eq!(named("curl/8"), None);
        assert_eq!(named(""), None);
        let flag = Shows { query: "aadOptscim062020&filter=x", ..Shows::default() };
        assert_eq!(seen(flag), Some((Client::Entra, true)));
    }

    #[test]
    fn a_client_is_guessed_by_its_habits() {
        for (body, client) in [
            (
                json!({"schemas": ["http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"]}),
                Client::Entra,
            ),
            (json!({"roles": [{"type": "WindowsAzureActiveDirectoryRole"}]}), Client::Entra),
            (json!({"externalId": "00u1a2b3c4d5e6f7g8h9"}), Client::Okta),
            (json!({"schemas": ["urn:scim:schemas:core:1.0"], "id": null}), Client::OneLogin),
        ] {
            assert_eq!(seen(Shows { body: Some(&body), ..Shows::default() }), Some((client, false)), "{body}");
        }
        let mut said = Said::default();
        said.dialects.extend([Dialect::VerbCase, Dialect::BooleanText]);
        assert_eq!(seen(Shows { said: Some(&said), ..Shows::default() }), Some((Client::Entra, false)));
        assert_eq!(seen(Shows { body: Some(&json!([1])), ..Shows::default() }), None);
    }
}
