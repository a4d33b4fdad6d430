//! The switch that has the whole console look at an earlier moment: every page that is about the company shows what was
//! known then and lets nobody do anything, and that somebody looked is in the journal.

use crate::stage::{MIA, stage_of_now as stage};
use std::sync::atomic::Ordering;
use tenure_core::role::Role;
use tenure_engine::plan::make_plan;
use tenure_engine::reconcile::Scope;

const DAY_MS: i64 = 86_400_000;
const JANE: &str = "employee_id,name,work_email,status,end_date\n1,Jane Doe,jane@acme.example,,\n";
const JANE_LEFT: &str = "employee_id,name,work_email,status,end_date\n1,Jane Doe,jane@acme.example,terminated,2027-01-15\n2,John Roe,john@acme.example,,\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_about_the_company_shows_the_moment_that_was_chosen() {
    let stage = stage("").await;
    stage.read(JANE).await;
    let first = make_plan(&stage.house, &Scope::default(), "root").await.unwrap().id;
    let entries_at = stage.house.store.journal_head().await.unwrap().seq;
    stage.now_ms.fetch_add(2 * DAY_MS, Ordering::Relaxed);
    stage.read(JANE_LEFT).await;
    make_plan(&stage.house, &Scope { only: vec!["hr".into()], ..Scope::default() }, "root").await.unwrap();
    let (cookie, key) = stage.signed_in(MIA, Role::Admin).await;
    let (people, leavers) = (stage.get("/people", &cookie).await, stage.get("/leavers", &cookie).await);
    assert!(people.body.contains("John Roe") && leavers.body.contains("Jane Doe"), "{people:?}");

    let form = format!("form_key={key}&as_of=2027-01-16&here=%2Fapps%3Fdone%3Dx");
    let answer = stage.ask("POST", "/as-of", &cookie, &form).await;
    assert_eq!((answer.status, answer.says("location")), (303, "/apps?done=past"));
    let moment = answer.says("set-cookie").split(';').next().unwrap().to_owned();
    let past = format!("{}; {moment}\r\n", cookie.trim_end());

    for path in ["/", "/plan", "/people", "/apps", "/apps/hr", "/match", "/leavers", "/audit"] {
        let page = stage.get(path, &past).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        assert!(page.body.contains("shown as of <strong>2027-01-16"), "{path}: {}", page.body);
        assert!(!page.body.contains("John Roe"), "{path} tells of somebody who came later");
        for act in ["Approve", "Carry out", "Make a new plan", "Read it now", "Stop all writes", "Leave now"] {
            assert!(!page.body.contains(act), "{path} has a button: {act}");
        }
    }
    let page = stage.get("/people", &past).await;
    assert!(page.body.contains("Jane Doe") && page.body.contains("1 person"), "{}", page.body);
    let page = stage.get("/leavers", &past).await;
    assert!(!page.body.contains("Jane Doe"), "she had not left yet: {}", page.body);
    let page = stage.get("/plan", &past).await;
    assert!(page.body.contains(first.as_str()), "{first} was the newest: {}", page.body);
    let page = stage.get("/audit", &past).await;
    assert!(page.body.contains(first.as_str()) && !page.body.contains("invited"), "{}", page.body);
    assert!(page.body.contains(&format!("{} entries", entries_at)), "the journal had no more: {}", page.body);
    let today = stage.get("/", &past).await.body;
    assert!(today.contains("16 h ago") && !today.contains("days ago"), "how long ago is counted from then: {today}");
    let page = stage.get("/apps/hr", &past).await;
    assert!(page.body.contains("+1 ~0 −0") && !page.body.contains("+1 ~1"), "one read had been done: {}", page.body);
    for path in ["/rules", "/connect", "/sessions"] {
        let page = stage.get(path, &past).await;
        assert!(page.status == 200 && page.body.contains("about what is set up now"), "{path}: {}", page.body);
    }

    let entries = stage.house.store.journal_before(i64::MAX, 50).await.unwrap();
    let looked = |entry: &&tenure_core::journal::Entry| entry.event == "read" && entry.actor == MIA;
    let looked: Vec<_> = entries.iter().filter(looked).collect();
    assert_eq!(looked.len(), 1, "once, when the switch is used: {looked:?}");
    assert_eq!(looked[0].body["as_of"], "2027-01-16T00:00:00Z");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_done_while_the_past_is_looked_at() {
    let stage = stage("").await;
    stage.read(JANE).await;
    stage.now_ms.fetch_add(2 * DAY_MS, Ordering::Relaxed);
    stage.read(JANE_LEFT).await;
    let later = make_plan(&stage.house, &Scope::default(), "root").await.unwrap().id;
    let (cookie, key) = stage.signed_in(MIA, Role::Admin).await;
    let past = format!("{}; tenure_as_of=2027-01-16T00:00:00Z\r\n", cookie.trim_end());
    let before = stage.house.store.journal_head().await.unwrap();
    for path in [
        "/plans",
        "/people/1/leave",
        "/apps/hr/pull",
        "/match",
        "/stop",
        "/rules",
        "/connect/csv/add",
        "/sessions/invite",
    ] {
        let answer = stage.ask("POST", path, &past, &format!("form_key={key}&sure=yes&who=x&role=admin")).await;
        assert!(answer.status == 409 && answer.body.contains("as of 2027-01-16 00:00:00 UTC"), "{path}: {answer:?}");
        assert!(answer.body.contains("Back to now"), "{path} leads back");
    }
    assert_eq!(stage.house.store.journal_head().await.unwrap(), before, "nothing was done");
    let page = stage.get(&format!("/plans/{later}"), &past).await;
    assert!(page.status == 404 && page.body.contains("had been made at the moment"), "{page:?}");
    assert_eq!(stage.get(&format!("/plans/{later}"), &cookie).await.status, 200);
    let told = stage.get("/audit/export.csv", &past).await;
    assert!(told.status == 200 && !told.body.contains(later.as_str()), "{told:?}");
    let back = stage.ask("POST", "/as-of", &past, &format!("form_key={key}&here=%2F")).await;
    assert_eq!((back.status, back.says("location")), (303, "/?done=now"));
}
