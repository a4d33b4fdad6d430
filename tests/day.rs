//! The day that several tests go through: a quiet company is read, HR's export of the next morning comes, it is planned,
//! agreed to and applied. A calm day is what the others are compared with, record by record.
//! It knows how a day goes and how it should have ended, not what disturbs it.

use crate::stage::{Ended, Stage, picture};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tenure_sandbox::{Dialect, Dialects, Limits, Options, Vendor};

/// Each answer takes a little, so that there are moments to be disturbed in.
const LATENCY: Duration = Duration::from_millis(8);

/// In a storm that lasts, hardly one read in three sees everything.
const PULLS_MAX: usize = 24;
/// What is not done after so many times never will be.
const TIMES_MAX: usize = 8;
const GUIDE_GRANT: &str = r#"gainsight = { role = "Standard User" }"#;
const LIVE_GRANT: &str = r#"gainsight = { role = "Standard User", license_type = "Full" }"#;

/// What a day leads to.
pub struct Day {
    dialect: Dialect,
    pub picture: BTreeMap<String, Value>,
    pub creates: Vec<(Vendor, u64)>,
    pub pull_took: Duration,
    pub apply_took: Duration,
}

/// Tells whether many rounds are wanted.
pub fn is_long() -> bool {
    std::env::var_os("TENURE_LONG").is_some()
}

/// Returns what chooses the moments at which a day is disturbed: `TENURE_SEED`, else the clock; it is printed.
pub fn seed_of_the_moments() -> u64 {
    let clock = SystemTime::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_secs());
    let seed = std::env::var("TENURE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(clock);
    println!("TENURE_SEED={seed} chooses the moments of this run");
    seed
}

/// Opens a stage with the company of this seed, whose apps all speak this dialect and refuse nothing for its rate.
pub fn open(seed: u64, dialect: Dialect) -> Stage {
    open_under(seed, dialect, Limits::Off)
}

/// As [`open`], under these rate limits.
pub fn open_under(seed: u64, dialect: Dialect, limits: Limits) -> Stage {
    let dialects = Dialects::all(dialect);
    let stage = Stage::open(Options { people: 30, seed, limits, latency: LATENCY, dialects, ..Options::default() });
    if dialect == Dialect::Live {
        let policy = stage.files().policy.clone();
        stage.edit(&policy, GUIDE_GRANT, LIVE_GRANT).expect("the policy grants Gainsight");
    }
    stage
}

/// Fails unless a run ended with this code.
pub fn expect(ended: &Ended, code: i32) {
    assert_eq!(ended.code, code, "{ended}");
}

/// Plans today's changes and lets security agree; returns the plan's id.
pub fn approved_plan(stage: &Stage) -> String {
    let planned = stage.run(&["plan"]);
    expect(&planned, 2);
    let id = planned.json().unwrap()["id"].as_str().unwrap().to_owned();
    expect(&stage.run(&["approve", &id, "--as", "mia@acme.example"]), 0);
    id
}

/// Goes through a day on which nothing is disturbed.
pub fn calm_day(seed: u64, dialect: Dialect) -> Day {
    let stage = open(seed, dialect);
    let pulled = stage.run(&["pull"]);
    expect(&pulled, 0);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
    let id = approved_plan(&stage);
    let applied = stage.run(&["apply", &id]);
    expect_applied(&applied, dialect);
    finish(&stage, &["pull"]);
    let day = Day {
        dialect,
        picture: picture(&stage.world()),
        creates: creates(&stage),
        pull_took: pulled.took,
        apply_took: applied.took,
    };
    settle(&stage, &day);
    day
}

/// Fails unless an apply did what the apps can do: those that are as their records have them refuse some things.
pub fn expect_applied(ended: &Ended, dialect: Dialect) {
    let well = ended.code == 0 || (dialect == Dialect::Live && ended.code == 4);
    assert!(well, "{ended}");
}

/// Repeats a command until it is done, as a person or a timer would.
pub fn until_done(stage: &Stage, words: &[&str]) {
    let ends: Vec<_> = (0..PULLS_MAX).map(|_| stage.run(words)).take_while(|ended| ended.code != 0).collect();
    assert!(ends.len() < PULLS_MAX, "not done after {PULLS_MAX} times, the last: {}", ends[PULLS_MAX - 1]);
}

/// Goes through the day while these faults are played, and ends it without them.
pub fn faulty_day(stage: &Stage, faults: &[&str]) {
    stage.play(faults.iter().map(|fault| fault.parse().unwrap()).collect());
    until_done(stage, &["pull"]);
    stage.next_morning();
    until_done(stage, &["pull"]);
    finish(stage, &["pull", "--full"]);
    stage.play(Vec::new());
    finish(stage, &["pull", "--full"]);
}

/// Plans, agrees, applies and reads again until nothing is left but work for a person.
pub fn finish(stage: &Stage, pull: &[&str]) {
    for _ in 0..TIMES_MAX {
        for _ in 0..PULLS_MAX {
            if stage.run(pull).code == 0 {
                break;
            }
        }
        let planned = stage.run(&["plan"]);
        let plan = planned.json().unwrap();
        if steps_for_us(&plan).is_empty() {
            return;
        }
        expect(&planned, 2);
        let id = plan["id"].as_str().unwrap().to_owned();
        expect(&stage.run(&["approve", &id, "--as", "mia@acme.example"]), 0);
        for _ in 0..TIMES_MAX {
            let applied = stage.run(&["apply", &id]);
            assert!(matches!(applied.code, 0 | 4), "{applied}");
            // What nobody knows is found out by the same plan again.
            let report = applied.json().unwrap_or_default();
            let unknown = report["steps"].as_array().into_iter().flatten().any(|step| step["outcome"] == "unknown");
            if !unknown {
                break;
            }
        }
    }
    panic!("there is still something to do: {}", stage.run(&["plan"]));
}

/// Lists the steps of a plan that are not left to a person.
pub fn steps_for_us(plan: &Value) -> Vec<&Value> {
    plan["steps"].as_array().into_iter().flatten().filter(|step| step["effect"] != "manual").collect()
}

fn creates(stage: &Stage) -> Vec<(Vendor, u64)> {
    let statistics = stage.sandbox().statistics();
    Vendor::ALL.into_iter().map(|vendor| (vendor, statistics.of(vendor).creates)).collect()
}

/// Checks that nothing was done twice and nothing was lost.
pub fn settle(stage: &Stage, day: &Day) {
    let now = picture(&stage.world());
    for (key, record) in &day.picture {
        assert_eq!(now.get(key), Some(record), "{key} differs from a calm day");
    }
    let more: Vec<&String> = now.keys().filter(|key| !day.picture.contains_key(*key)).collect();
    assert!(more.is_empty(), "there is more than on a calm day: {more:?}");
    assert_eq!(creates(stage), day.creates, "accounts created, each with an invitation");
    expect(&stage.run(&["pull", "--full"]), 0);
    let again = stage.run(&["plan"]);
    assert_eq!(steps_for_us(&again.json().unwrap()), Vec::<&Value>::new(), "{again}");
    if day.dialect == Dialect::Guide {
        expect(&again, 0);
    }
    let people = stage.run(&["identities", "--format", "json"]).json().unwrap();
    assert_eq!(people["identities"].as_array().map(Vec::len), Some(stage.sandbox().company().now.len()));
    let wrongs = stage.aftermath();
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}
