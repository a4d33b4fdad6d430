//! What can be looked at: lists in parts that follow each other without a gap, filters, the past, tags by which nothing
//! is read twice, and every endpoint once.

use crate::client::Client;
use crate::stage::{Stage, on_stage};
use serde_json::Value;
use std::collections::BTreeSet;
use tenure_core::facts::Decided;
use tenure_core::scope::Scope;
use tenure_engine::answer::{self, ListAsked};
use tenure_engine::apply::apply;
use tenure_engine::decide::{By, LifecycleEvent, decide, decide_lifecycle, find_account};
use tenure_engine::plan::make_plan;
use tenure_engine::progress::Progress;
use tenure_engine::pull::{Reach, pull};
use tenure_engine::reconcile::Scope as Part;
use tenure_serve::api::{BASE, routes};
use tenure_store::{AccountFilter, PullEnd, PullMode};

/// Reads a whole list in parts of this size; fails where a part is larger.
async fn whole(client: &Client, list: &str, query: &str, limit: usize) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    let word = if list == "journal" { "entries" } else { list };
    loop {
        let part = client.get(&format!("/api/v1/{list}?limit={limit}{query}{cursor}")).await.expect(200);
        let part_rows = part[word].as_array().unwrap().clone();
        assert!(list == "grants" || part_rows.len() <= limit, "{} rows", part_rows.len());
        rows.extend(part_rows);
        match part["next"].as_str() {
            Some(next) => cursor = format!("&cursor={}", next.replace(' ', "%20")),
            None => return rows,
        }
    }
}

#[test]
fn lists_are_told_in_parts_without_a_gap() {
    on_stage(async |stage| {
        let client = stage.reader().await;
        for list in ["identities", "accounts", "grants", "findings"] {
            let (small, large) = (whole(&client, list, "", 3).await, whole(&client, list, "", 1000).await);
            let ids: BTreeSet<String> = small.iter().map(ToString::to_string).collect();
            assert_eq!(ids.len(), small.len(), "{list} tells something twice");
            assert_eq!(small, large, "{list}");
            assert!(large.len() > 6, "{list} has {} rows", large.len());
        }
        let all = ListAsked::default();
        let accounts = answer::accounts(&stage.house, &all, "olga").await.unwrap().accounts;
        let grants = answer::grants(&stage.house, &all, "olga").await.unwrap().grants;
        let told = |rows: &[Value]| rows.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (list, at_once) in [("accounts", serde_json::to_value(accounts)), ("grants", serde_json::to_value(grants))]
        {
            let at_once = told(at_once.unwrap().as_array().unwrap());
            assert_eq!(told(&whole(&client, list, "", 7).await), at_once, "{list} by parts and at once");
        }
        let active =
            whole(&client, "accounts", "&connection=gorgias&where=account.state%20%3D%3D%20%22active%22", 2).await;
        assert!(
            !active.is_empty() && active.iter().all(|row| row["state"] == "active" && row["connection"] == "gorgias")
        );
    });
}

#[test]
fn what_a_condition_keeps_is_the_same_in_parts_and_at_once() {
    on_stage(async |stage| {
        let client = stage.reader().await;
        // What the account itself says, whose it is, what it lets somebody do; and the same of grants and people.
        let conditions = [
            ("accounts", "account.state == \"active\" && connection == \"gorgias\""),
            ("accounts", "account.identity != null && account.state != \"active\""),
            ("accounts", "account.access.exists(one, one.privileged)"),
            ("grants", "privileged"),
            ("grants", "grant.identity == null || grant.kind == \"team\""),
            ("identities", "department == \"Support\""),
        ];
        for (list, condition) in conditions {
            let asked = ListAsked { filter: Some(condition.into()), ..ListAsked::default() };
            let at_once = match list {
                "accounts" => {
                    serde_json::to_value(answer::accounts(&stage.house, &asked, "olga").await.unwrap().accounts)
                }
                "grants" => serde_json::to_value(answer::grants(&stage.house, &asked, "olga").await.unwrap().grants),
                _ => serde_json::to_value(answer::identities(&stage.house, &asked, "olga").await.unwrap().identities),
            };
            let mut at_once = at_once.unwrap().as_array().unwrap().clone();
            at_once.sort_by_key(ToString::to_string);
            assert!(!at_once.is_empty(), "{list}: {condition} fits nothing");
            let query = format!("&where={}", encoded(condition));
            for limit in [1, 3, 1000] {
                let mut parts = whole(&client, list, &query, limit).await;
                parts.sort_by_key(ToString::to_string);
                assert_eq!(parts, at_once, "{list} where {condition}, by {limit}");
            }
        }
    });
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn a_part_ends_where_few_rows_fit_and_goes_on_behind_them() {
    on_stage(async |stage| {
        let (gorgias, store, now_ms) = ("gorgias".into(), &stage.house.store, stage.house.clock.now_ms());
        let first = ListAsked { connection: Some("gorgias".into()), ..ListAsked::default() };
        let known = answer::accounts(&stage.house, &first, "olga").await.unwrap().accounts.len();
        let mut account =
            store.accounts(&AccountFilter::of(gorgias), None, 1).await.unwrap().accounts.remove(0).account;
        let run = store.begin_pull(&account.key.connection, PullMode::Incremental, now_ms).await.unwrap();
        let mut many = Vec::new();
        for number in 0..12_000 {
            account.key.id = format!("many-{number}").into();
            account.login = Some(format!("many.{number}@acme.example").into());
            many.push(account.clone());
        }
        for page in many.chunks(1000) {
            store.write_batch(&run, page, None, now_ms).await.unwrap();
        }
        store.finish_pull(&run, PullEnd::complete(), now_ms, &[]).await.unwrap();
        let sought = |number: usize| ListAsked {
            filter: Some(format!("login == \"many.{number}@acme.example\"")),
            limit: Some(10),
            ..first.clone()
        };
        let near = answer::accounts(&stage.house, &sought(4_000), "olga").await.unwrap();
        assert_eq!((near.accounts.len(), near.next.is_some()), (1, true), "the first part sees 5,000 rows");
        let none = answer::accounts(&stage.house, &sought(8_000), "olga").await.unwrap();
        assert_eq!((none.accounts.len(), none.next.is_some()), (0, true), "it is behind the first part");
        let rest = ListAsked { cursor: none.next, ..sought(8_000) };
        let rest = answer::accounts(&stage.house, &rest, "olga").await.unwrap();
        assert_eq!((rest.accounts.len(), rest.next.is_some()), (1, true), "it is in the second");
        let orphans = ListAsked { filter: Some("identity == null && login == null".into()), limit: Some(10), ..first };
        let (mut asked, mut parts, mut rows) = (orphans, 0, 0);
        loop {
            let part = answer::accounts(&stage.house, &asked, "olga").await.unwrap();
            (parts, rows) = (parts + 1, rows + part.accounts.len());
            match part.next {
                Some(next) => asked.cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(
            (parts, rows),
            ((12_000 + known).div_ceil(3_000), 0),
            "whose an account is, is asked of 3,000 at a time"
        );
    });
}

#[test]
fn people_in_parts_are_those_of_the_whole_company_whatever_came_since() {
    on_stage(async |stage| {
        let client = stage.reader().await;
        let by = By { who: "olga@acme.example".into(), note: None };
        let same = async |when: &str| {
            let told = answer::identities(&stage.house, &ListAsked::default(), "olga").await.unwrap().identities;
            let at_once = serde_json::to_value(told).unwrap().as_array().unwrap().clone();
            for limit in [1, 4, 100] {
                assert_eq!(whole(&client, "identities", "", limit).await, at_once, "{when}, by {limit}");
            }
            let sales = whole(&client, "identities", "&where=identity.department%20%3D%3D%20%22Sales%22", 2).await;
            let is_of_sales = |row: &&Value| row["department"] == "Sales";
            assert_eq!(sales, at_once.iter().filter(is_of_sales).cloned().collect::<Vec<_>>(), "{when}");
            at_once
        };
        let first = same("links are pinned").await;
        assert!(stage.house.store.note(&"".into(), "people_pinned").await.unwrap().is_some(), "nothing was noted");
        stage.next_morning();
        pull(&stage.house, &["hr".into()], Reach::Changed, &Progress::silent()).await.unwrap();
        let second = same("HR was read, and no new link is pinned").await;
        assert!(second.len() > first.len(), "{} people, then {}", first.len(), second.len());
        let told = [("work_email", "zoe.new@acme.example"), ("department", "Sales")];
        let attributes = told.map(|(name, value)| (name.into(), value.into())).into_iter().collect();
        let key = "zoe.new@acme.example";
        decide_lifecycle(&stage.house, LifecycleEvent::Join, key, attributes, None, &by).await.unwrap();
        assert_eq!(same("somebody joined by a decision").await.len(), second.len() + 1);
        let hr = ListAsked { connection: Some("hr".into()), ..ListAsked::default() };
        let records = answer::accounts(&stage.house, &hr, "olga").await.unwrap().accounts;
        let record = find_account(&stage.house, &format!("hr/{}", records[0].id)).await.unwrap();
        decide(&stage.house, by, Decided::Unlink { account: record, identity: None }).await.unwrap();
        same("a record is nobody's any more").await;
    });
}

#[test]
fn what_is_asked_wrongly_is_told_with_its_field() {
    on_stage(async |stage| {
        let client = stage.reader().await;
        let wrong = [
            ("accounts?limit=0", "limit"),
            ("accounts?limit=1001", "limit"),
            ("accounts?limit=many", "limit"),
            ("accounts?cursor=x", "cursor"),
            ("accounts?where=account.", "where"),
            ("accounts?as_of=yesterday", "as_of"),
            ("accounts?conection=gorgias", "conection"),
            ("findings?kind=leaver", "kind"),
            ("who/jane.doe@acme.example?asof=now", "asof"),
        ];
        for (query, field) in wrong {
            let problem = client.get(&format!("/api/v1/{query}")).await.expect_problem(422);
            assert_eq!(problem["field"], field, "{query}: {problem}");
        }
        client.get("/api/v1/accounts?connection=nothing").await.expect_problem(422);
        client.get("/api/v1/who/nobody@acme.example").await.expect_problem(404);
    });
}

#[test]
fn an_answer_that_is_known_is_not_told_again() {
    on_stage(async |stage| {
        let client = stage.reader().await;
        let told = client.get("/api/v1/apps").await;
        told.expect(200);
        let tag = told.headers["etag"].clone();
        for known in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}")] {
            let again = client.ask("GET", "/api/v1/apps", &[&format!("If-None-Match: {known}")], "").await;
            assert!(again.status == 304 && again.text.is_empty() && again.headers["etag"] == tag, "{again:?}");
        }
        client.ask("GET", "/api/v1/apps", &["If-None-Match: \"other\""], "").await.expect(200);
    });
}

#[test]
fn whoever_looks_into_the_past_is_written_down() {
    on_stage(async |stage| {
        let client = stage.client("ann@acme.example", &[Scope::ApiRead]).await;
        let past = client.get("/api/v1/accounts?as_of=2020-01-01").await.expect(200);
        assert_eq!(past["accounts"], serde_json::json!([]));
        let entries = whole(&client, "journal", "", 100).await;
        let read = |entry: &&Value| entry["event"] == "read" && entry["actor"] == "ann@acme.example";
        assert!(entries.iter().filter(read).any(|entry| entry["body"]["as_of"] == "2020-01-01"), "{entries:?}");
    });
}

/// Returns a path at which something is there.
async fn filled(stage: &Stage, client: &Client, path: &str) -> String {
    let plan = client.get("/api/v1/plans/latest").await.expect(200);
    let step = plan["steps"][0]["id"].as_str().unwrap().to_owned();
    let id = match path {
        _ if path.starts_with("/plans/") => plan["id"].as_str().unwrap().to_owned(),
        "/runs/{id}" => {
            let plan = stage.house.store.latest_plan().await.unwrap().unwrap();
            let report = apply(&stage.house, &plan, "olga@acme.example", &Progress::silent()).await;
            report.unwrap().run.to_string()
        }
        _ => step,
    };
    let path = path.replace("{key}", if path.starts_with("/jobs") { "company" } else { "jane.doe@acme.example" });
    path.replace("{kind}", "reconcile").replace("{name}", "gorgias").replace("{id}", &id)
}

#[test]
fn everything_can_be_looked_at() {
    on_stage(async |stage| {
        make_plan(&stage.house, &Part::default(), "olga@acme.example").await.unwrap();
        let client = stage.client("olga@acme.example", &[Scope::Admin]).await;
        for route in routes().into_iter().filter(|route| route.method == "GET" && !route.path.starts_with("/acts")) {
            let path = filled(&stage, &client, route.path).await;
            let answer = client.get(&format!("{BASE}{path}")).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            assert!(answer.headers["content-type"] == "application/json" && answer.json().is_object());
        }
        let gorgias = client.get("/api/v1/connections/gorgias").await.expect(200);
        assert_eq!(gorgias["state"], "ready", "{gorgias}");
        assert!(gorgias["accounts"]["agent"]["active"].as_u64().unwrap() > 3, "{gorgias}");
        assert_eq!(client.get("/api/v1/journal/check").await.expect(200)["broken"], Value::Null);
    });
}
