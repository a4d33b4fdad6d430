//! What a connection has spent of its rate budget, kept as a note of it: the governor's ledger, shared by all processes.
//! A process has the ledger answer in one transaction of the store, by the server's clock where there is one (a
//! file is shared by processes of one machine, which have one clock); how it is reckoned is the governor's affair.

use crate::clock::{Clock, moment_text};
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use futures::future::{BoxFuture, FutureExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tenure_connect::governor::{Answer, Ask, Keeper, Ledger, Rival};
use tenure_connect::{Connector, Settings, forecast, tenant_of};
use tenure_core::change::Plan;
use tenure_core::name::ConnectionName;
use tenure_store::Store;

const NOTE: &str = "rate";
/// Of shorter windows nothing is left by the time somebody looks.
const LONG: Duration = Duration::from_secs(60);
/// The note that says who else uses the budget, and when that was seen.
const RIVAL: &str = "rival";

/// Keeps the ledger of one tenant in the store, under the tenant's name in the place of a connection's.
#[derive(Debug)]
struct Noting {
    store: Store,
    clock: Clock,
    tenant: ConnectionName,
}

impl Keeper for Noting {
    /// Asks in a task of its own: whoever waits for it may not be polled while the store is written elsewhere.
    fn exchange(&self, ask: Ask) -> BoxFuture<'_, Result<Answer, String>> {
        let (store, clock, tenant) = (self.store.clone(), self.clock.clone(), self.tenant.clone());
        let asking = tokio::spawn(async move {
            let mut answer = Answer::default();
            let change = |text: Option<&str>, now_ms: i64| {
                let mut ledger = text.map_or_else(Ledger::default, |text| read(&tenant, text, now_ms));
                answer = ledger.answer(&ask, now_ms);
                Ok(ledger.write())
            };
            let changed = store.change_note_text(&tenant, NOTE, || clock.now_ms(), change).await;
            changed.map(|()| answer).map_err(|error| error.to_string())
        });
        async move { asking.await.unwrap_or_else(|error| Err(error.to_string())) }.boxed()
    }
}

/// Reads a ledger; one that cannot be read has everybody wait until the windows of a minute have passed.
fn read(tenant: &ConnectionName, text: &str, now_ms: i64) -> Ledger {
    Ledger::read(text).unwrap_or_else(|error| {
        tracing::error!(%tenant, %error, "what was spent of the rate budget cannot be read");
        Ledger::unknown(now_ms)
    })
}

/// Lets a connector go on where other processes stopped, and note what it spends.
pub(crate) async fn keep(house: &House, name: &ConnectionName, connector: &Connector) -> Result<(), EngineError> {
    let (store, clock) = (&house.store, &house.clock);
    let tenant = ConnectionName::new(&connector.tenant());
    // Until tenants had budgets, connections had them.
    if let Some(before) = store.note(name, NOTE).await? {
        let takes = |text: Option<&str>, _: i64| Ok(text.map_or(before, str::to_owned));
        store.change_note_text(&tenant, NOTE, || clock.now_ms(), takes).await?;
        store.set_note(name, NOTE, None).await?;
    }
    let keeper = Noting { store: store.clone(), clock: clock.clone(), tenant };
    connector
        .keep_with(Arc::new(keeper))
        .await
        .map_err(|because| EngineError::Asked(format!("note what is spent of the budget of {name}: {because}")))
}

async fn ledger(house: &House, settings: &Settings) -> Result<Ledger, EngineError> {
    let Some(tenant) = tenant_of(settings).map(|tenant| ConnectionName::new(&tenant)) else {
        return Ok(Ledger::default());
    };
    let text = house.store.note(&tenant, NOTE).await?.filter(|text| !text.is_empty());
    Ok(text.map_or_else(Ledger::default, |text| read(&tenant, &text, house.clock.now_ms())))
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
        seconds = seconds.max(forecast(&settings, ledger(house, &settings).await?, &effects).as_secs_f64());
    }
    plan.cost.seconds = seconds;
    Ok(())
}

/// What is left of a connection's budget, as far as that outlives a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Each window.
    pub windows: Vec<WindowLeft>,
    /// For how long nothing is sent, because the app asked for it.
    pub quiet_ms: Option<i64>,
}

/// What is spent of one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowLeft {
    /// How long it is.
    pub seconds: u64,
    /// What was sent within it.
    pub spent: u64,
    /// What our share of it allows.
    pub limit: u64,
}

/// Returns what is left of a connection's budget.
///
/// # Errors
/// There is no such connection, or the store failed.
#[boxed]
pub async fn left(house: &House, name: &ConnectionName) -> Result<Left, EngineError> {
    let now_ms = house.clock.now_ms();
    let settings = house.connection(name.as_str())?.settings();
    let (limits, ledger) = (settings.rate_limits(), ledger(house, &settings).await?);
    let long = limits.windows.iter().filter(|window| window.per > LONG);
    let windows = long.map(|window| WindowLeft {
        seconds: window.per.as_secs(),
        spent: ledger.spent_within(window.per, now_ms),
        limit: (f64::from(window.count) * limits.usable_share()) as u64,
    });
    Ok(Left { windows: windows.collect(), quiet_ms: ledger.quiet_for_ms(now_ms) })
}
