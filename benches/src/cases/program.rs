//! The program itself, as a person meets it: how soon it answers, how soon it sends its first request, how large it is,
//! how long the demo takes. It is the release binary that lies beside the bench.

use crate::cases::{NO_LIMIT, median};
use crate::children::{Server, wait};
use crate::job::Pull;
use crate::ours::write_configuration;
use crate::serve::{Setup, Shape};
use crate::table::Table;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(120);

/// Measures all of it.
pub fn run() -> Table {
    let mut table = Table::default();
    match program() {
        Ok(program) => {
            table.take("tenure --help", help(&program));
            table.take("first request", first_request(&program));
            table.take("binary", size(&program));
            table.take("tenure demo", demo(&program));
        }
        Err(error) => table.take("the program", Err(error)),
    }
    table
}

fn program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("tenure");
    ensure!(program.exists(), "{} is not built", program.display());
    Ok(program)
}

fn spend(command: &mut Command) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let status = wait(&mut child, PATIENCE)?;
    ensure!(status.success(), "it ended with {status}");
    Ok(began.elapsed().as_secs_f64())
}

fn help(program: &Path) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let spent: Vec<f64> = (0..21).map(|_| spend(Command::new(program).arg("--help"))).collect::<anyhow::Result<_>>()?;
    let ms = median(spent) * 1000.0;
    table.at_most("tenure --help", ms, 20.0, format!("{ms:.1} ms"), "< 20 ms");
    Ok(table)
}

fn first_request(program: &Path) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let mut waits = Vec::new();
    for _ in 0..7 {
        let server = Server::start(Setup::plain(Shape::Cursor, 100))?;
        let folder = tempfile::tempdir()?;
        let pull = Pull { url: server.url(), shape: Shape::Cursor, flights: 0, limits: NO_LIMIT.into(), shared: None };
        let file = write_configuration(folder.path(), &pull)?;
        let began = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as f64;
        spend(Command::new(program).arg("pull").arg("--config").arg(&file))?;
        let first = server.counts()?.first_us as f64;
        ensure!(first > 0.0, "nothing was asked");
        waits.push((first - began) / 1000.0);
    }
    let ms = median(waits);
    table.at_most("first request of tenure pull, new store", ms, 50.0, format!("{ms:.1} ms"), "< 50 ms");
    Ok(table)
}

fn size(program: &Path) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let mb = std::fs::metadata(program)?.len() as f64 / 1e6;
    table.at_most("release binary", mb, 40.0, format!("{mb:.1} MB"), "< 40 MB");
    Ok(table)
}

fn demo(program: &Path) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let seconds = spend(Command::new(program).arg("demo")).context("the demo")?;
    table.at_most("tenure demo", seconds, 15.0, format!("{seconds:.2} s"), "< 15 s");
    Ok(table)
}
