//! A word about many steps at once: a yes to all is a yes to those that are the visitor's to decide about, the others say why
//! they are not, and a yes or a release is taken back where it was given. The app is read by nobody: what it shows is written.

use crate::stage::{MIA, Stage, company_by};
use std::time::{Duration, Instant};
use tenure_core::account::AccountState;
use tenure_core::change::Plan;
use tenure_core::facts::Decided;
use tenure_core::role::Role;
use tenure_engine::plan::make_plan;
use tenure_engine::reconcile::Scope;

const POLICY: &str = r#"
[approvers]
security = ["mia@acme.example"]
[[grant]]
name = "agents"
when = 'true'
[grant.to]
desk = { role = "agent" }
[[approve]]
when = 'true'
from = ["security"]
[guards]
removals_max = 1
removals_max_share = 1.0
source_shrink_max_share = 1.0
"#;
const PEOPLE: &str = "employee_id,name,work_email\n1,Jane Doe,jane@acme.example\n2,Mia Berg,mia@acme.example\n\
                      3,John Roe,john@acme.example\n";

async fn planned(stage: &Stage) -> Plan {
    make_plan(&stage.house, &Scope::default(), "root").await.unwrap()
}

/// Returns the id of the step that is for this person.
fn step_of(plan: &Plan, person: &str) -> String {
    let step = plan.steps.iter().find(|step| step.person.as_deref() == Some(person));
    step.unwrap_or_else(|| panic!("no step is for {person}: {:?}", plan.steps)).id.to_string()
}

async fn said(stage: &Stage) -> Vec<(bool, String)> {
    let decisions = stage.house.store.decisions(0, 10_000).await.unwrap();
    let said = |decision: tenure_core::facts::Decision| match decision.what {
        Decided::Approve { step } => Some((true, step.to_string())),
        Decided::Reject { step } => Some((false, step.to_string())),
        _ => None,
    };
    decisions.into_iter().filter_map(said).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_to_all_is_one_to_what_is_theirs_and_the_rest_says_why_not() {
    let stage = company_by(POLICY).await;
    stage.read(PEOPLE).await;
    stage.shows(&[]).await;
    let plan = planned(&stage).await;
    assert_eq!(plan.steps.len(), 3, "{plan:?}");
    let (cookie, key) = stage.signed_in(MIA, Role::Approver).await;
    let path = format!("/plans/{}", plan.id);
    let page = stage.get(&path, &cookie).await.body;
    assert!(page.contains("Approve all 2") && page.matches("name=\"step\"").count() == 2, "{page}");
    assert!(
        page.contains("1 of those that wait is not yours to decide: mia@acme.example is the one concerned"),
        "{page}"
    );
    let all = format!("form_key={key}&which=all&note=begin");
    let answer = stage.ask("POST", &format!("{path}/approve"), &cookie, &all).await;
    assert_eq!((answer.status, answer.says("location")), (303, format!("{path}?done=approved").as_str()), "{answer:?}");
    let mut wanted = [step_of(&plan, "Jane Doe"), step_of(&plan, "John Roe")].map(|id| (true, id)).to_vec();
    let mut told = said(&stage).await;
    wanted.sort();
    told.sort();
    assert_eq!(told, wanted);
    let page = stage.get(&path, &cookie).await.body;
    assert!(!page.contains("Approve all") && page.contains("is the one concerned"), "{page}");
    let again = stage.ask("POST", &format!("{path}/approve"), &cookie, &all).await;
    assert!(again.status == 409 && again.body.contains("is the one concerned"), "nothing of it is hers: {again:?}");
    assert_eq!(said(&stage).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_is_taken_back_where_it_was_given() {
    let stage = company_by(POLICY).await;
    stage.read(PEOPLE).await;
    stage.shows(&[]).await;
    let plan = planned(&stage).await;
    let (jane, path) = (step_of(&plan, "Jane Doe"), format!("/plans/{}", plan.id));
    let (cookie, key) = stage.signed_in(MIA, Role::Approver).await;
    let offered = format!("value=\"{jane}\" formaction=\"{path}/reject\">No after all");
    assert!(!stage.get(&path, &cookie).await.body.contains(&offered), "there is no yes yet");
    for (act, which) in [("approve", "which=all"), ("reject", "which=all&one="), ("approve", "which=all&one=")] {
        let one = if which.ends_with("one=") { jane.as_str() } else { "" };
        let form = format!("form_key={key}&{which}{one}");
        let answer = stage.ask("POST", &format!("{path}/{act}"), &cookie, &form).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let page = stage.get(&path, &cookie).await.body;
        let (no, yes) = (page.contains(&offered), page.contains(&format!("value=\"{jane}\">Yes after all")));
        assert_eq!((no, yes), (act == "approve", act == "reject"), "{act}: {page}");
    }
    let of_jane: Vec<bool> = said(&stage).await.into_iter().filter(|(_, id)| *id == jane).map(|(yes, _)| yes).collect();
    assert_eq!(of_jane, [true, false, true]);
    let (cookie, _) = stage.signed_in("tom@acme.example", Role::Approver).await;
    let page = stage.get(&path, &cookie).await.body;
    assert!(!page.contains("No after all") && page.contains("is in none of the groups"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_taken_back_where_it_was_given() {
    let stage = company_by(POLICY).await;
    let left = "employee_id,name,work_email,status,end_date\n1,Jane Doe,jane@acme.example,terminated,2026-12-01\n\
                3,John Roe,john@acme.example,terminated,2026-12-01\n";
    stage.read(left).await;
    let agents = [("1", "jane@acme.example"), ("3", "john@acme.example")];
    stage.shows(&agents.map(|(id, login)| (id, login, AccountState::Active, "agent"))).await;
    let plan = planned(&stage).await;
    assert!(plan.held.iter().any(|hold| hold.guard == "removals_max"), "{plan:?}");
    let (cookie, key) = stage.signed_in(MIA, Role::Approver).await;
    let path = format!("/plans/{}", plan.id);
    for (act, offers, not) in
        [("release", "Take the release back", "Let these run"), ("withhold", "Let these run", "Take the release back")]
    {
        let form = format!("form_key={key}&guard=removals_max&note=checked");
        let answer = stage.ask("POST", &format!("{path}/{act}"), &cookie, &form).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let page = stage.get(&path, &cookie).await.body;
        assert!(page.contains(offers) && !page.contains(not), "{act}: {page}");
    }
    let form = format!("form_key={key}&guard=removals_max");
    let again = stage.ask("POST", &format!("{path}/withhold"), &cookie, &form).await;
    assert!(again.status == 409 && again.body.contains("is not released"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_about_a_thousand_steps_takes_seconds() {
    let stage = company_by(POLICY).await;
    let rows: Vec<String> = (0..1000).map(|at| format!("{at},Person {at},p{at}@acme.example")).collect();
    stage.read(&format!("employee_id,name,work_email\n{}\n", rows.join("\n"))).await;
    stage.shows(&[]).await;
    let plan = planned(&stage).await;
    let (cookie, key) = stage.signed_in(MIA, Role::Approver).await;
    let path = format!("/plans/{}", plan.id);
    let chosen: Vec<String> = plan.steps.iter().take(500).map(|step| format!("step={}", step.id)).collect();
    let words = [("reject", format!("which=chosen&{}", chosen.join("&"))), ("approve", "which=all".to_owned())];
    for (act, which) in words {
        let began = Instant::now();
        let answer = stage.ask("POST", &format!("{path}/{act}"), &cookie, &format!("form_key={key}&{which}")).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        // Where the plan was read again for each step, this took longer than a minute.
        assert!(began.elapsed() < Duration::from_secs(15), "{act} took {:?}", began.elapsed());
    }
    let page = stage.get(&path, &cookie).await.body;
    assert!(page.len() < 150_000 && page.contains("No after all"), "the page has {} bytes", page.len());
    let told = said(&stage).await;
    assert_eq!((told.len(), told.iter().filter(|(yes, _)| *yes).count()), (plan.steps.len(), plan.steps.len() - 500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_says_who_would_gain_what_and_who_would_lose_what() {
    let stage = company_by(&format!("{POLICY}[[manage]]\nconnections = [\"desk\"]\nextra_grants = \"revoke\"\n")).await;
    stage.read(PEOPLE).await;
    stage.shows(&[("1", "jane@acme.example", AccountState::Active, "agent")]).await;
    let (cookie, key) = stage.signed_in(MIA, Role::Operator).await;
    let page = stage.get("/rules", &cookie).await.body;
    assert!(page.contains("desk:</span> role agent"), "what a rule gives stands beside its condition: {page}");
    let draft = stage.house.policy.text.replace("role = \"agent\"", "role = \"admin\"");
    let draft: String = url::form_urlencoded::byte_serialize(draft.as_bytes()).collect();
    let page = stage.ask("POST", "/rules", &cookie, &format!("form_key={key}&do=try&draft={draft}")).await.body;
    let row = |what: &str, gain, lose| {
        format!("<th scope=\"row\">desk</th><td>{what}</td><td class=\"num\">{gain}</td><td class=\"num\">{lose}</td>")
    };
    assert!(page.contains(&row("role admin", 3, 0)), "Jane and who gets an account anyhow: {page}");
    assert!(page.contains(&row("role agent", 0, 3)) && !page.contains("<td>an account</td>"), "{page}");
    let (_, gains) = page.split_once("<h3>Would gain</h3>").unwrap();
    assert!(gains.contains("Jane Doe</a>") && gains.contains("desk:</span> role admin"), "{page}");
}
