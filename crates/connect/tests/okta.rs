//! Okta against the sandbox, over HTTP: who is read, what changed since, and how sessions end.
//! The sandbox's org is strict: it reads filters to the letter, hides the deactivated, and keeps tokens of apps that
//! nobody asked it to end. What becomes of these people is the walk's business.

mod common;

use common::*;
use tenure_connect::{Catalogue, Connector, ErrorKind, Look, PullStart, Settings};
use tenure_core::abilities::{Effect, Standing};
use tenure_core::account::{Account, AccountState, Kind};
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;
use tenure_sandbox::{
    Idp, Limits, OKTA_CLIENT, OKTA_READ_CLIENT, OKTA_READ_TOKEN, OKTA_TOKEN, Options, Sandbox, okta_private_key,
    okta_read_private_key,
};

fn okta(sandbox: &Sandbox, token: &str) -> Connector {
    okta_with(sandbox, &[("api_token", token)], None).unwrap()
}

fn okta_with(
    sandbox: &Sandbox,
    secrets: &[(&str, &str)],
    key_id: Option<&str>,
) -> Result<Connector, tenure_connect::ConnectError> {
    let app = Catalogue::load(&[]).unwrap().get("okta").unwrap().manifest.clone();
    let mut settings = Settings::new(ConnectionName::new("okta"), app, Standing::Source(1));
    settings.url = Some(sandbox.idp_url(Idp::Okta));
    settings.parameters.extend(key_id.map(|id| ("key_id".to_owned(), id.to_owned())));
    let secrets: std::collections::BTreeMap<_, _> =
        secrets.iter().map(|(name, value)| ((*name).to_owned(), secrecy::SecretString::from(*value))).collect();
    Connector::new(settings, secrets)
}

fn person<'p>(pulled: &'p Pulled, name: &str) -> &'p Account {
    let email = format!("{name}@acme.example");
    pulled.accounts.values().find(|account| account.login.as_deref() == Some(&email)).unwrap()
}

#[tokio::test]
async fn everybody_is_read_the_deactivated_too_page_by_page() {
    let sandbox = sandbox_of(450).await;
    let org = sandbox.idp(Idp::Okta);
    org.stand("jane.doe@acme.example", "suspended");
    org.stand("tom.baker@acme.example", "locked");
    org.stand("yuki.sato@acme.example", "staged");
    let pulled = pull(&okta(&sandbox, OKTA_TOKEN)).await;
    assert_eq!(pulled.coverage, Coverage::Complete, "{:?}", pulled.because);
    assert_eq!(pulled.accounts.len(), sandbox.company().yesterday.len());
    assert_eq!(org.requests(), 4, "three pages of those present, one of the deactivated");
    for (name, status, state) in [
        ("mia", "active", AccountState::Active),
        ("tom.baker", "active", AccountState::Active),
        ("jane.doe", "leave", AccountState::Suspended),
        ("yuki.sato", "future", AccountState::Invited),
        ("rosa.lind", "terminated", AccountState::Suspended),
    ] {
        let account = person(&pulled, name);
        assert_eq!((account.fields.text("status"), account.state), (Some(status), state), "{name}");
        assert_eq!(account.key.kind, Kind::Person);
    }
    let tom = person(&pulled, "tom.baker");
    assert_eq!(tom.fields.text("idp_status"), Some("LOCKED_OUT"));
    assert_eq!(tom.fields.text("employee_id"), Some("E00007"));
    assert_eq!((tom.name.as_deref(), tom.fields.text("department")), (Some("Tom Baker"), Some("Support")));
}

#[tokio::test]
async fn what_changed_is_read_in_one_walk_and_includes_who_was_deactivated() {
    let sandbox = sandbox().await;
    let org = sandbox.idp(Idp::Okta);
    let connector = okta(&sandbox, OKTA_TOKEN);
    let since_ms = jiff::Timestamp::now().as_millisecond();
    org.stand("bruno.costa@acme.example", "deactivated");
    org.change("tom.baker@acme.example", "department", "Sales");
    let changed = pull_from(&connector, PullStart { since_ms: Some(since_ms), ..PullStart::default() }).await;
    assert_eq!(changed.coverage, Coverage::Complete, "{:?}", changed.because);
    assert_eq!((changed.accounts.len(), org.requests()), (2, 1));
    assert_eq!(person(&changed, "bruno.costa").fields.text("status"), Some("terminated"));
    assert_eq!(person(&changed, "tom.baker").fields.text("department"), Some("Sales"));
}

#[tokio::test]
async fn sessions_end_with_the_tokens_of_apps_and_twice_is_no_harm() {
    let sandbox = sandbox().await;
    let org = sandbox.idp(Idp::Okta);
    let connector = okta(&sandbox, OKTA_TOKEN);
    let jane = "jane.doe@acme.example";
    let account = find_one(&connector, Kind::Person, jane).await;
    assert!(org.sessions(jane).unwrap() >= 2);
    for _ in 0..2 {
        perform(&connector, Effect::EndSessions, Kind::Person, Some(&account.key), &[]).await.unwrap();
        assert_eq!(org.sessions(jane), Some(0));
    }
    org.delete(jane);
    perform(&connector, Effect::EndSessions, Kind::Person, Some(&account.key), &[]).await.unwrap();
    assert!(matches!(connector.read(&account.key).await, Look::Absent));
}

#[tokio::test]
async fn a_token_that_may_only_read_says_which_role_it_lacks() {
    let sandbox = sandbox().await;
    let connector = okta(&sandbox, OKTA_READ_TOKEN);
    let account = find_one(&connector, Kind::Person, "jane.doe@acme.example").await;
    let refused = perform(&connector, Effect::EndSessions, Kind::Person, Some(&account.key), &[]).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Scope);
    assert!(refused.to_string().contains("permission"), "{refused}");
    let wrong = wrong(&okta(&sandbox, "00wrong")).await;
    assert!(!wrong.says.contains("00wrong"), "{}", wrong.says);
}

#[tokio::test]
async fn the_rate_that_the_headers_tell_is_kept() {
    let options = Options { limits: Limits::published(), people: 40, ..Options::default() };
    let sandbox = tenure_sandbox::start(options).await.unwrap();
    let connector = okta(&sandbox, OKTA_TOKEN);
    let pulled = pull(&connector).await;
    assert_eq!((pulled.coverage, connector.statistics().throttled), (Coverage::Complete, 0));
    assert!(connector.statistics().per_second.is_some_and(|rate| rate <= 5.0));
}

#[tokio::test]
async fn a_service_app_signs_for_its_token_keeps_it_and_gets_another_when_it_is_refused() {
    let sandbox = sandbox().await;
    let org = sandbox.idp(Idp::Okta);
    let key = okta_private_key();
    let connector = okta_with(&sandbox, &[("client_id", OKTA_CLIENT), ("private_key", &key)], None).unwrap();
    let pulled = pull(&connector).await;
    assert_eq!(pulled.coverage, Coverage::Complete, "{:?}", pulled.because);
    assert_eq!(org.requests(), 3, "one token for two lists");
    let jane = "jane.doe@acme.example";
    let account = find_one(&connector, Kind::Person, jane).await;
    org.revoke_tokens();
    perform(&connector, Effect::EndSessions, Kind::Person, Some(&account.key), &[]).await.unwrap();
    assert_eq!(org.sessions(jane), Some(0));
    assert_eq!(connector.whoami().await.unwrap(), None, "an app acts as nobody");
    assert!(okta(&sandbox, OKTA_TOKEN).whoami().await.unwrap().is_some());
}

#[tokio::test]
async fn a_key_may_be_a_jwk_and_scopes_that_were_not_granted_are_missed_only_where_they_are_needed() {
    let sandbox = sandbox().await;
    let key = okta_read_private_key();
    let connector = okta_with(&sandbox, &[("client_id", OKTA_READ_CLIENT), ("private_key", &key)], None).unwrap();
    assert_eq!(pull(&connector).await.coverage, Coverage::Complete);
    let account = find_one(&connector, Kind::Person, "jane.doe@acme.example").await;
    let refused = perform(&connector, Effect::EndSessions, Kind::Person, Some(&account.key), &[]).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Scope);
}

#[tokio::test]
async fn a_proof_that_is_not_the_apps_is_refused_without_showing_the_key() {
    let sandbox = sandbox().await;
    let (right, other) = (okta_private_key(), okta_read_private_key());
    for (client, key, id) in
        [(OKTA_CLIENT, &other, None), ("0oaNobody", &right, None), (OKTA_CLIENT, &right, Some("another-key"))]
    {
        let connector = okta_with(&sandbox, &[("client_id", client), ("private_key", key)], id).unwrap();
        let wrong = wrong(&connector).await;
        assert!(wrong.says.contains("invalid_client") && wrong.says.contains("`private_key`"), "{}", wrong.says);
        assert!(!wrong.says.contains("MIIE") && !wrong.says.contains("api_token"), "{}", wrong.says);
    }
    let named = okta_with(&sandbox, &[("client_id", OKTA_CLIENT), ("private_key", &right)], Some("sandbox-okta-key"));
    assert_eq!(pull(&named.unwrap()).await.coverage, Coverage::Complete);
}

#[tokio::test]
async fn half_a_credential_and_two_of_them_are_told_apart() {
    let sandbox = sandbox().await;
    let key = okta_private_key();
    for (secrets, says) in [
        (vec![], "it needs `api_token`, or `client_id` and `private_key`"),
        (vec![("client_id", OKTA_CLIENT)], "the secret `private_key` of okta is missing"),
        (vec![("private_key", key.as_str())], "the secret `client_id` of okta is missing"),
        (vec![("api_token", " ")], "the secret `api_token` of okta is missing"),
        (vec![("api_token", OKTA_TOKEN), ("client_id", OKTA_CLIENT)], "not both"),
        (vec![("client_id", OKTA_CLIENT), ("private_key", "s3cret")], "PEM"),
    ] {
        let error = okta_with(&sandbox, &secrets, None).unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Configuration, Some("secrets")));
        assert!(error.to_string().contains(says) && !error.to_string().contains("s3cret"), "{error}");
    }
}
