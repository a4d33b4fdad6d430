//! The traps of Freshdesk as its live API is: the person inside `contact`, agents that a DELETE turns into contacts, a
//! way back that costs something.

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{Answer, Client, client, live, live_options};

const TOM: &str = "tom.baker@acme.example";
const ROSA: &str = "rosa.lind@acme.example";
const BOB: &str = "bob@customer.example";

async fn desk() -> (Sandbox, Client) {
    let sandbox = live(Vendor::Freshdesk).await;
    let desk = client(&sandbox, Vendor::Freshdesk);
    (sandbox, desk)
}

fn rows(answer: &Answer) -> &[Value] {
    answer.body.as_array().map(Vec::as_slice).unwrap_or_default()
}

async fn contact(desk: &Client, email: &str) -> String {
    desk.get(&format!("/contacts?email={email}")).await.body[0]["id"].to_string()
}

#[tokio::test]
async fn a_person_lies_in_the_contact_and_what_makes_an_agent_beside_it() {
    let (_sandbox, desk) = desk().await;
    let found = desk.get(&format!("/agents?email={TOM}")).await.body;
    let agent = desk.get(&format!("/agents/{}", found[0]["id"])).await.body;
    let names = |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
    let top = "available contact created_at focus_mode group_ids id occasional role_ids skill_ids ticket_scope type updated_at";
    assert_eq!(names(&agent).unwrap_or_default().join(" "), top);
    let inside = "active email job_title language last_login_at mobile name phone time_zone";
    assert_eq!(names(&agent["contact"]).unwrap_or_default().join(" "), inside);
    assert_eq!((&agent["contact"]["email"], &agent["contact"]["active"]), (&json!(TOM), &json!(true)));
    let gary = desk.get("/agents?email=gary.former@acme.example").await.body;
    assert!(gary[0]["contact"]["phone"].is_number(), "an imported telephone is a number");
}

#[tokio::test]
async fn active_is_no_filter_and_four_others_are() {
    let (_sandbox, desk) = desk().await;
    let all = desk.get("/agents?per_page=100").await.body;
    for flag in ["true", "false", "perhaps"] {
        assert_eq!(desk.get(&format!("/agents?per_page=100&active={flag}")).await.body, all, "{flag}");
    }
    assert_eq!(desk.get("/agents?per_page=100&updated_since=2999-01-01T00:00:00Z").await.body, all);
    assert_eq!(desk.get("/agents?state=occasional").await.body, json!([]));
    assert_eq!(desk.get("/agents?state=fulltime&per_page=100").await.body, all);
    assert_eq!(desk.get("/agents?state=asleep").await.status, 400);
    let tom = desk.get(&format!("/agents?email={TOM}")).await.body[0].clone();
    let phone = tom["contact"]["phone"].as_str().expect("a telephone").replace('+', "%2B").replace(' ', "%20");
    let found = desk.get(&format!("/agents?phone={phone}")).await;
    assert!(rows(&found).iter().any(|row| row["id"] == tom["id"]));
    assert_eq!(desk.get("/agents?mobile=0").await.body, json!([]));
}

#[tokio::test]
async fn some_rows_of_a_list_lack_their_ids_until_that_habit_is_given_up() {
    let sandbox = start(Options { people: 200, ..live_options(Vendor::Freshdesk) }).await.expect("the sandbox starts");
    let desk = client(&sandbox, Vendor::Freshdesk);
    let bare = |answer: &Answer| rows(answer).iter().filter(|row| row.get("group_ids").is_none()).count();
    let list = desk.get("/agents?per_page=100").await;
    assert!((1..rows(&list).len()).contains(&bare(&list)), "{} of {}", bare(&list), rows(&list).len());
    let row = rows(&list).iter().find(|row| row.get("role_ids").is_none()).expect("a bare row");
    assert!(desk.get(&format!("/agents/{}", row["id"])).await.body["role_ids"].is_array());
    assert!(sandbox.world().set_habit(Vendor::Freshdesk, Habit::RowsWhole));
    assert_eq!(bare(&desk.get("/agents?per_page=100").await), 0);
}

#[tokio::test]
async fn a_link_leads_to_the_next_page_and_is_absent_on_the_last() {
    let (_sandbox, desk) = desk().await;
    let total = rows(&desk.get("/agents?per_page=100").await).len();
    let (mut page, mut seen) = (1, 0);
    loop {
        let answer = desk.get(&format!("/agents?page={page}&per_page=4&state=fulltime")).await;
        seen += rows(&answer).len();
        page += 1;
        let next = format!("per_page=4&state=fulltime&page={page}>; rel=\"next\"");
        match answer.header("link") {
            Some(link) => {
                assert!(link.starts_with("<http://sandbox/freshdesk/api/v2/agents?") && link.ends_with(&next))
            }
            None => break,
        }
    }
    assert_eq!((seen, page - 1), (total, total.div_ceil(4)));
    let fits = desk.get("/roles?per_page=2&page=2").await;
    assert_eq!((rows(&fits).len(), fits.header("link")), (2, None), "no empty page is announced");
}

#[tokio::test]
async fn a_create_needs_a_scope_and_makes_an_occasional_agent_unless_told() {
    let (sandbox, desk) = desk().await;
    for body in [
        json!({"email": "new@acme.example"}),
        json!({"ticket_scope": 2}),
        json!({"email": "new@acme.example", "ticket_scope": 4}),
        json!({"email": "new@acme.example", "ticket_scope": 2, "type": "support_agent"}),
        json!({"email": "new@acme.example", "ticket_scope": 2, "agent_type": 4}),
        json!({"email": "new@acme.example", "ticket_scope": 2, "agent_type": "1"}),
        json!({"email": "new@acme.example", "ticket_scope": 2, "active": true}),
    ] {
        let refused = desk.post("/agents", body.clone()).await;
        assert_eq!((refused.status, &refused.body["description"]), (400, &json!("Validation failed")), "{body}");
        assert!(refused.body["errors"][0]["field"].is_string() && refused.body["errors"][0]["code"].is_string());
    }
    let body = json!({"email": "new@acme.example", "name": "New", "ticket_scope": 2, "agent_type": 2});
    let made = desk.post("/agents", body.clone()).await;
    assert_eq!((made.status, &made.body["contact"]["active"]), (201, &json!(false)));
    assert_eq!((&made.body["occasional"], &made.body["type"]), (&json!(true), &json!("field_agent")));
    assert_eq!(desk.post("/agents", body).await.status, 409);
    assert_eq!(sandbox.world().state(Vendor::Freshdesk, "new@acme.example"), Some("invited"));
    assert!(sandbox.world().confirm(Vendor::Freshdesk, "new@acme.example"));
    assert_eq!(desk.get(&format!("/agents/{}", made.body["id"])).await.body["contact"]["active"], true);
}

#[tokio::test]
async fn a_full_house_is_403_with_a_text_that_names_the_limit() {
    let (sandbox, desk) = desk().await;
    let (taken, _) = sandbox.world().seats(Vendor::Freshdesk).expect("seats");
    sandbox.world().set_seats(Vendor::Freshdesk, taken);
    let refused = desk.post("/agents", json!({"email": "new@acme.example", "ticket_scope": 1})).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body["message"].as_str().is_some_and(|text| text.contains("limit")));
    let path = format!("/contacts/{}/make_agent", contact(&desk, BOB).await);
    assert_eq!(desk.put(&path, json!({})).await.status, 403);
    assert_eq!(sandbox.world().count(Vendor::Freshdesk, "new@acme.example"), 0);
}

#[tokio::test]
async fn a_delete_leaves_a_contact_and_no_agent() {
    let (sandbox, desk) = desk().await;
    let (taken, _) = sandbox.world().seats(Vendor::Freshdesk).expect("seats");
    let id = sandbox.world().id(Vendor::Freshdesk, TOM).expect("an account");
    assert_eq!(desk.get(&format!("/contacts?email={TOM}")).await.body, json!([]));
    assert_eq!(desk.delete(&format!("/agents/{id}")).await.status, 204);
    assert_eq!(desk.get(&format!("/agents/{id}")).await.status, 404);
    assert_eq!(desk.delete(&format!("/agents/{id}")).await.status, 404);
    let left = desk.get(&format!("/contacts?email={TOM}")).await.body;
    assert_eq!((&left[0]["name"], left[0].get("downgraded")), (&json!("Tom Baker"), None));
    assert_eq!(desk.post("/agents", json!({"email": TOM, "ticket_scope": 1})).await.status, 409);
    assert_eq!(sandbox.world().seats(Vendor::Freshdesk).map(|seats| seats.0), Some(taken - 1));
    let world = sandbox.world();
    assert_eq!((world.state(Vendor::Freshdesk, TOM), world.count(Vendor::Freshdesk, TOM)), (Some("suspended"), 0));
}

#[tokio::test]
async fn the_way_back_makes_a_new_agent_and_loses_the_other_emails() {
    let (sandbox, desk) = desk().await;
    let left = contact(&desk, ROSA).await;
    let path = format!("/contacts/{left}");
    assert_eq!(sandbox.world().state(Vendor::Freshdesk, ROSA), Some("suspended"), "she left long ago");
    assert_eq!(desk.put(&path, json!({"other_emails": ["rosa@home.example"]})).await.status, 200);
    let taken = json!({"email": "ROSA@home.example", "ticket_scope": 1});
    assert_eq!(desk.post("/agents", taken).await.status, 409, "an address in the second column is taken too");
    assert_eq!(desk.put(&format!("{path}/make_agent"), json!({"agent_type": 1})).await.status, 400);
    let made = desk.put(&format!("{path}/make_agent"), json!({"type": "support_agent"})).await;
    let agent = &made.body["agent"];
    assert_eq!((made.status, made.body["id"].to_string(), agent.get("contact")), (200, left.clone(), None));
    assert_ne!(agent["id"], made.body["id"]);
    assert_eq!((&agent["occasional"], &agent["ticket_scope"]), (&json!(false), &json!(1)));
    assert_eq!((&made.body["other_emails"], &made.body["active"]), (&json!([]), &json!(false)));
    assert_eq!(sandbox.world().state(Vendor::Freshdesk, ROSA), Some("invited"));
    assert_eq!(desk.get(&format!("/agents/{}", agent["id"])).await.body["contact"]["email"], ROSA);
    assert_eq!(desk.put(&format!("{path}/make_agent"), json!({})).await.status, 409);
    let nobody = desk.post("/contacts", json!({"name": "No Mail", "phone": "1"})).await.body;
    assert_eq!(desk.put(&format!("/contacts/{}/make_agent", nobody["id"]), json!({})).await.status, 400);
}

#[tokio::test]
async fn a_put_changes_the_email_and_drops_name_phones_and_title_in_silence() {
    let (sandbox, desk) = desk().await;
    let path = format!("/agents/{}", sandbox.world().id(Vendor::Freshdesk, TOM).expect("an account"));
    let before = desk.get(&path).await.body;
    let sent = json!({"email": "thomas@acme.example", "name": "Thomas", "phone": "1", "mobile": "2", "job_title": "X"});
    let after = desk.put(&path, sent).await;
    assert_eq!((after.status, &after.body["contact"]["email"]), (200, &json!("thomas@acme.example")));
    for kept in ["name", "phone", "mobile", "job_title"] {
        assert_eq!(after.body["contact"][kept], before["contact"][kept], "{kept}");
    }
    assert_eq!(desk.put(&path, json!({"email": "aisha.khan@acme.example"})).await.status, 409);
    assert_eq!(desk.put(&path, json!({"email": BOB})).await.status, 409);
    assert_eq!(desk.put(&path, json!({"group_ids": [7301]})).await.body["group_ids"], json!([7301]));
    assert_eq!(desk.patch(&path, json!({"group_ids": []})).await.status, 405);
    for body in [json!({"contact": {}}), json!({"custom_fields": {}}), json!({"role_ids": []}), json!({"tags": []})] {
        assert_eq!(desk.put(&path, body.clone()).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn the_caller_cannot_change_its_own_roles_or_scope() {
    let (sandbox, desk) = desk().await;
    let path = format!("/agents/{}", sandbox.world().id(Vendor::Freshdesk, OWNER_EMAIL).expect("an account"));
    for body in [json!({"role_ids": [6103]}), json!({"ticket_scope": 3})] {
        assert_eq!(desk.put(&path, body).await.status, 403);
    }
    assert_eq!(desk.put(&path, json!({"ticket_scope": 1, "available": false})).await.status, 200);
}

#[tokio::test]
async fn contacts_are_asked_for_changes_by_another_name() {
    let (_sandbox, desk) = desk().await;
    let id = contact(&desk, BOB).await;
    let bob = desk.put(&format!("/contacts/{id}"), json!({"phone": "1"})).await.body;
    let since = bob["updated_at"].as_str().expect("a time");
    let changed = desk.get(&format!("/contacts?_updated_since={since}")).await;
    assert_eq!(rows(&changed).iter().map(|row| row["id"].to_string()).collect::<Vec<_>>(), [id]);
    assert!(
        rows(&desk.get(&format!("/contacts?updated_since={since}")).await).len() > 1,
        "the guide's name is ignored"
    );
    assert_eq!(desk.get("/contacts?_updated_since=yesterday").await.status, 400);
}
