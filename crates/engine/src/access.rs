//! Access tokens of connections, shared by all processes: sealed in the store until shortly before they end.
//! A connector asks here before it fetches one. Without a key each process fetches its own, as nothing secret is kept in
//! clear; whatever goes wrong here costs one request more and nothing else.

use crate::chance::Chance;
use crate::error::EngineError;
use crate::house::House;
use crate::seal::Keys;
use futures::future::{BoxFuture, FutureExt};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tenure_connect::{Connector, KeptToken, TokenKeeper};
use tenure_core::name::ConnectionName;
use tenure_store::{SealedPlace, Store};

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Content {
    token: String,
    until_ms: i64,
    of: u64,
}

struct Sharing {
    store: Store,
    keys: Arc<Keys>,
    chance: Chance,
    place: SealedPlace,
}

impl Sharing {
    async fn find(&self) -> Option<KeptToken> {
        let sealed = match self.store.sealed(&self.place).await {
            Ok(sealed) => sealed?,
            Err(error) => {
                tracing::debug!(connection = %self.place.connection, %error, "no shared access token");
                return None;
            }
        };
        let opened = self.keys.open(&self.place, &sealed)?;
        let Content { token, until_ms, of } = serde_json::from_str(opened.expose_secret()).ok()?;
        Some(KeptToken { value: token.into(), until_ms, of })
    }

    async fn write(&self, token: KeptToken) -> Result<(), EngineError> {
        let content = Content { token: token.value.expose_secret().into(), until_ms: token.until_ms, of: token.of };
        let text = serde_json::to_string(&content).unwrap_or_default();
        let sealed = self.keys.seal(&self.chance, &self.place, &text)?;
        Ok(self.store.set_sealed(&self.place, &sealed).await?)
    }
}

/// Looks and keeps in tasks of their own: whoever waits may not be polled while the store is used elsewhere.
#[derive(Clone)]
struct Shared(Arc<Sharing>);

impl TokenKeeper for Shared {
    fn load(&self) -> BoxFuture<'_, Option<KeptToken>> {
        let sharing = self.0.clone();
        let found = tokio::spawn(async move { sharing.find().await });
        async move { found.await.ok().flatten() }.boxed()
    }

    fn keep(&self, token: KeptToken) -> BoxFuture<'_, ()> {
        let sharing = self.0.clone();
        let kept = tokio::spawn(async move {
            if let Err(error) = sharing.write(token).await {
                tracing::warn!(connection = %sharing.place.connection, %error, "an access token is not shared");
            }
        });
        async move { kept.await.unwrap_or(()) }.boxed()
    }
}

/// Lets a connector share the access tokens that it fetches with other processes, where the store has a key.
pub(crate) fn share(house: &House, name: &ConnectionName, connector: &Connector) -> Result<(), EngineError> {
    if house.config.store.key.is_none() || !connector.fetches_tokens() {
        return Ok(());
    }
    let Some(keys) = Keys::read(&house.config)?.map(Arc::new) else { return Ok(()) };
    connector.share_tokens(|surface| {
        let place = SealedPlace { connection: name.clone(), name: format!("access_token:{surface}") };
        let (store, keys, chance) = (house.store.clone(), keys.clone(), house.chance.clone());
        Arc::new(Shared(Arc::new(Sharing { store, keys, chance, place })))
    });
    Ok(())
}
