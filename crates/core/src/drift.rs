//! Contract drift of one sort of record: the shape that was learned, the one that is answered now, what is relied on.
//! `contract` keeps what comes of it for a connection. It knows places and forms only, never a value or a person.

use crate::shape::{Form, RecordShape, Seen};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Records that must have been looked at before an absence means anything.
pub const RECORDS_LEAST: u32 = 5;
/// A place is usual when so many of a hundred records have it.
const USUAL: u64 = 95;
/// Records that must have been learned from before a few changed ones are judged by them.
const LEARNED_LEAST: u32 = 20;
/// New places that a sentence names as what a field may be called now.
const RENAMED_MAX: usize = 3;

/// What is relied on, by sort of record.
pub type Needs = BTreeMap<String, RecordNeeds>;

/// What is relied on in one sort of record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordNeeds {
    /// Single things.
    pub needs: Vec<Need>,
    /// A write sends the whole record back, so that every key of it counts but these.
    pub whole_but: Option<BTreeSet<String>>,
    /// Fewer records prove nothing.
    pub least: u32,
}

/// One thing that is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Need {
    /// Where it may lie; any of the places will do.
    pub places: Vec<String>,
    /// The forms that the manifest can read; empty for any.
    pub forms: BTreeSet<Form>,
    /// Whether a write relies on it.
    pub reliance: Reliance,
    /// Whether every record has it, by the manifest's word.
    pub required: bool,
}

/// Whether a write relies on something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reliance {
    /// It is only shown.
    Shown,
    /// A write is made by it, or by what is told from it.
    Written,
}

/// Which records a shape was gathered from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sample {
    /// A pull that saw everything.
    Complete,
    /// A pull that broke off.
    Partial,
    /// What changed since another pull: few records, and of one sort perhaps.
    Changes,
}

/// What became of a place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It is in no record any more.
    Gone,
    /// It is of another form.
    Retyped,
    /// Its values are spelt as the manifest spells none.
    Respelt,
    /// It was not there before.
    New,
    /// It has a value that the manifest does not name.
    NewWord,
}

/// One change of a contract.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Drift {
    /// The sort of record.
    pub sort: String,
    /// The place.
    pub place: String,
    /// What became of it.
    pub turn: Turn,
    /// The form that it has now.
    pub form: Form,
    /// How it was.
    pub before: String,
    /// How it is.
    pub now: String,
    /// New places that may be the same under another name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub perhaps: Vec<String>,
    /// Whether a write relies on it.
    pub stops: bool,
}

impl Drift {
    /// Returns what tells this change from others, whatever the figures are.
    pub fn key(&self) -> String {
        format!("{}/{}/{:?}/{:?}", self.sort, self.place, self.turn, self.form)
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sort, place, before, now, .. } = self;
        write!(f, "{sort}: `{place}` was {before} and is {now}")?;
        if !self.perhaps.is_empty() {
            let names: Vec<String> = self.perhaps.iter().map(|name| format!("`{name}`")).collect();
            write!(f, " (perhaps renamed: {} is new)", names.join(" or "))?;
        }
        Ok(())
    }
}

/// Compares what is answered now with what was learned, if anything was, and with what is relied on.
pub fn drifts(
    sort: &str,
    before: Option<&RecordShape>,
    now: &RecordShape,
    needs: &RecordNeeds,
    sample: Sample,
) -> Vec<Drift> {
    let comparison = Comparison { sort, now, needs, sample };
    let mut drifts = before.map(|before| comparison.with_learned(before)).unwrap_or_default();
    comparison.with_manifest(&mut drifts);
    drifts
}

struct Comparison<'a> {
    sort: &'a str,
    now: &'a RecordShape,
    needs: &'a RecordNeeds,
    sample: Sample,
}

impl Comparison<'_> {
    fn with_learned(&self, before: &RecordShape) -> Vec<Drift> {
        let mut drifts: Vec<Drift> = Vec::new();
        let new: Vec<Drift> = self.added(before);
        for (place, was) in &before.places {
            if was.count() == 0 || drifts.iter().any(|drift| is_within(place, &drift.place)) {
                continue;
            }
            let turned = match self.now.seen(place) {
                None => self.usual(was.count(), before.records).then_some((Turn::Gone, Form::Null)),
                Some(is) => self.turned(place, before, was, is),
            };
            let Some((turn, form)) = turned else { continue };
            let drift = self.drift(place, turn, form, shown(was, before.records));
            let perhaps = new
                .iter()
                .filter(|new| turn == Turn::Gone && new.form == was.form() && parent(&new.place) == parent(place));
            let perhaps = perhaps.map(|new| new.place.clone()).take(RENAMED_MAX).collect();
            drifts.push(Drift { perhaps, ..drift });
        }
        drifts.extend(new);
        drifts
    }

    /// Tells what became of a place that is there before and now.
    fn turned(&self, place: &str, before: &RecordShape, was: &Seen, is: &Seen) -> Option<(Turn, Form)> {
        let usually_filled = self.usual(was.filled(), before.records);
        let spoke_named = was.named > 0 && self.usual(was.named, was.filled());
        let least = self.needs.least;
        if is.filled() == 0 {
            // Nobody has a phone number any more: that is news about people, unless a write relies on the place. That a few
            // changed records have none always is: new people come with little.
            let proves = self.sample == Sample::Complete && usually_filled && self.stops(place);
            return proves.then_some((Turn::Retyped, Form::Null));
        }
        if was.filled() >= least && is.forms.get(&is.form()) >= Some(&least) && !was.forms.contains_key(&is.form()) {
            return Some((Turn::Retyped, is.form()));
        }
        if usually_filled && spoke_named && is.named == 0 && is.other >= least {
            return Some((Turn::Respelt, is.form()));
        }
        (was.named > 0 && was.other == 0 && is.other > 0).then_some((Turn::NewWord, is.form()))
    }

    /// Lists the places that were in no record before and are in every other one now.
    fn added(&self, before: &RecordShape) -> Vec<Drift> {
        let known = |place: &str| before.places.contains_key(place);
        let usual = self.now.places.iter().filter(|(_, is)| u64::from(is.count()) * 2 >= u64::from(self.now.records));
        usual
            .filter(|(place, _)| !known(place) && parent(place).is_none_or(known))
            .map(|(place, is)| Drift { stops: false, ..self.drift(place, Turn::New, is.form(), "in no record".into()) })
            .collect()
    }

    /// Adds what does not fit the manifest, whatever was learned.
    fn with_manifest(&self, drifts: &mut Vec<Drift>) {
        let told: BTreeSet<String> = drifts.iter().map(|drift| drift.place.clone()).collect();
        let is_told = |place: &String| told.iter().any(|told| is_within(place, told));
        for need in &self.needs.needs {
            if need.places.iter().any(is_told) {
                continue;
            }
            let found = need.places.iter().filter_map(|place| Some((place, self.now.seen(place)?)));
            match found.clone().find(|(_, is)| is.filled() > 0).or_else(|| found.clone().next()) {
                None if need.required => {
                    let Some(place) = need.places.first() else { continue };
                    drifts.push(self.drift(place, Turn::Gone, Form::Null, "what the manifest reads".into()));
                }
                Some((place, is)) if !need.reads(is) && is.filled() >= self.needs.least => {
                    let forms: Vec<String> = need.forms.iter().map(ToString::to_string).collect();
                    let wanted = format!("{} by the manifest", forms.join(" or "));
                    drifts.push(self.drift(place, Turn::Retyped, is.form(), wanted));
                }
                _ => {}
            }
        }
    }

    fn drift(&self, place: &str, turn: Turn, form: Form, before: String) -> Drift {
        let now = match (turn, self.now.seen(place)) {
            (_, None) => format!("in none of {} now", self.now.records),
            (Turn::Respelt | Turn::NewWord, Some(is)) => {
                format!("a word that the manifest does not name in {} of {} now", is.other, self.now.records)
            }
            (_, Some(is)) => format!("{} now", shown(is, self.now.records)),
        };
        let stops = matches!(turn, Turn::Gone | Turn::Retyped | Turn::Respelt) && self.stops(place);
        Drift {
            sort: self.sort.to_owned(),
            place: place.to_owned(),
            turn,
            form,
            before,
            now,
            perhaps: Vec::new(),
            stops,
        }
    }

    /// Tells whether a write relies on a place, or on something within it, that lies nowhere else now.
    fn stops(&self, place: &str) -> bool {
        let elsewhere = |need: &Need| {
            let filled = |other: &String| self.now.seen(other).is_some_and(|is| is.filled() > 0);
            need.places.iter().any(|other| !is_within(other, place) && filled(other))
        };
        let relied = |need: &&Need| need.reliance == Reliance::Written;
        let needed = self
            .needs
            .needs
            .iter()
            .filter(relied)
            .any(|need| need.places.iter().any(|own| is_within(own, place)) && !elsewhere(need));
        let sent_back = |untouched: &BTreeSet<String>| parent(place).is_none() && !untouched.contains(place);
        needed || self.needs.whole_but.as_ref().is_some_and(sent_back)
    }

    /// Tells whether (nearly) every record had something. Of a few changed records that is asked more strictly: new
    /// people may all lack what most others have.
    fn usual(&self, count: u32, records: u32) -> bool {
        match self.sample {
            Sample::Changes => count == records && records >= LEARNED_LEAST,
            _ => count > 0 && u64::from(count) * 100 >= u64::from(records) * USUAL,
        }
    }
}

impl Need {
    fn reads(&self, is: &Seen) -> bool {
        self.forms.is_empty() || is.forms.keys().any(|form| self.forms.contains(form))
    }
}

fn shown(seen: &Seen, records: u32) -> String {
    format!("{} in {} of {records} records", seen.form(), seen.count())
}

/// Tells whether a place is another one or lies within it.
fn is_within(place: &str, outer: &str) -> bool {
    place.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn parent(place: &str) -> Option<&str> {
    place.rsplit_once('.').map(|(parent, _)| parent)
}

#[cfg(test)]
pub(crate) mod tests;
