//! How much one token may ask: requests at once, in a second, and in one body; and who is asked for as `/Me`.

use crate::desk::Desk;
use serde_json::json;
use tenure_sandbox::Vendor;

/// Opens a desk whose clients may ask this much.
async fn narrow(limits: &str) -> Desk {
    Desk::open_with(|files| {
        let text = std::fs::read_to_string(&files.config).unwrap();
        std::fs::write(&files.config, format!("[server]\nscim_limits = {{ {limits} }}\n{text}")).unwrap();
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_much_waits_or_is_told_when_to_come_back_and_nobody_else_is_touched() {
    let desk = narrow("at_once = 50, per_second = 40, wait_s = 1, body_kib = 4").await;
    let (greedy, other) = (desk.client(Vendor::Gladly).await, desk.client(Vendor::Gorgias).await);
    let began = std::time::Instant::now();
    let replies = futures::future::join_all((0..120).map(|_| greedy.get("/ServiceProviderConfig"))).await;
    let answered = replies.iter().filter(|reply| reply.status == 200).count();
    // A second's worth at once and one more while the others wait; the rest is refused, at once.
    assert!((80..120).contains(&answered), "{answered} of 120 in {:?}", began.elapsed());
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.expect(429);
        assert!(reply.body.get("scimType").is_none(), "{reply:?}");
        let after = reply.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
        assert!((1..=5).contains(&after.trim().parse::<u32>().unwrap()), "{reply:?}");
    }
    other.get("/ServiceProviderConfig").await.expect(200);

    let large = json!({"userName": "large@acme.example", "displayName": "x".repeat(5000)});
    assert_eq!(other.post("/Users", &large).await.status, 413);
    let told = other.get("/ServiceProviderConfig").await;
    assert_eq!(told.body["bulk"]["maxPayloadSize"], 4096);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_at_once_than_are_permitted_wait_for_their_turn_or_are_refused() {
    let desk = narrow("at_once = 1, wait_s = 0").await;
    let (greedy, other) = (desk.client(Vendor::Gladly).await, desk.client(Vendor::Gorgias).await);
    let body = |at: usize| json!({"userName": format!("p{at}@acme.example"), "displayName": "P", "roles": [{"value": "AGENT"}]});
    let bodies: Vec<_> = (0..6).map(body).collect();
    let (replies, beside) = futures::join!(
        futures::future::join_all(bodies.iter().map(|body| greedy.post("/Users", body))),
        other.get("/Users?count=1")
    );
    beside.expect(200);
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    let refused = replies.iter().filter(|reply| reply.status == 429).count();
    assert!(made >= 1 && refused >= 1 && made + refused == 6, "{replies:?}");
    for reply in replies.iter().filter(|reply| reply.status == 429) {
        assert!(reply.head.contains("retry-after: 5"), "{reply:?}");
    }

    let patient = narrow("at_once = 1").await;
    let client = patient.client(Vendor::Gladly).await;
    for reply in futures::future::join_all(bodies[..3].iter().map(|body| client.post("/Users", body))).await {
        reply.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn me_is_the_account_of_the_one_in_whose_name_the_token_acts() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await; // mia's
    client.get("/Me").await.expect(404);
    let body =
        json!({"userName": "Mia@acme.example", "displayName": "Mia", "roles": [{"value": "AGENT"}], "active": true});
    let made = client.post("/Users", &body).await;
    let place = made.expect(201).body["meta"]["location"].as_str().unwrap().to_owned();
    let me = client.get("/Me?attributes=userName").await;
    assert_eq!(me.expect(200).id(), made.id());
    assert!(
        me.body.get("displayName").is_none() && me.head.contains(&format!("location: {}", place.to_lowercase())),
        "{me:?}"
    );
    let renamed = client.patch("/Me", json!([{"op": "replace", "path": "displayName", "value": "Mia M."}])).await;
    assert_eq!((renamed.expect(200).id(), &renamed.body["displayName"]), (made.id(), &json!("Mia M.")));
    assert_eq!(client.get("/Me").await.body["displayName"], "Mia M.");
    client.post("/Me", &json!({})).await.expect(405);
    client.put("/Me", &json!({"userName": "mia@acme.example", "displayName": "Mia"})).await.expect(200);
    client.delete("/Me").await.expect(204);
    client.get("/Me").await.expect(404);
}
