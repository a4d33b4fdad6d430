//! How a wish stands that was not carried out at once: who comes true later is the same user, a no is told, whom a guard
//! keeps is not said to be gone. What the HTTP around it owes is here as well.

use crate::desk::{Client, Desk};
use crate::source::{person, pushed_desk};
use crate::writes::{STATE, made, newcomer};
use serde_json::{Value, json};
use tenure_core::account::{AccountKey, AccountState, Kind};
use tenure_core::change::Plan;
use tenure_core::name::ConnectionName;
use tenure_engine::apply::apply;
use tenure_engine::decide::{Verdict, judge_steps};
use tenure_engine::house::House;
use tenure_engine::plan::make_plan;
use tenure_engine::progress::Progress;
use tenure_engine::pull::{Reach, pull};
use tenure_engine::pushed::record;
use tenure_engine::reconcile::{Scope, company};
use tenure_sandbox::Vendor;

const LOGIN: &str = "nia@acme.example";

/// Makes a user whose role waits for the yes of `security`.
async fn held(client: &Client<'_>) -> (String, Value) {
    let mut body = newcomer(Vendor::Gorgias, LOGIN);
    body["roles"] = json!([{"value": "admin"}]);
    let reply = client.post("/Users", &body).await;
    assert_eq!(reply.expect(201).body[STATE]["state"], "held", "{reply:?}");
    (format!("/Users/{}", reply.id()), body)
}

pub async fn plan(desk: &Desk) -> Plan {
    make_plan(&desk.house, &Scope::default(), "ops@acme.example").await.unwrap()
}

pub async fn say(desk: &Desk, plan: &Plan, verdict: Verdict) {
    judge_steps(&desk.house, &[plan.id.to_string()], verdict, "mia@acme.example", None).await.unwrap();
}

async fn count(client: &Client<'_>, filter: &str) -> Value {
    let filter = filter.replace(' ', "%20").replace('"', "%22").replace('[', "%5B").replace(']', "%5D");
    client.get(&format!("/Users?filter={filter}")).await.expect(200).body["totalResults"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_approved_later_is_who_was_answered_with_and_no_second_one() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gorgias).await;
    let (path, _) = held(&client).await;
    let before = client.get("/Users?count=0").await.body["totalResults"].clone();
    let plan = plan(&desk).await;
    say(&desk, &plan, Verdict::Approve).await;
    apply(&desk.house, &plan, "ops@acme.example", &Progress::silent()).await.unwrap();
    assert_eq!(desk.sandbox.world().count(Vendor::Gorgias, LOGIN), 1);
    let there = client.get(&path).await;
    assert_eq!((&there.body["active"], &there.body[STATE]["state"]), (&json!(true), &json!("applied")), "{there:?}");
    assert_eq!(client.find(LOGIN).await["id"], there.body["id"]);
    assert_eq!(client.get("/Users?count=0").await.body["totalResults"], before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_is_told_with_whose_it_is() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gorgias).await;
    let (path, _) = held(&client).await;
    say(&desk, &plan(&desk).await, Verdict::Reject).await;
    plan(&desk).await;
    let there = client.get(&path).await;
    assert_eq!(there.body[STATE]["state"], "held", "{there:?}");
    let reason = there.body[STATE]["reason"].as_str().unwrap();
    assert!(reason.contains("rejected by mia@acme.example"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_wished_as_put_out_and_is_not_there_is_as_wished() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let mut body = newcomer(Vendor::Gladly, LOGIN);
    body["active"] = json!(false);
    let reply = client.post("/Users", &body).await;
    assert_eq!(reply.expect(201).body[STATE]["state"], "applied", "{reply:?}");
    assert_eq!(reply.body["active"], false);
    assert_eq!(desk.sandbox.world().count(Vendor::Gladly, LOGIN), 0);
    let path = format!("/Users/{}", reply.id());
    let on = client.patch(&path, json!([{"op": "replace", "value": {"active": true}}])).await;
    assert_eq!((&on.expect(200).body["active"], &on.body["id"]), (&json!(true), &reply.body["id"]), "{on:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_found_by_address_and_taken_by_nobody_else() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gorgias).await;
    let mut body = newcomer(Vendor::Gorgias, LOGIN);
    (body["userName"], body["roles"]) = (json!("jdoe77"), json!([{"value": "admin"}]));
    client.post("/Users", &body).await.expect(201);
    for filter in [format!("emails.value eq \"{LOGIN}\""), format!("emails[type eq \"work\"].value eq \"{LOGIN}\"")] {
        assert_eq!(count(&client, &filter).await, 1, "{filter}");
    }
    body["userName"] = json!("another");
    let other = client.post("/Users", &body).await;
    assert_eq!(other.expect(409).body["scimType"], "uniqueness");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_guard_protects_cannot_be_taken_away() {
    let desk = Desk::open().await;
    for vendor in [Vendor::Gorgias, Vendor::Gainsight] {
        let client = desk.client(vendor).await;
        let owner = client.find("owner@acme.example").await;
        let path = format!("/Users/{}", owner["id"].as_str().unwrap());
        let refused = client.delete(&path).await;
        let detail = refused.expect(403).body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("protected"), "{detail}");
        client.patch(&path, json!([{"op": "replace", "path": "active", "value": false}])).await.expect(403);
        assert_eq!(client.get(&path).await.expect(200).body["active"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_that_waits_leaves_its_account_to_be_seen_until_it_is_done() {
    let desk = Desk::open_with(|files| {
        let text = std::fs::read_to_string(&files.policy).unwrap();
        let rule = "[[approve]]\nwhen = 'step.effect == \"suspend\"'\nfrom = [\"security\"]\n\n";
        std::fs::write(&files.policy, text.replacen("[[approve]]", &format!("{rule}[[approve]]"), 1)).unwrap();
    })
    .await;
    let client = desk.client(Vendor::Gorgias).await;
    let path = format!("/Users/{}", made(&client, Vendor::Gorgias, LOGIN).await);
    client.delete(&path).await.expect(204);
    let there = client.get(&path).await;
    assert_eq!((&there.expect(200).body["active"], &there.body[STATE]["state"]), (&json!(true), &json!("held")));
    let plan = plan(&desk).await;
    say(&desk, &plan, Verdict::Approve).await;
    apply(&desk.house, &plan, "ops@acme.example", &Progress::silent()).await.unwrap();
    // The daemon tells the wish as it plans anew.
    make_plan(&desk.house, &Scope::default(), "ops@acme.example").await.unwrap();
    client.get(&path).await.expect(404);
    assert_eq!(count(&client, &format!("userName eq \"{LOGIN}\"")).await, 0);
    assert_eq!(client.post("/Users", &newcomer(Vendor::Gorgias, LOGIN)).await.expect(201).id(), &path[7..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_app_has_no_place_for_names_the_person_all_the_same() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Freshservice).await;
    let mut body = newcomer(Vendor::Freshservice, LOGIN);
    body.as_object_mut().unwrap().remove("name");
    body["displayName"] = json!("Dis Play");
    let made = client.post("/Users", &body).await;
    let name = &made.expect(201).body["name"];
    assert_eq!((&name["givenName"], &name["familyName"]), (&json!("Dis"), &json!("Play")), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_addresses_of_who_is_pushed_are_kept_and_found() {
    let desk = pushed_desk().await;
    let client = desk.client_of("idp").await;
    let mut body = person("pia@acme.example");
    body["emails"] = json!([
        {"value": "pia@acme.example", "type": "work"},
        {"value": "pia@home.example", "type": "home", "primary": true},
    ]);
    let made = client.post("/Users", &body).await;
    let emails = |reply: &Value| reply["emails"].as_array().unwrap()[1].clone();
    assert_eq!(emails(&made.expect(201).body), body["emails"][1], "{made:?}");
    assert_eq!(count(&client, "emails[type eq \"home\"].value eq \"pia@home.example\"").await, 1);
    let path = format!("/Users/{}", made.id());
    let change = json!([{"op": "replace", "path": "emails[type eq \"home\"].value", "value": "pia@new.example"}]);
    let changed = client.patch(&path, change).await;
    assert_eq!(emails(&changed.expect(200).body)["value"], "pia@new.example", "{changed:?}");
    let key = AccountKey::new(&"idp".into(), Kind::Person, made.id().strip_prefix("person-").unwrap());
    let mut account = desk.house.store.account(&key, None).await.unwrap().unwrap().account;
    account.created_ms = Some(account.created_ms.unwrap() - 3_600_000); // somebody new is not believed at once
    record(&desk.house, &account).await.unwrap();
    let whole = company(&desk.house, &Scope::default()).await.unwrap();
    let graph = whole.graph(&desk.house);
    let found = graph.search("pia@new.example");
    assert_eq!(
        found.iter().map(|at| graph.identity_at(*at).work_email()).collect::<Vec<_>>(),
        [Some("pia@acme.example")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waited_to_read_knows_what_another_process_did_meanwhile() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Freshdesk).await;
    let path = format!("/Users/{}", made(&client, Vendor::Freshdesk, LOGIN).await);
    client.patch(&path, json!([{"op": "replace", "path": "active", "value": false}])).await.expect(200);
    // Nothing in the app's record says whether somebody was put out or is invited: what we did there decides.
    let other = desk.other_house().await;
    let desk_name = ConnectionName::new("freshdesk");
    other.reader(&desk_name).await.unwrap();
    client.patch(&path, json!([{"op": "replace", "path": "active", "value": true}])).await.expect(200);
    let state = async |house: &House| {
        let found = house.store.find_accounts(LOGIN).await.unwrap();
        let mut here =
            found.iter().filter(|one| one.account.key.connection == desk_name && one.account.key.kind == Kind::Agent);
        here.next().unwrap().account.state
    };
    assert_eq!(state(&desk.house).await, AccountState::Invited);
    pull(&other, std::slice::from_ref(&desk_name), Reach::Everything, &Progress::silent()).await.unwrap();
    assert_eq!(state(&other).await, AccountState::Invited);
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_is_spoken_as_its_rules_say() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gorgias).await;
    let user = client.find("owner@acme.example").await;
    let path = format!("/Users/{}", user["id"].as_str().unwrap());
    let wrong = client.ask("PUT", "/Users", Some(&json!({}))).await;
    assert!(wrong.expect(405).head.contains("allow: get, post, head"), "{wrong:?}");
    let head = client.ask("HEAD", &path, None).await;
    assert_eq!((head.status, head.body.is_null()), (200, true), "{head:?}");
    let version = user["meta"]["version"].as_str().unwrap();
    let known = client.with("If-None-Match", version).get(&path).await;
    assert_eq!(known.status, 304);
    assert!(known.head.contains(&format!("etag: {}", version.to_lowercase())), "{known:?}");
    client.get("/Schemas?filter=id%20pr").await.expect(403);
    client.get("/Users/%ff").await.expect(400);
    let api = desk.send("GET", "/api/v1/who/%ff", "", "").await;
    assert_eq!((api.status, api.head.contains("application/problem+json")), (400, true), "{api:?}");
    // What names a part of every member means none of them.
    let team = desk.client(Vendor::Gladly).await.group("Tier 1 Support").await;
    let path = format!("/Groups/{}", team["id"].as_str().unwrap());
    let gladly = desk.client(Vendor::Gladly).await;
    let all = gladly.patch(&path, json!([{"op": "remove", "path": "members.value"}])).await;
    assert_eq!(all.expect(400).body["scimType"], "invalidPath");
    let nul = client
        .patch(
            &format!("/Users/{}", user["id"].as_str().unwrap()),
            json!([{"op": "replace", "path": "displayName", "value": "a\u{0}b"}]),
        )
        .await;
    assert_eq!(nul.expect(400).body["scimType"], "invalidValue");
}
