//! What the console shows of an earlier moment beside accounts and people: the end of the journal then, the plan that was
//! the newest, the pulls and runs that had begun.
//! All of it is read from what is kept; nothing is made anew, and what was not kept is not shown.

use crate::failure::Failure;
use crate::steps::hear;
use crate::today::ms_of;
use tenure_core::account::AccountKey;
use tenure_core::change::Plan;
use tenure_core::facts::Coverage;
use tenure_core::name::{ConnectionName, IdentityId, PlanId};
use tenure_engine::house::House;
use tenure_store::{DAY_MS, Figure, Overview, Pull, PullMode, Run, StoreError};

/// Entries in which the plan of a moment is looked for.
const LOOKED_MAX: usize = 20_000;
const PAGE: usize = 500;
/// Pulls and runs that are looked through.
const KEPT_MAX: usize = 1_000;
const DAYS_SHOWN: i64 = 30;

/// Returns before which entry of the journal everything lies that had been written at a moment; all of it where none is
/// given.
pub(crate) async fn journal_end(house: &House, as_of_ms: Option<i64>) -> Result<i64, StoreError> {
    let Some(as_of_ms) = as_of_ms else { return Ok(i64::MAX) };
    let (mut low, mut high) = (0, house.store.journal_head().await?.seq);
    while low < high {
        let middle = low + (high - low + 1) / 2;
        let entry = house.store.journal_before(middle + 1, 1).await?.pop();
        match entry.is_some_and(|entry| ms_of(&entry.at) <= as_of_ms) {
            true => low = middle,
            false => high = middle - 1,
        }
    }
    Ok(low + 1)
}

/// Returns the plan that was the newest at a moment, or this one if it had been made by then, with what had been said to its
/// steps, if it is kept.
pub(crate) async fn plan(house: &House, as_of_ms: i64, asked: Option<&PlanId>) -> Result<Option<Plan>, Failure> {
    let (mut before, mut looked) = (journal_end(house, Some(as_of_ms)).await?, 0);
    while looked < LOOKED_MAX {
        let page = house.store.journal_before(before, PAGE).await?;
        let Some(last) = page.last().map(|entry| entry.seq) else { break };
        for entry in page.iter().filter(|entry| entry.event == "plan_made") {
            let Some(id) = entry.body["plan"].as_str() else { continue };
            if asked.is_some_and(|asked| asked.as_str() != id) {
                continue;
            }
            if let Some(mut plan) = house.store.plan(&PlanId::from(id)).await? {
                plan.made_at.clone_from(&entry.at);
                hear(house, &mut plan, Some(as_of_ms)).await?;
                return Ok(Some(plan));
            }
        }
        (before, looked) = (last, looked + page.len());
    }
    Ok(None)
}

/// Lists the pulls of a connection that had ended at a moment, newest first.
pub(crate) async fn pulls(
    house: &House,
    name: &ConnectionName,
    as_of_ms: Option<i64>,
    most: usize,
) -> Result<Vec<Pull>, StoreError> {
    let Some(as_of_ms) = as_of_ms else { return house.store.pulls(name, most).await };
    let mut pulls = house.store.pulls(name, KEPT_MAX).await?;
    pulls.retain(|pull| pull.finished_ms.is_some_and(|ms| ms <= as_of_ms));
    pulls.truncate(most);
    Ok(pulls)
}

/// Puts the pulls of an earlier moment in the place of today's.
pub(crate) async fn date(
    house: &House,
    name: &ConnectionName,
    known: &mut Overview,
    as_of_ms: Option<i64>,
) -> Result<(), StoreError> {
    if as_of_ms.is_none() {
        return Ok(());
    }
    let pulls = pulls(house, name, as_of_ms, KEPT_MAX).await?;
    let is_complete = |pull: &&Pull| {
        pull.mode == PullMode::Full && pull.end.as_ref().is_some_and(|end| end.coverage == Coverage::Complete)
    };
    known.complete = pulls.iter().find(is_complete).cloned();
    known.last = pulls.into_iter().next();
    Ok(())
}

/// Lists the newest runs that had begun at a moment; what ended later is shown as under way.
pub(crate) async fn runs(house: &House, as_of_ms: Option<i64>, most: usize) -> Result<Vec<Run>, StoreError> {
    let Some(as_of_ms) = as_of_ms else { return house.store.runs(most).await };
    let mut runs = house.store.runs(KEPT_MAX).await?;
    runs.retain(|run| run.started_ms <= as_of_ms);
    runs.truncate(most);
    for run in &mut runs {
        run.finished_ms = run.finished_ms.filter(|ms| *ms <= as_of_ms);
    }
    Ok(runs)
}

/// Returns whose an account was, by the links that were pinned.
pub(crate) async fn owner(
    house: &House,
    account: &AccountKey,
    as_of_ms: Option<i64>,
) -> Result<Option<IdentityId>, StoreError> {
    let link = house.store.link_of(account).await?;
    let Some(as_of_ms) = as_of_ms else { return Ok(link.map(|link| link.identity)) };
    let ended = house.store.past_links(account).await?.into_iter();
    let was = ended.filter(|past| past.link.since_ms <= as_of_ms && as_of_ms < past.until_ms).map(|past| past.link);
    let was = was.chain(link.filter(|link| link.since_ms <= as_of_ms)).last();
    Ok(was.map(|link| link.identity))
}

/// Returns the figures of a topic for the thirty days before now, or before an earlier moment.
pub(crate) async fn trend(house: &House, topic: &str, as_of_ms: Option<i64>) -> Result<Vec<Figure>, StoreError> {
    let end_ms = as_of_ms.unwrap_or_else(|| house.clock.now_ms());
    let mut figures = house.store.trend(topic, end_ms - DAYS_SHOWN * DAY_MS).await?;
    figures.retain(|figure| figure.day <= end_ms.div_euclid(DAY_MS));
    Ok(figures)
}
