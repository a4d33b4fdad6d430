//! What people and scripts write and read: how an account is named, an attribute, a condition; lists for programs, an app
//! whose manifest is wrong. Each slip is told with what was probably meant, and costs nothing else.

use crate::stage::{Ended, Stage};
use serde_json::Value;
use std::fs;
use tenure_sandbox::{Limits, Options};

const MIA: [&str; 2] = ["--as", "mia@acme.example"];

fn pulled() -> Stage {
    let stage = Stage::open(Options { people: 21, limits: Limits::Off, ..Options::default() });
    expect(&stage.run(&["pull"]), 0, &[]);
    stage
}

/// Fails unless the run ended with this code and said all of these words.
fn expect(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, code, "{ended}");
    for word in words {
        assert!(ended.says(word), "does not say {word:?}: {ended}");
    }
}

fn list(stage: &Stage, words: &[&str]) -> Vec<Value> {
    let told = stage.run(words).json().unwrap();
    told[words[0]].as_array().unwrap().clone()
}

#[test]
fn a_persons_number_is_no_account_and_a_sources_record_is_not_left_alone() {
    let stage = pulled();
    let with_number = list(&stage, &["accounts", "--where", "account.external_id == \"E00006\""]);
    assert!(!with_number.is_empty(), "an app keeps the number of Jane");
    expect(&stage.run(&[&["exempt", "E00006"][..], &MIA].concat()), 1, &["the number of a person", "gladly/agent/"]);
    expect(&stage.run(&[&["exempt", "gladly/E00006"][..], &MIA].concat()), 1, &["the number of a person"]);
    expect(&stage.run(&[&["link", "E00006", "E00007"][..], &MIA].concat()), 1, &["the number of a person"]);
    expect(&stage.run(&[&["unlink", "E00006"][..], &MIA].concat()), 1, &["the number of a person"]);
    expect(&stage.run(&[&["exempt", "hr/E00006"][..], &MIA].concat()), 1, &["record of the source hr", "tenure leave"]);
    let exported = stage.plainly(&["audit", "export"]);
    assert!(!exported.out.contains("\"decided\""), "nothing was decided: {exported}");
    let id = with_number[0]["id"].as_str().unwrap();
    expect(&stage.run(&[&["exempt", &format!("gladly/{id}")][..], &MIA].concat()), 0, &["gladly/agent/"]);
    expect(&stage.run(&[&["exempt", "gorgias/jane.doe@acme.example"][..], &MIA].concat()), 0, &["gorgias/agent/"]);
}

#[test]
fn of_an_account_that_is_nobodys_it_is_told_what_to_do() {
    let stage = pulled();
    let orphans = list(&stage, &["findings", "--kind", "orphan_account", "--connection", "gorgias"]);
    let account = orphans[0]["account"].as_str().unwrap();
    let id = account.rsplit('/').next().unwrap();
    for key in [format!("gorgias/{id}"), format!("gorgias/agent/{id}")] {
        expect(&stage.run(&["who", &key]), 1, &["is nobody's account", "tenure link", "tenure exempt"]);
    }
    expect(&stage.run(&["who", "nobody@nowhere.example"]), 1, &["nobody is known as"]);
}

#[test]
fn what_is_decided_for_later_is_said_though_the_plan_is_empty() {
    let stage = pulled();
    let words = ["leave", "jane.doe@acme.example", "--at", "2999-01-31"];
    let left = stage.plainly(&[&words[..], &MIA].concat());
    expect(&left, 0, &["jane.doe@acme.example leaves from 2999-01-31T00:00:00Z on"]);
    let moved = ["move", "jane.doe@acme.example", "--at", "2999-01-30", "--set", "department=Sales"];
    let moved = stage.plainly(&[&moved[..], &MIA].concat());
    expect(&moved, 0, &["moves (department=Sales) from 2999-01-30T00:00:00Z on"]);
    let told = stage.run(&[&words[..], &MIA].concat());
    assert!(told.json().is_ok_and(|told| told["steps"].is_array()), "{told}");
    assert!(!told.out.contains("decided:"), "{told}");
}

#[test]
fn what_is_known_is_told_and_what_is_empty_is_null() {
    let stage = pulled();
    let jane = stage.run(&["who", "jane.doe@acme.example"]).json().unwrap();
    let accounts = jane["accounts"].as_array().unwrap();
    assert!(accounts.len() > 3, "{jane}");
    for account in accounts {
        let (connection, id) = (account["connection"].as_str().unwrap(), account["id"].as_str().unwrap());
        let listed =
            list(&stage, &["accounts", "--connection", connection, "--where", &format!("account.id == \"{id}\"")]);
        assert!(account["observed_at"].is_string(), "{account}");
        assert_eq!(account["observed_at"], listed[0]["observed_at"], "{account}");
    }
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0, &[]);
    let plan = stage.run(&["plan"]).json().unwrap();
    let steps = plan["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["reason"].as_object().unwrap().contains_key("rule")), "{plan}");
    assert!(steps.iter().any(|step| step["reason"]["rule"].is_null()), "{plan}");
    let applied = stage.run(&["apply"]).json().unwrap();
    let results = applied["steps"].as_array().unwrap();
    assert!(results.iter().all(|result| result.as_object().unwrap().contains_key("because")), "{applied}");
    assert!(results.iter().any(|result| result["outcome"] == "done" && result["because"].is_null()), "{applied}");
}

#[test]
fn a_condition_of_the_policy_can_be_tried_over_the_people() {
    let stage = pulled();
    let phones = list(&stage, &["identities", "--where", "identity.phone.startsWith(\"+1\")"]);
    assert!(!phones.is_empty());
    let managed = list(&stage, &["identities", "--where", "identity.manager_id == \"E00003\""]);
    assert!(!managed.is_empty());
    let people = fs::read_to_string(&stage.files().people).unwrap();
    let with_column: Vec<String> = people
        .lines()
        .enumerate()
        .map(|(at, line)| format!("{line},{}", if at == 0 { "cost_centre" } else { "CC-7" }))
        .collect();
    fs::write(&stage.files().people, with_column.join("\n") + "\n").unwrap();
    expect(&stage.run(&["pull", "hr"]), 0, &[]);
    let all = list(&stage, &["identities"]).len();
    let condition = "identity.cost_centre == \"CC-7\" && size(identity.accounts) >= 0";
    assert_eq!(list(&stage, &["identities", "--where", condition]).len(), all);
    expect(&stage.run(&["identities", "--where", "identity.departmnt == \"x\""]), 1, &["department"]);
    expect(&stage.run(&["identities", "--where", "identity.name"]), 1, &["yes or no"]);
    // A column of the company's own is an attribute that can be said of somebody; a slip of the pen is none.
    expect(&stage.run(&[&["move", "E00006", "--set", "departmnt=IT"][..], &MIA].concat()), 1, &["`department`"]);
    expect(&stage.run(&[&["move", "E00006", "--set", "cost_center=CC-8"][..], &MIA].concat()), 1, &["`cost_centre`"]);
    let moved = stage.run(&[&["move", "E00006", "--set", "cost_centre=CC-8"][..], &MIA].concat());
    assert!(matches!(moved.code, 0 | 2 | 3), "{moved}");
    assert_eq!(list(&stage, &["identities", "--where", "identity.cost_centre == \"CC-8\""]).len(), 1);
}

#[test]
fn lists_for_programs_have_plain_columns() {
    let stage = pulled();
    let table = |words: &[&str]| -> Vec<Vec<String>> {
        let listed = stage.plainly(words);
        expect(&listed, 0, &[]);
        assert!(!listed.err.contains('\u{1b}'), "{listed}");
        listed.out.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    };
    let cell = |table: &[Vec<String>], row: usize, column: &str| {
        let at = table[0].iter().position(|name| name == column).unwrap_or_else(|| panic!("no {column}"));
        table[row][at].clone()
    };
    let accounts = table(&["accounts", "--connection", "gladly", "--format", "csv"]);
    assert!((1..accounts.len()).any(|row| cell(&accounts, row, "external_id").starts_with('E')), "{accounts:?}");
    assert!((1..accounts.len()).all(|row| cell(&accounts, row, "observed_at").ends_with('Z')), "{accounts:?}");
    assert!((1..accounts.len()).any(|row| cell(&accounts, row, "grants").contains(';')), "{accounts:?}");
    assert!(!accounts.iter().flatten().any(|cell| cell.ends_with('!')), "{accounts:?}");
    let grants = table(&["grants", "--connection", "gorgias", "--format", "csv"]);
    let privileged: Vec<String> = (1..grants.len()).map(|row| cell(&grants, row, "privileged")).collect();
    assert!(
        privileged.iter().any(|word| word == "true") && privileged.iter().any(|word| word == "false"),
        "{grants:?}"
    );
    assert!((1..grants.len()).all(|row| !cell(&grants, row, "id").is_empty()), "{grants:?}");
    let identities = table(&["identities", "--format", "csv"]);
    for column in ["given_name", "family_name", "type", "manager", "start_date", "end_date", "time_zone"] {
        cell(&identities, 1, column);
    }
    assert!((1..identities.len()).any(|row| cell(&identities, row, "accounts").contains("gorgias/agent/")));
}

#[test]
fn a_broken_app_is_told_by_lint_and_costs_no_other_command() {
    let stage = pulled();
    let folder = stage.folder().join("apps").join("helpdesk");
    expect(&stage.plainly(&["app", "new", "helpdesk"]), 0, &[]);
    let manifest = folder.join("manifest.toml");
    let good = fs::read_to_string(&manifest).unwrap();
    for (text, line) in
        [(format!("titel = \"x\"\n{good}"), 1), (good.replacen("title = ", "title = 7 #", 1), 0), ("[x".into(), 1)]
    {
        fs::write(&manifest, text).unwrap();
        let linted = stage.run(&["app", "lint", "helpdesk"]);
        expect(&linted, 2, &["manifest.toml"]);
        let problem = linted.json().unwrap()["problems"][0].clone();
        assert!(problem["message"].is_string() && problem["path"].is_string(), "{linted}");
        assert!(problem["line"].as_u64().unwrap() >= 1 && (line == 0 || problem["line"] == line), "{linted}");
        expect(&stage.plainly(&["app", "lint", "helpdesk"]), 2, &["manifest.toml:"]);
        expect(&stage.run(&["app", "show", "helpdesk"]), 1, &["manifest.toml:"]);
        expect(&stage.plainly(&["apps"]), 0, &["broken: ", "manifest.toml:"]);
        expect(&stage.run(&["accounts"]), 0, &[]);
        expect(&stage.run(&["pull", "hr"]), 0, &[]);
    }
    stage.edit(&stage.files().config, "app = \"gorgias\"", "app = \"helpdesk\"").unwrap();
    expect(&stage.run(&["accounts"]), 1, &["helpdesk", "manifest.toml:1"]);
}

#[test]
fn an_app_of_the_program_is_not_hidden_by_accident() {
    let stage = pulled();
    expect(&stage.plainly(&["app", "new", "gorgias"]), 1, &["an app of this program", "--force"]);
    expect(&stage.run(&["accounts"]), 0, &[]);
    expect(&stage.plainly(&["app", "new", "gorgias", "--force"]), 0, &[]);
}

#[test]
fn what_is_held_as_a_whole_is_told_by_apply() {
    let stage = pulled();
    stage.edit(&stage.files().policy, "extra_grants = \"revoke\"", "extra_grants = \"report\"").unwrap();
    stage.edit(&stage.files().policy, "removals_max = 40", "removals_max = 0").unwrap();
    let people = fs::read_to_string(&stage.files().people).unwrap();
    let leaves = people.replacen(",active,+1 555 000 0009", ",terminated,+1 555 000 0009", 1);
    assert_ne!(people, leaves);
    fs::write(&stage.files().people, leaves).unwrap();
    expect(&stage.run(&["pull", "hr"]), 0, &[]);
    expect(&stage.run(&["plan", "--only", "gladly"]), 3, &["removals_max"]);
    let applied = stage.plainly(&["apply"]);
    expect(&applied, 3, &["nothing can be done now", "by guard removals_max"]);
}
