//! One budget per tenant: several processes at one vendor's tenant together keep to what it permits, also when one is
//! killed, and somebody's last day does not wait for a pull.
//! The processes are the real program, the tenant is the sandbox with its published limit. How the budget is kept is
//! not known here.

use crate::stage::{Running, Stage, WAIT_MAX};
use std::fs;
use std::time::{Duration, Instant};
use tenure_sandbox::{GorgiasPlan, Limits, Options, Plans, Vendor};

/// What Gorgias permits on its smallest plan.
const PER_SECOND: f64 = 2.0;
const PROCESSES: usize = 4;

/// Opens a stage with several connections to one and the same tenant.
fn open(people: usize) -> Stage {
    let plans = Plans { gorgias: GorgiasPlan::Starter, ..Plans::default() };
    let stage = Stage::open(Options { people, limits: Limits::Published(plans), ..Options::default() });
    let config = &stage.files().config;
    let text = fs::read_to_string(config).expect("the configuration");
    let start = text.find("[connections.gorgias]").expect("a connection");
    let length = text[start..].find("\n\n").unwrap_or(text.len() - start);
    let block = &text[start..start + length];
    let more = (1..PROCESSES).map(|number| format!("\n\n{}", block.replace("connections.gorgias", &name(number))));
    fs::write(config, format!("{text}{}\n", more.collect::<String>())).expect("the configuration is ours");
    stage
}

fn name(number: usize) -> String {
    if number == 0 { "connections.gorgias".into() } else { format!("connections.gorgias{number}") }
}

fn begin(stage: &Stage, number: usize) -> Running {
    stage.begin(&["pull", name(number).trim_start_matches("connections."), "--full"])
}

#[test]
fn four_processes_at_one_tenant_use_what_it_permits_and_are_never_refused() {
    let stage = open(2_500);
    let began = Instant::now();
    let running: Vec<Running> = (0..PROCESSES).map(|number| begin(&stage, number)).collect();
    for running in running {
        let ended = running.wait(WAIT_MAX);
        assert_eq!(ended.code, 0, "{ended}");
    }
    let took = began.elapsed().as_secs_f64();
    let counts = stage.sandbox().statistics().of(Vendor::Gorgias);
    let least = (counts.requests as f64 - PER_SECOND) / PER_SECOND;
    assert_eq!(counts.throttled, 0, "{counts:?}");
    assert!(counts.requests >= 40, "too few to say anything: {counts:?}");
    // What a process takes to begin and to write what it read is no part of the rate.
    assert!(took <= least * 1.03 + 3.0, "{} requests took {took:.1} s, {least:.1} s were needed", counts.requests);
}

#[test]
fn a_process_that_is_killed_leaves_no_burst_and_no_gap_behind() {
    let stage = open(1_200);
    let mut running: Vec<Running> = (0..PROCESSES).map(|number| begin(&stage, number)).collect();
    std::thread::sleep(Duration::from_millis(1_500));
    running[0].kill();
    running.push(begin(&stage, 0));
    for (number, running) in running.into_iter().enumerate() {
        let ended = running.wait(WAIT_MAX);
        assert!(number == 0 || ended.code == 0, "{ended}");
    }
    assert_eq!(stage.sandbox().statistics().of(Vendor::Gorgias).throttled, 0);
}

#[test]
fn somebody_who_leaves_does_not_wait_for_the_pulls_of_others() {
    let stage = open(2_500);
    for (words, code) in
        [(&["pull", "hr", "gorgias"][..], 0), (&["leave", "bruno.costa@acme.example", "--as", "olga"], 2)]
    {
        let ended = stage.run(words);
        assert_eq!(ended.code, code, "{ended}");
    }
    let planned = stage.run(&["plan", "--only", "gorgias", "--identity", "bruno.costa@acme.example"]);
    let plan = planned.json().expect("a plan");
    assert_eq!(plan["steps"][0]["effect"], "suspend", "{planned}");
    let mut pulls: Vec<Running> = (1..PROCESSES).map(|number| begin(&stage, number)).collect();
    std::thread::sleep(Duration::from_millis(1_500));
    let applied = stage.run(&["apply", plan["id"].as_str().expect("an id")]);
    assert_eq!(applied.code, 0, "{applied}");
    assert!(pulls.iter_mut().all(|pull| pull.ends_within(Duration::ZERO).is_none()), "the pulls were over before");
    // A look, a write and looks back: each the next that becomes free, while the pulls would take every one.
    assert!(applied.took < Duration::from_secs(8), "{:?}", applied.took);
    for pull in pulls {
        assert_eq!(pull.wait(WAIT_MAX).code, 0);
    }
    assert_eq!(stage.sandbox().statistics().of(Vendor::Gorgias).throttled, 0);
}
