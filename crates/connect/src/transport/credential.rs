//! What proves to an app who we are, in each form that apps ask for.
//! The engine builds a credential from secrets; a request carries it to the transport, which alone reads it.
//! It never shows a value, and it does not know where secrets lie.

use super::oauth::ClientCredentials;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// What proves who we are.
pub enum Credential {
    /// HTTP Basic. Either part may be the secret one, so both are kept as such.
    Basic {
        /// The part before the colon.
        username: SecretString,
        /// The part after the colon.
        password: SecretString,
    },
    /// A header of the app's own, such as `Accesskey`.
    Header {
        /// The header.
        name: HeaderName,
        /// Its value.
        value: SecretString,
    },
    /// A token that the operator gave.
    Bearer(SecretString),
    /// A token that is fetched, kept and renewed.
    OAuthClientCredentials(ClientCredentials),
}

impl Credential {
    /// Returns the header that carries the credential; `token` is the access token, where one is fetched.
    pub(super) fn header(&self, token: Option<&SecretString>) -> Result<(HeaderName, HeaderValue), &'static str> {
        let (name, value) = match (self, token) {
            (Self::Basic { username, password }, _) => (http::header::AUTHORIZATION, basic(username, password)?),
            (Self::Header { name, value }, _) => (name.clone(), secret_value(value.expose_secret())?),
            (Self::Bearer(token), _) | (Self::OAuthClientCredentials(_), Some(token)) => {
                (http::header::AUTHORIZATION, secret_value(&format!("Bearer {}", token.expose_secret()))?)
            }
            (Self::OAuthClientCredentials(_), None) => return Err("there is no access token"),
        };
        Ok((name, value))
    }
}

/// Returns the header value of HTTP Basic.
pub(super) fn basic(username: &SecretString, password: &SecretString) -> Result<HeaderValue, &'static str> {
    if username.expose_secret().contains(':') {
        return Err("the user name of the credential contains a colon");
    }
    let pair = STANDARD.encode(format!("{}:{}", username.expose_secret(), password.expose_secret()));
    secret_value(&format!("Basic {pair}"))
}

fn secret_value(text: &str) -> Result<HeaderValue, &'static str> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| "the credential contains a character that no header can carry (a line break?)")?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(…)",
            Self::Header { .. } => "Header(…)",
            Self::Bearer(_) => "Bearer(…)",
            Self::OAuthClientCredentials(_) => "OAuthClientCredentials(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_encoded_and_nothing_shows() {
        let credential = Credential::Basic { username: "jane@acme.com".into(), password: "s3cret".into() };
        let (name, value) = credential.header(None).unwrap();
        assert_eq!(name, "authorization");
        assert_eq!(value.to_str().unwrap(), "Basic amFuZUBhY21lLmNvbTpzM2NyZXQ=");
        assert!(value.is_sensitive());
        assert!(!format!("{credential:?} {value:?}").contains("s3cret"));
    }

    #[test]
    fn a_credential_with_a_line_break_is_refused_without_showing_it() {
        let because = Credential::Bearer("tok\r\nX-Evil: 1".into()).header(None).unwrap_err();
        assert!(because.contains("line break") && !because.contains("tok"));
        assert!(Credential::Basic { username: "a:b".into(), password: "c".into() }.header(None).is_err());
    }
}
