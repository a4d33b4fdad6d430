//! One departure as a checklist: what is still to be done stands there until the app shows it done, whatever was tried, with
//! what guards hold; and when the app was read is not when the page was.

use crate::stage::{MIA, Stage, company_by, company_with};
use std::sync::atomic::Ordering;
use tenure_core::abilities::Effect;
use tenure_core::account::AccountState::{self, Active, Suspended};
use tenure_core::change::{Outcome, Plan, Step, StepResult};
use tenure_core::name::RunId;
use tenure_core::role::Role;
use tenure_engine::plan::make_plan;
use tenure_engine::reconcile::Scope;
use tenure_store::{Alongside, Beginning, Claim, Run, Settled};

const HOUR_MS: i64 = 3_600_000;
const LEFT: &str = "employee_id,name,work_email,status,end_date\n1,Jane Doe,jane@acme.example,terminated,2026-12-01\n\
                    3,John Roe,john@acme.example,terminated,2026-12-01\n";
const GUARDED: &str = "[approvers]\nsecurity = [\"mia@acme.example\"]\n[guards]\nremovals_max = 1\nremovals_max_share = 1.0\nremovals_max_share_per_day = 1.0\n\
                       source_shrink_max_share = 1.0\n";
const OPEN: &str =
    "[guards]\nremovals_max_share_per_day = 1.0\nremovals_max_share = 1.0\nsource_shrink_max_share = 1.0\n";

fn agents(state: AccountState) -> [(&'static str, &'static str, AccountState, &'static str); 2] {
    [("1", "jane@acme.example", state, "agent"), ("3", "john@acme.example", state, "agent")]
}

async fn planned(stage: &Stage) -> Plan {
    make_plan(&stage.house, &Scope::default(), "root").await.unwrap()
}

/// Writes down that a step was carried out, with this outcome.
async fn carried_out(stage: &Stage, plan: &Plan, step: &Step, outcome: Outcome) {
    let (store, now_ms) = (&stage.house.store, stage.house.clock.now_ms());
    let Claim::Held(lease) = store.claim_lease("hand:1", "one", now_ms, 60_000).await.unwrap() else {
        panic!("not ours")
    };
    let id: RunId = "r-1".into();
    let run = Run { id: id.clone(), plan: plan.id.clone(), actor: "mia".into(), started_ms: now_ms, finished_ms: None };
    store.join_run(&lease, &run, vec![], &[]).await.unwrap();
    let (things, intent) = (["1".to_owned()], serde_json::json!({}));
    let beginning = Beginning {
        run: &id,
        step: &step.id,
        connection: &step.connection,
        things: &things,
        intent: &intent,
        heard: 0,
        removal: None,
        at_ms: now_ms,
    };
    store.begin_steps(&lease, vec![(beginning, None)]).await.unwrap();
    let because = Some("a person does it".to_owned());
    let result = StepResult { id: step.id.clone(), outcome, fields: Default::default(), because, account: None };
    store.settle_steps(&lease, &id, vec![Settled::new(&result)], &Alongside::default(), now_ms).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_by_hand_is_open_until_the_app_shows_it_done() {
    let stage = company_with("app = \"gladly\"\norg = \"acme\"\ndialect = \"live\"", OPEN).await;
    stage.read(LEFT).await;
    stage.shows(&agents(Active)).await;
    let plan = planned(&stage).await;
    let is_by_hand = |step: &&Step| step.effect == Effect::Manual && step.person.as_deref() == Some("Jane Doe");
    let step = plan.steps.iter().find(is_by_hand).unwrap_or_else(|| panic!("no work by hand: {plan:?}"));
    carried_out(&stage, &plan, step, Outcome::Pending).await;
    let (cookie, _) = stage.signed_in(MIA, Role::Viewer).await;
    let path = format!("/leavers/{}?print=1", step.identity.as_ref().unwrap());
    let page = stage.get(&path, &cookie).await.body;
    assert!(page.contains("Deactivate") && page.contains("a person does it"), "it waits for a person: {page}");
    assert!(page.contains("This departure is not closed") && !page.contains("No work by hand is open"), "{page}");
    stage.shows(&agents(Suspended)).await;
    let page = stage.get(&path, &cookie).await.body;
    assert!(page.contains("No work by hand is open") && !page.contains("is not closed"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_guard_holds_is_told_and_when_the_app_was_read() {
    let stage = company_by(GUARDED).await;
    stage.read(LEFT).await;
    stage.shows(&agents(Active)).await;
    let read = "2027-01-15 08:00:00";
    stage.now_ms.fetch_add(3 * HOUR_MS, Ordering::Relaxed);
    let plan = planned(&stage).await;
    let held = plan.held.iter().find(|hold| hold.guard == "removals_max").unwrap_or_else(|| panic!("{plan:?}"));
    let (cookie, _) = stage.signed_in(MIA, Role::Viewer).await;
    let path = format!("/leavers/{}?print=1", held.step.identity.as_ref().unwrap());
    let page = stage.get(&path, &cookie).await.body;
    assert!(page.contains("Held by guards") && page.contains("removals_max"), "{page}");
    assert!(page.contains("is not closed:</strong> 1 account is open, 1 step is held."), "{page}");
    assert!(page.contains(&format!("desk: read to its end at {read} UTC")), "{page}");
    assert!(page.contains("Made 2027-01-15 11:00:00 UTC") && !page.contains("Read 2027"), "{page}");
}
