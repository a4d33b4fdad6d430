//! The app's SCIM surface as a way to write, where a connection switches it on: its own address, its own credential, and
//! what its refusals mean.
//! Perform hands over what REST cannot do or shall not, pulls and looks ask for what REST does not tell. Requests are
//! paced by the same governor as those of REST; nothing here touches REST's credential.

mod alone;
mod change;
mod check;
mod create;
mod groups;
mod offers;
mod seen;

pub(super) use seen::Seen;

use super::ask::plain_kind;
use super::{Inner, Secrets};
use crate::error::{ConnectError, ErrorKind, bounded};
use crate::governor::{RetryPolicy, send_governed};
use crate::manifest::{Auth, AuthForm};
use crate::settings::{SEARCH, SEARCH_REQUEST, Settings};
use crate::transport::{
    Carrier, ClientCredentials, Clock, Credential, Priority, Request, Response, Transport, TransportOptions,
    host_and_port,
};
use http::{HeaderValue, Method, header};
use secrecy::{ExposeSecret, SecretString};
use seen::Directory;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::abilities::Effect;
use tenure_scim::{MEDIA_TYPE, ScimError, ScimType};
use tokio::sync::Mutex;
use url::Url;

const DETAIL_MAX: usize = 300;

/// A connection's SCIM surface.
pub(super) struct Scim {
    base: Url,
    credential: Arc<Credential>,
    transport: Transport,
    directory: Mutex<Directory>,
    /// Held while a group is written and read again, so that what is known of it never grows older.
    moving: Mutex<()>,
}

/// One request to it.
struct ScimAsk<'a> {
    method: Method,
    /// The path as the protocol writes it, for limits of some paths.
    label: &'static str,
    /// What stands behind the path of a list.
    suffix: &'static str,
    /// The id behind the path.
    id: Option<&'a str>,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    effect: Option<Effect>,
    priority: Priority,
}

impl<'a> ScimAsk<'a> {
    fn read(label: &'static str, id: Option<&'a str>, priority: Priority) -> Self {
        Self { method: Method::GET, label, suffix: "", id, query: Vec::new(), body: None, effect: None, priority }
    }

    /// A page of a list, asked for by POST.
    fn search(label: &'static str, start: u64, count: u64, priority: Priority) -> Self {
        let body = json!({ "schemas": [SEARCH_REQUEST], "startIndex": start, "count": count });
        Self { method: Method::POST, suffix: SEARCH, ..Self::read(label, None, priority) }.json(&body)
    }

    fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    fn write(method: Method, label: &'static str, id: &'a str, effect: Effect, priority: Priority) -> Self {
        Self { method, label, suffix: "", id: Some(id), query: Vec::new(), body: None, effect: Some(effect), priority }
    }

    fn make(label: &'static str, effect: Effect, priority: Priority) -> Self {
        Self { effect: Some(effect), method: Method::POST, ..Self::read(label, None, priority) }
    }

    fn json(mut self, body: &Value) -> Self {
        self.body = serde_json::to_vec(body).ok();
        self
    }

    fn body(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body).ok();
        self
    }
}

impl Scim {
    /// Builds what requests need; nothing where SCIM is off.
    ///
    /// # Errors
    /// A secret is missing, or is one of REST's.
    pub fn new(
        settings: &Settings,
        Secrets { rest, scim: own }: &Secrets,
        main: &Arc<Credential>,
        clock: Arc<dyn Clock>,
        carrier: Option<Arc<dyn Carrier>>,
    ) -> Result<Option<Self>, ConnectError> {
        if settings.scim_on().is_none() {
            return Ok(None);
        }
        let alone = settings.scim_alone().is_some();
        let base = if alone { settings.base_url()? } else { settings.scim_url()? };
        check_twins(settings, own, rest)?;
        let mut options = TransportOptions { allow_http: settings.allow_http, ..TransportOptions::default() };
        options.body_max = settings.body_max.unwrap_or(options.body_max);
        options.credential_hosts = vec![host_and_port(&base)];
        let credential = if alone { main.clone() } else { Arc::new(credential(settings, own)?) };
        let transport = Transport::new(options, clock).carried_by(carrier);
        Ok(Some(Self { base, credential, transport, directory: Mutex::default(), moving: Mutex::default() }))
    }

    /// Returns what proves who we are on this surface.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    fn request(&self, ask: &ScimAsk<'_>) -> Result<Request, ConnectError> {
        let mut path = ask.label.replace("/{id}", "") + ask.suffix;
        if let Some(id) = ask.id {
            path = format!("{path}/{}", super::ask::path_id(id)?);
        }
        let text = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut url = Url::parse(&text).map_err(|error| {
            ConnectError::new(ErrorKind::Configuration, format!("no URL comes of {path:?}: {error}"))
        })?;
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        let mut request = Request::new(ask.method.clone(), url)
            .header(header::ACCEPT, HeaderValue::from_static(MEDIA_TYPE))
            .credential(self.credential.clone())
            .priority(ask.priority)
            .label(format!("scim:{}", ask.label));
        if let Some(body) = &ask.body {
            request = request.body(MEDIA_TYPE, body.clone());
        }
        Ok(request)
    }

    /// Sends a request and returns its answer if it means success.
    async fn send(&self, inner: &Inner, ask: ScimAsk<'_>) -> Result<Response, ConnectError> {
        let request = self.request(&ask)?;
        let retry = if ask.effect.is_none() { RetryPolicy::safe() } else { RetryPolicy::only_if_not_sent() };
        match send_governed(&self.transport, &inner.governor, &request, &retry).await {
            Ok(response) if response.status.is_success() => Ok(response),
            Ok(response) => Err(self.refusal(inner, &response, ask.effect)),
            Err(error) => {
                let failed = inner.not_answered(&error, ask.effect);
                let text = format!("SCIM of {}: {}", inner.manifest().title, failed.text);
                Err(explained(inner, ConnectError { text, ..failed }))
            }
        }
    }

    fn refusal(&self, inner: &Inner, response: &Response, effect: Option<Effect>) -> ConnectError {
        let told = ScimError::parse(&response.body);
        // Seats are refused in the same words on both surfaces.
        let rest = inner.refusal(response, effect);
        let kind = match told.as_ref().and_then(|told| told.scim_type.as_ref()) {
            _ if rest.kind == ErrorKind::SeatLimit => ErrorKind::SeatLimit,
            Some(ScimType::Uniqueness) => ErrorKind::Duplicate,
            Some(ScimType::TooMany) => ErrorKind::RateLimited,
            Some(ScimType::Other(_)) | None => match plain_kind(response.status) {
                // The account is there, over REST: it is the surface, or its user, that is not.
                ErrorKind::NotFound if inner.settings.scim_alone().is_none() => ErrorKind::Unsupported,
                kind => kind,
            },
            Some(_) => ErrorKind::Validation,
        };
        let words = told.map(|told| told.to_string()).map(|words| bounded(&words, DETAIL_MAX));
        let words = words.unwrap_or_else(|| response.status.as_u16().to_string());
        let text = format!("SCIM of {} answered {words}", inner.manifest().title);
        let mut error = ConnectError::new(kind, inner.masked(&text));
        error.status = Some(response.status.as_u16());
        let same = inner.settings.scim_alone().is_some() && rest.kind == kind;
        error.hint = rest.hint.filter(|_| kind == ErrorKind::SeatLimit || same);
        explained(inner, error)
    }
}

/// Says of a failure what the answer leaves out: two credentials that are easily swapped, and single sign-on.
fn explained(inner: &Inner, error: ConnectError) -> ConnectError {
    let Some((scim, _)) = inner.settings.scim_on().filter(|(scim, _)| !scim.alone) else { return error };
    if matches!(
        error.kind,
        ErrorKind::Validation | ErrorKind::Duplicate | ErrorKind::SeatLimit | ErrorKind::RateLimited
    ) {
        return error;
    }
    let mut hints = Vec::new();
    if matches!(error.kind, ErrorKind::Auth | ErrorKind::Scope) {
        let others: Vec<String> = inner.manifest().secrets.keys().map(|name| format!("`{name}`")).collect();
        let issued = scim.token.as_deref().unwrap_or("the vendor's pages");
        hints.push(format!(
            "SCIM has a credential of its own ({issued}); {} of REST is refused here",
            others.join(", ")
        ));
        hints.push("a token that was issued anew has to be changed here at once".into());
    }
    if scim.needs_sso {
        let signs = inner.settings.sso.as_ref().map(|sso| format!(" through {sso}")).unwrap_or_default();
        let title = &inner.manifest().title;
        let sso = format!("SCIM works only while single sign-on is on: is SAML SSO{signs} still on in {title}?");
        // A refusal of what the credential would allow comes of sign-on first of all.
        hints.insert(if error.kind == ErrorKind::Scope { 0 } else { hints.len() }, sso);
    }
    if hints.is_empty() { error } else { error.hinting(hints.join("; ")) }
}

/// Refuses a secret that is one of REST's: the two surfaces refuse each other's without saying so.
fn check_twins(
    settings: &Settings,
    own: &BTreeMap<String, SecretString>,
    rest: &BTreeMap<String, SecretString>,
) -> Result<(), ConnectError> {
    for (name, secret) in own {
        let same = |other: &SecretString| other.expose_secret().trim() == secret.expose_secret().trim();
        if let Some((twin, _)) = rest.iter().find(|(_, other)| same(other)) {
            let text = format!("the SCIM secret `{name}` of {} is the same as `{twin}` of REST", settings.name);
            let issued = settings.manifest.scim.as_ref().and_then(|scim| scim.token.clone()).unwrap_or_default();
            return Err(ConnectError::new(ErrorKind::Configuration, text)
                .hinting(format!("they are two credentials; SCIM's comes from {issued}"))
                .about("scim"));
        }
    }
    Ok(())
}

/// Builds the credential: the first form whose secrets are given.
fn credential(settings: &Settings, own: &BTreeMap<String, SecretString>) -> Result<Credential, ConnectError> {
    let refuse = |text: String| ConnectError::new(ErrorKind::Configuration, text).about("scim");
    let forms = settings.manifest.scim.as_ref().map(|scim| scim.credentials.as_slice()).unwrap_or_default();
    let given = |name: &str| own.get(name).is_some_and(|secret| !secret.expose_secret().trim().is_empty());
    let Some(auth) = forms.iter().find(|auth| auth.secrets().into_iter().all(given)) else {
        let asked: Vec<String> = forms.iter().map(|auth| auth.secrets().join(" and ")).collect();
        let text = format!("SCIM of {} has no credential: a secret is missing or empty", settings.name);
        let issued = settings.manifest.scim.as_ref().and_then(|scim| scim.token.clone()).unwrap_or_default();
        return Err(refuse(text).hinting(format!("it needs {}; {issued}", asked.join(", or "))));
    };
    match auth.form {
        AuthForm::ClientCredentials => Ok(Credential::OAuthClientCredentials(client(settings, auth, own)?)),
        _ => super::credential::credential_of(auth, own),
    }
}

fn client(
    settings: &Settings,
    auth: &Auth,
    own: &BTreeMap<String, SecretString>,
) -> Result<ClientCredentials, ConnectError> {
    let given = settings.scim.as_ref().and_then(|scim| scim.token_url.as_deref());
    let url = settings.scim_address(given, auth.token_url.as_deref().unwrap_or_default(), "token URL")?;
    Ok(super::credential::client_of(auth, url, own))
}

/// Tells whether a service does not know a verb, or not at this place: of a record that is known to be there.
fn is_unknown(error: &ConnectError) -> bool {
    !error.may_have_happened && matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unsupported)
}

/// Reads an answer as one resource.
fn record_of(response: &Response) -> Result<Value, ConnectError> {
    serde_json::from_slice(&response.body).map_err(|error| {
        ConnectError::new(ErrorKind::Malformed, format!("SCIM answered with something that is not JSON: {error}"))
    })
}
