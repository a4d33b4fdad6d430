//! Each fault as it looks from the other end of the wire.

use std::time::{Duration, Instant};

use serde_json::json;
use tenure_sandbox::*;

use crate::client::{Client, calm, client};

const NEW: &str = "new@acme.example";

fn faults(specs: &[&str]) -> Vec<Fault> {
    specs.iter().map(|spec| spec.parse().expect("a fault")).collect()
}

async fn with(spec: &str) -> (Sandbox, Client) {
    let sandbox = calm().await;
    sandbox.set_faults(faults(&[spec]));
    let client = client(&sandbox, Vendor::Gladly);
    (sandbox, client)
}

fn new_agent() -> serde_json::Value {
    json!({"emailAddress": NEW, "name": "New Agent", "role": "AGENT"})
}

#[tokio::test]
async fn a_cut_before_the_work_leaves_no_answer_and_no_record() {
    let (sandbox, gladly) = with("cut-before:method=POST,count=1").await;
    assert!(gladly.try_send("POST", "/agents", Some(new_agent())).await.is_none());
    assert_eq!(sandbox.world().count(Vendor::Gladly, NEW), 0);
    assert_eq!(gladly.post("/agents", new_agent()).await.status, 201);
}

#[tokio::test]
async fn a_cut_after_the_work_leaves_a_record_without_an_answer() {
    let (sandbox, gladly) = with("cut-after:method=POST,path=/agents,count=1").await;
    assert!(gladly.try_send("POST", "/agents", Some(new_agent())).await.is_none());
    assert_eq!(sandbox.world().count(Vendor::Gladly, NEW), 1);
    assert_eq!(gladly.post("/agents", new_agent()).await.status, 409);
    assert_eq!(sandbox.statistics().of(Vendor::Gladly).creates, 1);
}

#[tokio::test]
async fn a_storm_carries_its_retry_after_verbatim() {
    let (sandbox, gladly) = with("429:after=1,count=2,retry_after=in a while, perhaps").await;
    assert_eq!(gladly.get("/teams").await.status, 200);
    let refused = gladly.get("/teams").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("in a while, perhaps")));
    assert_eq!(gladly.get("/teams").await.status, 429);
    assert_eq!(gladly.get("/teams").await.status, 200);
    let seen = sandbox.statistics().of(Vendor::Gladly);
    assert_eq!((seen.throttled, seen.impatient, seen.faulted), (2, 0, 2));
}

#[tokio::test]
async fn a_fault_keeps_to_its_app_its_path_and_its_luck() {
    let sandbox = calm().await;
    sandbox.set_faults(faults(&["500:app=freshdesk,path=/roles", "500:app=gladly,rate=0.5"]));
    assert_eq!(client(&sandbox, Vendor::Gorgias).get("/roles").await.status, 200);
    assert!(client(&sandbox, Vendor::Freshdesk).get("/roles").await.status >= 500);
    assert_eq!(client(&sandbox, Vendor::Freshdesk).get("/groups").await.status, 200);
    let gladly = client(&sandbox, Vendor::Gladly);
    let mut broken = 0;
    for _ in 0..40 {
        broken += u32::from(gladly.get("/teams").await.status >= 500);
    }
    assert!((5..35).contains(&broken), "{broken}");
}

#[tokio::test]
async fn a_truncated_answer_is_shorter_than_its_length_says() {
    let (_sandbox, gladly) = with("truncate").await;
    let answer = gladly.get("/agents").await;
    let length: usize = answer.header("content-length").and_then(|text| text.parse().ok()).expect("a length");
    assert!(answer.raw.len() < length && !answer.raw.is_empty());
    assert!(answer.body.is_null());
}

#[tokio::test]
async fn a_repeated_cursor_never_ends() {
    let (sandbox, gladly) = with("repeat-cursor").await;
    let first = gladly.get("/agents?limit=2").await.body;
    let path = format!("/agents?limit=2&cursor={}", first["nextCursor"].as_str().expect("a cursor"));
    assert_eq!(gladly.get(&path).await.body["nextCursor"], first["nextCursor"]);
    let service = client(&sandbox, Vendor::Freshservice);
    let (second, ninth) =
        (service.get("/requesters?per_page=3&page=2").await, service.get("/requesters?per_page=3&page=9").await);
    assert_eq!(second.body, ninth.body);
}

#[tokio::test]
async fn shifting_rows_fall_between_pages() {
    let sandbox = calm().await;
    for (vendor, path) in [
        (Vendor::Gorgias, "/users?limit=50"),
        (Vendor::Gladly, "/agents?limit=50"),
        (Vendor::Freshdesk, "/agents?per_page=50"),
        (Vendor::Freshservice, "/agents?per_page=50"),
        (Vendor::Gainsight, "/users?pageSize=50"),
    ] {
        let client = client(&sandbox, vendor);
        sandbox.set_faults(Vec::new());
        let before = client.get(path).await.body.to_string();
        sandbox.set_faults(faults(&["shift"]));
        assert!(client.get(path).await.body.to_string().contains("shifting.row"), "{vendor}");
        assert!(!client.get(path).await.body.to_string().contains("shifting.row"), "{vendor}");
        sandbox.set_faults(Vec::new());
        assert_eq!(client.get(path).await.body.to_string(), before, "{vendor}");
    }
}

#[tokio::test]
async fn fields_vanish_or_change_their_names() {
    let (sandbox, gladly) = with("drop-field:field=active").await;
    let agent = gladly.get("/agents").await.body["items"][0].clone();
    assert!(agent.get("active").is_none() && agent.get("role").is_some());
    sandbox.set_faults(faults(&["rename-field:field=emailAddress,to=email"]));
    let agent = gladly.get("/agents").await.body["items"][0].clone();
    assert!(agent.get("emailAddress").is_none() && agent["email"].is_string());
}

#[tokio::test]
async fn an_ignored_write_looks_done_and_is_not() {
    let (sandbox, gladly) = with("ignore-write").await;
    let id = sandbox.world().id(Vendor::Gladly, "jane.doe@acme.example").expect("an account");
    let answer = gladly.patch(&format!("/agents/{id}"), json!({"active": false})).await;
    assert_eq!((answer.status, &answer.body["active"]), (200, &json!(false)));
    assert_eq!(gladly.get(&format!("/agents/{id}")).await.body["active"], true);
    assert_eq!(sandbox.statistics().of(Vendor::Gladly).writes, 0);
}

#[tokio::test]
async fn strange_answers_look_as_they_should() {
    let (sandbox, gladly) = with("html").await;
    let page = gladly.get("/agents").await;
    assert_eq!((page.status, page.raw.starts_with(b"<!doctype html>")), (200, true));
    sandbox.set_faults(faults(&["redirect"]));
    let moved = gladly.get("/agents").await;
    assert_eq!((moved.status, moved.header("location")), (302, Some("http://elsewhere.invalid/collect")));
    sandbox.set_faults(faults(&["huge"]));
    assert!(gladly.get("/agents").await.raw.len() >= 8 * 1024 * 1024);
    sandbox.set_faults(faults(&["bomb"]));
    let bomb = gladly.get("/agents").await;
    assert_eq!((bomb.header("content-encoding"), bomb.raw.len() > 1024 * 1024), (Some("gzip"), true));
}

#[tokio::test]
async fn a_slow_answer_comes_and_a_stalled_one_does_not() {
    let (sandbox, gladly) = with("slow:ms=200").await;
    let before = Instant::now();
    assert_eq!(gladly.get("/teams").await.status, 200);
    assert!(before.elapsed() >= Duration::from_millis(200));
    sandbox.set_faults(faults(&["stall"]));
    let waiting = gladly.try_send("GET", "/teams", None);
    assert!(tokio::time::timeout(Duration::from_millis(300), waiting).await.is_err());
    let before = Instant::now();
    sandbox.stop().await;
    assert!(before.elapsed() < Duration::from_secs(3));
}
