//! What deciding has to say of many people at once: rules that contradict each other or cannot be judged, names that a
//! tenant does not have. Counted, so that what was decided for one part of a company can be added to another's.
//! Whichever part comes first, the sum says the same.

use crate::change::{FindingKind, Severity};
use crate::finding::{About, Findings, told};
use crate::name::{ConnectionName, Name};
use serde_json::Value;
use std::collections::BTreeMap;

/// So many people are named of those whom a contradiction is about: the first by their letters.
const NAMED_MAX: usize = 5;

/// Two rules that say different things of one word in one connection.
pub(super) type Contradiction = (ConnectionName, Name, String, String);

/// What is said of many people at once.
#[derive(Debug, Default)]
pub struct Tallies {
    problems: BTreeMap<(ConnectionName, String), (FindingKind, Severity, String)>,
    contradictions: BTreeMap<Contradiction, (u64, Vec<String>)>,
    senseless: BTreeMap<String, (u64, String)>,
}

impl Tallies {
    /// Notes what is wrong with a word in a connection; of several things one is said.
    pub(super) fn problem(&mut self, place: (ConnectionName, String), problem: (FindingKind, Severity, String)) {
        let known = self.problems.entry(place).or_insert_with(|| problem.clone());
        if problem < *known {
            *known = problem;
        }
    }

    /// Notes a contradiction about so many people, some of whom are named.
    pub(super) fn contradiction(&mut self, about: Contradiction, people: u64, names: &[String]) {
        let known = self.contradictions.entry(about).or_default();
        known.0 += people;
        known.1.extend_from_slice(names);
        known.1.sort();
        known.1.truncate(NAMED_MAX);
    }

    /// Notes that a rule made no sense for so many people; of several reasons one is said.
    pub(super) fn senseless(&mut self, rule: &str, people: u64, because: &str) {
        let known = self.senseless.entry(rule.to_owned()).or_insert_with(|| (0, because.to_owned()));
        known.0 += people;
        if because < known.1.as_str() {
            because.clone_into(&mut known.1);
        }
    }

    /// Adds what was said of other people.
    pub(crate) fn add(&mut self, other: Self) {
        other.problems.into_iter().for_each(|(place, problem)| self.problem(place, problem));
        let contradictions = other.contradictions.into_iter();
        contradictions.for_each(|(about, (people, names))| self.contradiction(about, people, &names));
        other.senseless.iter().for_each(|(rule, (people, because))| self.senseless(rule, *people, because));
    }

    /// Lists what is wrong with words: where, of which sort, in a sentence.
    pub(super) fn into_problems(self) -> impl Iterator<Item = (ConnectionName, FindingKind, String)> {
        self.problems.into_iter().map(|((connection, _), (kind, _, text))| (connection, kind, text))
    }

    /// Says it.
    pub(crate) fn tell(&self, findings: &mut Findings) {
        for (rule, (people, because)) in &self.senseless {
            let text =
                format!("rule \"{rule}\" could not be judged for {people} people, so it does not fit them: {because}");
            let about = About::new(FindingKind::Prerequisite, Severity::Medium).topic(rule);
            let facts = told([("rule", Value::from(rule.as_str())), ("people", Value::from(*people))]);
            findings.add_with(about, text, facts);
        }
        for ((connection, topic), (kind, severity, text)) in &self.problems {
            let about = About::new(*kind, *severity).connection(connection).topic(topic);
            findings.add(about, format!("{connection}: {text}"));
        }
        for ((connection, word, first, second), (people, names)) in &self.contradictions {
            let text = format!(
                "rules \"{first}\" and \"{second}\" contradict each other about {word} in {connection} for {people} people ({}); \"{first}\" stands first and wins",
                names.join(", ")
            );
            let topic = format!("{word} {first} {second}");
            let about = About::new(FindingKind::Dispute, Severity::Medium).connection(connection).topic(&topic);
            let facts = told([("people", Value::from(*people)), ("word", Value::from(word.as_str()))]);
            findings.add_with(about, text, facts);
        }
    }
}
