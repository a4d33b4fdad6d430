//! Gorgias, behaviour by behaviour, in both dialects where both have it: what goes over the wire, and what it comes to.
//! The markers name the ids of `tests/behaviours/gorgias.toml`; the truth is asked of the sandbox and of the wire before it.
//! What only the whole program can show stands in the scenarios.

mod common;

use common::*;
use serde_json::{Value, json};
use tenure_connect::{ErrorKind, Look, LookupBy};
use tenure_core::abilities::Effect;
use tenure_core::account::{AccountKey, AccountState, Kind};
use tenure_core::change::Change;
use tenure_core::facts::Coverage;
use tenure_sandbox::Vendor::Gorgias;

const DIALECTS: [&str; 2] = ["guide", "live"];

async fn scene(dialect: &'static str) -> Scene {
    Scene::of(Gorgias, dialect, 40).await
}

/// A joiner with a role that the app has in both dialects.
fn joiner() -> Vec<Change> {
    let (email, name) = ("new+joiner@acme.example", "New Joiner");
    vec![field("email", email), field("name", name), grants("role", "role", &["agent"], &[])]
}

async fn make(scene: &Scene) -> AccountKey {
    perform(&scene.connector, Effect::Create, Kind::Agent, None, &joiner()).await.unwrap().account
}

// proves GOR-01 (guide, live)
#[test]
fn an_account_has_to_be_named_and_makes_the_host() {
    for dialect in DIALECTS {
        let mut settings = bare_settings(Gorgias, dialect);
        let error = settings.check().unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Configuration, Some("account")));
        settings.parameters.insert("account".into(), "acme".into());
        assert_eq!(settings.base_url().unwrap().as_str(), "https://acme.gorgias.com/api");
    }
}

// proves GOR-02, GOR-06 (guide, live)
#[tokio::test]
async fn every_request_is_basic_with_owner_and_token_and_goes_to_agents_or_roles() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        pull(&scene.connector).await;
        let key = make(&scene).await;
        let role = [grants("role", "role", &["admin"], &["agent"])];
        perform(&scene.connector, Effect::Update, Kind::Agent, Some(&key), &role).await.unwrap();
        read(&scene.connector, &key).await;
        let (owner, token) = (tenure_sandbox::GORGIAS_EMAIL, tenure_sandbox::GORGIAS_TOKEN);
        let basic =
            format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{owner}:{token}")));
        let sent = scene.wire.sent();
        assert!(sent.len() >= 4, "{dialect}");
        for sent in sent {
            assert_eq!(sent.headers["authorization"], basic, "{dialect}");
            assert!(sent.path.starts_with("/users") || sent.path == "/roles", "{dialect}: {}", sent.path);
        }
    }
}

// proves GOR-03 (guide, live)
#[tokio::test]
async fn a_wrong_token_is_told_with_the_page_that_makes_one_and_who_makes_it() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let says = Scene::complaints(&scene.with_secrets(&[("token", "mistyped")])).await;
        assert!(says.contains("REST API → Create API Key") && says.contains("admin"), "{dialect}: {says}");
        assert!(!says.contains("mistyped"), "{dialect}: {says}");
    }
}

// proves GOR-05 (guide, live)
#[tokio::test]
async fn a_refused_write_beside_working_reads_is_a_matter_of_scopes() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let connector = scene.with_secrets(&[("token", tenure_sandbox::GORGIAS_READ_TOKEN)]);
        assert_eq!(Scene::complaints(&connector).await, "", "{dialect}");
        let error = perform(&connector, Effect::Create, Kind::Agent, None, &joiner()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Scope, "{dialect}: {error}");
        let hint = error.hint.unwrap();
        assert!(hint.contains("lacks the right to write") && !hint.contains("password"), "{dialect}: {hint}");
        assert!(hint.contains("users:write"), "{dialect}: {hint}");
    }
}

// proves GOR-09, GOR-13 (guide, live)
#[tokio::test]
async fn what_the_server_keeps_is_never_sent_and_a_new_agent_is_active_unsaid() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let key = make(&scene).await;
        assert_eq!(scene.wire.writes()[0].body.get("active"), None, "{dialect}");
        assert_eq!(scene.truth("new+joiner")["active"], true, "{dialect}");
        let name = [field("name", "Newer Joiner")];
        perform(&scene.connector, Effect::Update, Kind::Agent, Some(&key), &name).await.unwrap();
        let _ = perform(&scene.connector, Effect::Suspend, Kind::Agent, Some(&key), &[]).await;
        let writes = scene.wire.writes();
        assert_eq!(writes.len(), 3, "{dialect}");
        for sent in &writes {
            for never in ["id", "created_datetime", "updated_datetime", "deactivated_datetime", "client_id"] {
                assert_eq!(sent.body.get(never), None, "{dialect}: {}", sent.body);
            }
        }
    }
}

// proves GOR-10, GOR-32 (guide, live)
#[tokio::test]
async fn a_lacking_field_and_an_unknown_role_fail_before_any_write() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let (full, unknown) = (joiner(), grants("role", "role", &["agnet"], &[]));
        let cases = [vec![full[0].clone(), full[2].clone()], vec![full[1].clone(), full[2].clone()]];
        for changes in cases.into_iter().chain([vec![full[0].clone(), full[1].clone(), unknown]]) {
            let error = perform(&scene.connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Validation, "{dialect}: {error}");
            assert!(!error.may_have_happened, "{dialect}");
        }
        assert!(scene.wire.writes().is_empty(), "{dialect}");
    }
}

// proves GOR-12, GOR-30, GOR-31 (guide)
#[tokio::test]
async fn a_role_is_the_id_that_this_very_tenant_lists() {
    let mut ids = Vec::new();
    for seed in [1, 2] {
        let options = tenure_sandbox::Options { limits: tenure_sandbox::Limits::Off, seed, ..Default::default() };
        let sandbox = tenure_sandbox::start(options).await.unwrap();
        sandbox.world().set_seats(Gorgias, 1000);
        let wire = wire::Wire::before(&sandbox, Gorgias).await;
        let mut settings = settings(&sandbox, Gorgias);
        settings.url = Some(wire.url.clone());
        let connector = tenure_connect::Connector::new(settings, secrets(Gorgias)).unwrap();
        let made = perform(&connector, Effect::Create, Kind::Agent, None, &joiner()).await.unwrap();
        assert_eq!(wire.lines(), ["GET /roles", "POST /users"]);
        let role = wire.writes()[0].body["role"].clone();
        assert_eq!(role.as_object().unwrap().keys().collect::<Vec<_>>(), ["id"]);
        let truth = sandbox.world().find(Gorgias, "new+joiner@acme.example").unwrap();
        assert_eq!((&truth["role"]["name"], &truth["role"]["id"]), (&json!("agent"), &role["id"]));
        assert_eq!(held(&read(&connector, &made.account).await, "role"), ["agent"]);
        ids.push(role["id"].clone());
    }
    assert_ne!(ids[0], ids[1], "two tenants, two ids of one role");
}

#[tokio::test]
async fn a_role_goes_by_its_name_where_there_is_no_list_of_roles() {
    let scene = scene("live").await;
    make(&scene).await;
    assert_eq!(scene.wire.writes()[0].body["role"], json!({"name": "agent"}));
    assert!(!scene.wire.lines().contains(&"GET /roles".into()));
}

// proves GOR-15 (guide)
// proves GOR-14, GOR-16, GOR-17, GOR-37 (guide, live)
#[tokio::test]
async fn a_pull_chains_pages_of_a_hundred_by_their_cursor_and_shows_what_drifted() {
    for dialect in DIALECTS {
        let scene = Scene::of(Gorgias, dialect, 900).await;
        let before = pull(&scene.connector).await;
        assert_eq!(before.coverage, Coverage::Complete, "{dialect}: {:?}", before.because);
        let pages: Vec<_> = scene.wire.sent().into_iter().filter(|sent| sent.path == "/users").collect();
        let count = scene.sandbox.world().list(Gorgias).len();
        assert!(count > 200 && pages.len() == count.div_ceil(100), "{dialect}: {} pages, {count}", pages.len());
        assert!(pages.iter().all(|page| page.query["limit"] == "100"), "{dialect}");
        let cursors: Vec<_> = pages.iter().map(|page| page.query.get("cursor")).collect();
        assert!(cursors[0].is_none() && cursors[1..].iter().all(Option::is_some), "{dialect}");
        let order = pages[0].query.get("order_by").map(String::as_str);
        assert_eq!(order, Some("created_datetime:asc"), "{dialect}");
        assert_eq!(before.accounts.len(), count, "{dialect}");
        scene.sandbox.world().change(Gorgias, "jane.doe@acme.example", &json!({"name": "Jane Drifted"}));
        let after = pull(&scene.connector).await;
        let changed: Vec<_> =
            after.accounts.values().filter(|now| before.accounts[&now.key].name != now.name).collect();
        assert_eq!(changed.len(), 1, "{dialect}");
    }
}

// proves GOR-18 (guide)
#[tokio::test]
async fn a_total_that_is_missing_ends_no_walk() {
    let scene = Scene::of(Gorgias, "guide", 900).await;
    scene.sandbox.set_faults(vec!["rename-field:app=gorgias,field=total_count,to=count".parse().unwrap()]);
    let pulled = pull(&scene.connector).await;
    assert_eq!(pulled.coverage, Coverage::Complete, "{:?}", pulled.because);
    assert_eq!(pulled.accounts.len(), scene.sandbox.world().list(Gorgias).len());
}

// proves GOR-19, GOR-20 (guide, live)
#[tokio::test]
async fn a_404_is_absence_and_an_address_is_encoded_and_compared() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let absent = AccountKey::new(&"gorgias".into(), Kind::Agent, "999999");
        assert_eq!(scene.connector.read(&absent).await, Look::Absent, "{dialect}");
        scene.wire.forget();
        let sam = find_one(&scene.connector, Kind::Agent, "SAM+support@acme.example").await;
        assert_eq!(sam.login.as_deref(), Some("sam+support@acme.example"), "{dialect}");
        let asked = scene.wire.sent().into_iter().find(|sent| sent.path == "/users").unwrap();
        assert!(asked.raw_query.to_lowercase().contains("%2b"), "{dialect}: {}", asked.raw_query);
        assert_eq!(asked.query["email"].to_lowercase(), "sam+support@acme.example", "{dialect}");
        let space = LookupBy::Email("sam support@acme.example");
        assert_eq!(scene.connector.find(Kind::Agent, space).await, Look::Absent, "{dialect}");
        let nobody = AccountKey::new(&"gorgias".into(), Kind::Agent, "0");
        scene.wire.forget();
        assert!(matches!(scene.connector.read(&nobody).await, Look::CouldNotLook(_)), "{dialect}");
        assert!(scene.wire.sent().is_empty(), "{dialect}: the id 0 would be the caller");
    }
}

// proves GOR-22 (guide, live)
#[tokio::test]
async fn a_fresh_agent_is_invited_although_the_app_says_active() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let key = make(&scene).await;
        assert_eq!(scene.truth("new+joiner")["active"], true, "{dialect}");
        assert_eq!(read(&scene.connector, &key).await.state, AccountState::Invited, "{dialect}");
    }
}

// proves GOR-24 (guide, live)
#[tokio::test]
async fn a_seat_that_is_not_there_is_named_once_and_nobody_is_half_made() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        scene.sandbox.world().set_seats(Gorgias, 1);
        let error = perform(&scene.connector, Effect::Create, Kind::Agent, None, &joiner()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::SeatLimit, "{dialect}: {error}");
        assert!(!error.may_have_happened && error.to_string().contains("pending invitations"), "{dialect}: {error}");
        assert_eq!(scene.wire.writes().len(), 1, "{dialect}: not tried again");
        assert_eq!(scene.sandbox.world().count(Gorgias, "new+joiner@acme.example"), 0, "{dialect}");
    }
}

// proves GOR-25, GOR-26, GOR-27 (guide)
#[tokio::test]
async fn a_leaver_is_put_out_with_the_merged_record_and_keeps_everything_else() {
    let scene = scene("guide").await;
    let (before, tom) = (scene.truth("tom.baker"), scene.find(Kind::Agent, "tom.baker").await);
    scene.wire.forget();
    perform(&scene.connector, Effect::Suspend, Kind::Agent, Some(&tom.key), &[]).await.unwrap();
    let writes = scene.wire.writes();
    assert_eq!((writes.len(), writes[0].method.as_str()), (1, "PUT"));
    for key in ["email", "name", "firstname", "lastname", "language", "timezone", "signature", "meta"] {
        assert_eq!(writes[0].body[key], before[key], "{key}");
    }
    assert_eq!((&writes[0].body["active"], &writes[0].body["role"]["id"]), (&json!(false), &before["role"]["id"]));
    let after = scene.truth("tom.baker");
    for (key, value) in before.as_object().unwrap() {
        let moved = ["active", "updated_datetime", "sandbox"].contains(&key.as_str());
        assert!(moved || after[key] == *value, "{key}: {value} {}", after[key]);
    }
    assert_eq!(after["active"], false);
}

// proves GOR-34 (guide)
#[test]
fn the_plan_sets_the_pace_and_two_a_second_where_none_is_named() {
    let mut settings = bare_settings(Gorgias, "guide");
    assert_eq!(settings.rate_limits().per_second(), Some(2.0));
    settings.plan = Some("Pro".into());
    assert_eq!(settings.rate_limits().per_second(), Some(10.0));
    settings.limits = Some(tenure_connect::BudgetSpec { per_second: Some(25.0), ..Default::default() });
    assert_eq!(settings.rate_limits().per_second(), Some(25.0));
}

// proves GOR-35 (guide, live)
#[tokio::test]
async fn a_429_waits_as_long_as_it_says() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        scene.sandbox.set_faults(vec!["429:app=gorgias,retry_after=2,count=1".parse().unwrap()]);
        let before = std::time::Instant::now();
        assert_eq!(pull(&scene.connector).await.coverage, Coverage::Complete, "{dialect}");
        assert!(before.elapsed().as_secs_f64() >= 2.0, "{dialect}");
        let counts = scene.sandbox.statistics().of(Gorgias);
        assert_eq!((counts.throttled, counts.impatient), (1, 0), "{dialect}");
    }
}

// proves GOR-36 (guide, live)
#[tokio::test]
async fn no_event_tells_of_agents_so_reading_finds_what_changed() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let webhooks = bare_settings(Gorgias, dialect).manifest.webhooks.clone().unwrap();
        assert!(webhooks.accounts.is_empty() && webhooks.others.contains(&"ticket-created".to_owned()), "{dialect}");
        assert!(!webhooks.others.iter().any(|event| event.contains("agent") || event.contains("user")), "{dialect}");
        pull(&scene.connector).await;
        assert!(scene.sandbox.world().purge(Gorgias, "tom.baker@acme.example"), "{dialect}");
        let logins = pull(&scene.connector).await;
        assert!(
            !logins.accounts.values().any(|one| one.login.as_deref() == Some("tom.baker@acme.example")),
            "{dialect}"
        );
    }
}

// proves GOR-38 (guide)
#[tokio::test]
async fn joiner_leaver_and_mover_go_in_their_order() {
    let scene = scene("guide").await;
    let key = make(&scene).await;
    assert_eq!(scene.wire.lines(), ["GET /roles", "POST /users"]);
    assert_eq!(scene.truth("new+joiner")["id"].to_string(), key.id.as_str());
    let (one, role) = (format!("/users/{}", key.id.as_str()), [grants("role", "role", &["lead"], &["agent"])]);
    let mover = scene.with_secrets(&[]);
    scene.wire.forget();
    perform(&mover, Effect::Update, Kind::Agent, Some(&key), &role).await.unwrap();
    assert_eq!(held(&read(&mover, &key).await, "role"), ["lead"]);
    assert_eq!(
        scene.wire.lines(),
        ["GET /roles".into(), format!("GET {one}"), format!("PUT {one}"), format!("GET {one}")]
    );
    scene.wire.forget();
    let found = find_one(&mover, Kind::Agent, "new+joiner@acme.example").await;
    perform(&mover, Effect::Suspend, Kind::Agent, Some(&found.key), &[]).await.unwrap();
    assert_eq!(scene.wire.lines(), ["GET /users".into(), format!("GET {one}"), format!("PUT {one}")]);
}

// proves GOR-39 (guide, live)
#[test]
fn sign_on_through_a_provider_changes_nothing_of_what_is_written() {
    for dialect in DIALECTS {
        let mut settings = bare_settings(Gorgias, dialect);
        let without = tenure_connect::abilities_of(&settings);
        settings.sso = Some("okta".into());
        let with = tenure_connect::abilities_of(&settings);
        assert!(with.kinds[&Kind::Agent].effects.contains_key(&Effect::Create), "{dialect}");
        assert_eq!(with.kinds, without.kinds, "{dialect}");
    }
}

#[tokio::test]
async fn an_update_in_the_live_dialect_sends_what_changes_and_nothing_else() {
    let scene = scene("live").await;
    let jane = scene.find(Kind::Agent, "jane.doe").await;
    let name = [field("name", "Jane Smith")];
    perform(&scene.connector, Effect::Update, Kind::Agent, Some(&jane.key), &name).await.unwrap();
    assert_eq!(scene.wire.writes()[0].body, json!({"name": "Jane Smith"}));
    assert_eq!(scene.truth("jane.doe")["meta"], json!({"imported_from": "csv"}));
    assert_ne!(scene.truth("jane.doe")["name"], Value::Null);
}
