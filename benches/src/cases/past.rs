//! Time travel: a list and single accounts as of a moment, behind a short history and behind one twenty times as long.

use crate::children::measure;
use crate::job::Job;
use crate::table::Table;

const PEOPLE: u64 = 20_000;
const SHORT: u64 = 2;
const LONG: u64 = 40;
/// The same rows are read; a longer history only makes the index deeper and the file larger.
const RATIO_MOST: f64 = 1.5;

/// Measures both, and what the longer history costs.
pub fn run() -> Table {
    let mut table = Table::default();
    table.take("as of", as_of());
    table
}

fn as_of() -> anyhow::Result<Table> {
    let mut table = Table::default();
    let short = measure(&Job::Past { people: PEOPLE, changes: SHORT })?;
    let long = measure(&Job::Past { people: PEOPLE, changes: LONG })?;
    for (figure, name, unit) in [
        ("first_list_ms", "all of 20 k as of the first moment", "ms"),
        ("half_list_ms", "all of 20 k as of half-way", "ms"),
        ("first_single_us", "one as of the first moment", "us"),
        ("half_single_us", "one as of half-way", "us"),
    ] {
        let (before, after) = (short.figures[figure], long.figures[figure]);
        let told = format!(
            "{:.2} x ({after:.0} {unit} after {LONG} changes of each, {before:.0} after {SHORT})",
            after / before
        );
        table.at_most(name, after / before, RATIO_MOST, told, "< 1.5 x");
    }
    Ok(table)
}
