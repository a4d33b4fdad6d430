//! Gainsight over REST, behaviour by behaviour, in both dialects: what goes over the wire, and what it comes to.
//! The markers name the ids of `tests/behaviours/gainsight.toml`; the truth is asked of the sandbox and of the wire before it.
//! SCIM has tests of its own; what only the whole program can show stands in the scenarios.

mod common;

use common::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tenure_connect::{ErrorKind, Look, LookupBy};
use tenure_core::abilities::Effect;
use tenure_core::account::{AccountKey, AccountState, Kind};
use tenure_core::change::Change;
use tenure_core::facts::Coverage;
use tenure_sandbox::{PutStyle, Vendor::Gainsight};

const DIALECTS: [&str; 2] = ["guide", "live"];

async fn scene(dialect: &'static str) -> Scene {
    Scene::of(Gainsight, dialect, 40).await
}

fn joiner(dialect: &str) -> Vec<Change> {
    let email = "new.joiner@acme.example";
    let mut changes = vec![field("email", email), field("given_name", "New"), field("family_name", "Joiner")];
    match dialect {
        "guide" => changes.push(grants("role", "role", &["Viewer"], &[])),
        _ => changes.extend([field("user_name", email), field("license_type", "Viewer")]),
    }
    changes
}

async fn make(scene: &Scene) -> AccountKey {
    perform(&scene.connector, Effect::Create, Kind::User, None, &joiner(scene.dialect)).await.unwrap().account
}

/// The record that a write carries, in whichever envelope.
fn record(body: &Value) -> &Value {
    body.pointer("/records/0").unwrap_or(body)
}

// proves GS-02, GS-42 (guide, live)
// proves GS-23, GS-24 (guide, live)
#[tokio::test]
async fn the_key_goes_in_its_own_header_without_patch_or_delete() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        pull(&scene.connector).await;
        let key = make(&scene).await;
        for (effect, changes) in
            [(Effect::Update, vec![field("title", "Principal")]), (Effect::Suspend, vec![]), (Effect::Resume, vec![])]
        {
            perform(&scene.connector, effect, Kind::User, Some(&key), &changes).await.unwrap();
        }
        let sent = scene.wire.sent();
        assert!(sent.len() >= 5, "{dialect}");
        for sent in sent {
            assert_eq!(sent.headers["accesskey"], tenure_sandbox::GAINSIGHT_ACCESS_KEY, "{dialect}");
            assert!(!sent.headers.contains_key("authorization"), "{dialect}");
            assert!(["GET", "POST", "PUT"].contains(&sent.method.as_str()), "{dialect}: {}", sent.method);
            assert!(sent.path.starts_with("/users"), "{dialect}: {}", sent.path);
        }
    }
}

// proves GS-04, GS-05, GS-06 (guide, live)
#[tokio::test]
async fn a_refused_key_is_told_with_both_pages_the_swap_and_what_it_may_do() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let swapped = scene.with_secrets(&[("access_key", tenure_sandbox::GAINSIGHT_SCIM_TOKEN)]);
        let says = Scene::complaints(&swapped).await;
        assert!(says.contains("Connectors 2.0 / API Access"), "{dialect}: {says}");
        assert!(says.contains("the SCIM bearer token (Administration → User Management → SCIM)"), "{dialect}: {says}");
        assert!(says.contains("may do everything in the tenant"), "{dialect}: {says}");
        assert!(!says.contains(tenure_sandbox::GAINSIGHT_SCIM_TOKEN), "{dialect}: {says}");
    }
}

// proves GS-07 (guide, live)
#[tokio::test]
async fn the_fields_of_an_account_are_read() {
    let guide = [
        ("email", "email"),
        ("given_name", "firstName"),
        ("family_name", "lastName"),
        ("name", "name"),
        ("external_id", "externalId"),
        ("phone", "phone"),
        ("title", "title"),
        ("department", "department"),
        ("manager", "managerId"),
        ("time_zone", "timezone"),
        ("locale", "locale"),
        ("user_type", "userType"),
    ];
    let live = [
        ("email", "Email"),
        ("given_name", "FirstName"),
        ("family_name", "LastName"),
        ("name", "Name"),
        ("user_name", "SFDCUserName"),
        ("license_type", "LicenseType"),
        ("title", "Title"),
        ("manager", "Manager"),
        ("time_zone", "Timezone"),
        ("locale", "Locale"),
    ];
    for (dialect, fields) in [("guide", &guide[..]), ("live", &live[..])] {
        let scene = scene(dialect).await;
        let (truth, ivan) = (scene.truth("ivan.sousa"), scene.find(Kind::User, "ivan.sousa").await);
        for (field, key) in fields {
            assert!(!truth[key].is_null(), "{dialect} {key}");
            assert_eq!(ivan.told(field), Some(truth[key].clone()), "{dialect} {field}");
        }
        assert_eq!(ivan.state, AccountState::Active, "{dialect}");
        assert_eq!(held(&ivan, "role").is_empty(), dialect == "live", "{dialect}");
    }
}

// proves GS-08 (guide)
#[tokio::test]
async fn a_lacking_field_is_refused_before_any_write() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let required = if dialect == "guide" { vec![0, 1, 2, 3] } else { vec![0, 1, 2, 3, 4] };
        for left_out in required {
            let mut changes = joiner(dialect);
            let lacking = changes.remove(left_out);
            let error = perform(&scene.connector, Effect::Create, Kind::User, None, &changes).await.unwrap_err();
            let about = error.field.clone().unwrap_or_default();
            assert_eq!(
                (error.kind, about.as_str()),
                (ErrorKind::Validation, lacking.field.as_str()),
                "{dialect}: {error}"
            );
        }
        assert!(scene.wire.writes().is_empty(), "{dialect}");
    }
}

// proves GS-09, GS-11, GS-21 (guide, live)
#[tokio::test]
async fn an_account_is_made_once_under_the_id_of_the_answer_and_named_by_the_app() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let key = make(&scene).await;
        let (truth, sent) = (scene.truth("new.joiner"), scene.wire.writes());
        assert_eq!(json!(key.id.as_str()), truth[if dialect == "guide" { "userId" } else { "Gsid" }], "{dialect}");
        let name = if dialect == "guide" { "name" } else { "Name" };
        assert_eq!((record(&sent[0].body).get(name), &truth[name]), (None, &json!("New Joiner")), "{dialect}");
        let again = perform(&scene.connector, Effect::Create, Kind::User, None, &joiner(dialect)).await.unwrap_err();
        assert_eq!((again.kind, again.may_have_happened), (ErrorKind::Duplicate, false), "{dialect}: {again}");
        assert_eq!(scene.sandbox.world().count(Gainsight, "new.joiner@acme.example"), 1, "{dialect}");
    }
}

// proves GS-10 (guide)
#[tokio::test]
async fn a_role_goes_as_it_is_written_and_letter_case_counts() {
    let scene = scene("guide").await;
    let ivan = scene.find(Kind::User, "ivan.sousa").await;
    for wrong in ["standard user", "Viewer "] {
        scene.wire.forget();
        let role = [grants("role", "role", &[wrong], &["Standard User"])];
        let error = perform(&scene.connector, Effect::Update, Kind::User, Some(&ivan.key), &role).await.unwrap_err();
        assert_eq!(scene.wire.writes()[0].body["role"], wrong, "neither trimmed nor folded");
        assert_eq!(error.kind, ErrorKind::Validation, "{error}");
        assert!(error.hint.as_deref().unwrap().contains("case included"), "{error}");
    }
    assert_eq!(scene.truth("ivan.sousa")["role"], "Standard User");
}

// proves GS-13 (guide)
#[tokio::test]
async fn an_account_is_found_by_the_outside_key() {
    let scene = scene("guide").await;
    match scene.connector.find(Kind::User, LookupBy::ExternalId("E00017")).await {
        Look::Found(found) => assert_eq!(found[0].login.as_deref(), Some("ivan.sousa@acme.example")),
        other => panic!("{other:?}"),
    }
}

// proves GS-15, GS-16 (guide)
// proves GS-17, GS-18 (guide, live)
#[tokio::test]
async fn a_pull_asks_for_everybody_page_by_page_up_to_their_total() {
    for dialect in DIALECTS {
        let scene = Scene::of(Gainsight, dialect, 9000).await;
        scene.sandbox.world().change(
            Gainsight,
            "ivan.sousa@acme.example",
            &json!({"isActive": false, "IsActiveUser": false}),
        );
        let pulled = pull(&scene.connector).await;
        assert_eq!(pulled.coverage, Coverage::Complete, "{dialect}: {:?}", pulled.because);
        let (sent, count) = (scene.wire.sent(), scene.sandbox.world().list(Gainsight).len());
        assert!(count > 1000, "{dialect}: {count}");
        assert_eq!((sent.len(), pulled.accounts.len()), (count.div_ceil(1000), count), "{dialect}: no page too many");
        let pages: BTreeSet<String> = match dialect {
            "guide" => sent.iter().map(|sent| sent.query["page"].clone()).collect(),
            _ => sent.iter().map(|sent| sent.body["page"].to_string()).collect(),
        };
        let first = usize::from(dialect == "guide");
        assert_eq!(pages, (first..first + sent.len()).map(|page| page.to_string()).collect(), "{dialect}");
        if dialect == "guide" {
            assert!(sent.iter().all(|sent| sent.query["pageSize"] == "1000" && !sent.query.contains_key("isActive")));
        } else {
            assert!(sent.iter().all(|sent| sent.body["limit"] == 1000 && sent.body.get("where").is_none()));
        }
        let ivan =
            pulled.accounts.values().find(|one| one.login.as_deref() == Some("ivan.sousa@acme.example")).unwrap();
        assert_eq!(ivan.state, AccountState::Suspended, "{dialect}: the inactive are among them");
    }
}

// proves GS-18 (guide)
#[tokio::test]
async fn a_look_through_the_list_ends_where_the_total_says_and_not_before() {
    // A tenant that gives two a page whatever is asked for, and one whose only page is full.
    let page = |sent: &wire::Sent| {
        let row =
            |at: usize| json!({"userId": format!("u{at}"), "email": format!("p{at}@acme.example"), "role": "Viewer"});
        let (all, size) = if sent.query.contains_key("isActive") { (1000, 1000) } else { (5, 2) };
        let first = (sent.query.get("page")?.parse::<usize>().ok()? - 1) * size;
        let data: Vec<Value> = (first..all.min(first + size)).map(row).collect();
        Some((200, json!({"result": true, "data": data, "totalCount": all})))
    };
    let scene = Scene::refusing(Gainsight, "guide", page).await;
    match scene.connector.find(Kind::User, LookupBy::Email("p4@acme.example")).await {
        Look::Found(found) => assert_eq!(found[0].key.id.as_str(), "u4"),
        other => panic!("{other:?}"),
    }
    assert_eq!(scene.wire.sent().len(), 3);
    scene.wire.forget();
    let full = "path = \"/users\"\nquery = { isActive = \"true\" }\nitems = \"data\"\n";
    let mut settings = settings(&scene.sandbox, Gainsight);
    settings.manifest = manifest(&settings.manifest.text.replace("path = \"/users\"\nitems = \"data\"\n", full));
    settings.url = Some(scene.wire.url.clone());
    let connector = tenure_connect::Connector::new(settings, secrets(Gainsight)).unwrap();
    assert_eq!(connector.find(Kind::User, LookupBy::Email("nobody@acme.example")).await, Look::Absent);
    assert_eq!(scene.wire.sent().len(), 1, "the total is reached: no page for nothing");
}

// proves GS-19 (guide)
#[tokio::test]
async fn who_is_not_there_is_absent() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let key = AccountKey::new(&"gainsight".into(), Kind::User, "u404");
        assert_eq!(scene.connector.read(&key).await, Look::Absent, "{dialect}");
    }
}

// proves GS-12, GS-20 (guide)
#[tokio::test]
async fn a_200_that_says_false_is_a_failure_with_its_message() {
    let scene = scene("guide").await;
    let ivan = scene.find(Kind::User, "ivan.sousa").await;
    let before = scene.truth("ivan.sousa");
    let manager = [field("manager", "u404")];
    let error = perform(&scene.connector, Effect::Update, Kind::User, Some(&ivan.key), &manager).await.unwrap_err();
    assert_eq!(error.status, Some(200), "{error}");
    assert!(error.text.contains("no such user") && !error.may_have_happened, "{error}");
    assert_eq!(scene.truth("ivan.sousa"), before);
}

// proves GS-12 (live)
#[tokio::test]
async fn a_manager_who_is_not_there_is_told_and_not_passed_over() {
    let scene = scene("live").await;
    let mut changes = joiner("live");
    changes.push(field("manager", "1P01NOBODY"));
    let error = perform(&scene.connector, Effect::Create, Kind::User, None, &changes).await.unwrap_err();
    assert!(error.text.contains("Manager: no such user"), "{error}");
    assert_eq!(scene.sandbox.world().count(Gainsight, "new.joiner@acme.example"), 0);
}

// proves GS-22 (guide)
#[tokio::test]
async fn an_update_reads_merges_and_holds_whichever_way_the_tenant_takes_it() {
    for style in [PutStyle::Partial, PutStyle::Full] {
        let scene = scene("guide").await;
        scene.sandbox.world().set_gainsight_put(style);
        scene.sandbox.world().change(Gainsight, "ivan.sousa@acme.example", &json!({"groups": ["EMEA", "Beta"]}));
        let (before, ivan) = (scene.truth("ivan.sousa"), scene.find(Kind::User, "ivan.sousa").await);
        scene.wire.forget();
        let title = [field("title", "Principal")];
        perform(&scene.connector, Effect::Update, Kind::User, Some(&ivan.key), &title).await.unwrap();
        let one = format!("/users/{}", ivan.key.id.as_str());
        assert_eq!(scene.wire.lines(), [format!("GET {one}"), format!("PUT {one}")]);
        assert_eq!(read(&scene.connector, &ivan.key).await.told("title"), Some(json!("Principal")));
        perform(&scene.connector, Effect::Suspend, Kind::User, Some(&ivan.key), &[]).await.unwrap();
        let after = scene.truth("ivan.sousa");
        assert_eq!((&after["groups"], &after["isActive"]), (&json!(["EMEA", "Beta"]), &json!(false)));
        for (key, value) in before.as_object().unwrap() {
            assert!(
                ["title", "isActive", "sandbox"].contains(&&**key) || after[key] == *value,
                "{key}: {value} {}",
                after[key]
            );
        }
    }
}

// proves GS-25 (guide)
#[tokio::test]
async fn a_leaver_is_switched_off_explicitly_and_keeps_the_rest() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let ivan = scene.find(Kind::User, "ivan.sousa").await;
        scene.wire.forget();
        perform(&scene.connector, Effect::Suspend, Kind::User, Some(&ivan.key), &[]).await.unwrap();
        let sent = scene.wire.writes();
        match dialect {
            "guide" => assert_eq!(sent[0].body["isActive"], false),
            _ => {
                assert_eq!((&*sent[0].path, &sent[0].body), ("/users/services/status", &json!([ivan.key.id.as_str()])))
            }
        }
        let after = read(&scene.connector, &ivan.key).await;
        assert_eq!((after.state, after.fields), (AccountState::Suspended, ivan.fields), "{dialect}");
    }
}

// proves GS-26 (guide, live)
#[tokio::test]
async fn permanent_deletion_is_refused_and_leads_to_the_vendors_support() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let ivan = scene.find(Kind::User, "ivan.sousa").await;
        let error = perform(&scene.connector, Effect::Delete, Kind::User, Some(&ivan.key), &[]).await.unwrap_err();
        assert!(error.kind == ErrorKind::Unsupported && error.text.contains("vendor's support"), "{dialect}: {error}");
        assert!(scene.wire.writes().is_empty(), "{dialect}");
    }
}

// proves GS-27 (guide, live)
#[tokio::test]
async fn everybody_is_read_before_the_first_is_switched_off_and_nobody_is_skipped() {
    for dialect in DIALECTS {
        let scene = Scene::of(Gainsight, dialect, 400).await;
        let all = pull(&scene.connector).await;
        let active: Vec<_> = all.accounts.values().filter(|one| one.state == AccountState::Active).collect();
        assert!(active.len() > 30, "{dialect}: {}", active.len());
        scene.wire.forget();
        for account in &active {
            perform(&scene.connector, Effect::Suspend, Kind::User, Some(&account.key), &[]).await.unwrap();
        }
        assert!(
            !scene.wire.sent().iter().any(|sent| sent.path == "/users" || sent.path.ends_with("/list")),
            "{dialect}"
        );
        let after = pull(&scene.connector).await;
        assert!(after.accounts.values().all(|one| one.state == AccountState::Suspended), "{dialect}");
    }
}

// proves GS-29 (guide, live)
#[tokio::test]
async fn a_429_without_any_header_is_waited_out() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        scene.sandbox.set_faults(vec!["429:app=gainsight,count=2".parse().unwrap()]);
        let before = std::time::Instant::now();
        assert_eq!(pull(&scene.connector).await.coverage, Coverage::Complete, "{dialect}");
        let waited = before.elapsed().as_secs_f64();
        let throttled = scene.sandbox.statistics().of(Gainsight).throttled;
        assert!(waited >= 1.0 && throttled == 2, "{dialect}: {waited} {throttled}");
    }
}

// proves GS-30, GS-41 (guide, live)
#[test]
fn no_event_tells_of_accounts_and_the_product_that_is_covered_is_named() {
    for dialect in DIALECTS {
        let manifest = bare_settings(Gainsight, dialect).manifest;
        let webhooks = manifest.webhooks.as_ref().unwrap();
        assert!(webhooks.accounts.is_empty() && webhooks.note.contains("pulling"), "{dialect}");
        assert!(manifest.covers.contains("Gainsight CS (NXT)"), "{dialect}: {}", manifest.covers);
        assert!(manifest.covers.contains("neither inSided"), "{dialect}: {}", manifest.covers);
    }
}

// proves GS-39 (guide, live)
#[tokio::test]
async fn groups_are_not_written_over_rest() {
    for dialect in DIALECTS {
        let scene = scene(dialect).await;
        let ivan = scene.find(Kind::User, "ivan.sousa").await;
        let groups = [grants("groups", "group", &["EMEA"], &[])];
        let error = perform(&scene.connector, Effect::Grant, Kind::User, Some(&ivan.key), &groups).await.unwrap_err();
        assert!(dialect == "live" || error.text.contains("through SCIM"), "{dialect}: {error}");
        assert!(scene.wire.writes().is_empty(), "{dialect}: {error}");
    }
}

// proves GS-14 (guide)
#[tokio::test]
async fn an_attribute_that_the_tenant_lacks_is_seen_not_to_stick() {
    let scene = scene("guide").await;
    let mut settings = settings(&scene.sandbox, Gainsight);
    let attribute = |name: &str, key: &str| {
        format!("{name} = {{ read = [\"customAttributes.{key}\"], write = \"customAttributes.{key}\" }}\n")
    };
    let more = format!("[kinds.user.fields]\n{}{}", attribute("region", "region"), attribute("team", "teamX"));
    settings.manifest = manifest(&settings.manifest.text.replace("[kinds.user.fields]\n", &more));
    let connector = tenure_connect::Connector::new(settings, secrets(Gainsight)).unwrap();
    let ivan = find_one(&connector, Kind::User, "ivan.sousa@acme.example").await;
    let changes = [field("region", "EMEA"), field("team", "Blue")];
    perform(&connector, Effect::Update, Kind::User, Some(&ivan.key), &changes).await.unwrap();
    let (after, ability) = (read(&connector, &ivan.key).await, connector.abilities().kinds[&Kind::User].clone());
    let stuck: Vec<_> = changes.iter().map(|change| tenure_core::look::holds(change, &after, &ability)).collect();
    assert_eq!((stuck[0], stuck[1] == Some(true)), (Some(true), false), "{after:?}");
}
