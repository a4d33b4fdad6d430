//! Kills: `pull` and `apply` are ended with `kill -9` at random moments and asked again until they are done.
//! What is there afterwards is compared with a day on which nobody was killed, record by record.
//! A few kills in every run, hundreds with `TENURE_LONG=1`; `TENURE_SEED` repeats the moments of a run.

use crate::day::{
    Day, approved_plan, calm_day, expect, expect_applied, finish, is_long, open, seed_of_the_moments, settle,
};
use crate::stage::{Ended, Stage, WAIT_MAX};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tenure_sandbox::{Dialect, Limits, Options};

/// Each company is the same; only the moments differ.
const SEED: u64 = 1;

const KILLS_SHORT: usize = 15;
const KILLS_LONG: usize = 220;
/// After so many kills a command is let through, so that a round ends.
const KILLS_PER_PULL: usize = 3;
const KILLS_PER_APPLY: usize = 8;
/// So many people have more accounts than are linked one by one.
const LARGE: usize = 10_000;
const KILLS_OF_LINKING_SHORT: usize = 2;
const KILLS_OF_LINKING_LONG: usize = 30;

/// Runs a command, kills it at most `kills_max` times, and lets it end. Returns the number of kills and the end.
fn run_killed(stage: &Stage, words: &[&str], kills_max: usize, span: Duration, rng: &mut StdRng) -> (usize, Ended) {
    for kills in 0..kills_max {
        let mut running = stage.begin(words);
        let moment = span.mul_f64(rng.random_range(0.0..1.0));
        if running.ends_within(moment).is_some() {
            return (kills, running.wait(WAIT_MAX));
        }
        running.kill();
        let killed = running.wait(WAIT_MAX);
        if killed.code != -1 {
            return (kills, killed); // it ended by itself before the kill reached it
        }
    }
    (kills_max, stage.run(words))
}

/// Kills the very first pull and plans on what it left: whoever was not seen may be there, so nobody is made.
fn half_a_pull(stage: &Stage, day: &Day, rng: &mut StdRng) {
    let mut running = stage.begin(&["pull"]);
    let _ = running.ends_within(day.pull_took.mul_f64(rng.random_range(0.2..0.9)));
    running.kill();
    running.wait(WAIT_MAX);
    let planned = stage.run(&["plan"]);
    assert!(matches!(planned.code, 0..=3), "{planned}");
    let plan = planned.json().unwrap_or_default();
    let steps = plan["steps"].as_array().into_iter().flatten();
    let rash: Vec<&Value> = steps.filter(|step| step["effect"] != "update" && step["effect"] != "revoke").collect();
    assert!(rash.is_empty(), "planned on half a pull: {rash:?}");
}

/// Goes through a day with kills; returns how many there were.
fn killed_day(day: &Day, dialect: Dialect, rng: &mut StdRng) -> usize {
    let stage = open(SEED, dialect);
    half_a_pull(&stage, day, rng);
    let (first, pulled) = run_killed(&stage, &["pull"], KILLS_PER_PULL, day.pull_took, rng);
    expect(&pulled, 0);
    stage.next_morning();
    let (second, pulled) = run_killed(&stage, &["pull"], KILLS_PER_PULL, day.pull_took, rng);
    expect(&pulled, 0);
    let id = approved_plan(&stage);
    let (third, applied) = run_killed(&stage, &["apply", &id], KILLS_PER_APPLY, day.apply_took, rng);
    expect_applied(&applied, dialect);
    finish(&stage, &["pull"]);
    settle(&stage, day);
    first + second + third
}

#[test]
fn a_kill_at_any_moment_does_nothing_twice_and_loses_nothing() {
    killed_days(Dialect::Guide);
}

#[test]
fn a_kill_at_any_moment_does_nothing_twice_in_the_live_dialect() {
    killed_days(Dialect::Live);
}

fn killed_days(dialect: Dialect) {
    let wanted = if is_long() { KILLS_LONG } else { KILLS_SHORT };
    let mut rng = StdRng::seed_from_u64(seed_of_the_moments());
    let day = calm_day(SEED, dialect);
    let (mut kills, mut days) = (0, 0);
    while kills < wanted {
        kills += killed_day(&day, dialect, &mut rng);
        days += 1;
        println!("{kills} kills in {days} days");
        assert!(days < wanted, "the program is too quick to be killed: {kills} kills in {days} days");
    }
}

#[test]
fn two_that_apply_at_once_do_nothing_twice() {
    let day = calm_day(SEED, Dialect::Guide);
    let stage = open(SEED, Dialect::Guide);
    expect(&stage.run(&["pull"]), 0);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
    let id = approved_plan(&stage);
    let all = [stage.begin(&["apply", &id]), stage.begin(&["apply", &id])].map(|running| running.wait(WAIT_MAX));
    let told = format!("{}\n{}", all[0], all[1]);
    assert!(all.iter().any(|ended| ended.code == 0), "{told}");
    assert!(all.iter().all(|ended| matches!(ended.code, 0 | 3 | 4)), "{told}");
    let again = stage.run(&["apply", &id]);
    settle(&stage, &day);
    expect(&again, 0);
}

#[test]
fn two_that_pull_at_once_see_the_same() {
    let stage = open(SEED, Dialect::Guide);
    let all = [stage.begin(&["pull"]), stage.begin(&["pull"])].map(|running| running.wait(WAIT_MAX));
    assert!(all.iter().all(|ended| matches!(ended.code, 0 | 3)), "{}\n{}", all[0], all[1]);
    expect(&stage.run(&["pull", "--full"]), 0);
    let planned = stage.run(&["plan"]).json().unwrap();
    // Somebody's group that no rule gives stands out; nothing else does.
    assert_eq!(planned["steps"].as_array().map(Vec::len), Some(1), "{planned}");
    assert!(stage.aftermath().is_empty());
}

/// The links of a large company are indexed when all are written: a kill in between leaves what the next one mends.
#[test]
fn a_kill_while_a_large_company_is_linked_loses_no_link() {
    let mut rng = StdRng::seed_from_u64(seed_of_the_moments());
    let stage = Stage::open(Options { people: LARGE, seed: SEED, limits: Limits::Off, ..Options::default() });
    expect(&stage.run(&["pull"]), 0);
    let before = stage.folder().join("before");
    fs::create_dir(&before).unwrap();
    copy_store(stage.folder(), &before);
    let calm = stage.run(&["plan"]);
    let links = links_of(&stage);
    assert!(links.len() > 20_000, "{} links are not many", links.len());
    for kill in 0..if is_long() { KILLS_OF_LINKING_LONG } else { KILLS_OF_LINKING_SHORT } {
        copy_store(&before, stage.folder());
        let mut running = stage.begin(&["plan"]);
        let _ = running.ends_within(calm.took.mul_f64(rng.random_range(0.2..1.0)));
        running.kill();
        running.wait(WAIT_MAX);
        let again = stage.run(&["plan"]);
        expect(&again, calm.code);
        assert_eq!(steps_of(&again), steps_of(&calm), "kill {kill}");
        assert_eq!(links_of(&stage), links, "kill {kill}");
    }
}

/// Copies a SQLite store whose processes have ended.
fn copy_store(from: &Path, to: &Path) {
    let is_of_store = |name: &str| name.starts_with("tenure.db");
    let names = |folder: &Path| -> Vec<String> {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        files.filter(|name| is_of_store(name)).collect()
    };
    for name in names(to) {
        fs::remove_file(to.join(name)).unwrap();
    }
    for name in names(from) {
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

fn links_of(stage: &Stage) -> BTreeMap<String, String> {
    let listed = stage.run(&["accounts", "--format", "json"]).json().unwrap();
    let link =
        |row: &Value| (format!("{}/{}/{}", row["connection"], row["kind"], row["id"]), row["identity"].to_string());
    listed["accounts"].as_array().unwrap().iter().filter(|row| !row["identity"].is_null()).map(link).collect()
}

fn steps_of(planned: &Ended) -> BTreeSet<String> {
    let plan = planned.json().unwrap();
    plan["steps"].as_array().into_iter().flatten().map(|step| step["id"].to_string()).collect()
}
