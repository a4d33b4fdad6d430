//! The look of the pages and their few lines of script, embedded in the program. Without the script everything works.
//! The look stands in each page, since a phone that had to ask for it would show nothing for one more way there and back.
//! The script and the icon are named with a mark of what they are, so that a browser keeps them until the program is
//! another one.

use crate::squeeze::{squeezed, takes_gzip};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use sha2::{Digest, Sha256};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

const STYLE: &str = include_str!("../assets/console.css");
const SCRIPT: &str = include_str!("../assets/console.js");
const ICON: &str = include_str!("../assets/icon.svg");
const KEPT: &str = "private, max-age=300";
const KEPT_FOR_GOOD: &str = "private, max-age=31536000, immutable";

static MARK: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    (SCRIPT, ICON).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
});
static SMALL_SCRIPT: LazyLock<Vec<u8>> = LazyLock::new(|| squeezed(SCRIPT.as_bytes(), Compression::best()));

/// Returns the look, to be written into a page.
pub(crate) fn style() -> &'static str {
    STYLE
}

/// Returns the source of styles that a page may have: that which it is given, and no other.
pub(crate) fn style_source() -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(STYLE)))
}

/// Returns what changes with any of them: pages write it behind their addresses.
pub(crate) fn mark() -> &'static str {
    &MARK
}

/// `GET /assets/{name}`: one of them. They say nothing of anybody, so they are squeezed for whoever takes them so.
pub(crate) async fn asset(Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let (media, text, small) = match name.as_str() {
        "console.js" => ("text/javascript; charset=utf-8", SCRIPT, Some(&SMALL_SCRIPT)),
        "icon.svg" => ("image/svg+xml", ICON, None),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let kept = if uri.query() == Some(mark()) { KEPT_FOR_GOOD } else { KEPT };
    let said = [(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, kept), (header::VARY, "accept-encoding")];
    match small.filter(|_| takes_gzip(&headers)) {
        Some(small) => (said, [(header::CONTENT_ENCODING, "gzip")], small.as_slice()).into_response(),
        None => (said, text).into_response(),
    }
}
