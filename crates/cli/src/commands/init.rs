//! `tenure init`: writes a commented `tenure.toml`, `policy.toml` and an empty `people.csv`.
//! It asks on a terminal what it cannot guess, and overwrites nothing unless told to.
//! It sends no request and opens no store.

use crate::arguments::InitArguments;
use crate::exit::{Exit, Mistake};
use crate::output::Output;
use anyhow::Context;
use std::io::{IsTerminal, Write};

const TENURE_TOML: &str = include_str!("../../templates/tenure.toml");
const POLICY_TOML: &str = include_str!("../../templates/policy.toml");
const PEOPLE_CSV: &str = include_str!("../../templates/people.csv");

/// Writes the files.
pub fn run(arguments: &InitArguments, output: &Output) -> anyhow::Result<Exit> {
    let ask = !arguments.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let (path, approver) = if ask {
        (
            answer("Which file lists your people (CSV)?", "people.csv")?,
            answer("Who approves what must be approved (e-mail)?", "you@example.com")?,
        )
    } else {
        ("people.csv".into(), "you@example.com".into())
    };
    std::fs::create_dir_all(&arguments.out).with_context(|| format!("make {}", arguments.out.display()))?;
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let files = [
        ("tenure.toml", TENURE_TOML.replace("people.csv", &quoted(&path))),
        ("policy.toml", POLICY_TOML.replace("@APPROVER@", &quoted(&approver))),
    ];
    for (name, _) in &files {
        let there = arguments.out.join(name);
        if there.exists() && !arguments.force {
            return Err(Mistake(format!("{} is there already; --force overwrites it", there.display())).into());
        }
    }
    let mut written = Vec::new();
    for (name, text) in &files {
        let there = arguments.out.join(name);
        std::fs::write(&there, text).with_context(|| format!("write {}", there.display()))?;
        written.push(there);
    }
    let people = arguments.out.join(&path);
    if !people.exists() && !path.contains('/') {
        std::fs::write(&people, PEOPLE_CSV).with_context(|| format!("write {}", people.display()))?;
        written.push(people);
    }
    if output.json {
        let written: Vec<_> = written.iter().map(|path| path.display().to_string()).collect();
        output.document(&serde_json::json!({ "written": written }))?;
    } else {
        for path in written {
            output.line(format!("wrote {}", path.display()));
        }
    }
    output.advice("next: fill in people.csv, add a connection (`tenure apps`), then `tenure check`");
    Ok(Exit::Done)
}

fn answer(question: &str, default: &str) -> anyhow::Result<String> {
    eprint!("{question} [{default}] ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let line = line.trim();
    Ok(if line.is_empty() { default.into() } else { line.into() })
}
