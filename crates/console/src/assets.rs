//! The look of the pages and their few lines of script, embedded in the program. Without the script everything works.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("../assets/console.css");
const SCRIPT: &str = include_str!("../assets/console.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// `GET /assets/{name}`: one of them.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let (media, text) = match name.as_str() {
        "console.css" => ("text/css; charset=utf-8", STYLE),
        "console.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "private, max-age=300")], text).into_response()
}
