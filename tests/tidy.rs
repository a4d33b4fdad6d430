//! The fences between the rooms, as checks. Each rule reads the files of the workspace and names line and remedy.
//! When one objects, move the line to the room where it belongs; move the fence only with a reason in the commit.
//! Each rule is a function over one page, so that a page made up for it can show that it objects.

use regex::Regex;
use std::cell::RefCell;
use std::collections::HashMap;
use tenure_tests::{Offence, Page, View, expect_none, find, list, look};

/// What the pure rooms may depend on: crates that compute and do nothing else.
const PURE: [&str; 15] = [
    "tenure-core",
    "tenure-scim",
    "serde",
    "serde_json",
    "thiserror",
    "cel",
    "jiff",
    "sha2",
    "toml",
    "schemars",
    "strsim",
    "indexmap",
    "regex",
    "proptest",
    "insta",
];

/// The apps of the catalogue that Rust must not know.
const APPS: &str = r"(?i)gorgias|gladly|freshdesk|freshservice|freshworks|gainsight";

/// Where apps may be named in Rust: the imitations, the story of the demo, the examples of the help text.
const APPS_NAMED: [&str; 4] = [
    "crates/sandbox/",
    "crates/cli/src/commands/demo.rs",
    "crates/cli/src/commands/demo/",
    "crates/cli/src/arguments.rs",
];

/// Where the calendar may be read: the one clock of the program, the one that paces requests, the imitations'.
const CLOCKS: [&str; 4] = [
    "crates/engine/src/clock.rs",
    "crates/connect/src/clock.rs",
    "crates/connect/src/transport/clock.rs",
    "crates/sandbox/",
];

/// Where a stopwatch may be started besides: it tells how long something took or may take, and nothing is derived
/// from it.
const STOPWATCHES: [&str; 4] = [
    "crates/engine/src/pull.rs",
    "crates/engine/src/secrets.rs",
    "crates/cli/src/commands/demo.rs",
    "crates/cli/src/progress.rs",
];

/// Functions whose names are somebody else's: a trait of a dependency asks for them.
const FOREIGN: [&str; 1] = ["connect_info"];

const LINES_NOTED: usize = 350;
const LINES_MAX: usize = 700;

/// Returns a compiled pattern; each is compiled once for all pages.
fn pattern(text: &str) -> Regex {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
    }
    let compile = || Regex::new(text).unwrap_or_else(|error| panic!("{error}"));
    COMPILED.with_borrow_mut(|compiled| compiled.entry(text.to_owned()).or_insert_with(compile).clone())
}

/// Applies a rule to every Rust file.
fn rust(rule: impl Fn(&Page) -> Vec<Offence>) -> Vec<Offence> {
    let pages = list(&[".rs"]);
    assert!(pages.len() > 20, "only {} Rust files found: the walk over the workspace is broken", pages.len());
    pages.iter().flat_map(rule).collect()
}

fn is_pure(page: &Page) -> bool {
    page.is_in(&["crates/core/src/", "crates/scim/src/"])
}

#[test]
fn core_and_scim_depend_on_nothing_that_could_reach_the_world() {
    let offences =
        ["crates/core/Cargo.toml", "crates/scim/Cargo.toml"].map(|path| impure_dependencies(&Page::read(path)));
    expect_none(&offences.concat());
}

fn impure_dependencies(page: &Page) -> Vec<Offence> {
    let name = pattern(r"^([A-Za-z0-9_-]+)(\.workspace)?\s*=");
    let mut inside = false;
    let mut offences = Vec::new();
    for (at, line) in page.text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.trim_end().ends_with("dependencies]");
        }
        let Some(found) = name.captures(line).filter(|_| inside) else { continue };
        if !PURE.contains(&&found[1]) {
            let says = format!(
                "depends on `{}`: this room has no world; move what needs it to engine, or, if the crate only computes, add it to PURE in tests/tidy.rs",
                &found[1]
            );
            offences.push(Offence { path: page.path.clone(), line: at + 1, says });
        }
    }
    offences
}

#[test]
fn core_and_scim_touch_no_disk_network_process_or_zone_file() {
    expect_none(&rust(impure_calls));
}

fn impure_calls(page: &Page) -> Vec<Offence> {
    if !is_pure(page) {
        return Vec::new();
    }
    let calls = pattern(
        r"\bstd::(fs|net|env|process|thread|os)\b|\bio::std(in|out|err)\b|\be?print(ln)?!|TimeZone::(system|get)\b|\.in_tz\(|\btz::db\(|\bget_unequivocal\b",
    );
    find(
        page,
        View::Code,
        &calls,
        "core and scim are values only; pass the value in from engine (time zones: the bundled database)",
    )
}

#[test]
fn sql_stands_in_the_store_only() {
    expect_none(&rust(sql));
}

fn sql(page: &Page) -> Vec<Offence> {
    if page.is_in(&["crates/store/"]) || page.is_test() {
        return Vec::new();
    }
    let words = pattern(
        r"\b(SELECT\s+.+\s+FROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|(CREATE|DROP|ALTER)\s+(TABLE|INDEX|VIEW)|ON\s+CONFLICT|PRAGMA)\b",
    );
    let mut offences =
        find(page, View::Strings, &words, "SQL belongs in crates/store; ask the store by a named function");
    offences.extend(find(page, View::Code, &pattern(r"\b(sqlx|rusqlite)::"), "only crates/store talks to a database"));
    offences
}

#[test]
fn no_app_is_named_in_rust() {
    expect_none(&rust(apps));
}

fn apps(page: &Page) -> Vec<Offence> {
    if page.is_in(&APPS_NAMED) || page.is_test() {
        return Vec::new();
    }
    find(
        page,
        View::CodeAndStrings,
        &pattern(APPS),
        "an app's words live in apps/<app>/manifest.toml; say it in the vocabulary",
    )
}

#[test]
fn http_is_sent_from_one_place() {
    expect_none(&rust(http));
}

fn http(page: &Page) -> Vec<Offence> {
    if page.is_in(&["crates/connect/src/transport.rs", "crates/connect/src/transport/"]) || page.is_test() {
        return Vec::new();
    }
    find(
        page,
        View::Code,
        &pattern(r"\b(reqwest|hyper|hyper_util)::"),
        "requests leave through crates/connect/src/transport",
    )
}

#[test]
fn http_is_answered_in_one_room() {
    expect_none(&rust(answers));
}

fn answers(page: &Page) -> Vec<Offence> {
    if page.is_in(&["crates/serve/", "crates/console/", "crates/sandbox/"]) || page.is_test() {
        return Vec::new();
    }
    find(page, View::Code, &pattern(r"\baxum::"), "what answers HTTP stands in crates/serve and crates/console")
}

#[test]
fn the_clock_is_read_at_the_edge() {
    expect_none(&rust(clock));
}

fn clock(page: &Page) -> Vec<Offence> {
    if page.is_in(&CLOCKS) || page.is_test() {
        return Vec::new();
    }
    let says = "take the time from the Clock that is passed in (crates/engine/src/clock.rs)";
    let mut offences = find(page, View::Code, &pattern(r"\b(SystemTime|Timestamp|Zoned|Utc|Local)::now\b"), says);
    if !page.is_in(&STOPWATCHES) {
        offences.extend(find(page, View::Code, &pattern(r"\bInstant::now\b"), says));
    }
    offences
}

#[test]
fn chance_is_passed_in() {
    expect_none(&rust(chance));
}

/// Where chance may be named: the imitations, the two edges, and a private key's proofs, which nobody may foresee and no
/// run repeats: the server takes each but once.
const CHANCE: [&str; 4] = [
    "crates/sandbox/",
    "crates/engine/src/clock.rs",
    "crates/engine/src/chance.rs",
    "crates/connect/src/transport/key.rs",
];

fn chance(page: &Page) -> Vec<Offence> {
    if page.is_in(&CHANCE) || page.is_test() {
        return Vec::new();
    }
    let random = pattern(r"\brand::|\bthread_rng\b|\bfrom_os_rng\b|\bOsRng\b|\bgetrandom::|\bRandomState\b");
    find(page, View::Code, &random, "randomness is passed in, so that a run can be repeated")
}

#[test]
fn every_file_says_what_it_holds() {
    expect_none(&rust(opening));
}

fn opening(page: &Page) -> Vec<Offence> {
    let first = page.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!"));
    if first.is_some_and(|line| line.starts_with("//! ")) {
        return Vec::new();
    }
    let says =
        "starts without `//!`; say in three sentences what it holds, from where to where, and what it does not know";
    vec![Offence { path: page.path.clone(), line: 1, says: says.into() }]
}

#[test]
fn names_come_from_the_words_of_the_field() {
    expect_none(&rust(names));
}

fn names(page: &Page) -> Vec<Offence> {
    let declared = pattern(r"\b(?:struct|enum|trait|type|mod|fn)\s+([A-Za-z_][A-Za-z0-9_]*)");
    let others_words = page.is_in(&["crates/scim/", "crates/sandbox/"]);
    let mut offences = Vec::new();
    let stem = page.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
    let found = look(&page.text, View::Code)
        .lines()
        .enumerate()
        .flat_map(|(at, line)| {
            declared.captures_iter(line).map(move |found| (at + 1, found[1].to_owned())).collect::<Vec<_>>()
        })
        .collect::<Vec<_>>();
    for (line, name) in std::iter::once((1, stem)).chain(found) {
        if let Some(word) = empty_word(&name, others_words) {
            let says = format!(
                "`{name}` says `{word}`, which names nothing; say what it is (Identity, Account, Grant, Pull, Plan, Step, …)"
            );
            offences.push(Offence { path: page.path.clone(), line, says });
        }
    }
    offences
}

/// Returns the word of a name that says nothing. A person's manager is a word of the field; a `PlanManager` is not.
fn empty_word(name: &str, others_words: bool) -> Option<String> {
    let anywhere = ["helper", "helpers", "util", "utils", "handler", "handlers", "info", "misc"];
    let ours = ["user", "users", "resource", "resources", "data"];
    let words = words(name);
    let starts = |word: &str| ["handle", "process", "do"].contains(&word) && name.starts_with(char::is_lowercase);
    let is_type = name.starts_with(char::is_uppercase) && words.len() > 1;
    words.iter().enumerate().find_map(|(at, word)| {
        let empty = anywhere.contains(&word.as_str())
            || (!others_words && ours.contains(&word.as_str()))
            || (at == 0 && words.len() > 1 && starts(word))
            || (is_type && at + 1 == words.len() && word == "manager");
        (empty && !FOREIGN.contains(&name)).then(|| word.clone())
    })
}

/// Splits a name of either case into lower-case words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        if letter == '_' || (letter.is_uppercase() && !before.is_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter != '_') {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_to_do() {
    expect_none(&rust(left_open));
}

fn left_open(page: &Page) -> Vec<Offence> {
    let open = pattern(r"#\[ignore\b|\b(todo|unimplemented)!");
    let page = Page::new(&page.path, &page.text.replace("#[cfg(test)]", ""));
    find(
        &page,
        View::Code,
        &open,
        "a test that is wrong today asserts today's behaviour and says so; code that is missing is not there",
    )
}

#[test]
fn every_crate_takes_lints_and_licence_from_the_workspace() {
    let pages: Vec<Page> = list(&["Cargo.toml"]).into_iter().filter(|page| page.path != "Cargo.toml").collect();
    assert!(pages.len() >= 7, "only {} crates found", pages.len());
    expect_none(&pages.iter().flat_map(inherits).collect::<Vec<_>>());
}

fn inherits(page: &Page) -> Vec<Offence> {
    let wanted = [
        "license.workspace = true",
        "publish.workspace = true",
        "edition.workspace = true",
        "[lints]\nworkspace = true",
    ];
    wanted
        .into_iter()
        .filter(|wanted| !page.text.contains(wanted))
        .map(|wanted| Offence { path: page.path.clone(), line: 1, says: format!("lacks {wanted:?}") })
        .collect()
}

#[test]
fn nothing_points_outside_the_checkout() {
    let pages = list(&[
        ".rs",
        ".toml",
        ".md",
        ".sql",
        ".txt",
        ".json",
        ".csv",
        ".svg",
        "Makefile",
        "setup",
        "run",
        "run-tests",
    ]);
    expect_none(&pages.iter().flat_map(outside).collect::<Vec<_>>());
}

/// Finds what only the people who wrote this had beside them. The names are put together here, so that this file is
/// none of its own offences.
fn outside(page: &Page) -> Vec<Offence> {
    let beside =
        ["SURFACE", "STYLE", "vendors", "identity-protocols", "crates"].map(|name| format!(r"\b{name}\.m{}\b", 'd'));
    let pointer = pattern(&format!(r"(^|[^\w.])(\.\./|/work/)?shar{}/|/wor{}/main|{}", "ed", 'k', beside.join("|")));
    let says = "a reader of this repository does not have that; say it here in its own words";
    let lines = page.text.lines().enumerate().filter(|(_, line)| pointer.is_match(line));
    lines.map(|(at, _)| Offence { path: page.path.clone(), line: at + 1, says: says.into() }).collect()
}

#[test]
fn no_file_is_too_long_to_read() {
    for page in list(&[".rs"]) {
        let lines = page.text.lines().count();
        if lines > LINES_NOTED {
            println!("note: {} has {lines} lines; look for the second idea", page.path);
        }
    }
    expect_none(&rust(length));
}

fn length(page: &Page) -> Vec<Offence> {
    let lines = page.text.lines().count();
    let says = format!("{lines} lines, {LINES_MAX} are the most: split it along its ideas");
    (lines > LINES_MAX).then(|| Offence { path: page.path.clone(), line: LINES_MAX, says }).into_iter().collect()
}

/// Shows for each rule a page to which it objects and one that it lets through.
#[test]
fn every_rule_objects_to_what_it_forbids_and_to_nothing_else() {
    type Rule = fn(&Page) -> Vec<Offence>;
    let long = "//! x\n".repeat(LINES_MAX + 1);
    let away = format!("see ../shar{}/x", "ed");
    let cases: &[(Rule, &str, &str, &str)] = &[
        (
            impure_dependencies,
            "crates/core/Cargo.toml",
            "[dependencies]\ntokio.workspace = true\n",
            "[dependencies]\nserde.workspace = true\n",
        ),
        (impure_calls, "crates/core/src/x.rs", "std::fs::read(path)", "// std::fs::read\nlet text = \"std::fs\";"),
        (sql, "crates/engine/src/x.rs", "query(\"SELECT a FROM b\")", "say(\"select a plan from the list\")"),
        (sql, "crates/cli/src/x.rs", "sqlx::query(x)", "store.list(x)"),
        (apps, "crates/connect/src/x.rs", "if app == \"gladly\" {}", "// as Gladly does\nif app.pages {}"),
        (http, "crates/engine/src/x.rs", "reqwest::Client::new()", "transport.send(request)"),
        (answers, "crates/cli/src/x.rs", "axum::serve(listener, router)", "tenure_serve::serve(listener, house)"),
        (clock, "crates/engine/src/x.rs", "let at = Instant::now();", "let at = clock.now();"),
        (clock, "crates/engine/src/pull.rs", "let at = Timestamp::now();", "let began = Instant::now();"),
        (chance, "crates/engine/src/x.rs", "rand::rng()", "chance.next()"),
        (opening, "crates/cli/src/x.rs", "use std::fmt;\n", "//! What it holds.\nuse std::fmt;\n"),
        (names, "crates/cli/src/x.rs", "struct PlanManager;", "struct Plan;\nenum Managers {}\nfn manager_of() {}"),
        (names, "crates/cli/src/x.rs", "fn process_page() {}", "fn what_to_do_next() {}"),
        (names, "crates/cli/src/utils.rs", "struct Plan;", "// nothing\n"),
        (left_open, "crates/cli/src/x.rs", "#[test]\n#[ignore]\nfn a() {}", "#[test]\nfn ignored_fields_are_told() {}"),
        (
            inherits,
            "crates/x/Cargo.toml",
            "[package]\n",
            "license.workspace = true\npublish.workspace = true\nedition.workspace = true\n[lints]\nworkspace = true\n",
        ),
        (outside, "docs/x.md", &away, "a budget shared by all"),
        (length, "crates/cli/src/x.rs", &long, "//! short\n"),
    ];
    for (rule, path, bad, good) in cases {
        assert!(!rule(&Page::new(path, bad)).is_empty(), "no rule objects to {path}: {bad:.60}");
        let path = path.replace("utils.rs", "x.rs");
        let wrongly = rule(&Page::new(&path, good));
        assert!(wrongly.is_empty(), "{}: {good}", wrongly[0]);
    }
}
