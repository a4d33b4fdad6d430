//! A stream: which events a receiver wants, and how they come to it. Receivers make, change and end their own; those of the
//! file are made here from what it says. Names are those of the Shared Signals Framework 1.0.

use super::event::{Event, SUPPORTED, Subject};
use super::settings::PushConfig;
use crate::error::EngineError;
use crate::house::House;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tenure_store::SignalStream;

/// Delivery by a push to the receiver.
pub const PUSH: &str = "urn:ietf:rfc:8935";
/// Delivery by the receiver's asking.
pub const POLL: &str = "urn:ietf:rfc:8936";
/// Verifications are this far apart at least.
pub(super) const VERIFIED_EVERY_S: i64 = 5;
/// The owner of the streams of the file.
pub(super) const FILE: &str = "the file";
const DESCRIPTION_LEN_MAX: usize = 500;
const URL_LEN_MAX: usize = 2000;

/// Whether a stream tells anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It does.
    #[default]
    Enabled,
    /// What happens is kept until it does again.
    Paused,
    /// What happens is not kept either.
    Disabled,
}

/// What went wrong when a receiver was last told, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failing {
    pub times: u32,
    pub because: String,
}

/// What a receiver looked at and would not take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// How many events so far.
    pub times: u32,
    /// The last of them (milliseconds since 1970, UTC).
    pub at_ms: i64,
    /// By which word of RFC 8935.
    pub because: String,
}

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Its id.
    #[serde(skip)]
    pub id: String,
    #[serde(skip)]
    pub(super) owner: String,
    #[serde(skip)]
    pub(super) created_ms: i64,
    pub(super) iss: String,
    pub(super) aud: String,
    /// Where it is pushed to; nothing where the receiver asks.
    pub(super) push: Option<String>,
    /// Whether there is an `Authorization` to show, which lies sealed in the store or where the file says.
    #[serde(default)]
    pub(super) authorized: bool,
    #[serde(default)]
    pub(super) allow_private: bool,
    pub(super) requested: Option<BTreeSet<String>>,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) status: Status,
    #[serde(default)]
    pub(super) reason: Option<String>,
    /// Addresses of those of whom nothing is told.
    #[serde(default)]
    pub(super) without: BTreeSet<String>,
    #[serde(default)]
    pub(super) verified_ms: i64,
    #[serde(default)]
    pub(super) failing: Option<Failing>,
    #[serde(default)]
    pub(super) refused: Option<Refused>,
}

/// What a receiver asks for; whatever it says of what we supply must be as it is.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct StreamAsked {
    /// Which one.
    pub stream_id: Option<String>,
    iss: Option<Value>,
    aud: Option<Value>,
    events_requested: Option<Vec<String>>,
    /// How it comes.
    pub delivery: Option<DeliveryAsked>,
    description: Option<String>,
}

/// How events are to come; older drafts of the framework have other names.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct DeliveryAsked {
    #[serde(alias = "delivery_method")]
    method: Option<String>,
    #[serde(alias = "url")]
    endpoint_url: Option<String>,
    /// What is shown at the receiver's door: a secret.
    #[serde(default, deserialize_with = "secret")]
    pub authorization_header: Option<SecretString>,
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(SecretString::from))
}

/// Whether what is not said stays, or goes back to what it is by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsaid {
    /// It stays.
    Stays,
    /// It goes.
    Goes,
}

impl Stream {
    pub(super) fn read(row: SignalStream) -> Result<Self, EngineError> {
        let broken = |error| EngineError::Broken(format!("stream {}: {error}", row.id));
        let stream: Self = serde_json::from_str(&row.body).map_err(broken)?;
        Ok(Self { id: row.id, owner: row.owner, created_ms: row.created_ms, ..stream })
    }

    pub(super) fn row(&self) -> Result<SignalStream, EngineError> {
        let body = serde_json::to_string(self).map_err(|error| EngineError::Broken(error.to_string()))?;
        Ok(SignalStream { id: self.id.clone(), owner: self.owner.clone(), created_ms: self.created_ms, body })
    }

    /// Begins a stream about which nothing was asked yet.
    pub(super) fn new(id: String, owner: &str, iss: &str, aud: &str, created_ms: i64) -> Self {
        Self {
            id,
            owner: owner.to_owned(),
            created_ms,
            iss: iss.to_owned(),
            aud: aud.to_owned(),
            push: None,
            authorized: false,
            allow_private: false,
            requested: None,
            description: None,
            status: Status::Enabled,
            reason: None,
            without: BTreeSet::new(),
            verified_ms: 0,
            failing: None,
            refused: None,
        }
    }

    /// Returns the stream that the file describes; what became of the one that is kept stays.
    pub(super) fn of_file(house: &House, name: &str, push: &PushConfig, kept: Option<Stream>) -> Self {
        let iss = house.config.server.public_url.as_deref().unwrap_or_default().trim_end_matches('/');
        let id = format!("file-{name}");
        let kept = kept.unwrap_or_else(|| Self::new(id, FILE, iss, &push.audience, house.clock.now_ms()));
        Self {
            iss: iss.to_owned(),
            aud: push.audience.clone(),
            push: Some(push.url.clone()),
            authorized: push.authorization.is_some(),
            allow_private: push.allow_private,
            requested: (!push.events.is_empty()).then(|| push.events.iter().cloned().collect()),
            ..kept
        }
    }

    /// Takes in what a receiver asks for.
    ///
    /// # Errors
    /// It cannot be so; a sentence.
    pub(super) fn take(&mut self, asked: &StreamAsked, unsaid: Unsaid) -> Result<(), EngineError> {
        let wrong = |text: &str| Err(EngineError::Asked(text.to_owned()));
        let ours = |said: &Option<Value>, is: &str| said.as_ref().is_none_or(|said| said == is);
        if !ours(&asked.iss, &self.iss) || !ours(&asked.aud, &self.aud) {
            return wrong("`iss` and `aud` are not the receiver's to choose");
        }
        if asked.events_requested.is_some() || unsaid == Unsaid::Goes {
            self.requested = asked.events_requested.as_ref().map(|all| all.iter().take(100).cloned().collect());
        }
        if asked.description.is_some() || unsaid == Unsaid::Goes {
            if asked.description.as_ref().is_some_and(|text| text.len() > DESCRIPTION_LEN_MAX) {
                return wrong("`description` is too long");
            }
            self.description.clone_from(&asked.description);
        }
        let Some(delivery) = &asked.delivery else {
            if unsaid == Unsaid::Goes {
                (self.push, self.authorized) = (None, false);
            }
            return Ok(());
        };
        match (delivery.method.as_deref(), &delivery.endpoint_url) {
            (Some(PUSH), Some(url)) if url.len() <= URL_LEN_MAX => self.push = Some(url.clone()),
            (Some(PUSH), _) => return wrong("`delivery.endpoint_url` says whither events are pushed"),
            (Some(POLL), _) => self.push = None,
            _ => return wrong("`delivery.method` is urn:ietf:rfc:8935 (push) or urn:ietf:rfc:8936 (poll)"),
        }
        self.authorized = delivery.authorization_header.is_some() && self.push.is_some();
        Ok(())
    }

    /// Lists which events it tells.
    pub(super) fn delivers(&self) -> impl Iterator<Item = Event> + '_ {
        let wanted = |event: &Event| match &self.requested {
            None => true,
            Some(requested) => requested.iter().any(|text| Event::named(text) == Some(*event)),
        };
        SUPPORTED.into_iter().filter(wanted)
    }

    /// Tells whether it is to tell of this.
    pub(super) fn wants(&self, event: Event, subject: &Subject) -> bool {
        let hears = match subject {
            Subject::Email { email } => !self.without.contains(&email.to_lowercase()),
            Subject::Opaque { .. } => true,
        };
        self.status != Status::Disabled && hears && self.delivers().any(|delivered| delivered == event)
    }

    /// Tells whether private addresses may be reached for it, by what the operator says now.
    pub(super) fn may_be_private(&self, house: &House) -> bool {
        if self.owner == FILE { self.allow_private } else { house.config.server.ssf.allow_private }
    }

    /// Returns it as its receiver sees it.
    pub fn shown(&self) -> Value {
        let uris = |events: &mut dyn Iterator<Item = Event>| events.map(Event::uri).collect::<Vec<_>>();
        let (method, endpoint) = match &self.push {
            Some(url) => (PUSH, url.clone()),
            None => (POLL, format!("{}/ssf/poll/{}", self.iss, self.id)),
        };
        let mut shown = json!({
            "stream_id": self.id, "iss": self.iss, "aud": self.aud,
            "events_supported": uris(&mut SUPPORTED.into_iter()), "events_delivered": uris(&mut self.delivers()),
            "delivery": { "method": method, "endpoint_url": endpoint },
            "min_verification_interval": VERIFIED_EVERY_S,
        });
        if let Some(requested) = &self.requested {
            shown["events_requested"] = json!(requested);
        }
        if let Some(description) = &self.description {
            shown["description"] = json!(description);
        }
        shown
    }

    /// Returns how it stands, as its receiver sees it.
    pub fn status_shown(&self) -> Value {
        let mut shown = json!({ "stream_id": self.id, "status": self.status });
        if let Some(reason) = &self.reason {
            shown["reason"] = json!(reason);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: Value) -> StreamAsked {
        serde_json::from_value(value).unwrap()
    }

    fn stream() -> Stream {
        Stream::new("s-1".into(), "mia", "https://t.example", "okta", 5)
    }

    #[test]
    fn what_is_not_said_stays_in_a_patch_and_goes_in_a_replacement() {
        let mut stream = stream();
        let push = json!({ "method": PUSH, "endpoint_url": "https://r.example/e" });
        let uri = Event::AccountDisabled.uri();
        let first = json!({ "events_requested": [uri, "urn:unknown"], "delivery": push, "description": "one" });
        stream.take(&asked(first), Unsaid::Goes).unwrap();
        assert_eq!(stream.shown()["events_delivered"], json!([Event::AccountDisabled.uri()]));
        stream.take(&asked(json!({ "description": "two" })), Unsaid::Stays).unwrap();
        assert_eq!((&stream.shown()["description"], stream.push.is_some()), (&json!("two"), true));
        stream.take(&asked(json!({ "iss": "https://t.example" })), Unsaid::Goes).unwrap();
        assert_eq!(stream.shown()["delivery"]["endpoint_url"], "https://t.example/ssf/poll/s-1");
        assert_eq!(stream.shown()["events_delivered"].as_array().unwrap().len(), SUPPORTED.len());
    }

    #[test]
    fn names_of_older_drafts_are_understood_and_odd_ways_are_not() {
        let mut stream = stream();
        let old = json!({ "delivery": { "delivery_method": PUSH, "url": "https://r.example/e" } });
        stream.take(&asked(old), Unsaid::Goes).unwrap();
        assert_eq!(stream.push.as_deref(), Some("https://r.example/e"));
        for odd in [json!({ "method": "carrier pigeon" }), json!({ "method": PUSH }), json!({})] {
            assert!(stream.take(&asked(json!({ "delivery": odd })), Unsaid::Stays).is_err());
        }
        assert!(stream.take(&asked(json!({ "aud": "somebody else" })), Unsaid::Stays).is_err());
    }
}
