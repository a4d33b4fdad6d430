//! How many steps each connection has under way, and whether it may have one more.
//! Where steps are over in a moment, as many go side by side as ended lately: each transaction begins and settles many
//! then, and a stop still comes in time, since what is begun is over in about as long.
//! Which steps these are, and what an app permits in requests, is not known here.

use std::collections::{BTreeMap, VecDeque};
use tenure_connect::governor::CONCURRENT_USUAL;
use tenure_core::name::ConnectionName;

/// Steps that a connection may always have under way; their accounts differ.
const USUAL: usize = CONCURRENT_USUAL as usize;
const MOST: usize = 8 * USUAL;
/// More than usual are as many as ended within this time.
const LATELY_MS: i64 = 300;

/// The places of all connections during one run.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<ConnectionName, Place>);

#[derive(Debug, Default)]
struct Place {
    busy: usize,
    /// When the last steps ended (milliseconds since 1970, UTC), the newest last.
    ended_ms: VecDeque<i64>,
}

impl Places {
    /// How many steps are under way in a connection.
    pub fn busy(&self, connection: &ConnectionName) -> usize {
        self.0.get(connection).map_or(0, |place| place.busy)
    }

    /// Tells whether a connection has as many under way as it may at a moment; `answers` while it gives clear answers.
    pub fn are_full(&self, connection: &ConnectionName, answers: bool, now_ms: i64) -> bool {
        let Some(place) = self.0.get(connection).filter(|place| place.busy >= USUAL) else { return false };
        let as_many = place.ended_ms.iter().rev().nth(place.busy);
        let more = answers && place.busy < MOST && as_many.is_some_and(|ended_ms| *ended_ms >= now_ms - LATELY_MS);
        !more
    }

    /// Takes one for a step that begins.
    pub fn take(&mut self, connection: &ConnectionName) {
        self.0.entry(connection.clone()).or_default().busy += 1;
    }

    /// Gives one back of a step that does not begin.
    pub fn give_back(&mut self, connection: &ConnectionName) {
        if let Some(place) = self.0.get_mut(connection) {
            place.busy = place.busy.saturating_sub(1);
        }
    }

    /// Gives one back of a step that has ended.
    pub fn end(&mut self, connection: &ConnectionName, now_ms: i64) {
        self.give_back(connection);
        if let Some(place) = self.0.get_mut(connection) {
            if place.ended_ms.len() > MOST {
                place.ended_ms.pop_front();
            }
            place.ended_ms.push_back(now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes places until there is none, and returns how many are taken.
    fn fill(places: &mut Places, answers: bool, now_ms: i64) -> usize {
        let name = ConnectionName::new("gorgias");
        while !places.are_full(&name, answers, now_ms) {
            places.take(&name);
        }
        places.busy(&name)
    }

    fn end(places: &mut Places, count: usize, now_ms: i64) {
        (0..count).for_each(|_| places.end(&ConnectionName::new("gorgias"), now_ms));
    }

    #[test]
    fn a_quick_app_has_as_many_under_way_as_ended_lately_and_a_slow_one_the_usual() {
        let mut places = Places::default();
        assert_eq!(fill(&mut places, true, 0), USUAL);
        // All are over in 20 ms, time after time: there is room for what ends in 300.
        let taken = [20, 40, 60, 80, 100, 120].map(|now_ms| {
            let busy = places.busy(&ConnectionName::new("gorgias"));
            end(&mut places, busy, now_ms);
            fill(&mut places, true, now_ms)
        });
        assert_eq!(taken, [16, 32, 64, MOST, MOST, MOST]);
        // It becomes slow: what is under way may end, and the usual number is all that begins.
        end(&mut places, MOST, 2_000);
        assert_eq!(fill(&mut places, true, 2_301), USUAL);
    }

    #[test]
    fn an_app_that_gives_no_clear_answer_has_the_usual_number_under_way() {
        let mut places = Places::default();
        fill(&mut places, true, 0);
        end(&mut places, USUAL, 10);
        fill(&mut places, true, 10);
        end(&mut places, USUAL, 20);
        assert_eq!(fill(&mut places, false, 20), USUAL);
        assert_eq!(fill(&mut places, true, 20), 2 * USUAL);
    }
}
