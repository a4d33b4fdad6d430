//! When each connection is read: what the file says, or every quarter of an hour; never more often than the rate limit
//! of its tenant can serve.
//! It computes moments; who reads is told by the jobs.

use crate::error::EngineError;
use crate::house::House;
use crate::rhythm::Rhythm;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use tenure_core::name::ConnectionName;
use tenure_core::place::Misplaced;

/// How often a connection is read of which the file says nothing.
const EVERY_MS: i64 = 15 * 60 * 1000;
/// A pull that the rate limit stretches may take at most this part of the time between two: writes need some, too.
const PULL_SHARE: i64 = 4;

/// When each connection is read.
#[derive(Clone, Debug)]
pub struct Schedule {
    rhythms: BTreeMap<ConnectionName, Rhythm>,
    refused: Vec<String>,
}

impl Schedule {
    /// Works it out. What a rate limit cannot serve is only known once a connection was read, and grows with its tenant: one
    /// that is to be read more often is read as often as it can be, so that the others are not left alone for its sake.
    ///
    /// # Errors
    /// The file says it in words that mean no time, or the store failed.
    #[boxed]
    pub async fn of(house: &House) -> Result<Self, EngineError> {
        let mut all = Self { rhythms: BTreeMap::new(), refused: Vec::new() };
        for name in house.names() {
            let (rhythm, refused) = rhythm(house, &name).await?;
            all.refused.extend(refused.map(|wrong| format!("{wrong}\n  until then, it is read {}", rhythm.says())));
            all.rhythms.insert(name, rhythm);
        }
        Ok(all)
    }

    /// Lists what the file asks for and no rate limit can serve: where it stands, the arithmetic, and what is done instead.
    pub fn refused(&self) -> &[String] {
        &self.refused
    }

    /// Lists the connections with how often each is read at most, in milliseconds, and in words.
    pub fn iter(&self) -> impl Iterator<Item = (&ConnectionName, Option<i64>, String)> {
        self.rhythms.iter().map(|(name, rhythm)| (name, rhythm.every_ms(), rhythm.says()))
    }

    /// Returns when a connection is read after it was at `now_ms`; nothing where only when somebody asks.
    pub fn next_ms(&self, name: &str, now_ms: i64) -> Option<i64> {
        self.rhythms.get(name)?.next_ms(name, now_ms)
    }

    /// Returns the moment itself, or when the quiet hours of a connection end in which it lies.
    pub fn unquiet_ms(&self, name: &str, at_ms: i64) -> i64 {
        self.rhythms.get(name).map_or(at_ms, |rhythm| rhythm.unquiet_ms(at_ms))
    }
}

/// Returns how often one connection is read at most, in milliseconds, and why not as the file says it where its rate limit
/// cannot serve that.
///
/// # Errors
/// The file says it in words that mean no time, or the store failed.
pub(crate) async fn every_ms(
    house: &House,
    name: &ConnectionName,
) -> Result<(Option<i64>, Option<Misplaced>), EngineError> {
    let (rhythm, refused) = rhythm(house, name).await?;
    Ok((rhythm.every_ms(), refused))
}

/// Returns when a connection is read next after it was at a moment (milliseconds since 1970, UTC); nothing where only when
/// somebody asks.
///
/// # Errors
/// As [`every_ms`].
pub(crate) async fn due_ms(house: &House, name: &ConnectionName, after_ms: i64) -> Result<Option<i64>, EngineError> {
    Ok(rhythm(house, name).await?.0.next_ms(name.as_str(), after_ms))
}

/// Returns when a connection is read, and why not as the file says it where that cannot be served.
async fn rhythm(house: &House, name: &ConnectionName) -> Result<(Rhythm, Option<Misplaced>), EngineError> {
    if house.is_pushed(name) {
        return Ok((Rhythm::default(), None));
    }
    let last = house.store.last_complete_pull(name).await?.and_then(|pull| pull.end);
    let (requests, then_seconds) = last.map_or((0, 0.0), |end| (end.requests, end.floor_seconds));
    // What was learned of the limit by then counts, unless somebody has written another one since.
    let floor_seconds = house.connection(name.as_str())?.floor_seconds(requests).unwrap_or(then_seconds);
    let floor_ms = (floor_seconds * 1000.0).ceil() as i64;
    let served_ms = EVERY_MS.max(floor_ms * PULL_SHARE);
    let rhythm = house.config.rhythm(name.as_str())?.or_every(served_ms);
    let wrong = rhythm.every_ms().and_then(|every_ms| refusal(name, every_ms, requests, floor_ms));
    Ok(match wrong {
        None => (rhythm, None),
        Some((message, hint)) => {
            let key = if rhythm.is_pattern() { "schedule" } else { "every" };
            let wrong = house.config.misplaced(&["connections", name.as_str(), key], message, Some(hint));
            (rhythm.every(served_ms), Some(wrong))
        }
    })
}

/// Says why a connection cannot be read so often, with the arithmetic, and what would do.
fn refusal(name: &ConnectionName, every_ms: i64, requests: u64, floor_ms: i64) -> Option<(String, String)> {
    let message = format!(
        "{name} cannot be read every {}: its last complete pull took {requests} requests, for which its rate limit \
         needs {} at least",
        span(every_ms),
        span(floor_ms),
    );
    let minutes = (floor_ms * PULL_SHARE + 59_999) / 60_000;
    (every_ms < floor_ms).then(|| (message, format!("`every = \"{minutes}m\"` leaves three quarters to writes")))
}

/// Writes a length of time for people.
pub fn span(ms: i64) -> String {
    match (ms + 999) / 1000 {
        seconds if seconds < 120 && seconds % 60 != 0 => format!("{seconds} s"),
        seconds if seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds => format!("{} min", (seconds + 59) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_not_read_more_often_than_its_rate_limit_can_serve() {
        let name = ConnectionName::new("gorgias");
        assert_eq!(refusal(&name, 600_000, 1002, 501_000), None);
        let (message, hint) = refusal(&name, 300_000, 1002, 501_000).unwrap();
        assert!(message.contains("every 5 min") && message.contains("1002 requests"), "{message}");
        assert!(message.contains("needs 9 min at least") && hint.contains("\"34m\""), "{message} {hint}");
    }

    #[test]
    fn a_length_of_time_is_told_in_the_unit_that_fits() {
        let told: Vec<String> = [4_000, 60_000, 501_000, 7_200_000, 86_400_000].map(span).to_vec();
        assert_eq!(told, ["4 s", "1 min", "9 min", "2 h", "1 d"]);
    }
}
