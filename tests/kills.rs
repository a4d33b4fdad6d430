//! Kills: `pull` and `apply` are ended with `kill -9` at random moments and asked again until they are done.
//! What is there afterwards is compared with a day on which nobody was killed, record by record.
//! A few kills in every run, hundreds with `TENURE_LONG=1`; `TENURE_SEED` repeats the moments of a run.

use crate::stage::{Ended, Stage, WAIT_MAX, picture};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tenure_sandbox::{Limits, Options, Vendor};

const KILLS_SHORT: usize = 15;
const KILLS_LONG: usize = 220;
/// After so many kills a command is let through, so that a round ends.
const KILLS_PER_PULL: usize = 3;
const KILLS_PER_APPLY: usize = 8;
/// Each answer takes a little, so that there are moments to be killed in.
const LATENCY: Duration = Duration::from_millis(8);

fn open() -> Stage {
    Stage::open(Options { people: 30, limits: Limits::Off, latency: LATENCY, ..Options::default() })
}

/// What a day leads to.
struct Day {
    picture: BTreeMap<String, Value>,
    creates: Vec<(Vendor, u64)>,
    pull_took: Duration,
    apply_took: Duration,
}

fn creates(stage: &Stage) -> Vec<(Vendor, u64)> {
    let statistics = stage.sandbox().statistics();
    Vendor::ALL.into_iter().map(|vendor| (vendor, statistics.of(vendor).creates)).collect()
}

fn expect(ended: &Ended, code: i32) {
    assert_eq!(ended.code, code, "{ended}");
}

/// Plans today's changes and lets security agree; returns the plan's id.
fn plan(stage: &Stage) -> String {
    let planned = stage.run(&["plan"]);
    expect(&planned, 2);
    let id = planned.json().unwrap()["id"].as_str().unwrap().to_owned();
    expect(&stage.run(&["approve", &id, "--as", "mia@acme.example"]), 0);
    id
}

/// Goes through a day on which nobody is killed.
fn calm_day() -> Day {
    let stage = open();
    let pulled = stage.run(&["pull"]);
    expect(&pulled, 0);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
    let id = plan(&stage);
    let applied = stage.run(&["apply", &id]);
    expect(&applied, 0);
    let day = Day {
        picture: picture(&stage.world()),
        creates: creates(&stage),
        pull_took: pulled.took,
        apply_took: applied.took,
    };
    settle(&stage, &day);
    day
}

/// Checks that nothing was done twice and nothing was lost.
fn settle(stage: &Stage, day: &Day) {
    let pulled = stage.run(&["pull", "--full"]);
    expect(&pulled, 0);
    let again = stage.run(&["plan"]);
    expect(&again, 0);
    assert_eq!(again.json().unwrap()["steps"], serde_json::json!([]), "{again}");
    let people = stage.run(&["identities", "--format", "json"]).json().unwrap();
    assert_eq!(people["identities"].as_array().map(Vec::len), Some(stage.sandbox().company().now.len()));
    let now = picture(&stage.world());
    for (key, record) in &day.picture {
        assert_eq!(now.get(key), Some(record), "{key} differs from a calm day");
    }
    let more: Vec<&String> = now.keys().filter(|key| !day.picture.contains_key(*key)).collect();
    assert!(more.is_empty(), "there is more than on a calm day: {more:?}");
    assert_eq!(creates(stage), day.creates, "accounts created, each with an invitation");
    let wrongs = stage.aftermath();
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}

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
        assert!(killed.code == -1 || killed.code == 0, "killed after {} ms: {killed}", moment.as_millis());
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
fn killed_day(day: &Day, rng: &mut StdRng) -> usize {
    let stage = open();
    half_a_pull(&stage, day, rng);
    let (first, pulled) = run_killed(&stage, &["pull"], KILLS_PER_PULL, day.pull_took, rng);
    expect(&pulled, 0);
    stage.next_morning();
    let (second, pulled) = run_killed(&stage, &["pull"], KILLS_PER_PULL, day.pull_took, rng);
    expect(&pulled, 0);
    let id = plan(&stage);
    let (third, applied) = run_killed(&stage, &["apply", &id], KILLS_PER_APPLY, day.apply_took, rng);
    settle(&stage, day);
    expect(&applied, 0);
    first + second + third
}

#[test]
fn a_kill_at_any_moment_does_nothing_twice_and_loses_nothing() {
    let wanted = if std::env::var_os("TENURE_LONG").is_some() { KILLS_LONG } else { KILLS_SHORT };
    let clock = SystemTime::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_secs());
    let seed = std::env::var("TENURE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(clock);
    println!("TENURE_SEED={seed} chooses the moments of this run");
    let mut rng = StdRng::seed_from_u64(seed);
    let day = calm_day();
    let (mut kills, mut days) = (0, 0);
    while kills < wanted {
        kills += killed_day(&day, &mut rng);
        days += 1;
        println!("{kills} kills in {days} days");
        assert!(days < wanted, "the program is too quick to be killed: {kills} kills in {days} days");
    }
}

#[test]
fn two_that_apply_at_once_do_nothing_twice() {
    let day = calm_day();
    let stage = open();
    expect(&stage.run(&["pull"]), 0);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
    let id = plan(&stage);
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
    let stage = open();
    let all = [stage.begin(&["pull"]), stage.begin(&["pull"])].map(|running| running.wait(WAIT_MAX));
    assert!(all.iter().all(|ended| matches!(ended.code, 0 | 3)), "{}\n{}", all[0], all[1]);
    expect(&stage.run(&["pull", "--full"]), 0);
    let planned = stage.run(&["plan"]).json().unwrap();
    // Somebody's group that no rule gives stands out; nothing else does.
    assert_eq!(planned["steps"].as_array().map(Vec::len), Some(1), "{planned}");
    assert!(stage.aftermath().is_empty());
}
