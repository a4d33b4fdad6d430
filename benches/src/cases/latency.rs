//! A server that takes 20 ms for each page: whether numbered pages are asked for side by side, and whether storing
//! overlaps asking where each page must name the next.

use crate::cases::{NO_LIMIT, ours, reference, shortfall};
use crate::children::Server;
use crate::serve::{Setup, Shape};
use crate::table::Table;
use anyhow::bail;

const LATENCY_MS: u64 = 20;
const FLIGHTS: usize = 8;
const PAGES_NUMBERED: u64 = 1000;
const PAGES_CURSOR: u64 = 400;

/// Measures both shapes.
pub fn run() -> Table {
    let mut table = Table::default();
    table.take("20 ms a page, numbered", numbered());
    table.take("20 ms a page, cursor", cursor());
    table
}

fn slow(shape: Shape, pages: u64) -> Setup {
    Setup { latency_ms: LATENCY_MS, ..Setup::plain(shape, pages * 100) }
}

fn numbered() -> anyhow::Result<Table> {
    let mut table = Table::default();
    let setup = slow(Shape::Numbered, PAGES_NUMBERED);
    let bare = reference(&Server::start(setup)?, FLIGHTS)?;
    let server = Server::start(setup)?;
    let our = ours(&server, NO_LIMIT)?;
    if let Some(short) = shortfall(&our, setup.records) {
        bail!("{short}");
    }
    let ratio = our.spent.wall_s / bare.spent.wall_s;
    let measured = format!("{ratio:.2} x ({:.2} s / {:.2} s)", our.spent.wall_s, bare.spent.wall_s);
    let name = format!("20 ms a page, {PAGES_NUMBERED} numbered pages");
    table.at_most(&name, ratio, 1.3, measured, "<= 1.3 x reference, 8 in flight");
    Ok(table)
}

fn cursor() -> anyhow::Result<Table> {
    let mut table = Table::default();
    let setup = slow(Shape::Cursor, PAGES_CURSOR);
    let server = Server::start(setup)?;
    let our = ours(&server, NO_LIMIT)?;
    if let Some(short) = shortfall(&our, setup.records) {
        bail!("{short}");
    }
    let counts = server.counts()?;
    let pages = counts.listed + counts.empty + counts.others;
    let floor = pages as f64 * 0.021;
    let over = our.spent.wall_s / floor;
    let measured = format!("{:.2} s, {:+.1} % of {pages} x 21 ms", our.spent.wall_s, (over - 1.0) * 100.0);
    table.at_most(
        &format!("20 ms a page, {PAGES_CURSOR} cursor pages"),
        over,
        1.05,
        measured,
        "<= +5 % of pages x 21 ms",
    );
    Ok(table)
}
