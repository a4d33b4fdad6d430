//! Hints from apps: only whoever knows the secret of the address is heard, what is heard wakes one read and changes nothing.

use crate::stage::on_stage;
use serde_json::json;
use tenure_core::scope::Scope;

/// Takes the credential out of what a client shows.
fn secret(shows: &str) -> &str {
    shows.trim().strip_prefix("Authorization: Bearer ").unwrap()
}

#[test]
fn an_identity_provider_hears_its_challenge_again() {
    on_stage(async |stage| {
        let hooks = stage.client("okta", &[Scope::Hooks]).await;
        let (nobody, place) = (stage.nobody(), format!("/hooks/gorgias/{}", secret(&hooks.shows)));
        let challenge = ["X-Okta-Verification-Challenge: my verification challenge"];
        let heard = nobody.ask("GET", &place, &challenge, "").await.expect(200);
        assert_eq!(heard, json!({ "verification": "my verification challenge" }));
        nobody.ask("GET", "/hooks/gorgias/tnr_none", &challenge, "").await.expect_problem(401);
    });
}

#[test]
fn a_hint_wakes_one_read_and_is_never_a_fact() {
    on_stage(async |stage| {
        let (hooks, reader) = (stage.client("gladly", &[Scope::Hooks]).await, stage.reader().await);
        let (nobody, place) = (stage.nobody(), format!("/hooks/gladly/{}", secret(&hooks.shows)));
        let before = reader.get("/api/v1/accounts?limit=1000").await.expect(200);
        reader.get("/api/v1/jobs/pull/gladly").await.expect_problem(404);
        let lie = json!({ "person": { "id": "1", "status": "deactivated" } }).to_string();
        let first = nobody.ask("POST", &place, &["Content-Type: application/json"], &lie).await.expect(200);
        for _ in 0..5 {
            let again = nobody.ask("POST", &place, &[], "no JSON at all").await.expect(200);
            assert!(again["read_at"].as_str() >= first["read_at"].as_str(), "{again}");
        }
        let job = reader.get("/api/v1/jobs/pull/gladly").await.expect(200);
        assert_eq!((&job["state"], &job["due_at"]), (&json!("open"), &first["read_at"]), "{job}");
        assert_eq!(reader.get("/api/v1/accounts?limit=1000").await.expect(200), before);
    });
}

#[test]
fn a_hint_that_names_an_account_has_just_that_one_looked_up() {
    on_stage(async |stage| {
        let (hooks, reader) = (stage.client("gladly", &[Scope::Hooks]).await, stage.reader().await);
        let (nobody, place) = (stage.nobody(), format!("/hooks/gladly/{}", secret(&hooks.shows)));
        let before = reader.get("/api/v1/accounts?connection=gladly&limit=1000").await.expect(200);
        let account = before["accounts"][0].clone();
        let id = account["id"].as_str().unwrap();
        let message =
            json!({ "type": "agent.updated", "agent": { "id": id, "name": "A Lie", "email": "lie@evil.example" } });
        let heard = nobody.ask("POST", &place, &[], &message.to_string()).await.expect(200);
        assert_eq!(heard["accounts"], 1, "{heard}");
        let job = format!("/api/v1/jobs/look/gladly%2Fagent%2F{id}");
        assert_eq!(reader.get(&job).await.expect(200)["due_at"], heard["read_at"]);
        let many: Vec<_> = (0..30).map(|number| json!({ "type": "AGENT", "id": number })).collect();
        let vague = json!({ "agent": { "id": null }, "initiator": many }).to_string();
        assert_eq!(nobody.ask("POST", &place, &[], &vague).await.expect(200)["accounts"], 0);
        reader.get("/api/v1/jobs/pull/gladly").await.expect(200);

        stage.work().await;
        stage.until(async || reader.get(&job).await.expect(200)["state"] == "done").await;
        let after = reader.get("/api/v1/accounts?connection=gladly&limit=1000").await.expect(200);
        let now = after["accounts"].as_array().unwrap().iter().find(|now| now["id"] == id).unwrap();
        assert_eq!(
            (&now["name"], &now["login"]),
            (&account["name"], &account["login"]),
            "what the message said is no fact"
        );
        let absent = json!({ "agent": { "id": "nobody" } }).to_string();
        assert_eq!(nobody.ask("POST", &place, &[], &absent).await.expect(200)["accounts"], 1);
        let job = "/api/v1/jobs/look/gladly%2Fagent%2Fnobody";
        stage.until(async || reader.get(job).await.expect(200)["state"] == "done").await;
        assert_eq!(
            reader.get("/api/v1/jobs/pull/gladly").await.expect(200)["state"],
            "open",
            "the lists tell who is gone"
        );
    });
}

#[test]
fn nobody_hints_who_does_not_know_the_secret() {
    on_stage(async |stage| {
        let (hooks, reader) = (stage.client("gladly", &[Scope::Hooks]).await, stage.reader().await);
        let nobody = stage.nobody();
        nobody.ask("POST", "/hooks/gladly/x", &[], "{}").await.expect_problem(401);
        nobody.ask("POST", &format!("/hooks/gladly/{}", secret(&reader.shows)), &[], "{}").await.expect_problem(403);
        nobody.ask("POST", "/hooks/nothing/x", &[], "{}").await.expect_problem(401);
        nobody.ask("POST", &format!("/hooks/nothing/{}", secret(&hooks.shows)), &[], "{}").await.expect_problem(404);
        let large = "x".repeat((1 << 20) + 1);
        nobody.ask("POST", &format!("/hooks/gladly/{}", secret(&hooks.shows)), &[], &large).await.expect_problem(413);
        reader.get("/api/v1/jobs/pull/gladly").await.expect_problem(404);
    });
}
