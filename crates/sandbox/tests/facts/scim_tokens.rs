//! The SCIM surface of Gainsight as it documents itself: tokens that a client is given for a while, writes for super
//! admins only, roles and groups that no other surface writes.

use std::time::Duration;

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{Answer, Client, basic, client, live, scim};

const CHLOE: &str = "chloe.martin@acme.example";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:gainsight:2.0:User";

async fn desk(sandbox: &Sandbox, id: &str, secret: &str) -> Answer {
    let prefix = Surface::Token.prefix(Vendor::Gainsight, Dialect::Live).expect("a desk");
    let kind = "application/x-www-form-urlencoded";
    Client { addr: sandbox.addr(), prefix, auth: basic(id, secret), kind }.send("POST", "", None).await
}

async fn open(sandbox: &Sandbox) -> Client {
    let told = desk(sandbox, GAINSIGHT_SCIM_CLIENT, GAINSIGHT_SCIM_SECRET).await.body;
    scim(sandbox, Vendor::Gainsight, told["access_token"].as_str().expect("a token"))
}

fn patch(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

async fn find(directory: &Client, email: &str) -> Value {
    let filter = format!("userName%20eq%20%22{email}%22");
    directory.get(&format!("/Users?filter={filter}")).await.body["Resources"][0].clone()
}

async fn path(directory: &Client, email: &str) -> String {
    format!("/Users/{}", find(directory, email).await["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_token_is_given_for_an_id_and_a_secret_and_lasts_as_long_as_it_says() {
    let sandbox = live(Vendor::Gainsight).await;
    for (id, secret) in
        [(GAINSIGHT_SCIM_CLIENT, "wrong"), ("", ""), (GAINSIGHT_SCIM_READ_CLIENT, GAINSIGHT_SCIM_SECRET)]
    {
        let refused = desk(&sandbox, id, secret).await;
        assert_eq!((refused.status, &refused.body["error"]), (401, &json!("invalid_client")));
    }
    let told = desk(&sandbox, GAINSIGHT_SCIM_CLIENT, GAINSIGHT_SCIM_SECRET).await;
    assert_eq!(
        (told.status, &told.body["expires_in"], &told.body["token_type"]),
        (200, &json!(3600), &json!("Bearer"))
    );
    let directory = open(&sandbox).await;
    assert_eq!(directory.get("/Users").await.status, 200);
    sandbox.revoke_tokens();
    assert_eq!(directory.get("/Users").await.status, 401);
    sandbox.set_token_life(Duration::from_secs(1));
    let short = open(&sandbox).await;
    assert_eq!(short.get("/Users").await.status, 200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(short.get("/Users").await.status, 401);
    assert_eq!(sandbox.statistics().of(Vendor::Gainsight).tokens, 3);
    for token in [GAINSIGHT_SCIM_TOKEN, GAINSIGHT_ACCESS_KEY] {
        assert_eq!(scim(&sandbox, Vendor::Gainsight, token).get("/Users").await.status, 401, "no token is static");
    }
    let rest = client(&sandbox, Vendor::Gainsight).with(open(&sandbox).await.auth);
    assert_eq!(rest.post("/users/services/list", json!({})).await.status, 401);
}

#[tokio::test]
async fn anybody_reads_and_only_a_super_admin_writes() {
    let sandbox = live(Vendor::Gainsight).await;
    let told = desk(&sandbox, GAINSIGHT_SCIM_READ_CLIENT, GAINSIGHT_SCIM_READ_SECRET).await.body;
    let reads = scim(&sandbox, Vendor::Gainsight, told["access_token"].as_str().expect("a token"));
    let user = path(&reads, CHLOE).await;
    assert_eq!(reads.get(&user).await.status, 200);
    let refused = reads.delete(&user).await;
    assert_eq!((refused.status, &refused.body["status"]), (403, &json!("403")));
    assert_eq!(reads.post("/Users", json!({})).await.status, 403);
    assert_eq!(sandbox.world().state(Vendor::Gainsight, CHLOE), Some("active"));
}

#[tokio::test]
async fn a_body_must_be_declared_as_scim() {
    let sandbox = live(Vendor::Gainsight).await;
    let directory = open(&sandbox).await;
    let user = path(&directory, CHLOE).await;
    let plain = Client { kind: "application/json", ..directory };
    let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
    assert_eq!(plain.patch(&user, off).await.status, 415);
    assert_eq!(sandbox.world().state(Vendor::Gainsight, CHLOE), Some("active"));
}

#[tokio::test]
async fn roles_go_by_their_own_path_and_what_the_schema_lacks_does_not_stick() {
    let sandbox = live(Vendor::Gainsight).await;
    let directory = open(&sandbox).await;
    let user = path(&directory, CHLOE).await;
    assert_ne!(user, format!("/Users/{}", sandbox.world().id(Vendor::Gainsight, CHLOE).expect("an account")));
    let roles = |name: &str| patch(json!([{"op": "replace", "path": "roles", "value": [{"value": name}]}]));
    assert_eq!(directory.patch(&user, roles("CSM")).await.body["roles"], json!([{"value": "CSM"}]));
    assert_eq!(directory.patch(&user, roles("csm")).await.status, 400);
    let own = json!([{"op": "replace", "path": format!("{EXTENSION}:LicenseType"), "value": "Viewer"},
        {"op": "add", "path": format!("{EXTENSION}:custom_roles"), "value": ["CSM"]}]);
    let told = directory.patch(&user, patch(own)).await.body;
    assert_eq!(told[EXTENSION], json!({"LicenseType": "Viewer", "IsSuperAdmin": false}));
    let record = sandbox.world().find(Vendor::Gainsight, CHLOE).expect("an account");
    assert_eq!((&record["LicenseType"], &record["Roles"]), (&json!("Viewer"), &json!(["CSM"])));
    let license =
        |name: &str| patch(json!([{"op": "replace", "path": format!("{EXTENSION}:LicenseType"), "value": name}]));
    assert_eq!(directory.patch(&user, license("Free")).await.status, 400);
}

#[tokio::test]
async fn a_user_name_is_in_small_letters_whatever_the_address() {
    let sandbox = live(Vendor::Gainsight).await;
    let directory = open(&sandbox).await;
    let body = json!({"schemas": [CORE], "userName": "New.Person@acme.example", "externalId": "okta-1",
        "name": {"givenName": "New", "familyName": "Person"}});
    let made = directory.post("/Users", body.clone()).await;
    assert_eq!((made.status, &made.body["userName"]), (201, &json!("new.person@acme.example")));
    assert_eq!(directory.post("/Users", body).await.status, 409);
    let filter = "emails.value%20eq%20%22new.person@acme.example%22";
    assert_eq!(directory.get(&format!("/Users?filter={filter}")).await.body["totalResults"], 1);
    assert_eq!(directory.get("/Users?filter=externalId%20eq%20%22okta-1%22").await.status, 400);
    let list = client(&sandbox, Vendor::Gainsight).post("/users/services/list", json!({"limit": 50, "page": 0})).await;
    assert!(list.body.to_string().contains("New.Person@acme.example"), "the REST surface shows the same person");
    let user = path(&directory, "new.person@acme.example").await;
    assert_eq!(directory.delete(&user).await.status, 204);
    assert_eq!(sandbox.world().state(Vendor::Gainsight, "new.person@acme.example"), Some("suspended"));
    assert_eq!(directory.get(&user).await.body["active"], false);
}

#[tokio::test]
async fn groups_are_looked_up_by_name_without_their_members() {
    let sandbox = live(Vendor::Gainsight).await;
    let directory = open(&sandbox).await;
    let chloe = find(&directory, CHLOE).await["id"].clone();
    let made = directory.post("/Groups", json!({"displayName": "EMEA", "members": [{"value": chloe}]})).await;
    assert_eq!((made.status, &made.body["members"]), (201, &json!([{"value": chloe}])));
    let query = "/Groups?filter=displayName%20eq%20%22EMEA%22&excludedAttributes=members";
    let found = directory.get(query).await.body;
    assert_eq!((&found["totalResults"], found["Resources"][0].get("members")), (&json!(1), None));
    let group = format!("/Groups/{}", made.body["id"].as_str().expect("an id"));
    let stranger = patch(json!([{"op": "add", "path": "members", "value": [{"value": "0"}]}]));
    assert_eq!(directory.patch(&group, stranger).await.status, 400);
    let remove = patch(json!([{"op": "remove", "path": format!("members[value eq {chloe}]")}]));
    assert_eq!(directory.patch(&group, remove).await.body["members"], json!([]));
}

#[tokio::test]
async fn without_sso_it_fails_and_does_not_say_why() {
    let sandbox = live(Vendor::Gainsight).await;
    let directory = open(&sandbox).await;
    sandbox.world().set_sso(Vendor::Gainsight, false);
    let refused = directory.get("/Users").await;
    assert_eq!((refused.status, refused.raw.len()), (403, 0));
}
