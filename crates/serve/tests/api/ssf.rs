//! Shared signals: a receiver finds the transmitter, asks for a stream, and hears of a leaver by tokens that it can verify;
//! others see nothing of it, and nobody is pushed to inside the company unless that is allowed.

use crate::stage::{Stage, on_stage, on_stage_with};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tenure_core::scope::Scope;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const JANE: &str = "jane.doe@acme.example";
const DISABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const VERIFIED: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// Verifies a token by the published keys, as a receiver does, and returns its claims.
fn verified(token: &str, jwks: &Value) -> Value {
    let parts: Vec<&str> = token.split('.').collect();
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let header: Value = serde_json::from_slice(&part(parts[0])).unwrap();
    assert_eq!((&header["typ"], &header["alg"]), (&json!("secevent+jwt"), &json!("ES256")));
    let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).expect("a published key");
    let point = [vec![4], part(key["x"].as_str().unwrap()), part(key["y"].as_str().unwrap())].concat();
    let signed = format!("{}.{}", parts[0], parts[1]);
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed.as_bytes(), &part(parts[2])).unwrap();
    serde_json::from_slice(&part(parts[1])).unwrap()
}

/// A receiver of pushes: head and body of each request are kept; the first is answered with 503.
async fn receiver() -> (String, Arc<Mutex<Vec<(String, String)>>>) {
    receiver_that("503 Busy", "").await
}

/// As [`receiver`], with another answer to the first.
async fn receiver_that(first: &'static str, says: &'static str) -> (String, Arc<Mutex<Vec<(String, String)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let kept: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let keeps = kept.clone();
    tokio::spawn(async move {
        let mut number = 0;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut text, mut bytes) = (String::new(), [0; 8192]);
            loop {
                let count = stream.read(&mut bytes).await.unwrap();
                text += &String::from_utf8_lossy(&bytes[..count]);
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.to_lowercase().split_once("content-length: ").map(|(_, rest)| rest.to_owned());
                let length: usize = length.and_then(|rest| rest.lines().next()?.trim().parse().ok()).unwrap_or(0);
                if body.len() >= length {
                    break;
                }
            }
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            keeps.lock().unwrap().push((head.to_lowercase(), body.to_owned()));
            let (status, says) = if number == 0 { (first, says) } else { ("202 Accepted", "") };
            let length = says.len();
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{says}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            number += 1;
        }
    });
    (url, kept)
}

/// Jane leaves, and what may be done of it without anybody's yes is done.
async fn jane_leaves(stage: &Stage) {
    let admin = stage.client("olga@acme.example", &[Scope::Admin]).await;
    let body = json!({ "key": JANE, "apply": true, "note": "left" }).to_string();
    let asked = admin.ask("POST", "/api/v1/leave", &["Content-Type: application/json"], &body).await;
    let act = format!("/api/v1/acts/{}", asked.expect(202)["id"].as_str().unwrap());
    stage.until(async || admin.get(&act).await.expect(200)["state"] != "open").await;
    let done = admin.get(&act).await.expect(200);
    let steps = done["answer"]["applied"]["steps"].as_array().unwrap_or_else(|| panic!("{done}"));
    // The worker may have been quicker: then the act finds it done.
    let is_so = |step: &Value| step["outcome"] == "done" || step["outcome"] == "already_true";
    assert!(steps.iter().any(is_so), "{done}");
}

#[test]
fn a_receiver_hears_of_a_leaver_by_push_and_by_poll_in_tokens_that_it_can_verify() {
    on_stage_with("\n[server.ssf]\nallow_private = true\n", async |stage| {
        stage.work().await;
        let nobody = stage.nobody();
        let found = nobody.get("/.well-known/ssf-configuration").await.expect(200);
        assert_eq!(found["spec_version"], "1_0");
        assert_eq!(nobody.get("/ssf/.well-known/ssf-configuration").await.expect(200), found);
        assert_eq!(
            found["configuration_endpoint"],
            json!(format!("{}/ssf/streams", found["issuer"].as_str().unwrap()))
        );

        let (gateway, desk) = (stage.client("gate", &[Scope::Ssf]).await, stage.client("desk", &[Scope::Ssf]).await);
        let (url, heard) = receiver().await;
        let push = json!({ "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": url } }).to_string();
        let made = gateway.ask("POST", "/ssf/streams", &[], &push).await;
        assert_eq!(made.headers["cache-control"], "no-store");
        let pushed = made.expect(201);
        let poll = json!({ "events_requested": [DISABLED, "urn:x"], "delivery": { "method": "urn:ietf:rfc:8936" } });
        let polled = desk.ask("POST", "/ssf/streams", &[], &poll.to_string()).await.expect(201);
        assert_eq!(polled["events_delivered"], json!([DISABLED]));
        let id = polled["stream_id"].as_str().unwrap();
        gateway.get(&format!("/ssf/streams?stream_id={id}")).await.expect_problem(404);
        assert_eq!(desk.get("/ssf/streams").await.expect(200), json!([polled]));

        // A verification comes by itself, with what was asked to be heard again; the first push is refused, and comes again.
        let verify = json!({ "stream_id": pushed["stream_id"], "state": "xyz" }).to_string();
        assert_eq!(gateway.ask("POST", "/ssf/verify", &[], &verify).await.status, 204);
        gateway.ask("POST", "/ssf/verify", &[], &verify).await.expect_problem(429);
        jane_leaves(&stage).await;
        stage.until(async || heard.lock().unwrap().len() >= 4).await;
        let jwks = nobody.get("/ssf/jwks.json").await.expect(200);
        let all: Vec<(String, String)> = heard.lock().unwrap().clone();
        assert!(all.iter().all(|(head, _)| head.contains("content-type: application/secevent+jwt")), "{all:?}");
        let claims: Vec<Value> = all.iter().map(|(_, token)| verified(token, &jwks)).collect();
        assert_eq!(claims[0]["jti"], claims[1]["jti"], "what was not taken comes again");
        assert_eq!(claims[1]["events"], json!({ VERIFIED: { "state": "xyz" } }));
        assert_eq!(claims[1]["sub_id"], json!({ "format": "opaque", "id": pushed["stream_id"] }));
        // Once for each run: a worker may have done a part of it in a run of its own.
        let told: Vec<(&str, String)> = claims[2..]
            .iter()
            .flat_map(|one| one["events"].as_object().unwrap().keys().map(|event| (&**event, one["txn"].to_string())))
            .collect();
        let events: BTreeSet<&str> = told.iter().map(|(event, _)| *event).collect();
        assert_eq!(events, BTreeSet::from([REVOKED, DISABLED]), "{told:?}");
        assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len(), "once each: {told:?}");
        for one in &claims[2..] {
            assert_eq!((&one["iss"], &one["aud"]), (&found["issuer"], &pushed["aud"]));
            assert_eq!(one["sub_id"], json!({ "format": "email", "email": JANE }));
            assert!(one["txn"].is_string() && one["iat"].is_i64() && one.get("exp").is_none(), "{one}");
        }

        let place = format!("/ssf/poll/{id}");
        let handed = desk.ask("POST", &place, &[], r#"{"returnImmediately":true,"maxEvents":1}"#).await.expect(200);
        let (jti, token) = handed["sets"].as_object().unwrap().iter().next().expect("one event");
        assert_eq!(verified(token.as_str().unwrap(), &jwks)["events"], json!({ DISABLED: {} }));
        let again = desk.ask("POST", &place, &[], r#"{"returnImmediately":true}"#).await.expect(200);
        assert!(again["sets"].get(jti).is_some(), "until it is acknowledged it comes again");
        let sets = again["sets"].as_object().unwrap();
        let claims: Vec<Value> = sets.values().map(|token| verified(token.as_str().unwrap(), &jwks)).collect();
        let runs: BTreeSet<String> = claims.iter().map(|one| one["txn"].to_string()).collect();
        assert!(
            claims.iter().all(|one| one["events"] == json!({ DISABLED: {} })) && runs.len() == sets.len(),
            "{again}"
        );
        assert_eq!(handed["moreAvailable"], json!(sets.len() > 1));
        let jtis: Vec<&String> = sets.keys().collect();
        let ack = json!({ "ack": jtis, "returnImmediately": true }).to_string();
        assert_eq!(desk.ask("POST", &place, &[], &ack).await.expect(200)["sets"], json!({}));
        gateway.ask("POST", &place, &[], "{}").await.expect_problem(404);
    });
}

#[test]
fn what_a_receiver_will_not_take_is_told_by_the_doctor_and_not_sent_again() {
    on_stage_with("\n[server.ssf]\nallow_private = true\n", async |stage| {
        stage.work().await;
        let gateway = stage.client("gate", &[Scope::Ssf]).await;
        let (url, heard) = receiver_that("400 Bad Request", r#"{"err":"invalid_audience","description":"x"}"#).await;
        let push = json!({ "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": url } }).to_string();
        let pushed = gateway.ask("POST", "/ssf/streams", &[], &push).await.expect(201);
        let verify = json!({ "stream_id": pushed["stream_id"] }).to_string();
        assert_eq!(gateway.ask("POST", "/ssf/verify", &[], &verify).await.status, 204);
        stage.until(async || !heard.lock().unwrap().is_empty()).await;
        let operator = stage.client("olga@acme.example", &[Scope::ApiRead]).await;
        let told = async || {
            let checks = operator.get("/api/v1/doctor").await.expect(200);
            let checks = checks["checks"].as_array().unwrap().clone();
            checks.into_iter().find(|check| check["what"] == "signals")
        };
        stage.until(async || told().await.is_some()).await;
        let told = told().await.unwrap();
        let says = told["says"].as_str().unwrap();
        assert!(says.contains("would not take 1") && says.contains("invalid_audience"), "{says}");
        assert!(says.contains(pushed["stream_id"].as_str().unwrap()), "{says}");
        jane_leaves(&stage).await;
        stage.until(async || heard.lock().unwrap().len() >= 3).await;
        assert_eq!(heard.lock().unwrap().len(), 3, "what was refused is not sent again, what comes after it is");
    });
}

#[test]
fn a_stream_is_its_receivers_to_change_and_to_end() {
    on_stage(async |stage| {
        let (nobody, reader) = (stage.nobody(), stage.reader().await);
        for (method, path) in
            [("GET", "/ssf/streams"), ("POST", "/ssf/verify"), ("POST", "/ssf/poll/x"), ("GET", "/ssf/status")]
        {
            nobody.ask(method, path, &[], "").await.expect_problem(401);
            reader.ask(method, path, &[], "").await.expect_problem(403);
        }
        let desk = stage.client("desk", &[Scope::Ssf]).await;
        for private in
            ["https://127.0.0.1/e", "https://[::1]/e", "http://example.com/e", "https://169.254.169.254/latest"]
        {
            let inside = json!({ "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": private } }).to_string();
            desk.ask("POST", "/ssf/streams", &[], &inside).await.expect_problem(400);
        }
        desk.ask("POST", "/ssf/streams", &[], r#"{"delivery":{"method":"pigeon"}}"#).await.expect_problem(400);
        desk.ask("POST", "/ssf/streams", &[], "[").await.expect_problem(400);
        let made = desk.ask("POST", "/ssf/streams", &[], r#"{"description":"one"}"#).await.expect(201);
        let id = made["stream_id"].as_str().unwrap();
        let one = json!({ "stream_id": id, "events_requested": [REVOKED] });
        let patched = desk.ask("PATCH", "/ssf/streams", &[], &one.to_string()).await.expect(200);
        assert_eq!((&patched["description"], &patched["events_delivered"]), (&json!("one"), &json!([REVOKED])));
        let put = desk.ask("PUT", "/ssf/streams", &[], &json!({ "stream_id": id }).to_string()).await.expect(200);
        assert!(put.get("description").is_none() && put["events_delivered"].as_array().unwrap().len() == 4, "{put}");

        let status = format!("/ssf/status?stream_id={id}");
        assert_eq!(desk.get(&status).await.expect(200)["status"], "enabled");
        let pause = json!({ "stream_id": id, "status": "paused", "reason": "moving" }).to_string();
        assert_eq!(desk.ask("POST", "/ssf/status", &[], &pause).await.expect(200)["reason"], "moving");
        assert_eq!(desk.get(&status).await.expect(200)["status"], "paused");
        let jane =
            json!({ "stream_id": id, "subject": { "format": "email", "email": "Jane@acme.example" } }).to_string();
        assert_eq!(desk.ask("POST", "/ssf/subjects/remove", &[], &jane).await.status, 204);
        assert_eq!(desk.ask("POST", "/ssf/subjects/add", &[], &jane).await.status, 200);
        let other =
            json!({ "stream_id": id, "subject": { "format": "phone_number", "phone_number": "+1" } }).to_string();
        desk.ask("POST", "/ssf/subjects/add", &[], &other).await.expect_problem(400);
        let secret = json!({ "stream_id": id, "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": "https://receiver.invalid/e",
            "authorization_header": "Bearer hunter2" } }).to_string();
        let refused = desk.ask("PATCH", "/ssf/streams", &[], &secret).await;
        assert!(!refused.text.contains("hunter2") && refused.text.contains("[store] key"), "{refused:?}");
        refused.expect_problem(400);
        assert_eq!(desk.ask("DELETE", &format!("/ssf/streams?stream_id={id}"), &[], "").await.status, 204);
        desk.get(&status).await.expect_problem(404);
        assert_eq!(desk.get("/ssf/streams").await.expect(200), json!([]));
    });
}
