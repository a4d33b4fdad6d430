//! The matrix of stories: what happens to people × apps × dialects, and the scenario that tells each.
//! A scenario says which it tells: `# cells joiner, leaver: gorgias, gladly (guide)`. A cell that no app could fill is
//! named here with the reason; a cell without a story, a claim that its file does not bear out, and a reason for what
//! a scenario tells all the same, fail.

use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use tenure_sandbox::Vendor;

const STORIES: [&str; 9] =
    ["joiner", "mover", "leaver", "rehire", "rename", "role change", "seat limit", "duplicate", "crash"];
const DIALECTS: [&str; 2] = ["guide", "live"];

/// Cells that cannot have a story.
const NONE: [(&str, &str, &str, &str); 1] = [(
    "crash",
    "gladly",
    "live",
    "nothing is written over this API, so that no write can be cut; work by hand is closed by reading alone",
)];

type Cell = (String, String, String);

/// Returns the cells that each scenario claims, or what is wrong with a claim.
fn claims() -> (BTreeMap<Cell, Vec<String>>, Vec<String>) {
    let form = Regex::new(r"(?m)^# cells ([a-z ,]+): ([a-z, ]+) \((guide|live)\)$").expect("it is one");
    let (mut found, mut wrong) = (BTreeMap::<Cell, Vec<String>>::new(), Vec::new());
    let folder = tenure_tests::root().join("tests/scenarios");
    let mut files: Vec<_> = fs::read_dir(folder).expect("the scenarios are there").flatten().collect();
    files.sort_by_key(fs::DirEntry::path);
    for file in files.into_iter().filter(|file| file.path().extension().is_some_and(|ending| ending == "txt")) {
        let name = file.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(file.path()).expect("it can be read");
        for line in text.lines().filter(|line| line.starts_with("# cells")) {
            let Some(told) = form.captures(line) else {
                wrong.push(format!("{name}: `{line}` is not of the form `# cells STORY, …: APP, … (DIALECT)`"));
                continue;
            };
            for story in told[1].split(", ") {
                for app in told[2].split(", ") {
                    wrong.extend(unborne(&name, &text, app, &told[3]));
                    found.entry((story.into(), app.into(), told[3].into())).or_default().push(name.clone());
                }
            }
        }
    }
    (found, wrong)
}

/// Says what a claim lacks: the dialect, a look at what the app holds, a run of `apply`.
fn unborne(name: &str, text: &str, app: &str, dialect: &str) -> Vec<String> {
    let lines = || text.lines().map(str::trim);
    let is_live = lines().any(|line| line == "given dialect live" || line == format!("given dialect {app} live"));
    let looks = lines()
        .any(|line| line.starts_with(&format!("then {app} ")) || line.starts_with(&format!("then account {app} ")));
    let applies = lines().any(|line| line.starts_with("when tenure apply"));
    let checks = [
        (is_live == (dialect == "live"), format!("is not played in the dialect {dialect} of {app}")),
        (looks, format!("never looks at what {app} holds")),
        (applies, "never applies a plan".to_owned()),
    ];
    checks.into_iter().filter(|(holds, _)| !holds).map(|(_, says)| format!("{name} {says}")).collect()
}

#[test]
fn every_story_is_told_of_every_app_in_both_dialects() {
    let (found, mut wrong) = claims();
    let mut cells: BTreeSet<Cell> = BTreeSet::new();
    for story in STORIES {
        for app in Vendor::ALL {
            cells.extend(DIALECTS.map(|dialect| (story.into(), app.name().into(), dialect.into())));
        }
    }
    assert_eq!(cells.len(), 90);
    wrong.extend(found.keys().filter(|cell| !cells.contains(*cell)).map(|cell| format!("{cell:?} is no cell")));
    for cell @ (story, app, dialect) in &cells {
        let reason = NONE.iter().find(|(s, a, d, _)| (*s, *a, *d) == (story, app, dialect));
        match (found.get(cell), reason) {
            (None, None) => wrong.push(format!("no scenario tells of a {story} in {app} ({dialect})")),
            (Some(names), Some(_)) => wrong.push(format!("{names:?} tell of what is said to be impossible: {cell:?}")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_claim_that_its_file_does_not_bear_out_is_told() {
    let good = "given dialect live\nwhen tenure apply -> 0\nthen gladly jane is active";
    assert!(unborne("x", good, "gladly", "live").is_empty());
    assert_eq!(unborne("x", good, "gladly", "guide").len(), 1);
    assert_eq!(unborne("x", good, "gorgias", "live").len(), 1);
    assert_eq!(unborne("x", "given dialect live\nthen gladly jane is active", "gladly", "live").len(), 1);
}
