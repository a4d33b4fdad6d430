//! Who is let in, at every endpoint that there is: nobody without a token, nobody with one for something else; and how
//! it is said that there is nothing, or that it cannot be asked so.

use crate::stage::on_stage;
use tenure_core::scope::Scope;
use tenure_serve::api::{BASE, routes};

/// Every scope there is, each by itself.
const SCOPES: [Scope; 6] = [Scope::ApiRead, Scope::ApiWrite, Scope::Approve, Scope::Hooks, Scope::Ssf, Scope::Admin];

#[test]
fn every_endpoint_asks_for_a_token_that_permits_it() {
    on_stage(async |stage| {
        let mut clients = Vec::new();
        for scope in SCOPES {
            clients.push((scope.clone(), stage.client("olga@acme.example", &[scope]).await));
        }
        assert!(routes().len() > 20, "the list of endpoints is there");
        for route in routes() {
            let path = format!("{BASE}{}", route.path.replace(['{', '}'], ""));
            let method = route.method.as_str();
            let stranger = stage.nobody().ask(method, &path, &[], "").await;
            stranger.expect_problem(401);
            assert!(stranger.headers["www-authenticate"].starts_with("Bearer"), "{stranger:?}");
            for (scope, client) in clients.iter().filter(|(scope, _)| !scope.covers(&route.needs)) {
                let refused = client.ask(method, &path, &[], "").await;
                let problem = refused.expect_problem(403);
                let needs = format!("`{}`", route.needs);
                assert!(problem["detail"].as_str().unwrap().contains(&needs), "{method} {path} as {scope}: {problem}");
            }
        }
    });
}

#[test]
fn what_is_not_there_or_cannot_be_asked_so_is_a_problem() {
    on_stage(async |stage| {
        let reader = stage.reader().await;
        stage.nobody().get("/api/v1/nothing").await.expect_problem(401);
        reader.get("/api/v1/nothing").await.expect_problem(404);
        reader.get("/api/v1/connections/nothing").await.expect_problem(404);
        let wrongly = reader.ask("PUT", "/api/v1/connections", &[], "").await;
        wrongly.expect_problem(405);
        assert!(wrongly.headers["allow"].contains("GET"), "{wrongly:?}");
        let forged = crate::client::Client { shows: reader.shows.replace("tnr_", "tnr_0"), ..reader };
        forged.get("/api/v1/connections").await.expect_problem(401);
    });
}
