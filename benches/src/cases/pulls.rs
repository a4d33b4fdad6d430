//! The first pull of a large list from a server that is as fast as it can be: CPU against the bare loop, memory,
//! and the number of requests. Both read the same list from a fresh server, in turns.

use crate::cases::{NO_LIMIT, median, ours, reference, shortfall};
use crate::children::Server;
use crate::serve::{Setup, Shape};
use crate::table::Table;

const CPU_RATIO_MOST: f64 = 2.0;
const PEAK_MB_MOST: f64 = 64.0;

/// Measures lists of each of these lengths, each so many times.
pub fn run(sizes: &[(u64, usize)]) -> Table {
    let mut table = Table::default();
    for (records, rounds) in sizes {
        for shape in [Shape::Cursor, Shape::Numbered] {
            let name = format!("pull {} by {shape:?}", thousands(*records)).to_lowercase();
            table.take(&name, one(&name, shape, *records, *rounds));
        }
    }
    table
}

fn one(name: &str, shape: Shape, records: u64, rounds: usize) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let (mut bare_cpu, mut our_cpu, mut bare_mb, mut our_mb, mut our_wall) = (vec![], vec![], vec![], vec![], vec![]);
    let setup = Setup::plain(shape, records);
    let mut asked = String::new();
    let (mut listed, mut short) = (0, None);
    for _ in 0..rounds {
        let bare = reference(&Server::start(setup)?, 1)?;
        bare_cpu.push(bare.spent.cpu_s);
        bare_mb.push(bare.spent.peak_mb);
        let server = Server::start(setup)?;
        let our = ours(&server, NO_LIMIT)?;
        our_cpu.push(our.spent.cpu_s);
        our_mb.push(our.spent.peak_mb);
        our_wall.push(our.spent.wall_s);
        let counts = server.counts()?;
        listed = counts.listed;
        asked = format!("{listed} pages, {} beyond the end, {} others", counts.empty, counts.others);
        short = short.or(shortfall(&our, records));
    }
    let (bare, our, wall) = (median(bare_cpu), median(our_cpu), median(our_wall));
    let per = |cpu: f64| cpu / records as f64 * 1e6;
    let measured =
        format!("{:.2} x ({our:.2} s / {bare:.2} s; {:.1} / {:.1} us each)", our / bare, per(our), per(bare));
    table.at_most(&format!("{name}: cpu"), our / bare, CPU_RATIO_MOST, measured, "<= 2 x reference");
    let (our_mb, bare_mb) = (our_mb.into_iter().fold(0.0, f64::max), median(bare_mb));
    let measured = format!("{our_mb:.1} MB (reference {bare_mb:.1} MB)");
    table.at_most(&format!("{name}: peak memory"), our_mb, PEAK_MB_MOST, measured, "< 64 MB");
    table.holds(&format!("{name}: requests"), listed == setup.pages(), asked, &format!("{} pages", setup.pages()));
    let all = short.is_none();
    table.holds(&format!("{name}: each once"), all, short.unwrap_or(format!("all {records}")), "complete");
    table.noted(&format!("{name}: wall"), wall, format!("{wall:.2} s, {:.0} accounts/s", records as f64 / wall));
    Ok(table)
}

fn thousands(records: u64) -> String {
    if records >= 1_000_000 { format!("{} M", records / 1_000_000) } else { format!("{} k", records / 1000) }
}
