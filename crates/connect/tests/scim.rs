//! SCIM as a way to write, over real HTTP against the sandbox's SCIM surfaces: what it is used for, and what its refusals
//! come to. Each test names the fact it proves and the vendor's behaviours behind it.
//! What is true is asked of the sandbox's world, or of a second connector that has written nothing.

mod common;

use common::scim::*;
use common::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tenure_connect::transport::{
    ClientCredentials, ClientStyle, Credential, Request, SystemClock, Transport, TransportOptions,
};
use tenure_connect::{Connector, ErrorKind, Look, ScimSettings, ScimUse, Secrets, Settings, Verdict, abilities_of};
use tenure_core::abilities::Effect;
use tenure_core::account::{AccountState, Kind};
use tenure_core::facts::Coverage;
use tenure_sandbox::{
    GAINSIGHT_READ_ACCESS_KEY, GAINSIGHT_SCIM_CLIENT, GAINSIGHT_SCIM_READ_CLIENT, GAINSIGHT_SCIM_READ_SECRET,
    GAINSIGHT_SCIM_SECRET, GAINSIGHT_SCIM_TOKEN, Sandbox, Surface, Vendor,
};

/// A live Gainsight and a connector to it.
async fn live_gainsight() -> (Sandbox, Connector) {
    let sandbox = live_sandbox(&[Vendor::Gainsight]).await;
    let connector = connect_scim(&sandbox, Vendor::Gainsight, "live", &[]);
    (sandbox, connector)
}

/// Makes a group, as an identity provider does.
async fn make_group(sandbox: &Sandbox, dialect: &str, name: &str) {
    let url = format!("{}/Groups", sandbox.surface_url(Vendor::Gainsight, Surface::Scim).unwrap());
    let credential = match dialect {
        "guide" => Credential::Bearer(GAINSIGHT_SCIM_TOKEN.to_owned().into()),
        _ => Credential::OAuthClientCredentials(ClientCredentials::new(
            sandbox.surface_url(Vendor::Gainsight, Surface::Token).unwrap().parse().unwrap(),
            GAINSIGHT_SCIM_CLIENT.to_owned().into(),
            GAINSIGHT_SCIM_SECRET.to_owned().into(),
            None,
            ClientStyle::Basic,
        )),
    };
    let body = format!(r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"{name}"}}"#);
    let request = Request::new(http::Method::POST, url.parse().unwrap())
        .body("application/scim+json", body)
        .credential(Arc::new(credential));
    let transport = Transport::new(TransportOptions::default(), Arc::new(SystemClock));
    assert_eq!(transport.send(&request).await.unwrap().status, 201);
}

// proves GS-35 (live)
#[tokio::test]
async fn a_role_in_gainsight_live_is_read_and_written_over_scim() {
    let (sandbox, connector) = live_gainsight().await;
    let pulled = pull(&connector).await;
    assert_eq!((pulled.coverage, pulled.because), (Coverage::Complete, None));
    let chloe = pulled.accounts.values().find(|account| account.login.as_deref() == Some(CHLOE)).unwrap();
    assert_eq!(held(chloe, "role"), ["Standard User"]);
    assert!(pulled.accounts.values().all(|account| account.grants_known.contains(&"role".into())));
    let role = grants("role", "role", &["CSM"], &["Standard User"]);
    change(&connector, Kind::User, CHLOE, &[role, field("title", "Head of Success")]).await.unwrap();
    let other = connect_scim(&sandbox, Vendor::Gainsight, "live", &[]);
    let chloe = find_one(&other, Kind::User, CHLOE).await;
    assert_eq!((held(&chloe, "role"), chloe.fields.text("title")), (vec!["CSM".to_owned()], Some("Head of Success")));
    assert_eq!(sandbox.world().find(Vendor::Gainsight, CHLOE).unwrap()["IsSuperAdmin"], false);
    let counts = sandbox.statistics().of(Vendor::Gainsight);
    assert!(counts.scim > 0 && counts.tokens == 2, "{counts:?}"); // one token for each connector
}

#[tokio::test]
async fn an_account_that_rest_makes_gets_its_role_over_scim() {
    let (_sandbox, connector) = live_gainsight().await;
    let changes = [
        field("email", "New.Joiner@acme.example"),
        field("given_name", "New"),
        field("family_name", "Joiner"),
        field("name", "New Joiner"),
        field("user_name", "new.joiner@acme.example"),
        field("license_type", "Full"),
        grants("role", "role", &["Viewer"], &[]),
    ];
    let made = perform(&connector, Effect::Create, Kind::User, None, &changes).await.unwrap();
    assert_eq!(held(&read(&connector, &made.account).await, "role"), ["Viewer"]);
}

#[tokio::test]
async fn a_role_that_the_tenant_lacks_is_refused_before_anything_else_is_written() {
    let (sandbox, connector) = live_gainsight().await;
    let writes = sandbox.statistics().of(Vendor::Gainsight).writes;
    let changes = [grants("role", "role", &["Emperor"], &[]), field("title", "Emperor")];
    let error = change(&connector, Kind::User, CHLOE, &changes).await.unwrap_err();
    assert_eq!(
        (error.kind, error.status, error.may_have_happened),
        (ErrorKind::Validation, Some(400), false),
        "{error}"
    );
    assert!(error.text.contains("SCIM of Gainsight") && error.text.contains("no role of this name"), "{error}");
    let chloe = find_one(&connector, Kind::User, CHLOE).await;
    assert_eq!(held(&chloe, "role"), ["Standard User"]);
    assert_ne!(chloe.fields.text("title"), Some("Emperor"));
    assert!(sandbox.statistics().of(Vendor::Gainsight).writes <= writes + 1, "the refused patch only");
}

// proves GS-04, GS-33 (live)
#[tokio::test]
async fn a_client_that_may_only_read_is_told_apart_from_a_wrong_one() {
    let sandbox = live_sandbox(&[Vendor::Gainsight]).await;
    let reads = map(&[("client_id", GAINSIGHT_SCIM_READ_CLIENT), ("client_secret", GAINSIGHT_SCIM_READ_SECRET)]);
    let connector = connect_with(scim_on(&sandbox, Vendor::Gainsight, "live", &[]), Vendor::Gainsight, reads);
    assert_eq!(held(&find_one(&connector, Kind::User, CHLOE).await, "role"), ["Standard User"]);
    let error = change(&connector, Kind::User, CHLOE, &[grants("role", "role", &["CSM"], &[])]).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Scope, Some(403)), "{error}");
    let wrong = map(&[("client_id", GAINSIGHT_SCIM_CLIENT), ("client_secret", "hunter22")]);
    let connector = connect_with(scim_on(&sandbox, Vendor::Gainsight, "live", &[]), Vendor::Gainsight, wrong);
    let error = change(&connector, Kind::User, CHLOE, &[grants("role", "role", &["CSM"], &[])]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth, "{error}");
    let lines = connector.check().await;
    let line = line_of(&lines, "scim");
    for words in ["credential of its own", "`access_key` of REST is refused here", "issued anew", "single sign-on"] {
        assert!(line.ok == Verdict::Bad && line.says.contains(words), "{words}: {line:?}");
    }
    assert!(error.to_string().contains("invalid_client") && !error.to_string().contains("hunter22"), "{error}");
}

#[tokio::test]
async fn swapped_credentials_are_told_as_such() {
    // Either surface refuses the other's credential without saying so.
    // proves GS-04, GS-33 (guide)
    // proves FD-42 (guide, live)
    let sandbox = sandbox().await;
    for (vendor, twin) in
        [(Vendor::Gainsight, "access_key"), (Vendor::Freshdesk, "api_key"), (Vendor::Freshservice, "api_key")]
    {
        for dialect in ["guide", "live"] {
            let rest = secrets(vendor);
            let same = BTreeMap::from([("token".to_owned(), rest[twin].clone())]);
            let settings = scim_on(&sandbox, vendor, dialect, &[ScimUse::Suspend]);
            let error = Connector::new(settings, Secrets { rest, scim: same }).unwrap_err();
            assert_eq!(
                (error.kind, error.field.as_deref()),
                (ErrorKind::Configuration, Some("scim")),
                "{vendor}: {error}"
            );
            assert!(error.to_string().contains(twin) && error.to_string().contains("two credentials"), "{error}");
        }
    }
    assert_eq!(sandbox.statistics().of(Vendor::Gainsight).requests, 0);
    let key = map(&[("token", GAINSIGHT_READ_ACCESS_KEY)]);
    let connector = connect_with(scim_on(&sandbox, Vendor::Gainsight, "guide", &[]), Vendor::Gainsight, key);
    let lines = connector.check().await;
    let line = line_of(&lines, "scim");
    assert_eq!((line.ok, line.error), (Verdict::Bad, Some(ErrorKind::Auth)), "{line:?}");
    for words in ["credential of its own", "`access_key` of REST", "User Management → SCIM", "issued anew"] {
        assert!(line.says.contains(words), "{words}: {}", line.says);
    }
    assert!(!line.says.contains(GAINSIGHT_READ_ACCESS_KEY));
}

#[tokio::test]
async fn a_surface_that_lost_its_single_sign_on_says_so_and_rest_goes_on() {
    // The vendor answers 403 without a word.
    let (sandbox, connector) = live_gainsight().await;
    let before = pull(&connector).await.accounts.len();
    sandbox.world().set_sso(Vendor::Gainsight, false);
    let pulled = pull(&connector).await;
    assert_eq!((pulled.coverage, pulled.accounts.len()), (Coverage::Complete, before));
    assert!(pulled.accounts.values().all(|account| !account.grants_known.contains(&"role".into())));
    let (_, because, error) = end_of(&connector).await;
    assert_eq!(error, Some(ErrorKind::Scope));
    assert!(
        because.as_deref().is_some_and(|because| because.contains("is SAML SSO still on in Gainsight?")),
        "{because:?}"
    );
    let error = change(&connector, Kind::User, CHLOE, &[grants("role", "role", &["CSM"], &[])]).await.unwrap_err();
    assert!(!error.may_have_happened && error.to_string().contains("single sign-on"), "{error}");
    change(&connector, Kind::User, CHLOE, &[field("title", "Lead")]).await.unwrap();
    assert_eq!(sandbox.world().find(Vendor::Gainsight, CHLOE).unwrap()["Title"], "Lead");
    let lines = connector.check().await;
    assert_eq!(line_of(&lines, "scim").ok, Verdict::Bad);
    assert_eq!(line_of(&lines, "scim: single sign-on").ok, Verdict::Unconfirmed);
    assert!(matches!(connector.find(Kind::User, tenure_connect::LookupBy::Email(CHLOE)).await, Look::Found(_)));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_once_after_it_was_revoked() {
    let sandbox = live_sandbox(&[Vendor::Gainsight]).await;
    let connector = connect_scim(&sandbox, Vendor::Gainsight, "live", &[]);
    let counts = || {
        let counts = sandbox.statistics().of(Vendor::Gainsight);
        (counts.tokens, counts.unauthorized)
    };
    find_one(&connector, Kind::User, CHLOE).await;
    find_one(&connector, Kind::User, CHLOE).await;
    assert_eq!(counts(), (1, 0), "one token serves all");
    sandbox.set_token_life(Duration::from_secs(3));
    sandbox.revoke_tokens();
    let chloe = find_one(&connector, Kind::User, CHLOE).await;
    assert_eq!(held(&chloe, "role"), ["Standard User"]);
    assert_eq!(counts(), (2, 1), "refused once, then renewed and asked again");
    tokio::time::sleep(Duration::from_millis(2750)).await; // past nine tenths of its life
    find_one(&connector, Kind::User, CHLOE).await;
    assert_eq!(counts(), (3, 1), "renewed early, so that nothing was refused");
}

// proves GS-34 (live)
#[tokio::test]
async fn a_write_whose_token_was_revoked_is_asked_once_more_and_done_once() {
    let (sandbox, connector) = live_gainsight().await;
    find_one(&connector, Kind::User, CHLOE).await;
    let writes = sandbox.statistics().of(Vendor::Gainsight).writes;
    sandbox.revoke_tokens();
    let key = find_one(&connector, Kind::User, CHLOE).await.key;
    sandbox.revoke_tokens();
    perform(&connector, Effect::Suspend, Kind::User, Some(&key), &[]).await.unwrap();
    perform(&connector, Effect::Resume, Kind::User, Some(&key), &[]).await.unwrap();
    let role = [grants("role", "role", &["CSM"], &["Standard User"])];
    perform(&connector, Effect::Update, Kind::User, Some(&key), &role).await.unwrap();
    let counts = sandbox.statistics().of(Vendor::Gainsight);
    assert_eq!((counts.tokens, counts.unauthorized, counts.writes), (3, 2, writes + 3), "{counts:?}");
    assert_eq!(sandbox.world().find(Vendor::Gainsight, CHLOE).unwrap()["Roles"], serde_json::json!(["CSM"]));
}

// proves GS-33 (guide)
#[tokio::test]
async fn a_surface_that_takes_no_token_any_more_is_asked_no_oftener_than_a_token_can_be_renewed() {
    let refuse: wire::Refuse = |_| Some((401, serde_json::json!({"status": "401", "detail": "invalid token"})));
    for (dialect, most) in [("guide", 1), ("live", 2)] {
        let sandbox = signed_on(dialect).await;
        let key = find_one(&connect_as(&sandbox, Vendor::Gainsight, dialect), Kind::User, CHLOE).await.key;
        let surface = sandbox.surface_url(Vendor::Gainsight, Surface::Scim).unwrap();
        let wire = wire::Wire::refusing_url(&sandbox, &surface, refuse).await;
        let mut settings = scim_on(&sandbox, Vendor::Gainsight, dialect, &[ScimUse::Suspend]);
        settings.scim.as_mut().unwrap().url = Some(wire.url.clone());
        let connector = connect_with(settings, Vendor::Gainsight, own(Vendor::Gainsight, dialect));
        let error = perform(&connector, Effect::Suspend, Kind::User, Some(&key), &[]).await.unwrap_err();
        assert_eq!((error.kind, error.may_have_happened), (ErrorKind::Auth, false), "{dialect}: {error}");
        assert!(error.to_string().contains("Administration → User Management → SCIM"), "{dialect}: {error}");
        assert_eq!(wire.sent().len(), most, "{dialect}: {:?}", wire.lines());
        // A pull reads the accounts all the same, and its end says what has ended.
        wire.forget();
        let (coverage, because, error) = end_of(&connector).await;
        assert_eq!((coverage, error), (Coverage::Complete, Some(ErrorKind::Auth)), "{dialect}");
        assert!(because.unwrap().contains("issued anew"), "{dialect}");
        assert!(wire.sent().len() <= most, "{dialect}: {:?}", wire.lines());
    }
}

#[tokio::test]
async fn freshdesks_guide_changes_an_address_over_scim_and_all_else_over_rest() {
    // REST takes the address at creation only (FD-26), and ids there are not the ids here (FD-43).
    let sandbox = sandbox().await;
    let plain = connect(&sandbox, Vendor::Freshdesk);
    let changes = [field("email", "jane.smith@acme.example"), field("title", "Team Lead")];
    let error = change(&plain, Kind::Agent, JANE, &changes).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
    let connector = connect_scim(&sandbox, Vendor::Freshdesk, "guide", &[]);
    let key = find_one(&connector, Kind::Agent, JANE).await.key;
    change(&connector, Kind::Agent, JANE, &changes).await.unwrap();
    let jane = read(&connector, &key).await;
    assert_eq!(
        (jane.login.as_deref(), jane.fields.text("title")),
        (Some("jane.smith@acme.example"), Some("Team Lead"))
    );
    // The id that SCIM has for the person is kept, whatever the address is now.
    change(&connector, Kind::Agent, "jane.smith@acme.example", &[field("email", JANE)]).await.unwrap();
    assert_eq!(sandbox.world().id(Vendor::Freshdesk, JANE).as_deref(), Some(key.id.as_str()));
    let error = change(&connector, Kind::Agent, JANE, &[field("email", "SAM+support@acme.example")]).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Duplicate, Some(409)), "{error}");
    let scim = sandbox.statistics().of(Vendor::Freshdesk).scim;
    change(&connector, Kind::Agent, JANE, &[field("title", "Agent")]).await.unwrap();
    assert_eq!(sandbox.statistics().of(Vendor::Freshdesk).scim, scim, "what REST can write goes over REST");
}

#[tokio::test]
async fn groups_of_gainsight_are_joined_and_left_over_scim_in_both_dialects() {
    // The guide's surface takes a static token, the live one a client's.
    // proves GS-01, GS-03, GS-34, GS-38, GS-39 (guide, live)
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        for name in ["EMEA", "Renewals \"A\\B"] {
            make_group(&sandbox, dialect, &name.replace('\\', "\\\\").replace('"', "\\\"")).await;
        }
        let connector = connect_scim(&sandbox, Vendor::Gainsight, dialect, &[]);
        pull(&connector).await;
        let add = grants("groups", "group", &["emea", "Renewals \"A\\B"], &[]);
        change(&connector, Kind::User, CHLOE, &[add]).await.unwrap();
        assert_eq!(
            held(&find_one(&connector, Kind::User, CHLOE).await, "group"),
            ["EMEA", "Renewals \"A\\B"],
            "{dialect}"
        );
        let other = connect_scim(&sandbox, Vendor::Gainsight, dialect, &[]);
        change(&other, Kind::User, CHLOE, &[grants("groups", "group", &[], &["EMEA"])]).await.unwrap();
        let pulled = pull(&connector).await;
        let chloe = pulled.accounts.values().find(|account| account.login.as_deref() == Some(CHLOE)).unwrap();
        assert_eq!(held(chloe, "group"), ["Renewals \"A\\B"], "{dialect}");
        let error = change(&other, Kind::User, CHLOE, &[grants("groups", "group", &["APAC"], &[])]).await.unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Validation, Some("groups")), "{dialect}: {error}");
    }
}

#[tokio::test]
async fn somebody_is_put_out_over_scim_only_where_the_operator_wants_it() {
    // proves FD-43, FS-42, GS-37 (guide, live)
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        for (vendor, kind, email) in SURFACES {
            let connector = connect_scim(&sandbox, vendor, dialect, &[ScimUse::Suspend]);
            let key = find_one(&connector, kind, email).await.key;
            let writes = sandbox.statistics().of(vendor).writes;
            let performed = perform(&connector, Effect::Suspend, kind, Some(&key), &[]).await.unwrap();
            assert_eq!(performed.account, key);
            assert!(sandbox.statistics().of(vendor).scim > 0, "{vendor} {dialect}");
            assert!(sandbox.statistics().of(vendor).writes <= writes + 1, "{vendor} {dialect}");
            match connector.read(&key).await {
                Look::Found(account) => assert_eq!(account.state, AccountState::Suspended, "{vendor} {dialect}"),
                other => assert_eq!(other, Look::Absent, "{vendor} {dialect}"),
            }
            assert_ne!(sandbox.world().state(vendor, email), Some("active"), "{vendor} {dialect}");
        }
    }
}

#[tokio::test]
async fn an_agent_of_freshservice_is_made_over_rest_though_scim_is_on() {
    // SCIM would make a requester.
    // proves FS-41 (guide, live)
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        let connector = connect_scim(&sandbox, Vendor::Freshservice, dialect, &[ScimUse::Suspend]);
        let changes = [
            field("email", "new.joiner@acme.example"),
            field("given_name", "New"),
            field("family_name", "Joiner"),
            grants("roles", "role", &["IT Agent@entire_helpdesk"], &[]),
        ];
        let made = perform(&connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap();
        let account = read(&connector, &made.account).await;
        assert_eq!((account.key.kind, held(&account, "role")), (Kind::Agent, vec!["IT Agent".to_owned()]), "{dialect}");
        assert_eq!(sandbox.statistics().of(Vendor::Freshservice).scim, 0, "{dialect}");
    }
}

#[tokio::test]
async fn no_surface_works_without_single_sign_on_and_each_says_so() {
    // proves FD-41, FS-40, GS-31 (guide, live)
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        for (vendor, kind, email) in SURFACES {
            sandbox.world().set_sso(vendor, false);
            let connector = connect_scim(&sandbox, vendor, dialect, &[ScimUse::Suspend]);
            let key = find_one(&connector, kind, email).await.key;
            let error = perform(&connector, Effect::Suspend, kind, Some(&key), &[]).await.unwrap_err();
            assert_eq!((error.kind, error.may_have_happened), (ErrorKind::Scope, false), "{vendor} {dialect}: {error}");
            assert!(error.to_string().contains("is SAML SSO still on"), "{vendor} {dialect}: {error}");
            assert_eq!(sandbox.world().state(vendor, email), Some("active"), "{vendor} {dialect}");
        }
    }
}

#[tokio::test]
async fn what_scim_writes_is_an_ability_only_where_it_is_on() {
    let sandbox = live_sandbox(&[Vendor::Gainsight]).await;
    let user = |settings: &Settings| abilities_of(settings).kinds[&Kind::User].clone();
    let off = settings(&sandbox, Vendor::Gainsight).speaking("live").unwrap();
    assert!(user(&off).entitlements["role"].by_hand && !user(&off).entitlements.contains_key("groups"));
    let on = scim_on(&sandbox, Vendor::Gainsight, "live", &[]);
    assert!(!user(&on).entitlements["role"].by_hand && user(&on).entitlements.contains_key("groups"));
    let fields_only = scim_on(&sandbox, Vendor::Gainsight, "live", &[ScimUse::Fields]);
    assert!(user(&fields_only).entitlements["role"].by_hand);
    let agent = |settings: &Settings| abilities_of(settings).kinds[&Kind::Agent].fields["email"].clone();
    let off = settings(&sandbox, Vendor::Freshdesk);
    assert!(!agent(&off).at_update && agent(&off).cannot.is_some());
    let on = scim_on(&sandbox, Vendor::Freshdesk, "guide", &[]);
    assert!(agent(&on).at_update && agent(&on).cannot.is_none());
}

#[tokio::test]
async fn prerequisites_are_checked_before_anything_is_sent() {
    // proves GS-32, FD-41, FD-44, FS-40, GOR-07, GLA-06 (guide, live)
    let sandbox = sandbox().await;
    let provider = |name: &'static str| {
        move |settings: &mut Settings| settings.scim.as_mut().unwrap().provider = Some(name.to_owned())
    };
    for dialect in ["guide", "live"] {
        let refused = |vendor: Vendor, change: &dyn Fn(&mut Settings)| {
            let mut settings = scim_on(&sandbox, vendor, dialect, &[]);
            change(&mut settings);
            settings.check().unwrap_err().to_string()
        };
        for name in ["Google Workspace", "OneLogin"] {
            let said = refused(Vendor::Gainsight, &provider(name));
            assert!(said.contains(name) && said.contains("Okta, Microsoft Entra ID"), "{said}");
        }
        let said = refused(Vendor::Freshdesk, &provider("Google Workspace"));
        assert!(said.contains("Okta, Microsoft Entra ID, OneLogin"), "{said}");
        let settings = scim_on(&sandbox, Vendor::Freshdesk, dialect, &[]);
        let groups = &settings.manifest.scim.as_ref().unwrap().limits;
        assert!(groups.iter().any(|limit| limit.contains("pushing groups depends")), "{groups:?}");
        for (vendor, needed) in [(Vendor::Freshdesk, "Enterprise"), (Vendor::Freshservice, "Pro")] {
            let said = refused(vendor, &|settings| settings.plan = Some("growth".into()));
            assert!(said.contains("not part of the plan \"growth\"") && said.contains(needed), "{said}");
        }
        for (vendor, because) in [(Vendor::Gorgias, "plan"), (Vendor::Gladly, "SCIM")] {
            let said = refused(vendor, &|_| {});
            assert!(said.contains("has no SCIM surface") && said.contains(because), "{said}");
        }
        for name in ["okta", "Entra", "Microsoft Entra ID"] {
            let mut settings = scim_on(&sandbox, Vendor::Gainsight, dialect, &[]);
            provider(name)(&mut settings);
            settings.check().unwrap();
        }
    }
    let bare = scim_on(&sandbox, Vendor::Gainsight, "guide", &[]);
    let error = Connector::new(bare, secrets(Vendor::Gainsight)).unwrap_err();
    assert!(error.to_string().contains("token, or client_id and client_secret"), "{error}");
    assert_eq!(sandbox.statistics().of(Vendor::Gainsight).requests, 0);
}

// proves GS-35 (guide)
#[tokio::test]
async fn a_check_lists_the_surface_and_what_it_needs() {
    for (dialect, words) in [("guide", "groups"), ("live", "groups, role")] {
        let sandbox = signed_on(dialect).await;
        let connector = connect_scim(&sandbox, Vendor::Gainsight, dialect, &[]);
        let lines = connector.check().await;
        let users = sandbox.world().list(Vendor::Gainsight).len();
        assert_eq!(line_of(&lines, "scim").ok, Verdict::Good);
        assert!(line_of(&lines, "scim").says.ends_with(&format!("; {users} users")), "{lines:?}");
        assert_eq!(line_of(&lines, "scim: single sign-on").ok, Verdict::Good);
        assert_eq!(line_of(&lines, "scim: plan").ok, Verdict::Unconfirmed);
        assert_eq!(line_of(&lines, "scim: identity provider").ok, Verdict::Unconfirmed);
        assert_eq!(line_of(&lines, "scim: use").says, format!("{words} go over SCIM"));
    }
}

#[tokio::test]
async fn freshservice_has_one_host_for_all_with_people_there_while_groups_stay_with_rest() {
    // proves FS-39 (guide, live)
    for dialect in ["guide", "live"] {
        for tenant in ["acme", "other"] {
            let mut settings = bare_settings(Vendor::Freshservice, dialect);
            settings.parameters.insert("domain".into(), tenant.into());
            settings.scim = Some(ScimSettings::default());
            assert_eq!(settings.scim_url().unwrap().as_str(), "https://scim.freshservice.com/scim/v2", "{dialect}");
        }
        let sandbox = signed_on(dialect).await;
        let (connector, wire) = wired(&sandbox, Vendor::Freshservice, dialect, &[ScimUse::Suspend]).await;
        let priya = find_one(&connector, Kind::Agent, PRIYA).await;
        let joins = [grants("groups", "group", &["Hardware"], &[])];
        change(&connector, Kind::Agent, PRIYA, &joins).await.unwrap();
        assert_eq!(held(&read(&connector, &priya.key).await, "group"), ["Hardware"], "{dialect}");
        assert!(wire.lines().is_empty(), "groups went over SCIM: {:?}", wire.lines());
        perform(&connector, Effect::Suspend, Kind::Agent, Some(&priya.key), &[]).await.unwrap();
        let lines = wire.lines();
        assert!(lines.len() == 2 && lines[0] == "GET /Users" && lines[1].starts_with("PATCH /Users/"), "{lines:?}");
        assert_ne!(sandbox.world().state(Vendor::Freshservice, PRIYA), Some("active"));
    }
}

#[tokio::test]
async fn ids_of_gainsights_two_surfaces_are_never_taken_for_equal() {
    // In the guide's dialect they are equal, which is not relied on either.
    // proves GS-40 (guide, live)
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        let (connector, wire) = wired(&sandbox, Vendor::Gainsight, dialect, &[ScimUse::Suspend]).await;
        let key = find_one(&connector, Kind::User, CHLOE).await.key;
        wire.forget();
        perform(&connector, Effect::Suspend, Kind::User, Some(&key), &[]).await.unwrap();
        let sent = wire.sent();
        let asked = sent[0].query.get("filter").map(String::as_str);
        assert_eq!(asked, Some("userName eq \"chloe.martin@acme.example\""), "{dialect}: the address is asked first");
        let patched = sent.last().unwrap().path.trim_start_matches("/Users/").to_owned();
        assert_eq!(patched == key.id.as_str(), dialect == "guide", "{dialect}: {patched} and {key}");
        assert_ne!(sandbox.world().state(Vendor::Gainsight, CHLOE), Some("active"), "{dialect}");
    }
}
