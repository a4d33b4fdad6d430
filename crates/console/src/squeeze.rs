//! Pages squeezed by gzip for browsers that take them so: a slow network is most of what a phone waits for.
//! A page that another site had the browser ask for is never squeezed: its length would tell whether words of that site's
//! choosing are on it. Streams, exports and the answers to forms go as they are.

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// What is smaller fits into the first packets anyway.
const SMALLEST: u64 = 1024;
/// What is larger would keep others waiting.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Squeezes the page that follows, where it may be.
pub(crate) async fn squeeze(request: Request, next: Next) -> Response {
    let may = request.method() == Method::GET && is_own(request.headers()) && takes_gzip(request.headers());
    let mut response = next.run(request).await;
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|of| of.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return response;
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding, sec-fetch-site"));
    let length = response.body().size_hint().exact().filter(|length| (SMALLEST..=LARGEST).contains(length));
    let Some(length) = length.filter(|_| may) else { return response };
    let (mut head, body) = response.into_parts();
    // The body is a page that was made already, so that there is nothing that could fail on the way.
    let page = to_bytes(body, length as usize).await.unwrap_or_default();
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(Bytes::from(squeezed(&page, Compression::new(5)))))
}

/// Returns these bytes as gzip.
pub(crate) fn squeezed(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), level);
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory takes what is written")
}

/// Tells whether a browser takes gzip: it names it, and does not say that it wants none.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut words = named.flat_map(|value| value.split(',')).filter_map(|one| {
        let (word, weight) = one.split_once(';').unwrap_or((one, ""));
        word.trim().eq_ignore_ascii_case("gzip").then(|| weight.trim().trim_start_matches("q=").trim().to_owned())
    });
    words.next().is_some_and(|weight| weight.parse::<f32>().ok() != Some(0.0))
}

/// Tells whether the browser says that one of our pages, or its own user, asks.
fn is_own(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin" || site == "none")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn gzip_is_taken_by_whoever_names_it() {
        assert!(takes_gzip(&headers(&[("accept-encoding", "br, gzip;q=0.8")])));
        assert!(takes_gzip(&headers(&[("accept-encoding", "gzip")])));
        assert!(!takes_gzip(&headers(&[("accept-encoding", "br, gzip; q=0")])));
        assert!(!takes_gzip(&headers(&[("accept-encoding", "identity")])) && !takes_gzip(&headers(&[])));
    }

    #[test]
    fn another_site_learns_nothing_from_a_length() {
        assert!(
            is_own(&headers(&[("sec-fetch-site", "none")])) && is_own(&headers(&[("sec-fetch-site", "same-origin")]))
        );
        assert!(!is_own(&headers(&[("sec-fetch-site", "cross-site")])) && !is_own(&headers(&[])));
        assert!(!is_own(&headers(&[("sec-fetch-site", "same-site")])), "a neighbour is another site");
    }

    #[test]
    fn what_is_squeezed_comes_out_as_it_was() {
        let page = "<li>one</li>".repeat(500);
        let small = squeezed(page.as_bytes(), Compression::new(5));
        let mut told = String::new();
        flate2::read::GzDecoder::new(small.as_slice()).read_to_string(&mut told).unwrap();
        assert!(told == page && small.len() * 10 < page.len());
    }
}
