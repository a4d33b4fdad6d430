//! A stop: somebody's word that nothing is to be written, in one connection or anywhere, until it is taken back.
//! The store keeps it and looks at it as each step begins; `apply`, `plan` and `check` tell it in these words.
//! It does not know what is under way.

use crate::name::ConnectionName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody's word that nothing is to be written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stop {
    /// Where; everywhere, where none is named.
    pub connection: Option<ConnectionName>,
    /// Who said it.
    pub by: String,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Why, in their words.
    pub note: Option<String>,
}

impl Stop {
    /// Says who stopped what, when and why, and how it goes on.
    pub fn says(&self) -> String {
        let note = self.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
        let (what, resume) = match &self.connection {
            None => ("all writes were stopped".to_owned(), "--all"),
            Some(name) => (format!("writes to {name} were stopped"), name.as_str()),
        };
        format!("{what} by {} at {}{note}; `tenure resume {resume} --as WHO` lets them go on", self.by, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_says_who_when_why_and_how_it_goes_on() {
        let mut stop = Stop {
            connection: Some("desk".into()),
            by: "mia@acme.example".into(),
            at: "2026-11-24T10:00:00Z".into(),
            note: Some("wrong roles".into()),
        };
        let says = "writes to desk were stopped by mia@acme.example at 2026-11-24T10:00:00Z (wrong roles); \
                    `tenure resume desk --as WHO` lets them go on";
        assert_eq!(stop.says(), says);
        stop = Stop { connection: None, note: None, ..stop };
        let says = "all writes were stopped by mia@acme.example at 2026-11-24T10:00:00Z; \
                    `tenure resume --all --as WHO` lets them go on";
        assert_eq!(stop.says(), says);
    }
}
