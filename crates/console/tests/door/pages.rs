//! What pages say of what they leave out, and what is answered where there is no page.

use crate::stage::{MIA, company_by, stage_of_now as stage};
use std::sync::atomic::Ordering;
use tenure_core::account::AccountState::{Active, Suspended};
use tenure_core::journal::Draft;
use tenure_core::role::Role;
use tenure_engine::reconcile::pin_links;
use tenure_store::{JobEnd, NewJob};

/// No page is larger.
const PAGE_MAX: usize = 150_000;

fn draft(at: usize, note: &str) -> Draft {
    let body =
        serde_json::json!({ "decision": { "decided": "exempt", "account": format!("desk/{at}") }, "note": note });
    let (actor, event) = (format!("clerk-{at}"), "decided".to_owned());
    Draft { at: "2027-01-15T08:00:00Z".into(), actor, event, run: None, step: None, body }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_to_print_says_what_it_leaves_out_and_leads_to_all_of_it() {
    let stage = stage("").await;
    let long = "because <of> & \"that\" ".repeat(20);
    let drafts = (1..=1000).map(|at| draft(at, if at % 2 == 0 { &long } else { "so" })).collect();
    stage.house.store.append_journal(drafts).await.unwrap();
    let (cookie, _) = stage.signed_in(MIA, Role::Viewer).await;
    let entries = stage.house.store.journal_head().await.unwrap().seq;
    let (mut path, mut seen, mut parts) = ("/audit/print?q=".to_owned(), std::collections::BTreeSet::new(), 0);
    loop {
        let page = stage.get(&path, &cookie).await.body;
        parts += 1;
        assert!(page.len() < PAGE_MAX, "part {parts} has {} bytes", page.len());
        assert!(
            page.contains(&format!(" of {entries}, newest first")) || parts > 1,
            "{parts} {}",
            &page[page.len() - 900..]
        );
        for at in 1..=1000 {
            if page.contains(&format!("<td>clerk-{at}</td>")) {
                assert!(seen.insert(at), "entry of clerk-{at} stands on two parts");
            }
        }
        let Some((_, rest)) = page.split_once("This page leaves out the entries before ") else { break };
        assert!(page.contains("/audit/export.csv"), "it leads to all of it");
        let before = rest.split('.').next().unwrap();
        path = format!("/audit/print?q=&before={before}");
        assert!(parts < 20, "there is an end");
    }
    assert_eq!((seen.len(), parts > 2), (1000, true), "all of them, on {parts} parts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_gets_a_page_with_a_way_on_where_there_is_none() {
    let stage = stage("").await;
    let (cookie, _) = stage.signed_in(MIA, Role::Viewer).await;
    let html = "Accept: text/html,application/xhtml+xml\r\n";
    for (method, path, status) in [("GET", "/nowhere", 404), ("GET", "/plans/x/approve", 405), ("POST", "/people", 405)]
    {
        let inside = stage.ask(method, path, &format!("{cookie}{html}"), "").await;
        assert_eq!(inside.status, status, "{path}: {inside:?}");
        assert!(inside.body.contains("Sign out") && inside.body.contains("To Today"), "{path}: {inside:?}");
        let outside = stage.ask(method, path, html, "").await;
        assert!(outside.status == status && !outside.body.contains("Sign out"), "{path}: {outside:?}");
        assert!(outside.body.contains("href=\"/sign-in\""), "{path}: {outside:?}");
        let program = stage.ask(method, path, "Accept: application/json\r\n", "").await;
        assert_eq!((program.status, program.body.as_str()), (status, ""), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_reorders_nothing_around_it_on_any_page() {
    let stage = stage("").await;
    let odd = "\u{202e}eoD\u{202c} enaJ";
    stage.read(&format!("employee_id,name,work_email,department\n1,{odd},jane@acme.example,\u{2067}x\n2,محمد علي,m@acme.example,IT\n")).await;
    let (cookie, _) = stage.signed_in(MIA, Role::Admin).await;
    for path in [
        "/people",
        "/people/jane@acme.example",
        "/people/m@acme.example",
        "/people?q=eod",
        "/leavers/jane@acme.example",
        "/apps/hr",
    ] {
        let page = stage.get(path, &cookie).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        let (_, main) = page.body.split_once("<main").unwrap();
        let texts = main.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text);
        for text in texts {
            let turns = text.contains(['\u{202e}', '\u{202c}', '\u{2067}']);
            assert!(!turns, "{path} has a control of direction in {text:?}");
        }
        let (jane, ali) = (main.contains("U+202E</span>eoD"), main.contains("<bdi>محمد علي</bdi>"));
        assert!(jane || ali, "{path} has no name: {main}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_shows_who_holds_what_in_it() {
    let stage = company_by("").await;
    let rows: Vec<String> = (0..80).map(|at| format!("{at},Person {at:02},p{at}@acme.example")).collect();
    stage.read(&format!("employee_id,name,work_email\n{}\n", rows.join("\n"))).await;
    let logins: Vec<(String, String)> = (0..80).map(|at| (at.to_string(), format!("p{at}@acme.example"))).collect();
    let mut agents: Vec<_> = logins.iter().map(|(id, login)| (&**id, &**login, Active, "agent")).collect();
    agents[7].3 = "admin";
    agents[8].2 = Suspended;
    stage.shows(&agents).await;
    pin_links(&stage.house).await.unwrap();
    let (cookie, _) = stage.signed_in(MIA, Role::Viewer).await;
    let page = stage.get("/apps/desk", &cookie).await.body;
    let (_, who) = page.split_once("<h2 id=\"who\">").unwrap();
    let (who, _) = who.split_once("</section>").unwrap();
    assert!(who.contains("★ role admin") && who.contains(">Person 07</a>"), "{who}");
    assert!(who.contains("and 72 more") && who.contains("and 74 more"), "in the table and in the picture: {who}");
    assert!(page.len() < PAGE_MAX && page.contains(">Person 03</a></td>"), "whose each account is: {page}");
    let first = stage.get("/apps/desk?kind=role&holds=agent", &cookie).await.body;
    let (_, first) = first.split_once("Who holds role agent: 78").unwrap();
    let (first, _) = first.split_once("</section>").unwrap();
    assert!(
        first.matches("<tr>").count() == 61 && !first.contains("Person 07") && !first.contains("Person 08"),
        "{first}"
    );
    let next = stage.get("/apps/desk?kind=role&holds=agent&page=2", &cookie).await.body;
    assert!(next.contains("Page 2 of 2") && next.contains("Person 79"), "{next}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_fails_leads_back_to_where_somebody_was() {
    let stage = stage("").await;
    let (cookie, key) = stage.signed_in(MIA, Role::Admin).await;
    let from = |page: &str| format!("{cookie}Referer: http://{page}\r\n");
    let (ours, path) = (stage.address.clone(), "/connect/csv/add");
    let form = format!("form_key={key}&name=a+b&key.path=people.csv");
    let answer = stage.ask("POST", path, &from(&format!("{ours}/connect/csv?x=1")), &form).await;
    assert!(answer.body.contains("<a href=\"/connect/csv?x=1\">Back to the page you came from</a>"), "{answer:?}");
    for elsewhere in ["evil.example/connect/csv".to_owned(), format!("{ours}//evil.example"), format!("{ours}/")] {
        let answer = stage.ask("POST", path, &from(&elsewhere), &form).await;
        assert!(answer.status == 409 && !answer.body.contains("you came from"), "{elsewhere}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_not_read_is_not_called_well() {
    let stage = stage("").await;
    stage.read("employee_id,name,work_email\n1,Jane Doe,jane@acme.example\n").await;
    let (cookie, _) = stage.signed_in(MIA, Role::Viewer).await;
    let health = async |path: &str| stage.get(path, &cookie).await.body;
    for path in ["/", "/apps", "/apps/hr"] {
        assert!(health(path).await.contains("<span class=\"chip good\">good</span>"), "{path}");
    }
    let (store, now_ms) = (&stage.house.store, stage.house.clock.now_ms());
    store.enqueue(&[NewJob { kind: "pull", key: "hr".into(), run_at_ms: now_ms }]).await.unwrap();
    let claimed = store.claim_jobs(&["pull"], "one", 1, now_ms, 60_000).await.unwrap().remove(0);
    let end = JobEnd::Retry { at_ms: now_ms + 1000, because: "no route to the file".into() };
    store.end_jobs(&[(claimed.clone(), end)], now_ms).await.unwrap();
    for path in ["/", "/apps", "/apps/hr"] {
        assert!(health(path).await.contains("<span class=\"chip bad\">failing</span>"), "{path}");
    }
    assert!(health("/").await.contains("no route to the file"));
    let claimed = store.claim_jobs(&["pull"], "one", 1, now_ms + 2000, 60_000).await.unwrap().remove(0);
    store.end_jobs(&[(claimed, JobEnd::Done)], now_ms + 3000).await.unwrap();
    assert!(health("/apps").await.contains(">good</span>"));
    stage.now_ms.fetch_add(40 * 60_000, Ordering::Relaxed);
    let page = health("/").await;
    assert!(page.contains("<span class=\"chip wait\">overdue</span>") && page.contains("and was not"), "{page}");
}
