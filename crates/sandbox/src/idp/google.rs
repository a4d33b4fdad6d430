//! Google Workspace: tokens for an assertion that a service account has signed for an administrator, lists that leave
//! their records out when there are none and hide whoever was deleted. Signing out ends the browser's sessions; what
//! apps were let into and app passwords live on, and are listed and taken back one by one.

use axum::http::{HeaderMap, Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::okta::moment;
use super::people::{Known, People, Standing, now_ms};
use crate::credentials::{OWNER_EMAIL, Right, bearer};
use crate::exchange::{Call, Reply};
use crate::paging::{Seal, digest};
use crate::tokens::Tokens;

const PAGE_MAX: usize = 500;
const ACCOUNT: &str = "tenure@sandbox.iam.gserviceaccount.example";
const KEY_ID: &str = "sandbox-key";
const SCOPE: &str = "https://www.googleapis.com/auth/admin.directory.user";
/// A key that was made for the sandbox and guards nothing.
pub(super) const KEY: &str = include_str!("google_key.txt");

/// Returns the JSON key of the sandbox's service account.
pub fn service_account() -> String {
    let mark = |word: &str| format!("-----{word} PRIVATE KEY-----\n");
    let private_key = [mark("BEGIN").as_str(), KEY, mark("END").as_str()].concat();
    json!({
        "type": "service_account",
        "client_email": ACCOUNT,
        "private_key_id": KEY_ID,
        "private_key": private_key,
        "token_uri": "https://oauth2.googleapis.com/token",
    })
    .to_string()
}

/// The account.
pub(super) struct Google {
    seal: Seal,
    tokens: Tokens,
}

impl Google {
    pub fn new() -> Self {
        Google { seal: Seal(digest(&"google")), tokens: Tokens::default() }
    }

    fn hand_out(&mut self, call: &Call) -> Reply {
        let form = super::form_of(call);
        let denied = |error: &str| Reply::new(StatusCode::BAD_REQUEST, json!({"error": error}));
        if form.get("grant_type").map(String::as_str) != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
            return denied("unsupported_grant_type");
        }
        match form.get("assertion").and_then(|assertion| right_of(assertion)) {
            Some(right) => {
                let (token, seconds) = self.tokens.issue(right, Instant::now());
                Reply::ok(json!({"access_token": token, "expires_in": seconds, "token_type": "Bearer"}))
            }
            None => denied("invalid_grant"),
        }
    }

    fn list(&self, call: &Call, people: &People) -> Reply {
        if call.query("customer") != Some("my_customer") {
            return refuse(StatusCode::BAD_REQUEST, "badRequest", "Bad Request: customer or domain is required");
        }
        let size = match call.query("maxResults").map(str::parse::<usize>) {
            None => 100,
            Some(Ok(size)) if (1..=PAGE_MAX).contains(&size) => size,
            Some(_) => return refuse(StatusCode::BAD_REQUEST, "invalid", "Invalid value for maxResults"),
        };
        let deleted = call.query("showDeleted") == Some("true");
        let query = call.query("query").unwrap_or_default();
        let email = query.strip_prefix("email=");
        if !query.is_empty() && email.is_none() {
            return refuse(StatusCode::BAD_REQUEST, "invalid", "Invalid Input: query");
        }
        let scope = format!("{deleted} {query}");
        let after = match call.query("pageToken").map(|token| self.seal.open(&scope, token)) {
            None => 0,
            Some(Some(place)) => place,
            Some(None) => return refuse(StatusCode::BAD_REQUEST, "invalid", "Invalid Input: pageToken"),
        };
        let takes = |known: &&Known| {
            (known.standing == Standing::Deactivated) == deleted
                && known.number as i64 > after
                && email.is_none_or(|email| known.email.eq_ignore_ascii_case(email))
        };
        let rows: Vec<&Known> = people.iter().filter(takes).collect();
        let page = &rows[..rows.len().min(size)];
        let mut body = json!({"kind": "admin#directory#users", "etag": "\"0\""});
        if !page.is_empty() {
            body["users"] = page.iter().map(|known| shown(known, people)).collect();
        }
        if let Some(last) = page.last().filter(|_| rows.len() > page.len()) {
            body["nextPageToken"] = json!(self.seal.close(&scope, last.number as i64));
        }
        Reply::ok(body)
    }
}

impl super::Imitation for Google {
    fn tokens(&mut self) -> &mut Tokens {
        &mut self.tokens
    }

    fn answer(&mut self, call: &Call, headers: &HeaderMap, people: &mut People) -> Reply {
        let path = call.path();
        if let (Method::POST, ["token"]) = (call.method.clone(), path.as_slice()) {
            return self.hand_out(call);
        }
        let Some(right) = bearer(headers).and_then(|token| self.tokens.right(token, Instant::now())) else {
            return refuse(StatusCode::UNAUTHORIZED, "authError", "Invalid Credentials");
        };
        let Some(path) = path.strip_prefix(&["admin", "directory", "v1"]) else { return not_found() };
        match (call.method.clone(), path) {
            (Method::GET, ["users"]) => self.list(call, people),
            (Method::GET, ["users", id]) => {
                present(people, id).map_or_else(not_found, |known| Reply::ok(shown(known, people)))
            }
            (Method::POST, ["users", _, "signOut"]) if right == Right::Read => refuse(
                StatusCode::FORBIDDEN,
                "insufficientPermissions",
                "Request had insufficient authentication scopes.",
            ),
            (Method::POST, ["users", id, "signOut"]) => {
                let Some(number) = present(people, id).map(|known| known.number) else { return not_found() };
                people.end_sessions(number, false);
                Reply::no_content()
            }
            (Method::GET | Method::DELETE, ["users", _, "tokens" | "asps", ..]) if right == Right::Read => refuse(
                StatusCode::FORBIDDEN,
                "insufficientPermissions",
                "Request had insufficient authentication scopes.",
            ),
            (Method::GET, ["users", id, what @ ("tokens" | "asps")]) => {
                present(people, id).map_or_else(not_found, |known| held(known, what))
            }
            (Method::DELETE, ["users", id, what @ ("tokens" | "asps"), one]) => {
                let Some(number) = present(people, id).map(|known| known.number) else { return not_found() };
                let is_token = *what == "tokens";
                let last = one.strip_prefix(if is_token { CLIENT } else { "" }).and_then(|last| last.parse().ok());
                match last.is_some_and(|last| people.take_back(number, last, is_token)) {
                    true => Reply::no_content(),
                    false => not_found(),
                }
            }
            _ => not_found(),
        }
    }
}

/// The ids of apps begin with this.
const CLIENT: &str = "sandbox-app-";

/// Lists what apps hold of somebody, or their app passwords, the last first.
fn held(known: &Known, what: &str) -> Reply {
    let rows: Vec<Value> = match what {
        "tokens" => {
            (1..=known.tokens).rev().map(|at| json!({"clientId": format!("{CLIENT}{at}"), "scopes": []})).collect()
        }
        _ => (1..=known.app_passwords).rev().map(|at| json!({"codeId": at, "name": "Old phone"})).collect(),
    };
    let mut body = json!({"kind": format!("admin#directory#{}List", what.trim_end_matches('s')), "etag": "\"0\""});
    if !rows.is_empty() {
        body["items"] = json!(rows);
    }
    Reply::ok(body)
}

/// Returns what an assertion lets its holder do, if it is signed, in time, and for an administrator.
fn right_of(assertion: &str) -> Option<Right> {
    let (said, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = said.split_once('.')?;
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let (header, claims) = (read(header)?, read(claims)?);
    let der = STANDARD.decode(KEY.split_whitespace().collect::<String>()).ok()?;
    let public = RsaKeyPair::from_pkcs8(&der).ok()?.public_key().as_ref().to_vec();
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(said.as_bytes(), &signature).ok()?;
    let now_s = now_ms() / 1000;
    let (from, until) = (claims["iat"].as_i64()?, claims["exp"].as_i64()?);
    let good = header["alg"] == "RS256"
        && header["kid"] == KEY_ID
        && claims["iss"] == ACCOUNT
        && claims["sub"] == OWNER_EMAIL
        && claims["aud"].as_str()?.ends_with("/google/token")
        && (from - 60..=until).contains(&now_s)
        && until - from <= 3600;
    let scopes: Vec<&str> = claims["scope"].as_str()?.split(' ').collect();
    let has = |end: &str| scopes.contains(&format!("{SCOPE}{end}").as_str());
    match (good && has(".readonly"), has(".security")) {
        (false, _) => None,
        (true, false) => Some(Right::Read),
        (true, true) => Some(Right::Write),
    }
}

fn id(number: u64) -> String {
    format!("1{:020}", digest(&("google", number)) / 1_000_000 * 1_000_000 + number)
}

fn present<'p>(people: &'p People, named: &str) -> Option<&'p Known> {
    let fits = |known: &&Known| id(known.number) == named || known.email.eq_ignore_ascii_case(named);
    people.iter().filter(|known| known.standing != Standing::Deactivated).find(fits)
}

fn shown(known: &Known, people: &People) -> Value {
    let reason = match known.standing {
        Standing::Suspended => Some("ADMIN"),
        Standing::Locked => Some("ABUSE"),
        _ => None,
    };
    let mut body = json!({
        "kind": "admin#directory#user",
        "id": id(known.number),
        "primaryEmail": known.email,
        "name": {"givenName": known.given_name, "familyName": known.family_name, "fullName": known.name()},
        "isAdmin": known.email == OWNER_EMAIL,
        "suspended": reason.is_some(),
        "archived": false,
        "creationTime": moment(known.created_ms),
        "orgUnitPath": "/",
        "externalIds": [{"value": known.employee_id, "type": "organization"}],
        "organizations": [{
            "title": known.title, "primary": true, "department": known.department, "description": known.employment,
        }],
        "languages": [{"languageCode": known.locale, "preference": "preferred"}],
    });
    if let Some(reason) = reason {
        body["suspensionReason"] = json!(reason);
    }
    if let Some(manager) = people.manager(known) {
        // Others whom somebody has to do with come first.
        let assistant = json!({"value": OWNER_EMAIL, "type": "assistant"});
        body["relations"] = json!([assistant, {"value": manager.email, "type": "manager"}]);
    }
    if let Some(phone) = &known.phone {
        body["phones"] = json!([{"value": phone, "type": "work"}]);
    }
    if known.standing == Standing::Deactivated {
        body["deletionTime"] = json!(moment(known.updated_ms));
    }
    body
}

fn refuse(status: StatusCode, reason: &str, message: &str) -> Reply {
    let error = json!({"domain": "global", "reason": reason, "message": message});
    Reply::new(status, json!({"error": {"code": status.as_u16(), "message": message, "errors": [error]}}))
}

fn not_found() -> Reply {
    refuse(StatusCode::NOT_FOUND, "notFound", "Resource Not Found: userKey")
}
