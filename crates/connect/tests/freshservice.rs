//! Freshservice's behaviours one by one, over HTTP against the sandbox, in both dialects where both know them.
//! Each test names the fact and the ids that it proves; the truth is asked of the sandbox's world, not of the connector.
//! Its stories of several commands stand in `tests/scenarios`, and the exact requests in the app's tapes.

mod common;

use common::*;
use serde_json::{Value, json};
use tenure_connect::{BudgetSpec, Catalogue, Connector, ErrorKind, Look, LookupBy, PullStart};
use tenure_core::abilities::Effect;
use tenure_core::account::{AccountKey, AccountState, Kind};
use tenure_core::change::{Change, WishedGrant};
use tenure_core::facts::Coverage;
use tenure_core::look::holds;
use tenure_sandbox::{FreshservicePlan, Limits, Options, Plans, Vendor};

const APP: Vendor = Vendor::Freshservice;
const PRIYA: &str = "priya.nair@acme.example";
const FELIX: &str = "felix.braun@acme.example";
const TOM: &str = "tom.baker@acme.example";
const DEREK: &str = "derek.hall@acme.example";
const NEW: &str = "new.joiner@acme.example";

fn requester(email: &str) -> Vec<Change> {
    vec![field("email", email), field("given_name", "New"), field("time_zone", "America/New_York")]
}

fn agent(email: &str) -> Vec<Change> {
    let mut changes = requester(email);
    changes.push(grants("roles", "role", &["IT Agent"], &[]));
    changes
}

async fn priya(tenant: &Tenant) -> AccountKey {
    find_one(&tenant.connector, Kind::Agent, PRIYA).await.key
}

async fn felix(tenant: &Tenant) -> AccountKey {
    find_one(&tenant.connector, Kind::Requester, FELIX).await.key
}

// proves FS-01 (guide, live)
#[test]
fn a_tenant_has_no_address_without_its_domain() {
    fresh::shows_that_it_needs_its_domain(APP, "https://acme.freshservice.com/api/v2");
}

// proves FS-02 (guide, live)
#[tokio::test]
async fn the_key_is_the_name_beside_a_password_that_is_never_empty() {
    fresh::shows_that_the_key_is_the_name(APP, tenure_sandbox::FRESHSERVICE_API_KEY).await;
}

// proves FS-03 (guide, live)
#[tokio::test]
async fn a_refused_key_names_its_page_and_a_weak_one_the_rights_it_lacks() {
    fresh::shows_what_becomes_of_other_keys(APP, tenure_sandbox::FRESHSERVICE_READ_API_KEY, PRIYA, "dedicated agent")
        .await;
}

// proves FS-04, FS-12, FS-27 (guide, live)
#[tokio::test]
async fn a_person_is_looked_for_among_both_sorts_active_and_not() {
    for tenant in both(APP).await {
        let (_, agents) = tenant.ask("GET /agents?per_page=100", tenure_sandbox::FRESHSERVICE_API_KEY, "X").await;
        assert!(agents.starts_with("{\"agents\":[") && !agents.contains(FELIX), "{agents}");
        let (_, asking) = tenant.ask("GET /requesters?per_page=100", tenure_sandbox::FRESHSERVICE_API_KEY, "X").await;
        assert!(asking.starts_with("{\"requesters\":[") && !asking.contains(PRIYA), "{asking}");
        for (email, kind, state) in [
            (PRIYA, Kind::Agent, AccountState::Active),
            (FELIX, Kind::Requester, AccountState::Active),
            (DEREK, Kind::Requester, AccountState::Suspended),
        ] {
            for sought in [Kind::Agent, Kind::Requester] {
                let found = find_one(&tenant.connector, sought, email).await;
                assert_eq!((found.key.kind, found.state), (kind, state), "{} {email}", tenant.dialect);
            }
        }
    }
}

// proves FS-05 (guide, live)
#[tokio::test]
async fn a_write_to_an_agent_touches_no_requester() {
    for tenant in both(APP).await {
        let before = pull(&tenant.connector).await.accounts;
        let priya = priya(&tenant).await;
        let change = [field("title", "Principal Engineer")];
        perform(&tenant.connector, Effect::Update, Kind::Agent, Some(&priya), &change).await.unwrap();
        let mut after = pull(&tenant.connector).await.accounts;
        assert_eq!(after[&priya].fields.text("title"), Some("Principal Engineer"));
        after.insert(priya.clone(), before[&priya].clone());
        assert_eq!(after, before);
    }
}

// proves FS-06 (guide, live)
#[tokio::test]
async fn an_address_is_taken_by_either_sort_in_whatever_state() {
    for tenant in both(APP).await {
        for (kind, changes) in [
            (Kind::Requester, requester(PRIYA)),
            (Kind::Agent, agent(FELIX)),
            (Kind::Agent, agent(DEREK)),
            (Kind::Requester, requester(DEREK)),
        ] {
            let error = perform(&tenant.connector, Effect::Create, kind, None, &changes).await.unwrap_err();
            assert_eq!((error.kind, error.may_have_happened), (ErrorKind::Duplicate, false), "{error}");
            assert!(error.hint.as_deref().unwrap().contains("perhaps a deactivated one"), "{error}");
        }
        assert_eq!(tenant.writes(), 0);
        if tenant.is_live() {
            let second = requester("old.anne-marie.daubigne@acme.example");
            let error = perform(&tenant.connector, Effect::Create, Kind::Requester, None, &second).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Duplicate, "a second address is taken too: {error}");
        }
    }
}

// proves FS-07 (guide, live)
// proves FS-18 (guide)
#[tokio::test]
async fn what_is_not_asked_to_change_stays_as_it_is() {
    for tenant in both(APP).await {
        let world = tenant.sandbox.world();
        let seeing =
            if tenant.is_live() { json!({"can_see_all_tickets_from_associated_departments": true}) } else { json!({}) };
        for email in [PRIYA, FELIX] {
            let mut patch = json!({"custom_fields": {"cost_center": "1200"}, "mobile_phone_number": "+49 170 1"});
            patch.as_object_mut().unwrap().extend(seeing.as_object().unwrap().clone());
            assert!(world.change(APP, email, &patch));
            let before = tenant.truth(email);
            let account = find_one(&tenant.connector, Kind::Agent, email).await;
            let change = [field("title", "Something Else")];
            perform(&tenant.connector, Effect::Update, account.key.kind, Some(&account.key), &change).await.unwrap();
            let after = tenant.truth(email);
            for (key, value) in before.as_object().unwrap() {
                match key.as_str() {
                    "job_title" => assert_eq!(after[key], "Something Else"),
                    "updated_at" => {}
                    _ => assert_eq!(&after[key], value, "{} {email} {key}", tenant.dialect),
                }
            }
            assert!(before["location_id"].is_number() && before["department_ids"].is_array());
            let read = read(&tenant.connector, &account.key).await;
            assert_eq!(read.fields.text("given_name"), before["first_name"].as_str());
            assert_eq!(read.fields.text("family_name"), before["last_name"].as_str());
            assert_eq!(read.fields.text("mobile"), Some("+49 170 1"));
            assert_eq!(read.fields.text("locale"), before["language"].as_str());
        }
    }
}

// proves FS-08, FS-10, FS-23, FS-43 (guide, live)
#[tokio::test]
async fn a_joiner_is_a_requester_who_needs_a_first_name_and_an_address() {
    for tenant in both(APP).await {
        assert_eq!(tenant.connector.abilities().default_kind, Kind::Requester);
        assert!(!tenant.connector.abilities().kinds[&Kind::Requester].takes_seat);
        for (at, name) in [(0, "email"), (1, "given_name")] {
            let mut changes = requester(NEW);
            changes.remove(at);
            let error = perform(&tenant.connector, Effect::Create, Kind::Requester, None, &changes).await.unwrap_err();
            assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Validation, Some(name)), "{error}");
        }
        assert_eq!(tenant.writes(), 0);
        tenant.sandbox.world().set_seats(APP, 1);
        let mut changes = requester(NEW);
        changes.push(grants("departments", "department", &["Finance"], &[]));
        changes.push(field("title", "Analyst"));
        let made = perform(&tenant.connector, Effect::Create, Kind::Requester, None, &changes).await.unwrap();
        let account = read(&tenant.connector, &made.account).await;
        assert_eq!((account.state, account.login.as_deref()), (AccountState::Active, Some(NEW)));
        assert_eq!(held(&account, "department"), ["Finance"]);
        let truth = tenant.truth(NEW);
        assert_eq!((&truth["time_zone"], &truth["last_name"]), (&json!("Eastern Time (US & Canada)"), &Value::Null));
        assert_eq!(account.fields.text("time_zone"), Some("America/New_York"));
    }
}

// proves FS-09, FS-11, FS-22 (guide, live)
#[tokio::test]
async fn what_is_not_to_be_set_on_a_sort_is_refused_before_anything_is_sent() {
    for tenant in both(APP).await {
        let (priya, felix) = (priya(&tenant).await, felix(&tenant).await);
        for (key, change) in [
            (&felix, field("occasional", true)),
            (&felix, grants("roles", "role", &["IT Agent"], &[])),
            (&felix, grants("groups", "group", &["Hardware"], &[])),
            (&priya, field("vip", true)),
            (&priya, field("manager", "1")),
            (&priya, field("id", 7)),
            (&priya, field("created_at", "2026-01-01T00:00:00Z")),
            (&priya, field("updated_at", "2026-01-01T00:00:00Z")),
            (&priya, field("active", false)),
            (&felix, field("active", false)),
        ] {
            let change = [change];
            let error = perform(&tenant.connector, Effect::Update, key.kind, Some(key), &change).await.unwrap_err();
            assert_eq!(error.status, None, "{change:?} got as far as the app: {error}");
        }
        assert_eq!(tenant.writes(), 0);
        let changes = [field("vip", true), field("manager", priya.id.as_str())];
        perform(&tenant.connector, Effect::Update, Kind::Requester, Some(&felix), &changes).await.unwrap();
        let truth = tenant.truth(FELIX);
        assert_eq!(truth["vip_user"], true);
        assert_eq!(truth["reporting_manager_id"].to_string(), priya.id.as_str());
    }
}

// proves FS-13 (guide, live)
#[tokio::test]
async fn an_inventory_asks_for_the_active_and_for_the_inactive() {
    for tenant in [tenant(APP, "guide", 230).await, tenant(APP, "live", 230).await] {
        let pulled = pull(&tenant.connector).await;
        assert_eq!(pulled.given, pulled.accounts.len(), "nobody comes twice");
        let truth = tenant.sandbox.world().list(APP);
        assert_eq!(pulled.accounts.len(), truth.len());
        let suspended = truth.iter().filter(|one| one["sandbox"]["state"] == "suspended").count();
        let found = pulled.accounts.values().filter(|account| account.state == AccountState::Suspended).count();
        assert!(suspended > 0);
        assert_eq!(found, suspended);
    }
}

// proves FS-14 (guide)
#[tokio::test]
async fn a_list_of_whole_pages_ends_quietly() {
    for dialect in ["guide", "live"] {
        let tenant = tenant(APP, dialect, 450).await;
        let world = tenant.sandbox.world();
        let active = |one: &Value| one["sandbox"]["kind"] == "requester" && one["sandbox"]["state"] == "active";
        let active: Vec<_> = world.list(APP).into_iter().filter(active).collect();
        assert!(active.len() > 200, "{} active requesters", active.len());
        for one in &active[200..] {
            assert!(world.purge(APP, one["sandbox"]["email"].as_str().unwrap()));
        }
        let pulled = pull(&tenant.connector).await;
        assert_eq!(pulled.coverage, Coverage::Complete, "{:?}", pulled.because);
        let found = pulled.accounts.values().filter(|account| account.key.kind == Kind::Requester);
        assert_eq!(found.filter(|account| account.state == AccountState::Active).count(), 200, "{dialect}");
    }
}

// proves FS-15, FS-16, FS-17 (guide, live)
#[tokio::test]
async fn an_agent_is_made_with_a_role_in_a_scope_and_takes_a_seat() {
    for tenant in both(APP).await {
        let error = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &requester(NEW)).await.unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Validation, Some("roles")), "{error}");
        tenant.sandbox.world().set_seats(APP, 1);
        let error = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &agent(NEW)).await.unwrap_err();
        assert_eq!((error.kind, error.may_have_happened), (ErrorKind::SeatLimit, false), "{error}");
        assert_eq!(tenant.writes(), 0);
        tenant.sandbox.world().set_seats(APP, 1000);
        let (taken, _) = tenant.sandbox.world().seats(APP).unwrap();
        let made = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &agent(NEW)).await.unwrap();
        assert_eq!(tenant.sandbox.world().seats(APP).unwrap().0, taken + 1);
        let role = &tenant.truth(NEW)["roles"][0];
        assert_eq!((&role["role_id"], &role["assignment_scope"]), (&json!(2102), &json!("entire_helpdesk")));
        assert_eq!(held(&read(&tenant.connector, &made.account).await, "role"), ["IT Agent"]);
        let wrong = [grants("roles", "role", &["IT Supervisor@everywhere"], &[])];
        let error =
            perform(&tenant.connector, Effect::Grant, Kind::Agent, Some(&made.account), &wrong).await.unwrap_err();
        assert_eq!((error.kind, error.status), (ErrorKind::Validation, None), "{error}");
    }
}

// proves FS-15 (live)
#[tokio::test]
async fn a_role_of_certain_groups_keeps_them_when_another_is_granted() {
    let tenant = tenant(APP, "live", 40).await;
    let held = json!({"role_id": 2102, "assignment_scope": "specified_groups", "groups": [2200]});
    assert!(tenant.sandbox.world().change(APP, PRIYA, &json!({"roles": [held]})));
    let more = [grants("roles", "role", &["IT Supervisor"], &[])];
    perform(&tenant.connector, Effect::Grant, Kind::Agent, Some(&priya(&tenant).await), &more).await.unwrap();
    let roles = tenant.truth(PRIYA)["roles"].clone();
    assert_eq!((&roles[0], &roles[1]["role_id"]), (&held, &json!(2101)), "{roles}");
    let bounds = [grants("roles", "role", &["IT Agent@assigned_items"], &["IT Agent@specified_groups"])];
    perform(&tenant.connector, Effect::Grant, Kind::Agent, Some(&priya(&tenant).await), &bounds).await.unwrap();
    let roles = tenant.truth(PRIYA)["roles"].clone();
    let is_narrower = |role: &Value| role["role_id"] == 2102 && role["assignment_scope"] == "assigned_items";
    assert!(roles.as_array().unwrap().iter().any(is_narrower), "replaced, and without the groups of before: {roles}");
    assert_eq!(roles.as_array().unwrap().len(), 2);
}

// proves FS-19 (guide, live)
#[tokio::test]
async fn under_sso_a_change_of_address_is_answered_well_and_seen_not_to_hold() {
    for tenant in both(APP).await {
        let change = field("email", "felix.brown@acme.example");
        let felix = felix(&tenant).await;
        let ability = tenant.connector.abilities().kinds[&Kind::Requester].clone();
        for (sso, stuck) in [(true, false), (false, true)] {
            tenant.sandbox.world().set_freshservice_sso(sso);
            let asked = std::slice::from_ref(&change);
            perform(&tenant.connector, Effect::Update, Kind::Requester, Some(&felix), asked).await.unwrap();
            let after = read(&tenant.connector, &felix).await;
            assert_eq!(holds(&change, &after, &ability), Some(stuck), "{} sso {sso}", tenant.dialect);
        }
    }
}

// proves FS-20, FS-22, FS-24, FS-28, FS-29 (guide, live)
#[tokio::test]
async fn whoever_is_put_out_keeps_the_record_and_comes_back_under_it() {
    for tenant in both(APP).await {
        for (kind, email) in [(Kind::Agent, PRIYA), (Kind::Requester, TOM)] {
            let before = find_one(&tenant.connector, kind, email).await;
            perform(&tenant.connector, Effect::Suspend, kind, Some(&before.key), &[]).await.unwrap();
            assert_eq!(read(&tenant.connector, &before.key).await.state, AccountState::Suspended);
            assert_eq!(tenant.truth(email)["active"], false);
            let changes = if kind == Kind::Agent { agent(email) } else { requester(email) };
            let error = perform(&tenant.connector, Effect::Create, kind, None, &changes).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Duplicate, "the address stays reserved: {error}");
            let back = perform(&tenant.connector, Effect::Resume, kind, Some(&before.key), &[]).await.unwrap();
            assert_eq!(back.account, before.key);
            let after = read(&tenant.connector, &before.key).await;
            assert_eq!((after.state, &after.grants), (AccountState::Active, &before.grants));
            assert_eq!(tenant.sandbox.world().count(APP, email), 1);
            let error = perform(&tenant.connector, Effect::Delete, kind, Some(&before.key), &[]).await.unwrap_err();
            assert!(error.kind == ErrorKind::Unsupported && error.text.contains("never called"), "{error}");
        }
        assert_eq!(tenant.sandbox.statistics().of(APP).forgets, 0);
    }
}

// proves FS-21 (guide, live)
#[tokio::test]
async fn a_leaver_whom_the_app_has_purged_is_out() {
    for tenant in both(APP).await {
        let priya = priya(&tenant).await;
        assert!(tenant.sandbox.world().purge(APP, PRIYA));
        perform(&tenant.connector, Effect::Suspend, Kind::Agent, Some(&priya), &[]).await.unwrap();
        assert_eq!(tenant.connector.read(&priya).await, Look::Absent);
    }
}

// proves FS-25, FS-26 (guide, live)
#[tokio::test]
async fn a_conversion_that_broke_off_is_finished_with_its_roles() {
    for tenant in both(APP).await {
        let felix = felix(&tenant).await;
        tenant.connector.references().await.unwrap();
        // The plan asks for it, since the app would choose otherwise (the manifest's `fallback`).
        let changes = [field("occasional", false), grants("roles", "role", &["IT Supervisor"], &[])];
        tenant.sandbox.set_faults(vec!["500:method=PUT,path=/agents".parse().unwrap()]);
        let error = perform(&tenant.connector, Effect::Convert, Kind::Agent, Some(&felix), &changes).await.unwrap_err();
        assert!(error.may_have_happened, "{error}");
        tenant.sandbox.set_faults(Vec::new());
        let half = find_one(&tenant.connector, Kind::Agent, FELIX).await;
        assert_eq!((half.key.kind, half.key.id.as_str()), (Kind::Agent, felix.id.as_str()));
        assert!(!held(&half, "role").contains(&"IT Supervisor".to_owned()), "a paid agent without the role");
        let whole = perform(&tenant.connector, Effect::Convert, Kind::Agent, Some(&felix), &changes).await.unwrap();
        let account = read(&tenant.connector, &whole.account).await;
        assert!(held(&account, "role").contains(&"IT Supervisor".to_owned()), "{account:?}");
        assert_eq!(tenant.truth(FELIX)["occasional"], false, "{}", tenant.dialect);
        assert_eq!(tenant.sandbox.world().count(APP, FELIX), 1);
    }
}

// proves FS-32, FS-33 (guide, live)
#[tokio::test]
async fn what_changed_comes_with_those_who_were_deactivated() {
    for tenant in both(APP).await {
        assert!(tenant.connector.tells_changes());
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let since_ms = jiff::Timestamp::now().as_millisecond();
        assert!(tenant.sandbox.world().change(APP, TOM, &json!({"active": false})));
        assert!(tenant.sandbox.world().change(APP, PRIYA, &json!({"job_title": "Boss"})));
        let changed =
            pull_from(&tenant.connector, PullStart { since_ms: Some(since_ms), ..PullStart::default() }).await;
        assert_eq!(changed.coverage, Coverage::Complete);
        let mut logins: Vec<_> = changed.accounts.values().map(|one| one.login.as_deref().unwrap()).collect();
        logins.sort_unstable();
        assert_eq!(logins, [PRIYA, TOM], "{}", tenant.dialect);
    }
}

// proves FS-36 (guide, live)
#[test]
fn the_plan_chooses_the_budget() {
    for dialect in ["guide", "live"] {
        for (plan, per_minute) in [("starter", 50.0), ("growth", 100.0), ("Pro", 200.0), ("enterprise", 400.0)] {
            let mut settings = bare_settings(APP, dialect);
            settings.plan = Some(plan.into());
            settings.parameters.insert("domain".into(), "acme".into());
            settings.check().unwrap();
            let limits = settings.rate_limits();
            assert!((limits.per_second().unwrap() * 60.0 - per_minute).abs() < 0.001, "{dialect} {plan}");
            assert_eq!(limits.sub.len(), if dialect == "live" { 2 } else { 0 }, "lists have budgets of their own");
        }
    }
}

// proves FS-37 (guide, live)
#[tokio::test]
async fn the_headers_are_believed_over_the_table_of_plans() {
    for (dialect, word) in [("guide", tenure_sandbox::Dialect::Guide), ("live", tenure_sandbox::Dialect::Live)] {
        let plans = Plans { freshservice: FreshservicePlan::Growth, ..Plans::default() };
        let dialects = tenure_sandbox::Dialects::default().with(APP, word);
        let options = Options { limits: Limits::Published(plans), dialects, ..Options::default() };
        let sandbox = tenure_sandbox::start(options).await.unwrap();
        let mut settings = settings(&sandbox, APP).speaking(dialect).unwrap();
        (settings.limits, settings.plan) = (None::<BudgetSpec>, Some("enterprise".into()));
        let connector = Connector::new(settings, secrets(APP)).unwrap();
        let rate = |connector: &Connector| connector.statistics().per_second.unwrap() * 60.0;
        assert!((rate(&connector) - 400.0).abs() < 0.001);
        assert_eq!(pull(&connector).await.coverage, Coverage::Complete);
        assert!(rate(&connector) < 300.0, "{dialect}: {}", rate(&connector));
        assert_eq!(sandbox.statistics().of(APP).throttled, 0);
    }
}

// proves FS-38 (guide, live)
#[tokio::test]
async fn events_are_built_by_hand_so_a_pull_finds_what_changed() {
    for tenant in both(APP).await {
        let catalogue = Catalogue::load(&[]).unwrap();
        let manifest = catalogue.get("freshservice").unwrap().manifest.spoken(tenant.dialect).unwrap();
        let webhooks = manifest.webhooks.as_ref().unwrap();
        assert_eq!(webhooks.accounts, ["agent.created", "agent.updated", "requester.created", "requester.updated"]);
        assert!(webhooks.note.contains("administrator") && webhooks.note.contains("pulling"));
        let priya = priya(&tenant).await;
        assert!(tenant.sandbox.world().change(APP, PRIYA, &json!({"active": false})));
        assert_eq!(pull(&tenant.connector).await.accounts[&priya].state, AccountState::Suspended);
    }
}

// proves FS-27 (live)
#[tokio::test]
async fn a_look_up_right_after_a_write_does_not_wait_for_the_index() {
    let tenant = tenant(APP, "live", 40).await;
    let lag = tenure_sandbox::Habit::IndexLag(std::time::Duration::from_secs(600));
    tenant.sandbox.world().set_habit(APP, lag);
    let made = perform(&tenant.connector, Effect::Create, Kind::Requester, None, &requester(NEW)).await.unwrap();
    assert_eq!(find_one(&tenant.connector, Kind::Agent, NEW).await.key, made.account);
    assert_eq!(tenant.connector.find(Kind::Agent, LookupBy::Email("nobody@acme.example")).await, Look::Absent);
}

#[tokio::test]
async fn the_keys_own_account_is_told_where_the_app_tells_it() {
    for tenant in both(APP).await {
        let own = tenant.connector.whoami().await.unwrap();
        assert_eq!(own.as_deref(), tenant.is_live().then_some(tenure_sandbox::OWNER_EMAIL), "{}", tenant.dialect);
        let lines = tenant.connector.check().await;
        let line = lines.iter().find(|line| line.what == "the credential's own account").unwrap();
        let said = if tenant.is_live() { "owner@acme.example, which is never changed" } else { "`protected`" };
        assert!(line.says.contains(said), "{}", line.says);
    }
}

// proves FS-30, FS-31 (guide, live)
#[tokio::test]
async fn the_tenants_own_fields_are_mapped_by_its_own_manifest_and_go_with_a_put() {
    for tenant in both(APP).await {
        let heading = "[kinds.requester.fields]";
        let line = r#"cost_center = { read = ["custom_fields.cost_center"], write = "custom_fields.cost_center" }"#;
        let (own, felix) = (tailored(&tenant, heading, line), felix(&tenant).await);
        let change = [field("cost_center", "1200")];
        // The imitation knows no PATCH.
        perform(&own, Effect::Update, Kind::Requester, Some(&felix), &change).await.unwrap();
        assert_eq!(tenant.truth(FELIX)["custom_fields"]["cost_center"], "1200");
        assert_eq!(read(&own, &felix).await.fields.text("cost_center"), Some("1200"));
        let error =
            perform(&tenant.connector, Effect::Update, Kind::Requester, Some(&felix), &change).await.unwrap_err();
        assert_eq!(error.status, None, "another tenant's manifest does not have it: {error}");
        let line = r#"planet = { read = ["custom_fields.planet"], write = "custom_fields.planet" }"#;
        let own = tailored(&tenant, heading, line);
        let change = [field("planet", "Mars")];
        let error = perform(&own, Effect::Update, Kind::Requester, Some(&felix), &change).await.unwrap_err();
        assert_eq!((error.kind, error.may_have_happened), (ErrorKind::Validation, false), "{error}");
        assert!(error.hint.as_deref().unwrap().contains("admin pages"), "{error}");
    }
}

// proves FS-16 (guide)
#[tokio::test]
async fn a_role_whose_scope_the_app_does_not_tell_is_never_given_another() {
    // The guide's record shows ids only, and a set of roles is written whole.
    let told = |sent: &wire::Sent| {
        let agent = json!({"agent": {"id": 7, "active": true, "role_ids": [9001, 9002]}});
        sent.path.ends_with("/agents/7").then_some((200, agent))
    };
    let scene = Scene::refusing(APP, "guide", told).await;
    let key = AccountKey::new(&"freshservice".into(), Kind::Agent, "7");
    let mut change = grants("roles", "role", &["IT Agent@member_groups"], &[]);
    let error = perform(&scene.connector, Effect::Grant, Kind::Agent, Some(&key), &[change.clone()]).await.unwrap_err();
    assert!(error.kind == ErrorKind::Validation && error.text.contains("in which scope 9001 is held"), "{error}");
    assert!(scene.wire.writes().is_empty());
    let asked = change.entitlement.as_mut().unwrap();
    let keep = |name: &str| WishedGrant { name: name.into(), scope: Some("assigned_items".into()), privileged: false };
    asked.keep = vec![keep("9001"), keep("9002")];
    perform(&scene.connector, Effect::Grant, Kind::Agent, Some(&key), &[change]).await.unwrap();
    let roles = scene.wire.writes()[0].body["roles"].as_array().unwrap().clone();
    let scopes: Vec<&Value> = roles.iter().map(|role| &role["assignment_scope"]).collect();
    assert_eq!(scopes, ["assigned_items", "assigned_items", "member_groups"], "{roles:?}");
}

// proves FS-29 (live)
#[tokio::test]
async fn a_lost_answer_to_a_reactivation_is_looked_into_and_not_asked_again() {
    for (kind, email) in [(Kind::Agent, PRIYA), (Kind::Requester, FELIX)] {
        let scene = Scene::of(APP, "live", 40).await;
        let key = find_one(&scene.connector, kind, email).await.key;
        perform(&scene.connector, Effect::Suspend, kind, Some(&key), &[]).await.unwrap();
        scene.wire.forget();
        scene.sandbox.set_faults(vec!["cut-after:app=freshservice,method=PUT,count=1".parse().unwrap()]);
        let error = perform(&scene.connector, Effect::Resume, kind, Some(&key), &[]).await.unwrap_err();
        assert!(error.may_have_happened, "{error}");
        let sent: Vec<String> = scene.wire.writes().into_iter().map(|sent| sent.path).collect();
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert_eq!(read(&scene.connector, &key).await.state, AccountState::Active);
    }
}

// The Link header leads on.
