//! Making people over SCIM, over real HTTP against the sandbox's SCIM surfaces in both dialects: what is sent, what follows
//! over REST, and what becomes of a taken address, a full house and a lost answer.
//! What is true is asked of the sandbox's world, or of a second connector that has written nothing.

mod common;

use common::scim::*;
use common::*;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use tenure_connect::{Connector, ErrorKind, Look, LookupBy, ScimUse, Verdict, abilities_of};
use tenure_core::abilities::Effect;
use tenure_core::account::{Account, AccountState, Kind};
use tenure_core::change::Change;
use tenure_sandbox::{Sandbox, Surface, Vendor};

const NEW: &str = "New.Joiner@acme.example";
const USES: [ScimUse; 3] = [ScimUse::Create, ScimUse::Fields, ScimUse::Grants];

/// What a joiner gets: what SCIM takes, what only REST does, and what the app would choose otherwise.
fn joiner(vendor: Vendor, dialect: &str, email: &str) -> Vec<Change> {
    let mut changes = vec![field("email", email), field("title", "Engineer")];
    if vendor == Vendor::Freshdesk {
        changes.push(field("name", "New van Joiner"));
        changes.push(field("ticket_scope", "group"));
        changes.push(field("occasional", false));
        changes.push(grants("roles", "role", &["Supervisor"], &[]));
        changes.push(grants("groups", "group", &["Billing"], &[]));
        return changes;
    }
    changes.push(field("given_name", "New"));
    changes.push(field("family_name", "Joiner"));
    match (vendor, dialect) {
        (Vendor::Freshservice, _) => {
            changes.push(field("time_zone", "America/New_York"));
            changes.push(field("occasional", false));
            changes.push(grants("roles", "role", &["IT Agent"], &[]));
        }
        (_, "guide") => {
            changes.push(field("external_id", "E00900"));
            changes.push(field("department", "Customer Success"));
            changes.push(grants("role", "role", &["Standard User"], &[]));
        }
        _ => {
            changes.push(field("user_name", email));
            changes.push(field("license_type", "Full"));
            changes.push(grants("role", "role", &["CSM"], &[]));
            changes.push(grants("permission_bundles", "permission_bundle", &["CSM Standard"], &[]));
        }
    }
    changes
}

/// Makes the joiner, and reads who came of it with a connector that has written nothing.
async fn join(sandbox: &Sandbox, connector: &Connector, vendor: Vendor, kind: Kind, dialect: &str) -> Account {
    let changes = joiner(vendor, dialect, NEW);
    let made = perform(connector, Effect::Create, kind, None, &changes).await.unwrap_or_else(|error| {
        panic!("{vendor} {dialect}: {error}");
    });
    let other = connect_scim(sandbox, vendor, dialect, &USES);
    let account = read(&other, &made.account).await;
    assert_eq!(account.key.kind, kind, "{vendor} {dialect}");
    account
}

#[tokio::test]
async fn somebody_is_made_over_scim_and_gets_over_rest_what_scim_does_not_set() {
    // proves GS-36 (guide, live)
    // proves FD-10, FS-41 (guide, live)
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        for (vendor, kind, _) in SURFACES {
            let (connector, wire) = wired(&sandbox, vendor, dialect, &USES).await;
            let account = join(&sandbox, &connector, vendor, kind, dialect).await;
            let sent = wire.writes();
            let body = &sent[0].body;
            assert_eq!((sent[0].method.as_str(), sent[0].path.as_str()), ("POST", "/Users"), "{vendor} {dialect}");
            let name = if (vendor, dialect) == (Vendor::Gainsight, "live") { NEW.to_lowercase() } else { NEW.into() };
            assert_eq!((&body["userName"], &body["emails"][0]["value"]), (&json!(name), &json!(NEW)), "{body}");
            let family = if vendor == Vendor::Freshdesk { "van Joiner" } else { "Joiner" };
            assert_eq!(body["name"], json!({"givenName": "New", "familyName": family}), "{body}");
            assert_eq!(account.login.as_deref().map(str::to_lowercase), Some(NEW.to_lowercase()));
            assert_eq!(account.fields.text("title"), Some("Engineer"), "{vendor} {dialect}: {account:?}");
            assert_eq!(find_one(&connector, kind, NEW).await.key, account.key, "{vendor} {dialect}: one and no more");
            match vendor {
                Vendor::Freshdesk => {
                    assert_eq!(held(&account, "role"), ["Supervisor"], "the app's own role is gone, {dialect}");
                    assert_eq!(
                        (held(&account, "group"), account.fields.text("ticket_scope")),
                        (vec!["Billing".into()], Some("group"))
                    );
                }
                Vendor::Freshservice => assert_eq!(held(&account, "role"), ["IT Agent"], "{dialect}"),
                _ => assert_eq!(held(&account, "role"), [if dialect == "live" { "CSM" } else { "Standard User" }]),
            }
            if (vendor, dialect) == (Vendor::Gainsight, "live") {
                assert_eq!(
                    (held(&account, "permission_bundle"), account.fields.text("license_type")),
                    (vec!["CSM Standard".into()], Some("Full"))
                );
            }
        }
    }
}

#[tokio::test]
async fn a_requester_is_made_over_scim_alone() {
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        let (connector, wire) = wired(&sandbox, Vendor::Freshservice, dialect, &USES).await;
        let changes = [field("email", NEW), field("given_name", "New"), field("phone", "1")];
        let writes = sandbox.statistics().of(Vendor::Freshservice).writes;
        let made = perform(&connector, Effect::Create, Kind::Requester, None, &changes).await.unwrap();
        assert_eq!(wire.lines(), ["POST /Users"], "{dialect}");
        assert_eq!(sandbox.statistics().of(Vendor::Freshservice).writes, writes + 1, "nothing is left for REST");
        let account = read(&connector, &made.account).await;
        assert_eq!((account.key.kind, account.state), (Kind::Requester, AccountState::Active));
    }
}

#[tokio::test]
async fn what_is_missing_or_unknown_is_refused_before_anybody_is_made() {
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        for (vendor, kind, _) in SURFACES {
            let (connector, wire) = wired(&sandbox, vendor, dialect, &USES).await;
            for left_out in ["email", "given_name", "name"] {
                let mut changes = joiner(vendor, dialect, NEW);
                let before = changes.len();
                changes.retain(|change| change.field.as_str() != left_out);
                if changes.len() == before {
                    continue;
                }
                let error = perform(&connector, Effect::Create, kind, None, &changes).await.unwrap_err();
                assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Validation, Some(left_out)), "{error}");
            }
            if vendor != Vendor::Gainsight {
                let mut changes = joiner(vendor, dialect, NEW);
                changes.retain(|change| change.field.as_str() != "roles");
                changes.push(grants("roles", "role", &["Emperor"], &[]));
                let error = perform(&connector, Effect::Create, kind, None, &changes).await.unwrap_err();
                assert_eq!((error.kind, error.may_have_happened), (ErrorKind::Validation, false), "{error}");
            }
            assert!(wire.writes().is_empty(), "{vendor} {dialect}: {:?}", wire.lines());
        }
    }
}

#[tokio::test]
async fn a_taken_address_is_looked_up_and_nobody_is_taken_over() {
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        for (vendor, kind, email) in SURFACES {
            let (connector, wire) = wired(&sandbox, vendor, dialect, &USES).await;
            let before = sandbox.world().find(vendor, email);
            let changes = joiner(vendor, dialect, email);
            let error = perform(&connector, Effect::Create, kind, None, &changes).await.unwrap_err();
            assert_eq!(
                (error.kind, error.may_have_happened),
                (ErrorKind::Duplicate, false),
                "{vendor} {dialect}: {error}"
            );
            assert!(error.to_string().contains("pull and plan again"), "{vendor} {dialect}: {error}");
            let asked: Vec<_> = wire.sent().into_iter().filter(|sent| sent.method == "GET").collect();
            assert!(
                asked.iter().any(|sent| sent.query["filter"] == format!("userName eq \"{email}\"")),
                "{vendor} {dialect}"
            );
            assert_eq!(sandbox.world().find(vendor, email), before, "{vendor} {dialect}");
        }
    }
}

#[tokio::test]
async fn a_contact_of_the_address_becomes_the_agent_over_rest() {
    // SCIM would find the address taken.
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        let (connector, wire) = wired(&sandbox, Vendor::Freshdesk, dialect, &USES).await;
        let mut changes = joiner(Vendor::Freshdesk, dialect, "bob@customer.example");
        changes.retain(|change| !["title", "name"].contains(&change.field.as_str()));
        changes.push(field("name", "Bob Jones"));
        perform(&connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap();
        assert!(wire.lines().is_empty(), "{dialect}: {:?}", wire.lines());
        assert_eq!(find_one(&connector, Kind::Agent, "bob@customer.example").await.key.kind, Kind::Agent);
    }
}

#[tokio::test]
async fn a_requester_of_the_address_is_made_an_agent_and_not_made_twice() {
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        let (connector, wire) = wired(&sandbox, Vendor::Freshservice, dialect, &USES).await;
        let felix = "felix.braun@acme.example";
        let id = sandbox.world().id(Vendor::Freshservice, felix);
        let changes = joiner(Vendor::Freshservice, dialect, felix);
        let made = perform(&connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap();
        assert_eq!(Some(made.account.id.as_str()), id.as_deref(), "{dialect}");
        assert!(wire.writes().is_empty(), "{dialect}: {:?}", wire.lines());
        // Somebody who was put out is not let in by the way.
        let changes = joiner(Vendor::Freshservice, dialect, "derek.hall@acme.example");
        let error = perform(&connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap_err();
        assert_eq!((error.kind, error.may_have_happened), (ErrorKind::Duplicate, false), "{error}");
        assert!(error.text.contains("requester who is suspended"), "{error}");
    }
}

#[tokio::test]
async fn a_full_house_is_told_as_such_by_either_surface() {
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        for (vendor, kind) in [(Vendor::Freshdesk, Kind::Agent), (Vendor::Freshservice, Kind::Agent)] {
            let (taken, _) = sandbox.world().seats(vendor).unwrap();
            sandbox.world().set_seats(vendor, taken);
            let connector = connect_scim(&sandbox, vendor, dialect, &USES);
            let changes = joiner(vendor, dialect, NEW);
            let first = perform(&connector, Effect::Create, kind, None, &changes).await.unwrap_err();
            assert_eq!(first.kind, ErrorKind::SeatLimit, "{vendor} {dialect}: {first}");
            assert!(first.to_string().contains("seats") || first.to_string().contains("licences"), "{first}");
            // Freshservice has a requester by now, which takes no seat: the second try finds it and is refused clearly.
            assert_eq!(first.may_have_happened, vendor == Vendor::Freshservice, "{vendor} {dialect}");
            let again = perform(&connector, Effect::Create, kind, None, &changes).await.unwrap_err();
            assert_eq!((again.kind, again.may_have_happened), (ErrorKind::SeatLimit, false), "{vendor} {dialect}");
            assert_eq!(sandbox.world().seats(vendor).unwrap().0, taken, "{vendor} {dialect}");
        }
    }
}

#[tokio::test]
async fn after_a_lost_answer_whoever_came_of_it_is_known_again() {
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        for (vendor, kind, _) in SURFACES {
            let connector = connect_scim(&sandbox, vendor, dialect, &USES);
            let fault = format!("cut-after:app={vendor},method=POST,path=/Users,count=1");
            sandbox.set_faults(vec![fault.parse().unwrap()]);
            let changes = joiner(vendor, dialect, NEW);
            let lost = perform(&connector, Effect::Create, kind, None, &changes).await.unwrap_err();
            assert!(lost.may_have_happened, "{vendor} {dialect}: {lost}");
            // Whoever asks again without having looked finds the address taken, and knows by whom.
            let again = perform(&connector, Effect::Create, kind, None, &changes).await.unwrap();
            let account = read(&connector, &again.account).await;
            assert!(!held(&account, "role").is_empty(), "{vendor} {dialect}");
            assert_eq!(sandbox.statistics().of(vendor).creates, 1, "{vendor} {dialect}");
            match connector.find(kind, LookupBy::Email(NEW)).await {
                Look::Found(found) => assert_eq!(found.len(), 1, "{vendor} {dialect}: {found:?}"),
                other => panic!("{vendor} {dialect}: {other:?}"),
            }
        }
    }
}

/// Whether the list of users holds nobody yet.
static LAGS: AtomicBool = AtomicBool::new(true);

#[tokio::test]
async fn whoever_rest_does_not_show_yet_is_not_made_again() {
    let sandbox = signed_on("guide").await;
    let lag: wire::Refuse = |sent| {
        let lists = sent.method == "GET" && sent.path.ends_with("/users") && LAGS.load(Ordering::SeqCst);
        lists.then(|| (200, json!({"result": true, "data": [], "totalCount": 0})))
    };
    let rest = wire::Wire::refusing(&sandbox, Vendor::Gainsight, lag).await;
    let mut settings = scim_on(&sandbox, Vendor::Gainsight, "guide", &USES);
    settings.scim.as_mut().unwrap().url = sandbox.surface_url(Vendor::Gainsight, Surface::Scim);
    settings.url = Some(rest.url.clone());
    let connector = connect_with(settings, Vendor::Gainsight, own(Vendor::Gainsight, "guide"));
    let changes = joiner(Vendor::Gainsight, "guide", NEW);
    let first = perform(&connector, Effect::Create, Kind::User, None, &changes).await.unwrap_err();
    assert!(first.may_have_happened && first.text.contains("does not show it over REST yet"), "{first}");
    LAGS.store(false, Ordering::SeqCst);
    let made = perform(&connector, Effect::Create, Kind::User, None, &changes).await.unwrap();
    assert_eq!(held(&read(&connector, &made.account).await, "role"), ["Standard User"]);
    assert_eq!(sandbox.statistics().of(Vendor::Gainsight).creates, 1);
}

#[tokio::test]
async fn a_conversion_whose_answer_was_lost_may_have_happened() {
    for dialect in ["guide", "live"] {
        let sandbox = signed_on(dialect).await;
        let connector = connect_scim(&sandbox, Vendor::Freshservice, dialect, &USES);
        sandbox.set_faults(vec!["cut-after:app=freshservice,method=PUT,count=1".parse().unwrap()]);
        let changes = joiner(Vendor::Freshservice, dialect, "felix.braun@acme.example");
        let error = perform(&connector, Effect::Create, Kind::Agent, None, &changes).await.unwrap_err();
        assert!(error.may_have_happened, "{dialect}: {error}");
        assert_eq!(find_one(&connector, Kind::Agent, "felix.braun@acme.example").await.key.kind, Kind::Agent);
    }
}

#[tokio::test]
async fn making_people_over_scim_is_chosen_and_shown() {
    let sandbox = signed_on("live").await;
    let together = |uses: &[ScimUse]| {
        let abilities = abilities_of(&scim_on(&sandbox, Vendor::Gainsight, "live", uses));
        abilities.kinds[&Kind::User].effects[&Effect::Create].together
    };
    assert_eq!((together(&[]), together(&USES)), (Some(50), None), "one after the other");
    for (vendor, ..) in SURFACES {
        let connector = connect_scim(&sandbox, vendor, "live", &USES);
        let lines = connector.check().await;
        let line = line_of(&lines, "scim: use");
        assert!(line.ok == Verdict::Good && line.says.contains("creating go over SCIM"), "{line:?}");
    }
    // Without the word everybody is made over REST.
    let (connector, wire) = wired(&sandbox, Vendor::Gainsight, "live", &[]).await;
    join(&sandbox, &connector, Vendor::Gainsight, Kind::User, "live").await;
    assert!(wire.lines().iter().all(|line| line != "POST /Users"), "{:?}", wire.lines());
}
