//! One mail to a mail server that the operator names: plain text, over TLS, within a short time. The one file that talks to
//! the mail library. What the mail says is the engine's affair.

use super::hook::{HookReach, Unreached, open};
use async_recursion::async_recursion as boxed;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use std::time::{Duration, UNIX_EPOCH};
use url::{Host, Url};

const WAIT: Duration = Duration::from_secs(20);
const WHOLE: Duration = Duration::from_secs(60);

/// Which server takes mail, and who we are to it.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// `smtps://HOST` with TLS from the start, or `smtp://HOST` with STARTTLS; without TLS on this machine alone.
    pub url: String,
    /// Name and password.
    pub login: Option<(String, SecretString)>,
}

/// A mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// What tells it from others, however often it is sent.
    pub id: String,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// The line under which it stands.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// When it was written (milliseconds since 1970, UTC).
    pub at_ms: i64,
}

/// Sends a mail.
///
/// # Errors
/// The server cannot be reached, or does not take it; a sentence without the password or an address.
#[boxed]
pub async fn send_mail(server: &MailServer, mail: &Mail) -> Result<(), String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (transport, host) = transport(server)?;
    let message = written(mail, &host)?;
    let sent = tokio::time::timeout(WHOLE, transport.send(message)).await;
    match sent.map_err(|_| format!("{host} did not take the mail within {} s", WHOLE.as_secs()))? {
        Ok(_) => Ok(()),
        // What a server says may quote whom the mail is for.
        Err(error) => Err(match error.status() {
            Some(code) => format!("{host} answered {code}"),
            None if error.is_tls() => format!("{host}: no TLS that can be trusted"),
            None => format!("{host} was not reached, or broke off"),
        }),
    }
}

/// Looks whether a mail server answers; nothing is sent. Returns who.
///
/// # Errors
/// It does not, or the address is none.
pub async fn reach_mail(url: &str) -> Result<String, Unreached> {
    let server = MailServer { url: url.to_owned(), login: None };
    let (_, host) = transport(&server).map_err(Unreached::Wrong)?;
    let parsed = Url::parse(url).ok();
    let usual = match parsed.as_ref().map(Url::scheme) {
        Some("smtps") => 465,
        _ if is_near(&host) => 25,
        _ => 587,
    };
    let port = parsed.and_then(|url| url.port()).unwrap_or(usual);
    open(&host, port, HookReach::Private).await
}

/// Tells whether a host is this machine.
fn is_near(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Ok(Host::Domain(name)) => name == "localhost",
        Err(_) => false,
    }
}

fn transport(server: &MailServer) -> Result<(AsyncSmtpTransport<Tokio1Executor>, String), String> {
    let url = Url::parse(&server.url).map_err(|error| format!("the address of the mail server is none: {error}"))?;
    let host = url.host_str().ok_or("the address of the mail server has no host")?.trim_matches(['[', ']']).to_owned();
    let near = is_near(&host);
    let tls = || TlsParameters::new(host.clone()).map_err(|_| format!("{host}: TLS cannot be set up"));
    let (tls, port) = match url.scheme() {
        "smtps" => (Tls::Wrapper(tls()?), 465),
        "smtp" if near => (Tls::None, 25),
        "smtp" => (Tls::Required(tls()?), 587),
        other => return Err(format!("{other}: is not how mail is sent; smtps: or smtp:")),
    };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host);
    let mut builder = builder.port(url.port().unwrap_or(port)).tls(tls).timeout(Some(WAIT));
    if let Some((name, password)) = &server.login {
        builder = builder.credentials(Credentials::new(name.clone(), password.expose_secret().to_owned()));
    }
    Ok((builder.build(), host))
}

fn written(mail: &Mail, host: &str) -> Result<Message, String> {
    let address = |text: &String| text.parse::<Mailbox>().map_err(|_| "an address of [notify] is none".to_owned());
    let from = address(&mail.from)?;
    let domain = from.email.domain().to_owned();
    let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(mail.at_ms).unwrap_or(0));
    let mut builder = Message::builder()
        .from(from)
        .subject(mail.subject.clone())
        .message_id(Some(format!("<{}@{domain}>", mail.id)))
        .date(at)
        .header(ContentType::TEXT_PLAIN);
    for to in &mail.to {
        builder = builder.to(address(to)?);
    }
    builder.body(mail.text.clone()).map_err(|_| format!("the mail for {host} cannot be written"))
}
