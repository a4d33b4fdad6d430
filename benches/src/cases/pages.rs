//! Pages: a part of each list of the API, one person looked up, and every page of the console, in a company of 100,000
//! people with five accounts each.

use crate::children::measure;
use crate::job::{Job, Outcome};
use crate::table::Table;

const PEOPLE: u64 = 100_000;
const PAGE_MS_MOST: f64 = 50.0;
const SEARCH_MS_MOST: f64 = 100.0;
const PAGE_KB_MOST: f64 = 150.0;

/// Measures all of it.
pub fn run() -> Table {
    let mut table = Table::default();
    table.take("pages of 100 k x 5", asked());
    table
}

fn asked() -> anyhow::Result<Table> {
    let mut table = Table::default();
    let outcome = measure(&Job::Pages { people: PEOPLE })?;
    for (name, ms) in of(&outcome, "list ") {
        let most = if name.ends_with("condition") { SEARCH_MS_MOST } else { PAGE_MS_MOST };
        table.at_most(&format!("100 k x 5, list: {name}"), ms, most, format!("{ms:.1} ms"), &format!("< {most:.0} ms"));
    }
    for (name, ms) in of(&outcome, "page ") {
        let kb = outcome.figures.get(&format!("size {name}")).copied().unwrap_or(f64::NAN);
        let most = if name.starts_with("search") { SEARCH_MS_MOST } else { PAGE_MS_MOST };
        let title = format!("100 k x 5, page: {name}");
        table.at_most(&title, ms, most, format!("{ms:.1} ms, {kb:.0} KB"), &format!("< {most:.0} ms"));
    }
    let largest = of(&outcome, "size ").map(|(_, kb)| kb).fold(0.0, f64::max);
    table.at_most("the largest page", largest, PAGE_KB_MOST, format!("{largest:.0} KB"), "< 150 KB");
    let first = outcome.figures.get("first page").copied().unwrap_or(f64::NAN);
    table.noted("the first page after a start", first, format!("{first:.0} ms, the judging of the company included"));
    Ok(table)
}

/// Lists the figures whose name begins so, without that beginning.
fn of<'o>(outcome: &'o Outcome, sort: &'static str) -> impl Iterator<Item = (&'o str, f64)> {
    outcome.figures.iter().filter_map(move |(name, figure)| Some((name.strip_prefix(sort)?, *figure)))
}
