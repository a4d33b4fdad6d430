//! Speed and memory against a bare loop that does the same work, as ratios within one run.
//! Every figure is measured in a process of its own; the table goes to the terminal and, as JSON, to a file.
//! A bound that is missed is said plainly and fails nothing: a busy machine is no defect.

mod people;
mod window;
mod load;
mod serve;
mod spent;
mod reference;
mod ours;
mod company;
mod rehearsal;
mod judge;
mod million;
mod past;
mod look;
mod join;
mod job;
mod children;
mod table;
mod cases;

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use table::Table;

/// As in the program that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Measures speed and memory against a bare loop that does the same work")]
struct Arguments {
    /// Where the figures are written
    #[arg(long, default_value = "target/bench.json")]
    out: PathBuf,
    /// Measures the million as well
    #[arg(long)]
    full: bool,
    /// Measures these parts only
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Pulls,
    Latency,
    Limits,
    Errors,
    Judging,
    Million,
    Past,
    Pages,
    Joining,
    Applying,
    Program,
    Scim,
}

/// What the bench starts itself as.
#[derive(Subcommand)]
enum Role {
    #[command(hide = true)]
    Serve { setup: String },
    #[command(hide = true)]
    Run { job: String },
    #[command(hide = true)]
    Rehearse { setup: String },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::Serve { setup }) => serve::run(serde_json::from_str(&setup)?),
        Some(Role::Run { job }) => job::run(serde_json::from_str(&job)?),
        Some(Role::Rehearse { setup }) => rehearsal::run(serde_json::from_str(&setup)?),
        None => bench(&arguments),
    }
}

fn bench(arguments: &Arguments) -> anyhow::Result<()> {
    let asked = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut lines = Table::default();
    let mut add = |part, case: &dyn Fn() -> Table| {
        if asked(part) {
            lines.lines.extend(case().lines);
        }
    };
    let full = (1_000_000, 1);
    let sizes = [(10_000, 3), (100_000, 3), full];
    let sizes = if arguments.full { &sizes[..] } else { &sizes[..2] };
    add(Part::Program, &cases::program::run);
    add(Part::Pulls, &|| cases::pulls::run(sizes));
    add(Part::Latency, &cases::latency::run);
    add(Part::Limits, &cases::limits::run);
    add(Part::Errors, &cases::errors::run);
    add(Part::Judging, &|| cases::judging::run(arguments.full));
    if arguments.only.contains(&Part::Million) {
        add(Part::Million, &cases::million::run);
    }
    add(Part::Past, &cases::past::run);
    add(Part::Pages, &cases::pages::run);
    add(Part::Joining, &cases::joining::run);
    add(Part::Applying, &cases::applying::run);
    add(Part::Scim, &cases::scim::run);
    lines.finish(&arguments.out)
}
