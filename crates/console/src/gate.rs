//! Who comes through to a page: whoever is signed in, may do what the page does, and, where it does something, sent the
//! form from a page of ours. And what every answer says to the browser about what it may load, frame and keep.
//! Pages are told who visits; none of them looks at a cookie.

use crate::assets::style_source;
use crate::failure::Failure;
use crate::frame::as_of;
use crate::squeeze::squeeze;
use crate::{Console, Shared};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::MethodRouter;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use tenure_core::role::Deed;
use tenure_engine::openid::within;
use tenure_engine::session::{Visitor, authenticate, is_same, recognise};
use url::form_urlencoded::byte_serialize;

/// The largest form that is read.
const FORM_MAX: usize = 512 * 1024;
/// The most fields that a form may have.
const FIELDS_MAX: usize = 5_000;
pub(crate) const COOKIE: &str = "tenure_session";
/// A cookie of this name is only taken by a browser that got it over TLS from this very host.
pub(crate) const COOKIE_TLS: &str = "__Host-tenure_session";
/// What can be done while an earlier moment is looked at: come back, and go.
const ALWAYS: [&str; 2] = ["/as-of", "/sign-out"];
/// What a page sends along that asks for itself anew without anybody's doing.
const BY_ITSELF: &str = "x-tenure-live";
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src {}; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
        style_source()
    );
    HeaderValue::from_str(&policy).expect("a header of plain letters")
});

/// What somebody wrote into a form; fields may come several times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(BTreeMap<String, Vec<String>>);

impl Form {
    fn read(bytes: &[u8]) -> Self {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(bytes).take(FIELDS_MAX) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self(fields)
    }

    /// Returns a field without the space around it, if it says anything.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Lists a field that may come several times.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// What a place asks of its visitor.
type Asked = (Shared, Deed);

/// Lets only those through to `answer` who may do `deed`.
pub(crate) fn guard(answer: MethodRouter<Shared>, deed: Deed, console: &Shared) -> MethodRouter<Shared> {
    answer.layer(from_fn_with_state((console.clone(), deed), admit))
}

tokio::task_local! {
    /// Who visits and from which page of ours, for a page that says only why there is none.
    static VISITS: (Arc<Visitor>, Option<String>);
}

/// Returns who visits, where somebody was let in.
pub(crate) fn visits() -> Option<Arc<Visitor>> {
    VISITS.try_with(|(visitor, _)| visitor.clone()).ok()
}

/// Returns from which page of ours a visitor came.
pub(crate) fn came_from() -> Option<String> {
    VISITS.try_with(|(_, from)| from.clone()).ok().flatten()
}

/// Reads from which page of ours a browser says that it comes.
fn from_ours(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (_, rest) = text(header::REFERER)?.split_once("://")?;
    let (host, _) = rest.split_once('/')?;
    let page = within(&rest[host.len()..]);
    host.eq_ignore_ascii_case(text(header::HOST)?).then(|| page.to_owned()).filter(|page| page != "/")
}

async fn admit(State((console, deed)): State<Asked>, request: Request, next: Next) -> Response {
    let from = from_ours(request.headers());
    match let_through(&console, deed, request).await {
        Ok((request, visitor)) => VISITS.scope((visitor, from), next.run(request)).await,
        Err(response) => *response,
    }
}

async fn let_through(
    console: &Console,
    deed: Deed,
    mut request: Request,
) -> Result<(Request, Arc<Visitor>), Box<Response>> {
    let refuse = |failure: Failure| Box::new(failure.into_response());
    let credential = cookie(request.headers(), &[COOKIE_TLS, COOKIE]).unwrap_or_default();
    let by_itself = request.headers().contains_key(BY_ITSELF) && request.method() == Method::GET;
    let visitor = match by_itself {
        true => recognise(&console.house, &credential).await,
        false => authenticate(&console.house, &credential).await,
    };
    let visitor = visitor.map_err(|error| refuse(error.into()))?;
    let acts = request.method() == Method::POST;
    let Some(visitor) = visitor else {
        return Err(match acts {
            true => refuse(Failure::SignedOut),
            false => Box::new(Redirect::to(&sign_in_for(request.uri())).into_response()),
        });
    };
    if !visitor.role.may(deed) {
        return Err(refuse(Failure::Forbidden { role: visitor.role, deed, visitor: Box::new(visitor) }));
    }
    if acts {
        let form = read_form(&mut request).await.map_err(refuse)?;
        if is_foreign(request.headers()) || !is_same(form.text("form_key").unwrap_or_default(), &visitor.form_key) {
            return Err(refuse(Failure::Foreign));
        }
        let in_past = as_of(request.headers()).filter(|_| !ALWAYS.contains(&request.uri().path()));
        if let Some(moment) = in_past {
            return Err(refuse(Failure::Past { moment, visitor: Box::new(visitor) }));
        }
        request.extensions_mut().insert(form);
    }
    let visitor = Arc::new(visitor);
    request.extensions_mut().insert(visitor.clone());
    Ok((request, visitor))
}

/// Returns the way in that leads on to the page that was asked for.
fn sign_in_for(uri: &Uri) -> String {
    match uri.path_and_query().map_or("/", |page| within(page.as_str())) {
        "/" => "/sign-in".to_owned(),
        page => format!("/sign-in?next={}", byte_serialize(page.as_bytes()).collect::<String>()),
    }
}

/// Reads the form that a request carries.
pub(crate) async fn read_form(request: &mut Request) -> Result<Form, Failure> {
    let body = std::mem::replace(request.body_mut(), Body::empty());
    let bytes = to_bytes(body, FORM_MAX).await.map_err(|_| Failure::TooLarge)?;
    Ok(Form::read(&bytes))
}

/// Tells whether a browser says that a form came from elsewhere.
pub(crate) fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return true;
    }
    let (Some(origin), Some(host)) = (text("origin"), text("host")) else { return false };
    origin.split_once("://").is_none_or(|(_, from)| !from.eq_ignore_ascii_case(host))
}

/// Returns the first of these cookies that was sent.
pub(crate) fn cookie(headers: &HeaderMap, names: &[&str]) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs: Vec<(&str, &str)> =
        lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('=')).collect();
    let find = |name: &&str| pairs.iter().find(|(of, _)| of == name).map(|(_, value)| (*value).to_owned());
    names.iter().find_map(find)
}

/// Tells whether people reach the console over TLS.
pub(crate) fn is_tls(console: &Console) -> bool {
    console.house.config.server.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
}

/// Answers what there is no page for: to a browser with a page that leads on, to whoever else asks with the status alone.
pub(crate) async fn nowhere(State(console): State<Shared>, headers: HeaderMap) -> Response {
    lost(&console, &headers, StatusCode::NOT_FOUND).await
}

/// Answers what a page is asked for in a way in which it cannot be.
pub(crate) async fn not_so(State(console): State<Shared>, headers: HeaderMap) -> Response {
    lost(&console, &headers, StatusCode::METHOD_NOT_ALLOWED).await
}

async fn lost(console: &Console, headers: &HeaderMap, status: StatusCode) -> Response {
    let takes = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !takes.contains("text/html") {
        return status.into_response();
    }
    let credential = cookie(headers, &[COOKIE_TLS, COOKIE]).unwrap_or_default();
    let visitor = recognise(&console.house, &credential).await.ok().flatten();
    let failure = match status {
        StatusCode::METHOD_NOT_ALLOWED => Failure::NotSo,
        _ => Failure::Missing("there is no such page".into()),
    };
    match visitor {
        Some(visitor) => VISITS.scope((Arc::new(visitor), from_ours(headers)), async { failure.into_response() }).await,
        None => failure.into_response(),
    }
}

/// Says with every answer what the browser may load, frame and keep.
pub(crate) fn dress(router: Router<Shared>, console: &Shared) -> Router<Shared> {
    let router = router.fallback(nowhere).method_not_allowed_fallback(not_so);
    router.layer(from_fn(squeeze)).layer(from_fn_with_state(console.clone(), say))
}

async fn say(State(console): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| POLICY.clone());
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::CACHE_CONTROL, "no-store");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    if is_tls(&console) {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_form_from_elsewhere_is_known_by_what_the_browser_says() {
        assert!(!is_foreign(&headers(&[("host", "t:1"), ("origin", "http://t:1"), ("sec-fetch-site", "same-origin")])));
        assert!(!is_foreign(&headers(&[("host", "t:1")])), "a client that is no browser says nothing");
        assert!(is_foreign(&headers(&[("host", "t:1"), ("origin", "http://evil")])));
        assert!(is_foreign(&headers(&[("host", "t:1"), ("origin", "null")])));
        assert!(is_foreign(&headers(&[("host", "t:1"), ("sec-fetch-site", "cross-site")])));
    }

    #[test]
    fn a_cookie_is_found_among_others_and_the_stricter_one_first() {
        let sent = headers(&[("cookie", "a=b; tenure_session=one; __Host-tenure_session=two")]);
        assert_eq!(cookie(&sent, &[COOKIE_TLS, COOKIE]).as_deref(), Some("two"));
        assert_eq!(cookie(&sent, &["session"]), None);
    }
}
