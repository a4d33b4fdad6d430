//! People whom an identity provider pushes: each push is an observation of its own, and wakes the judging of the company.
//! Somebody new is believed after a minute: providers test a connection by making somebody and taking them away again.
//! How a provider says things is not known here; a record that is gone makes nobody a leaver, as with every source.

use crate::error::EngineError;
use crate::house::House;
use crate::view::{PullView, Way};
use crate::work::job;
use async_recursion::async_recursion as boxed;
use tenure_core::account::{Account, AccountKey, Kind};
use tenure_core::name::ConnectionName;
use tenure_store::AccountFilter;

/// For so long somebody new is not believed.
const NEW_MS: i64 = 60_000;
/// So long after a push the company is judged, so that what comes together is judged together.
const GATHERED_MS: i64 = 2_000;
const PAGE: usize = 1000;

/// Writes down what was pushed of somebody.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn record(house: &House, account: &Account) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let connection = account.key.connection.clone();
    house.store.record_accounts(&connection, std::slice::from_ref(account), now_ms).await?;
    wake(house, account.created_ms.unwrap_or(0)).await
}

/// Writes down that somebody is no more among those who are pushed.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn forget(house: &House, key: &AccountKey) -> Result<(), EngineError> {
    house.store.record_gone(&key.connection, std::slice::from_ref(key), house.clock.now_ms()).await?;
    wake(house, 0).await
}

async fn wake(house: &House, created_ms: i64) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let at_ms = (created_ms + NEW_MS).max(now_ms) + GATHERED_MS;
    Ok(house.store.enqueue(&[job::reconcile(at_ms)]).await?)
}

/// Takes out who was pushed a moment ago for the first time.
pub(crate) fn leave_out_newest(house: &House, accounts: &mut Vec<Account>, as_of_ms: Option<i64>) {
    let now_ms = as_of_ms.unwrap_or_else(|| house.clock.now_ms());
    accounts.retain(|account| !is_newest(account, |name| house.is_pushed(name), now_ms));
}

/// Tells whether an account is of somebody who was pushed a moment ago for the first time.
pub(crate) fn is_newest(account: &Account, is_pushed: impl Fn(&ConnectionName) -> bool, now_ms: i64) -> bool {
    account.key.kind == Kind::Person
        && account.created_ms.is_some_and(|created_ms| created_ms > now_ms - NEW_MS)
        && is_pushed(&account.key.connection)
}

/// Says how many people are known; nothing is read.
pub(crate) async fn view(house: &House, name: &ConnectionName) -> Result<PullView, EngineError> {
    let filter = AccountFilter::of(name.clone());
    let (mut accounts, mut after) = (0, None);
    loop {
        let page = house.store.accounts(&filter, after, PAGE).await?;
        accounts += page.accounts.len() as u64;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(PullView {
        connection: name.to_string(),
        coverage: tenure_core::facts::Coverage::Complete,
        because: Some("its people are pushed to tenure; nothing is read".into()),
        accounts,
        added: 0,
        changed: 0,
        gone: 0,
        requests: 0,
        throttled: 0,
        floor_seconds: 0.0,
        seconds: 0.0,
        parked_until: None,
        way: Way::None,
        problems: Vec::new(),
    })
}
