//! The `tenure` program: parses arguments, runs one command, picks an exit code.
//! Commands are one file each under `commands`; what they show goes through `output`, how they end through `exit`.
//! Everything else is asked of the engine.

mod arguments;
mod commands;
mod exit;
mod ground;
mod output;
mod place;
mod progress;
mod remote;
mod spans;
mod time;

use arguments::{Arguments, Command, Common, LogForm};
use clap::Parser;
use exit::Exit;
use output::Output;
use spans::{Export, Spans};
use std::io::IsTerminal;
use std::process::ExitCode;
use tenure_engine::config::Config;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Millions of short texts cost a third less memory with it than with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let asked_for =
                matches!(error.kind(), clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion);
            if !asked_for && std::env::args().any(|word| word == "--json") {
                let text = error.render().to_string();
                let text = text.trim().strip_prefix("error: ").unwrap_or(text.trim());
                Output { json: true, quiet: false, log: LogForm::Text }.failure(text, Exit::Usage);
            }
            let _ = error.print();
            return ExitCode::from(if asked_for { Exit::Done } else { Exit::Usage } as u8);
        }
    };
    let export = listen(&arguments.common);
    let output = Output::new(&arguments.common);
    let ended = run(arguments, &output);
    export.into_iter().for_each(spans::Export::end);
    match ended {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            let exit = exit::exit_for(&error);
            output.failure(&format!("{error:#}"), exit);
            output.error(format!("{error:#}"));
            ExitCode::from(exit as u8)
        }
    }
}

fn run(arguments: Arguments, output: &Output) -> anyhow::Result<Exit> {
    use commands as c;
    match &arguments.command {
        Command::Init(init) => c::init::run(init, output),
        Command::Apps => ground::block_on(c::apps::list(&arguments.common, output)),
        Command::App(app) => ground::block_on(c::apps::run(&arguments.common, app, output)),
        Command::Schema(schema) => c::documents::schema(schema, output),
        Command::Completions(completions) => c::documents::completions(completions),
        Command::Man(man) => c::documents::man(man, output),
        Command::Sandbox(sandbox) => ground::block_on(c::sandbox::run(sandbox, output)),
        Command::Demo(demo) => ground::block_on(c::demo::run(demo, &arguments.common, output)),
        walk => ground::block_on(c::walk(walk, &arguments.common, output)),
    }
}

/// Sends log lines to standard error: warnings by default, more with `-v`; `TENURE_LOG` overrides. As JSON, each line
/// names the spans in which it was said: the verb, the step. Spans go to a collector as well, where the configuration
/// names one; a wrong configuration is told by whoever needs it.
fn listen(common: &Common) -> Option<Export> {
    let level = ["warn", "tenure=info,warn", "tenure=debug,tenure_connect=debug,info", "trace"];
    let level = level[usize::from(common.verbose.min(3))].replace("tenure=", "tenure_engine=");
    let filter = EnvFilter::try_from_env("TENURE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(coloured);
    let lines = match common.log {
        LogForm::Text => lines.boxed(),
        LogForm::Json => lines.json().flatten_event(true).boxed(),
    };
    let collector = Config::read(&common.config).ok().and_then(|config| config.server.otlp);
    let (export, spans) = collector.and_then(|url| Export::begin(&url).ok()).unzip();
    let spans = spans.map(|spans| spans.with_filter(filter_fn(Spans::takes)));
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).try_init();
    export
}
