//! What the two apps of Freshworks have alike, and is shown of both: addresses, the key as the user name, its page.
//! Each test file names the behaviours and hands in what differs.

use super::*;
use tenure_connect::ErrorKind;

/// Shows that a tenant has no address without its domain.
pub fn shows_that_it_needs_its_domain(vendor: Vendor, address: &str) {
    for dialect in ["guide", "live"] {
        let mut settings = bare_settings(vendor, dialect);
        let error = settings.check().unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Configuration, Some("domain")));
        settings.parameters.insert("domain".into(), "acme".into());
        assert_eq!(settings.base_url().unwrap().as_str(), address);
    }
}

/// Shows that the key is the user name, beside a password that is never empty.
pub async fn shows_that_the_key_is_the_name(vendor: Vendor, key: &str) {
    for tenant in both(vendor).await {
        assert_eq!(tenant.ask("GET /agents", key, "").await.0, 401, "the vendor minds an empty password");
        assert_eq!(tenant.ask("GET /agents", "X", key).await.0, 401, "and the key in its place");
        let before = tenant.sandbox.statistics().of(vendor).unauthorized;
        assert_eq!(pull(&tenant.connector).await.coverage, Coverage::Complete);
        assert_eq!(tenant.sandbox.statistics().of(vendor).unauthorized, before);
    }
}

/// Shows that a refused key names its page, a weak one the rights that it lacks, and that `check` lists what to confirm.
pub async fn shows_what_becomes_of_other_keys(vendor: Vendor, weak: &str, email: &str, confirm: &str) {
    for tenant in both(vendor).await {
        let bad = wrong(&tenant.with_secret("api_key", "no-such-key")).await;
        assert_eq!(bad.error, Some(ErrorKind::Auth));
        assert!(bad.says.contains("Profile Settings") && !bad.says.contains("no-such-key"), "{}", bad.says);
        let reader = tenant.with_secret("api_key", weak);
        let key = find_one(&tenant.connector, Kind::Agent, email).await.key;
        let error = perform(&reader, Effect::Suspend, Kind::Agent, Some(&key), &[]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Scope);
        assert!(error.hint.as_deref().unwrap().contains("administrator"), "{error}");
        let lines = tenant.connector.check().await;
        assert!(lines.iter().any(|line| line.what.contains(confirm)), "{lines:?}");
    }
}
