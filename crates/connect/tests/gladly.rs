//! Gladly, behaviour by behaviour: what goes over the wire, and what it comes to. Most belongs to the guide alone, since
//! the vendor's own record knows no way to write; that nothing is written there is shown here as well.
//! The markers name the ids of `tests/behaviours/gladly.toml`; what only the whole program can show is in the scenarios.

mod common;

use common::*;
use serde_json::{Value, json};
use tenure_connect::{ErrorKind, Look, LookupBy, Verdict};
use tenure_core::abilities::Effect;
use tenure_core::account::{AccountKey, AccountState, Kind};
use tenure_core::change::Change;
use tenure_core::facts::Coverage;
use tenure_sandbox::Vendor::Gladly;

const DIALECTS: [&str; 2] = ["guide", "live"];

async fn scene(dialect: &'static str) -> Scene {
    Scene::of(Gladly, dialect, 40).await
}

fn joiner() -> Vec<Change> {
    vec![
        field("email", "new.joiner@acme.example"),
        field("name", "New Joiner"),
        field("external_id", "E99999"),
        grants("role", "role", &["AGENT"], &[]),
        grants("teams", "team", &["Billing"], &[]),
        grants("inboxes", "inbox", &["Voice"], &[]),
    ]
}

fn agent(id: &str) -> AccountKey {
    AccountKey::new(&"gladly".into(), Kind::Agent, id)
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

// proves GLA-01 (guide, live)
#[test]
fn an_organisation_has_to_be_named_and_makes_the_host() {
    for dialect in DIALECTS {
        let mut settings = bare_settings(Gladly, dialect);
        let error = settings.check().unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Configuration, Some("org")));
        settings.parameters.insert("org".into(), "acme".into());
        assert_eq!(settings.base_url().unwrap().as_str(), "https://acme.gladly.com/api/v1");
    }
}

// proves GLA-02 (guide, live)
#[tokio::test]
async fn every_request_is_basic_with_the_tokens_id_and_secret() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        pull(&scene.connector).await;
        let _ = perform(&scene.connector, Effect::Create, Kind::Agent, None, &joiner()).await;
        let pair = format!("{}:{}", tenure_sandbox::GLADLY_USERNAME, tenure_sandbox::GLADLY_SECRET);
        let basic = format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, pair));
        let sent = scene.wire.sent();
        assert!(sent.len() >= 2 && sent.iter().all(|sent| sent.headers["authorization"] == basic), "{dialect}");
    }
}

// proves GLA-03, GLA-05 (guide, live)
#[tokio::test]
async fn a_refused_credential_is_told_with_what_a_lost_secret_and_a_list_of_addresses_mean() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let says = Scene::complaints(&scene.with_secrets(&[("secret", "mistyped")])).await;
        assert!(says.contains("shown once") && says.contains("a lost one means a new token"), "{dialect}: {says}");
        assert!(says.contains("IP ranges") && says.contains("API Tokens"), "{dialect}: {says}");
        assert!(!says.contains("mistyped"), "{dialect}: {says}");
    }
}

// proves GLA-04, GLA-05 (guide)
#[tokio::test]
async fn a_refused_write_asks_for_an_admins_token() {
    let scene = scene("guide").await;
    let read_only =
        [("username", tenure_sandbox::GLADLY_READ_USERNAME), ("secret", tenure_sandbox::GLADLY_READ_SECRET)];
    let connector = scene.with_secrets(&read_only);
    let error = perform(&connector, Effect::Create, Kind::Agent, None, &joiner()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Scope, "{error}");
    let hint = error.hint.unwrap();
    assert!(hint.contains("the rights of the person who made it") && hint.contains("Admin"), "{hint}");
    assert!(hint.contains("IP ranges"), "{hint}");
}

// proves GLA-07, GLA-12, GLA-13, GLA-32 (guide)
#[tokio::test]
async fn all_fields_are_read_and_those_of_the_server_are_never_written() {
    let scene = scene("guide").await;
    let (truth, jane) = (scene.truth("jane.doe"), scene.find(Kind::Agent, "jane.doe").await);
    for (field, key) in [
        ("email", "emailAddress"),
        ("name", "name"),
        ("external_id", "externalId"),
        ("phone", "phoneNumber"),
        ("locale", "language"),
        ("availability", "agentStatus"),
    ] {
        assert_eq!(jane.told(field), Some(truth[key].clone()), "{field}");
    }
    assert_eq!((held(&jane, "role"), held(&jane, "team").len()), (vec!["AGENT".to_owned()], 1));
    let away = [field("availability", "AWAY")];
    let error = perform(&scene.connector, Effect::Update, Kind::Agent, Some(&jane.key), &away).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
    let name = [field("name", "Jane Smith")];
    perform(&scene.connector, Effect::Update, Kind::Agent, Some(&jane.key), &name).await.unwrap();
    perform(&scene.connector, Effect::Create, Kind::Agent, None, &joiner()).await.unwrap();
    let writes = scene.wire.writes();
    assert_eq!(writes.len(), 2);
    for sent in writes {
        let never = ["id", "createdAt", "updatedAt", "agentStatus"];
        assert!(never.iter().all(|key| sent.body.get(*key).is_none()), "{}", sent.body);
        assert!(!sent.path.contains("availability"));
    }
}

// proves GLA-08, GLA-18 (guide, live)
#[tokio::test]
async fn an_id_is_any_text_and_a_404_is_absence() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        assert_eq!(scene.connector.read(&agent("agt_001")).await, Look::Absent, "{dialect}");
        assert_eq!(scene.wire.lines(), ["GET /agents/agt_001"], "{dialect}");
        let jane = scene.find(Kind::Agent, "jane.doe").await;
        assert_eq!(read(&scene.connector, &jane.key).await.key, jane.key, "{dialect}");
    }
}

// proves GLA-09 (guide)
#[tokio::test]
async fn a_lacking_address_name_or_role_is_refused_before_any_write() {
    let scene = scene("guide").await;
    for (left_out, word) in [(0, "email"), (1, "name"), (3, "role")] {
        let mut changes = joiner();
        changes.remove(left_out);
        let error = perform(&scene.connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Validation, Some(word)), "{error}");
    }
    assert!(scene.wire.writes().is_empty());
    perform(&scene.connector, Effect::Create, Kind::Agent, None, &joiner()).await.unwrap();
    let body = &scene.wire.writes()[0].body;
    assert_eq!((&body["emailAddress"], body.get("email")), (&json!("new.joiner@acme.example"), None));
}

// proves GLA-10, GLA-21 (guide)
#[tokio::test]
async fn an_address_is_taken_by_somebody_who_was_put_out_and_they_are_found() {
    let scene = scene("guide").await;
    let mut changes = joiner();
    changes[0] = field("email", "derek.hall@acme.example");
    let error = perform(&scene.connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Duplicate, "{error}");
    assert!(!error.may_have_happened && error.hint.unwrap().contains("resumed, not made again"));
    let derek = scene.find(Kind::Agent, "derek.hall").await;
    assert_eq!(derek.state, AccountState::Suspended);
    perform(&scene.connector, Effect::Resume, Kind::Agent, Some(&derek.key), &[]).await.unwrap();
    assert_eq!(scene.truth("derek.hall")["active"], true);
    assert_eq!(scene.sandbox.world().count(Gladly, "derek.hall@acme.example"), 1);
}

// proves GLA-14, GLA-15, GLA-16 (guide)
// proves GLA-35 (guide, live)
#[tokio::test]
async fn a_pull_asks_for_everybody_and_sees_who_left() {
    for dialect in DIALECTS {
        let scene = Scene::of(Gladly, dialect, 900).await;
        let before = pull(&scene.connector).await;
        assert_eq!(before.coverage, Coverage::Complete, "{dialect}: {:?}", before.because);
        let pages: Vec<_> = scene.wire.sent().into_iter().filter(|sent| sent.path == "/agents").collect();
        assert!(pages.iter().all(|page| !page.query.contains_key("active")), "{dialect}");
        if dialect == "guide" {
            let count = scene.sandbox.world().list(Gladly).len();
            assert!(count > 200 && pages.len() == count.div_ceil(100) && before.accounts.len() == count, "{count}");
            assert!(pages.iter().all(|page| page.query["limit"] == "100"));
            assert!(pages[1..].iter().all(|page| page.query.contains_key("cursor")));
            assert!(before.accounts.values().any(|account| account.state == AccountState::Suspended));
        }
        scene.sandbox.world().change(Gladly, "tom.baker@acme.example", &json!({"active": false}));
        let after = pull(&scene.connector).await;
        let tom = after.accounts.values().find(|one| one.login.as_deref() == Some("tom.baker@acme.example"));
        let left = tom.is_none_or(|tom| tom.state == AccountState::Suspended);
        assert!(left && after.coverage == Coverage::Complete, "{dialect}: {tom:?}");
    }
}

// proves GLA-17 (guide, live)
#[tokio::test]
async fn a_look_up_takes_the_very_address_only() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let sam = find_one(&scene.connector, Kind::Agent, "Sam+Support@acme.example").await;
        assert_eq!(sam.login.as_deref(), Some("sam+support@acme.example"), "{dialect}");
        for near in ["sam support@acme.example", "am+support@acme.example", "sam+support@acme.example.org"] {
            assert_eq!(
                scene.connector.find(Kind::Agent, LookupBy::Email(near)).await,
                Look::Absent,
                "{dialect} {near}"
            );
        }
    }
}

// proves GLA-22, GLA-23, GLA-24, GLA-25, GLA-31 (guide)
#[tokio::test]
async fn a_patch_has_single_fields_alone_and_lists_whole() {
    let scene = scene("guide").await;
    let lena = scene.find(Kind::Agent, "lena.fischer").await;
    let before = scene.truth("lena.fischer");
    let name = [field("name", "Lena F.")];
    let performed = perform(&scene.connector, Effect::Update, Kind::Agent, Some(&lena.key), &name).await.unwrap();
    assert_eq!(scene.wire.writes()[0].body, json!({"name": "Lena F."}));
    let answered = performed.answered.unwrap();
    assert_eq!((answered.told("name"), answered.told("email")), (Some(json!("Lena F.")), None), "left out is unknown");
    assert_eq!(read(&scene.connector, &lena.key).await.told("email"), Some(json!("lena.fischer@acme.example")));
    scene.wire.forget();
    let more = [grants("inboxes", "inbox", &["Voice"], &[])];
    perform(&scene.connector, Effect::Grant, Kind::Agent, Some(&lena.key), &more).await.unwrap();
    let body = scene.wire.writes()[0].body.clone();
    assert_eq!(keys(&body), ["inboxes"], "the teams are not touched");
    let had = before["inboxes"].as_array().unwrap();
    assert!(had.iter().all(|id| body["inboxes"].as_array().unwrap().contains(id)), "{body}");
    assert_eq!(body["inboxes"].as_array().unwrap().len(), had.len() + 1);
    scene.wire.forget();
    let less = [grants("teams", "team", &[], &["Tier 1 Support"])];
    perform(&scene.connector, Effect::Revoke, Kind::Agent, Some(&lena.key), &less).await.unwrap();
    let body = scene.wire.writes()[0].body.clone();
    let rest: Vec<&Value> = before["teams"].as_array().unwrap().iter().filter(|id| body["teams"][0] == **id).collect();
    assert_eq!((keys(&body), rest.len(), body["teams"].as_array().unwrap().len()), (vec!["teams"], 1, 1));
}

// proves GLA-26 (guide)
#[tokio::test]
async fn a_leaver_is_switched_off_and_seen_to_be() {
    let scene = scene("guide").await;
    let tom = scene.find(Kind::Agent, "tom.baker").await;
    let performed = perform(&scene.connector, Effect::Suspend, Kind::Agent, Some(&tom.key), &[]).await.unwrap();
    let sent = scene.wire.writes();
    assert_eq!((sent[0].method.as_str(), &sent[0].body), ("PATCH", &json!({"active": false})));
    assert_eq!(performed.answered.unwrap().state, AccountState::Suspended);
    assert_eq!(read(&scene.connector, &tom.key).await.state, AccountState::Suspended);
}

// proves GLA-27 (guide, live)
#[tokio::test]
async fn nobody_is_deleted_and_the_words_name_the_way_out() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let jane = scene.find(Kind::Agent, "jane.doe").await;
        let error = perform(&scene.connector, Effect::Delete, Kind::Agent, Some(&jane.key), &[]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{dialect}");
        assert!(error.text.contains("suspending is the only way out"), "{dialect}: {error}");
        assert!(scene.wire.writes().is_empty(), "{dialect}");
    }
}

// proves GLA-29, GLA-30, GLA-39 (guide)
#[tokio::test]
async fn teams_and_inboxes_are_read_first_and_names_are_matched_here() {
    let scene = scene("guide").await;
    for (name, says) in [("Returns", "Returns (inbox_"), ("Nowhere", "Nowhere")] {
        let mut changes = joiner();
        changes[5] = grants("inboxes", "inbox", &[name], &[]);
        let error = perform(&scene.connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap_err();
        assert!(error.kind == ErrorKind::Validation && error.text.contains(says), "{error}");
    }
    assert!(scene.wire.writes().is_empty());
    let fresh = scene.with_secrets(&[]);
    scene.wire.forget();
    let made = perform(&fresh, Effect::Create, Kind::Agent, None, &joiner()).await.unwrap();
    let mut lines = scene.wire.lines();
    let post = lines.pop();
    lines.sort();
    assert_eq!(
        (lines.as_slice(), post.as_deref()),
        (&["GET /inboxes".into(), "GET /teams".into()][..], Some("POST /agents"))
    );
    let body = scene.wire.writes()[0].body.clone();
    assert_eq!((body["teams"].as_array().unwrap().len(), body["inboxes"].as_array().unwrap().len()), (1, 1));
    assert_eq!(scene.truth("new.joiner")["id"], json!(made.account.id.as_str()));
    scene.wire.forget();
    let move_over = [grants("inboxes", "inbox", &["General Support"], &["Voice"])];
    perform(&scene.with_secrets(&[]), Effect::Update, Kind::Agent, Some(&made.account), &move_over).await.unwrap();
    assert_eq!(scene.wire.writes()[0].body["inboxes"].as_array().unwrap().len(), 1);
    let after = read(&fresh, &made.account).await;
    assert_eq!(
        (held(&after, "inbox"), held(&after, "role")),
        (vec!["General Support".to_owned()], vec!["AGENT".to_owned()])
    );
}

// proves GLA-31 (live)
#[tokio::test]
async fn who_is_in_a_team_comes_from_the_list_of_teams() {
    let scene = scene("live").await;
    let pulled = pull(&scene.connector).await;
    assert!(scene.wire.lines().contains(&"GET /teams".into()));
    let lena = pulled.accounts.values().find(|one| one.login.as_deref() == Some("lena.fischer@acme.example")).unwrap();
    assert_eq!(held(lena, "team"), ["Escalations", "Tier 1 Support"]);
}

// proves GLA-33 (guide, live)
#[tokio::test]
async fn the_pace_is_careful_and_a_429_without_a_time_waits_longer_each_time() {
    for dialect in DIALECTS {
        let assumed = bare_settings(Gladly, dialect).rate_limits().per_second().unwrap();
        assert!((1.0..10.0).contains(&assumed), "{dialect}: {assumed}");
        let scene = scene(dialect).await;
        scene.sandbox.set_faults(vec!["429:app=gladly,count=2".parse().unwrap()]);
        let before = std::time::Instant::now();
        assert_eq!(pull(&scene.connector).await.coverage, Coverage::Complete, "{dialect}");
        let waited = before.elapsed().as_secs_f64();
        assert!(waited >= 1.0 && scene.sandbox.statistics().of(Gladly).throttled == 2, "{dialect}: {waited}");
        scene.sandbox.set_faults(vec!["429:app=gladly,retry_after=2,count=1".parse().unwrap()]);
        pull(&scene.connector).await;
        assert_eq!(scene.sandbox.statistics().of(Gladly).impatient, 0, "{dialect}");
    }
}

// proves GLA-36 (guide)
#[tokio::test]
async fn the_outside_key_is_set_at_creation_and_found_by() {
    let scene = scene("guide").await;
    let made = perform(&scene.connector, Effect::Create, Kind::Agent, None, &joiner()).await.unwrap();
    assert_eq!(scene.wire.writes()[0].body["externalId"], "E99999");
    match scene.connector.find(Kind::Agent, LookupBy::ExternalId("E99999")).await {
        Look::Found(found) => assert_eq!(found[0].key, made.account),
        other => panic!("{other:?}"),
    }
}

// proves GLA-38 (guide, live)
#[tokio::test]
async fn check_asks_a_person_how_people_sign_in() {
    for dialect in DIALECTS {
        let lines = scene(dialect).await.connector.check().await;
        let asked = lines.iter().find(|line| line.what.contains("who signs people in")).unwrap();
        assert!(asked.ok == Verdict::Unconfirmed && asked.what.contains("SSO"), "{dialect}: {asked:?}");
    }
}

#[tokio::test]
async fn nothing_is_ever_written_where_the_api_only_reads() {
    let scene = scene("live").await;
    let jane = scene.find(Kind::Agent, "jane.doe").await;
    for effect in [Effect::Update, Effect::Grant, Effect::Revoke, Effect::Suspend, Effect::Resume] {
        let name = [field("name", "Jane Smith")];
        let error = perform(&scene.connector, effect, Kind::Agent, Some(&jane.key), &name).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{effect}: {error}");
    }
    let error = perform(&scene.connector, Effect::Create, Kind::Agent, None, &joiner()).await.unwrap_err();
    assert!(error.kind == ErrorKind::Unsupported && error.text.contains("Settings → Users"), "{error}");
    assert!(scene.wire.writes().is_empty());
}

// proves GLA-34 (guide, live)
#[test]
fn the_events_that_there_are_are_named_with_what_they_leave_out() {
    for dialect in DIALECTS {
        let webhooks = bare_settings(Gladly, dialect).manifest.webhooks.clone().unwrap();
        if dialect == "guide" {
            assert_eq!(webhooks.accounts, ["agent.created", "agent.updated"]);
            assert!(webhooks.note.contains("Settings → Notifications"), "{}", webhooks.note);
            assert!(webhooks.others.contains(&"message.created".to_owned()));
        } else {
            assert!(webhooks.accounts.is_empty() && webhooks.others.contains(&"AGENT_STATUS/LOGGED_IN".to_owned()));
        }
        assert!(webhooks.note.contains("found by pulling"), "{dialect}: {}", webhooks.note);
    }
}
