//! One provider as it is known: what it says of itself and its keys, asked for when they are needed and kept for an hour.
//! A token of an unknown key has the keys asked for once more, and not more often than once a minute however many come.
//! What a token means is not known here.

use super::claims::Claims;
use super::jwt::{Untrusted, verify};
use super::settings::OidcConfig;
use crate::error::EngineError;
use crate::house::House;
use crate::secrets::read_secret;
use async_recursion::async_recursion as boxed;
use std::sync::Arc;
use tenure_connect::{Discovered, Jwk, OpenidClient};
use tokio::sync::Mutex;

const KEPT_MS: i64 = 3600 * 1000;
const AGAIN_MS: i64 = 60 * 1000;

/// One provider.
#[derive(Debug)]
pub(super) struct Provider {
    name: String,
    pub config: OidcConfig,
    known: Mutex<Known>,
}

/// What is known of it, and since when.
#[derive(Debug, Default)]
struct Known {
    client: Option<Arc<OpenidClient>>,
    discovered: Option<(Arc<Discovered>, i64)>,
    keys: Option<(Arc<Vec<Jwk>>, i64)>,
}

impl Provider {
    pub fn new(name: &str, config: &OidcConfig) -> Self {
        Self { name: name.to_owned(), config: config.clone(), known: Mutex::default() }
    }

    pub fn title(&self) -> &str {
        self.config.title(&self.name)
    }

    /// Returns what is asked for, in the words of OAuth.
    pub fn scope(&self) -> String {
        let more = self.config.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
        std::iter::once("openid").chain(more).collect::<Vec<_>>().join(" ")
    }

    /// Returns what speaks to the provider.
    #[boxed]
    pub async fn client(&self, house: &House) -> Result<Arc<OpenidClient>, EngineError> {
        let mut known = self.known.lock().await;
        self.client_of(house, &mut known)
    }

    fn build(&self, house: &House) -> Result<Arc<OpenidClient>, EngineError> {
        let issuer = self.config.issuer_url().map_err(|(_, says, _)| EngineError::Asked(says))?;
        let place = self.config.client_secret.as_ref();
        let whose = format!("[server.oidc.{}]", self.name);
        let secret =
            place.map(|place| read_secret(&whose, "client_secret", place, &house.config.folder)).transpose()?;
        let (id, clock) = (self.config.client_id.clone(), Arc::new(house.clock.clone()));
        Ok(Arc::new(OpenidClient::new(issuer, id, secret, clock)))
    }

    /// Returns what the provider says of itself.
    #[boxed]
    pub async fn discovered(&self, house: &House) -> Result<Arc<Discovered>, EngineError> {
        let mut known = self.known.lock().await;
        self.discover(house, &mut known).await
    }

    async fn discover(&self, house: &House, known: &mut Known) -> Result<Arc<Discovered>, EngineError> {
        let now_ms = house.clock.now_ms();
        if let Some((discovered, since_ms)) = &known.discovered
            && now_ms - since_ms < KEPT_MS
        {
            return Ok(discovered.clone());
        }
        let client = self.client_of(house, known)?;
        let failed = |says: String| EngineError::Asked(format!("{} cannot sign anybody in: {says}", self.title()));
        let discovered = client.discover().await.map_err(|error| failed(error.to_string()))?;
        if discovered.issuer != self.config.issuer {
            return Err(failed("its discovery document is another issuer's".into()));
        }
        let issuer = self.config.issuer_url().map_err(|(_, says, _)| failed(says))?;
        if discovered.authorization_endpoint.scheme() != issuer.scheme() {
            return Err(failed("its discovery document sends people elsewhere than by https".into()));
        }
        let discovered = Arc::new(discovered);
        known.discovered = Some((discovered.clone(), now_ms));
        Ok(discovered)
    }

    /// The client's secret is read once.
    fn client_of(&self, house: &House, known: &mut Known) -> Result<Arc<OpenidClient>, EngineError> {
        if let Some(client) = &known.client {
            return Ok(client.clone());
        }
        let client = self.build(house)?;
        known.client = Some(client.clone());
        Ok(client)
    }

    /// Checks that the provider signed a token, and returns what it says; else why it is not believed.
    #[boxed]
    pub async fn verify(&self, house: &House, token: &str) -> Result<Claims, String> {
        let keys = self.keys(house, KEPT_MS).await?;
        let found = match verify(token, &keys) {
            Err(Untrusted::NoKey) => verify(token, &self.keys(house, AGAIN_MS).await?),
            other => other,
        };
        found.map_err(|untrusted| untrusted.to_string())
    }

    /// Returns the provider's keys as they were at most so long ago.
    async fn keys(&self, house: &House, age_ms: i64) -> Result<Arc<Vec<Jwk>>, String> {
        let mut known = self.known.lock().await;
        let now_ms = house.clock.now_ms();
        if let Some((keys, since_ms)) = &known.keys
            && now_ms - since_ms < age_ms
        {
            return Ok(keys.clone());
        }
        let discovered = self.discover(house, &mut known).await.map_err(|error| error.to_string())?;
        let client = self.client_of(house, &mut known).map_err(|error| error.to_string())?;
        let keys = Arc::new(client.keys(&discovered).await.map_err(|error| error.to_string())?);
        known.keys = Some((keys.clone(), now_ms));
        Ok(keys)
    }
}
