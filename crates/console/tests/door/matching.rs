//! The workbench by key: a decision leads to the case after the one that was decided, and one that decides nothing is refused.

use crate::stage::{MIA, company_by};
use tenure_core::account::AccountState::Active;
use tenure_core::role::Role;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_leads_to_the_next_case_and_none_is_taken_for_nobody() {
    let stage = company_by("").await;
    stage.read("employee_id,name,work_email\n1,Jane Doe,jane@acme.example\n").await;
    let logins: Vec<(String, String)> = (10..35).map(|at| (at.to_string(), format!("x{at}@else.example"))).collect();
    let agents: Vec<_> = logins.iter().map(|(id, login)| (&**id, &**login, Active, "agent")).collect();
    stage.shows(&agents).await;
    let (cookie, key) = stage.signed_in(MIA, Role::Operator).await;
    let page = stage.get("/match?only=orphans", &cookie).await.body;
    let cases: Vec<&str> = page.split("<article").skip(1).collect();
    let field = |case: &str, name: &str| {
        let (_, rest) = case.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    assert_eq!(cases.len(), 20);
    assert!(cases[0].contains("id=\"at\"") && !cases[1].contains("id=\"at\""), "one begins with the first");
    let (account, next) = (field(cases[19], "account"), field(cases[19], "next"));
    assert_eq!(field(cases[3], "next"), field(cases[4], "account"));
    let post = |act: &str| format!("form_key={key}&only=orphans&account={account}&next={next}&decide={act}");
    let nobody = stage.ask("POST", "/match", &cookie, &post("unlink")).await;
    assert!(nobody.status == 409 && nobody.body.contains("choose whose it is not first"), "{nobody:?}");
    assert_eq!(stage.house.store.decisions(0, 10).await.unwrap(), []);
    let answer = stage.ask("POST", "/match", &cookie, &post("exempt")).await;
    let place = answer.says("location").strip_suffix("#at").unwrap().to_owned();
    let page = stage.get(&place, &cookie).await.body;
    let at: Vec<&str> = page.split("<article").skip(1).filter(|case| case.contains("id=\"at\"")).collect();
    assert_eq!(at.len(), 1, "{page}");
    assert_eq!(field(at[0], "account"), next, "the case after it, which came from the next page");
    let journal = stage.get("/audit", &cookie).await.body;
    assert!(journal.contains(&format!("exempt {account}")) && !journal.contains("&#34;connection"), "{journal}");
    assert!(!stage.get("/", &cookie).await.body.contains("&#34;connection"));
}
