//! Daemons: `tenure serve` as a process or two, on PostgreSQL and on SQLite, against the sandbox. One is killed with
//! `kill -9` in the middle of a plan, one is told to end; approvals wake it, and a person applies beside it.
//! What is there afterwards is compared with a calm day, record by record: nothing twice, nothing lost.

use crate::day::{approved_plan, calm_day, expect, open, settle};
use crate::stage::{Daemon, LOOKED_EVERY, Stage, keep_in, on_postgres, until_nothing_is_left, until_written, writes};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tenure_sandbox::{Dialect, Fault, Vendor};
use tenure_store::test_support::FrailPostgres;

const SEED: u64 = 1;
/// A lost process is followed by another within this time: its leases end, or its death is seen.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(20);
/// Whoever is told to end with its store gone has ended by then.
const ENDED_WITHIN: Duration = Duration::from_secs(5);
/// What is woken is begun within this time, on a machine that does other things as well.
const WOKEN_WITHIN: Duration = Duration::from_secs(15);

/// Reads yesterday's company and today's.
fn read_two_days(stage: &Stage) {
    expect(&stage.run(&["pull"]), 0);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
}

/// Lets every write take a moment, so that what happens in the middle of a plan does so on any machine.
fn slow_writes() -> Vec<Fault> {
    ["POST", "PUT", "PATCH"].map(|method| format!("slow:method={method},ms=150").parse().unwrap()).into()
}

/// Lists who began runs, as the journal tells it.
fn actors(stage: &Stage) -> Vec<String> {
    let exported = stage.plainly(&["audit", "export"]);
    let entries = exported.out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries.filter(|entry| entry["event"] == "run_started").map(|entry| entry["actor"].to_string()).collect()
}

#[test]
fn a_daemon_that_is_killed_in_the_middle_of_a_plan_is_followed_by_the_other() {
    let day = calm_day(SEED, Dialect::Guide);
    let mut told = String::new();
    for kill_the_first in [true, false] {
        let stage = open(SEED, Dialect::Guide);
        if !on_postgres(&stage) {
            return;
        }
        read_two_days(&stage);
        approved_plan(&stage);
        stage.play(slow_writes());
        let before = writes(&stage);
        let [first, second] = [Daemon::start(&stage), Daemon::start(&stage)];
        until_written(&stage, before + 12);
        let (killed, other) = if kill_the_first { (first, second) } else { (second, first) };
        killed.kill();
        stage.play(Vec::new());
        let took = until_nothing_is_left(&stage, FOLLOWED_WITHIN);
        writeln!(told, "everything was done {:.1} s after the kill", took.as_secs_f64()).unwrap();
        other.end();
        settle(&stage, &day);
        expect(&stage.run(&["audit", "verify"]), 0);
    }
    print!("{told}");
}

#[test]
fn a_daemon_whose_postgresql_is_gone_ends_soon_when_it_is_told_to() {
    let stage = open(SEED, Dialect::Guide);
    let Some(mut postgres) = FrailPostgres::start() else { return };
    keep_in(&stage, postgres.url());
    expect(&stage.run(&["pull", "hr"]), 0);
    let reads = bearer(&stage, "api:read");
    let daemon = Daemon::start(&stage);
    // It works once it asks the first app.
    let began = Instant::now();
    while stage.sandbox().statistics().of(Vendor::Gorgias).requests == 0 {
        assert!(began.elapsed() < WOKEN_WITHIN, "it reads nothing");
        std::thread::sleep(LOOKED_EVERY);
    }
    postgres.stop();
    // By now it waits for the store, as whoever asks it does.
    std::thread::sleep(Duration::from_secs(3));
    let asked = Instant::now();
    let (status, because) = daemon.ask_with("/readyz", &reads);
    assert!(status == 503 && asked.elapsed() < Duration::from_secs(10), "{status} {because} {:?}", asked.elapsed());
    let listens = daemon.listens.clone();
    let asking = std::thread::spawn(move || ask_once(&listens, "/api/v1/connections", &reads));
    std::thread::sleep(LOOKED_EVERY);
    let took = daemon.end();
    assert!(took < ENDED_WITHIN, "it took {took:?}");
    asking.join().unwrap();
}

/// Asks for something, and does not mind whether there is an answer.
fn ask_once(listens: &str, path: &str, header: &str) {
    let Ok(mut stream) = TcpStream::connect(listens) else { return };
    let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: {listens}\r\n{header}Connection: close\r\n\r\n");
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Returns the path of an account of Gorgias that the plan changes.
fn changed_in_gorgias(stage: &Stage) -> String {
    let plan = stage.run(&["plan"]).json().unwrap();
    let mut steps = plan["steps"].as_array().unwrap().iter().filter(|step| step["connection"] == "gorgias");
    format!("/users/{}", steps.find_map(|step| step["account"].as_str()).expect("an account that is changed"))
}

/// Counts the runs that ended and in which a step got no clear answer.
fn ended_unclear(stage: &Stage) -> usize {
    let exported = stage.plainly(&["audit", "export"]).out;
    let entries: Vec<Value> = exported.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let unclear =
        entries.iter().filter(|entry| matches!(entry["body"]["outcome"].as_str(), Some("skipped" | "unknown")));
    let runs: BTreeSet<&str> = unclear.filter_map(|entry| entry["run"].as_str()).collect();
    let ended = |run: &&str| entries.iter().any(|entry| entry["event"] == "run_ended" && entry["run"] == **run);
    runs.into_iter().filter(ended).count()
}

#[test]
fn a_step_that_got_no_clear_answer_is_tried_again_soon() {
    let day = calm_day(SEED, Dialect::Guide);
    let stage = open(SEED, Dialect::Guide);
    read_two_days(&stage);
    approved_plan(&stage);
    stage.play(vec![format!("cut-before:app=gorgias,path={}", changed_in_gorgias(&stage)).parse().unwrap()]);
    let daemon = Daemon::start(&stage);
    let began = Instant::now();
    // The second of them is of a plan that has nothing else left, so that nothing new wakes it.
    while ended_unclear(&stage) < 2 {
        assert!(began.elapsed() < FOLLOWED_WITHIN * 9, "the runs did not end: {}", stage.plainly(&["audit", "export"]));
        std::thread::sleep(LOOKED_EVERY);
    }
    println!("they ended after {:.1} s", began.elapsed().as_secs_f64());
    stage.play(Vec::new());
    let took = until_nothing_is_left(&stage, FOLLOWED_WITHIN * 2);
    println!("everything was done {:.1} s after the app answered again", took.as_secs_f64());
    daemon.end();
    settle(&stage, &day);
}

/// Makes a token of this scope, and returns the header that shows it.
fn bearer(stage: &Stage, scope: &str) -> String {
    let made = stage.plainly(&["token", "create", "--scope", scope, "--name", scope]);
    expect(&made, 0);
    format!("Authorization: Bearer {}\r\n", made.out.trim())
}

#[test]
fn an_approval_wakes_the_daemon_and_a_signal_ends_it() {
    let day = calm_day(SEED, Dialect::Guide);
    let stage = open(SEED, Dialect::Guide);
    let daemon = Daemon::start(&stage);
    assert_eq!(daemon.ask("/healthz"), (200, "ok\n".into()));
    assert_eq!(daemon.ask("/readyz").0, 401);
    let reads = bearer(&stage, "api:read");
    assert_eq!(daemon.ask_with("/readyz", &reads), (200, r#"{"ready":true}"#.into()));
    assert_eq!(daemon.ask("/nothing").0, 404);
    until_written(&stage, 1);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
    let began = Instant::now();
    let (waiting, done) = loop {
        let plan = stage.run(&["plan"]).json().unwrap();
        let steps: Vec<Value> = plan["steps"].as_array().cloned().unwrap_or_default();
        let ours = steps.iter().filter(|step| step["effect"] != "manual");
        let waits = |step: &&Value| step["approval"]["state"] == "waiting";
        let (waiting, others): (Vec<&Value>, Vec<&Value>) = ours.partition(waits);
        if others.is_empty() && !waiting.is_empty() {
            break (plan["id"].as_str().unwrap().to_owned(), began.elapsed());
        }
        assert!(began.elapsed() < WOKEN_WITHIN, "{others:?}");
        std::thread::sleep(LOOKED_EVERY);
    };
    println!("what needs nobody's yes was done {:.1} s after the pull", done.as_secs_f64());
    expect(&stage.run(&["approve", &waiting, "--as", "mia@acme.example"]), 0);
    let took = until_nothing_is_left(&stage, WOKEN_WITHIN);
    println!("what was agreed to was done {:.1} s after the yes", took.as_secs_f64());
    assert!(daemon.end() < WOKEN_WITHIN);
    settle(&stage, &day);
}

#[test]
fn metrics_are_told_to_whoever_bears_a_token_for_reading() {
    let stage = open(SEED, Dialect::Guide);
    expect(&stage.run(&["pull"]), 0);
    let (reads, hooks) = (bearer(&stage, "api:read"), bearer(&stage, "hooks"));
    let daemon = Daemon::start(&stage);
    let forged = reads.replace("tnr_", "tnr_0");
    for (header, status) in [("", 401), ("Authorization: Basic eDp5\r\n", 401), (&forged, 401), (&hooks, 403)] {
        let (told, body) = daemon.ask_with("/metrics", header);
        assert_eq!(told, status, "{body}");
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert!(problem["status"] == status && problem["title"].is_string(), "{body}");
        assert!(!body.contains("tnr_") && !body.contains("tenure_"), "{body}");
    }
    let (status, body) = daemon.ask_with("/metrics", &reads);
    assert_eq!(status, 200, "{body}");
    for wanted in ["tenure_pull_complete{connection=\"hr\"} 1", "tenure_findings{", "tenure_jobs{kind="] {
        assert!(body.contains(wanted), "lacks {wanted}: {body}");
    }
    expect(&stage.run(&["token", "revoke", "api:read"]), 0);
    assert_eq!(daemon.ask_with("/metrics", &reads).0, 401, "a token that was revoked is none at once");
    daemon.end();
}

#[test]
fn a_daemon_told_to_end_finishes_its_steps_and_the_next_does_the_rest() {
    let day = calm_day(SEED, Dialect::Guide);
    let stage = open(SEED, Dialect::Guide);
    read_two_days(&stage);
    approved_plan(&stage);
    stage.play(slow_writes());
    let before = writes(&stage);
    let daemon = Daemon::start(&stage);
    until_written(&stage, before + 8);
    let took = daemon.end();
    stage.play(Vec::new());
    println!("it ended {:.1} s after the signal", took.as_secs_f64());
    let entries = stage.plainly(&["audit", "export"]).out;
    let told = |event: &str| entries.lines().filter(|line| line.contains(&format!("\"event\":\"{event}\""))).count();
    assert_eq!(told("step_started"), told("step_ended"), "no step is left open");
    assert_eq!(told("run_started"), told("run_ended"));
    let daemon = Daemon::start(&stage);
    until_nothing_is_left(&stage, WOKEN_WITHIN);
    daemon.end();
    settle(&stage, &day);
}

#[test]
fn a_person_may_apply_beside_the_daemons() {
    let day = calm_day(SEED, Dialect::Guide);
    let stage = open(SEED, Dialect::Guide);
    if !on_postgres(&stage) {
        return;
    }
    read_two_days(&stage);
    let daemons = [Daemon::start(&stage), Daemon::start(&stage)];
    let id = approved_plan(&stage);
    let applied = stage.run(&["apply", &id]);
    assert!(matches!(applied.code, 0 | 4), "{applied}");
    until_nothing_is_left(&stage, WOKEN_WITHIN);
    println!("runs were begun by {:?}", actors(&stage));
    for daemon in daemons {
        daemon.end();
    }
    settle(&stage, &day);
    expect(&stage.run(&["audit", "verify"]), 0);
}

/// Asks a daemon for something of a connection until it is as wanted.
fn until_told(daemon: &Daemon, reads: &str, field: &str, wanted: &Value) {
    let began = Instant::now();
    loop {
        let (_, body) = daemon.ask_with("/api/v1/connections/gorgias", reads);
        let told: Value = serde_json::from_str(&body).unwrap_or_default();
        if told[field] == *wanted {
            return;
        }
        assert!(began.elapsed() < WOKEN_WITHIN, "{field} is not {wanted}: {body}");
        std::thread::sleep(LOOKED_EVERY);
    }
}

#[test]
fn a_daemon_reads_its_files_anew_without_losing_work() {
    let day = calm_day(SEED, Dialect::Guide);
    let stage = open(SEED, Dialect::Guide);
    read_two_days(&stage);
    approved_plan(&stage);
    let reads = bearer(&stage, "api:read");
    stage.play(slow_writes());
    let before = writes(&stage);
    let mut daemon = Daemon::start(&stage);
    until_told(&daemon, &reads, "every_seconds", &900.into());
    until_written(&stage, before + 6);
    let config = stage.files().config.clone();
    stage.edit(&config, "[connections.gorgias]", "[connections.gorgias]\nschedule = \"0 */2 * * *\"").unwrap();
    daemon.signal("HUP");
    until_told(&daemon, &reads, "every_seconds", &7200.into());
    stage.edit(&config, "0 */2 * * *", "whenever").unwrap();
    daemon.signal("HUP");
    std::thread::sleep(Duration::from_millis(500));
    until_told(&daemon, &reads, "every_seconds", &7200.into());
    stage.edit(&config, "whenever", "0 */4 * * *").unwrap();
    daemon.signal("HUP");
    until_told(&daemon, &reads, "every_seconds", &14400.into());
    stage.play(Vec::new());
    until_nothing_is_left(&stage, WOKEN_WITHIN);
    daemon.end();
    let entries = stage.plainly(&["audit", "export"]).out;
    let told = |event: &str| entries.lines().filter(|line| line.contains(&format!("\"event\":\"{event}\""))).count();
    assert_eq!(told("step_started"), told("step_ended"), "no step is left open");
    settle(&stage, &day);
}
