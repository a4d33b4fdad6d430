//! `tenure check`: validates files, secrets, credentials, rights, prerequisites and the clock with read-only calls, and
//! says who must do what. `--offline` stops before the first request.

use crate::arguments::{CheckArguments, Common};
use crate::exit::Exit;
use crate::ground;
use crate::output::Output;
use tenure_engine::check::{CheckLine, Verdict, check};
use tenure_engine::config::Config;
use tenure_serve::TlsFiles;

const WHAT_WIDTH: usize = 14;

/// Checks everything.
pub async fn run(common: &Common, arguments: &CheckArguments, output: &Output) -> anyhow::Result<Exit> {
    let house = ground::open(common).await?;
    let mut lines = check(&house, &arguments.connections, arguments.offline).await?;
    if arguments.connections.is_empty() {
        lines.extend(certificate(&house.config));
    }
    house.close().await;
    show(&lines, "files", output)?;
    let problems = lines.iter().filter(|line| line.verdict == Verdict::Problem).count();
    let unreachable = lines.iter().any(|line| line.unreachable);
    if !output.json {
        output.line(match problems {
            0 => "everything that can be checked is in order".into(),
            1 => "1 problem".into(),
            several => format!("{several} problems"),
        });
    }
    Ok(match problems {
        0 => Exit::Done,
        _ if unreachable && lines.iter().all(|line| line.verdict != Verdict::Problem || line.unreachable) => {
            Exit::Unreachable
        }
        _ => Exit::Changes,
    })
}

/// Says whether `serve` can speak TLS with the files that are named for it; nothing where none are.
fn certificate(config: &Config) -> Option<CheckLine> {
    let line = |verdict, says| CheckLine::of_files("certificate", verdict, says);
    Some(match TlsFiles::of(config)?.check() {
        Ok(()) => line(Verdict::Good, "of `[server] tls` can be read, and the key is its own".to_owned()),
        Err(error) => {
            let hint = "`tenure serve` cannot start without it: put certificate and private key there as PEM, or leave `tls` out";
            let told = config.misplaced(&["server", "tls"], error.to_string(), Some(hint.to_owned()));
            line(Verdict::Problem, told.to_string())
        }
    })
}

/// Shows lines; those of no connection are said to be of `elsewhere`.
pub fn show(lines: &[CheckLine], elsewhere: &str, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.document(&serde_json::json!({ "checks": lines }));
    }
    for line in lines {
        let sign = match line.verdict {
            Verdict::Good => "✓",
            Verdict::Confirm => "?",
            Verdict::Problem => "✗",
        };
        let connection = line.connection.as_deref().unwrap_or(elsewhere);
        // What does not fit into the column is told apart from what follows.
        let what = if line.what.chars().count() > WHAT_WIDTH { format!("{}:", line.what) } else { line.what.clone() };
        output.line(format!("{sign} {connection:<14} {what:<WHAT_WIDTH$} {}", line.says));
    }
    Ok(())
}
