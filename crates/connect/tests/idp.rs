//! Entra, Google and OneLogin against the sandbox, over HTTP: who is read, how its tokens are asked for, and how
//! sessions end. Each is strict in its own way, and each has people whom its plain list hides.

mod common;

use common::wire::{Sent, Wire};
use common::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tenure_connect::{Catalogue, Connector, ErrorKind, PullStart, Settings};
use tenure_core::abilities::{Effect, Standing};
use tenure_core::account::{Account, AccountKey, AccountState, Kind};
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;
use tenure_sandbox::{
    ENTRA_CLIENT, ENTRA_READ_CLIENT, Idp, ONELOGIN_CLIENT, ONELOGIN_READ_CLIENT, OWNER_EMAIL, Sandbox, service_account,
};

const SUBJECT: (&str, &str) = ("subject", OWNER_EMAIL);

fn settings_of(sandbox: &Sandbox, idp: Idp, parameters: &[(&str, &str)]) -> Settings {
    let app = Catalogue::load(&[]).unwrap().get(idp.name()).unwrap().manifest.clone();
    let mut settings = Settings::new(ConnectionName::new(idp.name()), app, Standing::Source(1));
    settings.url = Some(sandbox.idp_url(idp));
    let token_url = sandbox.idp_token_url(idp).unwrap();
    let all = parameters.iter().copied().chain([("token_url", token_url.as_str())]);
    settings.parameters = all.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    settings.limits = Some(tenure_connect::BudgetSpec { per_second: Some(100_000.0), ..Default::default() });
    settings
}

fn connect_with(settings: Settings, secrets: &[(&str, &str)]) -> Connector {
    let secrets: BTreeMap<_, _> =
        secrets.iter().map(|(name, value)| ((*name).to_owned(), secrecy::SecretString::from(*value))).collect();
    Connector::new(settings, secrets).unwrap()
}

fn client(sandbox: &Sandbox, idp: Idp, (id, secret): (&str, &str)) -> Connector {
    connect_with(settings_of(sandbox, idp, &[]), &[("client_id", id), ("client_secret", secret)])
}

fn google(sandbox: &Sandbox) -> Connector {
    connect_with(settings_of(sandbox, Idp::Google, &[SUBJECT]), &[("service_account", &service_account())])
}

fn person<'p>(pulled: &'p Pulled, name: &str) -> &'p Account {
    let email = format!("{name}@acme.example");
    pulled.accounts.values().find(|account| account.login.as_deref() == Some(&email)).unwrap()
}

/// Whom the sandbox moves to other standings.
fn moved(sandbox: &Sandbox, idp: Idp) {
    let desk = sandbox.idp(idp);
    assert!(desk.stand("jane.doe@acme.example", "suspended"));
    assert!(desk.stand("tom.baker@acme.example", "locked"));
    assert!(desk.stand("yuki.sato@acme.example", "staged"));
}

#[tokio::test]
async fn entra_tells_everybody_the_deleted_too_over_pages_that_may_be_empty() {
    let sandbox = sandbox_of(450).await;
    moved(&sandbox, Idp::Entra);
    let pulled = pull(&client(&sandbox, Idp::Entra, ENTRA_CLIENT)).await;
    assert_eq!(pulled.coverage, Coverage::Complete, "{:?}", pulled.because);
    assert_eq!(pulled.accounts.len(), sandbox.company().yesterday.len());
    for (name, state, enabled) in [
        ("mia", AccountState::Active, true),
        ("tom.baker", AccountState::Active, true),
        ("jane.doe", AccountState::Suspended, false),
    ] {
        let account = person(&pulled, name);
        assert_eq!((account.state, account.fields.get("idp_enabled")), (state, Some(&enabled.into())), "{name}");
    }
    let gone = person(&pulled, "rosa.lind");
    assert_eq!(gone.state, AccountState::Suspended);
    assert!(gone.fields.text("idp_deleted_at").is_some());
    let tom = person(&pulled, "tom.baker");
    assert_eq!(tom.fields.text("employee_id"), Some("E00007"));
    assert_eq!((tom.name.as_deref(), tom.fields.text("department")), (Some("Tom Baker"), Some("Support")));
}

#[tokio::test]
async fn entra_tells_what_changed_from_where_the_last_pull_ended_and_each_is_read_whole() {
    let sandbox = sandbox_of(120).await;
    let desk = sandbox.idp(Idp::Entra);
    let connector = client(&sandbox, Idp::Entra, ENTRA_CLIENT);
    let first = pull(&connector).await;
    let from = |mark: &Option<String>| PullStart { since_ms: Some(1), mark: mark.clone(), ..PullStart::default() };
    assert!(desk.change("tom.baker@acme.example", "department", "Sales"));
    assert!(desk.change("mia@acme.example", "title", "Head of everything"));
    assert!(desk.stand("jane.doe@acme.example", "suspended"));
    assert!(desk.stand("bruno.costa@acme.example", "deactivated"));
    assert!(desk.delete("hiro.tanaka@acme.example"));
    let changed = pull_from(&connector, from(&first.mark)).await;
    assert_eq!(changed.coverage, Coverage::Complete, "{:?}", changed.because);
    assert!(changed.accounts.len() < 20, "{}", changed.accounts.len());
    for name in ["tom.baker", "mia", "jane.doe"] {
        let (before, after) = (person(&first, name), person(&changed, name));
        assert_eq!(before.fields.text("employee_id"), after.fields.text("employee_id"), "{name} is read whole");
        assert_eq!(before.fields.text("manager_id"), after.fields.text("manager_id"), "{name}");
    }
    assert_eq!(person(&changed, "tom.baker").fields.text("department"), Some("Sales"));
    assert_eq!(person(&changed, "jane.doe").state, AccountState::Suspended);
    let bruno = person(&changed, "bruno.costa");
    assert!(bruno.state == AccountState::Suspended && bruno.fields.text("idp_deleted_at").is_some());
    let hiro = &person(&first, "hiro.tanaka").key;
    assert!(!changed.accounts.contains_key(hiro), "whoever is deleted for good is read by nobody, and proves nothing");
    let before = desk.requests();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let settled = pull_from(&connector, from(&changed.mark)).await;
    let quiet = pull_from(&connector, from(&settled.mark)).await;
    assert_eq!((quiet.accounts.len(), quiet.coverage), (0, Coverage::Complete));
    assert!(desk.requests() - before < 30 && quiet.mark.is_some());
    desk.forget_places();
    let all = pull_from(&connector, from(&quiet.mark)).await;
    assert_eq!((all.coverage, all.accounts.len()), (Coverage::Complete, first.accounts.len() - 1), "a place too old");
    assert!(all.mark.is_some() && all.mark != quiet.mark);
    let none = pull_from(&connector, from(&None)).await;
    assert_eq!(none.accounts.len(), all.accounts.len(), "without a place everything is read");
}

#[tokio::test]
async fn each_provider_tells_the_manager_in_its_own_way() {
    let sandbox = sandbox().await;
    let people = &sandbox.company().yesterday;
    let tom = people.iter().find(|person| person.work_email.starts_with("tom.baker@")).unwrap();
    let boss = people.iter().find(|person| person.employee_id == tom.manager_id).unwrap();
    let by_id = pull(&client(&sandbox, Idp::Entra, ENTRA_CLIENT)).await;
    assert_eq!(person(&by_id, "tom.baker").fields.text("manager_id"), tom.manager_id.as_deref());
    let by_address = pull(&google(&sandbox)).await;
    assert_eq!(person(&by_address, "tom.baker").fields.text("manager_id"), Some(boss.work_email.as_str()));
    let by_record = pull(&client(&sandbox, Idp::OneLogin, ONELOGIN_CLIENT)).await;
    let of_boss = by_record.accounts.values().find(|one| one.login.as_deref() == Some(&*boss.work_email)).unwrap();
    assert_eq!(person(&by_record, "tom.baker").fields.text("manager_id"), Some(of_boss.key.id.as_str()));
}

#[tokio::test]
async fn google_tells_everybody_the_deleted_too_and_why_it_suspended() {
    let sandbox = sandbox_of(1200).await;
    moved(&sandbox, Idp::Google);
    let pulled = pull(&google(&sandbox)).await;
    assert_eq!(pulled.coverage, Coverage::Complete, "{:?}", pulled.because);
    assert_eq!(pulled.accounts.len(), sandbox.company().yesterday.len());
    for (name, state, status) in [
        ("mia", AccountState::Active, None),
        ("tom.baker", AccountState::Suspended, Some("leave")),
        ("jane.doe", AccountState::Suspended, Some("terminated")),
        ("rosa.lind", AccountState::Suspended, None),
    ] {
        let account = person(&pulled, name);
        assert_eq!((account.state, account.fields.text("status")), (state, status), "{name}");
    }
    let tom = person(&pulled, "tom.baker");
    assert_eq!(tom.fields.text("employee_id"), Some("E00007"));
    assert_eq!(
        (tom.fields.text("department"), tom.fields.text("idp_suspension_reason")),
        (Some("Support"), Some("ABUSE"))
    );
}

#[tokio::test]
async fn a_list_of_google_that_is_left_out_is_empty_and_an_answer_of_another_kind_is_not() {
    let sandbox = sandbox().await;
    let deleted: Vec<String> = sandbox.company().yesterday.iter().map(|person| person.work_email.clone()).collect();
    for email in &deleted {
        sandbox.idp(Idp::Google).stand(email, "active");
    }
    let pulled = pull(&google(&sandbox)).await;
    assert_eq!((pulled.coverage, pulled.accounts.len()), (Coverage::Complete, deleted.len()));
}

#[tokio::test]
async fn onelogin_tells_everybody_by_a_cursor_in_a_header_and_what_changed_since() {
    let sandbox = sandbox_of(450).await;
    moved(&sandbox, Idp::OneLogin);
    let connector = client(&sandbox, Idp::OneLogin, ONELOGIN_CLIENT);
    let pulled = pull(&connector).await;
    assert_eq!(pulled.coverage, Coverage::Complete, "{:?}", pulled.because);
    assert_eq!(pulled.accounts.len(), sandbox.company().yesterday.len());
    for (name, state, status) in [
        ("mia", AccountState::Active, "1"),
        ("tom.baker", AccountState::Active, "3"),
        ("jane.doe", AccountState::Suspended, "2"),
        ("yuki.sato", AccountState::Invited, "0"),
        ("rosa.lind", AccountState::Suspended, "1"),
    ] {
        let account = person(&pulled, name);
        assert_eq!((account.state, account.fields.text("idp_status")), (state, Some(status)), "{name}");
    }
    let since_ms = jiff::Timestamp::now().as_millisecond();
    let desk = sandbox.idp(Idp::OneLogin);
    desk.change("tom.baker@acme.example", "department", "Sales");
    let changed = pull_from(&connector, PullStart { since_ms: Some(since_ms + 1000), ..PullStart::default() }).await;
    assert_eq!(changed.coverage, Coverage::Complete, "{:?}", changed.because);
    assert!(changed.accounts.len() < 5, "{}", changed.accounts.len());
    assert_eq!(person(&changed, "tom.baker").fields.text("department"), Some("Sales"));
}

#[tokio::test]
async fn sessions_end_in_each_and_twice_is_no_harm() {
    let sandbox = sandbox().await;
    let jane = "jane.doe@acme.example";
    for (idp, connector) in [
        (Idp::Entra, client(&sandbox, Idp::Entra, ENTRA_CLIENT)),
        (Idp::Google, google(&sandbox)),
        (Idp::OneLogin, client(&sandbox, Idp::OneLogin, ONELOGIN_CLIENT)),
    ] {
        let desk = sandbox.idp(idp);
        assert!(desk.sessions(jane).unwrap() >= 2, "{idp}");
        let account = find_one(&connector, Kind::Person, jane).await;
        for _ in 0..2 {
            perform(&connector, Effect::EndSessions, Kind::Person, Some(&account.key), &[]).await.unwrap();
            assert_eq!(desk.sessions(jane), Some(0), "{idp}, with what apps were let into");
            assert!(idp != Idp::Google || desk.app_passwords(jane) == Some(0), "{idp}");
        }
        assert_ne!(desk.app_passwords("tom.baker@acme.example"), Some(0), "{idp} leaves others alone");
        desk.delete(jane);
        perform(&connector, Effect::EndSessions, Kind::Person, Some(&account.key), &[]).await.unwrap();
    }
}

#[tokio::test]
async fn a_credential_that_may_only_read_or_is_wrong_says_so_without_repeating_it() {
    let sandbox = sandbox().await;
    for (idp, reads) in [(Idp::Entra, ENTRA_READ_CLIENT), (Idp::OneLogin, ONELOGIN_READ_CLIENT)] {
        let connector = client(&sandbox, idp, reads);
        let account = find_one(&connector, Kind::Person, "jane.doe@acme.example").await;
        let refused =
            perform(&connector, Effect::EndSessions, Kind::Person, Some(&account.key), &[]).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Scope, "{idp}");
        let wrong = wrong(&client(&sandbox, idp, (reads.0, "s3cret-of-another"))).await;
        assert!(!wrong.says.contains("s3cret"), "{}", wrong.says);
    }
}

#[tokio::test]
async fn a_service_account_needs_its_whole_key_and_an_administrator() {
    let sandbox = sandbox().await;
    let nobody = settings_of(&sandbox, Idp::Google, &[]);
    let secrets = |text: &str| BTreeMap::from([("service_account".to_owned(), secrecy::SecretString::from(text))]);
    let error = Connector::new(nobody, secrets(&service_account())).unwrap_err();
    assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Configuration, Some("subject")));
    let error = Connector::new(settings_of(&sandbox, Idp::Google, &[SUBJECT]), secrets("{\"s3cret\": 1}")).unwrap_err();
    assert!(error.to_string().contains("client_email") && !error.to_string().contains("s3cret"), "{error}");
    let other = settings_of(&sandbox, Idp::Google, &[("subject", "jane.doe@acme.example")]);
    let refused = pull(&connect_with(other, &[("service_account", &service_account())])).await;
    assert_eq!(refused.coverage, Coverage::Partial);
    assert!(
        refused.because.as_deref().is_some_and(|because| because.contains("invalid_grant")),
        "{:?}",
        refused.because
    );
}

#[test]
fn an_address_without_the_one_of_tokens_says_which_of_both_is_missing() {
    let app = Catalogue::load(&[]).unwrap().get("onelogin").unwrap().manifest.clone();
    let mut settings = Settings::new(ConnectionName::new("onelogin"), app, Standing::Source(1));
    settings.url = Some("https://people.acme.example".into());
    let secrets = |name: &str| (name.to_owned(), secrecy::SecretString::from("x"));
    let secrets = BTreeMap::from([secrets("client_id"), secrets("client_secret")]);
    let error = Connector::new(settings.clone(), secrets.clone()).unwrap_err().to_string();
    assert!(error.contains("`subdomain` or `token_url` beside `url`"), "{error}");
    settings.url = None;
    let error = Connector::new(settings, secrets).unwrap_err().to_string();
    assert!(error.contains("needs `subdomain`, or an explicit `url`"), "{error}");
}

/// Answers by itself what the tests below are about; all else is the sandbox's.
async fn google_before(sandbox: &Sandbox, refuse: fn(&Sent) -> Option<(u16, Value)>) -> (Connector, Wire) {
    let wire = Wire::refusing_url(sandbox, &sandbox.idp_url(Idp::Google), refuse).await;
    let mut settings = settings_of(sandbox, Idp::Google, &[SUBJECT]);
    settings.url = Some(wire.url.clone());
    (connect_with(settings, &[("service_account", &service_account())]), wire)
}

#[tokio::test]
async fn a_refused_list_of_apps_keeps_no_other_part_back_and_nobody_doubts_it() {
    let sandbox = sandbox().await;
    let refuse = |sent: &Sent| match sent.method.as_str() {
        "GET" if sent.path.ends_with("/tokens") => {
            Some((403, json!({"error": {"code": 403, "message": "Insufficient Permission"}})))
        }
        "POST" if sent.path.ends_with("/signOut") => Some((200, json!({}))),
        "DELETE" => Some((200, json!({}))),
        _ => None,
    };
    let (connector, wire) = google_before(&sandbox, refuse).await;
    let account = find_one(&connector, Kind::Person, "jane.doe@acme.example").await;
    let error = perform(&connector, Effect::EndSessions, Kind::Person, Some(&account.key), &[]).await.unwrap_err();
    assert_eq!((error.kind, error.may_have_happened), (ErrorKind::Scope, false));
    assert!(error.text.starts_with("a part was done, and then: "), "{error}");
    assert!(wire.lines().iter().any(|line| line.ends_with("/signOut")), "{:?}", wire.lines());
    let last = wire.lines().into_iter().filter(|line| line.contains("DELETE") && line.contains("/asps/")).count();
    assert!(last > 0, "passwords come after the apps: {:?}", wire.lines());
}

#[tokio::test]
async fn whatever_an_app_is_called_it_is_one_part_of_the_path() {
    let sandbox = sandbox().await;
    let refuse = |sent: &Sent| {
        if sent.path.ends_with("/signOut") || sent.path.contains("/asps/") {
            return Some((200, json!({})));
        }
        let tokens = sent.path.split_once("/tokens")?.1;
        let item = |id: &str| json!({"kind": "admin#directory#token", "clientId": id});
        match (sent.method.as_str(), tokens) {
            ("GET", "") => {
                Some((200, json!({"kind": "admin#directory#tokenList", "items": [item("anon ymous/x?"), item("..")]})))
            }
            ("DELETE", _) => Some((200, json!({}))),
            _ => None,
        }
    };
    let (connector, wire) = google_before(&sandbox, refuse).await;
    let account = find_one(&connector, Kind::Person, "jane.doe@acme.example").await;
    let error = perform(&connector, Effect::EndSessions, Kind::Person, Some(&account.key), &[]).await.unwrap_err();
    assert!(error.text.contains("cannot be an id"), "{error}");
    let deleted: Vec<String> =
        wire.lines().into_iter().filter(|line| line.contains("DELETE") && line.contains("/tokens/")).collect();
    assert_eq!(deleted.len(), 1, "{deleted:?}");
    assert!(deleted[0].ends_with("/tokens/anon%20ymous%2Fx%3F"), "{deleted:?}");
}

#[tokio::test]
async fn a_403_that_means_too_often_is_waited_out_as_a_429_is() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let sandbox = sandbox().await;
    let refuse = |sent: &Sent| {
        let first = sent.path.ends_with("/users") && ASKED.fetch_add(1, Ordering::SeqCst) == 0;
        let reason = json!({"domain": "usageLimits", "reason": "userRateLimitExceeded", "message": "Quota"});
        first.then(|| (403, json!({"error": {"code": 403, "message": "Quota", "errors": [reason]}})))
    };
    let (connector, _wire) = google_before(&sandbox, refuse).await;
    let pulled = pull(&connector).await;
    assert_eq!((pulled.coverage, connector.statistics().throttled), (Coverage::Complete, 1), "{:?}", pulled.because);
}

#[tokio::test]
async fn whoever_google_archived_has_left_whatever_else_is_said_of_them() {
    let sandbox = sandbox().await;
    let refuse = |sent: &Sent| {
        let user = |id: &str, archived: bool, reason: Option<&str>| {
            let mut user = json!({"kind": "admin#directory#user", "id": id, "primaryEmail": format!("{id}@acme.example"),
                "suspended": reason.is_some(), "archived": archived, "creationTime": "2024-01-01T00:00:00.000Z"});
            if let Some(reason) = reason {
                user["suspensionReason"] = json!(reason);
            }
            user
        };
        let present = sent.path.ends_with("/users") && !sent.query.contains_key("showDeleted");
        let all = [
            user("here", false, None),
            user("abuse", false, Some("ABUSE")),
            user("both", true, Some("ABUSE")),
            user("kept", true, None),
            user("odd", false, Some("NEWTHING")),
        ];
        present.then(|| (200, json!({"kind": "admin#directory#users", "users": all})))
    };
    let (connector, _wire) = google_before(&sandbox, refuse).await;
    let pulled = pull(&connector).await;
    let said = |name: &str| person(&pulled, name).fields.text("status").map(str::to_owned);
    assert_eq!(said("here"), None);
    assert_eq!(said("abuse").as_deref(), Some("leave"));
    assert_eq!((said("both").as_deref(), said("kept").as_deref()), (Some("terminated"), Some("terminated")));
    assert_eq!(said("odd").as_deref(), Some("NEWTHING"));
}

#[tokio::test]
async fn entra_tells_nobody_whose_account_is_in_another_tenant() {
    let sandbox = sandbox().await;
    let refuse = |sent: &Sent| {
        let user = |id: &str, name: &str| json!({"id": id, "accountEnabled": true, "mail": "g@x.example", "userPrincipalName": name, "userType": "Member"});
        let outside = || user("00000000-0000-4000-8000-000000000002", "g_x.example#ext#@acme.onmicrosoft.com");
        match sent.path.rsplit_once('/')?.1 {
            "users" => {
                let own = user("00000000-0000-4000-8000-000000000001", "mia@acme.example");
                Some((200, json!({"value": [own, outside()]})))
            }
            "00000000-0000-4000-8000-000000000002" => Some((200, outside())),
            "microsoft.graph.user" => Some((200, json!({"value": []}))),
            _ => None,
        }
    };
    let wire = Wire::refusing_url(&sandbox, &sandbox.idp_url(Idp::Entra), refuse).await;
    let mut settings = settings_of(&sandbox, Idp::Entra, &[]);
    settings.url = Some(wire.url.clone());
    let (id, secret) = ENTRA_CLIENT;
    let connector = connect_with(settings, &[("client_id", id), ("client_secret", secret)]);
    let pulled = pull(&connector).await;
    assert_eq!((pulled.coverage, pulled.accounts.len()), (Coverage::Complete, 1), "{:?}", pulled.because);
    let key = AccountKey::new(&ConnectionName::new("entra"), Kind::Person, "00000000-0000-4000-8000-000000000002");
    assert!(matches!(connector.read(&key).await, tenure_connect::Look::Absent));
}
