//! Every behaviour of the five vendors, held against the tests that prove it. The behaviours come from
//! `behaviours/*.toml`, the proofs from markers in tests, scenarios and tapes, and `docs/behaviours.md` is written from both.
//! Whether a test truly shows what its marker says is for its reader; here it is only seen that it exists and is run.

#[path = "behaviours/listed.rs"]
mod listed;
#[path = "behaviours/marked.rs"]
mod marked;
#[path = "behaviours/page.rs"]
mod page;

use listed::{Behaviour, Listed};
use marked::Proof;
use std::collections::BTreeSet;
use tenure_tests::{Page, list, root};

/// How many behaviours the vendors' notes count, and of whom.
const COUNTS: [(&str, &str, usize); 5] = [
    ("gorgias", "GOR", 40),
    ("gladly", "GLA", 39),
    ("freshdesk", "FD", 44),
    ("freshservice", "FS", 43),
    ("gainsight", "GS", 42),
];

/// Reads the five lists, in the order of the vendors' notes.
fn listed() -> Vec<Listed> {
    COUNTS
        .iter()
        .map(|(app, _, _)| Listed::read(app, &Page::read(&format!("tests/behaviours/{app}.toml")).text))
        .collect()
}

/// Reads every marker there is.
fn proofs() -> Vec<Proof> {
    list(&[".rs", ".txt", ".json"]).iter().flat_map(marked::proofs).collect()
}

fn problems(listed: &[Listed], proofs: &[Proof]) -> Vec<String> {
    let mut problems: Vec<String> = proofs.iter().filter_map(|proof| proof.problem.clone()).collect();
    let all: Vec<&Behaviour> = listed.iter().flat_map(|vendor| &vendor.behaviours).collect();
    for proof in proofs.iter().filter(|proof| proof.problem.is_none()) {
        let (place, id, dialect) = (&proof.place, &proof.id, &proof.dialect);
        match all.iter().find(|behaviour| behaviour.id == *id) {
            None => problems.push(format!("{place}: proves {id}, which no list knows")),
            Some(behaviour) if !behaviour.applies.contains(dialect) => {
                problems.push(format!("{place}: proves {id} in the dialect {dialect}, where it does not apply"));
            }
            Some(_) => {}
        }
    }
    for behaviour in all {
        let missing = missing(behaviour, proofs);
        match (&behaviour.reason, behaviour.open, missing.is_empty()) {
            (None, false, false) => {
                problems.push(format!("{}: no test proves it in {}", behaviour.id, missing.join(" and ")))
            }
            (_, true, true) => {
                problems.push(format!("{}: every dialect has a proof, so it is open no longer", behaviour.id))
            }
            _ => {}
        }
    }
    problems
}

/// Returns the dialects in which a behaviour applies and nothing proves it.
fn missing(behaviour: &Behaviour, proofs: &[Proof]) -> Vec<String> {
    let proven: BTreeSet<&str> = proofs
        .iter()
        .filter(|proof| proof.id == behaviour.id && proof.problem.is_none())
        .map(|proof| &*proof.dialect)
        .collect();
    behaviour.applies.iter().filter(|dialect| !proven.contains(dialect.as_str())).cloned().collect()
}

#[test]
fn the_lists_hold_every_behaviour_once_and_in_order() {
    for (vendor, (app, prefix, count)) in listed().iter().zip(COUNTS) {
        let ids: Vec<&str> = vendor.behaviours.iter().map(|behaviour| &*behaviour.id).collect();
        let wanted: Vec<String> = (1..=count).map(|number| format!("{prefix}-{number:02}")).collect();
        assert_eq!(ids, wanted, "{app}");
    }
}

#[test]
fn every_behaviour_has_a_proof_in_each_dialect_in_which_it_applies() {
    let problems = problems(&listed(), &proofs());
    assert!(problems.is_empty(), "{} problem(s):\n  {}\n", problems.len(), problems.join("\n  "));
}

/// `TENURE_ACCEPT=1` writes the page.
#[test]
fn the_page_of_behaviours_is_what_the_lists_and_the_markers_say() {
    let page = page::write(&listed(), &proofs());
    let path = root().join("docs/behaviours.md");
    if std::env::var_os("TENURE_ACCEPT").is_some() {
        std::fs::write(&path, &page).expect("write docs/behaviours.md");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/behaviours.md is out of date: TENURE_ACCEPT=1 cargo test -p tenure-tests --test behaviours"
    );
}

/// A made-up list and what the checks say to one test under it.
fn said(list: &str, path: &str, text: &str) -> String {
    let listed = [Listed::read("gladly", list)];
    problems(&listed, &marked::proofs(&Page::new(path, text))).join("; ")
}

#[test]
fn a_missing_a_wrong_and_a_needless_marker_are_objected_to() {
    let list = "[GLA-01]\nline = 'One.'\n[GLA-02]\nline = 'Two.'\nin = ['guide']\nbut = 'Not there.'\n";
    let path = "crates/connect/tests/x.rs";
    let good = "// proves GLA-01, GLA-02 (guide)\n// proves GLA-01 (live)\n#[test]\nfn a() {}\n";
    let inside =
        "#[tokio::test]\nasync fn a() {\n    // proves GLA-01, GLA-02 (guide)\n    // proves GLA-01 (live)\n}\n";
    assert_eq!((said(list, path, good), said(list, path, inside)), (String::new(), String::new()));
    let lacking = said(list, path, "// proves GLA-01, GLA-02 (guide)\n#[test]\nfn a() {}\n");
    assert_eq!(lacking, "GLA-01: no test proves it in live");
    assert!(said(list, path, &good.replace("#[test]", "")).contains("no test there"));
    assert!(said(list, path, &good.replace("GLA-01", "GLA-77")).contains("no list knows"));
    assert!(said(list, path, &good.replace("(guide)", "(guide, live)")).contains("GLA-02 in the dialect live"));
    assert!(said(list, path, &good.replace("(guide)", "(gude)")).contains("guide or live"));
    assert!(
        said(list, path, &good.replace("proves GLA-01, GLA-02 (guide)", "proves GLA-01")).contains("not understood")
    );
    assert!(said(list, "crates/sandbox/tests/x.rs", good).contains("an imitation proves nothing"));
    let open = list.replace("line = 'One.'", "line = 'One.'\nopen = true");
    assert!(said(&open, path, good).contains("open no longer"));
    assert_eq!(said(&open, path, "// proves GLA-02 (guide)\n#[test]\nfn a() {}\n"), "");
}

#[test]
fn a_scenario_and_a_tape_prove_only_in_the_dialect_that_they_play() {
    let list = "[GLA-01]\nline = 'One.'\nin = ['live']\nbut = 'Not there.'\n";
    let (story, tape) = ("tests/scenarios/x.txt", "apps/gladly/tape/x.json");
    assert_eq!(said(list, story, "# A story.\n# proves GLA-01 (live)\ngiven dialect live\n"), "");
    assert_eq!(said(list, story, "# A story.\n# proves GLA-01 (live)\ngiven dialect gladly live\n"), "");
    assert!(said(list, story, "# A story.\n# proves GLA-01 (live)\n").contains("plays gladly in guide"));
    assert_eq!(said(list, tape, r#"{"says": "a list; proves GLA-01 (live)", "dialect": "live"}"#), "");
    assert!(said(list, tape, r#"{"says": "a list; proves GLA-01 (live)"}"#).contains("plays gladly in guide"));
}
