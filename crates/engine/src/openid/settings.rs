//! `[server.oidc.NAME]`: an OpenID provider by which people sign in to the console, and as what they are let in.
//! Read with the rest of `tenure.toml`, and checked there. What a token says is not known here.

use crate::config::SecretPlace;
use schemars::JsonSchema;
use serde::Deserialize;
use tenure_core::role::Role;
use url::{Host, Url};

/// The host under which Microsoft signs in people of all companies, by paths that name no tenant.
const MICROSOFT: &str = "login.microsoftonline.com";
const MICROSOFT_SHARED: [&str; 3] = ["common", "organizations", "consumers"];
/// Google signs in whoever has an account anywhere.
const GOOGLE: &str = "accounts.google.com";

/// `[server.oidc.NAME]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// The issuer, exactly as its discovery document says it.
    pub issuer: String,
    /// Who we are to it.
    pub client_id: String,
    /// Where the client's secret lies; a public client has none.
    pub client_secret: Option<SecretPlace>,
    /// What the button says; the name unless said.
    pub title: Option<String>,
    /// What is asked for besides `openid`.
    #[serde(default = "scopes_default")]
    pub scopes: Vec<String>,
    /// The claim that holds the groups of whoever signs in.
    #[serde(default = "groups_default")]
    pub groups_claim: String,
    /// The claim that holds their address, as the policy's approvers are named.
    #[serde(default = "who_default")]
    pub who: String,
    /// Only people of this domain: the end of their address, and Google's `hd`.
    pub domain: Option<String>,
    /// Which groups are let in as what. Of several, the last in the order viewer, operator, approver, admin.
    #[serde(default)]
    pub roles: RolesConfig,
    /// Which people are let in as what, by address, where the provider tells no groups.
    #[serde(default)]
    pub people: RolesConfig,
    /// As what everybody else is let in whom the provider signs in; nobody unless said.
    pub everyone: Option<String>,
}

/// Groups or addresses by role.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the roles")]
pub struct RolesConfig {
    pub viewer: Vec<String>,
    pub operator: Vec<String>,
    pub approver: Vec<String>,
    pub admin: Vec<String>,
}

fn scopes_default() -> Vec<String> {
    vec!["profile".into(), "email".into()]
}

fn groups_default() -> String {
    "groups".into()
}

fn who_default() -> String {
    "email".into()
}

impl RolesConfig {
    /// Lists what is let in as `role`.
    pub fn of(&self, role: Role) -> &[String] {
        match role {
            Role::Viewer => &self.viewer,
            Role::Operator => &self.operator,
            Role::Approver => &self.approver,
            Role::Admin => &self.admin,
        }
    }

    fn is_empty(&self) -> bool {
        Role::ALL.iter().all(|role| self.of(*role).is_empty())
    }
}

/// What is wrong with a provider's settings: at which key, what, and what to do.
pub(crate) type Wrong = (&'static str, String, &'static str);

impl OidcConfig {
    /// Returns the issuer as an address.
    ///
    /// # Errors
    /// It is none that tokens may come from.
    pub(crate) fn issuer_url(&self) -> Result<Url, Wrong> {
        let wrong = |hint| ("issuer", format!("`issuer` is {:?}, which cannot be one", self.issuer), hint);
        let example = "such as https://acme.okta.com, exactly as the provider's discovery document says it";
        let url = Url::parse(&self.issuer).map_err(|_| wrong(example))?;
        let loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(wrong(example)),
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(wrong("it needs https"));
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(wrong("it has neither a query nor a fragment nor a name"));
        }
        let first = url.path_segments().and_then(|mut parts| parts.next().map(str::to_owned)).unwrap_or_default();
        if url.host_str() == Some(MICROSOFT) && MICROSOFT_SHARED.contains(&first.as_str()) {
            return Err(wrong("name your own tenant: https://login.microsoftonline.com/TENANT-ID/v2.0"));
        }
        Ok(url)
    }

    /// Checks what the provider's settings say.
    ///
    /// # Errors
    /// They let nobody in, or anybody.
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        let url = self.issuer_url()?;
        if self.client_id.trim().is_empty() {
            return Err(("client_id", "`client_id` says nothing".into(), "the provider shows it with the application"));
        }
        let everyone = self.everyone.as_deref().map(str::parse::<Role>).transpose();
        let everyone =
            everyone.map_err(|error| ("everyone", error.to_string(), "name one of them, or leave it out"))?;
        if everyone.is_none() && self.roles.is_empty() && self.people.is_empty() {
            let says = "nobody would be let in: no group and no person has a role".to_owned();
            return Err(("roles", says, "such as `roles = { viewer = [\"staff\"], admin = [\"it\"] }`"));
        }
        if url.host_str() == Some(GOOGLE) && everyone.is_some() && self.domain.is_none() {
            let says = "Google signs in whoever has an account anywhere".to_owned();
            return Err(("everyone", says, "say `domain` as well, such as domain = \"acme.example\""));
        }
        Ok(())
    }

    /// Returns what the button says.
    pub(crate) fn title<'a>(&'a self, name: &'a str) -> &'a str {
        self.title.as_deref().unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), Wrong> {
        toml::from_str::<OidcConfig>(&format!("client_id = \"c\"\n{text}")).unwrap().check()
    }

    #[test]
    fn an_issuer_that_speaks_for_all_companies_is_refused() {
        let roles = "roles = { admin = [\"it\"] }";
        assert_eq!(check(&format!("issuer = \"https://acme.okta.com\"\n{roles}")), Ok(()));
        assert_eq!(check(&format!("issuer = \"http://127.0.0.1:9\"\n{roles}")), Ok(()));
        for issuer in [
            "https://login.microsoftonline.com/common/v2.0",
            "http://acme.okta.com",
            "acme.okta.com",
            "https://acme.okta.com?x=1",
            "https://me@acme.okta.com",
        ] {
            assert_eq!(check(&format!("issuer = {issuer:?}\n{roles}")).unwrap_err().0, "issuer", "{issuer}");
        }
    }

    #[test]
    fn settings_that_let_in_nobody_or_anybody_are_refused() {
        assert_eq!(check("issuer = \"https://acme.okta.com\"").unwrap_err().0, "roles");
        let google = "issuer = \"https://accounts.google.com\"\neveryone = \"viewer\"";
        assert_eq!(check(google).unwrap_err().0, "everyone");
        assert_eq!(check(&format!("{google}\ndomain = \"acme.example\"")), Ok(()));
        assert_eq!(check("issuer = \"https://acme.okta.com\"\neveryone = \"root\"").unwrap_err().0, "everyone");
    }
}
