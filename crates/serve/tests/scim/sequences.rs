//! What each identity provider sends in its usual day, in order, written after their published descriptions: the recordings
//! that come with the program, sent again. And the way there: a day is recorded, masked, and sent again before another server.

use crate::desk::{Client, Desk, Reply};
use serde_json::{Value, json};
use tenure_core::policy::Delay;
use tenure_engine::decide::By;
use tenure_engine::recorded;
use tenure_sandbox::Vendor;
use tenure_scim::{Difference, Recorded, Recording, Replay, Request, golden, golden_names};

async fn send(client: &Client<'_>, request: Request) -> Reply {
    let plain = client.with("X-Replayed", "yes");
    let client = request.headers.iter().fold(plain, |client, header| client.with(&header.name, &header.says));
    let body: Option<Value> = (!request.body.is_empty()).then(|| serde_json::from_str(&request.body).unwrap());
    client.ask(&request.method, &request.path, body.as_ref()).await
}

/// Sends a recording again, and tells what differs.
async fn play(client: &Client<'_>, base: &str, recording: &Recording) -> Vec<Difference> {
    let mut replay = Replay::new(base);
    for given in &recording.given {
        let found = send(client, replay.find(given)).await.body["Resources"][0].clone();
        let is_there = !found.is_null();
        let thing =
            if is_there { found } else { send(client, replay.make(given).unwrap()).await.expect(201).body.clone() };
        replay.give(&given.name, thing["id"].as_str().unwrap().to_owned());
        for join in if is_there { Vec::new() } else { replay.join(given) } {
            send(client, join).await.expect(204);
        }
    }
    let mut differences = Vec::new();
    for exchange in &recording.exchanges {
        if exchange.waits {
            tokio::time::sleep(crate::writes::CLOCK_OF_THE_APPS).await;
        }
        let reply = send(client, replay.request(exchange)).await;
        differences.extend(replay.judge(exchange, reply.status, &reply.body));
    }
    differences
}

fn base(desk: &Desk) -> String {
    format!("http://{}/scim/v2/gladly", desk.listens)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_has_its_usual_day() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    assert_eq!(golden_names().count(), 7);
    for name in golden_names() {
        let recording = Recording::read(golden(name).unwrap()).unwrap();
        assert_eq!(play(&client, &base(&desk), &recording).await, [], "{name}");
        let login = format!("{name}@acme.example");
        let world = desk.sandbox.world();
        world.confirm(Vendor::Gladly, &login); // who never came is shown as invited, whatever else they are
        assert_eq!(
            (world.count(Vendor::Gladly, &login), world.state(Vendor::Gladly, &login)),
            (1, Some("suspended")),
            "{name}"
        );
    }
}

/// A day of somebody new and of somebody who was there, in which a group, a version and an unknown body occur.
async fn day(client: &Client<'_>, known: &Value) {
    let client = client.with("User-Agent", "Okta SCIM Client 1.0.0");
    let (known, login) = (known["id"].as_str().unwrap(), known["userName"].as_str().unwrap());
    client.get("/Users?startIndex=1&count=2").await.expect(200);
    client.get(&format!("/Users?filter=userName%20eq%20%22{login}%22")).await.expect(200);
    let made = client
        .post(
            "/Users",
            &json!({"userName": "Nora.Newcomer@acme.example", "externalId": "00ujl29u0le5T6Aj10h7", "active": true,
                "name": {"givenName": "Nora", "familyName": "Newcomer"}, "password": "1mz050nq",
                "emails": [{"value": "Nora.Newcomer@acme.example", "type": "work", "primary": true}],
                "roles": [{"value": "AGENT"}]}),
        )
        .await;
    let (id, version) = (made.expect(201).id().to_owned(), made.body["meta"]["version"].as_str().unwrap().to_owned());
    let team = client.group("Escalations").await["id"].as_str().unwrap().to_owned();
    let members = json!([{"op": "add", "path": "members", "value": [{"value": id}, {"value": known}]}]);
    client.patch(&format!("/Groups/{team}"), members).await.expect(204);
    let late = client.with("If-Match", &version);
    late.patch(&format!("/Users/{id}"), json!([{"op": "replace", "value": {"displayName": "N."}}])).await.expect(412);
    let off = json!([{"op": "replace", "value": {"active": false}}]);
    client.patch(&format!("/Users/{id}"), off).await.expect(200);
    client.get("/Users?filter=userName%20eq%20%22NORA.NEWCOMER@acme.example%22").await.expect(200);
    client
        .patch(&format!("/Groups/{team}"), json!([{"op": "remove", "path": "members", "value": [{"value": known}]}]))
        .await
        .expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_was_recorded_is_answered_alike_elsewhere_and_names_nobody() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let all = desk.client(Vendor::Gladly).await.get("/Users?count=50").await;
    let agent = |user: &&Value| user["active"] == true && user["roles"][0]["value"] == "AGENT";
    let known = all.expect(200).body["Resources"].as_array().unwrap().iter().find(agent).unwrap().clone();
    let by = By { who: "mia@acme.example".into(), note: None };
    let id = client.token.split('_').nth(1).unwrap();
    recorded::begin(&desk.house, id, Delay::hours(1), &by).await.unwrap();
    // Whoever is not recorded leaves no trace, also while others are.
    desk.client(Vendor::Gorgias).await.get("/Users?count=1").await.expect(200);
    day(&client, &known).await;
    let (token, texts) = recorded::requests(&desk.house, id).await.unwrap();
    let heard: Vec<Recorded> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let recording = Recording::of(Some("gladly".into()), &heard);
    assert_eq!(recording.exchanges.len(), 9, "{recording}");
    let text = recording.to_string();
    let login = known["userName"].as_str().unwrap();
    let names =
        ["nora", "newcomer", "00ujl29u", "1mz050nq", "acme", &client.token, login, login.split('@').next().unwrap()];
    for name in names {
        assert!(!text.to_lowercase().contains(&name.to_lowercase()), "{name} in {text}");
    }
    assert!(
        text.starts_with("@ client Okta (its User-Agent)\n@ app gladly\n@ given ")
            && text.contains("@ given u1 user {"),
        "{text}"
    );
    assert!(
        text.contains("AGENT") && text.contains("group Escalations") && text.contains("> if-match: {t1}"),
        "{text}"
    );

    let views = recorded::clients(&desk.house).await.unwrap();
    let view = views.iter().find(|view| view.token == token.id).unwrap();
    assert_eq!((view.product.as_deref(), view.certainty, view.requests), (Some("Okta"), Some("told"), 9));
    assert!(view.recorded_until.is_some());
    recorded::end(&desk.house, &token.id).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await; // a server looks once a second
    client.get("/Users?count=1").await.expect(200);
    assert_eq!(recorded::requests(&desk.house, &token.id).await.unwrap().1.len(), 9);

    let elsewhere = Desk::open().await;
    let client = elsewhere.client(Vendor::Gladly).await;
    let read = Recording::read(&text).unwrap();
    assert_eq!(play(&client, &base(&elsewhere), &read).await, [], "{text}");
    // What has changed is told, and nothing else is.
    let mut other = read.clone();
    other.exchanges.retain(|exchange| exchange.method == "POST");
    other.exchanges[0].body = other.exchanges[0].body.replace("\"active\":true", "\"active\":false");
    let told = play(&elsewhere.client(Vendor::Gladly).await, &base(&elsewhere), &other).await;
    assert_eq!(told.iter().map(|one| one.what.as_str()).collect::<Vec<_>>(), ["status"], "{told:?}");
}
