//! The traps of Freshservice.

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{calm, client};

const FELIX: &str = "felix.braun@acme.example";
const PRIYA: &str = "priya.nair@acme.example";

fn role(id: u64) -> Value {
    json!([{"role_id": id, "assignment_scope": "entire_helpdesk"}])
}

#[tokio::test]
async fn agents_and_requesters_are_listed_apart_and_wrapped() {
    let sandbox = calm().await;
    let service = client(&sandbox, Vendor::Freshservice);
    let agent = service.get(&format!("/agents?email={PRIYA}")).await.body;
    assert_eq!((&agent["agents"][0]["role_ids"], &agent["agents"][0]["roles"]), (&json!([2102]), &role(2102)));
    assert!(agent["agents"][0].get("reporting_manager_id").is_none());
    assert_eq!(service.get(&format!("/requesters?email={PRIYA}")).await.body, json!({"requesters": []}));
    let requester = service.get(&format!("/requesters?email={FELIX}")).await.body;
    let id = &requester["requesters"][0]["id"];
    assert!(requester["requesters"][0]["reporting_manager_id"].is_number());
    assert_eq!(service.get(&format!("/requesters/{id}")).await.body["requester"]["email"], FELIX);
    assert_eq!(service.get(&format!("/agents/{id}")).await.status, 404);
}

#[tokio::test]
async fn an_email_is_taken_across_both_sorts_and_after_deletion() {
    let sandbox = calm().await;
    let service = client(&sandbox, Vendor::Freshservice);
    for email in [PRIYA, "FELIX.braun@acme.example", "derek.hall@acme.example"] {
        assert_eq!(service.post("/requesters", json!({"first_name": "X", "email": email})).await.status, 400);
        let agent = json!({"first_name": "X", "email": email, "roles": role(2102)});
        assert_eq!(service.post("/agents", agent).await.status, 400);
    }
    assert_eq!(service.get("/requesters?email=derek.hall@acme.example").await.body, json!({"requesters": []}));
    let hidden = service.get("/requesters?email=derek.hall@acme.example&active=false").await.body;
    let path = format!("/requesters/{}", hidden["requesters"][0]["id"]);
    assert_eq!(service.put(&path, json!({"active": true})).await.body["requester"]["active"], true);
    assert_eq!(service.delete(&path).await.status, 204);
    assert_eq!(service.get(&path).await.body["requester"]["active"], false);
}

#[tokio::test]
async fn an_agent_needs_roles_with_a_scope() {
    let sandbox = calm().await;
    let service = client(&sandbox, Vendor::Freshservice);
    let with = |roles: Value| json!({"first_name": "New", "email": "new@acme.example", "roles": roles});
    for roles in [
        json!([]),
        json!([{"role_id": 2102}]),
        json!([{"assignment_scope": "entire_helpdesk"}]),
        json!([{"role_id": 1, "assignment_scope": "entire_helpdesk"}]),
        json!([{"role_id": 2102, "assignment_scope": "everything"}]),
        json!([2102]),
    ] {
        assert_eq!(service.post("/agents", with(roles.clone())).await.status, 400, "{roles}");
    }
    assert_eq!(service.post("/agents", json!({"first_name": "New", "email": "new@acme.example"})).await.status, 400);
    let made = service.post("/agents", with(role(2102))).await;
    assert_eq!((made.status, &made.body["agent"]["active"]), (201, &json!(true)));
}

#[tokio::test]
async fn a_conversion_keeps_the_id_takes_a_seat_and_gives_no_role() {
    let sandbox = calm().await;
    let (service, world) = (client(&sandbox, Vendor::Freshservice), sandbox.world());
    let id = world.id(Vendor::Freshservice, FELIX).expect("an account");
    let (taken, _) = world.seats(Vendor::Freshservice).expect("seats");
    world.set_seats(Vendor::Freshservice, taken);
    let path = format!("/requesters/{id}/convert_to_agent");
    assert_eq!(service.send("PUT", &path, None).await.status, 400);
    world.set_seats(Vendor::Freshservice, taken + 1);
    let made = service.send("PUT", &path, None).await;
    assert_eq!((made.status, made.body["agent"]["id"].to_string()), (200, id.clone()));
    assert_eq!(made.body["agent"]["role_ids"], json!([]));
    assert_eq!(service.get(&format!("/requesters/{id}")).await.status, 404);
    let given = service.put(&format!("/agents/{id}"), json!({"roles": role(2102)})).await.body;
    assert_eq!(given["agent"]["role_ids"], json!([2102]));
    assert_eq!(world.count(Vendor::Freshservice, FELIX), 1);
}

#[tokio::test]
async fn a_put_is_partial_and_sso_makes_it_ignore_the_email() {
    let sandbox = calm().await;
    let (service, world) = (client(&sandbox, Vendor::Freshservice), sandbox.world());
    let path = format!("/requesters/{}", world.id(Vendor::Freshservice, FELIX).expect("an account"));
    world.set_freshservice_sso(true);
    let kept = service.put(&path, json!({"email": "f@acme.example", "job_title": "X"})).await;
    assert_eq!((kept.status, &kept.body["requester"]["email"]), (200, &json!(FELIX)));
    assert_eq!(kept.body["requester"]["first_name"], "Felix");
    world.set_freshservice_sso(false);
    let moved = service.put(&path, json!({"email": "f@acme.example"})).await.body;
    assert_eq!(moved["requester"]["email"], "f@acme.example");
    assert_eq!(service.put(&path, json!({"email": PRIYA})).await.status, 400);
    for body in [
        json!({"time_zone": "Europe/Berlin"}),
        json!({"department_ids": [1]}),
        json!({"location_id": 1}),
        json!({"reporting_manager_id": 1}),
        json!({"roles": role(2102)}),
        json!({"group_ids": [2200]}),
        json!({"custom_fields": {"undefined": 1}}),
        json!({"created_at": "2020-01-01T00:00:00Z"}),
    ] {
        assert_eq!(service.put(&path, body.clone()).await.status, 400, "{body}");
    }
    let agent = format!("/agents/{}", world.id(Vendor::Freshservice, PRIYA).expect("an account"));
    assert_eq!(service.put(&agent, json!({"vip_user": true})).await.status, 400);
    assert_eq!(service.put(&agent, json!({"role_ids": [2100]})).await.status, 400);
}

#[tokio::test]
async fn updated_since_leaves_out_the_deactivated() {
    let sandbox = calm().await;
    let service = client(&sandbox, Vendor::Freshservice);
    let id = sandbox.world().id(Vendor::Freshservice, PRIYA).expect("an account");
    service.delete(&format!("/agents/{id}")).await;
    let since = service.get(&format!("/agents/{id}")).await.body["agent"]["updated_at"].clone();
    let since = since.as_str().expect("a time");
    assert_eq!(service.get(&format!("/agents?updated_since={since}")).await.body, json!({"agents": []}));
    let second = service.get(&format!("/agents?updated_since={since}&active=false")).await.body;
    assert_eq!(second["agents"][0]["email"], PRIYA);
    assert!(sandbox.world().purge(Vendor::Freshservice, PRIYA));
    assert_eq!(service.get(&format!("/agents/{id}")).await.status, 404);
}

#[tokio::test]
async fn reference_lists_are_wrapped_and_paged() {
    let sandbox = calm().await;
    let service = client(&sandbox, Vendor::Freshservice);
    for list in ["roles", "groups", "departments", "locations"] {
        let page = service.get(&format!("/{list}?per_page=2")).await.body;
        assert_eq!(page[list].as_array().map(Vec::len), Some(2), "{list}");
        assert_eq!(service.get(&format!("/{list}?page=9")).await.body[list], json!([]));
    }
}
