//! Whose account the credential itself belongs to: by a read-only request of the manifest's, or by a secret that is a login.
//! The engine keeps the answer with the connection, and no plan changes that account. An app that does not tell is told
//! so by `check`: then only the operator can name the account.

use super::ask::{Ask, json_of};
use super::{Connector, Inner};
use crate::codec::json::{Json, Place, Places};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::WhoAmI;
use crate::settings::Settings;
use crate::transport::Priority;
use async_recursion::async_recursion as boxed;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;

impl Connector {
    /// Returns the login of the credential's own account; nothing where the app does not tell.
    ///
    /// # Errors
    /// The app could not be asked.
    #[boxed]
    pub async fn whoami(&self) -> Result<Option<String>, ConnectError> {
        if let Some(login) = &self.0.own_login {
            return Ok(Some(login.to_string()));
        }
        match self.0.manifest().whoami.as_ref() {
            Some(WhoAmI { path: Some(path), item, login, only_with, .. })
                if only_with.as_ref().is_none_or(|secret| self.0.shown.contains(secret)) =>
            {
                self.0.ask_whoami(path, item, login).await
            }
            _ => Ok(None),
        }
    }
}

impl Inner {
    async fn ask_whoami(&self, path: &str, item: &str, login: &[String]) -> Result<Option<String>, ConnectError> {
        let ask = Ask::read(self.url(path, &[])?, path, Priority::Write);
        let response = match self.send_well(ask, &[200]).await {
            Ok(response) => response,
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Validation) => return Ok(None),
            Err(error) => return Err(error),
        };
        let json = json_of(&response)?;
        let found = Place::new(item).of(&json).and_then(|record| Places::new(login).of(record));
        Ok(found.and_then(Json::id).map(String::from))
    }
}

/// Returns the login that a secret is, where the manifest says so.
pub(super) fn own_login(settings: &Settings, secrets: &BTreeMap<String, SecretString>) -> Option<Box<str>> {
    let secret = secrets.get(settings.manifest.whoami.as_ref()?.secret.as_ref()?)?;
    Some(secret.expose_secret().trim()).filter(|login| login.contains('@')).map(Into::into)
}
