//! The SCIM surfaces: doors of their own with tokens of their own, onto the same people. Each fact is asserted over real
//! HTTP, with the REST surface as the witness.

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{Client, calm, client, live, options, owner, scim};

const TOM: &str = "tom.baker@acme.example";
const ROSA: &str = "rosa.lind@acme.example";
const FELIX: &str = "felix.braun@acme.example";
const PRIYA: &str = "priya.nair@acme.example";
const CHLOE: &str = "chloe.martin@acme.example";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const IS_AGENT: &str = "urn:ietf:params:scim:schemas:extension:freshservice:2.0:User:isAgent";

const WITH_SCIM: [(Vendor, &str); 3] = [
    (Vendor::Freshdesk, FRESHDESK_SCIM_TOKEN),
    (Vendor::Freshservice, FRESHSERVICE_SCIM_TOKEN),
    (Vendor::Gainsight, GAINSIGHT_SCIM_TOKEN),
];

fn open(sandbox: &Sandbox, vendor: Vendor) -> Client {
    sandbox.world().set_sso(vendor, true);
    let token = WITH_SCIM.iter().find(|(with, _)| *with == vendor).map(|(_, token)| *token);
    scim(sandbox, vendor, token.expect("a vendor with SCIM"))
}

fn person(email: &str) -> Value {
    json!({"schemas": [CORE], "userName": email, "name": {"givenName": "New", "familyName": "Person"}})
}

fn patch(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

fn set(path: &str, value: Value) -> Value {
    patch(json!([{"op": "replace", "path": path, "value": value}]))
}

async fn find(directory: &Client, email: &str) -> Value {
    let filter = format!("userName%20eq%20%22{email}%22");
    directory.get(&format!("/Users?filter={filter}")).await.body["Resources"][0].clone()
}

async fn path(directory: &Client, email: &str) -> String {
    format!("/Users/{}", find(directory, email).await["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn each_door_takes_its_own_credential_only() {
    let sandbox = calm().await;
    for (vendor, token) in WITH_SCIM {
        let directory = open(&sandbox, vendor);
        let people = directory.get("/Users").await;
        assert_eq!((people.status, people.header("content-type")), (200, Some("application/scim+json")), "{vendor}");
        for auth in [owner(vendor), "Authorization: Bearer wrong".into(), format!("Authorization: Basic {token}")] {
            let refused = open(&sandbox, vendor).with(auth).get("/Users").await;
            assert_eq!((refused.status, &refused.body["status"]), (401, &json!("401")), "{vendor}");
        }
        let rest = client(&sandbox, vendor).with(format!("Authorization: Bearer {token}"));
        let list = if vendor == Vendor::Gainsight { "/users" } else { "/agents" };
        assert_eq!(rest.get(list).await.status, 401, "{vendor}");
        assert_eq!(sandbox.statistics().of(vendor).scim, 4, "{vendor}");
    }
    for vendor in [Vendor::Gorgias, Vendor::Gladly] {
        assert_eq!(sandbox.surface_url(vendor, Surface::Scim), None);
    }
}

#[tokio::test]
async fn without_sso_a_surface_is_shut_and_gainsight_does_not_say_why() {
    let sandbox = calm().await;
    for (vendor, _) in WITH_SCIM {
        let directory = open(&sandbox, vendor);
        sandbox.world().set_sso(vendor, false);
        let refused = directory.get("/Users").await;
        assert_eq!((refused.status, refused.raw.is_empty()), (403, vendor == Vendor::Gainsight), "{vendor}");
    }
}

#[tokio::test]
async fn scim_takes_the_highest_plan() {
    let plans = Plans { freshdesk: FreshdeskPlan::Pro, freshservice: FreshservicePlan::Pro, ..Plans::default() };
    let sandbox = start(Options { limits: Limits::Published(plans), ..options() }).await.expect("the sandbox starts");
    for vendor in [Vendor::Freshdesk, Vendor::Freshservice] {
        let refused = open(&sandbox, vendor).get("/Users").await;
        assert_eq!(refused.status, 403, "{vendor}");
        assert!(refused.body["detail"].as_str().is_some_and(|detail| detail.contains("plan")), "{vendor}");
    }
}

#[tokio::test]
async fn a_list_counts_from_one_and_says_how_many_there_are() {
    let sandbox = calm().await;
    for (vendor, _) in WITH_SCIM {
        let directory = open(&sandbox, vendor);
        let all = directory.get("/Users").await.body;
        let total = all["totalResults"].as_u64().expect("a number");
        let ids = |body: &Value| -> Vec<Value> {
            body["Resources"].as_array().into_iter().flatten().map(|user| user["id"].clone()).collect()
        };
        let (first, second) =
            (directory.get("/Users?count=2").await.body, directory.get("/Users?startIndex=3&count=2").await.body);
        assert_eq!([ids(&first), ids(&second)].concat(), ids(&all)[..4], "{vendor}");
        assert_eq!((&second["startIndex"], &second["itemsPerPage"]), (&json!(3), &json!(2)));
        assert_eq!(second["totalResults"], total);
        assert_eq!(ids(&directory.get("/Users?count=0").await.body).len(), 0);
        assert_eq!(ids(&directory.get("/Users?startIndex=0&count=1").await.body), ids(&all)[..1]);
        assert_eq!(ids(&directory.get(&format!("/Users?startIndex={}", total + 1)).await.body).len(), 0);
        for filter in ["userName%20co%20%22a%22", "title%20eq%20%22a%22", "userName%20eq%20a"] {
            let refused = directory.get(&format!("/Users?filter={filter}")).await;
            assert_eq!((refused.status, &refused.body["scimType"]), (400, &json!("invalidFilter")), "{filter}");
        }
        assert_eq!(directory.get("/Users/0").await.status, 404);
        assert_eq!(directory.get("/Nowhere").await.status, 404);
    }
}

#[tokio::test]
async fn a_list_may_never_get_past_its_second_page() {
    let sandbox = calm().await;
    sandbox.set_faults(vec!["repeat-cursor:app=freshdesk".parse().expect("a fault")]);
    let directory = open(&sandbox, Vendor::Freshdesk);
    let second = directory.get("/Users?startIndex=3&count=2").await.body;
    assert_eq!(directory.get("/Users?startIndex=5&count=2").await.body, second);
    assert_ne!(directory.get("/Users?startIndex=1&count=2").await.body, second);
}

#[tokio::test]
async fn a_bad_body_changes_nothing() {
    let sandbox = calm().await;
    for (vendor, email) in [(Vendor::Freshdesk, TOM), (Vendor::Freshservice, FELIX), (Vendor::Gainsight, CHLOE)] {
        let directory = open(&sandbox, vendor);
        let (user, before) = (path(&directory, email).await, sandbox.world().find(vendor, email));
        for body in [
            json!({}),
            json!({"schemas": [CORE]}),
            json!({"schemas": [CORE], "userName": "nobody"}),
            json!({"userName": "new@acme.example"}),
        ] {
            assert_eq!(directory.post("/Users", body.clone()).await.status, 400, "{vendor} {body}");
            assert_eq!(directory.put(&user, body.clone()).await.status, 400, "{vendor} {body}");
        }
        for body in [
            json!({}),
            patch(json!([])),
            set("shoeSize", json!(4)),
            set("active", json!("perhaps")),
            patch(json!([{"op": "replace", "path": "active", "value": false}, {"op": "move"}])),
        ] {
            assert_eq!(directory.patch(&user, body.clone()).await.status, 400, "{vendor} {body}");
        }
        let twin = directory.post("/Users", person(&email.to_uppercase())).await;
        assert_eq!((twin.status, &twin.body["scimType"]), (409, &json!("uniqueness")), "{vendor}");
        assert_eq!(sandbox.world().find(vendor, email), before, "{vendor}");
    }
}

#[tokio::test]
async fn a_freshdesk_user_is_the_agent_under_another_id() {
    let sandbox = calm().await;
    let (desk, directory) = (client(&sandbox, Vendor::Freshdesk), open(&sandbox, Vendor::Freshdesk));
    let id = sandbox.world().id(Vendor::Freshdesk, TOM).expect("an account");
    let user = path(&directory, TOM).await;
    assert_ne!(user, format!("/Users/{id}"));
    assert_eq!(directory.get(&format!("/Users/{id}")).await.status, 404);
    let renamed = directory.patch(&user, set("userName", json!("thomas@acme.example"))).await;
    assert_eq!((renamed.status, &renamed.body["userName"]), (200, &json!("thomas@acme.example")));
    assert_eq!(desk.get(&format!("/agents/{id}")).await.body["email"], "thomas@acme.example", "REST could not do that");
    let body = json!({"schemas": [CORE], "userName": "thomas@acme.example", "externalId": "E00007",
        "name": {"givenName": "Thomas", "familyName": "Baker"}, "title": "Lead"});
    assert_eq!(directory.put(&user, body).await.body["externalId"], "E00007");
    let agent = desk.get(&format!("/agents/{id}")).await.body;
    assert_eq!(
        (&agent["name"], &agent["job_title"], &agent["phone"]),
        (&json!("Thomas Baker"), &json!("Lead"), &json!(null))
    );
    assert_eq!(directory.delete(&user).await.status, 204);
    assert_eq!(desk.get(&format!("/agents/{id}")).await.body["active"], false);
    assert_eq!(directory.get(&user).await.body["active"], false);
    assert_eq!(directory.get("/Groups").await.status, 404);
}

#[tokio::test]
async fn a_freshdesk_user_takes_a_seat_and_has_to_confirm() {
    let sandbox = calm().await;
    let (world, directory) = (sandbox.world(), open(&sandbox, Vendor::Freshdesk));
    let (taken, _) = world.seats(Vendor::Freshdesk).expect("seats");
    world.set_seats(Vendor::Freshdesk, taken + 1);
    let made = directory.post("/Users", person("new@acme.example")).await;
    assert_eq!((made.status, made.header("location")), (201, made.body["meta"]["location"].as_str()));
    assert_eq!(world.state(Vendor::Freshdesk, "new@acme.example"), Some("invited"));
    let full = directory.post("/Users", person("other@acme.example")).await;
    assert!(full.status == 400 && full.body["detail"].as_str().is_some_and(|detail| detail.contains("limit")));
    let back = directory.patch(&path(&directory, ROSA).await, set("active", json!(true))).await;
    assert_eq!((back.status, world.state(Vendor::Freshdesk, ROSA)), (400, Some("suspended")));
    world.set_seats(Vendor::Freshdesk, taken + 2);
    let back = directory.patch(&path(&directory, ROSA).await, set("active", json!(true))).await;
    assert_eq!((back.status, world.state(Vendor::Freshdesk, ROSA)), (200, Some("active")));
}

#[tokio::test]
async fn a_live_freshdesk_user_outlives_the_agent_as_its_contact() {
    let sandbox = live(Vendor::Freshdesk).await;
    let (desk, directory, world) =
        (client(&sandbox, Vendor::Freshdesk), open(&sandbox, Vendor::Freshdesk), sandbox.world());
    let id = world.id(Vendor::Freshdesk, TOM).expect("an account");
    let user = path(&directory, TOM).await;
    assert_eq!(directory.delete(&user).await.status, 204);
    assert_eq!(desk.get(&format!("/agents/{id}")).await.status, 404);
    assert_eq!(desk.get(&format!("/contacts?email={TOM}")).await.body[0]["email"], TOM);
    assert_eq!(directory.get(&user).await.body["active"], false);
    assert_eq!(directory.patch(&user, set("active", json!(true))).await.status, 200);
    assert_eq!(world.state(Vendor::Freshdesk, TOM), Some("invited"));
    assert_ne!(world.id(Vendor::Freshdesk, TOM), Some(id));
    let (taken, _) = world.seats(Vendor::Freshdesk).expect("seats");
    world.set_seats(Vendor::Freshdesk, taken);
    assert_eq!(directory.post("/Users", person("new@acme.example")).await.status, 403);
    world.set_seats(Vendor::Freshdesk, taken + 1);
    assert_eq!(directory.post("/Users", person("new@acme.example")).await.status, 201);
    assert_eq!(world.count(Vendor::Freshdesk, "new@acme.example"), 1);
}

#[tokio::test]
async fn freshservice_makes_requesters_and_promotes_nobody() {
    let sandbox = calm().await;
    let (service, directory) = (client(&sandbox, Vendor::Freshservice), open(&sandbox, Vendor::Freshservice));
    let mut body = person("new@acme.example");
    body["urn:ietf:params:scim:schemas:extension:freshservice:2.0:User"] = json!({"isAgent": true});
    let made = directory.post("/Users", body).await;
    assert_eq!((made.status, &made.body["active"]), (201, &json!(true)));
    let found = service.get("/requesters?email=new@acme.example").await.body;
    assert_eq!(found["requesters"][0]["last_name"], "Person");
    assert_eq!(service.get("/agents?email=new@acme.example").await.body, json!({"agents": []}));
    let user = path(&directory, PRIYA).await;
    assert_eq!(directory.delete(&user).await.status, 204);
    assert_eq!(sandbox.world().state(Vendor::Freshservice, PRIYA), Some("suspended"));
    assert_eq!(directory.get(&user).await.body["active"], false, "nothing is erased");
    let moved =
        directory.patch(&user, patch(json!([{"op": "replace", "value": {"active": true, "title": "X"}}]))).await;
    assert_eq!((moved.status, &moved.body["title"]), (200, &json!("X")));
    assert_eq!(sandbox.world().state(Vendor::Freshservice, PRIYA), Some("active"));
}

#[tokio::test]
async fn freshservice_groups_are_those_of_the_agents() {
    let sandbox = calm().await;
    let (service, directory) = (client(&sandbox, Vendor::Freshservice), open(&sandbox, Vendor::Freshservice));
    let (priya, felix) = (find(&directory, PRIYA).await["id"].clone(), find(&directory, FELIX).await["id"].clone());
    let groups =
        directory.get("/Groups?filter=displayName%20eq%20%22Hardware%22&excludedAttributes=members").await.body;
    let hardware = format!("/Groups/{}", groups["Resources"][0]["id"].as_str().expect("an id"));
    assert_eq!(groups["Resources"][0].get("members"), None);
    let add = |id: &Value| patch(json!([{"op": "add", "path": "members", "value": [{"value": id}]}]));
    assert_eq!(directory.patch(&hardware, add(&felix)).await.status, 400, "a requester is in no group");
    assert_eq!(directory.patch(&hardware, add(&priya)).await.body["members"], json!([{"value": priya}]));
    let agent = service.get(&format!("/agents?email={PRIYA}")).await.body["agents"][0].clone();
    assert_eq!(agent["group_ids"], json!([2200]));
    let remove = format!("members[value eq {priya}]");
    assert_eq!(directory.patch(&hardware, patch(json!([{"op": "remove", "path": remove}]))).await.status, 200);
    let made = directory.post("/Groups", json!({"displayName": "Printers", "members": [{"value": priya}]})).await;
    assert_eq!((made.status, service.get("/groups").await.body["groups"].as_array().map(Vec::len)), (201, Some(3)));
    assert_eq!(directory.post("/Groups", json!({"displayName": "printers"})).await.status, 409);
    let printers = format!("/Groups/{}", made.body["id"].as_str().expect("an id"));
    assert_eq!(directory.put(&printers, json!({"displayName": "Printing"})).await.body["members"], json!([]));
    assert_eq!(directory.delete(&printers).await.status, 204);
    assert_eq!(directory.get(&printers).await.status, 404);
}

#[tokio::test]
async fn live_freshservice_finds_by_user_name_alone_and_makes_agents() {
    let sandbox = live(Vendor::Freshservice).await;
    let (world, directory) = (sandbox.world(), open(&sandbox, Vendor::Freshservice));
    assert_eq!(directory.get("/Users?filter=externalId%20eq%20%22E1%22").await.status, 400);
    assert_eq!(directory.get("/Groups").await.status, 404);
    let user = path(&directory, FELIX).await;
    let (taken, _) = world.seats(Vendor::Freshservice).expect("seats");
    world.set_seats(Vendor::Freshservice, taken);
    assert_eq!(directory.patch(&user, set(IS_AGENT, json!(true))).await.status, 400, "it needs a seat");
    world.set_seats(Vendor::Freshservice, taken + 1);
    assert_eq!(directory.patch(&user, set(IS_AGENT, json!(true))).await.status, 200);
    let agent = world.find(Vendor::Freshservice, FELIX).expect("an account");
    assert_eq!((&agent["sandbox"]["kind"], &agent["occasional"]), (&json!("agent"), &json!(true)));
    assert_eq!(directory.patch(&user, set("title", json!("X"))).await.status, 200);
    assert_eq!(world.find(Vendor::Freshservice, FELIX).expect("an account")["sandbox"]["kind"], "agent");
    assert_eq!(directory.patch(&user, set(IS_AGENT, json!(false))).await.status, 200);
    assert_eq!(world.seats(Vendor::Freshservice), Some((taken, taken + 1)));
    let old = directory.post("/Users", person("old.anne-marie.daubigne@acme.example")).await;
    assert_eq!(old.status, 409, "a secondary address is taken too");
}

#[tokio::test]
async fn gainsight_keeps_the_external_id_and_deletes_nobody() {
    let sandbox = calm().await;
    let (gainsight, directory) = (client(&sandbox, Vendor::Gainsight), open(&sandbox, Vendor::Gainsight));
    let config = directory.get("/ServiceProviderConfig").await;
    assert_eq!((config.status, &config.body["patch"]["supported"]), (200, &json!(true)));
    let mut body = person("new@acme.example");
    body["externalId"] = json!("okta-1");
    let made = directory.post("/Users", body).await;
    assert_eq!((made.status, &made.body["active"]), (201, &json!(true)));
    let id = made.body["id"].as_str().expect("an id");
    let record = gainsight.get(&format!("/users/{id}")).await.body["data"].clone();
    assert_eq!((&record["externalId"], &record["name"]), (&json!("okta-1"), &json!("New Person")));
    assert_eq!(directory.post("/Users", json!({"schemas": [CORE], "userName": "x@acme.example"})).await.status, 400);
    for gone in [
        directory.patch(&format!("/Users/{id}"), set("active", json!(false))).await,
        directory.delete(&format!("/Users/{id}")).await,
    ] {
        assert!(gone.status == 200 || gone.status == 204);
        assert_eq!(gainsight.get(&format!("/users/{id}")).await.body["data"]["isActive"], false);
    }
    assert_eq!(directory.get(&format!("/Users/{id}")).await.body["active"], false);
}

#[tokio::test]
async fn gainsight_groups_are_made_by_scim_and_shown_by_rest() {
    let sandbox = calm().await;
    let (gainsight, directory) = (client(&sandbox, Vendor::Gainsight), open(&sandbox, Vendor::Gainsight));
    let chloe = find(&directory, CHLOE).await["id"].clone();
    let made = directory.post("/Groups", json!({"displayName": "EMEA", "members": [{"value": chloe}]})).await;
    assert_eq!(made.status, 201);
    let record = format!("/users/{}", chloe.as_str().expect("an id"));
    assert_eq!(gainsight.get(&record).await.body["data"]["groups"], json!(["EMEA"]));
    assert_eq!(gainsight.put(&record, json!({"groups": []})).await.status, 200);
    assert_eq!(gainsight.get(&record).await.body["data"]["groups"], json!(["EMEA"]), "REST does not write them");
    let group = format!("/Groups/{}", made.body["id"].as_str().expect("an id"));
    let none = patch(json!([{"op": "replace", "path": "members", "value": []}]));
    assert_eq!(directory.patch(&group, none).await.body["members"], json!([]));
    assert_eq!(gainsight.get(&record).await.body["data"]["groups"], json!([]));
    assert_eq!(directory.delete(&group).await.status, 405, "groups stay");
}
