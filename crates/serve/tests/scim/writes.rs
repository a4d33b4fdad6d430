//! What is written: people made, changed, put out, let in again and taken away, in each app; and what the app refuses.
//! What is really there is asked of the imitated apps, not of the server.

use crate::desk::{Client, Desk};
use serde_json::{Value, json};
use std::time::Duration;
use tenure_sandbox::Vendor;

/// Some apps tell when a record changed to the second only, and a change within one looks like none.
pub const CLOCK_OF_THE_APPS: Duration = Duration::from_millis(1100);
pub const STATE: &str = "urn:ietf:params:scim:schemas:extension:tenure:2.0:Provisioning";

/// Returns a person as an IdP sends one, with what each app needs.
pub fn newcomer(vendor: Vendor, login: &str) -> Value {
    let role = match vendor {
        Vendor::Gorgias => Some("agent"),
        Vendor::Gladly => Some("AGENT"),
        Vendor::Freshdesk => Some("Agent"),
        Vendor::Freshservice => None,
        Vendor::Gainsight => Some("Standard User"),
    };
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": format!("ext-{login}"),
        "userName": login,
        "name": {"givenName": "Nia", "familyName": "Newcomer"},
        "displayName": "Nia Newcomer",
        "emails": [{"value": login, "type": "work", "primary": true}],
        "active": true,
        "groups": [],
        "password": "not for anybody's eyes",
    });
    if let Some(role) = role {
        body["roles"] = json!([{"value": role}]);
    }
    body
}

pub async fn made(client: &Client<'_>, vendor: Vendor, login: &str) -> String {
    let reply = client.post("/Users", &newcomer(vendor, login)).await;
    reply.expect(201);
    assert_eq!(reply.body[STATE]["state"], "applied", "{vendor}: {reply:?}");
    reply.id().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_made_put_out_and_let_in_again_in_each_app_and_never_twice() {
    let desk = Desk::open().await;
    for vendor in Vendor::ALL {
        let client = desk.client(vendor).await;
        let login = "nia@acme.example";
        let id = made(&client, vendor, login).await;
        let world = || desk.sandbox.world();
        world().confirm(vendor, login);
        assert_eq!(world().count(vendor, login), 1, "{vendor}");
        let found = client.find(login).await;
        assert_eq!((&found["id"], &found["active"]), (&json!(id), &json!(true)), "{vendor}: {found}");
        assert_eq!(found["externalId"], format!("ext-{login}"));
        assert!(found.get("password").is_none());
        client.post("/Users", &newcomer(vendor, login)).await.expect(409);
        let path = format!("/Users/{id}");
        let off = client.patch(&path, json!([{"op": "replace", "value": {"active": false}}])).await;
        assert_eq!(off.expect(200).body["active"], false, "{vendor}: {off:?}");
        assert_eq!(world().state(vendor, login), Some("suspended"), "{vendor}");
        assert_eq!(client.find(login).await["active"], false, "{vendor}: who is put out is still found");
        tokio::time::sleep(CLOCK_OF_THE_APPS).await;
        let on = client.patch(&path, json!([{"op": "Replace", "path": "active", "value": "True"}])).await;
        assert_eq!(on.expect(200).body["active"], true, "{vendor}: {on:?}");
        assert_ne!(world().state(vendor, login), Some("suspended"), "{vendor}");
        client.delete(&path).await.expect(204);
        client.get(&path).await.expect(404);
        client.delete(&path).await.expect(404);
        assert_eq!(world().state(vendor, login), Some("suspended"), "{vendor}");
        let reply = client.get(&format!("/Users?filter=userName%20eq%20%22{login}%22")).await;
        assert_eq!(reply.body["totalResults"], 0, "{vendor}");
        tokio::time::sleep(CLOCK_OF_THE_APPS).await;
        let again = made(&client, vendor, login).await;
        assert_eq!(again, id, "{vendor}: the same person is the same again");
        assert_eq!(world().count(vendor, login), 1, "{vendor}");
        assert_ne!(world().state(vendor, login), Some("suspended"), "{vendor}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_whom_a_source_knows_is_changed_as_the_same_person() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let all = client.get("/Users?count=1000").await;
    let known = all.body["Resources"].as_array().unwrap();
    let jane = known.iter().find(|one| one["active"] == true && one["roles"][0]["value"] == "AGENT").unwrap();
    let (id, login) = (jane["id"].as_str().unwrap(), jane["userName"].as_str().unwrap());
    let path = format!("/Users/{id}");
    let before = desk.sandbox.statistics().of(Vendor::Gladly).writes;
    let same = client.put(&path, jane).await;
    assert_eq!(same.expect(200).body["id"], id);
    assert_eq!(desk.sandbox.statistics().of(Vendor::Gladly).writes, before, "an echo writes nothing");
    let renamed = client.patch(&path, json!([{"op": "replace", "path": "displayName", "value": "Jay D"}])).await;
    assert_eq!(renamed.expect(200).body["displayName"], "Jay D");
    assert_eq!(desk.sandbox.world().find(Vendor::Gladly, login).unwrap()["name"], "Jay D");
    let moved = client
        .patch(
            &path,
            json!([
                {"op": "replace", "path": "userName", "value": "jay@acme.example"},
                {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "jay@acme.example"},
            ]),
        )
        .await;
    assert_eq!((moved.expect(200).id(), &moved.body["userName"]), (id, &json!("jay@acme.example")));
    let world = desk.sandbox.world();
    assert_eq!((world.count(Vendor::Gladly, login), world.count(Vendor::Gladly, "jay@acme.example")), (0, 1));
    let stale = client.with("If-Match", jane["meta"]["version"].as_str().unwrap());
    stale.patch(&path, json!([{"op": "replace", "path": "displayName", "value": "x"}])).await.expect(412);
    let fresh = client.with("If-Match", moved.body["meta"]["version"].as_str().unwrap());
    fresh.patch(&path, json!([{"op": "replace", "path": "displayName", "value": "Jay"}])).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_and_the_app_follows() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let id = made(&client, Vendor::Gladly, "nia@acme.example").await;
    let team = client.group("Escalations").await;
    let path = format!("/Groups/{}", team["id"].as_str().unwrap());
    let teams = || {
        let record = desk.sandbox.world().find(Vendor::Gladly, "nia@acme.example").unwrap();
        record["teams"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(teams(), 0);
    client
        .patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": id, "$ref": null}]}]))
        .await
        .expect(204);
    assert_eq!(teams(), 1);
    client.patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": id}]}])).await.expect(204);
    let user = client.get(&format!("/Users/{id}")).await;
    assert!(user.body["groups"].as_array().unwrap().iter().any(|group| group["value"] == team["id"]), "{user:?}");
    let path_of = format!("members[value eq \"{id}\"]");
    client.patch(&path, json!([{"op": "remove", "path": path_of}])).await.expect(204);
    assert_eq!(teams(), 0);
    client.patch(&path, json!([{"op": "remove", "path": path_of}])).await.expect(204);
    let unknown =
        client.patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": "agent-nobody"}]}])).await;
    assert_eq!(unknown.expect(400).body["scimType"], "invalidValue");
    let renamed = client.patch(&path, json!([{"op": "replace", "value": {"displayName": "Others"}}])).await;
    assert_eq!(renamed.expect(400).body["scimType"], "mutability");
    client
        .patch(&path, json!([{"op": "replace", "value": {"id": team["id"], "displayName": "Escalations"}}]))
        .await
        .expect(204);
    client.post("/Groups", &json!({"displayName": "Escalations"})).await.expect(409);
    client.post("/Groups", &json!({"displayName": "Unheard of"})).await.expect(403);
    client.delete(&path).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_members_of_one_request_are_one_plan_for_the_guards() {
    let desk = Desk::open_with(|files| {
        let text = std::fs::read_to_string(&files.policy).unwrap();
        std::fs::write(&files.policy, text.replacen("removals_max = 40", "removals_max = 2", 1)).unwrap();
    })
    .await;
    let client = desk.client(Vendor::Gladly).await;
    let team = client.group("Tier 1 Support").await;
    let path = format!("/Groups/{}", team["id"].as_str().unwrap());
    let in_app = || {
        let records = desk.sandbox.world().list(Vendor::Gladly);
        records.iter().filter(|record| !record["teams"].as_array().is_none_or(Vec::is_empty)).count()
    };
    let plans = async || desk.house.store.plan_ids(100).await.unwrap().len();
    let (before, made) = (in_app(), plans().await);
    let members = client.get(&path).await.body["members"].as_array().unwrap().clone();
    assert!(members.len() > 4, "{members:?}");
    client.patch(&path, json!([{"op": "remove", "path": "members"}])).await.expect(204);
    assert_eq!((in_app(), plans().await), (before, made + 1), "all of it is held, by one plan");
    let states = members.iter().map(async |member| {
        let user = client.get(&format!("/Users/{}", member["value"].as_str().unwrap())).await;
        (user.body[STATE]["state"].clone(), user.body[STATE]["reason"].clone())
    });
    let states = futures::future::join_all(states).await;
    let held = states.iter().filter(|(state, reason)| state == "held" && reason.to_string().contains("removals_max"));
    assert!(held.count() > 2, "{states:?}");
    // What takes nothing away goes on, all of it by one plan as well.
    let others = client.group("Escalations").await;
    let path = format!("/Groups/{}", others["id"].as_str().unwrap());
    let made = plans().await;
    client.patch(&path, json!([{"op": "add", "path": "members", "value": members}])).await.expect(204);
    assert_eq!(plans().await, made + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_app_demands_one_of_is_not_taken_and_the_client_is_told() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let id = made(&client, Vendor::Gladly, "nia@acme.example").await;
    let role = client.group("AGENT").await;
    let (group, user) = (format!("/Groups/{}", role["id"].as_str().unwrap()), format!("/Users/{id}"));
    let taken = client.patch(&group, json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}])).await;
    assert_eq!(taken.expect(400).body["scimType"], "mutability");
    assert!(taken.body["detail"].as_str().unwrap().contains("one of a kind"), "{taken:?}");
    let taken = client.patch(&user, json!([{"op": "remove", "path": "roles"}])).await;
    assert_eq!(taken.expect(400).body["scimType"], "mutability");
    let shown = client.get(&user).await;
    assert_eq!((&shown.body["roles"][0]["value"], &shown.body[STATE]["state"]), (&json!("AGENT"), &json!("applied")));
    // Another in its place is another matter.
    let lead = json!([{"op": "replace", "path": "roles", "value": [{"value": "TEAM_LEAD"}]}]);
    client.patch(&user, lead).await.expect(200);
    assert_eq!(desk.sandbox.world().find(Vendor::Gladly, "nia@acme.example").unwrap()["role"], "TEAM_LEAD");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_app_refuses_is_told_in_its_words_and_leaves_no_trace() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Freshdesk).await;
    let world = desk.sandbox.world();
    let (_, seats) = world.seats(Vendor::Freshdesk).unwrap();
    let taken = world.seats(Vendor::Freshdesk).unwrap().0;
    world.set_seats(Vendor::Freshdesk, taken);
    let full = client.post("/Users", &newcomer(Vendor::Freshdesk, "nia@acme.example")).await;
    assert!((400..500).contains(&full.status), "{full:?}");
    println!("no seat: {} {}", full.status, full.body["detail"]);
    full.expect(403);
    let found = client.get("/Users?filter=userName%20eq%20%22nia@acme.example%22").await;
    assert_eq!(found.body["totalResults"], 0, "{found:?}");
    world.set_seats(Vendor::Freshdesk, seats.max(taken + 1));
    let unknown = json!({"userName": "nia@acme.example", "displayName": "Nia", "roles": [{"value": "King"}]});
    let refused = client.post("/Users", &unknown).await;
    assert_eq!(refused.expect(400).body["scimType"], "invalidValue");
    let gladly = desk.client(Vendor::Gladly).await;
    let roleless = gladly.post("/Users", &json!({"userName": "nia@acme.example", "displayName": "Nia"})).await;
    assert_eq!(roleless.expect(400).body["scimType"], "invalidValue");
    assert!(roleless.body["detail"].as_str().unwrap().contains("role"), "{roleless:?}");
    let nameless = gladly.post("/Users", &json!({"userName": "nia", "displayName": "Nia"})).await;
    assert_eq!(nameless.expect(400).body["scimType"], "invalidValue");
    assert_eq!(world.count(Vendor::Gladly, "nia@acme.example"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_clients_at_one_group_lose_nothing() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let team = client.group("Escalations").await;
    let path = format!("/Groups/{}", team["id"].as_str().unwrap());
    let all = client.get("/Users?count=1000&filter=active%20eq%20true").await;
    let members = client.get(&path).await.body["members"].clone();
    let is_in = |id: &Value| members.as_array().is_some_and(|all| all.iter().any(|member| member["value"] == *id));
    let people = all.body["Resources"].as_array().unwrap().iter();
    let people = people.filter(|one| one["userName"] != "owner@acme.example"); // protected: held, not written
    let people: Vec<Value> = people.map(|one| one["id"].clone()).collect();
    let ours: Vec<&Value> = people.iter().filter(|id| !is_in(id)).collect();
    assert!(ours.len() >= 5, "{}", ours.len());
    // Fifty clients add and take at once; of each person the last word is theirs alone.
    let work = (0..50).map(|at| {
        let (id, client, path) = (ours[at % ours.len()], &client, &path);
        async move {
            let value = json!([{"value": id}]);
            let reply = client.patch(path, json!([{"op": "add", "path": "members", "value": value}])).await;
            reply.expect(204);
        }
    });
    futures::future::join_all(work).await;
    let after = client.get(&path).await;
    let count = after.body["members"].as_array().unwrap().len();
    assert_eq!(count, members.as_array().map_or(0, Vec::len) + ours.len(), "{after:?}");
    let really = |id: &Value| {
        let native = id.as_str().unwrap();
        let records = desk.sandbox.world().list(Vendor::Gladly);
        let record = records.into_iter().find(|record| native.ends_with(record["id"].as_str().unwrap_or("-"))).unwrap();
        record["teams"].to_string()
    };
    let team_id = team["id"].as_str().unwrap().split_once('-').unwrap().1;
    for id in &ours {
        let told = client.get(&format!("/Users/{}", id.as_str().unwrap())).await;
        assert!(really(id).contains(team_id), "{id}: {} in {team_id}: {told:?}", really(id));
    }
    let work = ours.iter().enumerate().map(|(at, id)| {
        let (client, path) = (&client, &path);
        async move {
            let operation = match at % 2 {
                0 => json!({"op": "remove", "path": format!("members[value eq {id}]")}),
                _ => json!({"op": "Remove", "path": "members", "value": [{"value": id}]}),
            };
            client.patch(path, json!([operation])).await.expect(204);
        }
    });
    futures::future::join_all(work).await;
    assert!(ours.iter().all(|id| !really(id).contains(team_id)));
    let kept = client.get(&path).await.body["members"].as_array().map_or(0, Vec::len);
    assert_eq!(kept, members.as_array().map_or(0, Vec::len));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_somebody_is_kept_and_says_so() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gorgias).await;
    let mut body = newcomer(Vendor::Gorgias, "nia@acme.example");
    body["roles"] = json!([{"value": "admin"}]);
    let reply = client.post("/Users", &body).await;
    assert_eq!(reply.expect(201).body["active"], false);
    assert_eq!(reply.body[STATE]["state"], "held", "{reply:?}");
    assert!(reply.body[STATE]["reason"].as_str().unwrap().contains("security"), "{reply:?}");
    assert_eq!(desk.sandbox.world().count(Vendor::Gorgias, "nia@acme.example"), 0);
    let listed = client.find("nia@acme.example").await;
    assert_eq!(listed["id"], reply.body["id"]);
    let total = client.get("/Users?count=0").await.body["totalResults"].clone();
    assert_eq!(client.get("/Users?count=1000").await.body["Resources"].as_array().unwrap().len(), total);
    // A role that needs nobody's yes is had at once.
    let path = format!("/Users/{}", reply.id());
    let lesser = client.patch(&path, json!([{"op": "replace", "path": "roles", "value": [{"value": "agent"}]}])).await;
    assert_eq!(lesser.expect(200).body["active"], true, "{lesser:?}");
    assert_eq!(lesser.body["id"], reply.body["id"]);
    assert_eq!(desk.sandbox.world().count(Vendor::Gorgias, "nia@acme.example"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_come_in_one_request() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let team = client.group("Escalations").await;
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "PATCH", "path": format!("/Groups/{}", team["id"].as_str().unwrap()), "data": {
                "Operations": [{"op": "add", "path": "members", "value": [{"value": "bulkId:nia"}]}]}},
            {"method": "POST", "path": "/Users", "bulkId": "nia", "data": newcomer(Vendor::Gladly, "nia@acme.example")},
            {"method": "POST", "path": "/Users", "bulkId": "twice", "data": newcomer(Vendor::Gladly, "nia@acme.example")},
            {"method": "DELETE", "path": "/Users/agent-nobody"},
        ],
    });
    let reply = client.post("/Bulk", &body).await;
    let statuses: Vec<&Value> =
        reply.expect(200).body["Operations"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses.len(), 4, "{reply:?}");
    for wanted in ["201", "204", "409", "404"] {
        assert!(statuses.iter().any(|status| *status == wanted), "{reply:?}");
    }
    let record = desk.sandbox.world().find(Vendor::Gladly, "nia@acme.example").unwrap();
    assert_eq!(record["teams"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_does_not_speak_of_what_only_this_app_has_takes_none_of_it() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Freshservice).await;
    let body = newcomer(Vendor::Freshservice, "nia@acme.example");
    let path = format!("/Users/{}", client.post("/Users", &body).await.expect(201).id());
    let own = "urn:ietf:params:scim:schemas:extension:tenure:2.0:Freshservice";
    let on = client.patch(&path, json!([{"op": "replace", "path": format!("{own}:vip"), "value": true}])).await;
    assert_eq!(on.expect(200).body[own]["vip"], true, "{on:?}");
    let renamed = |name: &str| {
        let mut body = body.clone();
        body["name"] = json!({"givenName": "Nia", "familyName": name});
        body
    };
    let silent = client.put(&path, &renamed("Renamed")).await;
    assert_eq!(silent.expect(200).body["name"]["familyName"], "Renamed", "{silent:?}");
    assert_eq!(silent.body[own]["vip"], true, "{silent:?}");
    // Who names the extension without the switch has it off.
    let mut spoken = renamed("Again");
    spoken[own] = json!({"occasional": false});
    let spoken = client.put(&path, &spoken).await;
    assert_eq!(spoken.expect(200).body[own]["vip"], false, "{spoken:?}");
    assert_eq!(desk.sandbox.world().find(Vendor::Freshservice, "nia@acme.example").unwrap()["vip_user"], false);
    // So does who names something in it by its whole URN.
    let mut by_urn = renamed("Urn");
    by_urn[format!("{own}:vip")] = json!(true);
    assert_eq!(client.put(&path, &by_urn).await.expect(200).body[own]["vip"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_is_accepted_and_comes_true_later() {
    let desk = Desk::open_with(|files| {
        let text = std::fs::read_to_string(&files.config).unwrap();
        std::fs::write(&files.config, format!("[server]\nscim_wait = \"1s\"\n{text}")).unwrap();
    })
    .await;
    let client = desk.client(Vendor::Gladly).await;
    desk.sandbox.set_faults(vec!["cut-before:app=gladly".parse().unwrap()]);
    let reply = client.post("/Users", &newcomer(Vendor::Gladly, "nia@acme.example")).await;
    assert_eq!(reply.expect(201).body["active"], false);
    assert_eq!(reply.body[STATE]["state"], "pending", "{reply:?}");
    desk.sandbox.set_faults(Vec::new());
    // The work goes on by itself, and a daemon would begin it anew if this process died.
    let path = format!("/Users/{}", reply.id());
    let again = client.put(&path, &newcomer(Vendor::Gladly, "nia@acme.example")).await;
    again.expect(200);
    for _ in 0..200 {
        if client.get(&path).await.body["active"] == true {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let there = client.get(&path).await;
    assert_eq!((&there.body["active"], &there.body[STATE]["state"]), (&json!(true), &json!("applied")), "{there:?}");
    assert_eq!(desk.sandbox.world().count(Vendor::Gladly, "nia@acme.example"), 1);
    let job = desk.house.store.job("reconcile", "company").await.unwrap();
    assert!(job.is_some(), "the company is judged in any case");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_retired_client_wished_is_forgotten_and_the_account_stays_as_it_is() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let login = "nia@acme.example";
    let id = made(&client, Vendor::Gladly, login).await;
    let by = tenure_engine::decide::By { who: "mia@acme.example".into(), note: None };
    let wished = tenure_engine::forget::wished(&desk.house, "idp of gladly").await.unwrap();
    assert_eq!(wished.values().sum::<u64>(), 1);
    assert_eq!(tenure_engine::forget::forget(&desk.house, "idp of gladly", &by).await.unwrap(), wished);
    assert!(tenure_engine::forget::wished(&desk.house, "idp of gladly").await.is_err(), "there is nothing more");
    client.get(&format!("/Users/{id}")).await.expect(404);
    let found = client.find(login).await;
    assert!(found["id"] != json!(id) && found.get(STATE).is_none(), "it is an account like any other: {found}");
    assert_eq!(desk.sandbox.world().count(Vendor::Gladly, login), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_empties_is_emptied_in_the_app() {
    let desk = Desk::open().await;
    for vendor in [Vendor::Gladly, Vendor::Freshdesk, Vendor::Freshservice, Vendor::Gainsight] {
        let client = desk.client(vendor).await;
        let login = "nia@acme.example";
        let mut body = newcomer(vendor, login);
        body["phoneNumbers"] = json!([{"value": "+49 30 1", "type": "work"}]);
        let made = client.post("/Users", &body).await;
        assert_eq!(made.expect(201).body["phoneNumbers"][0]["value"], "+49 30 1", "{vendor}");
        let path = format!("/Users/{}", made.id());
        let emptied = client.patch(&path, json!([{"op": "remove", "path": "phoneNumbers"}])).await;
        let there = desk.sandbox.world().find(vendor, login);
        assert_eq!(emptied.status, 200, "{vendor}: {emptied:?} {there:?}");
        assert!(emptied.expect(200).body.get("phoneNumbers").is_none(), "{vendor}: {emptied:?}");
        assert_eq!(emptied.body[STATE]["state"], "applied", "{vendor}: {emptied:?}");
        let again = desk.client(vendor).await.find(login).await;
        assert!(again.get("phoneNumbers").is_none(), "{vendor}: {again}");
    }
}
