//! What is true at the door of every vendor: credentials, rights, paths, bodies, rates.

use serde_json::json;
use tenure_sandbox::*;

use crate::client::{basic, calm, client, options, owner, reader};

fn people(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Gorgias | Vendor::Gainsight => "/users",
        Vendor::Gladly | Vendor::Freshdesk | Vendor::Freshservice => "/agents",
    }
}

#[tokio::test]
async fn a_wrong_credential_is_401_and_a_reading_one_403_on_writes() {
    let sandbox = calm().await;
    for vendor in Vendor::ALL {
        let path = people(vendor);
        assert_eq!(client(&sandbox, vendor).get(path).await.status, 200, "{vendor}");
        let other = if vendor == Vendor::Gainsight { Vendor::Gorgias } else { Vendor::Gainsight };
        for auth in [basic("someone", "else"), owner(other), "X-Nothing: 1".into()] {
            let answer = client(&sandbox, vendor).with(auth).get(path).await;
            assert_eq!((answer.status, answer.body.is_object()), (401, true), "{vendor}");
        }
        let reads = client(&sandbox, vendor).with(reader(vendor));
        assert_eq!(reads.get(path).await.status, 200, "{vendor}");
        assert_eq!(reads.post(path, json!({})).await.status, 403, "{vendor}");
        assert_eq!(reads.delete(&format!("{path}/1")).await.status, 403, "{vendor}");
    }
}

#[tokio::test]
async fn an_empty_password_is_no_api_key() {
    let sandbox = calm().await;
    let desk = client(&sandbox, Vendor::Freshdesk).with(basic(FRESHDESK_API_KEY, ""));
    assert_eq!(desk.get("/agents").await.status, 401);
    let service = client(&sandbox, Vendor::Freshservice).with(basic(FRESHSERVICE_API_KEY, ""));
    assert_eq!(service.get("/agents").await.status, 401);
}

#[tokio::test]
async fn an_access_key_is_neither_bearer_nor_basic() {
    let sandbox = calm().await;
    for auth in [format!("Authorization: Bearer {GAINSIGHT_ACCESS_KEY}"), basic(GAINSIGHT_ACCESS_KEY, "X")] {
        assert_eq!(client(&sandbox, Vendor::Gainsight).with(auth).get("/users").await.status, 401);
    }
}

#[tokio::test]
async fn a_bad_request_is_a_4xx_and_never_a_panic() {
    let sandbox = calm().await;
    let json_kind = "Content-Type: application/json";
    for vendor in Vendor::ALL {
        let (client, path) = (client(&sandbox, vendor), people(vendor));
        for body in ["", "{", "[]", "7", "\"x\"", "{\"email\":7,\"name\":[],\"role\":1,\"roles\":[1],\"teams\":{}}"] {
            let answer = client.try_text("POST", path, Some(body), json_kind).await.expect("an answer");
            assert_eq!(answer.status, 400, "{vendor} {body}");
        }
        let plain = client.try_text("POST", path, Some("{}"), "Content-Type: text/plain").await.expect("an answer");
        assert_eq!(plain.status, 415, "{vendor}");
        assert_eq!(client.get("/nowhere").await.status, 404, "{vendor}");
        assert_eq!(client.get("/%zz%00").await.status, 404, "{vendor}");
        assert_eq!(client.get("").await.status, 404, "{vendor}");
        assert_eq!(client.get(&format!("{path}/")).await.status, 404, "{vendor}");
        assert_eq!(client.get(&format!("{path}/0")).await.status, 404, "{vendor}");
        assert_eq!(client.send("PATCH", path, Some(json!({}))).await.status, 405, "{vendor}");
        let size = if vendor == Vendor::Gainsight { "pageSize" } else { "per_page" };
        let size = if matches!(vendor, Vendor::Gorgias | Vendor::Gladly) { "limit" } else { size };
        for wrong in ["0", "-1", "1001", "99999999999999999999", "many"] {
            assert_eq!(client.get(&format!("{path}?{size}={wrong}")).await.status, 400, "{vendor} {wrong}");
        }
        let page = client.get(&format!("{path}?page=18446744073709551615")).await.status;
        assert!(page == 400 || matches!(vendor, Vendor::Gorgias | Vendor::Gladly), "{vendor}");
    }
}

#[tokio::test]
async fn each_vendor_tells_its_limit_in_its_own_way() {
    let sandbox = start(options()).await.expect("the sandbox starts");
    for (vendor, burst, says_when) in
        [(Vendor::Gorgias, 11, true), (Vendor::Gladly, 11, true), (Vendor::Gainsight, 21, false)]
    {
        let client = client(&sandbox, vendor);
        let mut last = client.get(people(vendor)).await;
        let told = last.header("x-ratelimit-limit").map(String::from);
        for _ in 1..burst {
            last = client.get(people(vendor)).await;
        }
        assert_eq!(last.status, 429, "{vendor}");
        assert_eq!(last.header("retry-after").is_some(), says_when, "{vendor}");
        assert_eq!(told.as_deref(), (vendor == Vendor::Gorgias).then_some("10"), "{vendor}");
    }
    let desk = client(&sandbox, Vendor::Freshdesk).get("/agents").await;
    assert_eq!((desk.header("x-ratelimit-total"), desk.header("x-ratelimit-remaining")), (Some("700"), Some("699")));
    let service = client(&sandbox, Vendor::Freshservice).get("/agents").await;
    assert_eq!(service.header("x-ratelimit-total"), Some("400"));
}

#[tokio::test]
async fn a_plan_sets_the_limit_and_impatience_is_counted() {
    let plans = Plans { gorgias: GorgiasPlan::Basic, freshservice: FreshservicePlan::Starter, ..Plans::default() };
    let sandbox = start(Options { limits: Limits::Published(plans), ..options() }).await.expect("the sandbox starts");
    let service = client(&sandbox, Vendor::Freshservice);
    for _ in 0..50 {
        assert_eq!(service.get("/roles").await.status, 200);
    }
    let refused = service.get("/roles").await;
    let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((50..=60).contains(&wait));
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    service.get("/roles").await;
    let seen = sandbox.statistics().of(Vendor::Freshservice);
    assert_eq!((seen.requests, seen.throttled, seen.impatient), (52, 2, 1));
}

#[tokio::test]
async fn a_stopped_sandbox_frees_its_port() {
    let sandbox = calm().await;
    let addr = sandbox.addr();
    sandbox.stop().await;
    assert!(tokio::net::TcpListener::bind(addr).await.is_ok());
}
