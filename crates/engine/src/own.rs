//! The credential's own account of each connection: learned by a full read, kept as a note, and protected in every plan.
//! Whoever changed it could lock the product itself out; what the operator names in `protected` stays protected besides.
//! It asks nothing of an app that does not tell.

use crate::error::EngineError;
use crate::house::House;
use std::sync::Arc;
use tenure_connect::Connector;
use tenure_core::abilities::Abilities;
use tenure_core::name::ConnectionName;
use tenure_store::Store;

const NOTE: &str = "own_login";

/// Asks whose the credential is and keeps the answer; one that could not be got leaves what was known.
pub(crate) async fn learn(house: &House, name: &ConnectionName, connector: &Connector) -> Result<(), EngineError> {
    match connector.whoami().await {
        Ok(Some(login)) => Ok(house.store.set_note(name, NOTE, Some(&login)).await?),
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::warn!(connection = %name, kind = %error.kind, "nobody told whose the credential is");
            Ok(())
        }
    }
}

/// Adds the credential's own account to those that are never changed.
pub(crate) async fn protect(
    store: &Store,
    name: &ConnectionName,
    abilities: Arc<Abilities>,
) -> Result<Arc<Abilities>, EngineError> {
    let Some(login) = store.note(name, NOTE).await? else { return Ok(abilities) };
    let mut protected = (*abilities).clone();
    protected.protected_logins.push(login.into());
    Ok(Arc::new(protected))
}
