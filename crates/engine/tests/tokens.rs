//! Who is let in by a token, on both stores: what is good, what has ended, what is for something else, what is forged.
//! A clock of the test's own moves on. What a door does with whoever it lets in is told where the doors are.

use secrecy::ExposeSecret;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tenure_core::policy::Delay;
use tenure_core::scope::Scope;
use tenure_engine::clock::Clock;
use tenure_engine::decide::By;
use tenure_engine::house::House;
use tenure_engine::oauth::exchange;
use tenure_engine::token::{Denied, NewToken, TokenState, authenticate, create, list, revoke, rotate};
use tenure_store::test_support::postgres_url;

const DAY_MS: i64 = 24 * 3600 * 1000;

struct Stage {
    house: House,
    now_ms: Arc<AtomicI64>,
    _folder: TempDir,
}

async fn stage(store: &str) -> Stage {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("tenure.toml");
    fs::write(&config, format!("[store]\nurl = \"{store}\"\n")).unwrap();
    fs::write(folder.path().join("policy.toml"), "").unwrap();
    let now_ms = Arc::new(AtomicI64::new(1_800_000_000_000));
    let told = now_ms.clone();
    let house = House::open(&config, Clock::telling(move || told.load(Ordering::Relaxed))).await.unwrap();
    Stage { house, now_ms, _folder: folder }
}

async fn both() -> Vec<Stage> {
    let mut stages = vec![stage("sqlite:tenure.db").await];
    if let Some(url) = postgres_url() {
        stages.push(stage(&url).await);
    }
    stages
}

fn mia() -> By {
    By { who: "mia@acme.example".into(), note: None }
}

async fn make(stage: &Stage, scopes: &[Scope], lasts: Option<Delay>) -> (String, String) {
    let asked = NewToken { name: "ci".into(), scopes: scopes.to_vec(), lasts };
    let (credential, token) = create(&stage.house, &asked, &mia()).await.unwrap();
    (credential.expose_secret().to_owned(), token.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_token_lets_its_bearer_do_what_it_is_for_and_no_more() {
    for stage in both().await {
        let (credential, id) = make(&stage, &[Scope::ApiWrite], Some(Delay::days(90))).await;
        let bearer = authenticate(&stage.house, &credential, &Scope::ApiRead).await.unwrap();
        assert_eq!((bearer.token, &*bearer.owner, bearer.scopes), (id, "mia@acme.example", vec![Scope::ApiWrite]));
        let refused = authenticate(&stage.house, &credential, &Scope::Approve).await;
        assert!(matches!(refused, Err(Denied::Scope { needed: Scope::Approve })), "{refused:?}");
        let used = list(&stage.house).await.unwrap()[0].used_at.clone();
        assert!(used.is_some(), "its use is noted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_we_did_not_make_is_not_known_however_near_it_comes() {
    for stage in both().await {
        let (good, _) = make(&stage, &[Scope::ApiRead], None).await;
        let last = if good.ends_with('0') { "1" } else { "0" };
        let forged = format!("{}{last}", &good[..good.len() - 1]);
        let upper = good.to_uppercase().replace("TNR_", "tnr_");
        for credential in [&*forged, &upper, "", "tnr_", &good[..80], &good[4..], &format!("{good} ")] {
            let refused = authenticate(&stage.house, credential, &Scope::ApiRead).await;
            let letters = upper == credential && upper == good;
            assert!(letters || matches!(refused, Err(Denied::Unknown)), "{refused:?}");
        }
        let told = format!("{:?}", authenticate(&stage.house, &forged, &Scope::ApiRead).await);
        assert!(!told.contains(&forged[20..]), "an error holds no credential");
        assert!(authenticate(&stage.house, &good, &Scope::ApiRead).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_ends_when_its_time_is_over_or_somebody_says_so() {
    for stage in both().await {
        let (credential, id) = make(&stage, &[Scope::Hooks], Some(Delay::days(90))).await;
        stage.now_ms.fetch_add(80 * DAY_MS, Ordering::Relaxed);
        assert!(authenticate(&stage.house, &credential, &Scope::Hooks).await.is_ok());
        assert_eq!(list(&stage.house).await.unwrap()[0].state, TokenState::Expiring, "warned of long before");
        stage.now_ms.fetch_add(10 * DAY_MS, Ordering::Relaxed);
        let ended = authenticate(&stage.house, &credential, &Scope::Hooks).await;
        assert!(matches!(ended, Err(Denied::Expired { .. })), "{ended:?}");
        let (credential, other) = make(&stage, &[Scope::Hooks], None).await;
        assert!(authenticate(&stage.house, &credential, &Scope::Hooks).await.is_ok());
        revoke(&stage.house, &other, &mia()).await.unwrap();
        let revoked = authenticate(&stage.house, &credential, &Scope::Hooks).await;
        assert!(matches!(revoked, Err(Denied::Revoked)), "{revoked:?}");
        assert_ne!(id, other);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_does_the_same_and_the_old_one_works_until_the_overlap_is_over() {
    for stage in both().await {
        let (before, id) = make(&stage, &[Scope::ApiRead], Some(Delay::days(90))).await;
        stage.now_ms.fetch_add(80 * DAY_MS, Ordering::Relaxed);
        let (after, new, old) = rotate(&stage.house, &id, Delay::days(7), &mia()).await.unwrap();
        assert_eq!((&new.name, &new.scopes, &new.owner), (&old.name, &old.scopes, &old.owner));
        stage.now_ms.fetch_add(6 * DAY_MS, Ordering::Relaxed);
        for credential in [before.as_str(), after.expose_secret()] {
            authenticate(&stage.house, credential, &Scope::ApiRead).await.unwrap();
        }
        stage.now_ms.fetch_add(2 * DAY_MS, Ordering::Relaxed);
        let ended = authenticate(&stage.house, &before, &Scope::ApiRead).await;
        assert!(matches!(ended, Err(Denied::Expired { .. })), "{ended:?}");
        authenticate(&stage.house, after.expose_secret(), &Scope::ApiRead).await.unwrap();
        assert!(rotate(&stage.house, &id, Delay::days(7), &mia()).await.is_err(), "what has ended has no follower");
        let (kept, _, ends) = rotate(&stage.house, &new.id, Delay::days(365), &mia()).await.unwrap();
        assert_eq!(ends.expires_at, new.expires_at, "an overlap makes nothing last longer");
        authenticate(&stage.house, kept.expose_secret(), &Scope::ApiRead).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_changes_its_secret_for_access_that_ends_soon_and_with_it() {
    const HOUR_MS: i64 = 3600 * 1000;
    for stage in both().await {
        let (secret, id) = make(&stage, &[Scope::ApiRead], Some(Delay::days(90))).await;
        let access = exchange(&stage.house, &id, &secret).await.unwrap();
        let given = access.credential.expose_secret();
        let bearer = authenticate(&stage.house, given, &Scope::ApiRead).await.unwrap();
        assert_eq!((bearer.token, access.lasts_s), (id.clone(), 3600));
        let refused = authenticate(&stage.house, given, &Scope::Hooks).await;
        assert!(matches!(refused, Err(Denied::Scope { .. })), "{refused:?}");
        for wrong in [format!("tna_{}", &secret[4..]), given[..given.len() - 1].to_owned() + "x", "tna_".into()] {
            let refused = authenticate(&stage.house, &wrong, &Scope::ApiRead).await;
            assert!(matches!(refused, Err(Denied::Unknown)), "{refused:?}");
        }
        for (client, secret) in [("000000000000", secret.as_str()), (&*id, given), (&*id, "")] {
            let refused = exchange(&stage.house, client, secret).await;
            assert!(matches!(refused, Err(Denied::Unknown)), "{refused:?}");
        }
        stage.now_ms.fetch_add(HOUR_MS, Ordering::Relaxed);
        let ended = authenticate(&stage.house, given, &Scope::ApiRead).await;
        assert!(matches!(ended, Err(Denied::Expired { .. })), "{ended:?}");
        let second = exchange(&stage.house, &id, &secret).await.unwrap();
        for _ in 0..99 {
            exchange(&stage.house, &id, &secret).await.unwrap();
        }
        let second = second.credential.expose_secret();
        authenticate(&stage.house, second, &Scope::ApiRead).await.unwrap();
        let last = exchange(&stage.house, &id, &secret).await.unwrap();
        let refused = authenticate(&stage.house, second, &Scope::ApiRead).await;
        assert!(matches!(refused, Err(Denied::Unknown)), "a hundred and no more: {refused:?}");
        revoke(&stage.house, &id, &mia()).await.unwrap();
        let refused = authenticate(&stage.house, last.credential.expose_secret(), &Scope::ApiRead).await;
        assert!(matches!(refused, Err(Denied::Revoked)), "{refused:?}");
    }
}
