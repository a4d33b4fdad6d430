//! Invitations that wait, looked at one by one: acceptance does not always count as a change that an incremental pull
//! is told. Keys come from the store, records go back into it. After a while an invitation is left alone: it is still
//! pending, which a finding says, and the next full pull sees it again. When we let somebody in again who was not seen
//! to accept is noted, since the record is older than that.

use crate::error::EngineError;
use crate::house::House;
use std::collections::BTreeMap;
use tenure_connect::{Connector, Look};
use tenure_core::abilities::Effect;
use tenure_core::account::{Account, AccountKey, AccountState};
use tenure_core::change::{Outcome, Step, StepResult};
use tenure_core::diff::INVITED_LOOKED_AT_DAYS;
use tenure_core::name::ConnectionName;
use tenure_store::{AccountFilter, PullRun};

/// Invitations that one pull looks at.
const LOOKED_AT_MAX: usize = 50;
const PAGE: usize = 1000;
const NOTE: &str = "invited_since";
/// Invitations of one connection that are remembered; the oldest are forgotten first.
const NOTED_MAX: usize = 1000;

/// Account → since when it is invited (milliseconds since 1970, UTC).
type Since = BTreeMap<String, i64>;

/// Notes who was let in by steps and is invited since then, and forgets who is not any more.
pub(crate) async fn note(house: &House, ended: &[(&Step, &StepResult, Option<&Account>)]) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let mut news: BTreeMap<&ConnectionName, Vec<(String, bool)>> = BTreeMap::new();
    for (step, result, read_back) in ended {
        // A new account is as old as its invitation.
        let lets_in = matches!(step.effect, Effect::Resume | Effect::Convert);
        let acted = matches!(result.outcome, Outcome::Done | Outcome::Pending | Outcome::Refused);
        if let Some(account) = read_back.filter(|_| lets_in && acted) {
            let is_invited = account.state == AccountState::Invited;
            news.entry(&step.connection).or_default().push((account.key.to_string(), is_invited));
        }
    }
    for (connection, news) in news {
        let before: Since = house.store.noted(connection, NOTE).await?.unwrap_or_default();
        if news.iter().all(|(account, is_invited)| !is_invited && !before.contains_key(account)) {
            continue;
        }
        let change = |since: &mut Since| {
            for (account, is_invited) in news {
                if is_invited {
                    since.insert(account, now_ms)
                } else {
                    since.remove(&account)
                };
            }
            while since.len() > NOTED_MAX
                && let Some(oldest) = since.iter().min_by_key(|(_, at_ms)| **at_ms).map(|(account, _)| account.clone())
            {
                since.remove(&oldest);
            }
        };
        house.store.change_note(connection, NOTE, change).await?;
    }
    Ok(())
}

/// Returns since when each invitation of ours waits.
pub(crate) async fn all(house: &House) -> Result<BTreeMap<AccountKey, i64>, EngineError> {
    let notes: BTreeMap<ConnectionName, Since> = house.store.noted_everywhere(NOTE).await?;
    let all = notes.into_values().flatten();
    Ok(all.filter_map(|(account, at_ms)| Some((crate::decide::parse_account(&account)?, at_ms))).collect())
}

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
    let noted: Since = house.store.noted(name, NOTE).await?.unwrap_or_default();
    let waits = |account: &Account| {
        let since_ms = || account.created_ms.max(noted.get(&account.key.to_string()).copied());
        account.state == AccountState::Invited && since_ms().is_none_or(|since_ms| since_ms >= oldest_ms)
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
