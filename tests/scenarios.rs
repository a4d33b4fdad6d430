//! The scenarios: readable files under `scenarios/`, one runner, several at a time.
//! Each line begins with `given`, `when` or `then`; `scenarios/README.md` lists what may follow. All lines are
//! carried out in order, and the first that does not hold ends its scenario.
//! The runner knows how to act and how to look; what should happen stands in the files alone.

mod acts;
mod facts;
mod idp;
mod people;
mod scene;
mod script;
mod steps;
mod surface;

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
    // From the end of the alphabet: the one that waits for a stalled server must not be the last to begin.
    files.sort_by(|one, other| other.cmp(one));
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

/// A runner that lets everything pass proves nothing: here every sort of fact is told once as it is not.
#[test]
fn a_fact_that_is_not_so_ends_its_scenario() {
    let script = Script::read(
        "when tenure pull -> 0\ngiven hr today\nwhen tenure pull -> 0\nwhen tenure plan -> 2\nwhen tenure apply -> 3",
    )
    .unwrap();
    let mut scene = Scene::open(&script).unwrap();
    for line in &script.lines {
        match line.keyword {
            Keyword::Given => acts::given(&mut scene, &line.words).unwrap(),
            _ => acts::when(&mut scene, &line.words).unwrap(),
        }
    }
    let untrue = "
        then pull gorgias is partial
        then pull gorgias gone = 3
        then people 7
        then plan is empty
        then plan has 1 steps
        then plan has create gorgias jane.smith
        then plan has create gorgias pia.novak role=admin
        then plan lacks create gorgias pia.novak
        then plan lacks * * *
        then plan holds suspend gorgias bruno.costa by stale
        then plan lets create gorgias pia.novak wait for security
        then plan approval of create gorgias pia.novak is approved
        then plan reason of create gorgias pia.novak is leaver
        then plan puts create gainsight omar.haddad before create gainsight nora.weiss
        then plan costs gorgias 400 seats
        then step create gorgias pia.novak is refused
        then step create gorgias pia.novak is done role=ignored
        then every step is refused
        then no step is done
        then finding dispute gorgias *
        then no finding orphan_account gorgias gary.former
        then account gorgias jane.smith is suspended
        then account gorgias jane.smith belongs to tom.baker
        then account gorgias jane.smith holds role admin
        then account gorgias jane.smith is absent
        then identity jane.smith is left
        then identity jane.smith has title=Boss
        then says 'no such words'
        then never says run
        then json /run = 7
        then gorgias pia.novak is suspended
        then gorgias pia.novak is absent
        then gorgias counts pia.novak 2
        then gorgias pia.novak has role.name=admin
        then freshdesk kofi.mensah includes group_ids=1
        then vendor gorgias writes = 0
        then vendor gorgias creates >= 100
        then perhaps it rains
        then second plan is empty";
    for line in Script::read(untrue).unwrap().lines {
        assert!(facts::then(&mut scene, &line.words).is_err(), "let pass: {}", line.text);
    }
}
