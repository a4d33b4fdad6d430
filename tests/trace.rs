//! The story of a step as `tenure trace` tells it, held against what the HR file, the policy and the sandbox say: each
//! link of the chain is there, in the text as in the JSON, also after the answer to a write was lost.
//! It looks at what the program prints, not at how it is found.

use crate::day::{approved_plan, expect, until_done};
use crate::stage::{Answer, Pretender, Stage};
use serde_json::Value;
use std::fs;
use tenure_sandbox::{Limits, Options};

fn lived() -> (Stage, Value) {
    let stage = Stage::open(Options { people: 30, seed: 1, limits: Limits::Off, ..Options::default() });
    expect(&stage.run(&["pull"]), 0);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
    let id = approved_plan(&stage);
    let plan = stage.run(&["plan"]).json().unwrap();
    assert_eq!(plan["id"], id.as_str());
    (stage, plan)
}

/// Returns the first step of a plan with this effect and reason.
fn step<'p>(plan: &'p Value, effect: &str, reason: &str) -> &'p Value {
    let steps = plan["steps"].as_array().unwrap();
    let fits = |step: &&Value| step["effect"] == effect && step["reason"]["kind"] == reason;
    steps.iter().find(fits).unwrap_or_else(|| panic!("no {effect} of a {reason} in the plan"))
}

fn traced(stage: &Stage, step: &Value) -> Value {
    let ended = stage.run(&["trace", step["id"].as_str().unwrap()]);
    expect(&ended, 0);
    ended.json().unwrap()
}

#[test]
fn a_mover_is_traced_from_the_cell_to_the_field_that_was_read_back() {
    let (stage, plan) = lived();
    let moved = step(&plan, "grant", "mover");
    let before = traced(&stage, moved);
    assert_eq!(before["attempts"], Value::Array(vec![]), "nothing was tried yet");
    expect(&stage.run(&["apply"]), 0);
    let story = traced(&stage, moved);
    let source = &story["sources"].as_array().unwrap().iter().find(|source| !source["before"].is_null()).unwrap();
    let line = source["line"].as_u64().unwrap() as usize;
    let file = fs::read_to_string(&stage.files().people).unwrap();
    let row = file.lines().nth(line - 1).unwrap();
    assert!(row.contains(source["value"].as_str().unwrap()), "line {line} is {row}, not {source}");
    assert!(row.contains(source["record"]["id"].as_str().unwrap()), "line {line} is {row}, not {source}");
    assert_eq!(story["rule"]["name"], moved["reason"]["rule"]);
    assert!(story["rule"]["when"].as_str().unwrap().contains("identity.department"));
    assert_eq!(story["plan"]["id"], plan["id"]);
    let attempt = &story["attempts"][0];
    assert_eq!(
        (attempt["outcome"].as_str(), attempt["fields"][0]["outcome"].as_str()),
        (Some("done"), Some("applied"))
    );
    let shown: Vec<&Value> = attempt["fields"][0]["shows"].as_array().unwrap().iter().collect();
    assert!(attempt["fields"][0]["asked"].as_array().unwrap().iter().all(|asked| shown.contains(&asked)), "{attempt}");
    let requests = attempt["requests"].as_array().unwrap();
    let asked: Vec<&str> = requests.iter().map(|request| request["method"].as_str().unwrap()).collect();
    assert!(asked.first() == Some(&"GET") && asked.last() == Some(&"GET"), "looked before and after: {asked:?}");
    assert!(
        asked.iter().any(|method| *method != "GET") && requests.iter().all(|one| one["status"].is_u64()),
        "{attempt}"
    );
    assert!(!attempt["requests"].to_string().contains('@'), "a request names nobody");
    let told = stage.plainly(&["trace", moved["id"].as_str().unwrap()]);
    for word in ["source", "rule", "requests", "read back", "people.csv, line", "done at"] {
        assert!(told.out.contains(word), "does not say {word}: {}", told.out);
    }
}

#[test]
fn a_collector_is_told_of_every_step_under_the_id_that_its_story_shows() {
    let (stage, plan) = lived();
    let collector = Pretender::start(|_, _| Answer::json("{}"));
    let file = stage.files().config.clone();
    let otlp = format!("[server]\notlp = \"http://{}\"\n\n[store]", collector.addr);
    stage.edit(&file, "[store]", &otlp).unwrap();
    expect(&stage.run(&["apply"]), 0);
    assert!(collector.asked().iter().all(|asked| asked.starts_with("POST /v1/traces\n")), "{:?}", collector.asked());
    let bodies = collector.told();
    let parsed = bodies.iter().map(|body| serde_json::from_str::<Value>(body).unwrap());
    let of = |body: Value| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
    let spans: Vec<Value> = parsed.flat_map(of).collect();
    let told = |span: &Value, key: &str| {
        let all = span["attributes"].as_array().unwrap();
        let found = all.iter().find(|one| one["key"] == key);
        found.map(|one| one["value"]["stringValue"].as_str().unwrap().to_owned())
    };
    let moved = step(&plan, "grant", "mover");
    let span = spans.iter().find(|span| told(span, "tenure.step").as_deref() == moved["id"].as_str()).unwrap();
    assert_eq!((&span["name"], told(span, "tenure.outcome").as_deref()), (&"step".into(), Some("Done")));
    assert_eq!(span["traceId"], traced(&stage, moved)["attempts"][0]["trace_id"]);
    let verb = spans.iter().find(|other| other["spanId"] == span["parentSpanId"]).unwrap();
    assert_eq!((&verb["name"], &verb["traceId"]), (&"apply".into(), &span["traceId"]));
    let person = moved["person"].as_str().unwrap();
    assert!(bodies.iter().all(|body| !body.contains('@') && !body.contains(person)), "a span names somebody");
}

#[test]
fn an_answer_that_was_lost_stays_in_the_story() {
    let (stage, plan) = lived();
    stage.play(vec!["cut-after:app=gladly,method=POST,count=1".parse().unwrap()]);
    until_done(&stage, &["apply"]);
    let all: Vec<Value> = plan["steps"].as_array().unwrap().iter().map(|step| traced(&stage, step)).collect();
    let lost = all.iter().flat_map(|story| story["attempts"].as_array().unwrap()).find(|attempt| {
        attempt["requests"].as_array().is_some_and(|asked| asked.iter().any(|one| one["status"].is_null()))
    });
    let lost = lost.expect("an attempt tells of the lost answer");
    assert!(matches!(lost["outcome"].as_str(), Some("done" | "already_true")), "{lost}");
}

#[test]
fn a_step_that_nobody_knows_is_said_to_be_none() {
    let (stage, _) = lived();
    let ended = stage.run(&["trace", "s-0000000000000000"]);
    expect(&ended, 1);
    assert!(ended.says("no step has the id"), "{ended}");
}
