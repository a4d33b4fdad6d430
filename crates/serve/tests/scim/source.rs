//! A source that an IdP pushes: people come, change, go and come back, groups have members, and the company is judged by it.

use crate::desk::Desk;
use serde_json::{Value, json};
use tenure_core::account::AccountState;
use tenure_engine::reconcile::{Scope, company};

/// Opens a desk at which an IdP pushes its people to the connection `idp`.
pub async fn pushed_desk() -> Desk {
    Desk::open_with(|files| {
        let text = std::fs::read_to_string(&files.config).unwrap();
        let more = "\n[connections.idp]\napp = \"scim\"\nsource = true\n";
        std::fs::write(&files.config, format!("{text}{more}")).unwrap();
    })
    .await
}

pub fn person(login: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": login, "externalId": format!("ext-{login}"), "displayName": "Pia Pushed", "title": "Agent", "active": true,
        "name": {"givenName": "Pia", "familyName": "Pushed"},
        "emails": [{"value": login, "type": "work", "primary": true}],
        "phoneNumbers": [{"value": "+49 30 1", "type": "work"}, {"value": "+49 170 2", "type": "mobile"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales", "employeeNumber": "77001"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_pushed_comes_back_as_they_were_sent() {
    let desk = pushed_desk().await;
    let client = desk.client_of("idp").await;
    let made = client.post("/Users", &person("pia@acme.example")).await;
    made.expect(201);
    let path = format!("/Users/{}", made.id());
    let read = client.get(&path).await;
    assert_eq!(read.expect(200).body, made.body);
    for (name, value) in person("pia@acme.example").as_object().unwrap() {
        if name == "phoneNumbers" {
            let numbers: Vec<&Value> = made.body[name].as_array().unwrap().iter().map(|one| &one["value"]).collect();
            assert_eq!(numbers.len(), 2);
        } else if name != "schemas" {
            assert_eq!(&made.body[name], value, "{name}");
        }
    }
    client.post("/Users", &person("PIA@acme.example")).await.expect(409);
    // Who forgets `active` puts nobody out; who is out is still found.
    let mut forgetful = person("pia@acme.example");
    forgetful.as_object_mut().unwrap().remove("active");
    assert_eq!(client.put(&path, &forgetful).await.expect(200).body["active"], true);
    let off = client.patch(&path, json!([{"op": "replace", "path": "active", "value": false}])).await;
    assert_eq!(off.expect(200).body["active"], false);
    assert_eq!(client.put(&path, &forgetful).await.expect(200).body["active"], false);
    assert_eq!(client.find("pia@acme.example").await["active"], false);
    client.delete(&path).await.expect(204);
    client.delete(&path).await.expect(404);
    client.post("/Users", &person("pia@acme.example")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_pushed_and_fifty_clients_lose_nothing() {
    let desk = pushed_desk().await;
    let client = desk.client_of("idp").await;
    let group = client.post("/Groups", &json!({"displayName": "Sales", "externalId": "g1", "members": []})).await;
    assert_eq!(group.expect(201).body["externalId"], "g1");
    client.post("/Groups", &json!({"displayName": "sales"})).await.expect(409);
    let path = format!("/Groups/{}", group.id());
    let mut ids = Vec::new();
    for n in 0..50 {
        ids.push(client.post("/Users", &person(&format!("p{n}@acme.example"))).await.expect(201).id().to_owned());
    }
    futures::future::join_all(ids.iter().map(|id| {
        let (client, path) = (&client, &path);
        async move {
            client.patch(path, json!([{"op": "Add", "path": "members", "value": [{"value": id}]}])).await.expect(204);
        }
    }))
    .await;
    assert_eq!(client.get(&path).await.body["members"].as_array().unwrap().len(), 50);
    futures::future::join_all(ids.iter().take(30).map(|id| {
        let (client, path) = (&client, &path);
        async move {
            let of = format!("members[value eq \"{id}\"]");
            client.patch(path, json!([{"op": "remove", "path": of}])).await.expect(204);
        }
    }))
    .await;
    assert_eq!(client.get(&path).await.body["members"].as_array().unwrap().len(), 20);
    let renamed = json!([{"op": "replace", "value": {"displayName": "Sales EU"}}]);
    client.patch(&path, renamed).await.expect(204);
    let member = client.get(&format!("/Users/{}", ids[49])).await;
    assert_eq!(member.body["groups"][0]["display"], "Sales EU", "{member:?}");
    client.patch(&path, json!([{"op": "replace", "path": "members", "value": []}])).await.expect(204);
    assert!(client.get(&path).await.body["members"].as_array().is_none_or(Vec::is_empty));
    client.delete(&path).await.expect(204);
    client.get(&path).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_the_connection_makes_nobody_a_joiner_and_a_leaver_is_who_is_switched_off() {
    let desk = pushed_desk().await;
    let client = desk.client_of("idp").await;
    let probe = client.get("/Users?filter=userName%20eq%20%22b1d0c0de-0000-4000-8000-000000000000%22").await;
    assert_eq!(probe.expect(200).body["totalResults"], 0);
    let test = client.post("/Users", &person("test.user@acme.example")).await;
    test.expect(201);
    let known = |login: &'static str| {
        let house = desk.house.clone();
        async move {
            let company = company(&house, &Scope::default()).await.unwrap();
            let graph = company.graph(&house);
            graph.search(login).first().map(|at| graph.identity_at(*at).state.as_str())
        }
    };
    assert_eq!(known("test.user@acme.example").await, None, "somebody new is not believed at once");
    client.delete(&format!("/Users/{}", test.id())).await.expect(204);
    let job = desk.house.store.job("reconcile", "company").await.unwrap();
    assert!(job.is_some(), "the judging of the company is woken");
    // A person who was pushed a while ago.
    let made = client.post("/Users", &person("pia@acme.example")).await;
    let key = tenure_core::account::AccountKey::new(
        &"idp".into(),
        tenure_core::account::Kind::Person,
        made.id().strip_prefix("person-").unwrap(),
    );
    let mut account = desk.house.store.account(&key, None).await.unwrap().unwrap().account;
    account.created_ms = Some(account.created_ms.unwrap() - 3_600_000);
    tenure_engine::pushed::record(&desk.house, &account).await.unwrap();
    assert_eq!(known("pia@acme.example").await, Some("active"));
    let path = format!("/Users/{}", made.id());
    client.patch(&path, json!([{"op": "Replace", "path": "active", "value": "False"}])).await.expect(200);
    let now = desk.house.store.account(&key, None).await.unwrap().unwrap().account;
    assert_eq!(now.state, AccountState::Suspended);
    assert_eq!(known("pia@acme.example").await, Some("left"));
    client.patch(&path, json!([{"op": "replace", "value": {"active": true}}])).await.expect(200);
    client.delete(&path).await.expect(204);
    assert_ne!(known("pia@acme.example").await, Some("left"), "a record that is gone makes nobody a leaver");
}
