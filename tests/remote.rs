//! The command line far from the store: `--server` and a token. Each command prints what it prints beside the store, to the
//! letter, and ends with the same code; a whole day is gone through by it.

use crate::day::{expect, open};
use crate::stage::{Daemon, Ended, Stage};
use serde_json::Value;
use tenure_sandbox::Dialect;

const SEED: u64 = 1;

/// Makes a token in this person's name.
fn token(stage: &Stage, who: &str, scopes: &[&str]) -> String {
    let mut words = vec!["token", "create", "--as", who, "--scope"];
    words.extend(scopes);
    let made = stage.plainly(&words);
    expect(&made, 0);
    made.out.trim().to_owned()
}

/// The program, as somebody uses it far from the store.
struct Afar<'a> {
    stage: &'a Stage,
    server: String,
    token: String,
}

/// A company that was read once, and a daemon that leaves it alone.
fn served() -> (Stage, Daemon) {
    let stage = open(SEED, Dialect::Guide);
    stage.edit(&stage.files().config.clone(), "[connections.hr]", "[connections.hr]\nevery = \"never\"").unwrap();
    expect(&stage.run(&["pull"]), 0);
    let daemon = Daemon::start(&stage);
    (stage, daemon)
}

impl<'a> Afar<'a> {
    fn with(stage: &'a Stage, daemon: &Daemon, scopes: &[&str]) -> Self {
        let token = token(stage, "olga@acme.example", scopes);
        Self { stage, server: format!("http://{}", daemon.listens), token }
    }

    fn run(&self, words: &[&str]) -> Ended {
        self.stage.run_afar(&self.server, &self.token, words)
    }

    fn json(&self, words: &[&str], code: i32) -> Value {
        let words: Vec<&str> = std::iter::once("--json").chain(words.iter().copied()).collect();
        let ended = self.run(&words);
        expect(&ended, code);
        ended.json().unwrap_or_else(|error| panic!("{error}: {ended}"))
    }
}

#[test]
fn what_is_read_from_afar_is_what_is_read_beside_the_store() {
    let (stage, daemon) = served();
    let afar = Afar::with(&stage, &daemon, &["api:read"]);
    let accounts = stage.run(&["accounts", "--connection", "gorgias"]).json().unwrap();
    let account = format!("gorgias/{}", accounts["accounts"][0]["id"].as_str().unwrap());
    let step = stage.run(&["plan"]).json().ok().and_then(|plan| plan["steps"][0]["id"].as_str().map(str::to_owned));
    let step = step.unwrap_or_else(|| "s-none".into());
    let questions: &[&[&str]] = &[
        &["identities"],
        &["identities", "--where", "identity.state == \"active\"", "--format", "csv"],
        &["accounts"],
        &["accounts", "--connection", "gorgias"],
        &["accounts", "--as-of", "2020-01-01"],
        &["grants", "--where", "grant.privileged"],
        &["who", "jane.doe@acme.example"],
        &["why", &account],
        &["why", &step],
        &["trace", &step],
        &["findings"],
        &["findings", "--kind", "leaver_active", "--fail-on", "low"],
        &["who", "nobody@acme.example"],
        &["accounts", "--where", "account."],
        &["findings", "--kind", "leaver"],
        &["why", "nothing"],
        &["apps"],
        &["app", "show", "nothing"],
    ];
    for words in questions {
        for json in [false, true] {
            let words: Vec<&str> = json.then_some("--json").into_iter().chain(words.iter().copied()).collect();
            let (here, there) = (stage.plainly(&words), afar.run(&words));
            assert_eq!((here.code, &here.out, &here.err), (there.code, &there.out, &there.err), "{words:?}");
        }
    }
    let refused = afar.run(&["pull"]);
    expect(&refused, 1);
    assert!(refused.err.contains("api:write") && !refused.err.contains("tnr_"), "{refused}");
    expect(&stage.run_afar(&afar.server, "tnr_no", &["findings"]), 1);
    expect(&stage.run_afar("http://127.0.0.1:9", &afar.token, &["findings"]), 5);
    expect(&stage.run_afar("nowhere", &afar.token, &["findings"]), 1);
    let in_clear = stage.run_afar("http://tenure.acme.example", &afar.token, &["findings"]);
    expect(&in_clear, 1);
    assert!(in_clear.err.contains("write https://") && !in_clear.err.contains("allow_http"), "{in_clear}");
    what_is_local_says_why(&afar);
    daemon.end();
}

fn what_is_local_says_why(afar: &Afar<'_>) {
    let local: &[&[&str]] = &[
        &["backup", "--to", "x"],
        &["check"],
        &["audit", "anchor"],
        &["audit", "verify", "--anchors", "x"],
        &["token", "rotate", "x"],
        &["app", "lint", "gorgias"],
        &["console", "sessions"],
    ];
    for words in local {
        let refused = afar.run(words);
        expect(&refused, 1);
        assert!(refused.out.is_empty() && !refused.err.contains("does not walk"), "{words:?}: {refused}");
        assert!(["beside the store", "without --server", "an export"].iter().any(|why| refused.err.contains(why)));
    }
}

#[test]
fn the_journal_the_tokens_and_the_installation_are_looked_at_from_afar() {
    let (stage, daemon) = served();
    let afar = Afar::with(&stage, &daemon, &["admin"]);
    let checked = afar.json(&["audit", "verify"], 0);
    assert!(checked["broken"].is_null() && checked["entries"].as_u64() > Some(0), "{checked}");
    let export = afar.run(&["audit", "export"]);
    expect(&export, 0);
    let file = stage.folder().join("afar.jsonl");
    std::fs::write(&file, &export.out).unwrap();
    // What was told from afar holds as an export that is checked without any store.
    let whole = afar.json(&["audit", "verify", "--file", file.to_str().unwrap()], 0);
    assert!(whole["broken"].is_null() && whole["entries"].as_u64() >= checked["entries"].as_u64(), "{whole}");
    let shown = afar.json(&["app", "show", "gorgias"], 0);
    assert_eq!(shown, stage.run(&["app", "show", "gorgias"]).json().unwrap());
    let looked = afar.run(&["doctor"]);
    assert!(looked.out.contains("there") && [0, 2].contains(&looked.code), "{looked}");

    let made = afar.json(&["token", "create", "--scope", "api:read", "--name", "far", "--expires", "1d"], 0);
    assert_eq!(made["owner"], "olga@acme.example", "{made}");
    let reads = Afar { token: made["token"].as_str().unwrap().to_owned(), server: afar.server.clone(), ..afar };
    expect(&reads.run(&["findings"]), 0);
    expect(&reads.run(&["token", "list"]), 1);
    let listed = afar.json(&["token", "list"], 0);
    assert!(listed["tokens"].as_array().unwrap().iter().any(|one| one["id"] == made["id"]), "{listed}");
    let ended = afar.json(&["token", "revoke", "far"], 0);
    assert_eq!(ended["revoked"]["id"], made["id"], "{ended}");
    expect(&reads.run(&["findings"]), 1);
    daemon.end();
}

#[test]
fn a_day_is_gone_through_from_afar() {
    let stage = open(SEED, Dialect::Guide);
    let daemon = Daemon::start(&stage);
    let server = format!("http://{}", daemon.listens);
    let afar =
        |who: &str, scopes: &[&str]| Afar { stage: &stage, server: server.clone(), token: token(&stage, who, scopes) };
    let (olga, mia) = (afar("olga@acme.example", &["api:write"]), afar("mia@acme.example", &["approve"]));
    olga.json(&["stop", "--all", "--note", "first a look"], 0);
    olga.json(&["pull"], 0); // yesterday's company, by whose addresses people are known as well
    stage.next_morning();
    let pulls = olga.json(&["pull"], 0);
    assert!(pulls["pulls"].as_array().unwrap().iter().all(|pull| pull["coverage"] == "complete"), "{pulls}");
    let plan = olga.json(&["plan"], 2);
    let id = plan["id"].as_str().unwrap();
    assert_eq!(plan["stopped"][0]["by"], "olga@acme.example", "{plan}");
    expect(&olga.run(&["approve", id]), 1);
    let judged = mia.json(&["approve", id, "--note", "agreed"], 0);
    assert!(!judged["steps"].as_array().unwrap().is_empty(), "{judged}");
    expect(&olga.run(&["apply", id, "--yes"]), 3);
    olga.json(&["resume", "--all"], 0);
    let applied = olga.run(&["apply", id, "--yes"]);
    assert!(matches!(applied.code, 0 | 4), "{applied}");
    let left = olga.json(&["leave", "jane.doe@acme.example", "--note", "by phone"], 2);
    assert!(left["steps"].as_array().unwrap().iter().any(|step| step["effect"] == "suspend"), "{left}");
    expect(&olga.run(&["move", "jane.doe@acme.example"]), 1);
    let accounts = olga.json(&["accounts", "--connection", "gorgias"], 0);
    let account = format!("gorgias/{}", accounts["accounts"][0]["id"].as_str().unwrap());
    expect(&olga.run(&["exempt", &account, "--note", "kept"]), 0);
    let metrics = olga.run(&["metrics"]);
    expect(&metrics, 0);
    assert!(metrics.out.contains("tenure_build"), "{metrics}");
    daemon.end();
    expect(&stage.run(&["audit", "verify"]), 0);
}
