//! Signing in by an OpenID provider: whoever comes is sent there with a value that only their browser keeps, and let in when
//! they come back with what belongs to it. The provider tells here, too, that somebody signed out.
//! What a provider's word is worth is for the engine.

use crate::failure::Failure;
use crate::frame::query;
use crate::gate::{cookie, is_tls, read_form};
use crate::sign::{let_in, not_let_in};
use crate::{Console, Shared};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use tenure_engine::openid::{FLOW_MS, Landed, Returned};
use tenure_engine::token::reveal;
use tokio::sync::SemaphorePermit;
use url::{Host, Url};

/// How many are asked about at providers at the same time.
pub(crate) const ASKED_MAX: usize = 32;
const FLOW: &str = "tenure_sign_in";
const FLOW_TLS: &str = "__Host-tenure_sign_in";

fn place(console: &Console) -> Result<SemaphorePermit<'_>, Failure> {
    console.asked.try_acquire().map_err(|_| Failure::TooMany)
}

/// `GET /sign-in/{provider}`: sends somebody to the provider.
pub(crate) async fn begin(
    State(console): State<Shared>,
    Path(provider): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let back = back(&console, &provider, &headers)?;
    let _place = place(&console)?;
    let next = query(&uri, "next").unwrap_or_default();
    let begun = console.providers.begin(&console.house, &provider, &back, &next).await?;
    let mut response = Redirect::to(begun.place.as_str()).into_response();
    keep(&console, &mut response, reveal(&begun.flow), FLOW_MS / 1000)?;
    Ok(response)
}

/// `GET /sign-in/{provider}/back`: lets in whoever comes back with what belongs to their signing-in.
pub(crate) async fn land(
    State(console): State<Shared>,
    Path(provider): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let back = back(&console, &provider, &headers)?;
    let _place = place(&console)?;
    let with = Returned {
        flow: cookie(&headers, &[FLOW_TLS, FLOW]).unwrap_or_default(),
        code: query(&uri, "code"),
        error: query(&uri, "error"),
        state: query(&uri, "state"),
        issuer: query(&uri, "iss"),
    };
    let mut response = match console.providers.land(&console.house, &provider, &back, &with).await? {
        Landed::Opened { credential, seconds, next } => let_in(&console, reveal(&credential), seconds, &next)?,
        Landed::Refused(because) => not_let_in(&console, because)?,
    };
    keep(&console, &mut response, "", 0)?;
    Ok(response)
}

/// `POST /sign-in/{provider}/logout`: the provider tells that somebody signed out there.
pub(crate) async fn end(
    State(console): State<Shared>,
    Path(provider): Path<String>,
    mut request: Request,
) -> Result<Response, Failure> {
    let _place = place(&console)?;
    let form = read_form(&mut request).await?;
    let token = form.text("logout_token").unwrap_or_default();
    Ok(match console.providers.end(&console.house, &provider, token).await? {
        Ok(_) => StatusCode::OK.into_response(),
        Err(because) => {
            tracing::warn!(%provider, %because, "a provider's word of a sign-out is not believed");
            let says = json!({ "error": "invalid_request", "error_description": because });
            (StatusCode::BAD_REQUEST, Json(says)).into_response()
        }
    })
}

/// Returns the address to which a provider sends people back. Only on this machine is it taken from what they ask for.
fn back(console: &Console, provider: &str, headers: &HeaderMap) -> Result<String, Failure> {
    let path = format!("/sign-in/{provider}/back");
    if let Some(url) = &console.house.config.server.public_url {
        return Ok(format!("{}{path}", url.trim_end_matches('/')));
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let near = |url: &Url| match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match Url::parse(&format!("http://{host}{path}")).ok().filter(near) {
        Some(url) => Ok(url.to_string()),
        None => Err(Failure::Asked("say `public_url` under [server]: providers send people back to it".into())),
    }
}

fn keep(console: &Console, response: &mut Response, flow: &str, seconds: i64) -> Result<(), Failure> {
    let (name, secure) = if is_tls(console) { (FLOW_TLS, "; Secure") } else { (FLOW, "") };
    let text = format!("{name}={flow}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let value = HeaderValue::from_str(&text).map_err(|_| Failure::Ours)?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}
