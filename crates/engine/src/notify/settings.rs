//! `[notify.NAME]`: who is told of what needs a person, by which way, and how often at most.
//! Read with the rest of `tenure.toml`, and checked there. What is worth telling is for `matter`.

use crate::config::SecretPlace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tenure_core::policy::Delay;

/// What somebody may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatterKind {
    /// Steps that wait for somebody's yes.
    Waits,
    /// Steps that a guard holds.
    Held,
    /// Steps that failed, and work that was given up.
    Failed,
    /// An app that answers otherwise than before.
    Drift,
    /// A token of the API that ends soon.
    TokenExpires,
}

impl MatterKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Waits, Self::Held, Self::Failed, Self::Drift, Self::TokenExpires];

    /// Returns the word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Drift => "drift",
            Self::TokenExpires => "token_expires",
        }
    }
}

/// `[notify.NAME]`: one receiver, told in exactly one way.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiverConfig {
    /// Of what; of everything unless said.
    #[serde(default = "kinds_default")]
    pub kinds: BTreeSet<MatterKind>,
    /// Of steps that wait, only those to which one of these groups of approvers may say yes.
    #[serde(default)]
    pub approvers: Vec<String>,
    /// At most one message in this time, such as `10m`, `1h` or `1d`; ten minutes unless said.
    pub every: Option<String>,
    /// By e-mail.
    pub email: Option<EmailConfig>,
    /// By a webhook with a signature of Standard Webhooks.
    pub webhook: Option<WebhookConfig>,
    /// By a message to a chat that takes Slack's incoming webhooks.
    pub slack: Option<SlackConfig>,
}

/// `email = { … }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// `smtps://HOST` (TLS from the start, port 465), or `smtp://HOST` (STARTTLS, port 587).
    pub server: String,
    /// The sender's address.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// The name under which we sign in to the server, if it asks for one.
    pub username: Option<String>,
    /// Where its password lies.
    pub password: Option<SecretPlace>,
}

/// `webhook = { … }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Whither.
    pub url: String,
    /// Where the key of its signatures lies: `whsec_…`, as Standard Webhooks write it.
    pub secret: SecretPlace,
    /// Whether the address may be a private one, or plain http.
    #[serde(default)]
    pub allow_private: bool,
}

/// `slack = { … }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackConfig {
    /// Where the address lies: it lets whoever knows it write there, so it is a secret.
    pub url: SecretPlace,
    /// Whether the address may be a private one, or plain http.
    #[serde(default)]
    pub allow_private: bool,
}

/// How often somebody is told at most, unless the file says otherwise.
const EVERY_MS: i64 = 10 * 60_000;

fn kinds_default() -> BTreeSet<MatterKind> {
    MatterKind::ALL.into_iter().collect()
}

/// The one way in which somebody is told.
pub(crate) enum Way<'a> {
    Email(&'a EmailConfig),
    Webhook(&'a WebhookConfig),
    Slack(&'a SlackConfig),
}

/// What is wrong with a receiver's settings: at which key, what, and what to do.
type Wrong = (&'static str, String, &'static str);

impl ReceiverConfig {
    /// Returns the one way in which somebody is told.
    ///
    /// # Errors
    /// The file names none, or several.
    pub(crate) fn way(&self) -> Result<Way<'_>, Wrong> {
        match (&self.email, &self.webhook, &self.slack) {
            (Some(email), None, None) => Ok(Way::Email(email)),
            (None, Some(webhook), None) => Ok(Way::Webhook(webhook)),
            (None, None, Some(slack)) => Ok(Way::Slack(slack)),
            (None, None, None) => {
                let says = "a receiver needs a way to be told".to_owned();
                Err(("kinds", says, "name one of `email`, `webhook` and `slack`"))
            }
            _ => Err(("kinds", "a receiver is told in one way".into(), "name a receiver of its own for each way")),
        }
    }

    /// Returns how long somebody is left alone after a message.
    ///
    /// # Errors
    /// The file says it in words that mean no time.
    pub(crate) fn every_ms(&self) -> Result<i64, Wrong> {
        let Some(text) = &self.every else { return Ok(EVERY_MS) };
        let every = Delay::parse(text).flatten().map(Delay::as_ms).filter(|every| *every >= 0);
        every.ok_or_else(|| {
            ("every", format!("`every` is {text:?}, which is no time"), "such as \"10m\", \"1h\" or \"1d\"")
        })
    }

    /// Checks what the settings say.
    ///
    /// # Errors
    /// Somebody is to be told in no way, in several, or in one that cannot be.
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        self.every_ms()?;
        let email = match self.way()? {
            Way::Email(email) => email,
            Way::Webhook(webhook) => {
                let known = webhook.url.starts_with("https://")
                    || (webhook.allow_private && webhook.url.starts_with("http://"));
                let says = || {
                    ("webhook", "the address of a webhook needs https".to_owned(), "allow_private = true accepts http")
                };
                return if known { Ok(()) } else { Err(says()) };
            }
            Way::Slack(_) => return Ok(()),
        };
        if !email.server.starts_with("smtps://") && !email.server.starts_with("smtp://") {
            let says = format!("`server` is {:?}, which is no mail server", email.server);
            return Err(("email", says, "smtps://HOST for TLS from the start, smtp://HOST for STARTTLS"));
        }
        if email.server.contains('@') {
            // What stands there may be a password: it is not told.
            let says = "`server` holds a name or a password".to_owned();
            return Err(("email", says, "smtps://HOST, and `username` and `password` beside it"));
        }
        if email.to.is_empty() || !email.to.iter().chain([&email.from]).all(|address| address.contains('@')) {
            return Err(("email", "`to` and `from` are addresses".into(), "such as to = [\"security@acme.example\"]"));
        }
        if email.username.is_some() != email.password.is_some() {
            return Err(("email", "`username` and `password` go together".into(), "name both, or neither"));
        }
        Ok(())
    }
}
