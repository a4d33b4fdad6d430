//! A company as large as it gets, judged from its store part by part: for the first time, with nothing to do, with one in a
//! hundred changed, and one person alone. It is written straight into the store, as complete pulls would write it.

use crate::cases::median;
use crate::company::{connections, email, entitlements, open, record};
use crate::job::Outcome;
use crate::judge::milliseconds;
use crate::spent::{Spent, Watch, forget_peak};
use anyhow::ensure;
use std::time::Instant;
use tenure_core::account::Account;
use tenure_core::name::ConnectionName;
use tenure_engine::house::House;
use tenure_engine::reconcile::{Scope, company as load, pin_links};
use tenure_engine::whole::judge_whole;
use tenure_store::{PullEnd, PullMode};

const BATCH: u64 = 5_000;
const ONES: u64 = 100;

/// Returns the number of the so-manieth person who is as wished.
fn calm(at: u64) -> u64 {
    at / 90 * 100 + 10 + at % 90
}

/// Fills a store and judges it again and again.
pub async fn million(people: u64) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let house = open(folder.path()).await?;
    let mut outcome = Outcome { complete: true, ..Outcome::default() };
    outcome.accounts = fill(&house, people).await?;
    let mut note = |name: &str, spent: Spent, steps: f64| {
        for (what, figure) in
            [("wall_s", spent.wall_s), ("cpu_s", spent.cpu_s), ("peak_mb", spent.peak_mb), ("steps", steps)]
        {
            outcome.figures.insert(format!("{name}_{what}"), figure);
        }
    };
    let watch = watched();
    let pinned = pin_links(&house).await?;
    note("first", watch.spent(), pinned as f64);
    let (spent, steps) = judged(&house).await?;
    ensure!(steps == 0, "{steps} steps in a company that is as wished");
    note("calm", spent, 0.0);
    let changed: Vec<Account> = (0..people).step_by(100).map(|at| record(calm(at), 1)).collect();
    write(&house, &ConnectionName::new("hr"), PullMode::Incremental, changed.chunks(BATCH as usize).map(<[_]>::to_vec))
        .await?;
    let (spent, steps) = judged(&house).await?;
    ensure!(steps as u64 >= people / 100, "only {steps} steps for those who changed");
    note("changed", spent, steps as f64);
    outcome.figures.insert("one_ms".into(), one(&house, people).await?);
    Ok(outcome)
}

fn watched() -> Watch {
    forget_peak();
    Watch::now()
}

async fn judged(house: &House) -> anyhow::Result<(Spent, usize)> {
    let watch = watched();
    let whole = judge_whole(house, &[], None).await?;
    Ok((watch.spent(), whole.plan.steps.len() + whole.plan.held.len()))
}

/// Judges single people whose records changed.
async fn one(house: &House, people: u64) -> anyhow::Result<f64> {
    let mut spans = Vec::new();
    for round in 0..ONES {
        let number = calm(round * (people / ONES).max(1) + 7);
        write(house, &ConnectionName::new("hr"), PullMode::Incremental, std::iter::once(vec![record(number, 2)]))
            .await?;
        let began = Instant::now();
        let loaded = load(house, &Scope { identity: Some(email(number)), ..Scope::default() }).await?;
        let found = loaded.judge(house, None).await?;
        spans.push(milliseconds(began));
        ensure!(found.plan.steps.len() + found.plan.held.len() > 0 && loaded.facts.accounts.len() < 100, "no cluster");
    }
    Ok(median(spans))
}

async fn fill(house: &House, people: u64) -> anyhow::Result<u64> {
    let mut stored = 0;
    for name in connections() {
        house.store.set_all_entitlements(&name, &entitlements(&name)).await?;
        let pages = (0..people).step_by(BATCH as usize).map(|from| {
            let numbers = (from..(from + BATCH).min(people)).map(calm);
            numbers.filter_map(|number| crate::company::account(&name, number)).collect()
        });
        stored += write(house, &name, PullMode::Full, pages).await?;
    }
    Ok(stored)
}

async fn write(
    house: &House,
    name: &ConnectionName,
    mode: PullMode,
    pages: impl Iterator<Item = Vec<Account>>,
) -> anyhow::Result<u64> {
    let now_ms = house.clock.now_ms();
    let run = house.store.begin_pull(name, mode, now_ms).await?;
    let mut stored = 0;
    for page in pages {
        stored += page.len() as u64;
        house.store.write_batch(&run, &page, None, now_ms).await?;
    }
    house.store.finish_pull(&run, PullEnd::complete(), house.clock.now_ms(), &[]).await?;
    Ok(stored)
}
