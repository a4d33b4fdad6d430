//! A server that does what a command asks, instead of the store beside it: `--server URL`, with a token.
//! It speaks of the server's own endpoints, so that a question and its answer are the values that a command has anyway;
//! what takes long is waited for. It shows nothing and knows no command.

use crate::arguments::Common;
use crate::exit::{Exit, Mistake};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Arc;
use tenure_connect::HttpPolicy;
use tenure_connect::transport::{
    Credential, Request, Response, SystemClock, Transport, TransportError, TransportOptions, is_loopback,
};
use tenure_engine::act::ActView;
use tenure_engine::chance::Chance;
use tenure_engine::fault::{Fault, FaultKind};
use tenure_serve::api::endpoint::Endpoint;
use tenure_serve::api::writes::Long;
use tenure_serve::api::{BASE, Method, Url};

/// The variable that holds the token.
const TOKEN: &str = "TENURE_TOKEN";
/// For how many seconds the server may keep an answer back until something has ended.
const WAIT_SECONDS: u32 = 20;
/// How often a request is sent whose answer was lost; what changes something is sent under one key each time.
const SENT_MAX: usize = 3;

/// A server.
pub struct Remote {
    transport: Transport,
    base: Url,
    credential: Arc<Credential>,
}

/// Why a server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It said so.
    #[error("{}", told(.0))]
    Fault(Fault),
    /// It did not answer, or what it answered cannot be understood.
    #[error("{0}")]
    Unreachable(String),
}

impl Refused {
    /// Picks the exit code: that with which the same would have ended beside the store.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreachable(_) => Exit::Unreachable,
            Self::Fault(fault) => match fault.kind {
                FaultKind::Missing | FaultKind::Asked | FaultKind::Forbidden => Exit::Usage,
                FaultKind::Connection | FaultKind::Configuration => Exit::Usage,
                FaultKind::Moved | FaultKind::Busy | FaultKind::Ending => Exit::Held,
                FaultKind::Unreachable => Exit::Unreachable,
                FaultKind::Ours => Exit::Broken,
            },
        }
    }
}

fn told(fault: &Fault) -> String {
    match &fault.field {
        Some(field) => format!("{field}: {}", fault.detail),
        None => fault.detail.clone(),
    }
}

impl Remote {
    /// Returns the server that the common arguments name, if they name one.
    ///
    /// # Errors
    /// The address is none, or not one that a token may be sent to, or there is no token.
    pub fn of(common: &Common) -> Result<Option<Self>, Mistake> {
        let Some(server) = &common.server else { return Ok(None) };
        let base = Url::parse(server).ok().filter(|url| url.host_str().is_some() && !url.cannot_be_a_base());
        let base =
            base.ok_or_else(|| Mistake(format!("{server:?} is no address such as https://tenure.acme.example")))?;
        if base.scheme() != "https" && !(base.scheme() == "http" && is_loopback(&base)) {
            let hint = "the token that is sent there would be read on the way; write https://, http:// is for a server \
                        on this machine only";
            return Err(Mistake(format!("--server {server}: {hint}")));
        }
        let token = std::env::var(TOKEN).ok().filter(|token| !token.trim().is_empty());
        let hint = "--server needs a token in TENURE_TOKEN; `tenure token create` makes one beside the store";
        let token = token.ok_or_else(|| Mistake(hint.into()))?;
        let host = base.host_str().unwrap_or_default().to_owned();
        let options = TransportOptions {
            allow_http: HttpPolicy::LoopbackOnly,
            credential_hosts: vec![base.port().map_or(host.clone(), |port| format!("{host}:{port}"))],
            ..TransportOptions::default()
        };
        let transport = Transport::new(options, Arc::new(SystemClock));
        Ok(Some(Self { transport, base, credential: Arc::new(Credential::Bearer(token.trim().into())) }))
    }

    /// Asks one endpoint.
    pub async fn ask<E: Endpoint>(&self, asked: &E::Asked) -> anyhow::Result<E::Answer> {
        let request = self.request::<E>(asked)?;
        read(&self.send(&request).await?)
    }

    /// Asks for something that takes long, and waits for what comes of it.
    pub async fn act<E: Long>(&self, asked: &E::Asked) -> anyhow::Result<E::Ends> {
        let request = self.request::<E>(asked)?;
        let mut act: ActView<Value> = read(&self.send(&request).await?)?;
        loop {
            if let Some(answer) = act.answer {
                return Ok(serde_json::from_value(answer).map_err(|error| misread(&error))?);
            }
            if let Some(fault) = act.fault {
                return Err(Refused::Fault(fault).into());
            }
            let mut url = self.place(&["acts", &act.id]);
            url.query_pairs_mut().append_pair("wait", &WAIT_SECONDS.to_string());
            act = read(&self.send(&self.signed(Request::get(url))).await?)?;
        }
    }

    /// Asks for a page of text.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let mut url = self.base.clone();
        url.set_path(path);
        let response = self.send(&self.signed(Request::get(url))).await?;
        refuse(&response)?;
        Ok(String::from_utf8_lossy(&response.body).into_owned())
    }

    fn place(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.set_path(BASE);
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(parts);
        }
        url
    }

    fn signed(&self, request: Request) -> Request {
        request.credential(self.credential.clone())
    }

    /// Puts what is asked where the endpoint expects it: path, query, body.
    fn request<E: Endpoint>(&self, asked: &E::Asked) -> anyhow::Result<Request> {
        let mut words = object(asked)?;
        let mut parts: Vec<String> = Vec::new();
        for part in E::PATH.trim_start_matches('/').split('/') {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            parts.push(name.map_or_else(|| part.to_owned(), |name| plain(words.remove(name).unwrap_or_default())));
        }
        let mut url = self.place(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        words.retain(|_, value| !value.is_null());
        if E::METHOD == Method::GET {
            for (name, value) in words {
                url.query_pairs_mut().append_pair(&name, &plain(value));
            }
            return Ok(self.signed(Request::get(url)));
        }
        let key = tenure_core::hex::hex(&Chance::system().bytes::<16>()?);
        let request = Request::new(E::METHOD, url).header("idempotency-key".parse()?, key.parse()?);
        Ok(self.signed(request.body("application/json", serde_json::to_vec(&words)?)))
    }

    /// Sends a request, once more where its answer was lost.
    async fn send(&self, request: &Request) -> Result<Response, Refused> {
        let mut sent = 1;
        loop {
            match self.transport.send(request).await {
                Ok(response) => return Ok(response),
                Err(error) if sent < SENT_MAX && error.may_have_happened() => sent += 1,
                Err(error) => return Err(unreached(&error)),
            }
        }
    }
}

fn unreached(error: &TransportError) -> Refused {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Refused::Unreachable(format!("ask the server: {error}{cause}"))
}

fn misread(error: &serde_json::Error) -> Refused {
    Refused::Unreachable(format!("the server's answer cannot be understood; is it of this version? {error}"))
}

fn object(asked: &impl Serialize) -> anyhow::Result<Map<String, Value>> {
    match serde_json::to_value(asked)? {
        Value::Object(words) => Ok(words),
        _ => anyhow::bail!("broken invariant: what is asked is no object"),
    }
}

fn plain(value: Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn read<T: DeserializeOwned>(response: &Response) -> anyhow::Result<T> {
    refuse(response)?;
    Ok(serde_json::from_slice(&response.body).map_err(|error| misread(&error))?)
}

/// Reads why the server refused, if it did.
fn refuse(response: &Response) -> Result<(), Refused> {
    if response.status.is_success() {
        return Ok(());
    }
    let problem: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let Some(detail) = problem["detail"].as_str() else {
        return Err(Refused::Unreachable(format!("the server answered {} and no reason", response.status)));
    };
    let kind = match response.status.as_u16() {
        401 | 403 => FaultKind::Forbidden,
        404 => FaultKind::Missing,
        409 => FaultKind::Busy,
        412 => FaultKind::Moved,
        424 => FaultKind::Connection,
        500 => FaultKind::Ours,
        502..=504 => FaultKind::Unreachable,
        _ => FaultKind::Asked,
    };
    let field = problem["field"].as_str().map(str::to_owned);
    Err(Refused::Fault(Fault { kind, detail: detail.to_owned(), field }))
}
