//! The traps of Gorgias as it documents itself.

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{Client, client, live, options};

async fn path(sandbox: &Sandbox, email: &str) -> String {
    format!("/users/{}", sandbox.world().id(Vendor::Gorgias, email).expect("an account"))
}

async fn walk(gorgias: &Client, query: &str, direction: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = gorgias.get(&format!("/users?limit=4{query}{cursor}")).await;
        assert_eq!(page.status, 200);
        rows.extend(page.body["data"].as_array().expect("rows").iter().cloned());
        match page.body["meta"][direction].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn a_role_is_a_name_and_there_is_no_list_of_roles() {
    let sandbox = live(Vendor::Gorgias).await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    assert_eq!(gorgias.get("/roles").await.status, 404);
    let tom = path(&sandbox, "tom.baker@acme.example").await;
    assert_eq!(gorgias.get(&tom).await.body["role"], json!({"name": "agent"}));
    for role in ["admin", "agent", "basic-agent", "lite-agent", "observer-agent"] {
        let answer = gorgias.put(&tom, json!({"role": {"name": role}})).await;
        assert_eq!((answer.status, &answer.body["role"]["name"]), (200, &json!(role)));
    }
    for role in [json!({"id": 1}), json!({"name": "lead"}), json!({"name": "bot"}), json!("agent"), json!({})] {
        assert_eq!(gorgias.put(&tom, json!({"role": role})).await.status, 400, "{role}");
    }
}

#[tokio::test]
async fn a_list_is_sorted_by_name_and_walked_both_ways_without_a_total() {
    let sandbox = live(Vendor::Gorgias).await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    let rows = walk(&gorgias, "", "next_cursor").await;
    assert_eq!(rows.len(), sandbox.world().list(Vendor::Gorgias).len());
    let names: Vec<String> = rows.iter().map(|row| row["name"].as_str().unwrap_or_default().to_lowercase()).collect();
    assert!(names.is_sorted());
    let newest_first = walk(&gorgias, "&order_by=created_datetime:desc", "next_cursor").await;
    assert_eq!(newest_first.len(), rows.len());
    assert!(
        newest_first.is_sorted_by(|one, next| one["created_datetime"].as_str() >= next["created_datetime"].as_str())
    );
    let first = gorgias.get("/users?limit=4").await.body["meta"].clone();
    assert_eq!((first.get("total_count"), &first["prev_cursor"]), (None, &Value::Null));
    let second = gorgias.get(&format!("/users?limit=4&cursor={}", first["next_cursor"].as_str().expect("more"))).await;
    let back = second.body["meta"]["prev_cursor"].as_str().expect("a way back").to_string();
    let again = gorgias.get(&format!("/users?limit=4&cursor={back}")).await.body;
    assert_eq!(again["data"].as_array().map(|data| data[..] == rows[..4]), Some(true));
    for wrong in [format!("order_by=name:desc&cursor={back}"), "cursor=abc".into(), "order_by=id:asc".into()] {
        assert_eq!(gorgias.get(&format!("/users?limit=4&{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn machines_stand_among_the_agents() {
    let sandbox = live(Vendor::Gorgias).await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    let machines = gorgias.get("/users?roles=bot&roles=internal-agent").await.body;
    let machines = machines["data"].as_array().expect("rows").clone();
    assert_eq!(machines.len(), 2);
    assert!(machines.iter().all(|machine| machine["client_id"].is_string()));
    let id = &machines[0]["id"];
    assert_eq!(gorgias.put(&format!("/users/{id}"), json!({"role": {"name": "agent"}})).await.status, 403);
}

#[tokio::test]
async fn unknown_parameters_and_fields_are_refused_by_name() {
    let sandbox = live(Vendor::Gorgias).await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    let tom = path(&sandbox, "tom.baker@acme.example").await;
    let before = gorgias.get(&tom).await.body;
    for field in ["active", "channels", "customer", "data", "roles", "id", "created_datetime", "deactivated_datetime"] {
        let answer = gorgias.put(&tom, json!({field: before[field], "bio": "x"})).await;
        assert_eq!((answer.status, answer.body["error"]["data"].get(field).is_some()), (400, true), "{field}");
    }
    assert_eq!(gorgias.put(&tom, before.clone()).await.status, 400, "an echo of what was read is no body");
    let made = json!({"email": "new@acme.example", "name": "New", "client_id": "x"});
    assert_eq!(gorgias.post("/users", made).await.status, 400);
    assert_eq!(gorgias.get("/users?offset=30").await.status, 400);
    assert_eq!(gorgias.get(&tom).await.body, before);
}

#[tokio::test]
async fn a_put_changes_what_it_is_sent_and_replaces_meta_as_a_whole() {
    let sandbox = live(Vendor::Gorgias).await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    let lena = path(&sandbox, "lena.fischer@acme.example").await;
    let before = gorgias.get(&lena).await.body;
    let after = gorgias.put(&lena, json!({"external_id": "E00005", "meta": {"team": "north"}})).await.body;
    assert_eq!((&after["external_id"], &after["meta"]), (&json!("E00005"), &json!({"team": "north"})));
    for field in ["role", "timezone", "language", "firstname", "active"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let found = gorgias.get("/users?external_id=E00005").await.body;
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1));
    let tom = path(&sandbox, "tom.baker@acme.example").await;
    assert_eq!(gorgias.put(&tom, json!({"external_id": "E00005"})).await.status, 409);
}

#[tokio::test]
async fn nobody_is_suspended_by_a_put() {
    let sandbox = live(Vendor::Gorgias).await;
    let (gorgias, world) = (client(&sandbox, Vendor::Gorgias), sandbox.world());
    let tom = path(&sandbox, "tom.baker@acme.example").await;
    let refused = gorgias.put(&tom, json!({"active": false})).await;
    assert_eq!((refused.status, refused.body["error"]["data"]["active"].is_array()), (400, true));
    assert!(world.set_habit(Vendor::Gorgias, Habit::ActiveIgnored));
    let ignored = gorgias.put(&tom, json!({"active": false})).await;
    assert_eq!((ignored.status, &ignored.body["active"]), (200, &json!(true)));
    assert_eq!(world.state(Vendor::Gorgias, "tom.baker@acme.example"), Some("active"));
    assert!(!world.set_habit(Vendor::Gorgias, Habit::InactiveListed));
    let rosa = gorgias.get(&path(&sandbox, "rosa.lind@acme.example").await).await.body;
    assert_eq!((&rosa["active"], &rosa["deactivated_datetime"]), (&json!(false), &json!("2026-01-15T09:00:00.000000")));
}

#[tokio::test]
async fn a_new_email_needs_the_persons_own_password() {
    let sandbox = live(Vendor::Gorgias).await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    let tom = path(&sandbox, "tom.baker@acme.example").await;
    let wish = json!({"email": "thomas.baker@acme.example"});
    let refused = gorgias.put(&tom, wish.clone()).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body["error"]["data"]["password_confirmation"].is_array());
    assert_eq!(
        gorgias.put(&tom, json!({"email": "Tom.Baker@acme.example"})).await.status,
        200,
        "the same is no change"
    );
    let mut told = wish;
    told["password_confirmation"] = GORGIAS_PASSWORD.into();
    assert_eq!(gorgias.put(&tom, told).await.body["email"], "thomas.baker@acme.example");
}

#[tokio::test]
async fn the_id_zero_is_the_caller_and_the_owner_stays() {
    let sandbox = live(Vendor::Gorgias).await;
    let gorgias = client(&sandbox, Vendor::Gorgias);
    assert_eq!(gorgias.get("/users/0").await.body["email"], OWNER_EMAIL);
    assert_eq!(gorgias.put("/users/0", json!({"bio": "oops"})).await.body["email"], OWNER_EMAIL);
    let owner = path(&sandbox, OWNER_EMAIL).await;
    for path in ["/users/0", owner.as_str()] {
        assert_eq!(gorgias.delete(path).await.status, 403);
        assert_eq!(gorgias.put(path, json!({"role": {"name": "observer-agent"}})).await.status, 403);
    }
    let tom = path(&sandbox, "tom.baker@acme.example").await;
    assert_eq!((gorgias.delete(&tom).await.status, gorgias.get(&tom).await.status), (204, 404));
    assert_eq!(gorgias.delete("/users").await.status, 404, "there is no delete for many");
}

#[tokio::test]
async fn an_identifier_in_use_is_409_and_no_free_seat_403() {
    let sandbox = live(Vendor::Gorgias).await;
    let (gorgias, world) = (client(&sandbox, Vendor::Gorgias), sandbox.world());
    let body = |email: &str| json!({"email": email, "name": "New Person", "role": {"name": "lite-agent"}});
    let made = gorgias.post("/users", body("new@acme.example")).await;
    assert_eq!((made.status, &made.body["firstname"]), (201, &json!("New")));
    assert_eq!(world.state(Vendor::Gorgias, "new@acme.example"), Some("invited"));
    let created = made.body["created_datetime"].as_str().expect("a time");
    assert!(created.len() == 26 && !created.ends_with('Z'), "{created}");
    assert_eq!(gorgias.post("/users", body("NEW@acme.example")).await.status, 409);
    world.set_seats(Vendor::Gorgias, world.seats(Vendor::Gorgias).expect("seats").0);
    let full = gorgias.post("/users", body("next@acme.example")).await;
    assert_eq!((full.status, full.body["error"]["msg"].is_string()), (403, true));
    assert_eq!(world.count(Vendor::Gorgias, "next@acme.example"), 0);
    let huge = json!({"email": "big@acme.example", "name": "x".repeat(1_100_000)});
    assert_eq!(gorgias.post("/users", huge).await.status, 413);
}

#[tokio::test]
async fn the_bucket_is_told_in_a_header_of_its_own() {
    let dialects = Dialects::default().with(Vendor::Gorgias, Dialect::Live);
    let sandbox = start(Options { dialects, ..options() }).await.expect("the sandbox starts");
    let gorgias = client(&sandbox, Vendor::Gorgias);
    let first = gorgias.get("/users").await;
    assert_eq!(first.header("x-gorgias-account-api-call-limit"), Some("1/40"));
    assert_eq!(first.header("x-ratelimit-limit"), None);
    let mut last = first;
    for _ in 0..100 {
        last = gorgias.get("/users/0").await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!((last.status, last.header("retry-after")), (429, Some("1")));
    assert_eq!(last.header("x-gorgias-account-api-call-limit"), Some("40/40"));
}
