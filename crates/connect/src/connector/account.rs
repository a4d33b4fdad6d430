//! The JSON key of a service account, turned into credentials that sign for themselves.
//! The key is a secret of the connection, the person on whose behalf is asked one of its parameters. Where tokens are
//! issued the manifest says, not the key: a key cannot send its signature elsewhere.

use super::credential::{filled_secret, token_url};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::Auth;
use crate::settings::Settings;
use crate::transport::{Assertion, ClientCredentials};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Key {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
}

/// Builds the credentials.
pub(super) fn of(
    settings: &Settings,
    auth: &Auth,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<ClientCredentials, ConnectError> {
    let refuse = |text: String, at: &str| ConnectError::new(ErrorKind::Configuration, text).about(at);
    let text = filled_secret(auth.key.as_deref().unwrap_or_default(), secrets);
    let key: Key = serde_json::from_str(text.expose_secret()).map_err(|_| {
        refuse("the key of the service account is no JSON with `client_email` and `private_key`".into(), "secrets")
            .hinting("the whole file that the vendor gave, as it is")
    })?;
    let wanted = auth.subject.as_deref().unwrap_or_default();
    let Some(subject) = settings.parameters.get(wanted).filter(|subject| subject.contains('@')) else {
        let base = settings.manifest.base.as_ref();
        let says = base.and_then(|base| base.parameters.get(wanted)).map(|help| help.says.clone()).unwrap_or_default();
        return Err(refuse(format!("{} needs `{wanted}`, an address", settings.manifest.title), wanted).hinting(says));
    };
    let assertion = Assertion::new(&key.private_key.into(), key.private_key_id, key.client_email, subject.clone())
        .map_err(|because| refuse(because.into(), "secrets"))?;
    Ok(ClientCredentials::signed(token_url(settings, auth)?, assertion, auth.scope.clone()))
}
