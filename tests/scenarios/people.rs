//! The people whom the program knows, so that a scenario can call them by the part of their address before the `@`.
//! They come from `tenure identities`. Nothing here knows what they hold.

use super::scene::{list, text};
use crate::stage::{Stage, email_of};
use serde_json::Value;

/// The people whom the program knows.
pub struct People(Vec<Value>);

impl People {
    /// Asks the program.
    pub fn ask(stage: &Stage) -> Result<Self, String> {
        let ended = stage.run(&["identities", "--format", "json"]);
        if ended.code != 0 {
            return Err(format!("cannot list people: {ended}"));
        }
        let document = ended.json()?;
        match document["identities"].as_array() {
            Some(identities) => Ok(Self(identities.clone())),
            None => Err(format!("`tenure identities` gives no list: {ended}")),
        }
    }

    /// Returns the identity that has this address, or this employee number.
    pub fn find(&self, person: &str) -> Option<&Value> {
        let email = email_of(person);
        let has = |identity: &&Value| {
            let mut emails = list(&identity["emails"]).iter().map(text).chain([text(&identity["work_email"])]);
            emails.any(|one| one.eq_ignore_ascii_case(&email)) || text(&identity["employee_id"]) == person
        };
        self.0.iter().find(has)
    }

    /// Returns the id of the identity that has this address.
    pub fn id(&self, person: &str) -> Option<String> {
        self.find(person).map(|identity| text(&identity["id"]))
    }

    /// Returns how many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}
