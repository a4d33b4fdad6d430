//! A million people with five accounts each, judged from the store; and a hundred thousand, to see whether it is linear.
//! It takes minutes, so it is measured only where it is asked for.

use super::judging::{figure, people_of};
use crate::children::measure;
use crate::job::Job;
use crate::table::Table;

const WALL_S_MOST: f64 = 60.0;
const PEAK_MB_MOST: f64 = 1500.0;
const ONE_MS_MOST: f64 = 10.0;
const PEOPLE: u64 = 1_000_000;

/// Measures both.
pub fn run() -> Table {
    let mut table = Table::default();
    for people in [PEOPLE / 10, PEOPLE] {
        table.take(&format!("a company of {} x 5", people_of(people)), company(people));
    }
    table
}

fn company(people: u64) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let outcome = measure(&Job::Million { people })?;
    for (case, told) in [("first", "linked for the first time"), ("calm", "nothing to do"), ("changed", "1 % changed")]
    {
        let of = |what: &str| figure(&outcome, &format!("{case}_{what}"));
        let (wall, cpu, peak) = (of("wall_s"), of("cpu_s"), of("peak_mb"));
        let name = format!("{} x 5 from the store, {told}", people_of(people));
        let measured = format!("{wall:.1} s wall, {cpu:.1} s cpu; {} steps or links", of("steps"));
        if people < PEOPLE {
            table.noted(&name, wall, format!("{measured}, {peak:.0} MB"));
        } else {
            table.at_most(&format!("{name}: wall"), wall, WALL_S_MOST, measured, "< 60 s");
            table.at_most(&format!("{name}: peak memory"), peak, PEAK_MB_MOST, format!("{peak:.0} MB"), "< 1.5 GB");
        }
    }
    let one = figure(&outcome, "one_ms");
    let name = format!("one changed person of {} x 5", people_of(people));
    table.at_most(&name, one, ONE_MS_MOST, format!("{one:.2} ms"), "< 10 ms");
    Ok(table)
}
