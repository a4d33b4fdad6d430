//! The traps of Gladly.

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{calm, client};

const JANE: &str = "jane.doe@acme.example";

fn id_named(list: &Value, name: &str) -> Value {
    let items = list["items"].as_array().expect("items");
    items.iter().find(|item| item["name"] == name).map(|item| item["id"].clone()).expect("an item of this name")
}

#[tokio::test]
async fn a_list_holds_inactive_agents_unless_told() {
    let sandbox = calm().await;
    let gladly = client(&sandbox, Vendor::Gladly);
    let page = gladly.get("/agents").await.body;
    assert!(page["items"].as_array().is_some_and(|items| items.len() <= 20));
    let count = |body: &Value| body["items"].as_array().map_or(0, Vec::len);
    let all = gladly.get("/agents?limit=100").await.body;
    let active = gladly.get("/agents?limit=100&active=true").await.body;
    assert_eq!(count(&all), sandbox.world().list(Vendor::Gladly).len());
    assert!(count(&active) < count(&all));
    assert!(all["nextCursor"].is_null());
    let first = gladly.get("/agents?limit=2").await.body;
    let cursor = first["nextCursor"].as_str().expect("a cursor");
    let second = gladly.get(&format!("/agents?limit=2&cursor={cursor}")).await.body;
    assert_eq!(second["items"][0]["id"], all["items"][2]["id"]);
    assert_eq!(gladly.get(&format!("/agents?active=true&cursor={cursor}")).await.status, 400);
    assert_eq!(gladly.get(&format!("/teams?cursor={cursor}")).await.status, 400);
}

#[tokio::test]
async fn a_patch_keeps_scalars_replaces_arrays_and_answers_little() {
    let sandbox = calm().await;
    let gladly = client(&sandbox, Vendor::Gladly);
    let escalations = id_named(&gladly.get("/teams").await.body, "Escalations");
    let id = sandbox.world().id(Vendor::Gladly, JANE).expect("an account");
    let answer = gladly.patch(&format!("/agents/{id}"), json!({"teams": [escalations]})).await.body;
    assert_eq!(answer, json!({"id": id, "teams": [escalations]}));
    let whole = gladly.get(&format!("/agents/{id}")).await.body;
    assert_eq!((&whole["teams"], &whole["role"]), (&json!([escalations]), &json!("AGENT")));
    assert_eq!(whole["inboxes"].as_array().map(Vec::len), Some(1), "what is not sent stays");
    gladly.patch(&format!("/agents/{id}"), json!({"inboxes": []})).await;
    assert_eq!(gladly.get(&format!("/agents/{id}")).await.body["inboxes"], json!([]));
}

#[tokio::test]
async fn an_email_stays_taken_after_deactivation() {
    let sandbox = calm().await;
    let gladly = client(&sandbox, Vendor::Gladly);
    let body = json!({"emailAddress": "rosa.LIND@acme.example", "name": "Rosa Lind", "role": "AGENT"});
    assert_eq!(gladly.post("/agents", body).await.status, 409);
    let twin = gladly.get("/agents?emailAddress=rosa.lind@acme.example").await.body;
    assert_eq!(twin["items"][0]["active"], false);
    assert_eq!(gladly.get("/agents?emailAddress=rosa.lind@acme.example&active=true").await.body["items"], json!([]));
    let path = format!("/agents/{}", twin["items"][0]["id"].as_str().expect("an id"));
    assert_eq!(gladly.patch(&path, json!({"active": true})).await.body["active"], true);
    assert_eq!(gladly.patch(&path, json!({"emailAddress": JANE})).await.status, 409);
    assert_eq!(gladly.delete(&path).await.status, 405);
}

#[tokio::test]
async fn a_create_needs_its_three_fields_and_real_ids() {
    let sandbox = calm().await;
    let gladly = client(&sandbox, Vendor::Gladly);
    let whole = json!({"emailAddress": "new@acme.example", "name": "New Agent", "role": "AGENT"});
    for (field, value) in [
        ("emailAddress", Value::Null),
        ("name", json!("")),
        ("role", json!("SUPERVISOR")),
        ("teams", json!(["team_1"])),
        ("inboxes", json!(["General Support"])),
        ("agentStatus", json!("AVAILABLE")),
        ("id", json!("agt_1")),
    ] {
        let mut body = whole.clone();
        body[field] = value;
        assert_eq!(gladly.post("/agents", body).await.status, 400, "{field}");
    }
    let made = gladly.post("/agents", whole).await;
    assert_eq!((made.status, &made.body["active"]), (201, &json!(true)));
    assert_eq!(sandbox.world().state(Vendor::Gladly, "new@acme.example"), Some("invited"));
    let id = made.body["id"].as_str().expect("an id");
    let availability = gladly.get(&format!("/agents/{id}/availability")).await.body;
    assert_eq!(availability["status"], "OFFLINE");
    assert_eq!(gladly.put(&format!("/agents/{id}/availability"), json!({"status": "AWAY"})).await.status, 405);
}

#[tokio::test]
async fn two_inboxes_may_share_a_name() {
    let sandbox = calm().await;
    let inboxes = client(&sandbox, Vendor::Gladly).get("/inboxes").await.body;
    let twins = inboxes["items"].as_array().expect("items").iter().filter(|inbox| inbox["name"] == "Returns");
    assert_eq!(twins.count(), 2);
}
