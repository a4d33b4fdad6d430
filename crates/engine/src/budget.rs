//! What a connection has spent of its rate budget, kept as a note of it: the governor's ledger, shared by all processes.
//! Each request that counts in a window of an hour or a day is noted before it is sent, and each pause that an app asks
//! for; the next process goes on from there. How it is counted is the governor's affair.

use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::House;
use futures::future::{BoxFuture, FutureExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_connect::governor::{Entry, Keeper, Ledger, Rival};
use tenure_connect::{Connector, forecast};
use tenure_core::change::Plan;
use tenure_core::name::ConnectionName;
use tenure_store::Store;

const NOTE: &str = "rate";
/// The note that says who else uses the budget, and when that was seen.
const RIVAL: &str = "rival";

/// Keeps the ledger of one connection in the store.
#[derive(Debug)]
struct Noting {
    store: Store,
    connection: ConnectionName,
}

impl Keeper for Noting {
    /// Notes in a task of its own: whoever waits for the note may not be polled while the store is written elsewhere.
    fn keep(&self, entry: Entry) -> BoxFuture<'_, Result<Ledger, String>> {
        let (store, connection) = (self.store.clone(), self.connection.clone());
        let noting = tokio::spawn(async move {
            let mut kept = Ledger::default();
            let change = |text: Option<&str>| {
                kept = text.map(read).unwrap_or_default();
                kept.take_in(&entry);
                serde_json::to_string(&kept).unwrap_or_default()
            };
            let changed = store.change_note(&connection, NOTE, change).await;
            changed.map(|()| kept).map_err(|error| error.to_string())
        });
        async move { noting.await.unwrap_or_else(|error| Err(error.to_string())) }.boxed()
    }
}

fn read(text: &str) -> Ledger {
    serde_json::from_str(text).unwrap_or_default()
}

/// Lets a connector go on where other processes stopped, and note what it spends.
pub(crate) async fn keep(store: &Store, name: &ConnectionName, connector: &Connector) -> Result<(), EngineError> {
    let keeper = Noting { store: store.clone(), connection: name.clone() };
    connector.keep_with(ledger(store, name).await?, Arc::new(keeper));
    Ok(())
}

async fn ledger(store: &Store, name: &ConnectionName) -> Result<Ledger, EngineError> {
    Ok(store.note(name, NOTE).await?.as_deref().map(read).unwrap_or_default())
}

/// Notes who else was seen to use the budget of a connection.
pub(crate) async fn note_rival(house: &House, name: &ConnectionName, rival: Option<Rival>) -> Result<(), EngineError> {
    let text = rival.map(|rival| format!("{rival} (seen at {})", moment_text(house.clock.now_ms())));
    if let Some(text) = &text {
        tracing::info!(connection = %name, "{text}");
    }
    Ok(house.store.set_note(name, RIVAL, text.as_deref()).await?)
}

/// Returns who else was seen to use the budget of a connection.
pub(crate) async fn rival(store: &Store, name: &ConnectionName) -> Result<Option<String>, EngineError> {
    Ok(store.note(name, RIVAL).await?)
}

/// Says how long a plan takes at least: by what is left of each budget, and after the pauses that apps asked for.
pub(crate) async fn foresee(house: &House, plan: &mut Plan) -> Result<(), EngineError> {
    let mut seconds: f64 = 0.0;
    for name in plan.cost.requests.keys() {
        let mut effects = BTreeMap::new();
        for step in plan.steps.iter().filter(|step| step.connection == *name) {
            *effects.entry((step.kind, step.effect)).or_default() += 1;
        }
        let settings = house.connection(name.as_str())?.settings();
        seconds = seconds.max(forecast(&settings, ledger(&house.store, name).await?, &effects).as_secs_f64());
    }
    plan.cost.seconds = seconds;
    Ok(())
}
