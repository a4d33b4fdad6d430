//! The console in a real Chromium: the whole way from the first read to the proof in the browser alone, with a script and
//! without; and every screen on desktop and phone, light and dark, by key, and as axe sees it.
//! Node drives the browser; where either is not there, the tests say so and leave it at that.

use crate::day::expect;
use crate::stage::{Daemon, Stage, until_nothing_is_left};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tenure_sandbox::{Limits, Options};

/// Where `scripts/setup` puts what drives the browser.
const MODULES: &str = "target/tools/browser";
const CHROMIUM: &str = "/usr/bin/chromium";
/// What is to be done is done within this time.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// Returns where the browser's modules are, if everything is there.
fn modules() -> Option<PathBuf> {
    let modules = tenure_tests::root().join(MODULES);
    let chromium = std::env::var("TENURE_CHROMIUM").unwrap_or_else(|_| CHROMIUM.into());
    let there = |name: &str| modules.join("node_modules").join(name).is_dir();
    if there("playwright-core") && there("axe-core") && Path::new(&chromium).exists() {
        return Some(modules);
    }
    println!("skipped: no Chromium with playwright-core and axe-core here; `scripts/setup` installs them");
    None
}

fn open() -> Stage {
    Stage::open(Options { people: 60, limits: Limits::Off, ..Options::default() })
}

fn link(stage: &Stage, daemon: &Daemon) -> String {
    let made = stage.plainly(&["console", "link", "--role", "admin", "--as", "root@acme.example"]);
    expect(&made, 0);
    let link = made.out.trim().to_owned();
    // The file names another port than the daemon was told to listen on.
    assert!(link.starts_with(&format!("{}/sign-in?link=", daemon.base())), "{link} is not where the daemon listens");
    link
}

/// Has node run one of the scripts beside this file.
fn drive(script: &str, modules: &Path, settings: &[(&str, String)]) -> Value {
    let mut command = Command::new("node");
    command.arg(tenure_tests::root().join("tests/browser").join(script));
    command.env("TENURE_BROWSER_MODULES", modules).stdin(Stdio::null()).stderr(Stdio::inherit());
    command.envs(settings.iter().map(|(name, value)| (name, value.as_str())));
    let ended = command.output().expect("node runs");
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    serde_json::from_str(told.trim()).unwrap_or_else(|error| panic!("{script} said {told:?}: {error}"))
}

fn walk(script: &str) {
    let Some(modules) = modules() else { return };
    let stage = open();
    let daemon = Daemon::start(&stage);
    stage.next_morning();
    let link = link(&stage, &daemon);
    let settings = [("TENURE_BASE", daemon.base()), ("TENURE_LINK", link), ("TENURE_SCRIPT", script.to_owned())];
    let told = drive("journey.mjs", &modules, &settings);
    assert_eq!(told["failed"], Value::Null, "{told:#}");
    let seen = &told["seen"];
    assert_eq!(seen["connections"], 6, "{told:#}");
    assert!(seen["own_yes"].as_str().unwrap().contains("not yours to decide"), "only security's yes counts: {told:#}");
    assert!(seen["waiting"].as_u64().unwrap() > 0 && seen["mia_applies"] == 0, "{told:#}");
    assert!(seen["proof"].as_str().unwrap().contains("The chain is whole"), "{told:#}");
    assert!(seen["note_rows"].as_u64().unwrap() > 0, "the note is in the journal: {told:#}");
    let story: Vec<&str> = seen["story"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for part in ["Source", "Rule", "Step", "Requests", "Read back"] {
        assert!(story.contains(&part), "{told:#}");
    }
    assert!(seen["closed"].as_u64().unwrap() > 0, "{told:#}");
    assert_eq!(seen["signed_out"], "/sign-in");
    daemon.end();
    assert_eq!(stage.aftermath(), Vec::<String>::new());
}

#[test]
fn the_whole_way_is_gone_in_the_browser_alone() {
    walk("on");
}

#[test]
fn the_whole_way_is_gone_without_a_script() {
    walk("off");
}

#[test]
fn every_screen_can_be_shown_to_anybody() {
    let Some(modules) = modules() else { return };
    let stage = open();
    expect(&stage.run(&["pull"]), 0);
    let daemon = Daemon::start(&stage);
    until_nothing_is_left(&stage, SETTLED_WITHIN);
    daemon.end();
    // From now on every step waits for somebody, so that there is a plan to look at.
    stage.edit(&stage.files().policy.clone(), "from = \"nobody\"", "from = [\"security\"]").expect("the policy");
    stage.next_morning();
    expect(&stage.run(&["pull", "hr"]), 0);
    let plan = stage.run(&["plan"]).json().expect("a plan");
    let creates = plan["steps"].as_array().into_iter().flatten().filter(|step| step["effect"] == "create");
    let creates: Vec<&str> = creates.filter_map(|step| step["id"].as_str()).collect();
    let said = ["approve"].into_iter().chain(creates).chain(["--as", "mia@acme.example", "--note", "they begin today"]);
    expect(&stage.run(&said.collect::<Vec<_>>()), 0);
    expect(&stage.run(&["apply", "--yes"]), 3);
    expect(&stage.run(&["pull"]), 0);
    let daemon = Daemon::start(&stage);
    expect(&stage.run(&["plan"]), 2);
    let pictures = tenure_tests::root().join("target/console");
    let settings = [
        ("TENURE_BASE", daemon.base()),
        ("TENURE_LINK", link(&stage, &daemon)),
        ("TENURE_PICTURES", pictures.display().to_string()),
    ];
    let told = drive("screens.mjs", &modules, &settings);
    println!("first words on a slow phone, in ms: {}", told["waits"]);
    assert_eq!(told["wrong"], serde_json::json!([]), "{told:#}");
    assert!(told["screens"].as_array().unwrap().len() >= 10, "{told:#}");
    daemon.end();
}
