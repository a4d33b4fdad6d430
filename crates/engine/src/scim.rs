//! `[connections.NAME.scim]`: what it means to a connector, and its secrets, which are read apart from REST's.
//! The house asks here when it builds connections and readers. Whether the surface works, only `check` can tell.

use crate::config::{Config, ConnectionConfig, ScimConfig};
use crate::error::EngineError;
use crate::secrets::{SecretError, read_secret};
use std::path::Path;
use tenure_connect::manifest::Scim;
use tenure_connect::{Manifest, ScimSettings, Secrets, Settings};
use tenure_core::name::ConnectionName;
use tenure_core::place::nearest;

/// Returns what the table says.
pub(crate) fn settings(scim: &ScimConfig) -> ScimSettings {
    let by_default = ScimSettings::default();
    ScimSettings {
        url: scim.url.clone(),
        token_url: scim.token_url.clone(),
        provider: scim.provider.clone(),
        uses: scim.uses.clone().unwrap_or(by_default.uses),
    }
}

/// Refuses a secret that the app's SCIM surface does not ask for.
pub(crate) fn check_secrets(
    config: &Config,
    name: &str,
    connection: &ConnectionConfig,
    settings: &Settings,
) -> Result<(), EngineError> {
    let known = settings.manifest.scim.as_ref().map(Scim::secrets).unwrap_or_default();
    let mut given = connection.scim.iter().flat_map(|scim| scim.secrets.keys());
    if let Some(secret) = given.find(|secret| !known.is_empty() && !known.contains(&secret.as_str())) {
        let hint = nearest(secret, &known).map_or_else(
            || format!("SCIM of {} asks for {}", settings.manifest.app, known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("unknown SCIM secret `{secret}`");
        return Err(config.misplaced(&["connections", name, "scim", "secrets", secret], message, Some(hint)).into());
    }
    Ok(())
}

/// Reads the secrets of a connection, each surface's apart. One that cannot be read is told with where it comes from.
pub(crate) fn read_secrets(
    name: &ConnectionName,
    connection: &ConnectionConfig,
    manifest: &Manifest,
    folder: &Path,
) -> Result<Secrets, EngineError> {
    let helped = |error: SecretError, help: Option<String>| match help {
        Some(help) => SecretError { because: format!("{}; {help}", error.because), ..error },
        None => error,
    };
    let mut secrets = Secrets::default();
    for (secret, place) in &connection.secrets {
        let help = || {
            Some(manifest.secrets.get(secret)?)
                .map(|help| format!("what belongs there: {}, issued at {}", help.says, help.issued))
        };
        let value = read_secret(name.as_str(), secret, place, folder).map_err(|error| helped(error, help()))?;
        secrets.rest.insert(secret.clone(), value);
    }
    for (secret, place) in connection.scim.iter().flat_map(|scim| &scim.secrets) {
        let help = || Some(format!("what belongs there comes from {}", manifest.scim.as_ref()?.token.as_deref()?));
        let value = read_secret(name.as_str(), &format!("scim.{secret}"), place, folder);
        secrets.scim.insert(secret.clone(), value.map_err(|error| helped(error, help()))?);
    }
    Ok(secrets)
}
