//! The credential of a connection, built of its secrets as the manifest arranges them.
//! An app may take several forms: which one is meant follows from the secrets that are given, and a half of one is an
//! error that names the other half. Secrets are only filled in here, and never shown.

use super::account;
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{Auth, AuthForm, ClientProof};
use crate::settings::Settings;
use crate::transport::{Assertion, ClientCredentials, ClientStyle, Credential};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use url::Url;

type Given = BTreeMap<String, SecretString>;

fn refusal(text: impl Into<String>) -> ConnectError {
    ConnectError::new(ErrorKind::Configuration, text).about("secrets")
}

/// Builds the credential.
pub(super) fn of(settings: &Settings, secrets: &Given) -> Result<Credential, ConnectError> {
    let Some(auth) = &settings.manifest.auth else {
        return Err(refusal(format!("{} names no credential", settings.manifest.title)));
    };
    let auth = meant(settings, auth, secrets)?;
    check_given(settings, auth, secrets)?;
    Ok(match auth.form {
        AuthForm::ClientCredentials => Credential::OAuthClientCredentials(client(settings, auth, secrets)?),
        AuthForm::ServiceAccount => Credential::OAuthClientCredentials(account::of(settings, auth, secrets)?),
        AuthForm::PrivateKeyJwt => Credential::OAuthClientCredentials(signing(settings, auth, secrets)?),
        _ => credential_of(auth, secrets)?,
    })
}

/// Returns the names of the secrets of which the credential is made.
pub(super) fn shown(settings: &Settings, secrets: &Given) -> Vec<String> {
    let auth = settings.manifest.auth.as_ref().and_then(|auth| meant(settings, auth, secrets).ok());
    auth.into_iter().flat_map(Auth::secrets).map(str::to_owned).collect()
}

fn is_given(secrets: &Given, name: &str) -> bool {
    secrets.get(name).is_some_and(|secret| !secret.expose_secret().trim().is_empty())
}

/// Returns the form that is meant: the one of which a secret is given.
fn meant<'a>(settings: &Settings, auth: &'a Auth, secrets: &Given) -> Result<&'a Auth, ConnectError> {
    let forms: Vec<&Auth> = auth.forms().collect();
    let meant = |form: &&Auth| form.secrets().into_iter().any(|name| secrets.contains_key(name));
    let of = |form: &Auth| form.secrets().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    let choice = || forms.iter().map(|form| of(form)).collect::<Vec<_>>().join(", or ");
    match (forms.iter().copied().filter(meant).collect::<Vec<_>>().as_slice(), forms.as_slice()) {
        ([one], _) | ([], [one]) => Ok(*one),
        ([], _) => {
            Err(refusal(format!("{} has no credential", settings.name)).hinting(format!("it needs {}", choice())))
        }
        _ => Err(refusal(format!("{} has secrets of more than one sort of credential", settings.name))
            .hinting(format!("give {}, not both", choice()))),
    }
}

/// Refuses a credential of which a part is missing.
fn check_given(settings: &Settings, auth: &Auth, secrets: &Given) -> Result<(), ConnectError> {
    let asked = auth.secrets();
    let needed =
        settings.manifest.secrets.iter().filter(|(name, help)| !help.optional && asked.contains(&name.as_str()));
    for (name, help) in needed {
        if !is_given(secrets, name) {
            let text = format!("the secret `{name}` of {} is missing or empty", settings.name);
            return Err(refusal(text).hinting(format!("{}; issued at {}", help.says, help.issued)));
        }
    }
    Ok(())
}

/// Builds a client that signs with its private key.
fn signing(settings: &Settings, auth: &Auth, secrets: &Given) -> Result<ClientCredentials, ConnectError> {
    let filled = |pattern: &Option<String>| filled_secret(pattern.as_deref().unwrap_or_default(), secrets);
    let key_id = auth.key_id.as_ref().and_then(|word| settings.parameters.get(word)).cloned();
    let client = filled(&auth.client_id).expose_secret().to_owned();
    let assertion = Assertion::of_client(&filled(&auth.private_key), key_id, client).map_err(refusal)?;
    Ok(ClientCredentials::signed(token_url(settings, auth)?, assertion, auth.scope.clone()))
}

/// Builds a credential that needs no other address.
pub(super) fn credential_of(auth: &Auth, secrets: &Given) -> Result<Credential, ConnectError> {
    let filled = |pattern: &Option<String>| filled_secret(pattern.as_deref().unwrap_or_default(), secrets);
    match auth.form {
        AuthForm::Basic => Ok(Credential::Basic { username: filled(&auth.username), password: filled(&auth.password) }),
        AuthForm::Bearer => Ok(Credential::Bearer(filled(&auth.value))),
        AuthForm::Header => {
            let name = auth.header.as_deref().unwrap_or_default();
            match http::HeaderName::from_bytes(name.as_bytes()) {
                Ok(name) => Ok(Credential::Header { name, value: filled(&auth.value) }),
                Err(_) => Err(refusal(format!("{name:?} is no name of a header"))),
            }
        }
        AuthForm::ClientCredentials | AuthForm::ServiceAccount | AuthForm::PrivateKeyJwt => {
            Err(refusal("client credentials need an address where tokens are issued"))
        }
    }
}

fn client(settings: &Settings, auth: &Auth, secrets: &Given) -> Result<ClientCredentials, ConnectError> {
    Ok(client_of(auth, token_url(settings, auth)?, secrets))
}

/// Returns where tokens are issued.
pub(super) fn token_url(settings: &Settings, auth: &Auth) -> Result<Url, ConnectError> {
    let given = settings.parameters.get("token_url");
    let pattern = given.or(auth.token_url.as_ref()).map(String::as_str).unwrap_or_default();
    let text = settings.filled_pattern(pattern).map_err(|error| match (&settings.url, &error.field) {
        // The address is said, but not where tokens are issued, which is told apart from it.
        (Some(_), Some(name)) if !settings.parameters.contains_key(name) => ConnectError {
            text: format!(
                "{} needs `{name}` or `token_url` beside `url`, to know where tokens are issued",
                settings.manifest.title
            ),
            ..error
        },
        _ => error,
    })?;
    let refuse = |text: String| ConnectError::new(ErrorKind::Configuration, text).about("token_url");
    let url = if text.starts_with("..") { settings.base_url()?.join(&text) } else { Url::parse(&text) };
    let url = url.map_err(|error| refuse(format!("token_url {text:?} is no URL: {error}")))?;
    settings.check_scheme(&url).map(|()| url)
}

/// Builds client credentials whose tokens are issued at `url`.
pub(super) fn client_of(auth: &Auth, url: Url, secrets: &Given) -> ClientCredentials {
    let filled = |pattern: &Option<String>| filled_secret(pattern.as_deref().unwrap_or_default(), secrets);
    let (id, secret) = (filled(&auth.client_id), filled(&auth.client_secret));
    let style = match auth.client_proof {
        ClientProof::Form => ClientStyle::Form,
        ClientProof::Basic => ClientStyle::Basic,
    };
    ClientCredentials::new(url, id, secret, auth.scope.clone(), style)
}

/// Fills `{secret.token}` into a pattern.
pub(super) fn filled_secret(pattern: &str, secrets: &Given) -> SecretString {
    let mut filled = pattern.to_owned();
    for (name, secret) in secrets {
        filled = filled.replace(&format!("{{secret.{name}}}"), secret.expose_secret().trim());
    }
    filled.into()
}
