//! A server that fails two in a hundred times: whether everything is read, each record once, and what an error costs.
//! The same list without errors is the measure of the time lost.

use crate::cases::{NO_LIMIT, ours, shortfall};
use crate::children::Server;
use crate::serve::{Setup, Shape};
use crate::table::Table;

const PAGES: u64 = 1000;
const LOST_S_MOST: f64 = 0.5;

/// Measures both shapes.
pub fn run() -> Table {
    let mut table = Table::default();
    for shape in [Shape::Cursor, Shape::Numbered] {
        let name = format!("2 % errors, by {shape:?}").to_lowercase();
        table.take(&name, one(&name, shape));
    }
    table
}

fn one(name: &str, shape: Shape) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let setup = Setup::plain(shape, PAGES * 100);
    let smooth = ours(&Server::start(setup)?, NO_LIMIT)?;
    let server = Server::start(Setup { errors_percent: 2, ..setup })?;
    let our = ours(&server, NO_LIMIT)?;
    let failed = server.counts()?.failed;
    let lost = (our.spent.wall_s - smooth.spent.wall_s).max(0.0) / failed.max(1) as f64;
    let measured = format!("{lost:.3} s each, {failed} errors, {:.2} s in all", our.spent.wall_s);
    table.at_most(&format!("{name}: lost time"), lost, LOST_S_MOST, measured, "< 0.5 s per error");
    let short = shortfall(&our, setup.records);
    let all = short.is_none();
    table.holds(&format!("{name}: each once"), all, short.unwrap_or(format!("all {}", setup.records)), "complete");
    Ok(table)
}
