//! The media types of SCIM (RFC 7644 §3.1): which bodies are read, and in which type to answer.
//! Clients send `application/json` or nothing, and are served.
//! It compares words and reads no body.

use crate::MEDIA_TYPE;

/// Tells whether a body of this `Content-Type` is read; one that names none is.
pub fn is_readable(content_type: Option<&str>) -> bool {
    let Some(content_type) = content_type else { return true };
    let named = content_type.split(';').next().unwrap_or_default().trim();
    ["", MEDIA_TYPE, "application/json", "text/json"].iter().any(|known| known.eq_ignore_ascii_case(named))
}

/// Returns the type in which to answer: plain JSON to who asks for that and not for SCIM, else SCIM.
pub fn answer_type(accept: Option<&str>) -> &'static str {
    let named = accept.unwrap_or_default().split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
    let has = |wanted: &str| named.clone().any(|name| name.eq_ignore_ascii_case(wanted));
    let is_plain = has("application/json") && !has(MEDIA_TYPE);
    if is_plain { "application/json" } else { MEDIA_TYPE }
}
