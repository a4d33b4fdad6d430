//! Freshdesk's behaviours one by one, over HTTP against the sandbox, in both dialects where both know them.
//! Each test names the fact and the ids that it proves; the truth is asked of the sandbox's world, not of the connector.
//! Its stories of several commands stand in `tests/scenarios`, and the exact requests in the app's tapes.

mod common;

use common::*;
use serde_json::json;
use tenure_connect::{BudgetSpec, Catalogue, Connector, ErrorKind, Look, LookupBy, Memory, PullStart};
use tenure_core::abilities::Effect;
use tenure_core::account::{AccountKey, AccountState, Kind};
use tenure_core::change::Change;
use tenure_core::facts::Coverage;
use tenure_sandbox::{FreshdeskPlan, Habit, Limits, Options, Plans, Vendor};

const APP: Vendor = Vendor::Freshdesk;
const JANE: &str = "jane.doe@acme.example";
const DEREK: &str = "derek.hall@acme.example";
const TOM: &str = "tom.baker@acme.example";
const BOB: &str = "bob@customer.example";
const NEW: &str = "new.joiner@acme.example";

fn joiner(email: &str) -> Vec<Change> {
    vec![
        field("email", email),
        field("name", "New Joiner"),
        field("ticket_scope", "group"),
        grants("roles", "role", &["Agent"], &[]),
        grants("groups", "group", &["Billing"], &[]),
    ]
}

async fn jane(tenant: &Tenant) -> AccountKey {
    find_one(&tenant.connector, Kind::Agent, JANE).await.key
}

// proves FD-01 (guide, live)
#[test]
fn a_tenant_has_no_address_without_its_domain() {
    fresh::shows_that_it_needs_its_domain(APP, "https://acme.freshdesk.com/api/v2");
}

// proves FD-02 (guide, live)
#[tokio::test]
async fn the_key_is_the_name_beside_a_password_that_is_never_empty() {
    fresh::shows_that_the_key_is_the_name(APP, tenure_sandbox::FRESHDESK_API_KEY).await;
}

// proves FD-03 (guide, live)
#[tokio::test]
async fn a_refused_key_names_its_page_and_a_weak_one_the_rights_it_lacks() {
    fresh::shows_what_becomes_of_other_keys(
        APP,
        tenure_sandbox::FRESHDESK_READ_API_KEY,
        JANE,
        "the API key's agent is an administrator",
    )
    .await;
}

// proves FD-04 (guide, live)
#[tokio::test]
async fn agents_and_contacts_are_records_of_two_sorts() {
    for tenant in both(APP).await {
        assert_eq!(tenant.connector.listed_kinds(), [Kind::Agent]);
        let contact = find_one(&tenant.connector, Kind::Contact, BOB).await;
        assert_eq!((contact.key.kind, contact.name.as_deref()), (Kind::Contact, Some("Bob Jones")));
        let as_agent = AccountKey::new(&"freshdesk".into(), Kind::Agent, contact.key.id.as_str());
        assert_eq!(tenant.connector.read(&as_agent).await, Look::Absent);
        assert_eq!(tenant.connector.find(Kind::Agent, LookupBy::Email(BOB)).await, Look::Absent);
        assert!(pull(&tenant.connector).await.accounts.values().all(|account| account.key.kind == Kind::Agent));
    }
}

// proves FD-05, FD-06, FD-07, FD-08, FD-09, FD-11 (guide, live)
#[tokio::test]
async fn what_is_not_to_be_set_on_an_agent_is_refused_before_anything_is_sent() {
    for tenant in both(APP).await {
        let jane = jane(&tenant).await;
        for (name, value) in [
            ("tags", json!(["vip"])),
            ("company_id", json!(5)),
            ("active", json!(true)),
            ("id", json!(7)),
            ("created_at", json!("2026-01-01T00:00:00Z")),
            ("updated_at", json!("2026-01-01T00:00:00Z")),
            ("avatar", json!("face.png")),
            ("available", json!(false)),
            ("ticket_scope", json!("everything")),
            ("ticket_scope", json!(4)),
            ("agent_type", json!("robot")),
        ] {
            let changes = [field(name, value.clone())];
            let before = tenant.sandbox.statistics().of(APP).writes;
            let error =
                perform(&tenant.connector, Effect::Update, Kind::Agent, Some(&jane), &changes).await.unwrap_err();
            assert!(!error.may_have_happened, "{name}: {error}");
            assert_eq!(error.status, None, "{name} = {value} got as far as the app: {error}");
            assert_eq!(tenant.writes(), before, "{name}");
        }
    }
}

// proves FD-06, FD-07 (guide, live)
#[tokio::test]
async fn scope_and_type_are_written_as_the_app_numbers_them() {
    for tenant in both(APP).await {
        let mut changes = joiner(NEW);
        changes.push(field("agent_type", "field_agent"));
        perform(&tenant.connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap();
        let truth = tenant.truth(NEW);
        assert_eq!((&truth["ticket_scope"], &truth["type"]), (&json!(2), &json!("field_agent")), "{}", tenant.dialect);
        let made = find_one(&tenant.connector, Kind::Agent, NEW).await;
        assert_eq!(made.fields.text("ticket_scope"), Some("group"));
        assert_eq!(made.fields.text("agent_type"), Some("field_agent"));
    }
}

// proves FD-10 (guide, live)
#[tokio::test]
async fn an_agent_is_never_made_with_the_role_that_the_app_would_choose() {
    for tenant in both(APP).await {
        let changes = [field("email", NEW), field("name", "New Joiner"), field("ticket_scope", "group")];
        let error = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Validation, Some("roles")), "{error}");
        assert_eq!(tenant.writes(), 0);
        let mut changes = joiner(NEW);
        changes[3] = grants("roles", "role", &["Supervisor"], &[]);
        perform(&tenant.connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap();
        assert_eq!(tenant.truth(NEW)["role_ids"], json!([6102]));
    }
}

// proves FD-13 (guide)
#[tokio::test]
async fn the_contact_inside_an_agent_is_read_and_never_sent() {
    let tenant = tenant(APP, "guide", 40).await;
    let jane = jane(&tenant).await;
    let changes = [field("name", "Jane Smith")];
    // The imitation refuses a body with `contact` in it.
    perform(&tenant.connector, Effect::Update, Kind::Agent, Some(&jane), &changes).await.unwrap();
    let truth = tenant.truth(JANE);
    assert_eq!((&truth["name"], &truth["contact"]["name"]), (&json!("Jane Smith"), &json!("Jane Smith")));
}

// proves FD-13 (live)
#[tokio::test]
async fn the_person_is_read_out_of_the_contact_where_only_the_contact_has_them() {
    let tenant = tenant(APP, "live", 40).await;
    let truth = tenant.truth(JANE);
    assert!(truth.get("email").is_none() && truth["contact"]["email"] == JANE, "{truth}");
    let account = find_one(&tenant.connector, Kind::Agent, JANE).await;
    assert_eq!(account.login.as_deref(), Some(JANE));
    assert_eq!(account.fields.text("title"), truth["contact"]["job_title"].as_str());
    assert_eq!(account.state, AccountState::Active);
    let numbered =
        tenant.sandbox.world().list(APP).into_iter().find(|one| one["contact"]["phone"].is_number()).unwrap();
    let email = numbered["contact"]["email"].as_str().unwrap();
    let account = find_one(&tenant.connector, Kind::Agent, email).await;
    assert_eq!(account.fields.text("phone"), Some(&*numbered["contact"]["phone"].to_string()));
}

// proves FD-14, FD-15 (guide)
#[tokio::test]
async fn an_inventory_is_two_passes_over_bare_lists() {
    let tenant = tenant(APP, "guide", 230).await;
    let (status, body) = tenant.ask("GET /agents?per_page=100", tenure_sandbox::FRESHDESK_API_KEY, "X").await;
    assert!(status == 200 && body.starts_with('['), "{body}");
    assert!(!body.contains(DEREK), "the list leaves out who is not active");
    let pulled = pull(&tenant.connector).await;
    let state = |email: &str| {
        let account = pulled.accounts.values().find(|account| account.login.as_deref() == Some(email));
        account.map(|account| account.state)
    };
    assert_eq!(state(DEREK), Some(AccountState::Suspended));
    assert_eq!(state(JANE), Some(AccountState::Active));
    assert_eq!(pulled.given, pulled.accounts.len(), "nobody comes twice");
}

// proves FD-14 (live)
#[tokio::test]
async fn rows_that_lack_their_ids_are_read_one_by_one() {
    let tenant = tenant(APP, "live", 230).await;
    let (_, body) = tenant.ask("GET /agents?per_page=100", tenure_sandbox::FRESHDESK_API_KEY, "X").await;
    assert!(body.starts_with('['));
    tenant.sandbox.world().set_habit(APP, Habit::RowsWhole);
    let whole = pull(&tenant.connector).await;
    tenant.sandbox.world().set_habit(APP, Habit::RowsBare);
    let thin = pull(&tenant.connector).await;
    assert_eq!(thin.accounts, whole.accounts);
}

// proves FD-18, FD-19 (guide)
// proves FD-19 (live)
#[tokio::test]
async fn a_list_of_whole_pages_ends_quietly() {
    for dialect in ["guide", "live"] {
        let tenant = tenant(APP, dialect, 1200).await;
        let world = tenant.sandbox.world();
        world.set_habit(APP, Habit::RowsWhole);
        let active: Vec<_> = world
            .list(APP)
            .into_iter()
            .filter(|one| one["sandbox"]["kind"] == "agent" && one["sandbox"]["state"] == "active")
            .collect();
        assert!(active.len() > 200, "{dialect}: {} active agents", active.len());
        for one in &active[200..] {
            assert!(world.purge(APP, one["sandbox"]["email"].as_str().unwrap()));
        }
        tenant.connector.references().await.unwrap();
        let before = tenant.connector.statistics();
        let pulled = pull(&tenant.connector).await;
        assert_eq!(pulled.coverage, Coverage::Complete, "{:?}", pulled.because);
        let found = pulled.accounts.values().filter(|account| account.state == AccountState::Active).count();
        assert_eq!(found, 200, "{dialect}");
        let asked = tenant.connector.statistics().since(&before).requests;
        // Two lists of roles and groups, two whole pages and an empty one, and the pass over the inactive.
        assert!(asked <= 8, "{dialect}: {asked} requests");
    }
}

// proves FD-20 (guide, live)
#[tokio::test]
async fn an_id_that_is_not_here_is_absence_and_an_empty_one_is_never_sent() {
    for tenant in both(APP).await {
        let key = |id: &str| AccountKey::new(&"freshdesk".into(), Kind::Agent, id);
        assert_eq!(tenant.connector.read(&key("999999")).await, Look::Absent);
        let asked = tenant.sandbox.statistics().of(APP).requests;
        for id in ["", "0"] {
            assert!(matches!(tenant.connector.read(&key(id)).await, Look::CouldNotLook(_)), "{id:?}");
        }
        assert_eq!(tenant.sandbox.statistics().of(APP).requests, asked);
    }
}

// proves FD-21 (guide, live)
#[tokio::test]
async fn an_agent_without_a_name_or_an_address_is_refused_here() {
    for tenant in both(APP).await {
        for (at, name) in [(0, "email"), (1, "name")] {
            let mut changes = joiner(NEW);
            changes.remove(at);
            let error = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap_err();
            assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Validation, Some(name)), "{error}");
        }
        assert_eq!(tenant.writes(), 0);
    }
}

// proves FD-16, FD-17, FD-24 (guide)
// proves FD-17, FD-24 (live)
#[tokio::test]
async fn whoever_has_not_confirmed_is_found_as_invited_and_not_made_again() {
    for tenant in both(APP).await {
        let made = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &joiner(NEW)).await.unwrap();
        let found = find_one(&tenant.connector, Kind::Agent, NEW).await;
        assert_eq!((&found.key, found.state), (&made.account, AccountState::Invited), "{}", tenant.dialect);
        if !tenant.is_live() {
            let request = format!("GET /agents?email={NEW}");
            let listed = tenant.ask(&request, tenure_sandbox::FRESHDESK_API_KEY, "X").await;
            assert_eq!(listed, (200, "[]".into()), "the list of the active does not know them");
        }
        let again = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &joiner(NEW)).await.unwrap_err();
        assert_eq!((again.kind, again.may_have_happened), (ErrorKind::Duplicate, false), "{again}");
        assert_eq!(tenant.sandbox.world().count(APP, NEW), 1);
        assert!(tenant.sandbox.world().confirm(APP, NEW));
        assert_eq!(read(&tenant.connector, &made.account).await.state, AccountState::Active);
    }
}

// proves FD-17 (guide)
#[tokio::test]
async fn an_inactive_agent_is_what_we_remember_of_them() {
    let tenant = tenant(APP, "guide", 40).await;
    let derek = find_one(&tenant.connector, Kind::Agent, DEREK).await;
    assert_eq!(derek.state, AccountState::Suspended);
    tenant.connector.remember([(derek.key.clone(), Memory::Made)]);
    assert_eq!(read(&tenant.connector, &derek.key).await.state, AccountState::Invited);
    tenant.connector.remember([(derek.key.clone(), Memory::WasActive)]);
    assert_eq!(read(&tenant.connector, &derek.key).await.state, AccountState::Suspended);
}

#[tokio::test]
async fn a_seat_that_is_not_there_is_told_from_a_right_that_is_not() {
    for tenant in both(APP).await {
        tenant.sandbox.world().set_seats(APP, 1);
        let asked = tenant.sandbox.statistics().of(APP);
        let error = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &joiner(NEW)).await.unwrap_err();
        let status = if tenant.is_live() { 403 } else { 400 };
        assert_eq!((error.kind, error.status), (ErrorKind::SeatLimit, Some(status)), "{error}");
        assert!(!error.may_have_happened);
        assert_eq!(tenant.sandbox.world().count(APP, NEW), 0);
        // References, a look for the contact, and one POST that was not repeated.
        assert!(tenant.sandbox.statistics().of(APP).requests - asked.requests <= 4);
        let reader = tenant.with_secret("api_key", tenure_sandbox::FRESHDESK_READ_API_KEY);
        let error = perform(&reader, Effect::Create, Kind::Agent, None, &joiner(NEW)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Scope, "{error}");
    }
}

// proves FD-25 (guide, live)
#[tokio::test]
async fn a_put_changes_what_is_sent_and_nothing_else() {
    for tenant in both(APP).await {
        let before = tenant.truth(JANE);
        let changes = [field("ticket_scope", "restricted")];
        let jane = jane(&tenant).await;
        perform(&tenant.connector, Effect::Update, Kind::Agent, Some(&jane), &changes).await.unwrap();
        let after = tenant.truth(JANE);
        for (key, value) in before.as_object().unwrap() {
            match key.as_str() {
                "ticket_scope" => assert_eq!(after[key], 3),
                "updated_at" => {}
                _ => assert_eq!(&after[key], value, "{key}"),
            }
        }
    }
}

// proves FD-26 (guide)
#[tokio::test]
async fn an_address_is_never_sent_with_a_change() {
    let tenant = tenant(APP, "guide", 40).await;
    let jane = jane(&tenant).await;
    let rename = [field("email", "jane.smith@acme.example")];
    let error = perform(&tenant.connector, Effect::Update, Kind::Agent, Some(&jane), &rename).await.unwrap_err();
    assert_eq!((error.kind, error.field.as_deref(), error.status), (ErrorKind::Unsupported, Some("email"), None));
    assert_eq!(tenant.writes(), 0);
}

#[tokio::test]
async fn an_address_can_be_changed_where_a_name_cannot() {
    let tenant = tenant(APP, "live", 40).await;
    let jane = jane(&tenant).await;
    let rename = [field("email", "jane.smith@acme.example")];
    perform(&tenant.connector, Effect::Update, Kind::Agent, Some(&jane), &rename).await.unwrap();
    assert_eq!(read(&tenant.connector, &jane).await.login.as_deref(), Some("jane.smith@acme.example"));
    for (name, value) in [("name", "Jane Smith"), ("title", "Boss"), ("phone", "1"), ("mobile", "2")] {
        let writes = tenant.writes();
        let change = [field(name, value)];
        let error = perform(&tenant.connector, Effect::Update, Kind::Agent, Some(&jane), &change).await.unwrap_err();
        assert_eq!((error.kind, error.status), (ErrorKind::Unsupported, None), "{name}: {error}");
        assert_eq!(tenant.writes(), writes);
    }
}

// proves FD-27 (guide, live)
#[tokio::test]
async fn roles_and_groups_are_sent_whole() {
    for tenant in both(APP).await {
        let jane = jane(&tenant).await;
        let more = [grants("groups", "group", &["Billing"], &[]), grants("roles", "role", &["Supervisor"], &[])];
        perform(&tenant.connector, Effect::Grant, Kind::Agent, Some(&jane), &more).await.unwrap();
        let account = read(&tenant.connector, &jane).await;
        assert_eq!(held(&account, "group"), ["Billing", "Support"]);
        assert_eq!(held(&account, "role"), ["Agent", "Supervisor"]);
        let less = [grants("groups", "group", &[], &["Support"])];
        perform(&tenant.connector, Effect::Revoke, Kind::Agent, Some(&jane), &less).await.unwrap();
        assert_eq!(held(&read(&tenant.connector, &jane).await, "group"), ["Billing"]);
    }
}

// proves FD-28 (guide)
#[tokio::test]
async fn a_second_call_that_failed_is_made_up_for_without_the_first() {
    let tenant = tenant(APP, "guide", 40).await;
    tenant.connector.references().await.unwrap();
    let mut changes = joiner(BOB);
    changes.push(field("title", "Support Agent"));
    tenant.sandbox.set_faults(vec!["500:method=PUT,path=/agents".parse().unwrap()]);
    let error = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap_err();
    assert!(error.may_have_happened, "the contact is an agent by now: {error}");
    tenant.sandbox.set_faults(Vec::new());
    let half = find_one(&tenant.connector, Kind::Agent, BOB).await;
    assert_eq!(half.fields.text("title"), None);
    let rest = [field("title", "Support Agent"), field("name", "New Joiner")];
    perform(&tenant.connector, Effect::Update, Kind::Agent, Some(&half.key), &rest).await.unwrap();
    let whole = read(&tenant.connector, &half.key).await;
    assert_eq!((whole.fields.text("title"), held(&whole, "group")), (Some("Support Agent"), vec!["Billing".into()]));
    assert_eq!(tenant.sandbox.world().count(APP, BOB), 1);
}

// proves FD-29, FD-30 (guide)
#[tokio::test]
async fn a_deleted_agent_stays_as_an_inactive_record() {
    let tenant = tenant(APP, "guide", 40).await;
    let jane = jane(&tenant).await;
    let out = perform(&tenant.connector, Effect::Suspend, Kind::Agent, Some(&jane), &[]).await.unwrap();
    assert_eq!(read(&tenant.connector, &out.account).await.state, AccountState::Suspended);
    let contact = find_one(&tenant.connector, Kind::Contact, JANE).await;
    assert_ne!(contact.key.id, jane.id);
    let again = perform(&tenant.connector, Effect::Delete, Kind::Agent, Some(&jane), &[]).await.unwrap_err();
    assert!(again.kind == ErrorKind::Unsupported && again.text.contains("only deactivates"), "{again}");
}

// proves FD-29 (live)
#[tokio::test]
async fn a_deleted_agent_is_a_contact_and_being_absent_is_being_out() {
    let tenant = tenant(APP, "live", 40).await;
    let jane = jane(&tenant).await;
    perform(&tenant.connector, Effect::Suspend, Kind::Agent, Some(&jane), &[]).await.unwrap();
    assert_eq!(tenant.connector.read(&jane).await, Look::Absent);
    assert_eq!(find_one(&tenant.connector, Kind::Contact, JANE).await.key.kind, Kind::Contact);
    // Twice is no error: what is not there is out.
    perform(&tenant.connector, Effect::Suspend, Kind::Agent, Some(&jane), &[]).await.unwrap();
    let loses = tenant.connector.abilities().kinds[&Kind::Agent].effects[&Effect::Suspend].loses.clone();
    assert!(loses.unwrap().contains("tickets are unassigned"));
}

// proves FD-31 (guide)
#[tokio::test]
async fn the_way_back_leads_through_the_contact_with_the_roles_held_before() {
    let tenant = tenant(APP, "guide", 40).await;
    let tom = find_one(&tenant.connector, Kind::Agent, TOM).await;
    perform(&tenant.connector, Effect::Suspend, Kind::Agent, Some(&tom.key), &[]).await.unwrap();
    let back = perform(&tenant.connector, Effect::Resume, Kind::Agent, Some(&tom.key), &[]).await.unwrap();
    let account = read(&tenant.connector, &back.account).await;
    assert_eq!((account.state, &account.grants), (AccountState::Invited, &tom.grants));
    tenant.sandbox.world().purge(APP, TOM);
    let error = perform(&tenant.connector, Effect::Resume, Kind::Agent, Some(&tom.key), &[]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

// proves FD-31 (live)
#[tokio::test]
async fn whoever_was_put_out_is_made_an_agent_of_the_contact_that_stayed() {
    let tenant = tenant(APP, "live", 40).await;
    let tom = find_one(&tenant.connector, Kind::Agent, TOM).await;
    let contact = tenant.truth(TOM)["sandbox"]["id"].clone();
    perform(&tenant.connector, Effect::Suspend, Kind::Agent, Some(&tom.key), &[]).await.unwrap();
    let mut changes = joiner(TOM);
    changes.push(field("title", "Chief"));
    let back = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap();
    assert_ne!(back.account.id, tom.key.id);
    assert!(back.unsent.iter().any(|word| word == "title"), "make_agent takes none: {:?}", back.unsent);
    assert!(!back.unsent.iter().any(|word| word == "roles" || word == "ticket_scope"), "{:?}", back.unsent);
    let truth = tenant.truth(TOM);
    assert_eq!(
        (&truth["ticket_scope"], &truth["occasional"]),
        (&json!(2), &json!(false)),
        "never the app's own choice"
    );
    assert_ne!(truth["sandbox"]["id"], contact);
    assert_eq!(tenant.sandbox.world().count(APP, TOM), 1);
}

// proves FD-32, FD-33 (guide, live)
#[tokio::test]
async fn a_contact_of_the_address_is_found_first_and_a_hidden_one_is_told_as_taken() {
    for tenant in both(APP).await {
        let bob = find_one(&tenant.connector, Kind::Contact, "BOB@customer.example").await;
        assert_eq!(bob.login.as_deref(), Some(BOB));
        tenant.sandbox.world().change(APP, BOB, &json!({"deleted": true}));
        assert_eq!(tenant.connector.find(Kind::Contact, LookupBy::Email(BOB)).await, Look::Absent, "deleted ones hide");
        assert_eq!(read(&tenant.connector, &bob.key).await.state, AccountState::Removed);
        let error = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &joiner(BOB)).await.unwrap_err();
        assert_eq!((error.kind, error.status), (ErrorKind::Duplicate, Some(409)), "{error}");
        assert!(error.hint.as_deref().unwrap().contains("deleted contact"), "{error}");
    }
}

// proves FD-33, FD-34 (guide, live)
#[tokio::test]
async fn contacts_are_customers_and_are_neither_made_nor_changed() {
    for tenant in both(APP).await {
        let bob = find_one(&tenant.connector, Kind::Contact, BOB).await;
        let writes = tenant.writes();
        let changes = [field("email", "carol@customer.example"), field("name", "Carol")];
        for (effect, key) in
            [(Effect::Create, None), (Effect::Update, Some(&bob.key)), (Effect::Suspend, Some(&bob.key))]
        {
            let error = perform(&tenant.connector, effect, Kind::Contact, key, &changes).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
        }
        assert_eq!(tenant.writes(), writes);
    }
}

// proves FD-05, FD-35 (guide, live)
#[tokio::test]
async fn a_contact_becomes_an_agent_under_an_id_of_their_own() {
    for tenant in both(APP).await {
        let bob = find_one(&tenant.connector, Kind::Contact, BOB).await;
        tenant.sandbox.world().set_seats(APP, 1);
        let full = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &joiner(BOB)).await.unwrap_err();
        assert_eq!(full.kind, ErrorKind::SeatLimit, "{full}");
        tenant.sandbox.world().set_seats(APP, 1000);
        // The imitation refuses whatever a conversion does not take, such as a name.
        let made = perform(&tenant.connector, Effect::Create, Kind::Agent, None, &joiner(BOB)).await.unwrap();
        assert_ne!(made.account.id, bob.key.id);
        let account = read(&tenant.connector, &made.account).await;
        assert_eq!((account.state, account.login.as_deref()), (AccountState::Invited, Some(BOB)));
        assert_eq!((held(&account, "role"), held(&account, "group")), (vec!["Agent".into()], vec!["Billing".into()]));
        assert_eq!(account.fields.text("ticket_scope"), Some("group"));
    }
}

// proves FD-36 (guide, live)
#[test]
fn the_plan_chooses_the_budget() {
    for dialect in ["guide", "live"] {
        for (plan, per_minute) in [("free", 100.0), ("growth", 200.0), ("Pro", 400.0), ("enterprise", 700.0)] {
            let mut settings = bare_settings(APP, dialect);
            settings.plan = Some(plan.into());
            settings.parameters.insert("domain".into(), "acme".into());
            settings.check().unwrap();
            let rate = settings.rate_limits().per_second().unwrap();
            assert!((rate * 60.0 - per_minute).abs() < 0.001, "{dialect} {plan}: {rate}");
        }
    }
}

// proves FD-37 (guide, live)
#[tokio::test]
async fn the_headers_are_believed_over_the_table_of_plans() {
    for (dialect, word) in [("guide", tenure_sandbox::Dialect::Guide), ("live", tenure_sandbox::Dialect::Live)] {
        let plans = Plans { freshdesk: FreshdeskPlan::Growth, ..Plans::default() };
        let dialects = tenure_sandbox::Dialects::default().with(APP, word);
        let options = Options { limits: Limits::Published(plans), dialects, ..Options::default() };
        let sandbox = tenure_sandbox::start(options).await.unwrap();
        let mut settings = settings(&sandbox, APP).speaking(dialect).unwrap();
        (settings.limits, settings.plan) = (None::<BudgetSpec>, Some("enterprise".into()));
        let connector = Connector::new(settings, secrets(APP)).unwrap();
        let rate = |connector: &Connector| connector.statistics().per_second.unwrap() * 60.0;
        assert!((rate(&connector) - 700.0).abs() < 0.001);
        assert_eq!(pull(&connector).await.coverage, Coverage::Complete);
        assert!((rate(&connector) - 200.0).abs() < 0.001, "{dialect}: {}", rate(&connector));
        assert_eq!(sandbox.statistics().of(APP).throttled, 0);
    }
}

// proves FD-39 (guide, live)
#[tokio::test]
async fn no_event_tells_of_agents_so_a_pull_finds_what_changed() {
    for tenant in both(APP).await {
        let catalogue = Catalogue::load(&[]).unwrap();
        let manifest = catalogue.get("freshdesk").unwrap().manifest.spoken(tenant.dialect).unwrap();
        let webhooks = manifest.webhooks.as_ref().unwrap();
        assert!(webhooks.accounts.is_empty() && webhooks.others.iter().all(|event| event.starts_with("ticket.")));
        let jane = jane(&tenant).await;
        assert!(tenant.sandbox.world().change(APP, JANE, &json!({"role_ids": [6101]})));
        assert_eq!(held(&pull(&tenant.connector).await.accounts[&jane], "role"), ["Administrator"]);
    }
}

// proves FD-40 (guide)
#[tokio::test]
async fn a_record_on_the_boundary_comes_again_and_changes_nothing() {
    let tenant = tenant(APP, "guide", 40).await;
    assert!(tenant.connector.tells_changes());
    assert!(tenant.sandbox.world().change(APP, JANE, &json!({"role_ids": [6101]})));
    let moment: jiff::Timestamp = tenant.truth(JANE)["updated_at"].as_str().unwrap().parse().unwrap();
    let start = || PullStart { since_ms: Some(moment.as_millisecond()), ..PullStart::default() };
    let first = pull_from(&tenant.connector, start()).await;
    assert_eq!(first.accounts.len(), 1, "the boundary itself is in it");
    assert_eq!(pull_from(&tenant.connector, start()).await.accounts, first.accounts);
}

#[tokio::test]
async fn agents_are_always_read_whole_where_nothing_asks_for_changed_ones() {
    let tenant = tenant(APP, "live", 40).await;
    assert!(!tenant.connector.tells_changes());
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

// proves FD-12 (guide)
#[tokio::test]
async fn a_field_that_the_tenant_lacks_is_told_and_one_that_it_has_is_written() {
    let tenant = tenant(APP, "guide", 40).await;
    let heading = "[kinds.agent.fields]";
    let line = r#"cost_center = { read = ["custom_fields.cost_center"], write = "custom_fields.cost_center" }"#;
    let (own, jane) = (tailored(&tenant, heading, line), jane(&tenant).await);
    let change = [field("cost_center", "1200")];
    perform(&own, Effect::Update, Kind::Agent, Some(&jane), &change).await.unwrap();
    assert_eq!(tenant.truth(JANE)["custom_fields"]["cost_center"], "1200");
    assert_eq!(read(&own, &jane).await.fields.text("cost_center"), Some("1200"));
    let line = r#"planet = { read = ["custom_fields.planet"], write = "custom_fields.planet" }"#;
    let own = tailored(&tenant, heading, line);
    let change = [field("planet", "Mars")];
    let error = perform(&own, Effect::Update, Kind::Agent, Some(&jane), &change).await.unwrap_err();
    assert_eq!((error.kind, error.may_have_happened), (ErrorKind::Validation, false), "{error}");
    assert!(error.to_string().contains("planet") && error.hint.as_deref().unwrap().contains("admin pages"), "{error}");
    assert_eq!(tenant.truth(JANE)["custom_fields"].get("planet"), None);
}

// proves FD-38 (guide)
#[tokio::test]
async fn a_refusal_that_names_no_time_waits_for_the_window_to_roll_over() {
    let tenant = tenant(APP, "guide", 40).await;
    let mut settings = settings(&tenant.sandbox, APP);
    settings.limits = Some(BudgetSpec { requests: Some(50.0), seconds: Some(3.0), ..BudgetSpec::default() });
    let connector = Connector::new(settings, secrets(APP)).unwrap();
    connector.references().await.unwrap();
    tenant.sandbox.set_faults(vec!["429:path=/agents,count=1".parse().unwrap()]);
    let began = std::time::Instant::now();
    assert_eq!(pull(&connector).await.coverage, Coverage::Complete);
    let (took, seen) = (began.elapsed().as_secs_f64(), connector.statistics());
    assert_eq!(seen.throttled, 1);
    assert!((1.0..30.0).contains(&took), "{took} s");
}

#[tokio::test]
async fn a_filter_that_the_app_refuses_is_not_tried_with_every_look() {
    let strict = |sent: &wire::Sent| {
        let filtered = sent.path.ends_with("/agents") && sent.query.contains_key("email");
        filtered.then(|| {
            (400, json!({"description": "Validation failed", "errors": [{"field": "email", "code": "invalid_field"}]}))
        })
    };
    let scene = Scene::refusing(Vendor::Freshdesk, "guide", strict).await;
    for person in ["jane.doe", "bruno.costa"] {
        scene.find(Kind::Agent, person).await;
    }
    let filtered = scene
        .wire
        .sent()
        .iter()
        .filter(|sent| sent.path.ends_with("/agents") && sent.query.contains_key("email"))
        .count();
    assert_eq!(filtered, 1);
}
