//! `Access`: who is signed in, as what, since when; an admin invites by a link that is shown once, and ends sessions.

use crate::Shared;
use crate::failure::Failure;
use crate::frame::{Frame, show};
use crate::gate::Form;
use crate::words;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{Html, Redirect};
use std::sync::Arc;
use tenure_core::role::{Deed, Role};
use tenure_engine::decide::By;
use tenure_engine::session::{self, INVITED_MS, SessionView, Visitor};
use tenure_engine::token::reveal;

#[derive(Template)]
#[template(path = "sessions.html")]
struct Sessions {
    frame: Frame,
    sessions: Vec<SessionView>,
    own: String,
    /// The link that was just made: for whom, as what, until when.
    made: Option<(String, String, &'static str, String)>,
    roles: Vec<(&'static str, Vec<&'static str>)>,
    approvers: Vec<String>,
}

async fn told(console: &Shared, visitor: &Visitor, frame: Frame) -> Result<Sessions, Failure> {
    let mut sessions = session::list(&console.house).await?;
    for session in &mut sessions {
        session.created_at = words::moment(&session.created_at);
        session.expires_at = words::moment(&session.expires_at);
        session.seen_at = words::moment(&session.seen_at);
    }
    let may = |role: Role| Deed::ALL.iter().filter(|deed| role.may(**deed)).map(|deed| deed.says()).collect();
    let mut approvers: Vec<String> = console.house.policy.approvers.values().flatten().cloned().collect();
    approvers.sort();
    approvers.dedup();
    Ok(Sessions {
        sessions,
        own: visitor.session.clone(),
        made: None,
        roles: Role::ALL.iter().map(|role| (role.as_str(), may(*role))).collect(),
        approvers,
        frame,
    })
}

/// `GET /sessions`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Access", "access", (&uri, &headers)).await?;
    show(&told(&console, &visitor, frame).await?)
}

/// `POST /sessions/invite`: makes a link, shown on the page that answers and nowhere again.
pub(crate) async fn invite(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let who = form.text("who").ok_or_else(|| Failure::Asked("say whom the link signs in".into()))?;
    let role: Role = form
        .text("role")
        .unwrap_or_default()
        .parse()
        .map_err(|error: tenure_core::role::NoRole| Failure::Asked(error.to_string()))?;
    let by = By { who: visitor.who.clone(), note: None };
    let (credential, invited) = session::invite(&console.house, who, role, INVITED_MS, &by).await?;
    let link = format!("{}/sign-in?link={}", base(&console, &headers), reveal(&credential));
    let frame = Frame::of(&console, &visitor, "Access", "access", (&uri, &headers)).await?;
    let mut page = told(&console, &visitor, frame).await?;
    page.made = Some((link, invited.who, invited.role, words::moment(&invited.expires_at)));
    show(&page)
}

/// Returns the address under which people reach the console: the public one, else the one that the visitor uses.
fn base(console: &Shared, headers: &HeaderMap) -> String {
    match &console.house.config.server.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("127.0.0.1:8600");
            format!("http://{host}")
        }
    }
}

/// `POST /sessions/end`: ends a session at once.
pub(crate) async fn end(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
) -> Result<Redirect, Failure> {
    session::end(&console.house, form.text("session").unwrap_or_default(), &visitor.who).await?;
    Ok(Redirect::to("/sessions?done=ended"))
}
