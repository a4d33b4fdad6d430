//! The fixed, well-known and obviously fake credentials, and the check of what a request carries against them. Each
//! vendor accepts exactly one form; a second credential of the right form may only read. Nothing here is secret.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Vendor;

/// The account owner, who has an account in each app and is the Gorgias user name.
pub const OWNER_EMAIL: &str = "owner@acme.example";
/// The Gorgias user name for Basic authentication.
pub const GORGIAS_EMAIL: &str = OWNER_EMAIL;
/// The Gorgias token that may read and write.
pub const GORGIAS_TOKEN: &str = "sandbox-gorgias-token";
/// A Gorgias token without the write scope.
pub const GORGIAS_READ_TOKEN: &str = "sandbox-gorgias-read-token";
/// The password of every Gorgias agent; only its owner should know it, so no integration does.
pub const GORGIAS_PASSWORD: &str = "sandbox-gorgias-password";
/// The Gladly token id whose creator is an admin.
pub const GLADLY_USERNAME: &str = "sandbox-gladly-token-id";
/// The Gladly token secret that belongs to [`GLADLY_USERNAME`].
pub const GLADLY_SECRET: &str = "sandbox-gladly-token-secret";
/// A Gladly token id whose creator is not an admin.
pub const GLADLY_READ_USERNAME: &str = "sandbox-gladly-read-token-id";
/// The Gladly token secret that belongs to [`GLADLY_READ_USERNAME`].
pub const GLADLY_READ_SECRET: &str = "sandbox-gladly-read-token-secret";
/// The Freshdesk API key of an admin.
pub const FRESHDESK_API_KEY: &str = "sandbox-freshdesk-api-key";
/// A Freshdesk API key whose agent may only read.
pub const FRESHDESK_READ_API_KEY: &str = "sandbox-freshdesk-read-api-key";
/// The Freshservice API key of an admin.
pub const FRESHSERVICE_API_KEY: &str = "sandbox-freshservice-api-key";
/// A Freshservice API key whose agent may only read.
pub const FRESHSERVICE_READ_API_KEY: &str = "sandbox-freshservice-read-api-key";
/// The Gainsight access key.
pub const GAINSIGHT_ACCESS_KEY: &str = "sandbox-gainsight-access-key";
/// A Gainsight access key that may only read.
pub const GAINSIGHT_READ_ACCESS_KEY: &str = "sandbox-gainsight-read-access-key";

/// The Okta token of an admin.
pub const OKTA_TOKEN: &str = "sandbox-okta-token";
/// An Okta token whose user may only read.
pub const OKTA_READ_TOKEN: &str = "sandbox-okta-read-token";
/// An Okta service app that was granted to read people and to manage them; its key is [`crate::okta_private_key`].
pub const OKTA_CLIENT: &str = "sandbox-okta-client";
/// An Okta service app that was granted to read only; its key is [`crate::okta_read_private_key`].
pub const OKTA_READ_CLIENT: &str = "sandbox-okta-read-client";

/// The id of an app that is registered with Entra, and its secret.
pub const ENTRA_CLIENT: (&str, &str) = ("sandbox-entra-client", "sandbox-entra-secret");
/// An app that is registered with Entra and may only read.
pub const ENTRA_READ_CLIENT: (&str, &str) = ("sandbox-entra-read-client", "sandbox-entra-read-secret");
/// The OneLogin API credential that manages users.
pub const ONELOGIN_CLIENT: (&str, &str) = ("sandbox-onelogin-client", "sandbox-onelogin-secret");
/// A OneLogin API credential that may only read.
pub const ONELOGIN_READ_CLIENT: (&str, &str) = ("sandbox-onelogin-read-client", "sandbox-onelogin-read-secret");

/// The static SCIM token of the Freshdesk tenant.
pub const FRESHDESK_SCIM_TOKEN: &str = "sandbox-freshdesk-scim-token";
/// The static SCIM token of the Freshservice tenant.
pub const FRESHSERVICE_SCIM_TOKEN: &str = "sandbox-freshservice-scim-token";
/// The static SCIM token of the Gainsight tenant, in the guide's dialect.
pub const GAINSIGHT_SCIM_TOKEN: &str = "sandbox-gainsight-scim-token";
/// The client that gets a super admin's token for Gainsight's live SCIM.
pub const GAINSIGHT_SCIM_CLIENT: &str = "sandbox-gainsight-scim-client-id";
/// The secret that belongs to [`GAINSIGHT_SCIM_CLIENT`].
pub const GAINSIGHT_SCIM_SECRET: &str = "sandbox-gainsight-scim-client-secret";
/// The client whose token may only read Gainsight's live SCIM.
pub const GAINSIGHT_SCIM_READ_CLIENT: &str = "sandbox-gainsight-scim-read-client-id";
/// The secret that belongs to [`GAINSIGHT_SCIM_READ_CLIENT`].
pub const GAINSIGHT_SCIM_READ_SECRET: &str = "sandbox-gainsight-scim-read-client-secret";

/// What the holder of a credential may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    Read,
    Write,
}

/// Returns what the request's credential allows, or nothing when it has none or a wrong one.
pub(crate) fn right(vendor: Vendor, headers: &HeaderMap) -> Option<Right> {
    if vendor == Vendor::Gainsight {
        return one_of(headers.get("accesskey")?.to_str().ok()?, GAINSIGHT_ACCESS_KEY, GAINSIGHT_READ_ACCESS_KEY);
    }
    let (name, password) = basic(headers)?;
    match vendor {
        Vendor::Gorgias if name == GORGIAS_EMAIL => one_of(&password, GORGIAS_TOKEN, GORGIAS_READ_TOKEN),
        Vendor::Gladly if name == GLADLY_USERNAME => (password == GLADLY_SECRET).then_some(Right::Write),
        Vendor::Gladly if name == GLADLY_READ_USERNAME => (password == GLADLY_READ_SECRET).then_some(Right::Read),
        Vendor::Freshdesk if !password.is_empty() => one_of(&name, FRESHDESK_API_KEY, FRESHDESK_READ_API_KEY),
        Vendor::Freshservice if !password.is_empty() => one_of(&name, FRESHSERVICE_API_KEY, FRESHSERVICE_READ_API_KEY),
        _ => None,
    }
}

/// Returns the token that a request carries.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Says whether a token is the static one of a vendor's SCIM surface.
pub(crate) fn is_scim_token(vendor: Vendor, token: &str) -> bool {
    match vendor {
        Vendor::Freshdesk => token == FRESHDESK_SCIM_TOKEN,
        Vendor::Freshservice => token == FRESHSERVICE_SCIM_TOKEN,
        Vendor::Gainsight => token == GAINSIGHT_SCIM_TOKEN,
        Vendor::Gorgias | Vendor::Gladly => false,
    }
}

/// Returns what the tokens of a client may do that shows its id and secret.
pub(crate) fn client_right(headers: &HeaderMap) -> Option<Right> {
    let (id, secret) = basic(headers)?;
    match (id.as_str(), secret.as_str()) {
        (GAINSIGHT_SCIM_CLIENT, GAINSIGHT_SCIM_SECRET) => Some(Right::Write),
        (GAINSIGHT_SCIM_READ_CLIENT, GAINSIGHT_SCIM_READ_SECRET) => Some(Right::Read),
        _ => None,
    }
}

/// Returns what a client may do that shows this id and secret.
pub(crate) fn client(shown: (&str, &str), writes: (&str, &str), reads: (&str, &str)) -> Option<Right> {
    match shown {
        _ if shown == writes => Some(Right::Write),
        _ if shown == reads => Some(Right::Read),
        _ => None,
    }
}

fn one_of(given: &str, write: &str, read: &str) -> Option<Right> {
    match given {
        _ if given == write => Some(Right::Write),
        _ if given == read => Some(Right::Read),
        _ => None,
    }
}

pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get("authorization")?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.into(), password.into()))
}
