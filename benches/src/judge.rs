//! The walk behind the pull, measured: the whole company as values, and one changed person through the store.
//! The company is made up in memory or written to a store of its own; only the walk itself is in the figures.

use crate::cases::median;
use crate::company::{self, account, connections, email, entitlements, facts, open, record};
use crate::job::{Links, Outcome};
use crate::spent::Watch;
use anyhow::ensure;
use std::time::Instant;
use tenure_core::Asked;
use tenure_core::account::Account;
use tenure_core::name::ConnectionName;
use tenure_engine::house::House;
use tenure_engine::reconcile::{Scope, company as load, pin_links};
use tenure_store::{Managers, PullEnd, PullMode, Seed};

const BATCH: u64 = 5_000;
const CHANGED: u64 = 200;

/// Judges everything at once, from facts in memory.
pub async fn whole(people: u64, links: Links) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let house = open(folder.path()).await?;
    let mut facts = facts(&house, people)?;
    if links == Links::Pinned {
        facts.links = company::links(people);
    }
    let asked = Asked { requested_by: None, only: Vec::new(), people: Vec::new(), made_at: house.clock.now_text() };
    let watch = Watch::now();
    let facts_mb = watch.spent().peak_mb;
    let judged = tenure_core::reconcile(&facts, &house.policy, &asked);
    let mut outcome = Outcome { spent: watch.spent(), accounts: facts.accounts.len() as u64, ..Outcome::default() };
    ensure!(links == Links::Fresh || judged.graph.new_links().next().is_none(), "a pinned account was linked anew");
    let mut note = |name: &str, figure: usize| outcome.figures.insert(name.into(), figure as f64);
    note("identities", judged.graph.identities().len());
    note("steps", judged.plan.steps.len());
    note("held", judged.plan.held.len());
    note("findings", judged.findings.len());
    outcome.figures.insert("facts_mb".into(), facts_mb);
    outcome.complete = true;
    Ok(outcome)
}

/// Judges one person whose record has changed, again and again, in a store that holds everybody.
pub async fn one(people: u64) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let house = open(folder.path()).await?;
    let stored = fill(&house, people).await?;
    pin_links(&house).await?;
    let (mut spans, mut clusters, mut loads) = (Vec::new(), Vec::new(), Vec::new());
    let mut cpu_s = 0.0;
    for round in 0..CHANGED {
        let number = round * (people / CHANGED).max(1) + 5;
        change(&house, number).await?;
        let began = Instant::now();
        let seed = Seed { keys: vec![email(number)], ..Seed::default() };
        house.store.load_cluster(&seed, Managers::Loaded).await?;
        clusters.push(milliseconds(began));
        let scope = Scope { identity: Some(email(number)), ..Scope::default() };
        let (watch, began) = (Watch::now(), Instant::now());
        let loaded = load(&house, &scope).await?;
        loads.push(milliseconds(began));
        let found = loaded.judge(&house, None).await?;
        spans.push(milliseconds(began));
        cpu_s += watch.spent().cpu_s;
        ensure!(!found.people.is_empty() && loaded.facts.accounts.len() < 100, "more than a cluster was read");
        ensure!(!found.plan.steps.is_empty() || !found.plan.held.is_empty(), "the change made no step");
    }
    spans.sort_by(f64::total_cmp);
    let figures = [
        ("median_ms", median(spans.clone())),
        ("p95_ms", spans[spans.len() * 95 / 100]),
        ("cluster_ms", median(clusters)),
        ("load_ms", median(loads)),
        ("cpu_ms", cpu_s * 1000.0 / CHANGED as f64),
    ];
    let mut outcome = Outcome { accounts: stored, complete: true, ..Outcome::default() };
    outcome.figures = figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect();
    Ok(outcome)
}

/// Returns the time since a moment in milliseconds.
pub fn milliseconds(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}

/// Judges everything at once, as `plan` does: loaded from the store.
pub async fn stored(people: u64) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().to_path_buf();
    let house = open(&file).await?;
    let accounts = fill(&house, people).await?;
    let watch = Watch::now();
    let loaded = load(&house, &Scope::default()).await?;
    let found = loaded.judge(&house, None).await?;
    let mut outcome = Outcome { spent: watch.spent(), accounts, complete: true, ..Outcome::default() };
    outcome.figures.insert("steps".into(), found.plan.steps.len() as f64);
    Ok(outcome)
}

/// Writes everybody to the store, as complete pulls would.
pub async fn fill(house: &House, people: u64) -> anyhow::Result<u64> {
    let mut stored = 0;
    for name in connections() {
        house.store.set_all_entitlements(&name, &entitlements(&name)).await?;
        let now_ms = house.clock.now_ms();
        let run = house.store.begin_pull(&name, PullMode::Full, now_ms).await?;
        for from in (0..people).step_by(BATCH as usize) {
            let page: Vec<Account> =
                (from..(from + BATCH).min(people)).filter_map(|number| account(&name, number)).collect();
            stored += page.len() as u64;
            house.store.write_batch(&run, &page, None, now_ms).await?;
        }
        house.store.finish_pull(&run, PullEnd::complete(), house.clock.now_ms(), &[]).await?;
    }
    Ok(stored)
}

async fn change(house: &House, number: u64) -> anyhow::Result<()> {
    let now_ms = house.clock.now_ms();
    let hr = ConnectionName::new("hr");
    let run = house.store.begin_pull(&hr, PullMode::Incremental, now_ms).await?;
    house.store.write_batch(&run, &[record(number, 1)], None, now_ms).await?;
    house.store.finish_pull(&run, PullEnd::complete(), now_ms, &[]).await?;
    Ok(())
}
