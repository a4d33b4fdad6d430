//! What a check tells a person whose connection is not as it should be: a wrong key, the key of the other surface, rights
//! that lack, a wrong address, a plan without an API, single sign-on that is off. Of each app in both dialects the words
//! must name who does what, and never what was tried.

mod common;

use common::*;
use tenure_connect::{Connector, ErrorKind, ScimSettings, ScimUse, Secrets, Verdict};
use tenure_core::abilities::Effect;
use tenure_core::account::Kind;
use tenure_sandbox::{
    FRESHDESK_READ_API_KEY, FRESHDESK_SCIM_TOKEN, FRESHSERVICE_READ_API_KEY, FRESHSERVICE_SCIM_TOKEN,
    GAINSIGHT_READ_ACCESS_KEY, GAINSIGHT_SCIM_CLIENT, GAINSIGHT_SCIM_SECRET, GAINSIGHT_SCIM_TOKEN, GLADLY_READ_SECRET,
    GLADLY_READ_USERNAME, GORGIAS_READ_TOKEN, Surface, Vendor,
};

const WRONG: &str = "not-the-right-key-4711";

/// The secret by which an app is asked, and the page that issues it.
fn key_of(vendor: Vendor) -> (&'static str, &'static str) {
    match vendor {
        Vendor::Gorgias => ("token", "Settings → REST API"),
        Vendor::Gladly => ("secret", "Settings → API Tokens"),
        Vendor::Freshdesk => ("api_key", "Profile Settings"),
        Vendor::Freshservice => ("api_key", "Profile Settings"),
        Vendor::Gainsight => ("access_key", "Connectors 2.0 / API Access"),
    }
}

/// The credential of the other surface, where there is one.
fn other_key(vendor: Vendor) -> Option<&'static str> {
    match vendor {
        Vendor::Gorgias | Vendor::Gladly => None,
        Vendor::Freshdesk => Some(FRESHDESK_SCIM_TOKEN),
        Vendor::Freshservice => Some(FRESHSERVICE_SCIM_TOKEN),
        Vendor::Gainsight => Some(GAINSIGHT_SCIM_TOKEN),
    }
}

/// A credential that may only read.
fn reading_key(vendor: Vendor) -> Vec<(&'static str, &'static str)> {
    match vendor {
        Vendor::Gorgias => vec![("token", GORGIAS_READ_TOKEN)],
        Vendor::Gladly => vec![("username", GLADLY_READ_USERNAME), ("secret", GLADLY_READ_SECRET)],
        Vendor::Freshdesk => vec![("api_key", FRESHDESK_READ_API_KEY)],
        Vendor::Freshservice => vec![("api_key", FRESHSERVICE_READ_API_KEY)],
        Vendor::Gainsight => vec![("access_key", GAINSIGHT_READ_ACCESS_KEY)],
    }
}

/// What a person has to do so that writing is allowed.
fn rights_of(vendor: Vendor, dialect: &str) -> &'static str {
    match vendor {
        Vendor::Gorgias if dialect == "live" => "the role of the key's owner",
        Vendor::Gorgias => "write:users",
        Vendor::Gladly => "made by an Admin",
        Vendor::Freshdesk | Vendor::Freshservice => "administrator",
        Vendor::Gainsight => "the access key does",
    }
}

/// A person who is there in each app.
fn somebody(vendor: Vendor) -> (Kind, &'static str) {
    match vendor {
        Vendor::Gorgias | Vendor::Gladly | Vendor::Freshdesk => (Kind::Agent, "jane.doe"),
        Vendor::Freshservice => (Kind::Agent, "priya.nair"),
        Vendor::Gainsight => (Kind::User, "chloe.martin"),
    }
}

async fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for vendor in Vendor::ALL {
        for dialect in ["guide", "live"] {
            scenes.push(Scene::of(vendor, dialect, 30).await);
        }
    }
    scenes
}

fn expect(scene: &Scene, said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{} {}: {word:?} is not in: {said}", scene.vendor, scene.dialect);
    }
    assert!(!said.contains(WRONG), "{said}");
}

#[tokio::test]
async fn a_wrong_key_is_told_with_its_name_and_the_page_that_issues_one() {
    for scene in scenes().await {
        let (name, page) = key_of(scene.vendor);
        let said = Scene::complaints(&scene.with_secrets(&[(name, WRONG)])).await;
        expect(&scene, &said, &["401", &format!("`{name}`"), page]);
    }
}

#[tokio::test]
async fn the_key_of_the_other_surface_is_told_as_such() {
    for scene in scenes().await {
        let Some(key) = other_key(scene.vendor) else { continue };
        let (name, page) = key_of(scene.vendor);
        let said = Scene::complaints(&scene.with_secrets(&[(name, key)])).await;
        expect(&scene, &said, &["SCIM", &format!("`{name}`"), page]);
        assert!(!said.contains(key), "{said}");
    }
}

#[tokio::test]
async fn rights_that_lack_are_told_as_rights_and_who_gives_them() {
    for scene in scenes().await {
        let connector = scene.with_secrets(&reading_key(scene.vendor));
        assert_eq!(Scene::complaints(&connector).await, "", "reading is allowed");
        if (scene.vendor, scene.dialect) == (Vendor::Gladly, "live") {
            continue; // nothing is ever written there
        }
        let (kind, person) = somebody(scene.vendor);
        let key = scene.find(kind, person).await.key;
        let error = perform(&connector, Effect::Suspend, kind, Some(&key), &[]).await.unwrap_err();
        assert_eq!((error.kind, error.may_have_happened), (ErrorKind::Scope, false), "{error}");
        expect(
            &scene,
            &error.to_string(),
            &["reading works with this credential", rights_of(scene.vendor, scene.dialect)],
        );
    }
}

#[tokio::test]
async fn a_wrong_address_is_told_with_the_part_that_the_operator_chose() {
    let scenes = scenes().await;
    let each = scenes.iter().map(|scene| async move {
        let parameter = match scene.vendor {
            Vendor::Gorgias => "account",
            Vendor::Gladly => "org",
            Vendor::Freshdesk | Vendor::Freshservice | Vendor::Gainsight => "domain",
        };
        let mut settings = settings(&scene.sandbox, scene.vendor).speaking(scene.dialect).unwrap();
        settings.url = Some(format!("http://{}/nobody/lives/here", scene.sandbox.addr()));
        let said = Scene::complaints(&Connector::new(settings.clone(), secrets(scene.vendor)).unwrap()).await;
        expect(scene, &said, &["/nobody/lives/here", "the address of your tenant", &format!("`{parameter}` is")]);
        settings.url = Some("http://127.0.0.1:9/api".into());
        let said = Scene::complaints(&Connector::new(settings.clone(), secrets(scene.vendor)).unwrap()).await;
        expect(scene, &said, &["127.0.0.1:9", "the address of your tenant", "acme"]);
        settings.url = None;
        let error = settings.check().unwrap_err();
        expect(scene, &error.to_string(), &[&format!("needs `{parameter}`"), "acme"]);
        settings.parameters.insert(parameter.into(), "acme.example/x".into());
        expect(scene, &settings.check().unwrap_err().to_string(), &["cannot stand in a URL", "such as `acme`"]);
    });
    futures::future::join_all(each).await;
}

#[tokio::test]
async fn a_plan_that_is_none_or_has_no_api_is_told() {
    for scene in scenes().await {
        let mut settings = settings(&scene.sandbox, scene.vendor).speaking(scene.dialect).unwrap();
        if settings.manifest.limits.plans.is_empty() {
            continue; // its plans are not told apart
        }
        settings.plan = Some("golden".into());
        let error = settings.check().unwrap_err();
        expect(&scene, &error.to_string(), &["has no plan \"golden\"", "one of ", "enterprise"]);
        if (scene.vendor, scene.dialect) == (Vendor::Freshdesk, "live") {
            settings.plan = Some("free".into());
            let said = Scene::complaints(&Connector::new(settings, secrets(scene.vendor)).unwrap()).await;
            expect(&scene, &said, &["free has no API", "take a plan that has one"]);
        }
    }
}

#[tokio::test]
async fn single_sign_on_that_is_off_is_told_with_where_it_has_to_be_on() {
    for scene in scenes().await {
        let Some(token) = other_key(scene.vendor) else { continue };
        scene.sandbox.world().set_sso(scene.vendor, false);
        let mut settings = settings(&scene.sandbox, scene.vendor).speaking(scene.dialect).unwrap();
        let url = scene.sandbox.surface_url(scene.vendor, Surface::Scim);
        settings.scim = Some(ScimSettings { url, uses: [ScimUse::Suspend].into(), ..Default::default() });
        let scim: &[(&str, &str)] = match (scene.vendor, scene.dialect) {
            (Vendor::Gainsight, "live") => {
                &[("client_id", GAINSIGHT_SCIM_CLIENT), ("client_secret", GAINSIGHT_SCIM_SECRET)]
            }
            _ => &[("token", token)],
        };
        let scim = scim.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into())).collect();
        let connector = Connector::new(settings, Secrets { rest: secrets(scene.vendor), scim }).unwrap();
        let title = match scene.vendor {
            Vendor::Freshdesk => "still on in Freshdesk",
            Vendor::Freshservice => "still on in Freshservice",
            _ => "still on in Gainsight",
        };
        expect(&scene, &Scene::complaints(&connector).await, &["single sign-on", "SAML SSO", title]);
        let lines = connector.check().await;
        let line = lines.iter().find(|line| line.what == "scim: single sign-on").unwrap();
        assert_eq!(line.ok, Verdict::Unconfirmed, "{line:?}");
    }
}
