//! The traps of Gainsight as it documents itself.

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{Answer, Client, client, live, options};

const IVAN: &str = "ivan.sousa@acme.example";
const CHLOE: &str = "chloe.martin@acme.example";

async fn list(gainsight: &Client, query: Value) -> Answer {
    gainsight.post("/users/services/list", query).await
}

async fn update(gainsight: &Client, key: &str, records: Value) -> Answer {
    gainsight.put(&format!("/users/services?key={key}"), json!({"records": records})).await
}

fn record(email: &str) -> Value {
    json!({"FirstName": "New", "LastName": "Person", "Email": email, "SFDCUserName": email, "LicenseType": "Full"})
}

fn gsid(sandbox: &Sandbox, email: &str) -> String {
    sandbox.world().id(Vendor::Gainsight, email).expect("a user")
}

#[tokio::test]
async fn an_envelope_with_a_request_id_is_around_every_answer() {
    let sandbox = live(Vendor::Gainsight).await;
    let gainsight = client(&sandbox, Vendor::Gainsight);
    let one = list(&gainsight, json!({})).await;
    let other = gainsight.get("/users").await;
    let stranger = client(&sandbox, Vendor::Gainsight).with("X-Nothing: 1".into()).get("/users/services").await;
    for (answer, status, result) in [(&one, 200, true), (&other, 404, false), (&stranger, 401, false)] {
        assert_eq!((answer.status, &answer.body["result"]), (status, &json!(result)));
        let keys: Vec<&String> = answer.body.as_object().expect("an envelope").keys().collect();
        assert_eq!(keys, ["data", "errorCode", "errorDesc", "message", "requestId", "result"]);
    }
    assert_ne!(one.body["requestId"], other.body["requestId"]);
    let path = format!("/users/services/{}", gsid(&sandbox, IVAN));
    assert_eq!(gainsight.delete(&path).await.status, 404, "nobody is deleted here");
}

#[tokio::test]
async fn pages_are_counted_from_zero_and_hold_what_was_selected() {
    let sandbox = live(Vendor::Gainsight).await;
    let gainsight = client(&sandbox, Vendor::Gainsight);
    let all = list(&gainsight, json!({"includeTotal": true, "limit": 100})).await.body["data"].clone();
    let total = sandbox.world().list(Vendor::Gainsight).len();
    assert_eq!(
        (all["totalCount"].as_u64(), all["records"].as_array().map(Vec::len)),
        (Some(total as u64), Some(total))
    );
    let mut seen = Vec::new();
    for page in 0.. {
        let query = json!({"select": ["Email"], "orderBy": {"Email": "desc"}, "limit": 3, "page": page});
        let records = list(&gainsight, query).await.body["data"]["records"].as_array().expect("records").clone();
        if records.is_empty() {
            break;
        }
        assert!(records.iter().all(|user| user.as_object().is_some_and(|user| user.len() == 2)));
        seen.extend(records.iter().map(|user| user["Email"].as_str().unwrap_or_default().to_string()));
    }
    assert_eq!(seen.len(), total);
    assert!(seen.is_sorted_by(|one, next| one >= next));
    for wrong in [
        json!({"limit": 0}),
        json!({"limit": 5001}),
        json!({"page": -1}),
        json!({"select": ["Role"]}),
        json!({"pageSize": 9}),
    ] {
        assert_eq!(list(&gainsight, wrong.clone()).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn conditions_are_joined_by_their_aliases() {
    let sandbox = live(Vendor::Gainsight).await;
    let gainsight = client(&sandbox, Vendor::Gainsight);
    let query = |expression: &str| {
        json!({"where": {"expression": expression, "conditions": [
            {"name": "IsActiveUser", "alias": "A", "operator": "EQ", "value": [true]},
            {"name": "Email", "alias": "B", "operator": "EQ", "value": [IVAN.to_uppercase()]},
            {"name": "Email", "alias": "C", "operator": "STARTS_WITH", "value": ["chloe"]},
        ]}})
    };
    let count = |answer: Answer| answer.body["data"]["records"].as_array().map(Vec::len);
    assert_eq!(count(list(&gainsight, query("A AND B")).await), Some(1));
    assert_eq!(count(list(&gainsight, query("B OR C")).await), Some(2));
    assert_eq!(count(list(&gainsight, query("B AND C")).await), Some(0));
    assert_eq!(list(&gainsight, query("A AND D")).await.status, 400);
    let unknown = json!({"where": {"expression": "X", "conditions": [{"name": "Email", "alias": "X", "operator": "LIKE", "value": ["a"]}]}});
    assert_eq!(list(&gainsight, unknown).await.status, 400);
}

#[tokio::test]
async fn a_create_says_whether_to_write_to_people_and_knows_no_role() {
    let sandbox = live(Vendor::Gainsight).await;
    let (gainsight, world) = (client(&sandbox, Vendor::Gainsight), sandbox.world());
    let made = gainsight.post("/users/services?notify=true", json!({"records": [record("a@acme.example")]})).await;
    assert_eq!((made.status, &made.body["data"]["count"]), (200, &json!(1)));
    let id = made.body["data"]["records"][0]["Gsid"].as_str().expect("a GSID");
    assert!(id.len() == 36 && id.starts_with("1P01"), "{id}");
    let found = world.find(Vendor::Gainsight, "a@acme.example").expect("a user");
    assert_eq!((&found["Name"], &found["Notified"], &found["Roles"]), (&json!("New Person"), &json!(true), &json!([])));
    gainsight.post("/users/services", json!({"records": [record("b@acme.example")]})).await;
    assert_eq!(world.find(Vendor::Gainsight, "b@acme.example").expect("a user")["Notified"], false);
    for (field, value) in
        [("Role", json!("CSM")), ("IsSuperAdmin", json!(false)), ("LicenseType", json!("full")), ("userId", json!("x"))]
    {
        let mut wrong = record("c@acme.example");
        wrong[field] = value;
        let answer = gainsight.post("/users/services", json!({"records": [wrong]})).await;
        assert_eq!((answer.status, &answer.body["errorCode"]), (400, &json!("GU_2401")), "{field}");
        assert!(answer.body["errorDesc"].as_str().is_some_and(|says| says.contains(field)), "{field}");
    }
    for missing in ["Email", "SFDCUserName"] {
        let mut wrong = record("c@acme.example");
        wrong.as_object_mut().expect("a record").remove(missing);
        assert_eq!(gainsight.post("/users/services", json!({"records": [wrong]})).await.status, 400, "{missing}");
    }
    assert_eq!(world.count(Vendor::Gainsight, "c@acme.example"), 0);
}

#[tokio::test]
async fn a_batch_holds_at_most_fifty_and_tells_what_became_of_each() {
    let sandbox = live(Vendor::Gainsight).await;
    let (gainsight, world) = (client(&sandbox, Vendor::Gainsight), sandbox.world());
    let many: Vec<Value> = (0..51).map(|at| record(&format!("p{at}@acme.example"))).collect();
    assert_eq!(gainsight.post("/users/services", json!({"records": many})).await.status, 400);
    assert_eq!(world.count(Vendor::Gainsight, "p0@acme.example"), 0);
    assert_eq!(gainsight.post("/users/services", json!({"records": many[..50]})).await.body["data"]["count"], 50);
    let mixed = json!({"records": [record("q@acme.example"), record(IVAN), record("r@acme.example")]});
    let told = gainsight.post("/users/services", mixed).await;
    assert_eq!((told.status, &told.body["errorCode"]), (400, &json!("GU_2401")));
    let data = &told.body["data"];
    assert_eq!((&data["count"], &data["errors"][0]["index"]), (&json!(2), &json!(1)));
    assert_eq!(
        (&data["errors"][0]["errorCode"], data["errors"].as_array().map(Vec::len)),
        (&json!("GU_2411"), Some(1))
    );
    assert_eq!(world.count(Vendor::Gainsight, "r@acme.example"), 1);
    assert_eq!(sandbox.statistics().of(Vendor::Gainsight).creates, 52);
    assert!(world.set_habit(Vendor::Gainsight, Habit::BatchAsAWhole));
    let mixed = json!({"records": [record("s@acme.example"), record(IVAN)]});
    assert_eq!(gainsight.post("/users/services", mixed).await.body["data"]["count"], 0);
    assert_eq!(world.count(Vendor::Gainsight, "s@acme.example"), 0);
}

#[tokio::test]
async fn an_update_names_its_users_by_a_key_that_stays() {
    let sandbox = live(Vendor::Gainsight).await;
    let (gainsight, world) = (client(&sandbox, Vendor::Gainsight), sandbox.world());
    let id = gsid(&sandbox, IVAN);
    let done = update(&gainsight, "Gsid", json!([{"Gsid": id, "Title": "Lead"}])).await;
    assert_eq!((done.status, &world.find(Vendor::Gainsight, IVAN).expect("a user")["Title"]), (200, &json!("Lead")));
    assert_eq!(update(&gainsight, "SFDCUserName", json!([{"SFDCUserName": IVAN, "Locale": "pt"}])).await.status, 200);
    for key in ["Email", "", "gsid"] {
        let refused = update(&gainsight, key, json!([{"Email": IVAN, "Title": "x"}])).await;
        assert_eq!((refused.status, &refused.body["errorCode"]), (400, &json!("GU_2409")), "{key}");
    }
    let moved = update(&gainsight, "Gsid", json!([{"Gsid": id, "SFDCUserName": "ivan@acme.example"}])).await;
    assert_eq!(moved.status, 400, "a key can't be changed");
    let nobody = update(&gainsight, "Gsid", json!([{"Gsid": "1P01X", "Title": "x"}])).await;
    assert_eq!((nobody.status, &nobody.body["errorCode"]), (400, &json!("GU_2402")));
    let clash = update(&gainsight, "Gsid", json!([{"Gsid": id, "Email": CHLOE}])).await;
    assert_eq!((clash.status, &clash.body["errorCode"]), (400, &json!("GU_2411")));
    let twice = update(&gainsight, "Gsid", json!([{"Gsid": id, "Title": "a"}, {"Gsid": id, "Title": "b"}])).await;
    assert_eq!(twice.body["data"]["errors"][0]["errorCode"], "GU_2411");
    assert_eq!(world.find(Vendor::Gainsight, IVAN).expect("a user")["Title"], "a");
}

#[tokio::test]
async fn a_manager_is_a_gsid_of_somebody_else() {
    let sandbox = live(Vendor::Gainsight).await;
    let (gainsight, world) = (client(&sandbox, Vendor::Gainsight), sandbox.world());
    let (ivan, chloe) = (gsid(&sandbox, IVAN), gsid(&sandbox, CHLOE));
    let own = update(&gainsight, "Gsid", json!([{"Gsid": ivan, "Manager": ivan}])).await;
    assert_eq!((own.status, &own.body["errorCode"]), (400, &json!("GU_2410")));
    assert_eq!(update(&gainsight, "Gsid", json!([{"Gsid": ivan, "Manager": CHLOE}])).await.status, 400);
    let lookup = |object: &str, on_no_match: &str, boss: &str| {
        json!({
            "records": [{"Gsid": ivan, "Boss": boss}],
            "lookups": {"Manager": {"fields": {"Boss": "Email"}, "lookupField": "Gsid", "objectName": object,
                "multiMatchOption": "FIRSTMATCH", "onNoMatch": on_no_match}},
        })
    };
    let path = "/users/services?key=Gsid";
    assert_eq!(gainsight.put(path, lookup("gsuser", "ERROR", CHLOE)).await.status, 200);
    assert_eq!(world.find(Vendor::Gainsight, IVAN).expect("a user")["Manager"], json!(chloe));
    assert_eq!(gainsight.put(path, lookup("gsuser", "ERROR", "nobody@acme.example")).await.status, 400);
    assert_eq!(gainsight.put(path, lookup("gsuser", "NULLABLE", "nobody@acme.example")).await.status, 200);
    assert_eq!(world.find(Vendor::Gainsight, IVAN).expect("a user")["Manager"], Value::Null);
    let wrong = gainsight.put(path, lookup("Company", "ERROR", CHLOE)).await;
    assert_eq!((wrong.status, &wrong.body["errorCode"]), (400, &json!("GU_2403")));
}

#[tokio::test]
async fn bundles_are_added_or_replaced_by_a_word_above_the_records() {
    let sandbox = live(Vendor::Gainsight).await;
    let (gainsight, world) = (client(&sandbox, Vendor::Gainsight), sandbox.world());
    let body = |action: &str, bundle: &str| json!({"records": [{"SFDCUserName": IVAN, "permissionBundles": [bundle]}], "permissionBundleAction": action});
    let path = "/users/services?key=SFDCUserName";
    let bundles = || world.find(Vendor::Gainsight, IVAN).expect("a user")["permissionBundles"].clone();
    assert_eq!(gainsight.put(path, body("append", "Reporting")).await.status, 200);
    assert_eq!(bundles(), json!(["Client Resources", "Reporting"]));
    assert_eq!(gainsight.put(path, body("overwrite", "Reporting")).await.status, 200);
    assert_eq!(bundles(), json!(["Reporting"]));
    assert_eq!(gainsight.put(path, body("replace", "Reporting")).await.status, 400);
    assert_eq!(gainsight.put(path, body("append", "No Such Bundle")).await.status, 400);
    let inside = json!([{"SFDCUserName": IVAN, "permissionBundles": [], "permissionBundleAction": "overwrite"}]);
    assert_eq!(update(&gainsight, "SFDCUserName", inside).await.status, 400);
    assert_eq!(bundles(), json!(["Reporting"]));
}

#[tokio::test]
async fn people_are_switched_by_a_status_call() {
    let sandbox = live(Vendor::Gainsight).await;
    let (gainsight, world) = (client(&sandbox, Vendor::Gainsight), sandbox.world());
    let ids = json!([gsid(&sandbox, IVAN), gsid(&sandbox, CHLOE)]);
    let off = gainsight.put("/users/services/status?status=false", ids.clone()).await;
    assert_eq!((off.status, &off.body["data"]["count"]), (200, &json!(2)));
    assert_eq!(world.state(Vendor::Gainsight, IVAN), Some("suspended"));
    let partly = json!([gsid(&sandbox, IVAN), "1P01NOBODY"]);
    let on = gainsight.put("/users/services/status?status=true", partly).await;
    assert_eq!((on.status, &on.body["errorCode"]), (400, &json!("GU_2402")));
    assert_eq!(world.state(Vendor::Gainsight, IVAN), Some("active"));
    for (path, body) in
        [("?status=off", ids.clone()), ("", ids), ("?status=false", json!([])), ("?status=false", json!({"a": 1}))]
    {
        assert_eq!(gainsight.put(&format!("/users/services/status{path}"), body).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_list_is_a_post_and_still_only_looks() {
    let sandbox = live(Vendor::Gainsight).await;
    let reader = client(&sandbox, Vendor::Gainsight).with(crate::client::reader(Vendor::Gainsight));
    assert_eq!(list(&reader, json!({"limit": 1})).await.status, 200);
    assert_eq!(reader.post("/users/services", json!({"records": [record("x@acme.example")]})).await.status, 403);
    let seen = sandbox.statistics().of(Vendor::Gainsight);
    assert_eq!((seen.writes, seen.creates), (0, 0));
    sandbox.set_faults(vec![Fault::new(Kind::RepeatCursor)]);
    let page = |page: u64| json!({"limit": 2, "page": page, "orderBy": {"Email": "asc"}});
    let (second, third) = (list(&reader, page(1)).await, list(&reader, page(2)).await);
    assert_eq!(second.body["data"], third.body["data"], "the list never gets past its second page");
}

#[tokio::test]
async fn a_hundred_an_hour_is_the_budget_and_a_restart_gives_no_new_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let dialects = Dialects::default().with(Vendor::Gainsight, Dialect::Live);
    let open = || start(Options { dialects, keep: Some(dir.path().into()), ..options() });
    // The hour may end in the middle, after which there is a new budget; then the second walk tells.
    for _ in 0..2 {
        let sandbox = open().await.expect("the sandbox starts");
        let gainsight = client(&sandbox, Vendor::Gainsight);
        let mut refused = list(&gainsight, json!({"limit": 1})).await;
        for _ in 0..200 {
            refused = list(&gainsight, json!({"limit": 1})).await;
            if refused.status == 429 {
                break;
            }
        }
        assert_eq!((refused.status, &refused.body["errorCode"]), (429, &json!("GU_2400")));
        assert_eq!(refused.header("retry-after"), None);
        sandbox.stop().await;
        let again = open().await.expect("the sandbox starts again");
        let first = list(&client(&again, Vendor::Gainsight), json!({"limit": 1})).await;
        if first.status == 429 {
            return;
        }
    }
    panic!("a restart gave a new budget");
}
