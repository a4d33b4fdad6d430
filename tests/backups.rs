//! Backups as an operator takes and needs them: while a pull writes, into an empty place, instead of what is there, and by
//! hand damaged. What is restored goes on as if nothing had been: the same plan, a journal that holds.
//! The other database is told by the store's own stories.

use crate::day::{approved_plan, expect};
use crate::stage::Stage;
use std::fs;
use tenure_sandbox::{Limits, Options};

fn open() -> Stage {
    Stage::open(Options { people: 40, limits: Limits::Off, ..Options::default() })
}

/// Lets the configuration name another store.
fn move_to(stage: &Stage, from: &str, to: &str) {
    let config = stage.files().config.clone();
    stage.edit(&config, &format!("sqlite:{from}"), &format!("sqlite:{to}")).unwrap();
}

#[test]
fn what_is_restored_goes_on_as_if_nothing_had_been() {
    let stage = open();
    expect(&stage.run(&["pull"]), 0);
    stage.next_morning();
    // Others write meanwhile.
    let pulling = stage.begin(&["pull", "--full"]);
    let during = stage.run(&["backup", "--to", "during.backup", "--as", "mia@acme.example"]);
    expect(&stage.end(pulling), 0);
    expect(&during, 0);
    let id = approved_plan(&stage);
    let taken = stage.run(&["backup", "--to", "evening.backup"]);
    expect(&taken, 0);
    assert!(taken.json().unwrap()["backup"]["rows"].as_u64().unwrap() > 100, "{taken}");
    expect(&stage.run(&["backup", "--to", "evening.backup"]), 1);
    for file in ["during.backup", "evening.backup"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(stage.folder().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file} is for its owner only");
    }
    move_to(&stage, "tenure.db", "second.db");
    expect(&stage.run(&["restore", "--from", "during.backup", "--as", "mia@acme.example"]), 0);
    expect(&stage.run(&["audit", "verify"]), 0);
    expect(&stage.run(&["pull"]), 0);
    let refused = stage.run(&["restore", "--from", "evening.backup"]);
    expect(&refused, 1);
    assert!(refused.says("not empty") && refused.says("--replace"), "{refused}");
    expect(&stage.run(&["restore", "--from", "evening.backup", "--replace", "sqlite:tenure.db", "--yes"]), 1);
    expect(&stage.run(&["restore", "--from", "evening.backup", "--replace", "sqlite:second.db"]), 1);
    expect(&stage.run(&["restore", "--from", "evening.backup", "--replace", "sqlite:second.db", "--yes"]), 0);
    expect(&stage.run(&["audit", "verify"]), 0);
    let exported = stage.plainly(&["audit", "export"]).out;
    assert!(exported.contains("\"event\":\"restored\"") && exported.contains("\"what\":\"backup\""), "{exported}");
    // The approvals are there, and the plan is the one that was approved.
    expect(&stage.run(&["apply", &id]), 0);
    assert_eq!(stage.aftermath(), Vec::<String>::new());
}

#[test]
fn a_damaged_file_is_refused_and_a_broken_policy_stands_in_no_way() {
    let stage = open();
    expect(&stage.run(&["pull", "hr"]), 0);
    let piped = stage.plainly(&["backup", "--to", "-"]);
    expect(&piped, 0);
    fs::write(stage.folder().join("piped.backup"), &piped.out).unwrap();
    fs::write(stage.folder().join("cut.backup"), &piped.out[..piped.out.len() / 2]).unwrap();
    fs::write(&stage.files().policy, "this is no policy\n").unwrap();
    move_to(&stage, "tenure.db", "second.db");
    for (file, says) in [("cut.backup", "cut off"), ("policy.toml", "none of a backup"), ("nowhere", "read nowhere")] {
        let refused = stage.run(&["restore", "--from", file]);
        expect(&refused, 1);
        assert!(refused.says(says), "{refused}");
    }
    expect(&stage.run(&["restore", "--from", "piped.backup"]), 0);
}

#[test]
fn a_copy_on_trial_writes_nothing_among_the_anchors_of_the_live_journal() {
    let stage = open();
    let config = stage.files().config.clone();
    let anchor = "[journal]\nanchor = { file = \"anchors.jsonl\" }\nanchor_every = \"0h\"\n\n[store]";
    stage.edit(&config, "[store]", anchor).unwrap();
    expect(&stage.run(&["pull", "hr"]), 0);
    let anchors = || fs::read_to_string(stage.folder().join("anchors.jsonl")).unwrap();
    expect(&stage.run(&["backup", "--to", "evening.backup"]), 0);
    let live = anchors();
    move_to(&stage, "tenure.db", "trial.db");
    expect(&stage.run(&["restore", "--from", "evening.backup", "--as", "mia@acme.example"]), 0);
    expect(&stage.run(&["pull", "hr"]), 0);
    let refused = stage.run(&["audit", "anchor"]);
    expect(&refused, 1);
    assert!(refused.says("another journal") && refused.says("name a new file"), "{refused}");
    assert_eq!(anchors(), live);
    // With a file of its own it is anchored as any other.
    stage.edit(&config, "anchors.jsonl", "trial.jsonl").unwrap();
    expect(&stage.run(&["audit", "anchor"]), 0);
    expect(&stage.run(&["backup", "--to", "trial.backup"]), 0);
    assert_eq!(fs::read_to_string(stage.folder().join("trial.jsonl")).unwrap().lines().count(), 2);
    expect(&stage.run(&["audit", "verify"]), 0);
    // The live one goes on where it was.
    stage.edit(&config, "trial.jsonl", "anchors.jsonl").unwrap();
    move_to(&stage, "trial.db", "tenure.db");
    expect(&stage.run(&["backup", "--to", "night.backup"]), 0);
    assert!(anchors().starts_with(&live) && anchors().len() > live.len(), "{}", anchors());
    expect(&stage.run(&["audit", "verify"]), 0);
}
