//! Why an app could not be asked, or what it refused, in one form for all apps.
//! Made from transport failures and from answers as the manifest reads them; `engine` decides by the kind what happens
//! next. It never holds a secret, and holds the vendor's words only bounded and masked.

use std::fmt;

/// What an error means, whatever the app calls it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// The connection's configuration or the manifest does not allow it: the operator must act.
    Configuration,
    /// The credential is not accepted.
    Auth,
    /// The credential may not do this.
    Scope,
    /// There is no such record in this tenant.
    NotFound,
    /// There is such a record already.
    Duplicate,
    /// No seat is left.
    SeatLimit,
    /// A field is not accepted; by the app, or by us before anything was sent.
    Validation,
    /// Too many requests, for longer than we wait.
    RateLimited,
    /// The app cannot do this.
    Unsupported,
    /// Anything else that the app says.
    Vendor,
    /// The app did not answer, or not as its contract says.
    Unreachable,
    /// The answer could not be understood.
    Malformed,
}

impl ErrorKind {
    /// Returns the word for messages and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Auth => "auth",
            Self::Scope => "scope",
            Self::NotFound => "not_found",
            Self::Duplicate => "duplicate",
            Self::SeatLimit => "seat_limit",
            Self::Validation => "validation",
            Self::RateLimited => "rate_limited",
            Self::Unsupported => "unsupported",
            Self::Vendor => "vendor",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why an app could not be asked, or what it refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectError {
    /// What it means.
    pub kind: ErrorKind,
    /// What happened, with the vendor's words where there are any; bounded, secrets masked.
    pub text: String,
    /// Who must do what.
    pub hint: Option<String>,
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// The field that is not accepted, in our words where we have one for it.
    pub field: Option<String>,
    /// Whether the effect may have happened all the same: look before trying again.
    pub may_have_happened: bool,
    /// Until when the connection is parked (milliseconds since 1970, UTC), if that is why.
    pub parked_until_ms: Option<i64>,
}

impl ConnectError {
    /// Returns an error that is certain not to have changed anything.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            hint: None,
            status: None,
            field: None,
            may_have_happened: false,
            parked_until_ms: None,
        }
    }

    /// Returns an error of our own making: what should not happen, in plain words.
    pub fn of_us(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Vendor, text)
    }

    /// Returns the error of a connection that is parked.
    pub(crate) fn parked(parked: &crate::governor::Parked) -> Self {
        Self { parked_until_ms: Some(parked.until_ms), ..Self::new(ErrorKind::RateLimited, parked.to_string()) }
    }

    /// Adds who must do what.
    pub fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the field that is meant.
    pub fn about(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConnectError {}

/// Cuts `text` to `max` characters, for words of others that go into messages.
pub(crate) fn bounded(text: &str, max: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(max + 1).collect();
    if clean.chars().count() > max { clean.chars().take(max).chain(['…']).collect() } else { clean }
}
