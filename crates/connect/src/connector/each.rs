//! A call that is made for each entry of a list: the list is read first, then the entries are gone through one by one.
//! What is not there any more is done. It knows neither what the entries are nor what the call does to them.

use super::Inner;
use super::ask::{Ask, Repeat, json_of};
use crate::codec::json::{Json, Place};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{Call, Each};
use crate::transport::Priority;
use tenure_core::abilities::Effect;

/// Entries that are gone through at most.
const ENTRIES_MAX: usize = 1_000;

/// Tells whether nothing better can be expected of the next request either.
pub(super) fn stops(error: &ConnectError) -> bool {
    matches!(error.kind, ErrorKind::Auth | ErrorKind::RateLimited | ErrorKind::Unreachable)
}

impl Inner {
    /// Makes a call for each entry; returns how many it was made for. One that is refused keeps none of the others back: each is
    /// harmless, and done by itself.
    pub(super) async fn call_each(
        &self,
        call: &Call,
        each: &Each,
        id: &str,
        (effect, priority): (Effect, Priority),
    ) -> Result<usize, ConnectError> {
        let (Some(method), Some(path)) = (call.method, &call.path) else {
            return Err(ConnectError::new(ErrorKind::Configuration, "a call for each entry has no method or no path"));
        };
        let entries = self.entries(each, id, priority).await?;
        let mut refused = None;
        for entry in &entries {
            let sent = match self.url(path, &[("id", id), ("each", entry)]) {
                Ok(url) => {
                    let (effect, repeat) = (Some(effect), Repeat::Harmless);
                    let ask = Ask { method, url, label: path, body: None, effect, priority, repeat };
                    self.send_well(ask, &call.success).await.map(drop)
                }
                Err(error) => Err(error),
            };
            match sent {
                Ok(()) => {}
                Err(error) if stops(&error) => return Err(error),
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
        }
        refused.map_or(Ok(entries.len()), Err)
    }

    /// Lists the ids of the entries.
    async fn entries(&self, each: &Each, id: &str, priority: Priority) -> Result<Vec<String>, ConnectError> {
        let url = self.url(&each.path, &[("id", id)])?;
        let response = match self.send_well(Ask::read(url, &each.path, priority), &[200]).await {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let malformed = |text: &str| ConnectError::new(ErrorKind::Malformed, format!("{} {text}", each.path));
        let json = json_of(&response)?;
        let rows = match Place::new(&each.items).of(&json) {
            Some(Json::List(rows)) => rows.as_slice(),
            None if each.mark.as_ref().is_some_and(|mark| Place::new(mark).of(&json).is_some()) => &[],
            _ => return Err(malformed("has no list where the app used to put it")),
        };
        if rows.len() > ENTRIES_MAX {
            return Err(malformed(&format!("has more than {ENTRIES_MAX} entries")));
        }
        let place = Place::new(&each.id);
        let ids = rows.iter().map(|row| place.of(row).and_then(Json::id).map(String::from));
        ids.collect::<Option<_>>().ok_or_else(|| malformed("has an entry without an id"))
    }
}
