//! The traps of Freshservice as its live API is: two columns of addresses, a search that lags, conversions that grant
//! something, a field that every PUT resets, and a call that nobody should ever make.

use std::time::Duration;

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{Answer, Client, client, live, live_options};

const FELIX: &str = "felix.braun@acme.example";
const PRIYA: &str = "priya.nair@acme.example";
const DIRECTOR: &str = "anne-marie.daubigne@acme.example";
const FIELD: &str = "can_see_all_tickets_from_associated_departments";

async fn service() -> (Sandbox, Client) {
    let sandbox = live(Vendor::Freshservice).await;
    let service = client(&sandbox, Vendor::Freshservice);
    (sandbox, service)
}

fn path(sandbox: &Sandbox, list: &str, email: &str) -> String {
    format!("/{list}/{}", sandbox.world().id(Vendor::Freshservice, email).expect("an account"))
}

fn rows<'a>(answer: &'a Answer, list: &str) -> &'a [Value] {
    answer.body[list].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn role(id: u64) -> Value {
    json!([{"role_id": id, "assignment_scope": "entire_helpdesk"}])
}

/// Writes a query as a URL carries it.
fn asked(condition: &str) -> String {
    let encode = |text: &str| text.replace('"', "%22").replace('\'', "%27").replace(' ', "%20").replace('+', "%2B");
    encode(&format!("\"{condition}\""))
}

#[tokio::test]
async fn requesters_have_a_primary_address_and_agents_an_email() {
    let (_sandbox, service) = service().await;
    let requester = service.get(&format!("/requesters?email={FELIX}")).await.body["requesters"][0].clone();
    assert_eq!((&requester["primary_email"], requester.get("email")), (&json!(FELIX), None));
    assert!(requester["work_phone_number"].is_string() && requester.get("phone").is_none());
    assert_eq!((&requester["secondary_emails"], &requester["is_agent"]), (&json!([]), &json!(false)));
    let agent = service.get(&format!("/agents?email={PRIYA}")).await.body["agents"][0].clone();
    assert_eq!((&agent["email"], agent.get("primary_email")), (&json!(PRIYA), None));
    let lists = ["member_of", "observer_of", "member_of_pending_approval", "observer_of_pending_approval"];
    assert!(lists.iter().all(|list| agent[list] == json!([])));
    assert_eq!((&agent["workspace_ids"], &agent["license_type"]), (&json!([2]), &json!("it")));
    assert_eq!((&agent["role_ids"], &agent["scopes"]["ticket"]), (&json!([2102]), &json!("entire_helpdesk")));
    for body in [json!({"first_name": "X", "email": "x@acme.example"}), json!({"first_name": "X", "phone": "1"})] {
        assert_eq!(service.post("/requesters", body).await.status, 400);
    }
}

#[tokio::test]
async fn an_address_is_taken_across_both_sorts_and_both_columns() {
    let (sandbox, service) = service().await;
    let old = format!("old.{DIRECTOR}");
    assert_eq!(service.get(&format!("/requesters?email={old}")).await.body, json!({"requesters": []}));
    for email in [PRIYA, "FELIX.braun@acme.example", "derek.hall@acme.example", &old] {
        let requester = json!({"first_name": "X", "primary_email": email});
        assert_eq!(service.post("/requesters", requester).await.status, 400, "{email}");
        let second = json!({"first_name": "X", "primary_email": "x@acme.example", "secondary_emails": [email]});
        assert_eq!(service.post("/requesters", second).await.status, 400, "{email}");
        let agent = json!({"first_name": "X", "email": email, "roles": role(2102)});
        assert_eq!(service.post("/agents", agent).await.status, 400, "{email}");
    }
    let director = path(&sandbox, "requesters", DIRECTOR);
    assert_eq!(service.put(&format!("{director}/convert_to_agent"), json!({})).await.status, 200);
    let agent = json!({"first_name": "X", "email": old, "roles": role(2102)});
    assert_eq!(service.post("/agents", agent).await.status, 400, "an agent keeps what the requester had");
}

#[tokio::test]
async fn an_unfiltered_list_holds_the_inactive() {
    let (_sandbox, service) = service().await;
    let count =
        async |query: &str| rows(&service.get(&format!("/requesters?per_page=100{query}")).await, "requesters").len();
    let (all, active, inactive) = (count("").await, count("&active=true").await, count("&active=false").await);
    assert!(inactive > 0 && all == active + inactive, "{all} {active} {inactive}");
    let found = service.get("/requesters?email=derek.hall@acme.example").await;
    assert_eq!(rows(&found, "requesters")[0]["active"], false);
    let agents = rows(&service.get("/agents?per_page=100").await, "agents").len();
    assert_eq!(count("&include_agents=true").await, all + agents);
    let with = service.get(&format!("/requesters?include_agents=true&email={PRIYA}")).await;
    assert_eq!((&rows(&with, "requesters")[0]["is_agent"], rows(&with, "requesters").len()), (&json!(true), 1));
}

#[tokio::test]
async fn a_link_leads_to_the_next_page_and_is_absent_on_the_last() {
    let (_sandbox, service) = service().await;
    let first = service.get("/groups?per_page=1").await;
    let link = "<http://sandbox/freshservice/api/v2/groups?per_page=1&page=2>; rel=\"next\"";
    assert_eq!(first.header("link"), Some(link));
    assert_eq!(service.get("/groups?per_page=1&page=2").await.header("link"), None);
}

#[tokio::test]
async fn a_search_is_quoted_short_and_pages_by_thirty_without_order() {
    let sandbox =
        start(Options { people: 150, ..live_options(Vendor::Freshservice) }).await.expect("the sandbox starts");
    let service = client(&sandbox, Vendor::Freshservice);
    let found = service.get(&format!("/requesters?query={}", asked(&format!("email:'{FELIX}'")))).await;
    assert_eq!(rows(&found, "requesters")[0]["primary_email"], FELIX);
    let long = asked(&format!("email:'{}'", "x".repeat(520)));
    for query in ["email:'x'", "%22email:x%22", &long, &asked("shoe_size:'4'")] {
        assert_eq!(service.get(&format!("/requesters?query={query}")).await.status, 400, "{query}");
    }
    let everyone = asked("active:true");
    let first = service.get(&format!("/requesters?per_page=100&query={everyone}")).await;
    let ids: Vec<u64> = rows(&first, "requesters").iter().filter_map(|row| row["id"].as_u64()).collect();
    assert_eq!((ids.len(), ids.is_sorted()), (30, false));
    assert!(first.header("link").is_some_and(|link| link.contains("page=2") && link.contains("query=")));
    assert_eq!(service.get(&format!("/requesters?query={everyone}&page=41")).await.status, 400);
}

#[tokio::test]
async fn a_search_lags_behind_a_write_and_a_lookup_does_not() {
    let (sandbox, service) = service().await;
    let lag = |seconds| Habit::IndexLag(Duration::from_secs(seconds));
    assert!(sandbox.world().set_habit(Vendor::Freshservice, lag(3600)));
    let body = json!({"first_name": "New", "primary_email": "new@acme.example"});
    assert_eq!(service.post("/requesters", body).await.status, 201);
    let query = format!("/requesters?query={}", asked("primary_email:'new@acme.example'"));
    assert_eq!(service.get(&query).await.body, json!({"requesters": []}));
    assert_eq!(rows(&service.get("/requesters?email=new@acme.example").await, "requesters").len(), 1);
    sandbox.world().set_habit(Vendor::Freshservice, lag(0));
    assert_eq!(rows(&service.get(&query).await, "requesters").len(), 1);
}

#[tokio::test]
async fn a_delete_answers_with_the_person_and_reactivate_brings_them_back() {
    let (sandbox, service) = service().await;
    for (list, one, email) in [("agents", "agent", PRIYA), ("requesters", "requester", FELIX)] {
        let person = path(&sandbox, list, email);
        let gone = service.delete(&person).await;
        assert_eq!((gone.status, &gone.body[one]["active"]), (200, &json!(false)));
        assert_eq!(service.put(&person, json!({"active": true})).await.status, 400);
        let back = service.send("PUT", &format!("{person}/reactivate"), None).await;
        assert_eq!((back.status, &back.body[one]["active"]), (200, &json!(true)));
    }
    let agent = path(&sandbox, "agents", PRIYA);
    service.delete(&agent).await;
    let (taken, _) = sandbox.world().seats(Vendor::Freshservice).expect("seats");
    sandbox.world().set_seats(Vendor::Freshservice, taken);
    assert_eq!(service.send("PUT", &format!("{agent}/reactivate"), None).await.status, 400, "it needs a seat");
}

#[tokio::test]
async fn forgetting_erases_the_person_with_the_tickets_and_is_counted() {
    let (sandbox, service) = service().await;
    let (world, before) = (sandbox.world(), sandbox.world().tickets(Vendor::Freshservice).expect("tickets"));
    let person = path(&sandbox, "requesters", FELIX);
    assert_eq!(sandbox.statistics().of(Vendor::Freshservice).forgets, 0);
    let gone = service.delete(&format!("{person}/forget")).await;
    assert_eq!((gone.status, gone.raw.len()), (204, 0));
    assert_eq!((service.get(&person).await.status, world.find(Vendor::Freshservice, FELIX)), (404, None));
    assert!(world.tickets(Vendor::Freshservice).is_some_and(|tickets| tickets < before));
    assert_eq!(service.delete("/agents/1/forget").await.status, 404);
    assert_eq!(sandbox.statistics().of(Vendor::Freshservice).forgets, 2);
}

#[tokio::test]
async fn a_conversion_makes_an_occasional_agent_with_a_role_that_nobody_chose() {
    let (sandbox, service) = service().await;
    let (taken, _) = sandbox.world().seats(Vendor::Freshservice).expect("seats");
    let id = sandbox.world().id(Vendor::Freshservice, FELIX).expect("an account");
    sandbox.world().set_seats(Vendor::Freshservice, taken);
    let up = format!("/requesters/{id}/convert_to_agent");
    assert_eq!(service.send("PUT", &up, None).await.status, 400);
    sandbox.world().set_seats(Vendor::Freshservice, taken + 1);
    let made = service.send("PUT", &up, None).await.body["agent"].clone();
    assert_eq!(
        (&made["occasional"], &made["role_ids"], &made["member_of"]),
        (&json!(true), &json!([2103]), &json!([]))
    );
    assert_eq!(made["id"].to_string(), id);
    let roles = service.get("/roles").await;
    assert!(rows(&roles, "roles").iter().any(|role| role["id"] == 2103 && role["name"] == "SD Agent"));
    assert_eq!(sandbox.world().seats(Vendor::Freshservice), Some((taken + 1, taken + 1)));
    let back = service.send("PUT", &format!("/agents/{id}/convert_to_requester"), None).await;
    assert_eq!((back.status, &back.body["requester"]["primary_email"]), (200, &json!(FELIX)));
    assert_eq!(sandbox.world().seats(Vendor::Freshservice), Some((taken, taken + 1)));
    assert_eq!(sandbox.world().count(Vendor::Freshservice, FELIX), 1);
}

#[tokio::test]
async fn every_put_takes_a_sight_away_unless_it_is_sent_again() {
    let (sandbox, service) = service().await;
    let director = path(&sandbox, "requesters", DIRECTOR);
    assert_eq!(service.get(&director).await.body["requester"][FIELD], true);
    let sent = service.put(&director, json!({"job_title": "X", FIELD: true})).await;
    assert_eq!(sent.body["requester"][FIELD], true);
    assert_eq!(service.put(&director, json!({"job_title": "Y"})).await.body["requester"][FIELD], false);
}

#[tokio::test]
async fn a_role_for_some_groups_names_them() {
    let (sandbox, service) = service().await;
    let agent = path(&sandbox, "agents", PRIYA);
    let limited =
        |groups: Value| json!({"roles": [{"role_id": 2102, "assignment_scope": "specified_groups", "groups": groups}]});
    for body in [
        limited(json!([])),
        limited(json!([1])),
        json!({"roles": [{"role_id": 2102, "assignment_scope": "specified_groups"}]}),
        json!({"roles": [{"role_id": 2102, "assignment_scope": "entire_helpdesk", "groups": [2200]}]}),
        json!({"roles": []}),
        json!({"group_ids": [2200]}),
        json!({"role_ids": [2102]}),
        json!({"license_type": "none"}),
    ] {
        assert_eq!(service.put(&agent, body.clone()).await.status, 400, "{body}");
    }
    let given = service.put(&agent, limited(json!([2200]))).await.body["agent"].clone();
    assert_eq!(
        (&given["roles"][0]["groups"], &given["scopes"]["ticket"]),
        (&json!([2200]), &json!("specified_groups"))
    );
}

#[tokio::test]
async fn a_guarded_group_lets_nobody_in_before_approval() {
    let (sandbox, service) = service().await;
    let agent = path(&sandbox, "agents", PRIYA);
    let asked = service.put(&agent, json!({"member_of": [2200, 2201]})).await.body["agent"].clone();
    assert_eq!((&asked["member_of"], &asked["member_of_pending_approval"]), (&json!([2200]), &json!([2201])));
    assert!(sandbox.world().confirm(Vendor::Freshservice, PRIYA));
    let let_in = service.get(&agent).await.body["agent"].clone();
    assert_eq!((&let_in["member_of"], &let_in["member_of_pending_approval"]), (&json!([2200, 2201]), &json!([])));
    assert_eq!(service.put(&agent, json!({"member_of": [2201]})).await.body["agent"]["member_of"], json!([2201]));
}

#[tokio::test]
async fn sso_keeps_the_primary_address_in_silence() {
    let (sandbox, service) = service().await;
    let person = path(&sandbox, "requesters", FELIX);
    sandbox.world().set_freshservice_sso(true);
    let kept = service.put(&person, json!({"primary_email": "f@acme.example"})).await;
    assert_eq!((kept.status, &kept.body["requester"]["primary_email"]), (200, &json!(FELIX)));
    sandbox.world().set_freshservice_sso(false);
    assert_eq!(service.put(&person, json!({"primary_email": "f@acme.example"})).await.status, 200);
    assert_eq!(sandbox.world().count(Vendor::Freshservice, "f@acme.example"), 1);
}

#[tokio::test]
async fn lists_have_a_limit_of_their_own_and_failures_count() {
    let plans = Plans { freshservice: FreshservicePlan::Starter, ..Plans::default() };
    let options = Options { limits: Limits::Published(plans), ..live_options(Vendor::Freshservice) };
    let sandbox = start(options).await.expect("the sandbox starts");
    let service = client(&sandbox, Vendor::Freshservice);
    let first = service.get("/requesters?include_agents=true").await;
    assert_eq!(first.header("x-ratelimit-used-currentrequest"), Some("2"));
    for _ in 0..38 {
        assert_eq!(service.get("/requesters?page=none").await.status, 400);
    }
    let refused = service.get("/requesters").await;
    assert_eq!((refused.status, refused.header("x-ratelimit-total")), (429, Some("40")));
    let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((50..=60).contains(&wait));
    assert_eq!(service.get("/agents").await.status, 200, "another list is another budget");
}

#[tokio::test]
async fn a_wait_of_25_minutes_is_told_once() {
    let (sandbox, service) = service().await;
    sandbox.set_faults(vec!["429:app=freshservice,retry_after=1521,count=1".parse().expect("a fault")]);
    let refused = service.get("/agents").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1521")));
    assert_eq!(service.get("/agents").await.status, 200);
    assert_eq!(sandbox.statistics().of(Vendor::Freshservice).impatient, 0, "it may have been on its way");
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    assert_eq!(service.get("/agents").await.status, 200);
    assert_eq!(sandbox.statistics().of(Vendor::Freshservice).impatient, 1);
}

#[tokio::test]
async fn both_dialects_have_the_same_people_and_seats() {
    let seen = |sandbox: &Sandbox, vendor| {
        let world = sandbox.world();
        let people = sandbox.company().yesterday.iter().map(|person| world.state(vendor, &person.work_email));
        (people.collect::<Vec<_>>(), world.seats(vendor))
    };
    let guide = crate::client::calm().await;
    for vendor in [Vendor::Freshdesk, Vendor::Freshservice] {
        assert_eq!(seen(&live(vendor).await, vendor), seen(&guide, vendor), "{vendor}");
    }
}
