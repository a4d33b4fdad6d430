//! `tenure apps` and `tenure app …`: the catalogue, one app's abilities, a new app from a template, lint and tapes.
//! None of it needs a configuration; apps beside one are found when there is one.

use crate::arguments::{AppArguments, AppCommand, Common};
use crate::exit::{Exit, Mistake};
use crate::output::Output;
use crate::remote::Remote;
use anyhow::Context;
use std::path::{Path, PathBuf};
use tenure_connect::{App, Catalogue, lint_app, read_app, run_tapes};
use tenure_core::abilities::Abilities;
use tenure_core::place::Misplaced;
use tenure_engine::answer::{self, AppBrief, AppView};
use tenure_serve::api::reads;

const TEMPLATE: &str = include_str!("../../templates/manifest.toml");
/// An exchange that fits it, so that what is new passes its own lint and test.
const TAPE: &str = include_str!("../../templates/tape.json");

/// Lists the catalogue: this program's, or a server's.
pub async fn list(common: &Common, output: &Output) -> anyhow::Result<Exit> {
    let all = match Remote::of(common)? {
        Some(remote) => remote.ask::<reads::Apps>(&reads::Nothing {}).await?,
        None => answer::apps(&catalogue(common)?),
    };
    if output.json {
        output.document(&all)?;
    } else {
        let row = |app: &AppBrief| {
            let broken = app.broken.as_ref().map(|problem| format!("broken: {}", problem.replace('\n', ";")));
            vec![app.app.clone(), broken.unwrap_or_else(|| app.covers.clone()), app.secrets.join(", ")]
        };
        output.table(&["app", "covers", "secrets"], all.apps.iter().map(row));
    }
    Ok(Exit::Done)
}

/// Runs one of the `app` commands.
pub async fn run(common: &Common, arguments: &AppArguments, output: &Output) -> anyhow::Result<Exit> {
    if let Some(remote) = Remote::of(common)? {
        return ask(&remote, &arguments.command, output).await;
    }
    match &arguments.command {
        AppCommand::Show { name } => show(&answer::app_view(&named(common, name)?), output),
        AppCommand::New { name, force } => new(name, *force, output),
        AppCommand::Lint { name } => lint_one(common, name, output),
        AppCommand::Test { name } => test(common, name, output).await,
    }
}

/// Has a server show an app as it knows it.
async fn ask(remote: &Remote, command: &AppCommand, output: &Output) -> anyhow::Result<Exit> {
    let AppCommand::Show { name } = command else {
        let hint = "this is done without --server: it works on the files of an app, which lie on this machine";
        return Err(Mistake(hint.into()).into());
    };
    show(&remote.ask::<reads::App>(&reads::Named { name: name.clone() }).await?, output)
}

fn catalogue(common: &Common) -> anyhow::Result<Catalogue> {
    let mut folders = vec![PathBuf::from("apps")];
    if let Ok(config) = tenure_engine::config::Config::read(&common.config) {
        folders = config.apps.iter().map(|folder| config.beside(folder)).collect();
        folders.push(config.beside(Path::new("apps")));
    }
    folders.retain(|folder| folder.is_dir());
    Ok(Catalogue::load(&folders)?)
}

fn named(common: &Common, name: &str) -> anyhow::Result<App> {
    Ok(read(common, name)??)
}

/// Reads an app by its name or its folder; the inner error says what is wrong with it.
fn read(common: &Common, name: &str) -> anyhow::Result<Result<App, Misplaced>> {
    if Path::new(name).join("manifest.toml").is_file() {
        return Ok(read_app(Path::new(name)));
    }
    let catalogue = catalogue(common)?;
    Ok(match catalogue.problem(name) {
        Some(problem) => Err(problem.clone()),
        None => Ok(answer::app(&catalogue, name)?.clone()),
    })
}

fn show(view: &AppView, output: &Output) -> anyhow::Result<Exit> {
    if output.json {
        output.document(view)?;
        return Ok(Exit::Done);
    }
    output.line(format!("{} ({})\n{}", view.title, view.app, view.covers));
    if let Some(url) = &view.answers_at {
        output.line(format!("\nanswers at  {url}"));
    }
    for (secret, told) in &view.secrets {
        output.line(format!("secret      {secret}: {} Issued at: {}", told.says, told.issued));
    }
    view.needs.iter().for_each(|need| output.line(format!("needs       {need}")));
    view.told_apart.iter().for_each(|tell| output.line(format!("dialect     {tell}")));
    show_kinds(&view.abilities, output);
    for (dialect, further) in &view.further_dialects {
        output.line(format!("\nin the dialect {dialect}"));
        show_kinds(&further.abilities, output);
    }
    if let Some(page) = &view.page {
        output.line(format!("\n{page}"));
    }
    Ok(Exit::Done)
}

fn show_kinds(abilities: &Abilities, output: &Output) {
    for (kind, ability) in &abilities.kinds {
        let effects: Vec<String> = ability.effects.keys().map(ToString::to_string).collect();
        output.line(format!("\n{kind}{}", if ability.takes_seat { " · takes a seat" } else { "" }));
        output.line(format!("  can       {}", if effects.is_empty() { "be read".into() } else { effects.join(", ") }));
        let words: Vec<&str> = ability.entitlements.keys().map(|word| word.as_str()).collect();
        if !words.is_empty() {
            output.line(format!("  grants    {}", words.join(", ")));
        }
        for (effect, why) in &ability.cannot {
            output.line(format!("  cannot    {effect}: {why}"));
        }
        for (field, ability) in &ability.fields {
            if let Some(why) = &ability.cannot {
                output.line(format!("  cannot    change {field}: {why}"));
            }
        }
        for (effect, ability) in ability.effects.iter().filter(|(_, ability)| ability.irreversible) {
            let loses = ability.loses.as_deref().unwrap_or("cannot be undone");
            output.line(format!("  careful   {effect}: {loses}"));
        }
        for effect in ability.by_hand.keys().filter(|effect| !ability.effects.contains_key(effect)) {
            output.line(format!("  by hand   {effect}"));
        }
    }
}

fn new(name: &str, force: bool, output: &Output) -> anyhow::Result<Exit> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Err(Mistake(format!("{name:?} cannot name an app; use lower case letters, digits and `-`")).into());
    }
    if Catalogue::is_built_in(name) && !force {
        let message = format!(
            "{name} is an app of this program, and a folder of that name would stand in its place for every connection: \
             take another name, such as {name}-own, or --force where that is meant"
        );
        return Err(Mistake(message).into());
    }
    let folder = Path::new("apps").join(name);
    if folder.exists() {
        return Err(Mistake(format!("{} is there already", folder.display())).into());
    }
    std::fs::create_dir_all(folder.join("tape")).with_context(|| format!("make {}", folder.display()))?;
    std::fs::create_dir_all(folder.join("expected"))?;
    std::fs::write(folder.join("manifest.toml"), TEMPLATE.replace("@NAME@", name))?;
    std::fs::write(folder.join("tape/read-absent.json"), TAPE)?;
    std::fs::write(folder.join("expected/read-absent.json"), "\"absent\"\n")?;
    std::fs::write(
        folder.join("README.md"),
        format!("# {name}\n\nHow to get the credential, which rights it needs, what the app cannot do.\n"),
    )?;
    if output.json {
        output.document(&serde_json::json!({ "written": folder.display().to_string() }))?;
    } else {
        output.line(format!("wrote {}", folder.display()));
    }
    output.advice(format!("next: edit {}/manifest.toml, then `tenure app lint {name}`", folder.display()));
    Ok(Exit::Done)
}

fn lint_one(common: &Common, name: &str, output: &Output) -> anyhow::Result<Exit> {
    let problems = match read(common, name)? {
        Ok(app) => lint_app(&app),
        Err(problem) => vec![problem],
    };
    if output.json {
        let problems: Vec<_> = problems
            .iter()
            .map(|problem| {
                serde_json::json!({
                    "path": problem.path, "line": problem.line, "column": problem.column,
                    "message": problem.message, "hint": problem.hint,
                })
            })
            .collect();
        output.document(&serde_json::json!({ "app": name, "problems": problems }))?;
    } else if problems.is_empty() {
        output.line(format!("{name}: no problems"));
    } else {
        for problem in &problems {
            output.line(problem.to_string());
        }
    }
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Changes })
}

async fn test(common: &Common, name: &str, output: &Output) -> anyhow::Result<Exit> {
    let report = run_tapes(&named(common, name)?).await;
    if output.json {
        let tapes: Vec<_> = report
            .tapes
            .iter()
            .map(|tape| serde_json::json!({ "name": tape.name, "says": tape.says, "problems": tape.problems }))
            .collect();
        output.document(&serde_json::json!({ "app": report.app, "tapes": tapes }))?;
    } else {
        for tape in &report.tapes {
            let sign = if tape.problems.is_empty() { "✓" } else { "✗" };
            output.line(format!("{sign} {}: {}", tape.name, tape.says));
            for problem in &tape.problems {
                output.line(format!("    {problem}"));
            }
        }
        output.line(format!("{} tapes", report.tapes.len()));
    }
    Ok(if report.tapes.iter().all(|tape| tape.problems.is_empty()) { Exit::Done } else { Exit::Changes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_connect::Manifest;

    #[test]
    fn each_word_that_the_template_offers_instead_is_one() {
        let text = TEMPLATE.replace("@NAME@", "zeb");
        let offers = text.lines().filter_map(|line| {
            let (said, words) = line.split_once("# or ")?;
            Some((line, said.split('"').nth(1)?, words.split(", ")))
        });
        let mut seen = 0;
        for (line, said, words) in offers {
            for word in words {
                let other = line.replacen(&format!("\"{said}\""), &format!("\"{word}\""), 1);
                let read = Manifest::parse(&text.replacen(line, &other, 1), "m.toml");
                assert!(read.is_ok(), "{word}: {:?}", read.err());
                seen += 1;
            }
        }
        assert!(seen > 5, "{seen} words");
    }
}
