//! Which dialect each tenant speaks: found out by its connector from read-only evidence, kept as a note of the connection.
//! A pull or a check settles it before it asks for anything else, and looks again once a day or after a walk that broke
//! off, since a tenant may change sides. Without a note a tenant is taken to speak the manifest's own dialect.

use crate::error::EngineError;
use crate::house::{House, Reader};
use async_recursion::async_recursion as boxed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tenure_connect::{ConnectError, Connector, DialectFound, ScimOffers, Settings, Spent};
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
    /// What the service offers, where SCIM is its only surface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offers: Option<ScimOffers>,
}

impl Dialect {
    /// Returns the settings of a connection as its tenant was found to answer; nothing where there is no such dialect.
    pub(crate) fn of(&self, settings: &Settings) -> Option<Settings> {
        Some(settings.speaking(&self.dialect)?.offered(self.offers.clone()))
    }

    /// Tells whether these settings are those of a tenant that answers so.
    pub(crate) fn is_of(&self, settings: &Settings) -> bool {
        settings.manifest.dialect == self.dialect && settings.offers.as_deref() == self.offers.as_ref()
    }

    /// Returns what was found of a tenant.
    ///
    /// # Errors
    /// The store failed.
    #[boxed]
    pub async fn noted(store: &Store, name: &ConnectionName) -> Result<Option<Self>, EngineError> {
        let text = store.note(name, NOTE).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Returns what was found of every tenant that was asked.
    pub(crate) async fn all_noted(store: &Store) -> Result<BTreeMap<ConnectionName, Self>, EngineError> {
        let texts = store.notes_named(NOTE).await?.into_iter();
        Ok(texts.filter_map(|(name, text)| Some((name, serde_json::from_str(&text).ok()?))).collect())
    }

    /// Puts what was found now beside what was known.
    fn told(found: DialectFound, noted: Option<Self>, now_ms: i64) -> Self {
        let before = match noted {
            Some(noted) if noted.dialect == found.dialect => noted.before,
            noted => noted.map(|noted| (noted.dialect, now_ms)),
        };
        Self { dialect: found.dialect, evidence: found.evidence, seen_ms: now_ms, before, offers: found.offers }
    }

    /// Forgets that a tenant changed sides, because a person has seen it.
    pub(crate) async fn settled(store: &Store, name: &ConnectionName) -> Result<(), EngineError> {
        match Self::noted(store, name).await? {
            Some(noted) => Self { before: None, ..noted }.note(store, name).await,
            None => Ok(()),
        }
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

/// A connection whose dialect was asked for, as far as there was anything to ask.
pub(crate) struct Settled {
    /// What it is read with.
    pub reader: Reader,
    /// Its dialect, where the app has several and it is known.
    pub dialect: Option<Dialect>,
    /// What asking took.
    pub spent: Spent,
    /// Why the tenant could not be asked; nothing was found out then, and nothing changed.
    pub error: Option<ConnectError>,
}

/// Asks a tenant for its dialect. One answer makes nobody change sides, since what stands before an app answers in its place
/// at times: it is asked twice, and says the same, or nothing decides.
async fn tell(connector: &Connector, noted: Option<&Dialect>) -> Result<Option<DialectFound>, ConnectError> {
    let Some(first) = connector.tell_dialect().await? else { return Ok(None) };
    if noted.is_none_or(|noted| noted.dialect == first.dialect) {
        return Ok(Some(first));
    }
    Ok(connector.tell_dialect().await?.filter(|second| second.dialect == first.dialect))
}

/// Returns what a connection is read with, in the dialect that its tenant speaks; asks the tenant where that is not
/// known or was seen too long ago.
pub(crate) async fn settle(house: &House, name: &ConnectionName) -> Result<Settled, EngineError> {
    let reader = house.reader(name).await?;
    let mut settled = Settled { reader, dialect: None, spent: Spent::default(), error: None };
    let Reader::App(connector) = settled.reader.clone() else { return Ok(settled) };
    if !house.connection(name.as_str())?.asks_dialect() {
        return Ok(settled);
    }
    let noted = Dialect::noted(&house.store, name).await?;
    let now_ms = house.clock.now_ms();
    settled.dialect.clone_from(&noted);
    if noted.as_ref().is_some_and(|noted| now_ms - noted.seen_ms < BELIEVED_MS) {
        return Ok(settled);
    }
    let before = connector.statistics();
    let found = match tell(&connector, noted.as_ref()).await {
        Ok(found) => found,
        Err(error) => {
            settled.error = Some(error);
            None
        }
    };
    settled.spent = connector.statistics().since(&before);
    // Nothing decides, as in a tenant without a single record: it is asked again at the next occasion.
    let Some(found) = found else { return Ok(settled) };
    let told = Dialect::told(found, noted, now_ms);
    told.note(&house.store, name).await?;
    settled.reader = house.speak(name, &told).await?;
    settled.dialect = Some(told);
    Ok(settled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(dialect: &str) -> DialectFound {
        DialectFound { dialect: dialect.into(), evidence: "seen".into(), offers: None }
    }

    #[test]
    fn a_tenant_that_changes_sides_is_remembered_with_the_side_it_came_from() {
        let first = Dialect::told(found("guide"), None, 1);
        assert_eq!(first.before, None);
        let changed = Dialect::told(found("live"), Some(first), 2);
        assert_eq!((changed.dialect.as_str(), &changed.before), ("live", &Some(("guide".to_owned(), 2))));
        let again = Dialect::told(found("live"), Some(changed), 3);
        assert_eq!((again.seen_ms, again.before), (3, Some(("guide".to_owned(), 2))));
    }
}
