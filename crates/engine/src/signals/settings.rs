//! `[server.ssf]`: the key by which signals are signed, and receivers that are told without having asked.
//! Read with the rest of `tenure.toml`, and checked there. What a signal says is for `event`.

use super::event::{Event, SUPPORTED};
use crate::config::SecretPlace;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tenure_connect::HookReach;
use tenure_core::place::nearest;

/// `[server.ssf]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SsfConfig {
    /// Where the private key lies by which signals are signed: RSA (RS256) or P-256 (ES256), as PEM or as a JWK. Without
    /// one, a key of P-256 is made up.
    pub key: Option<SecretPlace>,
    /// Whether receivers that ask for pushes may name private addresses, or plain http.
    #[serde(default)]
    pub allow_private: bool,
    /// Receivers that are told without asking for it, each under a name of your choice.
    #[serde(default)]
    pub push: BTreeMap<String, PushConfig>,
}

/// `[server.ssf.push.NAME]`: a receiver that cannot ask, such as Okta.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushConfig {
    /// Whither.
    pub url: String,
    /// As whom the receiver knows itself (`aud`).
    pub audience: String,
    /// Which events, such as `session-revoked`; all unless said.
    #[serde(default)]
    pub events: Vec<String>,
    /// Where the value of the `Authorization` header lies, if the receiver wants one.
    pub authorization: Option<SecretPlace>,
    /// Whether the address may be a private one, or plain http.
    #[serde(default)]
    pub allow_private: bool,
}

/// A key of the file, what is wrong with it, and a hint.
pub(crate) type Wrong = (Vec<String>, String, String);

impl SsfConfig {
    /// Checks what the settings say.
    ///
    /// # Errors
    /// A receiver is named that cannot be told.
    pub(crate) fn check(&self, public_url: Option<&str>) -> Result<(), Wrong> {
        for (name, push) in &self.push {
            let at = |key: &str, says: String, hint: &str| {
                Err((vec!["push".to_owned(), name.clone(), key.to_owned()], says, hint.to_owned()))
            };
            if public_url.is_none() {
                return at(
                    "url",
                    "whoever is told must know by whom: `public_url` is not said".into(),
                    "say it under [server]",
                );
            }
            let plain = push.allow_private && push.url.starts_with("http://");
            if !push.url.starts_with("https://") && !plain {
                return at("url", "the address of a receiver needs https".into(), "allow_private = true accepts http");
            }
            let words = SUPPORTED.map(Event::word);
            if let Some(event) = push.events.iter().find(|event| Event::named(event).is_none()) {
                let hint = match nearest(event, &words) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", words.join(", ")),
                };
                return at("events", format!("{event:?} is no event that is told"), &hint);
            }
        }
        Ok(())
    }
}

/// Says which addresses may be reached.
pub(super) fn reach(allow_private: bool) -> HookReach {
    if allow_private { HookReach::Private } else { HookReach::Public }
}
