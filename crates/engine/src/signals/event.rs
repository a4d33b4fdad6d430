//! Which events are told of, by what they are told, and what a security event token (RFC 8417) says: one event of CAEP or
//! RISC about one person, by their address. Values only: who is told, and who signs, is not known here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tenure_core::abilities::Effect;
use tenure_core::change::{ReasonKind, Step};
use tenure_core::identity::IdentityState;

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// CAEP: sessions were ended.
    SessionRevoked,
    /// RISC: somebody who left was put out.
    AccountDisabled,
    /// RISC: somebody who came back was let in.
    AccountEnabled,
    /// RISC: an account of somebody who left was deleted.
    AccountPurged,
    /// SSF: the receiver asked whether it is heard.
    Verification,
}

/// What a receiver may ask for; a verification comes by itself.
pub const SUPPORTED: [Event; 4] =
    [Event::SessionRevoked, Event::AccountDisabled, Event::AccountEnabled, Event::AccountPurged];

impl Event {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::SessionRevoked => "session-revoked",
            Self::AccountDisabled => "account-disabled",
            Self::AccountEnabled => "account-enabled",
            Self::AccountPurged => "account-purged",
            Self::Verification => "verification",
        }
    }

    /// Returns the address that stands for it.
    pub fn uri(self) -> String {
        let family = match self {
            Self::SessionRevoked => CAEP,
            Self::AccountDisabled | Self::AccountEnabled | Self::AccountPurged => RISC,
            Self::Verification => SSF,
        };
        format!("{family}{}", self.word())
    }

    /// Returns what a receiver may ask for under this word or address.
    pub fn named(text: &str) -> Option<Self> {
        SUPPORTED.into_iter().find(|event| event.word() == text || event.uri() == text)
    }
}

/// Says what may be told of a step that was done, or was done already. Of people who left and came back only: whoever moved
/// keeps their sessions elsewhere, and so does somebody of whom a decision takes one account.
pub(super) fn told_of(step: &Step, person: Option<IdentityState>) -> BTreeSet<Event> {
    let decided = |state| step.reason.kind == ReasonKind::Decision && person.is_none_or(|person| person == state);
    let leaves = step.reason.kind == ReasonKind::Leaver || decided(IdentityState::Left);
    let returns = step.reason.kind == ReasonKind::Rehire || decided(IdentityState::Active);
    let told: &[Event] = match step.effect {
        Effect::EndSessions => &[Event::SessionRevoked],
        Effect::Suspend if leaves => &[Event::AccountDisabled, Event::SessionRevoked],
        Effect::Delete if leaves => &[Event::AccountDisabled, Event::AccountPurged, Event::SessionRevoked],
        Effect::Resume if returns => &[Event::AccountEnabled],
        _ => &[],
    };
    told.iter().copied().collect()
}

/// Who a signal is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
pub enum Subject {
    /// Somebody, by their address.
    Email {
        /// The address.
        email: String,
    },
    /// The stream itself.
    Opaque {
        /// Its id.
        id: String,
    },
}

/// A signal as it is kept: everything that does not depend on who is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub event: Event,
    pub subject: Subject,
    /// When it happened (seconds since 1970, UTC).
    pub at_s: i64,
    /// What it belongs to: equal in all that is told of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub txn: Option<String>,
    /// What the receiver wants to hear again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl Kept {
    /// Returns the claims of its token.
    pub fn claims(&self, iss: &str, aud: &str, jti: &str) -> Value {
        let because = |text: &str| json!({ "event_timestamp": self.at_s, "initiating_entity": "policy", "reason_admin": { "en": text } });
        let payload = match self.event {
            Event::SessionRevoked => because("access was taken away or sessions were ended by Tenure"),
            Event::Verification => self.state.as_ref().map_or_else(|| json!({}), |state| json!({ "state": state })),
            Event::AccountDisabled | Event::AccountEnabled | Event::AccountPurged => json!({}),
        };
        let mut claims = json!({
            "iss": iss, "aud": aud, "jti": jti, "iat": self.at_s, "sub_id": self.subject,
            "events": { self.event.uri(): payload },
        });
        if let Some(txn) = &self.txn {
            claims["txn"] = json!(txn);
        }
        claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_one_event_of_one_person() {
        let kept = Kept {
            event: Event::SessionRevoked,
            subject: Subject::Email { email: "jane@acme.example".into() },
            at_s: 7,
            txn: Some("r-1".into()),
            state: None,
        };
        let claims = kept.claims("https://tenure.acme.example", "okta", "j-1");
        assert_eq!(claims["sub_id"], json!({ "format": "email", "email": "jane@acme.example" }));
        let events = claims["events"].as_object().unwrap();
        assert_eq!(events.len(), 1);
        let said = &events["https://schemas.openid.net/secevent/caep/event-type/session-revoked"];
        assert_eq!((&said["event_timestamp"], &said["initiating_entity"]), (&json!(7), &json!("policy")));
        assert!(said["reason_admin"]["en"].as_str().is_some_and(|text| !text.is_empty()));
        assert!(claims.get("exp").is_none() && claims.get("sub").is_none(), "{claims}");
    }

    #[test]
    fn an_event_is_asked_for_by_its_word_or_its_address() {
        assert_eq!(Event::named("account-disabled"), Some(Event::AccountDisabled));
        assert_eq!(Event::named(&Event::SessionRevoked.uri()), Some(Event::SessionRevoked));
        assert_eq!(Event::named("verification"), None);
    }
}
