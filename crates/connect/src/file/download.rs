//! A table of people at an address: fetched over HTTPS with whatever proves who asks, or found to be the same as before.
//! The engine hands in what it noted of the last one and reads the bytes as a file. A redirect is followed nowhere, an answer
//! is read within a bound, and a page of HTML is no table.

use crate::error::{ConnectError, ErrorKind};
use crate::settings::Settings;
use crate::transport::{
    Carrier, Clock, Credential, Request, Transport, TransportError, TransportOptions, host_and_port,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The largest table that is fetched, in bytes.
const BODY_MAX: usize = 256 * 1024 * 1024;

/// By what a server tells whether its table is another one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Validator {
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`, where a later change would have another one.
    pub last_modified: Option<String>,
}

/// What came of asking.
#[derive(Debug)]
pub enum Fetched {
    /// A table, and by what it is known again.
    Table(Bytes, Validator),
    /// The same as before.
    Unchanged,
}

/// A table at an address.
pub struct Download {
    url: Url,
    credential: Option<Arc<Credential>>,
    transport: Transport,
}

impl Download {
    /// Prepares to fetch what the settings name, with `token`, or `username` and `password`, or nothing.
    ///
    /// # Errors
    /// The address is none, is not encrypted, or the secrets do not fit together.
    pub fn new(
        settings: &Settings,
        secrets: &BTreeMap<String, SecretString>,
        clock: Arc<dyn Clock>,
        carrier: Option<Arc<dyn Carrier>>,
    ) -> Result<Self, ConnectError> {
        let url = settings.file_url()?;
        let credential = credential(secrets)?.map(Arc::new);
        let mut options = TransportOptions { allow_http: settings.allow_http, ..TransportOptions::default() };
        options.body_max = settings.body_max.unwrap_or(BODY_MAX);
        options.credential_hosts = vec![host_and_port(&url)];
        Ok(Self { url, credential, transport: Transport::new(options, clock).carried_by(carrier) })
    }

    /// Returns the address without what may be a secret in it, for people.
    pub fn place(&self) -> String {
        format!("{}://{}{}", self.url.scheme(), host_and_port(&self.url), self.url.path())
    }

    /// Asks for the table, unless it is the one that was `known`.
    ///
    /// # Errors
    /// Nobody answers, the answer is a refusal or a redirect, too large, or no table.
    pub async fn fetch(&self, known: Option<&Validator>) -> Result<Fetched, ConnectError> {
        let accepted = HeaderValue::from_static("text/csv, text/plain;q=0.9, */*;q=0.1");
        let mut request = Request::get(self.url.clone()).header(header::ACCEPT, accepted);
        let conditions = known.into_iter().flat_map(|known| {
            [(header::IF_NONE_MATCH, &known.etag), (header::IF_MODIFIED_SINCE, &known.last_modified)]
        });
        for (name, value) in conditions {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                request = request.header(name, value);
            }
        }
        if let Some(credential) = &self.credential {
            request = request.credential(credential.clone());
        }
        let response = self.transport.send(&request).await.map_err(|error| self.unanswered(&error))?;
        let told = |name: HeaderName| response.header(name.as_str()).map(str::to_owned);
        match response.status {
            StatusCode::NOT_MODIFIED if known.is_some() => Ok(Fetched::Unchanged),
            StatusCode::OK if is_page(response.header("content-type"), &response.body) => {
                let text = format!("{} answered with an HTML page instead of a table", self.place());
                Err(ConnectError::new(ErrorKind::Malformed, text).hinting("is it a sign-in page?"))
            }
            StatusCode::OK => {
                let last_modified =
                    told(header::LAST_MODIFIED).filter(|last| is_past(last, told(header::DATE).as_deref()));
                let validator = Validator { etag: told(header::ETAG), last_modified };
                Ok(Fetched::Table(response.body, validator))
            }
            status => Err(self.refused(status)),
        }
    }

    fn unanswered(&self, error: &TransportError) -> ConnectError {
        let kind = match error {
            TransportError::Redirect { .. } | TransportError::Insecure { .. } => ErrorKind::Configuration,
            TransportError::TooLarge { .. } => ErrorKind::Malformed,
            _ => ErrorKind::Unreachable,
        };
        let failed = ConnectError::new(kind, error.to_string());
        match error {
            TransportError::Redirect { .. } => {
                failed.hinting("write the address at which the table really lies as `url`")
            }
            _ => failed,
        }
    }

    fn refused(&self, status: StatusCode) -> ConnectError {
        let text = format!("{} answered {}", self.place(), status.as_u16());
        let (kind, hint) = match status.as_u16() {
            401 | 407 => (ErrorKind::Auth, Some("the secret `token`, or `username` and `password`, is not accepted")),
            403 => (ErrorKind::Scope, Some("who asks is known and may not read this")),
            404 | 410 => (ErrorKind::NotFound, Some("is `url` the whole address of the table?")),
            500..=599 => (ErrorKind::Unreachable, None),
            429 => (ErrorKind::RateLimited, None),
            _ => (ErrorKind::Vendor, None),
        };
        let mut error = ConnectError::new(kind, text);
        error.status = Some(status.as_u16());
        match hint {
            Some(hint) => error.hinting(hint),
            None => error,
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("place", &self.place()).finish_non_exhaustive()
    }
}

/// Builds what proves who asks; nothing where no secret is given.
fn credential(secrets: &BTreeMap<String, SecretString>) -> Result<Option<Credential>, ConnectError> {
    let given = |name: &str| {
        let secret = secrets.get(name).filter(|secret| !secret.expose_secret().trim().is_empty())?;
        Some(SecretString::from(secret.expose_secret().trim().to_owned()))
    };
    let refuse = |text: &str| Err(ConnectError::new(ErrorKind::Configuration, text).about("secrets"));
    match (given("token"), given("username"), given("password")) {
        (Some(token), None, None) => Ok(Some(Credential::Bearer(token))),
        (None, Some(username), Some(password)) => Ok(Some(Credential::Basic { username, password })),
        (None, None, None) if secrets.is_empty() => Ok(None),
        (None, None, None) => refuse("a secret is empty"),
        (Some(_), ..) => refuse("either `token`, or `username` and `password`"),
        (None, ..) => refuse("`username` and `password` go together"),
    }
}

/// Tells whether a table was changed long enough before it was sent, by the server's own clock, that a change after that
/// has another `Last-Modified`, which counts whole seconds (RFC 9110 section 8.8.2.2): a table that was fetched while it
/// was written would be taken for whole for hours.
fn is_past(last_modified: &str, date: Option<&str>) -> bool {
    let moment = |text: &str| httpdate::parse_http_date(text).ok();
    let since =
        moment(last_modified).zip(date.and_then(moment)).and_then(|(last, date)| date.duration_since(last).ok());
    since.is_some_and(|since| since >= Duration::from_secs(1))
}

fn is_page(content_type: Option<&str>, body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(256)]).trim_start().to_lowercase();
    content_type.is_some_and(|kind| kind.starts_with("text/html"))
        || start.starts_with("<!doctype")
        || start.starts_with("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_tells_tables_apart_once_its_second_is_over() {
        let [first, second] = ["Thu, 26 Nov 2026 06:00:00 GMT", "Thu, 26 Nov 2026 06:00:01 GMT"];
        assert!(is_past(first, Some(second)));
        for date in [Some(first), Some("today"), None] {
            assert!(!is_past(first, date), "{date:?}");
        }
        assert!(!is_past(second, Some(first)), "clocks that disagree tell nothing");
    }

    fn secrets(given: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into())).collect()
    }

    #[test]
    fn secrets_that_do_not_fit_together_are_refused() {
        assert!(credential(&secrets(&[])).unwrap().is_none());
        assert!(matches!(credential(&secrets(&[("token", "t")])), Ok(Some(Credential::Bearer(_)))));
        let pair = secrets(&[("username", "u"), ("password", "p")]);
        assert!(matches!(credential(&pair), Ok(Some(Credential::Basic { .. }))));
        for wrong in [&[("username", "u")][..], &[("token", "t"), ("password", "p")], &[("token", " ")]] {
            assert!(credential(&secrets(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_page_is_no_table_whatever_it_calls_itself() {
        assert!(is_page(Some("text/html; charset=utf-8"), b"employee_id"));
        assert!(is_page(Some("text/csv"), b"\n <!DOCTYPE html><html>"));
        assert!(!is_page(Some("text/csv"), b"employee_id,name\n"));
    }
}
