//! Storms: a day on which everything goes wrong now and then, at once and in every app, under one seed after another.
//! Commands are repeated until they are done, as a person or a timer would; the end is compared with a calm day.
//! One seed in every run, many with `TENURE_LONG=1`.

use crate::day::{calm_day, faulty_day, is_long, open, settle};
use tenure_sandbox::Dialect;

const SEEDS_SHORT: u64 = 1;
const SEEDS_LONG: u64 = 25;

const FAULTS: [&str; 13] = [
    "500:rate=0.05",
    "cut-before:rate=0.04",
    "cut-after:rate=0.04",
    "429:rate=0.03,retry_after=0",
    "truncate:rate=0.03",
    "html:rate=0.01",
    "ignore-write:app=gorgias,rate=0.1",
    "ignore-write:app=gladly,rate=0.1",
    "slow:rate=0.02,ms=300",
    "redirect:rate=0.01",
    "repeat-cursor:app=gorgias,count=1",
    "huge:count=1,after=20",
    "bomb:count=1,after=30",
];

fn stormy_day(seed: u64, dialect: Dialect) {
    println!("seed {seed}, {dialect}");
    let day = calm_day(seed, dialect);
    let stage = open(seed, dialect);
    faulty_day(&stage, &FAULTS);
    settle(&stage, &day);
}

#[test]
fn a_stormy_day_ends_as_a_calm_one() {
    seeds().for_each(|seed| stormy_day(seed, Dialect::Guide));
}

#[test]
fn a_stormy_day_ends_as_a_calm_one_in_the_live_dialect() {
    seeds().for_each(|seed| stormy_day(seed, Dialect::Live));
}

/// Returns the seeds to go through; `TENURE_SEED` chooses one.
fn seeds() -> std::ops::RangeInclusive<u64> {
    match std::env::var("TENURE_SEED").ok().and_then(|text| text.parse().ok()) {
        Some(seed) => seed..=seed,
        None => 1..=if is_long() { SEEDS_LONG } else { SEEDS_SHORT },
    }
}
