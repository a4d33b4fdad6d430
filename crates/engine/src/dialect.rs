//! Which dialect each tenant speaks: found out by its connector from read-only evidence, kept as a note of the connection.
//! A pull or a check settles it before it asks for anything else, and looks again once a day or after a walk that broke
//! off, since a tenant may change sides. Without a note a tenant is taken to speak the manifest's own dialect.

use crate::error::EngineError;
use crate::house::{House, Reader};
use serde::{Deserialize, Serialize};
use tenure_connect::ConnectError;
use tenure_core::name::ConnectionName;
use tenure_store::Store;

/// The note that holds what was found.
const NOTE: &str = "dialect";
/// How long a finding is believed without another look.
const BELIEVED_MS: i64 = 24 * 60 * 60 * 1000;

/// A tenant's dialect as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// The dialect.
    pub dialect: String,
    /// What was seen.
    pub evidence: String,
    /// When it was last seen (milliseconds since 1970, UTC); 0 to look again at the next occasion.
    pub seen_ms: i64,
    /// What it spoke before it changed sides, and when that was noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<(String, i64)>,
}

impl Dialect {
    /// Returns what was found of a tenant.
    ///
    /// # Errors
    /// The store failed.
    pub async fn noted(store: &Store, name: &ConnectionName) -> Result<Option<Self>, EngineError> {
        let text = store.note(name, NOTE).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn note(&self, store: &Store, name: &ConnectionName) -> Result<(), EngineError> {
        let text = serde_json::to_string(self).unwrap_or_default();
        Ok(store.set_note(name, NOTE, Some(&text)).await?)
    }
}

/// Makes the next occasion look again, because what the tenant answered did not fit its dialect.
pub(crate) async fn doubt(house: &House, name: &ConnectionName) -> Result<(), EngineError> {
    match Dialect::noted(&house.store, name).await? {
        Some(noted) => Dialect { seen_ms: 0, ..noted }.note(&house.store, name).await,
        None => Ok(()),
    }
}

/// Returns what a connection is read with, in the dialect that its tenant speaks; asks the tenant where that is not
/// known or was seen too long ago. The inner error is the app's: nothing was found out, nothing changed.
pub(crate) async fn settle(
    house: &House,
    name: &ConnectionName,
) -> Result<Result<(Reader, Option<Dialect>), ConnectError>, EngineError> {
    let reader = house.reader(name).await?;
    let Reader::App(connector) = &reader else { return Ok(Ok((reader, None))) };
    if !house.connection(name.as_str())?.asks_dialect() {
        return Ok(Ok((reader, None)));
    }
    let noted = Dialect::noted(&house.store, name).await?;
    let now_ms = house.clock.now_ms();
    if let Some(noted) = noted.clone().filter(|noted| now_ms - noted.seen_ms < BELIEVED_MS) {
        return Ok(Ok((reader, Some(noted))));
    }
    let found = match connector.tell_dialect().await {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    let told = match (found, noted) {
        (Some(found), Some(noted)) if noted.dialect == found.dialect => {
            Dialect { evidence: found.evidence, seen_ms: now_ms, ..noted }
        }
        (Some(found), noted) => Dialect {
            dialect: found.dialect,
            evidence: found.evidence,
            seen_ms: now_ms,
            before: noted.map(|noted| (noted.dialect, now_ms)),
        },
        // Nothing decides, as in a tenant without a single record: it is asked again at the next occasion.
        (None, Some(noted)) => noted,
        (None, None) => return Ok(Ok((reader, None))),
    };
    told.note(&house.store, name).await?;
    let reader = house.speak(name, &told.dialect).await?;
    Ok(Ok((reader, Some(told))))
}
