//! What happens is heard as it happens, and whoever comes back hears what they missed; nobody else hears anything.

use crate::stage::on_stage;
use tenure_core::scope::Scope;
use tenure_engine::plan::make_plan;
use tenure_engine::progress::Progress;
use tenure_engine::pull::{Reach, pull};
use tenure_engine::reconcile::Scope as Part;

/// Returns the id of the last event in what was heard.
fn last_id(heard: &str) -> &str {
    heard.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap()
}

#[test]
fn what_happens_is_heard_and_what_was_missed_is_made_up_for() {
    on_stage(async |stage| {
        let reader = stage.reader().await;
        let house = stage.house.clone();
        let listening = reader.listen("/api/v1/events", &[], |heard| {
            heard.contains("event: pull")
                && heard.contains("\"coverage\":\"complete\"")
                && heard.contains("event: plan_made")
        });
        let doing = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            pull(&house, &["hr".into()], Reach::Everything, &Progress::silent()).await.unwrap();
            make_plan(&house, &Part::default(), "olga@acme.example").await.unwrap();
        };
        let (heard, ()) = tokio::join!(listening, doing);
        assert!(heard.contains("text/event-stream") && !heard.contains("\"hash\""), "{heard}");
        make_plan(&stage.house, &Part::default(), "ann@acme.example").await.unwrap();
        let resumed = format!("Last-Event-ID: {}", last_id(&heard));
        let more = reader.listen("/api/v1/events", &[&resumed], |heard| heard.contains("ann@acme.example")).await;
        assert!(!more.contains("\"actor\":\"olga@acme.example\""), "nothing is told twice: {more}");
        let odd = reader.ask("GET", "/api/v1/events", &["Last-Event-ID: yesterday"], "").await;
        assert_eq!(odd.expect_problem(422)["field"], "Last-Event-ID");
    });
}

#[test]
fn nobody_listens_without_a_token_that_permits_it() {
    on_stage(async |stage| {
        stage.nobody().get("/api/v1/events").await.expect_problem(401);
        stage.client("olga@acme.example", &[Scope::Hooks]).await.get("/api/v1/events").await.expect_problem(403);
    });
}
