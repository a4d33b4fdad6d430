//! Whom somebody reports to, over SCIM: in the apps that hold it, under the ids of clients; and of an IdP that pushes it,
//! as the company then sees it.

use crate::desk::Desk;
use crate::source::{person, pushed_desk};
use crate::standing::{plan, say};
use crate::writes::newcomer;
use serde_json::{Value, json};
use tenure_core::account::{Account, AccountKey, Kind};
use tenure_engine::apply::apply;
use tenure_engine::decide::Verdict;
use tenure_engine::progress::Progress;
use tenure_engine::reconcile::{Scope, company};
use tenure_sandbox::Vendor;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn manager(user: &Value) -> &Value {
    &user[ENTERPRISE]["manager"]["value"]
}

/// Returns the account as it was observed last.
async fn account(desk: &Desk, vendor: Vendor, login: &str) -> Account {
    let company = company(&desk.house, &Scope::default()).await.unwrap();
    let is_it = |account: &&Account| {
        account.key.connection.as_str() == vendor.to_string() && account.login.as_deref() == Some(login)
    };
    company.facts.accounts.iter().find(is_it).expect(login).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_is_named_changed_and_taken_in_the_apps_that_hold_one() {
    let desk = Desk::open().await;
    for vendor in [Vendor::Freshservice, Vendor::Gainsight] {
        let client = desk.client(vendor).await;
        let mut bosses = Vec::new();
        for login in ["first.boss@acme.example", "second.boss@acme.example"] {
            bosses.push(client.post("/Users", &newcomer(vendor, login)).await.expect(201).id().to_owned());
        }
        let mut body = newcomer(vendor, "nia@acme.example");
        body[ENTERPRISE] = json!({"manager": {"value": bosses[0]}});
        let made = client.post("/Users", &body).await;
        assert_eq!(manager(&made.expect(201).body), &json!(bosses[0]), "{vendor}: {made:?}");
        let path = format!("/Users/{}", made.id());
        // Another client, that never spoke of anybody, sees the same person.
        let seen = desk.client(vendor).await.find("nia@acme.example").await;
        assert_eq!(manager(&seen), &json!(bosses[0]), "{vendor}: {seen}");
        // Entra ID says it as a bare text, and as a list.
        let at = format!("{ENTERPRISE}:manager");
        for (value, boss) in [(json!(bosses[1]), &bosses[1]), (json!([{"$ref": null, "value": bosses[0]}]), &bosses[0])]
        {
            let moved = client.patch(&path, json!([{"op": "Add", "path": at, "value": value}])).await;
            assert_eq!(manager(&moved.expect(200).body), &json!(boss), "{vendor}: {moved:?}");
        }
        // Whom nobody here knows is passed over, and keeps nobody out.
        let unknown = json!([{"op": "replace", "path": at, "value": {"value": "j.doe"}},
            {"op": "replace", "path": "name.familyName", "value": "Renamed"}]);
        let renamed = client.patch(&path, unknown).await;
        assert_eq!(renamed.expect(200).body["name"]["familyName"], "Renamed", "{vendor}: {renamed:?}");
        assert_eq!(manager(&client.get(&path).await.body), &json!(bosses[0]), "{vendor}");
        let alone = client.patch(&path, json!([{"op": "remove", "path": at}])).await;
        assert_eq!(manager(&alone.expect(200).body), &Value::Null, "{vendor}: {alone:?}");
    }
    let schemas = desk.client(Vendor::Gladly).await.get("/Schemas").await;
    assert!(!schemas.body.to_string().contains("\"manager\""), "an app that holds no manager offers none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_without_an_account_is_named_once_there_is_one() {
    let desk = Desk::open().await;
    for vendor in [Vendor::Freshservice, Vendor::Gainsight] {
        let client = desk.client(vendor).await;
        let mut boss = newcomer(vendor, "late.boss@acme.example");
        boss["active"] = json!(false);
        let boss = client.post("/Users", &boss).await.expect(201).id().to_owned();
        let mut body = newcomer(vendor, "early.bird@acme.example");
        body[ENTERPRISE] = json!({"manager": {"value": boss}});
        let made = client.post("/Users", &body).await;
        assert_eq!(manager(&made.expect(201).body), &json!(boss), "{vendor}: {made:?}");
        let path = format!("/Users/{}", made.id());
        let filter = "/Users?filter=userName%20eq%20%22early.bird@acme.example%22";
        // Whom nobody here knows is passed over, and leaves whom the client named before.
        let at = format!("{ENTERPRISE}:manager");
        client.patch(&path, json!([{"op": "replace", "path": at, "value": {"value": "j.doe"}}])).await.expect(200);
        // Who sends the same again changes nothing.
        client.put(&path, &body).await.expect(200);
        client
            .patch(&format!("/Users/{boss}"), json!([{"op": "replace", "value": {"active": true}}]))
            .await
            .expect(200);
        // The daemon judges the company anew after each run.
        let plan = plan(&desk).await;
        let names: Vec<&str> =
            plan.steps.iter().flat_map(|step| &step.changes).map(|change| change.field.as_str()).collect();
        assert!(names.contains(&"manager"), "{vendor}: {names:?}");
        say(&desk, &plan, Verdict::Approve).await;
        apply(&desk.house, &plan, "ops@acme.example", &Progress::silent()).await.unwrap();
        let key = &desk.client(vendor).await.get(filter).await.body["Resources"][0];
        assert_eq!(manager(key), &json!(boss), "{vendor}: {key}");
        let held = account(&desk, vendor, "early.bird@acme.example").await;
        let lead = account(&desk, vendor, "late.boss@acme.example").await;
        assert_eq!(held.fields.text("manager"), Some(lead.key.id.as_str()), "{vendor}: {held:?}");
        // Whoever is named later takes that place, and nobody does.
        let alone = client.patch(&path, json!([{"op": "remove", "path": format!("{ENTERPRISE}:manager")}])).await;
        assert_eq!(manager(&alone.expect(200).body), &Value::Null, "{vendor}: {alone:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_whom_an_idp_pushes_leads_the_person_in_the_company() {
    let desk = pushed_desk().await;
    let client = desk.client_of("idp").await;
    let mut ids = Vec::new();
    for (login, number) in [("boss@acme.example", "77001"), ("pia@acme.example", "77002")] {
        let mut body = person(login);
        body[ENTERPRISE]["employeeNumber"] = number.into();
        if let Some(boss) = ids.first() {
            body[ENTERPRISE]["manager"] = json!({"value": boss, "displayName": "Bo Boss"});
        }
        ids.push(client.post("/Users", &body).await.expect(201).id().to_owned());
    }
    let path = format!("/Users/{}", ids[1]);
    let shown = client.get(&path).await.body;
    assert_eq!(manager(&shown), &json!(ids[0]));
    assert!(shown[ENTERPRISE]["manager"]["$ref"].as_str().unwrap().ends_with(&ids[0]), "{shown}");
    // What was pushed a while ago is believed.
    for id in &ids {
        let key = AccountKey::new(&"idp".into(), Kind::Person, id.strip_prefix("person-").unwrap());
        let mut account = desk.house.store.account(&key, None).await.unwrap().unwrap().account;
        account.created_ms = Some(account.created_ms.unwrap() - 3_600_000);
        tenure_engine::pushed::record(&desk.house, &account).await.unwrap();
    }
    let leads = || async {
        let company = company(&desk.house, &Scope::default()).await.unwrap();
        let graph = company.graph(&desk.house);
        let at = |login| graph.identity_at(*graph.search(login).first().unwrap());
        at("pia@acme.example").manager == Some(at("boss@acme.example").id.clone())
    };
    assert!(leads().await);
    client.patch(&path, json!([{"op": "remove", "path": format!("{ENTERPRISE}:manager")}])).await.expect(200);
    assert_eq!(manager(&client.get(&path).await.body), &Value::Null);
    assert!(!leads().await);
    // Some providers name a manager by a number of theirs.
    let by_number = json!([{"op": "add", "path": format!("{ENTERPRISE}:manager.value"), "value": "77001"}]);
    assert_eq!(manager(&client.patch(&path, by_number).await.expect(200).body), &json!("77001"));
    assert!(leads().await);
}
