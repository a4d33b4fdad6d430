//! What an operator looks at: doctor, metrics, log lines, and the stop that works when the rest does not.
//! Each is broken by hand in one way, and must say so; secrets and people must be in none of them.

use crate::day::{approved_plan, expect};
use crate::stage::{Ended, Stage};
use regex::Regex;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tenure_sandbox::{Limits, Options};

fn open() -> Stage {
    Stage::open(Options { people: 21, limits: Limits::Off, ..Options::default() })
}

/// Returns what the doctor says of things that must be mended.
fn problems(ended: &Ended) -> Vec<String> {
    let checks = ended.json().unwrap()["checks"].as_array().unwrap().clone();
    let problems: Vec<String> = checks
        .iter()
        .filter(|check| check["verdict"] == "problem")
        .map(|check| format!("{} {}: {}", check["connection"], check["what"], check["says"]))
        .collect();
    assert_eq!(ended.code, if problems.is_empty() { 0 } else { 2 }, "{ended}");
    problems
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_doctor_finds_what_is_wrong_and_nothing_where_all_is_well() {
    let stage = open();
    let never = problems(&stage.run(&["doctor"]));
    assert_eq!(never.len(), 6, "nothing was read yet: {never:?}");
    expect(&stage.run(&["pull"]), 0);
    assert_eq!(problems(&stage.run(&["doctor"])), Vec::<String>::new());
    // What a daemon would do is late in a company that has none.
    let late = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute('UPDATE job SET run_at_ms = 1').rowcount); \
                c.commit()";
    let late = std::process::Command::new("python3").args(["-c", late]).arg(stage.folder().join("tenure.db")).output();
    assert_ne!(String::from_utf8(late.expect("python3 is there").stdout).unwrap().trim(), "0");
    assert_eq!(problems(&stage.run(&["doctor"])), Vec::<String>::new());
    let asked = stage.sandbox().statistics().of(tenure_sandbox::Vendor::Gorgias).requests;
    let token = stage.files().secrets.join("gorgias-token");
    chmod(&token, 0o644);
    let open = problems(&stage.run(&["doctor"]));
    assert!(open.len() == 1 && open[0].contains("gorgias-token") && open[0].contains("chmod 600"), "{open:?}");
    chmod(&token, 0o600);
    chmod(&stage.files().policy, 0o666);
    let open = problems(&stage.run(&["doctor"]));
    assert!(open.len() == 1 && open[0].contains("policy.toml") && open[0].contains("go-w"), "{open:?}");
    chmod(&stage.files().policy, 0o644);
    expect(&stage.run(&["token", "create", "--scope", "hooks", "--name", "okta", "--expires", "3d"]), 0);
    let ends = problems(&stage.run(&["doctor"]));
    assert!(ends.len() == 1 && ends[0].contains("okta") && ends[0].contains("ends at"), "{ends:?}");
    expect(&stage.run(&["token", "revoke", "okta"]), 0);
    assert_eq!(problems(&stage.run(&["doctor"])), Vec::<String>::new());
    assert_eq!(stage.sandbox().statistics().of(tenure_sandbox::Vendor::Gorgias).requests, asked, "no app is asked");
}

#[test]
fn a_new_app_passes_its_own_lint_and_test() {
    let stage = open();
    expect(&stage.plainly(&["app", "new", "helpdesk"]), 0);
    for words in [["app", "lint", "helpdesk"], ["app", "test", "helpdesk"]] {
        expect(&stage.plainly(&words), 0);
    }
}

#[test]
fn a_step_of_which_nobody_knows_what_became_is_told() {
    let stage = open();
    expect(&stage.run(&["pull"]), 0);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
    let plan = stage.run(&["plan"]);
    expect(&plan, 2);
    let step = plan.json().unwrap()["steps"][0]["id"].as_str().unwrap().to_owned();
    let doubts = || {
        let found = stage.run(&["findings", "--kind", "open_work"]).json().unwrap()["findings"].clone();
        found.as_array().unwrap().iter().filter(|finding| finding["facts"]["step"] == step.as_str()).count()
    };
    assert_eq!((doubts(), problems(&stage.run(&["doctor"])).len()), (0, 0));
    // As a run leaves it of whose writes no answer came, and whose looks failed as well.
    let settled = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('INSERT INTO step_progress (run, step, \
                   started_ms, settled_ms, intent, outcome) VALUES (?, ?, 1, 2, ?, ?)', ('r-1', sys.argv[2], 'null', \
                   '{\"id\":\"%s\",\"outcome\":\"unknown\",\"fields\":{}}' % sys.argv[2])); c.commit()";
    let database = stage.folder().join("tenure.db");
    let written = std::process::Command::new("python3").args(["-c", settled]).arg(database).arg(&step).status();
    assert!(written.expect("python3 is there").success());
    assert_eq!(doubts(), 1);
    let told = problems(&stage.run(&["doctor"]));
    assert!(told.len() == 1 && told[0].contains("nobody knows what became of 1 step of"), "{told:?}");
}

#[test]
fn the_doctor_works_where_nothing_else_does() {
    let stage = open();
    expect(&stage.run(&["pull"]), 0);
    let (config, policy) = (stage.files().config.clone(), stage.files().policy.clone());
    let good = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, "[[grant]]\nname = 7\n").unwrap();
    let broken = problems(&stage.run(&["doctor"]));
    assert!(broken.len() == 1 && broken[0].contains("policy.toml:2"), "{broken:?}");
    // Stopping is for emergencies: it must not ask for a good policy.
    let stopped = stage.run(&["stop", "gorgias", "--as", "mia@acme.example"]);
    expect(&stopped, 0);
    assert_eq!(stopped.json().unwrap()["stopped"][0]["connection"], "gorgias");
    expect(&stage.run(&["stop", "gorgis", "--as", "mia@acme.example"]), 1);
    expect(&stage.run(&["resume", "gorgias", "--as", "mia@acme.example"]), 0);
    fs::write(&policy, good).unwrap();
    fs::write(stage.folder().join("notes.txt"), "these are my notes and no store, however long they may become")
        .unwrap();
    chmod(&stage.folder().join("notes.txt"), 0o600);
    stage.edit(&config, "sqlite:tenure.db", "sqlite:notes.txt").unwrap();
    let broken = problems(&stage.run(&["doctor"]));
    assert!(broken.len() == 1 && broken[0].contains("store"), "{broken:?}");
    stage.edit(&config, "sqlite:notes.txt", "sqlite:tenure.db").unwrap();
    let drop = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('DROP TABLE lease'); c.commit()";
    let dropped =
        std::process::Command::new("python3").args(["-c", drop]).arg(stage.folder().join("tenure.db")).status();
    assert!(dropped.expect("python3 is there").success());
    let broken = problems(&stage.run(&["doctor"]));
    assert!(broken.iter().any(|one| one.contains("lease is missing") && one.contains("tenure restore")), "{broken:?}");
    fs::write(&config, "[stor]\n").unwrap();
    let broken = problems(&stage.run(&["doctor"]));
    assert!(broken.len() == 1 && broken[0].contains("store"), "{broken:?}");
}

#[test]
fn metrics_are_text_that_prometheus_reads_and_name_nobody() {
    let stage = open();
    expect(&stage.run(&["pull"]), 0);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
    approved_plan(&stage);
    expect(&stage.run(&["stop", "gladly", "--as", "mia@acme.example"]), 0);
    let told = stage.plainly(&["metrics"]);
    expect(&told, 0);
    let label = r#"[a-z_]+="(?:[^"\\\n]|\\.)*""#;
    let sample = Regex::new(&format!(r"^tenure_[a-z_]+(?:\{{{label}(?:,{label})*\}})? -?[0-9.e+-]+$")).unwrap();
    let comment = Regex::new(r"^# (?:HELP tenure_[a-z_]+ .+|TYPE tenure_[a-z_]+ (?:gauge|counter))$").unwrap();
    let strange: Vec<&str> =
        told.out.lines().filter(|line| !sample.is_match(line) && !comment.is_match(line)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    let page = fs::read_to_string(tenure_tests::root().join("docs/operations.md")).unwrap();
    let typed = Regex::new("# TYPE (tenure_[a-z_]+)").unwrap();
    for name in typed.captures_iter(&told.out).map(|found| found[1].to_owned()) {
        assert!(page.contains(&name), "docs/operations.md does not name {name}");
    }
    for wanted in [
        "tenure_pull_complete_age_seconds{connection=\"hr\"}",
        "tenure_pull_complete{connection=\"gladly\"} 1",
        "tenure_steps_in_doubt 0",
        "tenure_steps_held",
        "tenure_stopped{connection=\"gladly\"} 1",
        "tenure_findings{kind=",
        "tenure_journal_entries",
        "tenure_seats_free{",
    ] {
        assert!(told.out.contains(wanted), "lacks {wanted}: {}", told.out);
    }
    assert!(!told.out.contains('@') && !told.out.contains("Doe"), "a metric names nobody");
}

#[test]
fn the_requests_of_a_pull_are_logged_and_name_nobody() {
    let stage = open();
    let pulled = stage.run(&["--log", "json", "-vv", "--quiet", "pull", "--full"]);
    expect(&pulled, 0);
    let lines: Vec<Value> = pulled.err.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let requests: Vec<&Value> = lines.iter().filter(|line| line["message"] == "request").collect();
    assert!(requests.len() > 3 && requests.iter().all(|line| line["status"].is_u64()), "{requests:?}");
    let bare = |line: &&Value| !line["path"].as_str().unwrap().contains(['?', '@']) && line["method"] == "GET";
    assert!(requests.iter().all(bare), "{requests:?}");
    let of = |line: &&Value| line["spans"][0]["connection"].is_string();
    assert!(requests.iter().all(of), "each says of which connection: {requests:?}");
    let quiet = stage.run(&["--log", "json", "-v", "--quiet", "pull", "--full"]);
    assert!(!quiet.err.contains("\"request\""), "{quiet}");
}

#[test]
fn check_tells_a_certificate_and_a_key_that_the_server_could_not_use() {
    let stage = open();
    let config = stage.files().config.clone();
    let text = fs::read_to_string(&config).unwrap();
    let folder = config.parent().unwrap();
    let with = |more: &str| fs::write(&config, format!("{text}\n{more}")).unwrap();
    let server = "[server.tls]\ncertificate = \"c.pem\"\nkey = \"c.key\"\n[server.ssf]\nkey = { file = \"s.pem\" }\n";
    with(server);
    let says = |what: &str| {
        let checked = stage.run(&["check", "--offline"]);
        expect(&checked, 2);
        let lines = checked.json().unwrap()["checks"].clone();
        let line = lines.as_array().unwrap().iter().find(|line| line["what"] == what).cloned().expect(what);
        assert_eq!(line["verdict"], "problem", "{line}");
        line["says"].as_str().unwrap().to_owned()
    };
    assert!(says("certificate").contains("c.pem") && says("certificate").contains("cannot start"));
    assert!(says("signals").contains("s.pem") && says("signals").contains("no receiver is told"));
    for file in ["c.pem", "c.key", "s.pem"] {
        fs::write(folder.join(file), "nothing of the kind").unwrap();
    }
    assert!(says("certificate").contains("c.pem") && says("signals").contains("[server.ssf]"));
    let started = stage.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_ne!(started.code, 0, "{started}");
}

#[test]
fn a_step_can_be_followed_through_log_lines_of_json() {
    let stage = open();
    expect(&stage.run(&["pull"]), 0);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
    let id = approved_plan(&stage);
    let applied = stage.run(&["--log", "json", "-vv", "--quiet", "apply", &id]);
    expect(&applied, 0);
    let lines: Vec<Value> = applied
        .err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let said = |line: &Value| line["message"].as_str().unwrap_or_default().to_owned();
    let ended = lines.iter().find(|line| said(line) == "step ended").expect("each step's end is said");
    let step = ended["step"].as_str().unwrap();
    let within = |line: &&Value| {
        said(line) == "request"
            && line["spans"].as_array().is_some_and(|spans| spans.iter().any(|span| span["step"] == step))
    };
    let request = lines.iter().find(within).expect("its requests are said within it");
    assert!(request["path"].is_string() && request["status"].is_u64() && request["method"].is_string(), "{request}");
    let told = stage.run(&["trace", step]).json().unwrap();
    assert_eq!(told["attempts"][0]["run"], ended["run"], "what the lines say, the story says");
    assert_eq!(stage.aftermath(), Vec::<String>::new());
}
