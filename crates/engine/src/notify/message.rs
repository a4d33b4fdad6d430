//! A message as each way of telling has it: a mail's text, the body and the headers of a webhook by the Standard Webhooks
//! specification, a text for a chat. All say the same: what there is, how many, and where to look after signing in.

use super::Pending;
use super::matter::Matter;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Returns the line under which a message stands.
pub(super) fn subject(pending: &Pending) -> String {
    match pending.matters.as_slice() {
        [one] => format!("Tenure: {}", one.text),
        several => format!("Tenure: {} things to look at", several.len()),
    }
}

/// Returns a message as plain text.
pub(super) fn text(pending: &Pending, base: &str) -> String {
    let line = |matter: &Matter| format!("- {}\n  {base}{}\n", matter.text, matter.path);
    let lines: String = pending.matters.iter().map(line).collect();
    format!("{lines}\nThe links ask you to sign in. Nothing is approved by following one.\n")
}

/// Returns a message as a chat takes it.
pub(super) fn chat(pending: &Pending, base: &str) -> String {
    // These three letters are all that a chat of this kind reads as markup.
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let line = |matter: &Matter| format!("• {} – <{base}{}|look at it>", plain(&matter.text), matter.path);
    let lines: Vec<String> = pending.matters.iter().map(line).collect();
    json!({ "text": lines.join("\n") }).to_string()
}

/// Returns a message as a program takes it.
pub(super) fn body(pending: &Pending, base: &str) -> String {
    let matter = |matter: &Matter| json!({ "kind": matter.kind, "count": matter.count, "text": matter.text, "url": format!("{base}{}", matter.path) });
    let kind = match pending.matters.as_slice() {
        [one] => format!("tenure.{}", one.kind.as_str()),
        _ => "tenure.digest".to_owned(),
    };
    let matters: Vec<_> = pending.matters.iter().map(matter).collect();
    json!({ "type": kind, "timestamp": crate::clock::moment_text(pending.made_ms), "data": { "matters": matters } })
        .to_string()
}

/// Returns the headers that prove to a receiver who sends a body, and when.
///
/// # Errors
/// The secret is none of Standard Webhooks.
pub(super) fn signed(
    secret: &SecretString,
    id: &str,
    seconds: i64,
    body: &str,
) -> Result<[(&'static str, String); 3], &'static str> {
    let written = secret.expose_secret();
    let key = STANDARD.decode(written.strip_prefix("whsec_").unwrap_or(written).trim());
    let key = key.ok().filter(|key| (24..=64).contains(&key.len()));
    let key = key.ok_or("the secret is none: `whsec_` and the base64 of 24 to 64 bytes")?;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), format!("{id}.{seconds}.{body}").as_bytes());
    Ok([
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", format!("v1,{}", STANDARD.encode(tag))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let headers = signed(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}").unwrap();
        assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        for bad in ["whsec_", "whsec_AAAA", "not base64 at all"] {
            assert!(signed(&SecretString::from(bad), "i", 1, "").is_err(), "{bad}");
        }
    }
}
