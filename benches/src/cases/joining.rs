//! A million accounts joined with a million people on e-mail and diffed, from two files: the walk against a bare hash
//! join that does no more than that, and against DuckDB.

use crate::children::measure;
use crate::job::{Job, Joiner, Outcome};
use crate::join::{duckdb, write};
use crate::table::Table;
use anyhow::ensure;
use std::path::Path;

const PEOPLE: u64 = 1_000_000;
const TIMES_BARE_MOST: f64 = 3.0;

/// Measures all of it, on the same two files.
pub fn run() -> Table {
    let mut table = Table::default();
    match written() {
        Ok(folder) => {
            let both = against_bare(folder.path(), &mut table);
            let against = |(bare, ours)| against_duckdb(folder.path(), &bare, &ours);
            table.take("join 1 M with 1 M: DuckDB", both.and_then(against));
        }
        Err(error) => table.take("join 1 M with 1 M", Err(error)),
    }
    table
}

fn written() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    write(folder.path(), PEOPLE)?;
    Ok(folder)
}

fn against_bare(folder: &Path, table: &mut Table) -> anyhow::Result<(Outcome, Outcome)> {
    let join = |by| measure(&Job::Join { folder: folder.to_path_buf(), by });
    let (bare, ours) = (join(Joiner::Bare)?, join(Joiner::Ours)?);
    ensure!(bare.accounts == ours.accounts, "{} differences, of which we found {}", bare.accounts, ours.accounts);
    let times = ours.spent.cpu_s / bare.spent.cpu_s;
    let read_s = ours.figures.get("read_s").copied().unwrap_or(f64::NAN);
    let measured = format!(
        "{times:.2} x: {:.2} s, {read_s:.2} of them reading, {:.0} MB; bare {:.2} s",
        ours.spent.cpu_s, ours.spent.peak_mb, bare.spent.cpu_s
    );
    table.at_most("join 1 M with 1 M on e-mail and diff: cpu", times, TIMES_BARE_MOST, measured, "3 x of a bare join");
    Ok((bare, ours))
}

fn against_duckdb(folder: &Path, bare: &Outcome, ours: &Outcome) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let duckdb = duckdb(folder)?.ok_or_else(|| {
        anyhow::anyhow!("duckdb is missing; `python3 -m venv target/duckdb` and `target/duckdb/bin/pip install duckdb`")
    })?;
    let differing = duckdb.accounts;
    ensure!(differing == ours.accounts, "DuckDB found {differing} differences, we {}", ours.accounts);
    let measured = format!(
        "the whole walk {:.2} s, {:.2} on the wall; the bare join {:.2} s; DuckDB {:.2} s, {:.2} on the wall, {:.0} MB",
        ours.spent.cpu_s,
        ours.spent.wall_s,
        bare.spent.cpu_s,
        duckdb.spent.cpu_s,
        duckdb.spent.wall_s,
        duckdb.spent.peak_mb
    );
    let name = "join 1 M with 1 M on e-mail and diff: DuckDB";
    table.at_most(name, ours.spent.cpu_s, duckdb.spent.cpu_s, measured, "under DuckDB, cpu");
    Ok(table)
}
