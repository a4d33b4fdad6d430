//! Invitations that wait, looked at one by one: acceptance does not always count as a change that an incremental pull
//! is told. Keys come from the store, records go back into it. After a while an invitation is left alone: it is still
//! pending, which a finding says, and the next full pull sees it again.

use crate::error::EngineError;
use crate::house::House;
use tenure_connect::{Connector, Look};
use tenure_core::account::{Account, AccountKey, AccountState};
use tenure_core::diff::INVITED_LOOKED_AT_DAYS;
use tenure_core::name::ConnectionName;
use tenure_store::{AccountFilter, PullRun};

/// Invitations that one pull looks at.
const LOOKED_AT_MAX: usize = 50;
const PAGE: usize = 1000;

/// Looks at the invitations that wait.
pub(crate) async fn look(house: &House, connector: &Connector, run: &PullRun) -> Result<(), EngineError> {
    for key in waiting(house, &run.connection).await? {
        if let Look::Found(account) = connector.read(&key).await {
            house.store.write_batch(run, &[*account], None, house.clock.now_ms()).await?;
        }
    }
    Ok(())
}

/// Lists the invitations that are young enough to be looked at, as many as one pull may.
async fn waiting(house: &House, name: &ConnectionName) -> Result<Vec<AccountKey>, EngineError> {
    let Some(known) = house.store.overviews().await?.remove(name) else { return Ok(Vec::new()) };
    let kinds = house.connection(name.as_str())?.abilities();
    if kinds.kinds.keys().all(|kind| known.totals.of(*kind, AccountState::Invited) == 0) {
        return Ok(Vec::new());
    }
    let oldest_ms = house.clock.now_ms() - INVITED_LOOKED_AT_DAYS * 86_400_000;
    let waits = |account: &Account| {
        account.state == AccountState::Invited && account.created_ms.is_none_or(|created_ms| created_ms >= oldest_ms)
    };
    let filter = AccountFilter::of(name.clone());
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = house.store.accounts(&filter, after, PAGE).await?;
        let accounts = page.accounts.into_iter().map(|observed| observed.account);
        keys.extend(accounts.filter(waits).map(|account| account.key));
        match page.next {
            Some(next) if keys.len() < LOOKED_AT_MAX => after = Some(next),
            _ => break,
        }
    }
    keys.truncate(LOOKED_AT_MAX);
    Ok(keys)
}
