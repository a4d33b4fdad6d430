//! One request as the manifest means it, and what its answer says.
//! Walks, looks and performs ask through here; the governor paces and repeats, the manifest's rules read the answer.
//! Ids reach a path only if they can be nothing but an id.

use super::Inner;
use crate::codec::json::{Json, Place, Wanted};
use crate::error::{ConnectError, ErrorKind, bounded};
use crate::governor::{NotAdmitted, RetryPolicy, SendError, send_governed};
use crate::manifest::{ErrorWord, Method};
use crate::transport::{Priority, Request, Response, TooMany};
use http::{HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::sync::Arc;
use tenure_core::abilities::Effect;
use url::Url;

const TEXT_MAX: usize = 300;
const ID_MAX: usize = 200;

/// Whether an answer that was lost may simply be asked for again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Repeat {
    Harmless,
    OnlyIfNotSent,
}

/// One request.
pub(super) struct Ask<'a> {
    pub method: Method,
    pub url: Url,
    /// The path as the manifest writes it, for limits of some paths.
    pub label: &'a str,
    pub body: Option<Value>,
    pub effect: Option<Effect>,
    pub priority: Priority,
    pub repeat: Repeat,
}

impl<'a> Ask<'a> {
    /// Returns a request that reads.
    pub fn read(url: Url, label: &'a str, priority: Priority) -> Self {
        Self { method: Method::Get, url, label, body: None, effect: None, priority, repeat: Repeat::Harmless }
    }
}

impl Inner {
    /// Returns the URL of a path of the manifest, with ids filled in.
    pub(super) fn url(&self, path: &str, ids: &[(&str, &str)]) -> Result<Url, ConnectError> {
        let mut filled = path.to_owned();
        for (name, id) in ids {
            let placeholder = format!("{{{name}}}");
            if filled.contains(&placeholder) {
                let text = if *name == "each" { path_entry(id)? } else { path_id(id)? };
                filled = filled.replace(&placeholder, &text);
            }
        }
        if filled.contains('{') {
            return Err(ConnectError::new(ErrorKind::Configuration, format!("nothing fills the path {path:?}")));
        }
        // `/` alone is the base URL itself, for an app that is one address.
        let filled = if filled == "/" { String::new() } else { filled };
        let text = format!("{}{filled}", self.base.as_str().trim_end_matches('/'));
        Url::parse(&text)
            .map_err(|error| ConnectError::new(ErrorKind::Configuration, format!("no URL comes of {path:?}: {error}")))
    }

    fn accepts(&self) -> &'static str {
        if self.settings.scim_alone().is_some() {
            "application/scim+json, application/json"
        } else {
            "application/json"
        }
    }

    /// Sends a request and returns its answer, whatever its status.
    pub(super) async fn send(&self, ask: Ask<'_>) -> Result<Response, ConnectError> {
        let method = match ask.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        let mut request = Request::new(method, ask.url)
            .header(header::ACCEPT, HeaderValue::from_static(self.accepts()))
            .credential(self.credential.clone())
            .priority(ask.priority)
            .label(ask.label)
            .too_many(self.too_many.clone());
        if let Some(body) = ask.body {
            let bytes = serde_json::to_vec(&body)
                .map_err(|error| ConnectError::new(ErrorKind::Configuration, format!("write the body: {error}")))?;
            request = request.body("application/json", bytes);
        }
        let retry = match ask.repeat {
            Repeat::Harmless => RetryPolicy::safe(),
            Repeat::OnlyIfNotSent => RetryPolicy::only_if_not_sent(),
        };
        let sent = send_governed(&self.transport, &self.governor, &request, &retry).await;
        sent.map_err(|error| self.not_answered(&error, ask.effect))
    }

    /// Sends a request and returns its answer if it means success: by its status and by the body's own flag.
    pub(super) async fn send_well(&self, ask: Ask<'_>, success: &[u16]) -> Result<Response, ConnectError> {
        let effect = ask.effect;
        let reads = ask.method == Method::Get;
        let response = self.send(ask).await?;
        if !self.is_well(&response, success) {
            return Err(self.refusal(&response, effect));
        }
        if reads {
            self.note_reads_work();
        }
        Ok(response)
    }

    /// Tells whether an answer means success.
    pub(super) fn is_well(&self, response: &Response, success: &[u16]) -> bool {
        let well =
            if success.is_empty() { response.status.is_success() } else { success.contains(&response.status.as_u16()) };
        well && !(response.status.is_success() && self.flag_fails(response))
    }

    /// Tells whether the body's own flag fails an answer (`{"result": false}` with 200).
    fn flag_fails(&self, response: &Response) -> bool {
        let Some(flag) = &self.manifest().success else { return false };
        let Ok(json) = Json::read(&response.body) else { return false };
        Place::new(&flag.at).of(&json).is_some_and(|found| !found.equals(&flag.is))
    }

    pub(super) fn not_answered(&self, error: &SendError, effect: Option<Effect>) -> ConnectError {
        if let (SendError::Throttled { .. }, Some(response)) = (error, error.response()) {
            return self.refusal(response, effect);
        }
        if let SendError::NotAdmitted { reason: NotAdmitted::Parked(parked), .. } = error {
            return ConnectError::parked(parked);
        }
        let kind = match error {
            SendError::NotAdmitted { reason: NotAdmitted::Silent(_), .. } => ErrorKind::Unreachable,
            SendError::NotAdmitted { .. } => ErrorKind::RateLimited,
            SendError::Transport(crate::transport::TransportError::Credential { wait_may_help: false, .. }) => {
                ErrorKind::Auth
            }
            SendError::Transport(
                crate::transport::TransportError::Insecure { .. } | crate::transport::TransportError::Redirect { .. },
            ) => ErrorKind::Configuration,
            SendError::Transport(crate::transport::TransportError::TooLarge { .. }) => ErrorKind::Malformed,
            // Somebody answered a read, but not to its end.
            SendError::Transport(crate::transport::TransportError::Ambiguous { .. }) if effect.is_none() => {
                ErrorKind::Malformed
            }
            _ => ErrorKind::Unreachable,
        };
        let mut text = error.to_string();
        if let Some(response) = error.response() {
            let words = self.vendor_words(response);
            if !words.is_empty() {
                text = format!("{text}: {words}");
            }
        }
        let mut failed = ConnectError::new(kind, self.masked(&text));
        if kind == ErrorKind::Auth {
            let told =
                self.manifest().errors.rules.iter().find(|rule| rule.says.iter().any(|word| text.contains(word)));
            let told = told.and_then(|rule| rule.hint.as_deref());
            failed.hint = self.hint(kind, StatusCode::UNAUTHORIZED.as_u16(), effect, told);
        }
        failed.status = error.response().map(|response| response.status.as_u16());
        failed.may_have_happened = effect.is_some() && error.may_have_happened();
        failed
    }

    /// Reads an answer that is no success.
    pub(super) fn refusal(&self, response: &Response, effect: Option<Effect>) -> ConnectError {
        let status = response.status.as_u16();
        let body = String::from_utf8_lossy(&response.body[..response.body.len().min(64 * 1024)]).to_lowercase();
        let rule = self.manifest().errors.rules.iter().find(|rule| {
            (rule.status.is_empty() || rule.status.contains(&status))
                && (rule.on.is_empty() || effect.is_some_and(|effect| rule.on.contains(&effect)))
                && (rule.says.is_empty() || rule.says.iter().any(|words| body.contains(&words.to_lowercase())))
        });
        let kind = rule.map_or_else(|| plain_kind(response.status), |rule| kind_of(rule.is));
        let words = self.vendor_words(response);
        let field = self.told_field(response).filter(|field| !words.contains(field.as_str()));
        let field = field.map(|field| format!(" ({field})")).unwrap_or_default();
        let told = if words.is_empty() { field } else { format!(": {words}{field}") };
        let text = format!("{} answered {status}{told}", self.manifest().title);
        let mut error = ConnectError::new(kind, self.masked(&text));
        error.status = Some(status);
        error.field = self.told_field(response);
        error.hint = self.hint(kind, status, effect, rule.and_then(|rule| rule.hint.as_deref()));
        error
    }

    /// Says who must do what about a refusal.
    fn hint(&self, kind: ErrorKind, status: u16, effect: Option<Effect>, rule: Option<&str>) -> Option<String> {
        let mut hints: Vec<String> = rule.map(str::to_owned).into_iter().collect();
        let rights = matches!(kind, ErrorKind::Scope) && (effect.is_some() || self.reads_are_answered());
        if rights && effect.is_some() {
            hints.push("reading works with this credential, so it is valid: it lacks the right to write".into());
        }
        if kind == ErrorKind::Auth || (kind == ErrorKind::Scope && !rights) {
            for (name, help) in self.manifest().secrets.iter().filter(|(name, _)| self.shown.contains(*name)) {
                hints.push(format!("`{name}`: {}, issued at {}", help.says, help.issued));
                hints.extend(help.twin.clone());
            }
        }
        if kind == ErrorKind::Vendor && status == 415 {
            hints.push("the app does not take JSON here; is the base URL right?".into());
        }
        (!hints.is_empty()).then(|| hints.join("; "))
    }

    /// Returns the vendor's own words of an answer, bounded.
    fn vendor_words(&self, response: &Response) -> String {
        let Ok(json) = Json::read(&response.body) else {
            let text = String::from_utf8_lossy(&response.body[..response.body.len().min(4096)]);
            return if is_html(&text) { "an HTML page".into() } else { bounded(text.trim(), TEXT_MAX) };
        };
        let found = self.manifest().errors.text.iter().find_map(|place| {
            let found = Place::new(place).of(&json).filter(|found| !found.is_empty())?;
            Some(found.plain().map_or_else(|| found.to_value().to_string(), |text| text.into_owned()))
        });
        found.map(|words| bounded(&words, TEXT_MAX)).unwrap_or_default()
    }

    fn told_field(&self, response: &Response) -> Option<String> {
        let json = Json::read(&response.body).ok()?;
        let native = self.manifest().errors.field.iter().find_map(|place| match Place::new(place).of(&json)? {
            Json::Object(entries) => entries.first().map(|(key, _)| key.to_string()),
            other => other.plain().map(|text| text.into_owned()),
        })?;
        let ours = self.manifest().kinds.values().find_map(|kind| {
            let by_field = kind.fields.iter().find(|(_, field)| field.write.as_deref() == Some(native.as_str()));
            by_field.map(|(name, _)| name.clone()).or_else(|| {
                let writes = |spec: &crate::manifest::EntitlementSpec| {
                    spec.write.as_ref().is_some_and(|write| write.at == native)
                };
                kind.entitlements.iter().find(|(_, spec)| writes(spec)).map(|(word, _)| word.clone())
            })
        });
        Some(ours.unwrap_or_else(|| bounded(&native, 60)))
    }

    /// Takes secrets and addresses of people out of a text.
    pub(super) fn masked(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in self.secrets.iter().map(|secret| secret.expose_secret()).filter(|secret| secret.len() >= 4) {
            masked = masked.replace(secret, "…");
        }
        if !masked.contains('@') {
            return masked;
        }
        let address = |word: &str| word.contains('@') && word.len() > 2;
        masked.split(' ').map(|word| if address(word) { "…" } else { word }).collect::<Vec<_>>().join(" ")
    }
}

/// What is said of a web page.
const PAGE: &str = "the app answered with an HTML page instead of JSON";

/// Reads a body as JSON.
pub(super) fn json_of(response: &Response) -> Result<Json<'_>, ConnectError> {
    Json::read(&response.body).map_err(|error| not_json(response, &error))
}

/// Reads a body as a page of records, as far as they are wanted.
pub(super) fn page_of<'r>(response: &'r Response, items: &Place, wanted: &Wanted) -> Result<Json<'r>, ConnectError> {
    Json::read_page(&response.body, items, wanted).map_err(|error| not_json(response, &error))
}

/// Tells whether an answer is a web page: no app said that, whatever its status.
pub(super) fn is_page(response: &Response) -> bool {
    is_html(&String::from_utf8_lossy(&response.body[..response.body.len().min(256)]))
}

/// Returns what a web page says of a write: nobody knows what was done.
pub(super) fn page_for_a_write(response: &Response) -> ConnectError {
    ConnectError { may_have_happened: true, ..malformed(response, PAGE.to_owned()) }
}

fn not_json(response: &Response, error: &serde_json::Error) -> ConnectError {
    let other = || format!("the app answered with something that is not JSON: {error}");
    malformed(response, if is_page(response) { PAGE.to_owned() } else { other() })
}

fn malformed(response: &Response, text: String) -> ConnectError {
    let mut malformed = ConnectError::new(ErrorKind::Malformed, text)
        .hinting("is the base URL right, and does no proxy or sign-in page stand before it?");
    malformed.status = Some(response.status.as_u16());
    malformed
}

fn is_html(text: &str) -> bool {
    let start = text.trim_start().get(..64.min(text.trim_start().len())).unwrap_or_default().to_lowercase();
    start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<head")
}

/// Returns an id as it goes into a path.
pub(super) fn path_id(id: &str) -> Result<String, ConnectError> {
    let bad = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | '\\' | '?' | '#' | '%' | ';');
    if id.is_empty() || id == "0" || id.len() > ID_MAX || id.chars().all(|c| c == '.') || id.chars().any(bad) {
        let text = format!("{:?} cannot be an id; nothing was sent", bounded(id, 40));
        return Err(ConnectError::new(ErrorKind::Validation, text));
    }
    Ok(encoded(id))
}

/// Returns an entry of a list, such as an app that somebody let in, as it goes into a path: whatever it is called, it stays
/// one part of it.
fn path_entry(id: &str) -> Result<String, ConnectError> {
    let is_dots = |part: &str| matches!(part, "." | "..");
    if id.is_empty() || id.len() > ID_MAX || id.chars().any(char::is_control) || id.split(['/', '\\']).any(is_dots) {
        let text = format!("{:?} cannot be an id; nothing was sent", bounded(id, 40));
        return Err(ConnectError::new(ErrorKind::Validation, text));
    }
    Ok(encoded(id))
}

fn encoded(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Returns by what else than 429 an app says that it was asked too often, as its manifest tells.
pub(super) fn too_many(manifest: &crate::manifest::Manifest) -> Arc<[TooMany]> {
    let rules = manifest.errors.rules.iter();
    let rules = rules.filter(|rule| rule.is == ErrorWord::RateLimited && !rule.says.is_empty());
    let says = |words: &[String]| words.iter().map(|words| words.to_lowercase()).collect();
    rules.map(|rule| TooMany { status: rule.status.clone(), says: says(&rule.says) }).collect()
}

pub(super) fn plain_kind(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        401 => ErrorKind::Auth,
        403 => ErrorKind::Scope,
        404 | 410 => ErrorKind::NotFound,
        405 | 501 => ErrorKind::Unsupported,
        409 => ErrorKind::Duplicate,
        429 => ErrorKind::RateLimited,
        400 | 422 => ErrorKind::Validation,
        500..=599 => ErrorKind::Unreachable,
        _ => ErrorKind::Vendor,
    }
}

fn kind_of(word: ErrorWord) -> ErrorKind {
    match word {
        ErrorWord::Auth => ErrorKind::Auth,
        ErrorWord::Scope => ErrorKind::Scope,
        ErrorWord::NotFound => ErrorKind::NotFound,
        ErrorWord::Duplicate => ErrorKind::Duplicate,
        ErrorWord::SeatLimit => ErrorKind::SeatLimit,
        ErrorWord::Validation => ErrorKind::Validation,
        ErrorWord::RateLimited => ErrorKind::RateLimited,
        ErrorWord::Unsupported => ErrorKind::Unsupported,
        ErrorWord::Vendor => ErrorKind::Vendor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_lead_elsewhere_never_becomes_part_of_a_path() {
        for id in ["", "0", ".", "..", "a/b", "a\\b", "a?b", "a#b", "%2e%2e", "a b", "a\n", "a;b"] {
            assert!(path_id(id).is_err(), "{id:?}");
        }
        assert_eq!(path_id("agt_001").unwrap(), "agt_001");
        assert_eq!(path_id("a+b@c").unwrap(), "a%2Bb%40c");
    }
}
