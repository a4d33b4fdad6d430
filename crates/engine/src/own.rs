//! The credential's own account of each connection: learned by a full read, kept as a note, and protected in every plan.
//! Whoever changed it could lock the product itself out; what the operator names in `protected` stays protected besides.
//! It asks nothing of an app that does not tell.

use crate::error::EngineError;
use crate::house::House;
use std::sync::{Arc, Mutex, PoisonError};
use tenure_connect::Connector;
use tenure_core::abilities::Abilities;
use tenure_core::name::ConnectionName;

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

/// What every connection can do, with the credential's own account among those that are never changed.
pub(crate) async fn protected(house: &House) -> Result<Vec<(ConnectionName, Arc<Abilities>)>, EngineError> {
    let mut logins = house.store.notes_named(NOTE).await?;
    let mut all = Vec::new();
    for (name, abilities) in house.abilities() {
        let abilities = match logins.remove(&name) {
            Some(login) => house.connection(name.as_str())?.protecting(&login, abilities),
            None => abilities,
        };
        all.push((name, abilities));
    }
    Ok(all)
}

/// What a connection could do when it was last asked, with an account of its own that is never changed: made once, for
/// it is asked at every judging.
#[derive(Default)]
pub(crate) struct Protecting(Mutex<Option<(Arc<Abilities>, Arc<Abilities>)>>);

impl Protecting {
    /// Adds a login to those that are never changed.
    pub fn add(&self, login: &str, abilities: Arc<Abilities>) -> Arc<Abilities> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((plain, protected)) = &*known
            && Arc::ptr_eq(plain, &abilities)
            && protected.protected_logins.last().is_some_and(|last| &**last == login)
        {
            return protected.clone();
        }
        let mut protected = (*abilities).clone();
        protected.protected_logins.push(login.into());
        let protected = Arc::new(protected);
        *known = Some((abilities, protected.clone()));
        protected
    }
}
