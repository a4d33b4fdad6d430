//! How an exchange can fail, sorted by what may have happened on the other side.
//! `exchange` raises these; retries, probes and messages are decided from them.
//! No text holds a query, a body, a credential or an address of a person.

use http::{Method, StatusCode};
use std::fmt;
use std::time::Duration;
use url::Url;

/// What may be said of a request in a message: method, host and path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The method.
    pub method: Method,
    /// Host, and port where it is not the usual one.
    pub host: String,
    /// The path; parts that look like an e-mail address are left out.
    pub path: String,
}

impl Target {
    /// Returns what may be said of this method and URL.
    pub fn of(method: &Method, url: &Url) -> Self {
        let part = |part: &str| {
            let personal = part.contains('@') || part.to_ascii_lowercase().contains("%40") || part.len() > 64;
            if personal { "…".to_owned() } else { part.to_owned() }
        };
        let path = url.path().split('/').map(part).collect::<Vec<_>>().join("/");
        Self { method: method.clone(), host: host_and_port(url), path }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, self.host, self.path)
    }
}

/// Returns the host of `url`, with the port where it is not the usual one of its scheme.
pub(crate) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or("");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// How an exchange can fail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The request cannot have reached the server.
    #[error("{target}: not sent, {because}")]
    NotSent {
        /// What was asked.
        target: Target,
        /// Why.
        because: String,
    },
    /// The request was sent, or part of it, and no complete answer came back.
    #[error("{target}: sent without a complete answer, {because}")]
    Ambiguous {
        /// What was asked.
        target: Target,
        /// Why.
        because: String,
    },
    /// The request was sent, and not even the beginning of an answer came in time.
    #[error("{target}: sent, and nothing came for {:.1} s", waited.as_secs_f64())]
    Stalled {
        /// What was asked.
        target: Target,
        /// How long it was waited.
        waited: Duration,
    },
    /// The answer is larger than is read, counted after it is unpacked.
    #[error("{target}: the answer is larger than {max} bytes")]
    TooLarge {
        /// What was asked.
        target: Target,
        /// The most that is read.
        max: usize,
    },
    /// The server sends us elsewhere. We do not go: credentials are for the host that the operator named.
    #[error("{target}: answered {} and points to {to_host}; redirects are not followed, correct the url of the connection", status.as_u16())]
    Redirect {
        /// What was asked.
        target: Target,
        /// The status.
        status: StatusCode,
        /// Where it points.
        to_host: String,
    },
    /// The request would not be safe to send.
    #[error("{target}: not sent, {because}")]
    Insecure {
        /// What was asked.
        target: Target,
        /// Why.
        because: String,
    },
    /// No access token could be had for the request.
    #[error("{target}: not sent, no access token from {token_host}: {because}")]
    Credential {
        /// What was asked.
        target: Target,
        /// Who issues tokens.
        token_host: String,
        /// Why there is none.
        because: String,
        /// Whether asking again may help.
        wait_may_help: bool,
    },
}

impl TransportError {
    /// Tells whether the server may have done what was asked.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::NotSent { .. } | Self::Insecure { .. } | Self::Credential { .. } => false,
            Self::Ambiguous { .. } | Self::Stalled { .. } | Self::TooLarge { .. } => true,
            Self::Redirect { status, .. } => {
                !matches!(*status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT)
            }
        }
    }

    /// Tells whether the same request may succeed a little later.
    pub fn wait_may_help(&self) -> bool {
        match self {
            Self::NotSent { .. } | Self::Ambiguous { .. } | Self::Stalled { .. } => true,
            Self::Credential { wait_may_help, .. } => *wait_may_help,
            Self::TooLarge { .. } | Self::Redirect { .. } | Self::Insecure { .. } => false,
        }
    }

    /// Returns what was asked.
    pub fn target(&self) -> &Target {
        match self {
            Self::NotSent { target, .. }
            | Self::Ambiguous { target, .. }
            | Self::Stalled { target, .. }
            | Self::TooLarge { target, .. }
            | Self::Redirect { target, .. }
            | Self::Insecure { target, .. }
            | Self::Credential { target, .. } => target,
        }
    }
}
