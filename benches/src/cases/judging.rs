//! The walk behind the pull: correlate, decide, diff and plan for a whole company, and for one changed person in it.

use crate::children::measure;
use crate::job::{Job, Links, Outcome};
use crate::table::Table;

const CPU_S_MOST: f64 = 3.0;
const PEAK_MB_MOST: f64 = 600.0;
const ONE_MS_MOST: f64 = 5.0;

/// Measures a company of 100,000 people with five accounts each; the larger one has no bound.
pub fn run(full: bool) -> Table {
    let mut table = Table::default();
    table.take("judge 100 k x 5", whole(100_000, Links::Fresh, true));
    table.take("judge 100 k x 5 pinned", whole(100_000, Links::Pinned, true));
    table.take("judge one of 100 k x 5", one(100_000));
    table.take("load and judge 100 k x 5", stored(100_000));
    if full {
        table.take("judge 1 M x 5", whole(1_000_000, Links::Pinned, false));
        table.take("judge one of 1 M x 5", one(1_000_000));
    }
    table
}

pub(super) fn people_of(people: u64) -> String {
    if people >= 1_000_000 { format!("{} M", people / 1_000_000) } else { format!("{} k", people / 1000) }
}

pub(super) fn figure(outcome: &Outcome, name: &str) -> f64 {
    outcome.figures.get(name).copied().unwrap_or(f64::NAN)
}

fn whole(people: u64, links: Links, bounded: bool) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let outcome = measure(&Job::Whole { people, links })?;
    let (cpu, peak) = (outcome.spent.cpu_s, outcome.spent.peak_mb);
    let measured = format!(
        "{cpu:.2} s; {} identities, {} steps, {} held, {} findings",
        figure(&outcome, "identities"),
        figure(&outcome, "steps"),
        figure(&outcome, "held"),
        figure(&outcome, "findings")
    );
    let linked = if links == Links::Pinned { "pinned" } else { "fresh" };
    let name = format!("judge {} x 5 {linked}", people_of(people));
    let peaks = format!("{peak:.0} MB, of which {:.0} MB are the facts", figure(&outcome, "facts_mb"));
    let (cpu_name, peak_name) = (format!("{name}: cpu"), format!("{name}: peak memory"));
    if bounded {
        table.at_most(&cpu_name, cpu, CPU_S_MOST, measured, "< 3 s");
        table.at_most(&peak_name, peak, PEAK_MB_MOST, peaks, "< 600 MB");
    } else {
        table.noted(&cpu_name, cpu, measured);
        table.noted(&peak_name, peak, peaks);
    }
    Ok(table)
}

fn one(people: u64) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let outcome = measure(&Job::One { people })?;
    let median = figure(&outcome, "median_ms");
    let measured = format!(
        "{median:.2} ms ({:.2} facts, of which {:.2} cluster); {:.2} cpu, 95 %: {:.2}",
        figure(&outcome, "load_ms"),
        figure(&outcome, "cluster_ms"),
        figure(&outcome, "cpu_ms"),
        figure(&outcome, "p95_ms")
    );
    let name = format!("judge one changed person of {} x 5", people_of(people));
    table.at_most(&name, median, ONE_MS_MOST, measured, "< 5 ms");
    Ok(table)
}

fn stored(people: u64) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let outcome = measure(&Job::Stored { people })?;
    let (cpu, peak) = (outcome.spent.cpu_s, outcome.spent.peak_mb);
    let name = format!("load from the store and judge {} x 5", people_of(people));
    table.noted(&name, cpu, format!("{cpu:.2} s cpu, {:.2} s wall, {peak:.0} MB", outcome.spent.wall_s));
    Ok(table)
}
