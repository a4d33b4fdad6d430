//! What a page says when it cannot do what was asked: in a sentence for whoever asked, with the cause in the log where it
//! is ours. No page tells more of the house than its visitor may know.

use crate::frame::Frame;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use tenure_core::role::{Deed, Role};
use tenure_engine::EngineError;
use tenure_engine::session::Visitor;
use tenure_store::StoreError;

/// Why a page is not shown.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody is signed in any more.
    SignedOut,
    /// The form did not come from a page of ours, or from one of another session.
    Foreign,
    /// More was sent than any form of ours holds.
    TooLarge,
    /// The visitor may not.
    Forbidden { role: Role, deed: Deed, visitor: Box<Visitor> },
    /// Too many tried to sign in in vain.
    TooMany,
    /// There is no such thing.
    Missing(String),
    /// There is no asking for it in this way.
    NotSo,
    /// The visitor looks at an earlier moment.
    Past { moment: String, visitor: Box<Visitor> },
    /// It is not possible, as it was asked.
    Asked(String),
    /// Something of ours failed.
    Ours,
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    frame: Frame,
    heading: &'static str,
    says: String,
    in_past: bool,
    /// The page of ours from which the visitor came.
    from: Option<String>,
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Asked(says) | EngineError::Busy(says) | EngineError::Forbidden(says) => Self::Asked(says),
            EngineError::Missing(says) => Self::Missing(says),
            EngineError::Field { .. } => Self::Asked(error.to_string()),
            EngineError::Misplaced(error) => Self::Asked(error.to_string()),
            EngineError::Drained => Self::Asked("the daemon is about to end; try again in a moment".into()),
            other => {
                tracing::warn!(error = %other, "a page failed");
                Self::Ours
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page was not rendered");
        Self::Ours
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, heading, says) = match &self {
            Self::SignedOut => {
                (StatusCode::UNAUTHORIZED, "You are signed out", "Sign in again, then do it again.".into())
            }
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "This form is not good any more",
                "It came from another page or an earlier session. Go back, load the page anew and send it again."
                    .into(),
            ),
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "That is too much", "The form holds more than is read.".into())
            }
            Self::Forbidden { role, deed, .. } => (
                StatusCode::FORBIDDEN,
                "You may not do this",
                format!("You are signed in as {role}, who may not {}.", deed.says()),
            ),
            Self::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many tries",
                "Too many tried at once, or with links that are not good. Wait a minute.".into(),
            ),
            Self::Missing(says) => (StatusCode::NOT_FOUND, "Not found", sentence(says)),
            Self::NotSo => (
                StatusCode::METHOD_NOT_ALLOWED,
                "This cannot be asked for like that",
                "The address is that of a button's work, or of a page that takes no such form. Go to the page and press the button there.".into(),
            ),
            Self::Past { moment, .. } => (
                StatusCode::CONFLICT,
                "You look at the past",
                format!(
                    "You look at the company as of {} UTC; nothing can be changed there, and nothing was. Go back to now, then do it again.",
                    crate::words::moment(moment)
                ),
            ),
            Self::Asked(says) => (StatusCode::CONFLICT, "That cannot be done", sentence(says)),
            Self::Ours => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Something of ours failed",
                "Nothing was lost. The log of the daemon says why; try again in a moment.".into(),
            ),
        };
        let frame = match &self {
            Self::Forbidden { visitor, .. } | Self::Past { visitor, .. } => Frame::plain(Some(visitor), heading),
            _ => Frame::plain(crate::gate::visits().as_deref(), heading),
        };
        let in_past = matches!(self, Self::Past { .. });
        let from = crate::gate::came_from();
        match (FailurePage { frame, heading, says, in_past, from }).render() {
            Ok(page) => (status, Html(crate::isolate::isolated(&page))).into_response(),
            Err(_) => status.into_response(),
        }
    }
}

/// Writes a fragment as a sentence; what begins with an id begins so.
pub(crate) fn sentence(says: &str) -> String {
    let mut letters = says.chars();
    if says.split(' ').next().is_some_and(|word| !word.chars().all(char::is_alphabetic)) {
        return says.to_owned();
    }
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let end = if says.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}
