//! Carrying out: a rule that changes what a thousand people hold, in an app that refuses nothing for its rate. Every step
//! is journaled before and after, looked at, written and read back. Once on each database, and by several at once.

use super::median;
use crate::rehearsal::Rehearsal;
use crate::table::Table;
use anyhow::{Context, ensure};
use std::io::Read;
use std::time::Instant;
use tenure_store::test_support::postgres_url;

const PEOPLE: usize = 6000;
const STEPS_PER_SECOND_LEAST: f64 = 2000.0;
/// With an app that takes its time, the machine is not what limits.
const SLOW_MS: u64 = 200;
const SLOW_PEOPLE: usize = 1500;
const HANDS: usize = 4;
const HANDS_LEAST: f64 = 1.8;
const POSTGRES_MOST: f64 = 2.0;
const SQLITE: &str = "sqlite:tenure.db";

/// What a walk took, in seconds, and how many steps it had.
struct Walked {
    pull_s: f64,
    plan_s: f64,
    apply_s: f64,
    steps: usize,
}

/// Measures all of it.
pub fn run() -> Table {
    let mut table = Table::default();
    table.take("apply", applied());
    table.take("apply by several", by_several());
    table
}

fn applied() -> anyhow::Result<Table> {
    let mut table = Table::default();
    let sqlite = walk(SQLITE, PEOPLE, 0, 1)?;
    let rate = sqlite.steps as f64 / sqlite.apply_s;
    let told = format!("{rate:.0} steps/s ({} in {:.2} s, the plan read and all)", sqlite.steps, sqlite.apply_s);
    table.holds("apply on SQLite, no limit", rate >= STEPS_PER_SECOND_LEAST, told, "> 2000 steps/s");
    let Some(url) = postgres_url() else { return Ok(table) };
    let postgres = walk(&url, PEOPLE, 0, 1)?;
    let rate = postgres.steps as f64 / postgres.apply_s;
    table.noted("apply on PostgreSQL, no limit: steps", rate, format!("{rate:.0} steps/s"));
    for (name, ours, theirs) in [("pull", postgres.pull_s, sqlite.pull_s), ("plan", postgres.plan_s, sqlite.plan_s)] {
        let ratio = ours / theirs;
        let told = format!("{ratio:.2} x ({ours:.2} s, SQLite {theirs:.2} s)");
        table.at_most(&format!("{name} on PostgreSQL against SQLite"), ratio, POSTGRES_MOST, told, "< 2 x");
    }
    Ok(table)
}

fn by_several() -> anyhow::Result<Table> {
    let mut table = Table::default();
    let Some(first) = postgres_url() else { return Ok(table) };
    let second = postgres_url().context("a second database")?;
    let one = walk(&first, SLOW_PEOPLE, SLOW_MS, 1)?;
    let all = walk(&second, SLOW_PEOPLE, SLOW_MS, HANDS)?;
    let ratio = one.apply_s / all.apply_s;
    let told =
        format!("{ratio:.2} x ({:.2} s, {HANDS} together {:.2} s; {SLOW_MS} ms an answer)", one.apply_s, all.apply_s);
    table.holds("four that apply one plan, against one", ratio >= HANDS_LEAST, told, "> 1.8 x");
    Ok(table)
}

/// Reads a company, changes a rule, and lets so many processes carry out what follows.
fn walk(store: &str, people: usize, latency_ms: u64, hands: usize) -> anyhow::Result<Walked> {
    let rehearsal = Rehearsal::start(people, latency_ms, store)?;
    let (_, pull_s) = rehearsal.run(&["pull"], &[0])?;
    rehearsal.edit("policy.toml", "ticket_scope = \"group\"", "ticket_scope = \"global\"")?;
    rehearsal.edit("policy.toml", "gorgias   = { role = \"agent\" }", "gorgias   = { role = \"lite-agent\" }")?;
    rehearsal.edit("policy.toml", "[[approve]]", "[[approve]]\nwhen = 'true'\nfrom = \"nobody\"\n[[approve]]")?;
    let mut plans = Vec::new();
    let mut plan = serde_json::Value::Null;
    for _ in 0..3 {
        let (made, took) = rehearsal.run(&["plan"], &[2])?;
        plans.push(took);
        plan = made;
    }
    let id = plan["id"].as_str().context("a plan without id")?;
    let began = Instant::now();
    let mut all = (0..hands).map(|_| rehearsal.begin(&["apply", id])).collect::<anyhow::Result<Vec<_>>>()?;
    let mut told = String::new();
    for child in &mut all {
        child.stdout.take().context("an apply without output")?.read_to_string(&mut told)?;
        let status = child.wait()?;
        ensure!(
            status.code() == Some(0),
            "an apply ended with {status}: {}",
            told.chars().take(2000).collect::<String>()
        );
    }
    let apply_s = began.elapsed().as_secs_f64();
    let steps = plan["steps"].as_array().map_or(0, Vec::len);
    rehearsal.run(&["pull"], &[0])?;
    let (after, _) = rehearsal.run(&["plan"], &[0, 2])?;
    ensure!(after["steps"].as_array().is_some_and(Vec::is_empty), "something is left to do");
    Ok(Walked { pull_s, plan_s: median(plans), apply_s, steps })
}
