//! What takes long is kept and not done by the process that was asked: it is there for whichever daemon comes to it, once,
//! however often somebody presses the button. And pages that are told when something happened.

use crate::stage::{MIA, stage_of_now as stage};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tenure_core::role::Role;
use tenure_engine::act::{Act, ApplyAsked, latest};
use tenure_engine::plan::make_plan;
use tenure_engine::progress::Progress;
use tenure_engine::reconcile::Scope;
use tenure_engine::session;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_carried_out_by_whoever_comes_to_it_and_asked_for_once() {
    let stage = stage("").await;
    tenure_engine::pull::pull(
        &stage.house,
        &stage.house.names(),
        tenure_engine::pull::Reach::Changed,
        &Progress::silent(),
    )
    .await
    .unwrap();
    let plan = make_plan(&stage.house, &Scope::default(), "root").await.unwrap();
    let (cookie, key) = stage.signed_in(MIA, Role::Operator).await;
    let path = format!("/plans/{}/apply", plan.id);
    for _ in 0..3 {
        let asked = stage.ask("POST", &path, &cookie, &format!("form_key={key}")).await;
        assert_eq!(asked.says("location"), format!("/plans/{}?done=applying", plan.id));
    }
    let jobs = stage.house.store.jobs(100).await.unwrap();
    let acts: Vec<&str> = jobs.iter().filter(|job| job.kind == "act").map(|job| job.key.as_str()).collect();
    assert_eq!(acts.len(), 1, "{jobs:?}");
    let page = stage.get(&format!("/plans/{}", plan.id), &cookie).await;
    assert!(page.body.contains("about to be carried out") && page.body.contains("data-under-way"), "{}", page.body);
    // Another process comes to it.
    tenure_engine::act::carry_out(&stage.house, acts[0], &Progress::silent()).await.unwrap();
    let asked = Act::Apply(ApplyAsked { plan: Some(plan.id.to_string()) });
    let act = latest(&stage.house, "/apply", &asked).await.unwrap().unwrap();
    assert_eq!((act.state.as_str(), act.by.as_str()), ("done", MIA));
    let page = stage.get(&format!("/plans/{}", plan.id), &cookie).await;
    assert!(!page.body.contains("data-under-way"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_told_that_something_happened_until_its_session_ends() {
    let stage = stage("").await;
    let (cookie, _) = stage.signed_in(MIA, Role::Viewer).await;
    assert_eq!(stage.get("/live", &cookie).await.status, 406, "only a stream is given there");
    let mut stream = TcpStream::connect(&stage.address).await.unwrap();
    let ask =
        format!("GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: text/event-stream\r\n{cookie}\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut heard = String::new();
    let mut hear = async |stream: &mut TcpStream, until: &str| {
        let mut bytes = [0; 4096];
        while !heard.contains(until) {
            let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut bytes)).await.expect("in time");
            let count = read.unwrap();
            assert!(count > 0, "the stream ended: {heard}");
            heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        heard.clone()
    };
    let head = hear(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
    assert!(!head.contains("event:"), "nothing happened yet: {head}");
    stage.link("tom", Role::Viewer).await;
    let told = hear(&mut stream, "event: changed").await;
    assert!(!told.contains("tom"), "what happened stands in the page: {told}");
    // What a page does by itself keeps nobody signed in.
    stage.now_ms.fetch_add(50 * 60_000, Ordering::Relaxed);
    assert_eq!(stage.get("/people", &format!("{cookie}X-Tenure-Live: 1\r\n")).await.status, 200);
    stage.now_ms.fetch_add(10 * 60_000, Ordering::Relaxed);
    assert_eq!(stage.get("/people", &cookie).await.status, 303);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the stream ends with the session");
    assert_eq!(session::list(&stage.house).await.unwrap().len(), 0);
}
