//! How a request becomes what is asked: the words of its path with those of its query, or of its body.
//! Whatever cannot be understood is a problem that names the field; bodies are bounded.

use crate::door::Problem;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::{Map, Value};
use url::form_urlencoded;

/// The largest body.
const BODY_MAX: usize = 64 * 1024;
/// The longest key.
const KEY_MAX: usize = 255;

/// Reads what is asked from path and query.
pub(super) fn by_query<T: DeserializeOwned>(path: &[(String, String)], query: &str) -> Result<T, Problem> {
    let mut pairs = path.to_vec();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(misread(format!("`{name}` is given twice"), Some(name.into_owned())));
        }
        pairs.push((name.into_owned(), value.into_owned()));
    }
    if let Some((name, _)) = pairs.iter().find(|(_, value)| value.contains('\0')) {
        return Err(misread(format!("`{name}` has a character that no text has"), Some(name.clone())));
    }
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    read(serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes())))
}

/// Reads what is asked from path and body, an object of JSON; without a body there are no further words.
pub(super) async fn by_body<T: DeserializeOwned>(
    path: &[(String, String)],
    parts: &Parts,
    body: Body,
) -> Result<T, Problem> {
    let large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has {BODY_MAX} bytes at most"));
    let body = to_bytes(body, BODY_MAX).await.map_err(large)?;
    let mut words = object(parts, &body)?;
    for (name, value) in path {
        if words.insert(name.clone(), Value::String(value.clone())).is_some() {
            return Err(misread(format!("`{name}` is told by the path"), Some(name.clone())));
        }
    }
    if holds_nul(words.values()) {
        return Err(misread("a text has a character that no text has".into(), None));
    }
    read(Value::Object(words))
}

fn object(parts: &Parts, body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is to be application/json"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(words)) => Ok(words),
        Ok(_) => Err(misread("the body is to be a JSON object".into(), None)),
        Err(error) => Err(Problem::new(StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}"))),
    }
}

/// Reads the key under which something is asked for, so that it is done once.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim).filter(|key| !key.is_empty() && key.len() <= KEY_MAX);
    let because = || misread(format!("a key has 1 to {KEY_MAX} letters"), Some("Idempotency-Key".into()));
    key.map(|key| Some(key.to_owned())).ok_or_else(because)
}

/// Reads the digest of what a client has read; `*` says that they have read whatever there is.
pub(super) fn digest(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let digest = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let because = || misread("it is one digest, in quotes".into(), Some("If-Match".into()));
    digest.map(|digest| Some(digest.to_owned())).ok_or_else(because)
}

fn holds_nul<'a>(mut values: impl Iterator<Item = &'a Value>) -> bool {
    values.any(|value| match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => holds_nul(items.iter()),
        Value::Object(fields) => fields.keys().any(|name| name.contains('\0')) || holds_nul(fields.values()),
        _ => false,
    })
}

fn read<'de, T: DeserializeOwned, D: Deserializer<'de>>(words: D) -> Result<T, Problem> {
    serde_path_to_error::deserialize(words).map_err(|error| {
        let (path, because) = (error.path().to_string(), error.inner().to_string());
        // An unknown or missing word is told by its name only in the sentence.
        let named = because.split('`').nth(1).filter(|_| because.contains("field `")).map(str::to_owned);
        let field = named.or(Some(path).filter(|path| path != "."));
        misread(because, field)
    })
}

fn misread(because: String, field: Option<String>) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, because);
    match field {
        Some(field) => problem.at(field),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_engine::answer::{ListAsked, WhoAsked};

    #[test]
    fn path_and_query_make_one_value() {
        let path = [("key".to_owned(), "jane doe".to_owned())];
        let asked: WhoAsked = by_query(&path, "as_of=2026-11-01").unwrap();
        assert_eq!(asked, WhoAsked { key: "jane doe".into(), as_of: Some("2026-11-01".into()) });
    }

    #[test]
    fn what_is_wrong_is_named() {
        let told = |query: &str| format!("{:?}", by_query::<ListAsked>(&[], query).unwrap_err());
        assert!(told("limit=x").contains("field: Some(\"limit\")"), "{}", told("limit=x"));
        assert!(told("conection=x").contains("field: Some(\"conection\")"), "{}", told("conection=x"));
        assert!(told("limit=1&limit=2").contains("twice"), "{}", told("limit=1&limit=2"));
        assert!(told("where=%00").contains("field: Some(\"where\")"), "{}", told("where=%00"));
    }
}
