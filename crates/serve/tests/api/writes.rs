//! What can be asked to be done: kept and done by a worker where it takes long, done at once otherwise, each in the name of
//! whoever bears the token; once for a key; refused with the field where it cannot be understood.

use crate::client::{Answer, Client};
use crate::stage::{Stage, on_stage};
use serde_json::{Value, json};
use tenure_core::abilities::Effect;
use tenure_core::change::{Outcome, Plan, Step};
use tenure_core::name::StepId;
use tenure_core::scope::Scope;
use tenure_engine::apply::apply;
use tenure_engine::plan::make_plan;
use tenure_engine::progress::Progress;
use tenure_engine::pull::{Reach, pull};
use tenure_engine::reconcile::Scope as Part;

const JSON: &str = "Content-Type: application/json";

/// Sends a body of JSON.
async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    client.ask("POST", &format!("/api/v1{path}"), &[JSON], &body.to_string()).await
}

/// Sends a body of JSON under a key.
async fn post_once(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    let key = format!("Idempotency-Key: {key}");
    client.ask("POST", &format!("/api/v1{path}"), &[JSON, &key], &body.to_string()).await
}

/// Asks for something that takes long, and waits for what comes of it.
async fn act(client: &Client, path: &str, body: &Value) -> Value {
    let accepted = post(client, path, body).await;
    accepted.expect(202);
    let place = &accepted.headers["location"];
    let done = client.get(&format!("{place}?wait=30")).await.expect(200);
    assert_eq!(done["state"], "done", "{path}: {done}");
    done["answer"].clone()
}

async fn operator(stage: &Stage) -> Client {
    stage.work().await;
    stage.client("olga@acme.example", &[Scope::ApiWrite]).await
}

#[test]
fn a_plan_is_made_agreed_to_and_carried_out_from_afar() {
    on_stage(async |stage| {
        stage.next_morning();
        let (olga, mia) =
            (operator(&stage).await, stage.client("mia@acme.example", &[Scope::Approve, Scope::ApiRead]).await);
        let pulled = act(&olga, "/pull", &json!({ "connections": ["hr"] })).await;
        assert_eq!(pulled["pulls"][0]["coverage"], "complete", "{pulled}");
        let plan = act(&olga, "/plan", &json!({})).await;
        let waits = |step: &&Value| step["approval"]["state"] == "waiting";
        let waiting: Vec<&Value> = plan["steps"].as_array().unwrap().iter().filter(waits).collect();
        assert!(!waiting.is_empty(), "{plan}");
        let things = json!({ "things": [plan["id"]], "note": "agreed with Jane" });
        post(&olga, "/approve", &things).await.expect_problem(403);
        let ann = stage.client("ann@acme.example", &[Scope::Approve]).await;
        let refused = post(&ann, "/approve", &things).await.expect_problem(403);
        assert!(refused["detail"].as_str().unwrap().contains("ann@acme.example"), "{refused}");
        let judged = post(&mia, "/approve", &things).await.expect(200);
        let approved = |step: &Value| step["approval"]["by"] == json!(["mia@acme.example"]);
        assert!(judged["steps"].as_array().unwrap().iter().all(approved), "{judged}");
        let report = act(&olga, "/apply", &json!({ "plan": plan["id"] })).await;
        assert!(report["steps"].as_array().unwrap().iter().any(|step| step["outcome"] == "done"), "{report}");
        let run = olga.get(&format!("/api/v1/runs/{}", report["run"].as_str().unwrap())).await.expect(200);
        assert_eq!(run["plan"], plan["id"], "{run}");
        assert!(!run["steps"].as_array().unwrap().is_empty(), "{run}");
        let back = act(&olga, "/revert", &json!({ "run": report["run"] })).await;
        assert_eq!(back["way_back"]["run"], report["run"], "{back}");
    });
}

#[test]
fn nobody_agrees_to_what_they_have_not_read() {
    on_stage(async |stage| {
        stage.next_morning();
        let (olga, mia) = (operator(&stage).await, stage.client("mia@acme.example", &[Scope::Approve]).await);
        act(&olga, "/pull", &json!({})).await;
        let plan = act(&olga, "/plan", &json!({})).await;
        let things = json!({ "things": [plan["id"]] }).to_string();
        let with = async |digest: &str| {
            mia.ask("POST", "/api/v1/approve", &[JSON, &format!("If-Match: {digest}")], &things).await
        };
        with("\"other\"").await.expect_problem(412);
        with("other").await.expect_problem(422);
        with(&format!("\"{}\"", plan["digest"].as_str().unwrap())).await.expect(200);
    });
}

#[test]
fn somebody_leaves_from_afar_and_it_is_written_down_who_said_so() {
    on_stage(async |stage| {
        let olga = operator(&stage).await;
        let left =
            act(&olga, "/leave", &json!({ "key": "jane.doe@acme.example", "apply": true, "note": "by phone" })).await;
        assert!(left["applied"]["run"].is_string(), "{left}");
        let steps = left["plan"]["steps"].as_array().unwrap();
        assert!(steps.iter().any(|step| step["effect"] == "suspend"), "{left}");
        let person = olga.get("/api/v1/who/jane.doe@acme.example").await.expect(200);
        assert_eq!(person["identity"]["state"], "left");
        let entries = olga.get("/api/v1/journal?limit=1000").await.expect(200);
        let said = |entry: &Value| {
            entry["event"] == "decided" && entry["actor"] == "olga@acme.example" && entry["body"]["note"] == "by phone"
        };
        assert!(entries["entries"].as_array().unwrap().iter().any(said), "{entries}");
        let moved = post(&olga, "/move", &json!({ "key": "jane.doe@acme.example" })).await;
        let failed = olga.get(&format!("{}?wait=30", moved.headers["location"])).await.expect(200);
        assert_eq!((&failed["state"], &failed["fault"]["field"]), (&json!("failed"), &json!("set")), "{failed}");
    });
}

#[test]
fn what_is_asked_for_under_a_key_is_done_once() {
    on_stage(async |stage| {
        let olga = operator(&stage).await;
        let stop = json!({ "connections": ["gorgias"], "note": "wrong roles" });
        let first = post_once(&olga, "/stop", "k-1", &stop).await.expect(200);
        assert_eq!(first, post_once(&olga, "/stop", "k-1", &stop).await.expect(200));
        let count = async || {
            let entries = olga.get("/api/v1/journal?limit=1000").await.expect(200);
            entries["entries"].as_array().unwrap().iter().filter(|entry| entry["event"] == "stopped").count()
        };
        assert_eq!(count().await, 1);
        let other = post_once(&olga, "/stop", "k-1", &json!({ "all": true })).await.expect_problem(422);
        assert_eq!(other["field"], "Idempotency-Key");
        post_once(&olga, "/resume", "k-1", &stop).await.expect_problem(422);
        let ann = stage.client("ann@acme.example", &[Scope::ApiWrite]).await;
        post_once(&ann, "/stop", "k-1", &json!({ "all": true })).await.expect(200);
        post_once(&olga, "/stop", "k-2", &json!({ "connections": ["nothing"] })).await.expect_problem(422);
        post_once(&olga, "/stop", "k-2", &stop).await.expect(200);
        let plans =
            [post_once(&olga, "/plan", "k-3", &json!({})).await, post_once(&olga, "/plan", "k-3", &json!({})).await];
        assert_eq!(plans[0].headers["location"], plans[1].headers["location"]);
        post_once(&olga, "/plan", "k-3", &json!({ "only": ["gorgias"] })).await.expect_problem(422);
    });
}

#[test]
fn a_token_made_from_afar_permits_no_more_than_its_maker_may() {
    on_stage(async |stage| {
        let admin = stage.client("adam@acme.example", &[Scope::Admin]).await;
        let made = post_once(&admin, "/tokens", "t-1", &json!({ "name": "ci", "scopes": ["api:read"] })).await;
        let made = made.expect(201);
        assert_eq!(made["owner"], "adam@acme.example");
        let ci =
            Client { shows: format!("Authorization: Bearer {}\r\n", made["token"].as_str().unwrap()), ..admin.clone() };
        ci.get("/api/v1/stops").await.expect(200);
        let again =
            post_once(&admin, "/tokens", "t-1", &json!({ "name": "ci", "scopes": ["api:read"] })).await.expect(201);
        assert_eq!((&again["id"], again.get("token")), (&made["id"], None), "a credential is told once");
        for scope in ["approve", "scim:gorgias"] {
            post(&admin, "/tokens", &json!({ "name": "more", "scopes": [scope] })).await.expect_problem(403);
        }
        let odd = post(&admin, "/tokens", &json!({ "name": "odd", "scopes": ["api:raed"] })).await.expect_problem(422);
        assert_eq!(odd["field"], "scopes");
        let id = made["id"].as_str().unwrap();
        assert_eq!(admin.ask("DELETE", &format!("/api/v1/tokens/{id}"), &[], "").await.expect(200)["state"], "revoked");
        ci.get("/api/v1/stops").await.expect_problem(401);
    });
}

#[test]
fn a_body_that_cannot_be_understood_changes_nothing() {
    on_stage(async |stage| {
        let olga = stage.client("olga@acme.example", &[Scope::ApiWrite]).await;
        let ask = async |headers: &[&str], body: &str| olga.ask("POST", "/api/v1/stop", headers, body).await;
        ask(&["Content-Type: text/plain"], "{}").await.expect_problem(415);
        ask(&[JSON], "{").await.expect_problem(400);
        ask(&[JSON], "[]").await.expect_problem(422);
        ask(&[JSON], &format!("{{\"note\":\"{}\"}}", "x".repeat(70_000))).await.expect_problem(413);
        for (body, field) in [
            (json!({}), "connections"),
            (json!({ "all": true, "connections": ["hr"] }), "connections"),
            (json!({ "everywhere": true }), "everywhere"),
            (json!({ "all": "yes" }), "all"),
            (json!({ "all": true, "note": 5 }), "note"),
        ] {
            let problem = ask(&[JSON], &body.to_string()).await.expect_problem(422);
            assert_eq!(problem["field"], field, "{body}: {problem}");
        }
        assert_eq!(olga.get("/api/v1/stops").await.expect(200)["stopped"], json!([]));
    });
}

#[test]
fn work_that_follows_a_step_is_wished_though_the_run_broke_off_behind_that_step() {
    on_stage(async |stage| {
        let house = &stage.house;
        stage.next_morning();
        pull(house, &house.names(), Reach::Changed, &Progress::silent()).await.unwrap();
        let plan = make_plan(house, &Part::default(), "olga@acme.example").await.unwrap();
        let ends = |step: &&Step| step.by_hand.as_ref().is_some_and(|work| work.does == Effect::EndSessions);
        let follows = plan.steps.iter().find(ends).expect("Gladly keeps the sessions of whoever left").clone();
        let done = |step: &Step| follows.needs.contains(&step.id);
        let first = Plan { steps: plan.steps.iter().filter(|step| done(step)).cloned().collect(), ..plan.clone() };
        let report = apply(house, &first, "olga@acme.example", &Progress::silent()).await.unwrap();
        assert!(report.steps.iter().all(|step| step.outcome == Outcome::Done) && !report.steps.is_empty());
        let report = apply(house, &plan, "olga@acme.example", &Progress::silent()).await.unwrap();
        let of = |id: &StepId| report.steps.iter().find(|step| step.id == *id).unwrap().outcome;
        assert_eq!(of(&follows.id), Outcome::Pending, "{:?}", report.steps);
    });
}
