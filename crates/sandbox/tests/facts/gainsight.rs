//! The traps of Gainsight.

use serde_json::json;
use tenure_sandbox::*;

use crate::client::{calm, client};

const CHLOE: &str = "chloe.martin@acme.example";

#[tokio::test]
async fn a_list_holds_inactive_users_and_a_total() {
    let sandbox = calm().await;
    let gainsight = client(&sandbox, Vendor::Gainsight);
    let id = sandbox.world().id(Vendor::Gainsight, CHLOE).expect("an account");
    let gone = gainsight.delete(&format!("/users/{id}")).await;
    assert_eq!((gone.status, &gone.body["result"]), (200, &json!(true)));
    assert_eq!(gainsight.get(&format!("/users/{id}")).await.body["data"]["isActive"], false);
    let all = gainsight.get("/users").await.body;
    let active = gainsight.get("/users?isActive=true&pageSize=1000").await.body;
    let count = all["totalCount"].as_u64().expect("a total");
    assert_eq!(active["totalCount"], count - 1);
    assert_eq!(gainsight.get("/users?pageSize=2&page=99").await.body["data"], json!([]));
    assert_eq!(gainsight.get("/users?pageSize=1001").await.status, 400);
    assert_eq!(gainsight.get(&format!("/users?email={CHLOE}")).await.body["totalCount"], count, "no such filter");
}

#[tokio::test]
async fn an_unknown_manager_fails_inside_a_200() {
    let sandbox = calm().await;
    let gainsight = client(&sandbox, Vendor::Gainsight);
    let mut body = json!({"email": "new@acme.example", "firstName": "New", "lastName": "User",
        "role": "Standard User", "managerId": "u123"});
    let refused = gainsight.post("/users", body.clone()).await;
    assert_eq!((refused.status, &refused.body["result"]), (200, &json!(false)));
    assert_eq!(sandbox.world().count(Vendor::Gainsight, "new@acme.example"), 0);
    assert_eq!(sandbox.statistics().of(Vendor::Gainsight).creates, 0);
    body["managerId"] = sandbox.world().id(Vendor::Gainsight, "nadia.petrov@acme.example").into();
    let made = gainsight.post("/users", body.clone()).await.body;
    assert_eq!((&made["result"], &made["data"]["name"]), (&json!(true), &json!("New User")));
    assert_eq!(gainsight.post("/users", body).await.status, 400);
}

#[tokio::test]
async fn a_role_matches_exactly_or_not_at_all() {
    let sandbox = calm().await;
    let gainsight = client(&sandbox, Vendor::Gainsight);
    let id = sandbox.world().id(Vendor::Gainsight, CHLOE).expect("an account");
    for role in ["standard user", "Standard User ", "Owner", ""] {
        assert_eq!(gainsight.put(&format!("/users/{id}"), json!({"role": role})).await.status, 400, "{role}");
    }
    assert_eq!(gainsight.put(&format!("/users/{id}"), json!({"role": "Viewer"})).await.status, 200);
}

#[tokio::test]
async fn undefined_attributes_and_groups_are_dropped_in_silence() {
    let sandbox = calm().await;
    let gainsight = client(&sandbox, Vendor::Gainsight);
    let path = format!("/users/{}", sandbox.world().id(Vendor::Gainsight, CHLOE).expect("an account"));
    let sent = json!({"customAttributes": {"region": "EU", "shoeSize": 44}, "groups": ["g1"]});
    assert_eq!(gainsight.put(&path, sent).await.body["result"], true);
    let user = gainsight.get(&path).await.body["data"].clone();
    assert_eq!((&user["customAttributes"], &user["groups"]), (&json!({"region": "EU"}), &json!([])));
}

#[tokio::test]
async fn a_put_is_partial_or_full_by_the_tenants_version() {
    let sandbox = calm().await;
    let gainsight = client(&sandbox, Vendor::Gainsight);
    let path = format!("/users/{}", sandbox.world().id(Vendor::Gainsight, CHLOE).expect("an account"));
    let answer = gainsight.put(&path, json!({"title": "Lead"})).await.body;
    assert_eq!(answer["data"].as_object().map(serde_json::Map::len), Some(2), "userId and what was sent");
    assert_eq!(gainsight.get(&path).await.body["data"]["department"], "Customer Success");
    sandbox.world().set_gainsight_put(PutStyle::Full);
    assert_eq!(gainsight.put(&path, json!({"isActive": false})).await.status, 400);
    let whole = json!({"email": CHLOE, "firstName": "Chloe", "lastName": "Martin", "role": "Viewer"});
    assert_eq!(gainsight.put(&path, whole).await.status, 200);
    let user = gainsight.get(&path).await.body["data"].clone();
    assert!(user["title"].is_null() && user["externalId"].is_null());
    assert!(sandbox.world().change(Vendor::Gainsight, CHLOE, &json!({"groups": ["EMEA"]})));
    let mut whole = json!({"email": CHLOE, "firstName": "Chloe", "lastName": "Martin", "role": "Viewer"});
    for (groups, left) in [(json!(["EMEA", "g1"]), json!(["EMEA"])), (json!(null), json!([]))] {
        whole["groups"] = groups;
        assert_eq!(gainsight.put(&path, whole.clone()).await.status, 200);
        assert_eq!(gainsight.get(&path).await.body["data"]["groups"], left);
    }
}
