//! The scenarios: readable files under `scenarios/`, one runner, several at a time.
//! Each line begins with `given`, `when` or `then`; `scenarios/README.md` lists what may follow. All lines are
//! carried out in order, and the first that does not hold ends its scenario.
//! The runner knows how to act and how to look; what should happen stands in the files alone.

mod acts;
mod facts;
mod people;
mod scene;
mod script;
mod steps;

use scene::Scene;
use script::{Keyword, Script};
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// How many scenarios are played at a time; most of them wait for one another's requests, not for a processor.
const AT_ONCE: usize = 6;

/// Returns the scenario files, or those whose names contain what `TENURE_SCENARIO` says.
fn files() -> Vec<PathBuf> {
    let folder = tenure_tests::root().join("tests/scenarios");
    let wanted = std::env::var("TENURE_SCENARIO").unwrap_or_default();
    let entries = fs::read_dir(&folder).expect("the scenarios are there");
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .filter(|path| path.to_string_lossy().contains(&wanted))
        .collect();
    files.sort();
    files
}

#[test]
fn every_scenario_holds() {
    crate::stage::program();
    let files = files();
    assert!(!files.is_empty(), "there is no such scenario");
    let next = AtomicUsize::new(0);
    let told = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(files.len()) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    let outcome = std::panic::catch_unwind(|| play(file)).unwrap_or_else(|_| Err("it panicked".into()));
                    let line = (file.clone(), began.elapsed().as_secs_f64(), outcome);
                    told.lock().expect("nobody panics with it").push(line);
                }
            });
        }
    });
    let mut told = told.into_inner().expect("nobody panics with it");
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let mut failed = Vec::new();
    for (file, seconds, outcome) in told {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        println!("{} {name} ({seconds:.1} s)", if outcome.is_ok() { "ok  " } else { "FAIL" });
        if let Err(because) = outcome {
            failed.push(format!("{name}: {because}"));
        }
    }
    assert!(failed.is_empty(), "{} of {} scenarios fail:\n\n{}\n", failed.len(), files.len(), failed.join("\n\n"));
}

/// Plays one file; the error names the line and what was there instead.
fn play(file: &PathBuf) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let script = Script::read(&text)?;
    let mut scene = Scene::open(&script)?;
    for line in &script.lines {
        let outcome = match line.keyword {
            Keyword::Given => acts::given(&mut scene, &line.words),
            Keyword::When => acts::when(&mut scene, &line.words),
            Keyword::Then => facts::then(&mut scene, &line.words),
        };
        outcome.map_err(|because| format!("line {}: `{}`\n  {because}", line.number, line.text))?;
    }
    let wrongs = scene.stage.aftermath();
    if wrongs.is_empty() { Ok(()) } else { Err(format!("afterwards: {}", wrongs.join("\n  "))) }
}
