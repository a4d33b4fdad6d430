//! One message to an address that the operator names: JSON, sent once, with a short wait and no redirects.
//! Names are looked up here and the answer is used as it was checked, so that no name can point inside the company
//! a moment later. What the message says is the engine's affair.

use async_recursion::async_recursion as boxed;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(10);

/// Which addresses a message may go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HookReach {
    /// Public ones, over https.
    #[default]
    Public,
    /// Private ones as well, and plain http: the operator has said so.
    Private,
}

/// Sends a message.
///
/// # Errors
/// The address is none or not allowed, nobody answers, or the answer is no success; a sentence without the address's
/// path, which may be a secret.
#[boxed]
pub async fn send_hook(url: &str, body: String, reach: HookReach) -> Result<(), String> {
    send_signed_hook(url, body, &[], reach).await
}

/// Sends a message with headers that prove who sends it.
///
/// # Errors
/// As [`send_hook`].
#[boxed]
pub async fn send_signed_hook(
    url: &str,
    body: String,
    headers: &[(&'static str, String)],
    reach: HookReach,
) -> Result<(), String> {
    let (answer, host) = post(url, "application/json", body, headers, reach).await?;
    match answer.status().is_success() {
        true => Ok(()),
        false => Err(format!("{host} answered {}", answer.status())),
    }
}

/// Why a security event token was not taken; the sentences hold neither the address's path nor the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetRefused {
    /// The receiver looked at it and will not take it, by this word of RFC 8935: to send it again changes nothing.
    #[error("the receiver refuses it: {0}")]
    Refused(String),
    /// It was not looked at: to be sent again later.
    #[error("{0}")]
    Later(String),
}

/// So much of a refusal is read.
const REFUSAL_MAX: usize = 4096;

/// Sends a security event token (RFC 8935), with what its receiver wants as `Authorization`.
///
/// # Errors
/// It was not taken.
#[boxed]
pub async fn send_set(
    url: &str,
    token: String,
    authorization: Option<&secrecy::SecretString>,
    reach: HookReach,
) -> Result<(), SetRefused> {
    use secrecy::ExposeSecret;
    let mut headers = vec![("accept", "application/json".to_owned())];
    headers.extend(authorization.map(|value| ("authorization", value.expose_secret().to_owned())));
    let sent = post(url, "application/secevent+jwt", token, &headers, reach).await;
    let (mut answer, host) = sent.map_err(SetRefused::Later)?;
    match answer.status().as_u16() {
        200..=299 => Ok(()),
        400 => {
            let mut read = Vec::new();
            while let Ok(Some(part)) = answer.chunk().await {
                read.extend_from_slice(&part);
                if read.len() > REFUSAL_MAX {
                    break;
                }
            }
            let said: serde_json::Value = serde_json::from_slice(&read).unwrap_or_default();
            let word = said["err"].as_str().unwrap_or("no reason is given");
            let plain = |letter: &char| letter.is_ascii_graphic() || *letter == ' ';
            Err(SetRefused::Refused(word.chars().filter(plain).take(60).collect()))
        }
        status => Err(SetRefused::Later(format!("{host} answered {status}"))),
    }
}

/// Tells whether a message may go to an address at all; whether anybody answers there is not asked.
///
/// # Errors
/// The address is none, or is not allowed; or its name is not known.
pub async fn may_reach(url: &str, reach: HookReach) -> Result<(), Unreached> {
    let Aimed { host, port, .. } = aim(url, reach).map_err(Unreached::Wrong)?;
    look_up(&host, port, reach).await.map(drop)
}

/// Sends a body to an address that was checked; returns the answer, and who gave it.
async fn post(
    url: &str,
    media_type: &str,
    body: String,
    headers: &[(&'static str, String)],
    reach: HookReach,
) -> Result<(reqwest::Response, String), String> {
    let Aimed { url, host, port } = aim(url, reach)?;
    let places = look_up(&host, port, reach).await.map_err(|unreached| unreached.to_string())?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(WAIT)
        .resolve_to_addrs(&host, &places)
        .build()
        .map_err(|error| format!("the HTTP client cannot be built: {}", error.without_url()))?;
    let ask = client.post(url).header("content-type", media_type).body(body);
    let ask = headers.iter().fold(ask, |ask, (name, value)| ask.header(*name, value));
    let sent = ask.send().await;
    let answer = sent.map_err(|error| format!("send to {host}: {}", error.without_url()))?;
    Ok((answer, host))
}

/// Whither a message goes.
struct Aimed {
    url: reqwest::Url,
    host: String,
    port: u16,
}

fn aim(url: &str, reach: HookReach) -> Result<Aimed, String> {
    let url = reqwest::Url::parse(url).map_err(|error| format!("the address of the webhook is none: {error}"))?;
    let host = url.host_str().ok_or("the address of the webhook has no host")?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().ok_or("the address of the webhook has no port")?;
    if url.scheme() != "https" && !(url.scheme() == "http" && reach == HookReach::Private) {
        return Err(format!("a webhook needs https ({host}); allow_private = true accepts http"));
    }
    Ok(Aimed { url, host, port })
}

/// Why somebody cannot be told anything; a sentence without the address's path, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreached {
    /// The address is none, or is not allowed.
    #[error("{0}")]
    Wrong(String),
    /// Nobody knows it, or nobody answers there.
    #[error("{0}")]
    Silent(String),
}

async fn look_up(host: &str, port: u16, reach: HookReach) -> Result<Vec<SocketAddr>, Unreached> {
    let found = tokio::net::lookup_host((host, port)).await;
    let places: Vec<SocketAddr> =
        found.map_err(|error| Unreached::Silent(format!("look up {host}: {error}")))?.collect();
    match places.iter().find(|place| reach == HookReach::Public && !is_public(place.ip())) {
        Some(place) => {
            let says = format!("{host} is {}, a private address; allow_private = true accepts it", place.ip());
            Err(Unreached::Wrong(says))
        }
        None => Ok(places),
    }
}

/// Looks whether a message could be sent to an address: whether it is allowed, and whether somebody answers there.
/// Nothing is sent. Returns who.
///
/// # Errors
/// It could not.
pub async fn reach_hook(url: &str, reach: HookReach) -> Result<String, Unreached> {
    let Aimed { host, port, .. } = aim(url, reach).map_err(Unreached::Wrong)?;
    open(&host, port, reach).await
}

/// Opens a connection and closes it again.
pub(super) async fn open(host: &str, port: u16, reach: HookReach) -> Result<String, Unreached> {
    let places = look_up(host, port, reach).await?;
    let silent = |because: String| Unreached::Silent(format!("reach {host}:{port}: {because}"));
    match tokio::time::timeout(WAIT, tokio::net::TcpStream::connect(places.as_slice())).await {
        Ok(Ok(_)) => Ok(format!("{host}:{port}")),
        Ok(Err(error)) => Err(silent(error.to_string())),
        Err(_) => Err(silent(format!("nobody answered within {} s", WAIT.as_secs()))),
    }
}

/// Tells whether an address is one of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let special = a == 0 || a >= 224 || (a == 192 && b == 0) || (a == 198 && (b == 18 || b == 19));
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_documentation() || shared || special)
        }
        IpAddr::V6(v6) => match (v6.to_ipv4_mapped(), v6.segments()) {
            (Some(v4), _) => is_public(IpAddr::V4(v4)),
            // NAT64 and 6to4 carry an address of the old kind within.
            (None, [0x64, 0xff9b, ..] | [0x2002, ..]) => false,
            (None, [first, ..]) => (first & 0xe000) == 0x2000,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_the_company_are_not_public() {
        let inside = "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 ::1 fe80::1 \
                      fd00::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1::";
        for address in inside.split(' ').filter(|text| !text.is_empty()) {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["93.184.215.14", "2606:2800:21f::1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_webhook_inside_the_company_is_refused_unless_allowed() {
        let refused = send_hook("https://127.0.0.1:1/secret", String::new(), HookReach::Public).await.unwrap_err();
        assert!(refused.contains("private address") && !refused.contains("secret"), "{refused}");
        let refused = send_hook("http://127.0.0.1:1/secret", String::new(), HookReach::Public).await.unwrap_err();
        assert!(refused.contains("https"), "{refused}");
        let unreached = send_hook("http://127.0.0.1:1/secret", String::new(), HookReach::Private).await.unwrap_err();
        assert!(unreached.contains("send to 127.0.0.1") && !unreached.contains("secret"), "{unreached}");
    }
}
