//! The traps of Gorgias.

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{Client, calm, client};

async fn role(gorgias: &Client, name: &str) -> Value {
    let roles = gorgias.get("/roles").await.body;
    let found = roles["data"].as_array().and_then(|roles| roles.iter().find(|role| role["name"] == name));
    found.map(|role| role["id"].clone()).expect("a role of this name")
}

#[tokio::test]
async fn a_list_is_walked_by_a_cursor_that_belongs_to_it() {
    let sandbox = calm().await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = gorgias.get(&format!("/users?limit=4{cursor}")).await.body;
        ids.extend(page["data"].as_array().expect("rows").iter().map(|user| user["id"].clone()));
        let total = page["meta"]["total_count"].as_u64();
        match page["meta"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break assert_eq!(total, Some(ids.len() as u64)),
        }
    }
    assert_eq!(ids.len(), sandbox.world().list(Vendor::Gorgias).len());
    for foreign in [format!("/users?order_by=created_datetime:desc{cursor}"), "/users?cursor=abc123".into()] {
        assert_eq!(gorgias.get(&foreign).await.status, 400);
    }
    let newest = gorgias.get("/users?limit=1&order_by=created_datetime:desc").await.body;
    assert_eq!(newest["data"][0]["id"], ids[ids.len() - 1]);
    assert_eq!(gorgias.get("/users?limit=101").await.status, 400);
}

#[tokio::test]
async fn an_invitation_shows_as_active_and_takes_a_seat() {
    let sandbox = calm().await;
    let (gorgias, world) = (client(&sandbox, Vendor::Gorgias), sandbox.world());
    let (taken, _) = world.seats(Vendor::Gorgias).expect("seats");
    world.set_seats(Vendor::Gorgias, taken + 1);
    let body = json!({"email": "new@acme.example", "name": "New", "role": {"id": role(&gorgias, "agent").await}});
    let made = gorgias.post("/users", body.clone()).await;
    assert_eq!((made.status, &made.body["active"]), (201, &json!(true)));
    assert_eq!(world.state(Vendor::Gorgias, "new@acme.example"), Some("invited"));
    assert_eq!(gorgias.post("/users", body).await.status, 409);
    let full = gorgias.post("/users", json!({"email": "next@acme.example", "name": "Next"})).await;
    assert_eq!((full.status, world.count(Vendor::Gorgias, "next@acme.example")), (422, 0));
    assert!(world.confirm(Vendor::Gorgias, "NEW@acme.example"));
    assert_eq!(world.state(Vendor::Gorgias, "new@acme.example"), Some("active"));
}

#[tokio::test]
async fn a_put_resets_what_it_leaves_out() {
    let sandbox = calm().await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    let id = sandbox.world().id(Vendor::Gorgias, "lena.fischer@acme.example").expect("an account");
    let before = gorgias.get(&format!("/users/{id}")).await.body;
    assert_eq!((&before["role"]["name"], &before["meta"]["imported_from"]), (&json!("admin"), &json!("csv")));
    let after = gorgias.put(&format!("/users/{id}"), json!({"active": false})).await.body;
    assert_eq!((&after["email"], &after["name"]), (&before["email"], &before["name"]));
    assert_eq!((&after["active"], &after["role"]["name"]), (&json!(false), &json!("agent")));
    assert!(["meta", "timezone", "firstname", "signature"].iter().all(|field| after[*field].is_null()));
    let again = gorgias.put(&format!("/users/{id}"), json!({"name": "Lena"})).await.body;
    assert_eq!(again["active"], true, "leaving out `active` switches a person on again");
}

#[tokio::test]
async fn a_role_is_an_existing_id_and_read_only_fields_stay_at_home() {
    let sandbox = calm().await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    let id = sandbox.world().id(Vendor::Gorgias, "tom.baker@acme.example").expect("an account");
    for body in [
        json!({"role": {"id": 1}}),
        json!({"role": {"name": "admin"}}),
        json!({"role": "admin"}),
        json!({"id": 7}),
        json!({"created_datetime": "2020-01-01T00:00:00Z"}),
        json!({"email": "not an address"}),
    ] {
        assert_eq!(gorgias.put(&format!("/users/{id}"), body.clone()).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_lookup_needs_its_plus_encoded_and_a_delete_is_forever() {
    let sandbox = calm().await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    let found = gorgias.get("/users?email=SAM%2Bsupport@acme.example").await.body;
    assert_eq!(found["meta"]["total_count"], 1);
    assert_eq!(gorgias.get("/users?email=sam+support@acme.example").await.body["data"], json!([]));
    let path = format!("/users/{}", found["data"][0]["id"]);
    let gone = gorgias.delete(&path).await;
    assert_eq!((gone.status, gone.raw.len()), (204, 0));
    assert_eq!((gorgias.get(&path).await.status, gorgias.delete(&path).await.status), (404, 404));
    assert_eq!(gorgias.get("/customers").await.status, 404);
}
