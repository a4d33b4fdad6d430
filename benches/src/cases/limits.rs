//! Servers that permit so much and no more, alone on the tenant: how close to the permitted rate, and whether anything
//! was refused. All cases run side by side, since nearly all their time is waiting.

use crate::cases::{ours, shortfall};
use crate::children::{Server, measure};
use crate::job::{Job, Outcome, Pull};
use crate::serve::{Setup, Shape};
use crate::table::Table;
use crate::window::{Limit, Told};
use std::time::Instant;

struct Case {
    shape: Shape,
    pages: u64,
    limit: Limit,
    /// The same limit in the operator's words.
    limits: &'static str,
}

const SECOND: Limit = Limit { count: 10, per_ms: 1_000, told: Told::InHeaders };
const MINUTE: Limit = Limit { count: 600, per_ms: 60_000, told: Told::InHeaders };

/// Measures all of them.
pub fn run() -> Table {
    let second =
        |shape, told| Case { shape, pages: 302, limit: Limit { told, ..SECOND }, limits: "{ per_second = 10 }" };
    let minute =
        |shape, told| Case { shape, pages: 1_230, limit: Limit { told, ..MINUTE }, limits: "{ per_minute = 600 }" };
    let cases = [
        second(Shape::Cursor, Told::InHeaders),
        second(Shape::Cursor, Told::Nowhere),
        second(Shape::Numbered, Told::Nowhere),
        minute(Shape::Numbered, Told::InHeaders),
        minute(Shape::Numbered, Told::Nowhere),
        minute(Shape::Cursor, Told::Nowhere),
    ];
    let tables: Vec<(String, anyhow::Result<Table>)> = std::thread::scope(|scope| {
        let running: Vec<_> = cases.iter().map(|case| (case.name(), scope.spawn(|| case.measure()))).collect();
        let ended = running
            .into_iter()
            .map(|(name, case)| (name, case.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the case broke off")))));
        ended.collect()
    });
    let mut table = Table::default();
    for (name, case) in tables {
        table.take(&name, case);
    }
    table.take("four processes at one tenant", shared());
    table
}

/// Four processes that share a store ask one tenant at the same time, each for its whole list.
fn shared() -> anyhow::Result<Table> {
    const PROCESSES: usize = 4;
    let mut table = Table::default();
    let setup = Setup { limit: Some(Limit { told: Told::Nowhere, ..SECOND }), ..Setup::plain(Shape::Cursor, 82 * 100) };
    let server = Server::start(setup)?;
    let folder = tempfile::tempdir()?;
    let store = format!("sqlite:{}", folder.path().join("tenure.db").display());
    let job = |number: usize| {
        let shared = Some((store.clone(), format!("bench{number}")));
        let (url, shape) = (server.url(), Shape::Cursor);
        Job::Ours(Pull { url, shape, flights: 0, limits: "{ per_second = 10 }".into(), shared })
    };
    let began = Instant::now();
    let ours: Vec<anyhow::Result<Outcome>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..PROCESSES)
            .map(|number| {
                scope.spawn({
                    let job = &job;
                    move || measure(&job(number))
                })
            })
            .collect();
        let broke = || Err(anyhow::anyhow!("a process broke off"));
        running.into_iter().map(|process| process.join().unwrap_or_else(|_| broke())).collect()
    });
    let wall_s = began.elapsed().as_secs_f64();
    let ours = ours.into_iter().collect::<anyhow::Result<Vec<Outcome>>>()?;
    let counts = server.counts()?;
    let needed = counts.listed + counts.empty + counts.others;
    let over = wall_s * 10.0 / needed as f64;
    let measured = format!("{wall_s:.2} s, {:+.1} % of {needed} requests at that rate", (over - 1.0) * 100.0);
    table.at_most("10 per 1 s, four processes, by cursor", over, 1.03, measured, "<= +3 %");
    let short = ours.iter().find_map(|our| shortfall(our, setup.records));
    let measured =
        format!("{} x 429{}", counts.refused, short.as_ref().map(|short| format!(", {short}")).unwrap_or_default());
    table.holds(
        "10 per 1 s, four processes: refusals",
        counts.refused == 0 && short.is_none(),
        measured,
        "none, complete",
    );
    Ok(table)
}

impl Case {
    fn name(&self) -> String {
        let told = match self.limit.told {
            Told::InHeaders => "told",
            Told::Nowhere => "not told",
        };
        format!("{} per {} s, {told}, by {:?}", self.limit.count, self.limit.per_ms / 1000, self.shape).to_lowercase()
    }

    fn measure(&self) -> anyhow::Result<Table> {
        let mut table = Table::default();
        let setup = Setup { limit: Some(self.limit), ..Setup::plain(self.shape, self.pages * 100) };
        let server = Server::start(setup)?;
        let our = ours(&server, self.limits)?;
        let counts = server.counts()?;
        // Without a total, one page beyond a full last one must be asked for; more than one is waste and not allowed for.
        let needed = counts.listed + counts.empty.min(1) + counts.others;
        let floor = needed as f64 * self.limit.per_ms as f64 / 1000.0 / self.limit.count as f64;
        let over = our.spent.wall_s / floor;
        let measured =
            format!("{:.2} s, {:+.1} % of {needed} requests at that rate", our.spent.wall_s, (over - 1.0) * 100.0);
        table.at_most(&self.name(), over, 1.03, measured, "<= +3 %");
        let short = shortfall(&our, setup.records);
        let good = counts.refused == 0 && short.is_none();
        let measured =
            format!("{} x 429{}", counts.refused, short.map(|short| format!(", {short}")).unwrap_or_default());
        table.holds(&format!("{}: refusals", self.name()), good, measured, "none, complete");
        Ok(table)
    }
}
