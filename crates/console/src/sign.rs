//! Signing in by a link, and signing out. A link shows first whom it would sign in, so that a program that only follows
//! links uses none up; the button opens the session. Links that are not good are all answered alike, and counted; whoever has a good one is let
//! in, however many others guess.

use crate::failure::Failure;
use crate::frame::{Frame, query, show};
use crate::gate::{COOKIE, COOKIE_TLS, is_foreign, is_tls, read_form};
use crate::{Console, Shared};
use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::{Arc, Mutex, PoisonError};
use tenure_engine::openid::within;
use tenure_engine::session::{self, Visitor};
use tenure_engine::token::reveal;

/// How many links may be tried in vain within a minute.
const TRIES_MAX: u32 = 30;
const MINUTE_MS: i64 = 60_000;

/// How often somebody tried to sign in in vain within this minute: since when, and how often.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<(i64, u32)>);

impl Attempts {
    /// Counts one more, and tells whether that is too many.
    fn count(&self, now_ms: i64) -> bool {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *tried = if now_ms - tried.0 < MINUTE_MS { (tried.0, tried.1.saturating_add(1)) } else { (now_ms, 1) };
        tried.1 > TRIES_MAX
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    /// The link, where it is good: the credential, whom it signs in, as what.
    link: Option<(String, String, &'static str)>,
    /// The providers by which somebody may sign in: whither the button leads, and what it says.
    providers: Vec<(String, String)>,
    /// Why somebody is not let in.
    refused: Option<String>,
}

const NOT_GOOD: &str = "This link was used already, has ended, or is not whole. Ask for another one.";

fn door(console: &Console, next: &str, refused: Option<String>) -> SignIn {
    let next: String = url::form_urlencoded::byte_serialize(within(next).as_bytes()).collect();
    let button = |(name, title): (String, String)| (format!("/sign-in/{name}?next={next}"), title);
    let providers = console.providers.list().into_iter().map(button).collect();
    SignIn { frame: Frame::plain(None, "Sign in"), link: None, providers, refused }
}

fn refused(console: &Console) -> Response {
    if console.attempts.count(console.house.clock.now_ms()) {
        return Failure::TooMany.into_response();
    }
    not_let_in(console, NOT_GOOD.into()).unwrap_or_else(IntoResponse::into_response)
}

/// Says why somebody is not let in.
pub(crate) fn not_let_in(console: &Console, because: String) -> Result<Response, Failure> {
    let page = show(&door(console, "/", Some(crate::failure::sentence(&because))))?;
    Ok((StatusCode::FORBIDDEN, page).into_response())
}

/// Gives the browser its session, and sends it to the page that was wanted.
pub(crate) fn let_in(console: &Console, credential: &str, seconds: i64, next: &str) -> Result<Response, Failure> {
    let next = if next == "/" { "/?done=signed-in" } else { next };
    let mut response = Redirect::to(next).into_response();
    set_cookie(console, &mut response, credential, seconds)?;
    Ok(response)
}

/// `GET /sign-in`: says whom the link would sign in.
pub(crate) async fn page(State(console): State<Shared>, uri: Uri) -> Result<Response, Failure> {
    let Some(credential) = query(&uri, "link") else {
        let next = query(&uri, "next").unwrap_or_default();
        return Ok(show(&door(&console, &next, None))?.into_response());
    };
    let Some((who, role)) = session::look_at(&console.house, &credential).await? else {
        return Ok(refused(&console));
    };
    let link = Some((credential, who, role.as_str()));
    Ok(show(&SignIn { link, ..door(&console, "/", None) })?.into_response())
}

/// `POST /sign-in`: uses the link up and opens a session.
pub(crate) async fn sign_in(State(console): State<Shared>, mut request: Request) -> Result<Response, Failure> {
    if is_foreign(request.headers()) {
        return Err(Failure::Foreign);
    }
    let form = read_form(&mut request).await?;
    let opened = session::sign_in(&console.house, form.text("link").unwrap_or_default()).await?;
    let Some((credential, seconds)) = opened else { return Ok(refused(&console)) };
    let_in(&console, reveal(&credential), seconds, "/")
}

/// `POST /sign-out`: ends the session.
pub(crate) async fn out(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
) -> Result<Response, Failure> {
    session::end(&console.house, &visitor.session, &visitor.who).await?;
    let mut response = Redirect::to("/sign-in").into_response();
    set_cookie(&console, &mut response, "", 0)?;
    Ok(response)
}

fn set_cookie(console: &Console, response: &mut Response, credential: &str, seconds: i64) -> Result<(), Failure> {
    let (name, secure) = if is_tls(console) { (COOKIE_TLS, "; Secure") } else { (COOKIE, "") };
    let text = format!("{name}={credential}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let value = HeaderValue::from_str(&text).map_err(|_| Failure::Ours)?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}
