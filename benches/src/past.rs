//! The past, asked for: a list of everybody and single accounts as of a moment, from a store with a short and with a long
//! history. What is asked for is the same; only what happened since differs.

use crate::cases::median;
use crate::company::{HR, employee_id, open, record};
use crate::job::Outcome;
use anyhow::ensure;
use std::time::Instant;
use tenure_core::account::{AccountKey, Kind};
use tenure_core::name::ConnectionName;
use tenure_engine::house::House;
use tenure_store::{AccountFilter, Cursor, PullEnd, PullMode};

const BATCH: u64 = 5_000;
const PAGE: usize = 1_000;
const ROUNDS: usize = 5;
const SINGLE: u64 = 500;
/// How far apart two changes of one record lie.
const APART_MS: i64 = 60_000;

/// Lists `people` records as they were before each of them changed `changes` times, and half-way through.
pub async fn past(people: u64, changes: u64) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let house = open(folder.path()).await?;
    let began_ms = house.clock.now_ms() - (changes as i64 + 1) * APART_MS;
    for version in 0..=changes {
        write(&house, people, version, began_ms + version as i64 * APART_MS).await?;
    }
    let first_ms = began_ms + APART_MS / 2;
    let half_ms = began_ms + changes as i64 / 2 * APART_MS + APART_MS / 2;
    let mut outcome = Outcome { accounts: people, complete: true, ..Outcome::default() };
    for (name, at_ms, title) in [("first", first_ms, 0), ("half", half_ms, changes / 2)] {
        let mut lists = Vec::new();
        for _ in 0..ROUNDS {
            lists.push(list(&house, people, at_ms).await?);
        }
        outcome.figures.insert(format!("{name}_list_ms"), median(lists));
        outcome.figures.insert(format!("{name}_single_us"), single(&house, people, at_ms, title).await?);
    }
    Ok(outcome)
}

async fn write(house: &House, people: u64, version: u64, at_ms: i64) -> anyhow::Result<()> {
    let run = house.store.begin_pull(&ConnectionName::new(HR), PullMode::Full, at_ms).await?;
    for from in (0..people).step_by(BATCH as usize) {
        let page: Vec<_> = (from..(from + BATCH).min(people)).map(|number| record(number, version)).collect();
        house.store.write_batch(&run, &page, None, at_ms).await?;
    }
    house.store.finish_pull(&run, PullEnd::complete(), at_ms, &[]).await?;
    Ok(())
}

/// Lists everybody as of a moment; returns milliseconds.
async fn list(house: &House, people: u64, at_ms: i64) -> anyhow::Result<f64> {
    let filter = AccountFilter { as_of_ms: Some(at_ms), ..AccountFilter::of(ConnectionName::new(HR)) };
    let began = Instant::now();
    let (mut found, mut after): (_, Option<Cursor>) = (0, None);
    loop {
        let page = house.store.accounts(&filter, after, PAGE).await?;
        found += page.accounts.len() as u64;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let took_ms = began.elapsed().as_secs_f64() * 1000.0;
    ensure!(found == people, "{found} of {people} were there");
    Ok(took_ms)
}

/// Looks single records up as of a moment; returns the microseconds that one takes.
async fn single(house: &House, people: u64, at_ms: i64, version: u64) -> anyhow::Result<f64> {
    let began = Instant::now();
    for round in 0..SINGLE {
        let number = round * (people / SINGLE).max(1);
        let key = AccountKey::new(&ConnectionName::new(HR), Kind::Person, employee_id(number));
        let found = house.store.account(&key, Some(at_ms)).await?;
        ensure!(found.is_some_and(|found| found.account == record(number, version)), "another record than of then");
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / SINGLE as f64)
}
