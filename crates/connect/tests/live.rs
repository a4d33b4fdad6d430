//! The live dialects against imitations of them: telling them apart, reading everything, and each effect that they have.
//! The sandbox was written by other hands and shares no line with the connectors.

mod common;

use common::{connect, connect_as, live_sandbox, pull, sandbox};

use tenure_connect::ErrorKind;
use tenure_core::facts::Coverage;
use tenure_sandbox::Vendor;

const LIVE: [Vendor; 5] = Vendor::ALL;

/// Vendors.md 6.1: read-only evidence alone tells the dialect, in both worlds.
#[tokio::test]
async fn a_tenants_dialect_is_told_by_reading_alone() {
    let (guide, live) = (sandbox().await, live_sandbox(&LIVE).await);
    for vendor in Vendor::ALL {
        let found = connect(&guide, vendor).tell_dialect().await.unwrap().unwrap();
        assert_eq!(found.dialect, "guide", "{vendor}: {}", found.evidence);
        assert_eq!(guide.statistics().of(vendor).writes, 0, "{vendor}");
    }
    for vendor in LIVE {
        let found = connect(&live, vendor).tell_dialect().await.unwrap().unwrap();
        assert_eq!(found.dialect, "live", "{vendor}: {}", found.evidence);
        assert_eq!(live.statistics().of(vendor).writes, 0, "{vendor}");
    }
}

/// A page of whatever stands before an app, with status 200, is no list of roles.
#[tokio::test]
async fn a_web_page_tells_no_dialect() {
    let sandbox = live_sandbox(&LIVE).await;
    for vendor in LIVE {
        let app = vendor.to_string().to_lowercase();
        let fault = |sort: &str, count: u32| vec![format!("{sort}:app={app},count={count}").parse().unwrap()];
        for sort in ["html", "truncate"] {
            sandbox.set_faults(fault(sort, 1));
            let found = connect(&sandbox, vendor).tell_dialect().await.unwrap().unwrap();
            assert_eq!(found.dialect, "live", "{vendor}, {sort}: {}", found.evidence);
        }
        sandbox.set_faults(fault("html", 100));
        let error = connect(&sandbox, vendor).tell_dialect().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Malformed, "{vendor}: {error}");
    }
}

#[tokio::test]
async fn a_pull_of_each_live_app_sees_every_record_once_and_in_its_true_state() {
    let sandbox = live_sandbox(&LIVE).await;
    for vendor in LIVE {
        let connector = connect_as(&sandbox, vendor, "live");
        let pulled = pull(&connector).await;
        assert_eq!(pulled.coverage, Coverage::Complete, "{vendor}: {:?}", pulled.because);
        for truth in sandbox.world().list(vendor) {
            let told = &truth["sandbox"];
            let kind = told["kind"].as_str().unwrap();
            if kind == "contact" {
                continue;
            }
            let id = ["id", "Gsid"].iter().find_map(|key| truth.get(key)).unwrap();
            let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            let account = pulled.accounts.values().find(|account| account.key.id.as_str() == id);
            if account.is_none() && vendor == Vendor::Gladly && told["state"] == "suspended" {
                continue; // whether deactivated agents are listed is the tenant's habit
            }
            let account = account.unwrap_or_else(|| panic!("{vendor}: {truth} was not pulled"));
            let bot = truth["client_id"].is_string();
            assert_eq!(account.key.kind.as_str(), if bot { "bot" } else { kind }, "{vendor}: {truth}");
            if told["state"] != "invited" {
                assert_eq!(account.state.as_str(), told["state"], "{vendor}: {truth}");
            }
        }
    }
}

/// What each app tells of the credential's own account; Gladly's is an address in some tenants and a mere id in others.
#[tokio::test]
async fn whose_the_credential_is_is_told_by_a_secret_where_a_secret_is_a_login() {
    let sandbox = sandbox().await;
    let own = connect(&sandbox, Vendor::Gorgias).whoami().await.unwrap();
    assert_eq!(own.as_deref(), Some(tenure_sandbox::GORGIAS_EMAIL));
    assert_eq!(sandbox.statistics().of(Vendor::Gorgias).requests, 0, "nobody has to be asked");
    assert_eq!(connect(&sandbox, Vendor::Gladly).whoami().await.unwrap(), None);
    assert_eq!(connect(&sandbox, Vendor::Gainsight).whoami().await.unwrap(), None);
    let mut secrets = common::secrets(Vendor::Gladly);
    secrets.insert("username".into(), "jane.doe@acme.example".to_owned().into());
    let settings = common::settings(&sandbox, Vendor::Gladly);
    let gladly = tenure_connect::Connector::new(settings, secrets).unwrap();
    assert_eq!(gladly.whoami().await.unwrap().as_deref(), Some("jane.doe@acme.example"));
}
