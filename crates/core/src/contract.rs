//! What is known of the form in which a connection answers: learned from complete pulls, compared with every later one.
//! The engine keeps it as a note of the connection and makes findings of it; while something that a write relies on is
//! gone or of another form, writes stop and reads go on. It holds names of fields and forms, nothing of anybody.

use crate::drift::{Drift, Needs, Sample, Turn, drifts};
use crate::shape::{Form, RecordShape, Shape};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How long an additive change is told.
pub const TOLD_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// Additive changes that are told at most.
const NOTED_MAX: usize = 50;
/// The sort under which headers are told.
const ANSWERS: &str = "answers";

/// What is known of the form in which a connection answers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Contract {
    /// The dialect in which it was learned; another one has another form.
    pub dialect: String,
    /// The known form.
    learned: Shape,
    /// Sort of record → what stops writes.
    #[serde(default)]
    stopped: BTreeMap<String, Stopped>,
    /// What came in addition, newest last.
    #[serde(default)]
    noted: Vec<Noted>,
    /// What a person took for known although the manifest does not say so.
    #[serde(default)]
    accepted: BTreeSet<String>,
}

/// Why writes stop, and the shape that would be known if a person said so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Stopped {
    drifts: Vec<Drift>,
    seen: RecordShape,
}

/// A change that stops nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Noted {
    drift: Drift,
    at_ms: i64,
}

/// What a person should know of a connection's contract: the small part of it, for whoever plans.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct News {
    /// What stops writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopping: Vec<Drift>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    noted: Vec<Noted>,
}

impl News {
    /// Lists what changed within the last week and stops nothing.
    pub fn told(&self, now_ms: i64) -> Vec<&Drift> {
        self.noted.iter().filter(|noted| now_ms - noted.at_ms < TOLD_MS).map(|noted| &noted.drift).collect()
    }

    /// Tells whether there is nothing to be known.
    pub fn is_empty(&self) -> bool {
        self.stopping.is_empty() && self.noted.is_empty()
    }
}

impl Contract {
    /// Takes in what a pull saw. Only a complete one teaches, and only what fits; a partial one lifts nothing.
    #[must_use]
    pub fn after(self, seen: Shape, dialect: &str, needs: &Needs, sample: Sample, now_ms: i64) -> Self {
        let mut contract =
            if self.dialect == dialect { self } else { Self { dialect: dialect.to_owned(), ..Self::default() } };
        contract.noted.retain(|noted| now_ms - noted.at_ms < TOLD_MS);
        let nothing = crate::drift::RecordNeeds::default();
        for (sort, shape) in seen.records {
            let needs = needs.get(&sort).unwrap_or(&nothing);
            if shape.records == 0 || shape.records < needs.least {
                continue;
            }
            let before = contract.learned.records.get(&sort);
            let all = drifts(&sort, before, &shape, needs, sample);
            if sample == Sample::Complete {
                contract.forget_accepted(&sort, &all);
            }
            let (stopping, others): (Vec<Drift>, Vec<Drift>) = all
                .into_iter()
                .filter(|drift| !contract.accepted.contains(&drift.key()))
                .partition(|drift| drift.stops);
            if !stopping.is_empty() {
                contract.stopped.insert(sort, Stopped { drifts: stopping, seen: shape });
                continue;
            }
            let lifts = match sample {
                Sample::Complete => true,
                // A few records do not say that a place is null everywhere, nor that it is no more, unless one has a value.
                Sample::Changes => contract.stopped.get(&sort).is_some_and(|stopped| has_values(stopped, &shape)),
                Sample::Partial => false,
            };
            if lifts {
                contract.stopped.remove(&sort);
            }
            if sample == Sample::Complete {
                contract.noted.retain(|noted| noted.drift.sort != sort || still_so(&noted.drift, &shape));
                contract.note(others, now_ms);
                contract.learn(sort, shape);
            }
        }
        if sample == Sample::Complete && seen.answers > 0 {
            contract.learn_headers(seen.answers, seen.headers, now_ms);
        }
        contract
    }

    /// Takes what is answered now for the known form, because a person said so.
    #[must_use]
    pub fn accepted(mut self) -> Self {
        for (sort, stopped) in std::mem::take(&mut self.stopped) {
            self.accepted.extend(stopped.drifts.iter().map(Drift::key));
            self.learn(sort, stopped.seen);
        }
        self
    }

    /// Tells no more of what stops nothing, because a person has seen it.
    #[must_use]
    pub fn read(mut self) -> Self {
        self.accepted.extend(self.noted.drain(..).map(|noted| noted.drift.key()));
        self
    }

    /// Returns what a person should know.
    pub fn news(&self) -> News {
        let stopping = self.stopped.values().flat_map(|stopped| &stopped.drifts).cloned().collect();
        News { stopping, noted: self.noted.clone() }
    }

    /// Forgets what was accepted of a sort and is so no more: should it come again, it is news.
    fn forget_accepted(&mut self, sort: &str, drifts: &[Drift]) {
        let now: BTreeSet<String> = drifts.iter().map(Drift::key).collect();
        let prefix = format!("{sort}/");
        self.accepted.retain(|key| !key.starts_with(&prefix) || now.contains(key));
    }

    fn note(&mut self, drifts: Vec<Drift>, at_ms: i64) {
        for drift in drifts {
            self.noted.retain(|noted| noted.drift.key() != drift.key());
            self.noted.push(Noted { drift, at_ms });
        }
        let over = self.noted.len().saturating_sub(NOTED_MAX);
        self.noted.drain(..over);
    }

    fn learn(&mut self, sort: String, shape: RecordShape) {
        let shape = match self.learned.records.get(&sort) {
            Some(older) => shape.with_places_of(older),
            None => shape,
        };
        if let Some(known) = self.learned.record(&sort) {
            *known = shape;
        }
    }

    /// Learns the headers. One that was in every answer and is in none slows or speeds nobody by itself, so it is told.
    fn learn_headers(&mut self, answers: u32, headers: BTreeMap<String, u32>, now_ms: i64) {
        let was = |header: &String| self.learned.headers.get(header).copied();
        let drift = |header: &String, turn: Turn| {
            let (before, now) = match turn {
                Turn::Gone => ("in every answer", "in none now"),
                _ => ("in none", "in every one now"),
            };
            let (before, now) = (before.to_owned(), now.to_owned());
            let (sort, place) = (ANSWERS.to_owned(), header.clone());
            Drift { sort, place, turn, form: Form::Text, before, now, perhaps: Vec::new(), stops: false }
        };
        let mut drifts = Vec::new();
        if self.learned.answers > 0 {
            let gone = self
                .learned
                .headers
                .iter()
                .filter(|(header, count)| **count == self.learned.answers && !headers.contains_key(*header));
            drifts.extend(gone.map(|(header, _)| drift(header, Turn::Gone)));
            let new = headers.iter().filter(|(header, count)| **count == answers && was(header).is_none());
            drifts.extend(new.map(|(header, _)| drift(header, Turn::New)));
        }
        let forgotten: Vec<String> =
            self.learned.headers.keys().filter(|header| !headers.contains_key(*header)).cloned().collect();
        self.note(drifts, now_ms);
        (self.learned.answers, self.learned.headers) = (answers, headers);
        self.learned.headers.extend(forgotten.into_iter().map(|header| (header, 0)));
    }
}

/// Tells whether each place that was found null everywhere has a value again in some record.
fn has_values(stopped: &Stopped, shape: &RecordShape) -> bool {
    let nulls = stopped.drifts.iter().filter(|drift| drift.turn == Turn::Retyped && drift.form == Form::Null);
    nulls.into_iter().all(|drift| shape.seen(&drift.place).is_some_and(|is| is.filled() > 0))
}

/// Tells whether what was noted is so still.
fn still_so(drift: &Drift, now: &RecordShape) -> bool {
    match drift.turn {
        Turn::New => now.seen(&drift.place).is_some(),
        Turn::Gone => now.seen(&drift.place).is_none(),
        Turn::Retyped | Turn::Respelt | Turn::NewWord => true,
    }
}

#[cfg(test)]
mod tests;
