//! Forgets what a retired SCIM client wished, so that the rules alone count again where it spoke. What it was is kept with
//! the past, and the journal tells who forgot it.
//! What follows from that is for the next plan to say; nothing is written to an app here.

use crate::decide::By;
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use tenure_core::facts::ClientWish;
use tenure_core::journal::Draft;
use tenure_core::name::ConnectionName;

/// Returns the name under which the clients of a token stand in reasons.
pub fn client_named(token_name: &str) -> String {
    format!("SCIM client {token_name}")
}

/// Counts what a client wishes, by connection.
///
/// # Errors
/// It wishes nothing, or the store failed.
#[boxed]
pub async fn wished(house: &House, token_name: &str) -> Result<BTreeMap<ConnectionName, u64>, EngineError> {
    let mut counts = BTreeMap::new();
    for wish in by(house, token_name).await? {
        *counts.entry(wish.connection).or_default() += 1;
    }
    Ok(counts)
}

/// Forgets what a client wishes, and tells how much of it by connection. What it says meanwhile stays.
///
/// # Errors
/// It wishes nothing, or the store failed.
#[tracing::instrument(name = "scim_forget", skip(house, whose), fields(by = %whose.who))]
#[boxed]
pub async fn forget(house: &House, token_name: &str, whose: &By) -> Result<BTreeMap<ConnectionName, u64>, EngineError> {
    let mut counts = BTreeMap::new();
    for wish in by(house, token_name).await? {
        let body = serde_json::json!({
            "connection": wish.connection, "id": wish.id, "identity": wish.identity, "client": wish.client,
            "version": wish.version, "note": whose.note,
        });
        let (at, actor, event) = (house.clock.now_text(), whose.who.clone(), "client_forgotten".into());
        let draft = Draft { at, actor, event, run: None, step: None, body };
        if house.store.withdraw_wish(&wish, house.clock.now_ms(), vec![draft]).await? {
            *counts.entry(wish.connection).or_default() += 1;
        }
    }
    Ok(counts)
}

async fn by(house: &House, token_name: &str) -> Result<Vec<ClientWish>, EngineError> {
    let wishes = house.store.wishes_by(&client_named(token_name)).await?;
    match wishes.is_empty() {
        true => Err(EngineError::Missing(format!("no SCIM client {token_name:?} wishes anything"))),
        false => Ok(wishes),
    }
}
