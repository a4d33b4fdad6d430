//! The traps of Gladly as it documents itself.

use serde_json::{Value, json};
use tenure_sandbox::*;

use crate::client::{Client, client, live, options};

async fn emails(gladly: &Client) -> Vec<String> {
    let list = gladly.get("/agents").await.body;
    let email = |agent: &Value| agent["emailAddress"].as_str().unwrap_or_default().to_string();
    list.as_array().expect("a bare array").iter().map(email).collect()
}

#[tokio::test]
async fn lists_are_bare_arrays_and_an_agent_has_three_fields() {
    let sandbox = live(Vendor::Gladly).await;
    let gladly = client(&sandbox, Vendor::Gladly);
    let list = gladly.get("/agents?limit=1&emailAddress=jane.doe@acme.example").await.body;
    let all = list.as_array().expect("a bare array");
    assert!(all.len() > 10, "neither a limit nor a filter is known");
    for agent in all {
        let keys: Vec<&String> = agent.as_object().expect("an agent").keys().collect();
        assert_eq!(keys, ["emailAddress", "id", "name"]);
        assert_eq!(agent["id"].as_str().map(str::len), Some(22));
    }
    let one = gladly.get(&format!("/agents/{}", all[3]["id"].as_str().expect("an id"))).await;
    assert_eq!((one.status, &one.body), (200, &all[3]));
}

#[tokio::test]
async fn membership_stands_with_the_team() {
    let sandbox = live(Vendor::Gladly).await;
    let (gladly, world) = (client(&sandbox, Vendor::Gladly), sandbox.world());
    let teams = gladly.get("/teams").await.body;
    let id = world.id(Vendor::Gladly, "lena.fischer@acme.example").expect("an agent");
    let of = |team: &&Value| team["agentIds"].as_array().is_some_and(|ids| ids.contains(&json!(id)));
    let hers: Vec<&Value> = teams.as_array().expect("teams").iter().filter(of).map(|team| &team["name"]).collect();
    assert_eq!(hers, ["Tier 1 Support", "Escalations"]);
    let first = &teams[0];
    assert_eq!(&gladly.get(&format!("/teams/{}", first["id"].as_str().expect("an id"))).await.body, first);
    assert_eq!(gladly.get("/inboxes").await.body[0]["name"], "General Support");
}

#[tokio::test]
async fn there_is_no_way_to_write_an_agent() {
    let sandbox = live(Vendor::Gladly).await;
    let (gladly, world) = (client(&sandbox, Vendor::Gladly), sandbox.world());
    let before = world.list(Vendor::Gladly);
    let jane = format!("/agents/{}", world.id(Vendor::Gladly, "jane.doe@acme.example").expect("an agent"));
    let new = json!({"emailAddress": "new@acme.example", "name": "New", "role": "AGENT"});
    for (method, path) in [("POST", "/agents"), ("PATCH", &jane), ("PUT", &jane), ("DELETE", &jane)] {
        let answer = gladly.send(method, path, Some(new.clone())).await;
        assert_eq!((answer.status, answer.body["errors"].is_object()), (404, true), "{method}");
    }
    let recorder = gladly.patch(&format!("{jane}/call-recorder"), json!({"recording": false})).await;
    assert_eq!(recorder.status, 204, "the one write there is concerns a call, not an agent");
    assert_eq!((world.list(Vendor::Gladly), sandbox.statistics().of(Vendor::Gladly).creates), (before, 0));
}

#[tokio::test]
async fn a_404_has_one_object_where_other_refusals_have_a_list() {
    let sandbox = live(Vendor::Gladly).await;
    let gladly = client(&sandbox, Vendor::Gladly);
    let missing = gladly.get("/agents/WmeA3Y51Q5ayCAaZ1AotIA").await;
    assert_eq!((missing.status, &missing.body["errors"]["code"]), (404, &json!("not_exist")));
    let stranger = gladly.with("X-Nothing: 1".into()).get("/agents").await;
    assert_eq!((stranger.status, stranger.body["errors"].is_array()), (401, true));
}

#[tokio::test]
async fn an_upload_makes_overwrites_and_switches_off() {
    let sandbox = live(Vendor::Gladly).await;
    let (gladly, world) = (client(&sandbox, Vendor::Gladly), sandbox.world());
    let jane = "jane.doe@acme.example";
    let before = world.find(Vendor::Gladly, jane).expect("an agent");
    let rows = "name,email,roles,inboxes,teams,deactivated\n\
        New Person,new@acme.example,Agent,\"General Support, Returns\",Billing,\n\
        Jane Doe-Roe,JANE.DOE@acme.example,\"Agent, Team Manager\",,Escalations,no\n\
        Tom Baker,tom.baker@acme.example,Agent,,,Yes\n";
    assert_eq!(world.import(Vendor::Gladly, rows), Ok(3));
    assert_eq!(world.state(Vendor::Gladly, "new@acme.example"), Some("invited"));
    let after = world.find(Vendor::Gladly, jane).expect("an agent");
    assert_eq!((&after["id"], &after["name"]), (&before["id"], &json!("Jane Doe-Roe")));
    assert_eq!((&after["roles"], &after["inboxes"]), (&json!(["Agent", "Team Manager"]), &json!([])));
    assert_eq!(world.state(Vendor::Gladly, "tom.baker@acme.example"), Some("suspended"));
    let listed = emails(&gladly).await;
    assert!(
        listed.contains(&"new@acme.example".to_string()) && !listed.contains(&"tom.baker@acme.example".to_string())
    );
    let blank = "name,email,roles,deactivated\nTom Baker,tom.baker@acme.example,Agent,\n";
    assert_eq!(world.import(Vendor::Gladly, blank), Ok(1));
    assert_eq!(world.state(Vendor::Gladly, "tom.baker@acme.example"), Some("active"), "a blank cell switches on");
    assert_eq!(world.find(Vendor::Gladly, jane).expect("an agent")["teams"], json!(["Escalations"]));
}

#[tokio::test]
async fn an_upload_is_done_as_a_whole_or_not_at_all() {
    let sandbox = live(Vendor::Gladly).await;
    let world = sandbox.world();
    let before = world.list(Vendor::Gladly);
    let header = "name,email,roles,teams";
    for (row, says) in [
        ("New,new@acme.example,Wizard,", "`Wizard` does not exist"),
        ("New,new@acme.example,Agent,Tier 9", "`Tier 9` does not exist"),
        (",new@acme.example,Agent,", "name cannot be blank"),
        ("New,not an address,Agent,", "email is no address"),
        ("New,mia@acme.example,Agent,\nNew,MIA@acme.example,Agent,", "stands in the file twice"),
    ] {
        let rows = format!("{header}\nFine,fine@acme.example,Agent,\n{row}\n");
        let told = world.import(Vendor::Gladly, &rows).expect_err("a refusal");
        assert!(told.contains(says), "{told}");
    }
    assert!(world.import(Vendor::Gladly, header).is_err());
    assert!(world.import(Vendor::Gorgias, "name\nx\n").is_err(), "nobody else has an import");
    assert_eq!(world.list(Vendor::Gladly), before);
}

#[tokio::test]
async fn a_person_may_upload_over_http() {
    let sandbox = live(Vendor::Gladly).await;
    let pages = client(&sandbox, Vendor::Gladly);
    let up = |rows: &'static str| pages.upload("/gladly/ui/import", rows);
    let twice = up("name,email,roles\nA,a@acme.example,Agent\nB,a@acme.example,Agent\n").await;
    assert_eq!((twice.status, &twice.body["errors"][0]["code"]), (400, &json!("taken")));
    let done = up("name,email,roles\nA,a@acme.example,Agent\n").await;
    assert_eq!((done.status, &done.body["imported"]), (200, &json!(1)));
    assert_eq!(sandbox.statistics().of(Vendor::Gladly).requests, 0, "it is no API");
}

#[tokio::test]
async fn whether_the_list_holds_the_deactivated_differs() {
    let sandbox = live(Vendor::Gladly).await;
    let (gladly, world) = (client(&sandbox, Vendor::Gladly), sandbox.world());
    let rosa = "rosa.lind@acme.example".to_string();
    assert!(!emails(&gladly).await.contains(&rosa));
    let id = world.id(Vendor::Gladly, &rosa).expect("an agent");
    assert_eq!(gladly.get(&format!("/agents/{id}")).await.status, 200, "the look-up by id still knows her");
    assert!(world.set_habit(Vendor::Gladly, Habit::InactiveListed));
    assert!(emails(&gladly).await.contains(&rosa));
    assert!(world.change(Vendor::Gladly, &rosa, &json!({"active": true, "roles": ["Analyst"]})));
    assert_eq!(world.state(Vendor::Gladly, &rosa), Some("active"));
}

#[tokio::test]
async fn ten_a_second_are_told_and_no_refusal_says_when() {
    let dialects = Dialects::default().with(Vendor::Gladly, Dialect::Live);
    let sandbox = start(Options { dialects, ..options() }).await.expect("the sandbox starts");
    let gladly = client(&sandbox, Vendor::Gladly);
    let first = gladly.get("/teams").await;
    assert_eq!(first.header("ratelimit-limit-second"), Some("10"));
    assert_eq!(first.header("ratelimit-remaining-second"), Some("9"));
    let mut last = first;
    for _ in 0..60 {
        last = gladly.get("/teams").await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!((last.status, last.header("retry-after")), (429, None));
}
