//! Storms: a day on which everything goes wrong now and then, at once and in every app, under one seed after another.
//! Commands are repeated until they are done, as a person or a timer would; the end is compared with a calm day.
//! One seed in every run, many with `TENURE_LONG=1`.

use crate::day::{calm_day, expect, is_long, open, settle};
use crate::stage::Stage;
use tenure_sandbox::Fault;

const SEEDS_SHORT: u64 = 1;
const SEEDS_LONG: u64 = 25;
/// A command that is not done after so many times will never be.
const TIMES_MAX: usize = 8;

const FAULTS: [&str; 9] = [
    "500:rate=0.05",
    "cut-before:rate=0.04",
    "cut-after:rate=0.04",
    "429:rate=0.03,retry_after=0",
    "truncate:rate=0.03",
    "html:rate=0.02",
    "ignore-write:app=gorgias,rate=0.1",
    "ignore-write:app=gladly,rate=0.1",
    "slow:rate=0.02,ms=300",
];

fn until_done(stage: &Stage, words: &[&str]) {
    let ends: Vec<_> = (0..TIMES_MAX).map(|_| stage.run(words)).take_while(|ended| ended.code != 0).collect();
    assert!(ends.len() < TIMES_MAX, "not done after {TIMES_MAX} times, the last: {}", ends[TIMES_MAX - 1]);
}

/// Plans, agrees and applies until nothing is left.
fn until_empty(stage: &Stage) {
    for _ in 0..TIMES_MAX {
        let planned = stage.run(&["plan"]);
        if planned.code == 0 {
            return;
        }
        expect(&planned, 2);
        let id = planned.json().unwrap()["id"].as_str().unwrap().to_owned();
        expect(&stage.run(&["approve", &id, "--as", "mia@acme.example"]), 0);
        let applied = stage.run(&["apply", &id]);
        assert!(matches!(applied.code, 0 | 4), "{applied}");
        until_done(stage, &["pull", "--full"]);
    }
    panic!("there is still something to do: {}", stage.run(&["plan"]));
}

#[test]
fn a_stormy_day_ends_as_a_calm_one() {
    let seeds = if is_long() { SEEDS_LONG } else { SEEDS_SHORT };
    for seed in 1..=seeds {
        println!("seed {seed}");
        let day = calm_day(seed);
        let stage = open(seed);
        stage.play(FAULTS.iter().map(|fault| fault.parse::<Fault>().unwrap()).collect());
        until_done(&stage, &["pull"]);
        stage.next_morning();
        until_done(&stage, &["pull"]);
        until_empty(&stage);
        stage.play(Vec::new());
        settle(&stage, &day);
    }
}
