//! The traps of Freshdesk.

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{Client, calm, client};

const TOM: &str = "tom.baker@acme.example";

async fn role(desk: &Client, name: &str) -> Value {
    let roles = desk.get("/roles").await.body;
    let found = roles.as_array().and_then(|roles| roles.iter().find(|role| role["name"] == name));
    found.map(|role| role["id"].clone()).expect("a role of this name")
}

#[tokio::test]
async fn the_default_list_hides_the_invited_and_the_deactivated() {
    let sandbox = calm().await;
    let desk = client(&sandbox, Vendor::Freshdesk);
    let listed =
        |body: &Value, email: &str| body.as_array().is_some_and(|rows| rows.iter().any(|row| row["email"] == email));
    let active = desk.get("/agents?per_page=100").await.body;
    let inactive = desk.get("/agents?per_page=100&active=false").await.body;
    assert!(listed(&active, TOM) && !listed(&inactive, TOM));
    for hidden in ["yuki.sato@acme.example", "rosa.lind@acme.example"] {
        assert!(!listed(&active, hidden) && listed(&inactive, hidden), "{hidden}");
    }
    assert_eq!(desk.get("/agents?email=yuki.sato@acme.example").await.body, json!([]));
    assert_eq!(active[0]["contact"]["name"], active[0]["name"]);
}

#[tokio::test]
async fn a_created_agent_is_inactive_until_it_confirms() {
    let sandbox = calm().await;
    let (desk, world) = (client(&sandbox, Vendor::Freshdesk), sandbox.world());
    let body = json!({"name": "New Agent", "email": "new@acme.example", "ticket_scope": 2});
    let made = desk.post("/agents", body.clone()).await;
    assert_eq!((made.status, &made.body["active"]), (201, &json!(false)));
    assert_eq!(made.body["role_ids"], json!([role(&desk, "Agent").await]), "the default is granted unasked");
    assert_eq!(desk.post("/agents", body).await.status, 409);
    assert!(world.confirm(Vendor::Freshdesk, "new@acme.example"));
    assert_eq!(desk.get(&format!("/agents/{}", made.body["id"])).await.body["active"], true);
}

#[tokio::test]
async fn seats_count_invitations_and_a_full_house_is_400() {
    let sandbox = calm().await;
    let (desk, world) = (client(&sandbox, Vendor::Freshdesk), sandbox.world());
    let (taken, _) = world.seats(Vendor::Freshdesk).expect("seats");
    world.set_seats(Vendor::Freshdesk, taken + 1);
    assert_eq!(desk.post("/agents", json!({"name": "A", "email": "a@acme.example"})).await.status, 201);
    assert_eq!(desk.post("/agents", json!({"name": "B", "email": "b@acme.example"})).await.status, 400);
    let contact = desk.get("/contacts?email=bob@customer.example").await.body[0]["id"].clone();
    assert_eq!(desk.put(&format!("/contacts/{contact}/make_agent"), json!({})).await.status, 400);
}

#[tokio::test]
async fn a_put_is_partial_and_ignores_the_email() {
    let sandbox = calm().await;
    let desk = client(&sandbox, Vendor::Freshdesk);
    let id = sandbox.world().id(Vendor::Freshdesk, TOM).expect("an account");
    let before = desk.get(&format!("/agents/{id}")).await.body;
    let sent = json!({"email": "other@acme.example", "job_title": "Lead"});
    let after = desk.put(&format!("/agents/{id}"), sent).await;
    assert_eq!((after.status, &after.body["email"]), (200, &json!(TOM)));
    assert_eq!((&after.body["job_title"], &after.body["group_ids"]), (&json!("Lead"), &before["group_ids"]));
    for body in [
        json!({"active": true}),
        json!({"id": 5}),
        json!({"tags": ["x"]}),
        json!({"company_id": 5}),
        json!({"contact": {"name": "x"}}),
        json!({"ticket_scope": 4}),
        json!({"type": "robot"}),
        json!({"role_ids": [1]}),
        json!({"group_ids": [1]}),
        json!({"custom_fields": {"undefined": 1}}),
    ] {
        assert_eq!(desk.put(&format!("/agents/{id}"), body.clone()).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_deleted_agent_stays_readable_and_returns_through_its_contact() {
    let sandbox = calm().await;
    let (desk, world) = (client(&sandbox, Vendor::Freshdesk), sandbox.world());
    let id = world.id(Vendor::Freshdesk, TOM).expect("an account");
    assert_eq!(desk.get(&format!("/contacts?email={TOM}")).await.body, json!([]), "an agent is no contact");
    let gone = desk.delete(&format!("/agents/{id}")).await;
    assert_eq!((gone.status, gone.raw.len()), (204, 0));
    assert_eq!(desk.get(&format!("/agents/{id}")).await.body["active"], false);
    assert_eq!(desk.post("/agents", json!({"name": "Tom Baker", "email": TOM})).await.status, 409);
    let contact = desk.get(&format!("/contacts?email={TOM}")).await.body[0]["id"].clone();
    let made = desk.put(&format!("/contacts/{contact}/make_agent"), json!({"ticket_scope": 2})).await;
    assert_eq!((made.status, &made.body["active"]), (200, &json!(false)));
    assert_ne!(made.body["id"], contact);
    assert_eq!((world.state(Vendor::Freshdesk, TOM), world.count(Vendor::Freshdesk, TOM)), (Some("invited"), 1));
}

#[tokio::test]
async fn a_made_agent_has_an_id_of_its_own() {
    let sandbox = calm().await;
    let desk = client(&sandbox, Vendor::Freshdesk);
    assert_eq!(desk.post("/contacts", json!({"name": "Nobody"})).await.status, 400);
    let bob = json!({"name": "Bob", "email": "bob@customer.example"});
    assert_eq!(desk.post("/contacts", bob).await.status, 409);
    let contact = desk.get("/contacts?email=bob@customer.example").await.body[0]["id"].clone();
    let agent = desk.put(&format!("/contacts/{contact}/make_agent"), json!({})).await.body;
    assert_ne!(agent["id"], contact);
    assert_eq!(desk.get(&format!("/agents/{contact}")).await.status, 404);
    assert_eq!(desk.get(&format!("/agents/{}", agent["id"])).await.status, 200);
}

#[tokio::test]
async fn pages_end_with_an_empty_one_when_the_count_fits() {
    let sandbox = calm().await;
    let desk = client(&sandbox, Vendor::Freshdesk);
    let roles = desk.get("/roles?per_page=2&page=2").await.body;
    assert_eq!(roles.as_array().map(Vec::len), Some(2));
    assert_eq!(desk.get("/roles?per_page=2&page=3").await.body, json!([]));
    assert_eq!(desk.get("/agents?per_page=101").await.status, 400);
}

#[tokio::test]
async fn updated_since_includes_its_own_second() {
    let sandbox = calm().await;
    let desk = client(&sandbox, Vendor::Freshdesk);
    let bob = desk.get("/contacts?email=bob@customer.example").await.body[0].clone();
    let bob = desk.put(&format!("/contacts/{}", bob["id"]), json!({"phone": "1"})).await.body;
    let since = bob["updated_at"].as_str().expect("a time");
    let changed = desk.get(&format!("/contacts?updated_since={since}")).await.body;
    assert_eq!(changed.as_array().map(|rows| rows.iter().map(|row| &row["id"]).collect()), Some(vec![&bob["id"]]));
    assert_eq!(desk.get("/contacts?updated_since=yesterday").await.status, 400);
    assert_eq!(desk.delete(&format!("/contacts/{}", bob["id"])).await.status, 204);
    assert_eq!(desk.get("/contacts?email=bob@customer.example").await.body, json!([]));
    assert_eq!(desk.get("/contacts?email=bob@customer.example&deleted=true").await.body[0]["id"], bob["id"]);
}
