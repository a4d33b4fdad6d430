//! How the state of an account is told: several signals of the record, and what we know from before, never one flag.
//! An inactive record may be an invitation or a suspension; rules of the manifest decide by evidence. On first sight a
//! record that was touched after its creation, or is old, was put out; a young and untouched one is invited.

use super::json::{Json, Place};
use crate::manifest::{MemoryWord, StateRule, StateWord};
use serde_json::Value;
use tenure_core::account::AccountState;

/// A change this much after the creation is a change: apps write both moments in two strokes.
const SLACK_MS: i64 = 2_000;
const DAY_MS: i64 = 86_400_000;

/// What we know of an account from before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Memory {
    /// We made it, or let it in again, and never saw it active since.
    Made,
    /// It was seen active.
    WasActive,
    /// We suspended it.
    PutOut,
}

/// The moments of a record, and the present one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    pub created: Option<i64>,
    pub updated: Option<i64>,
    pub now: i64,
}

/// The compiled rules of one kind.
#[derive(Clone, Debug)]
pub(crate) struct StateReader(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    is: AccountState,
    equals: Vec<(Place, Value)>,
    present: Vec<Place>,
    changed: Option<bool>,
    younger_ms: Option<i64>,
    memory: Vec<Memory>,
}

impl StateReader {
    /// Compiles the rules.
    pub fn new(rules: &[StateRule]) -> Self {
        Self(rules.iter().map(Rule::new).collect())
    }

    /// Tells whether what we know from before can matter at all.
    pub fn asks_memory(&self) -> bool {
        self.0.iter().any(|rule| !rule.memory.is_empty())
    }

    /// Lists every place that is looked at.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().flat_map(|rule| rule.equals.iter().map(|(place, _)| place).chain(&rule.present))
    }

    /// Tells the state of a record.
    pub fn read(&self, json: &Json<'_>, moments: Moments, memory: Option<Memory>) -> AccountState {
        let rule = self.0.iter().find(|rule| rule.fits(json, moments, memory));
        rule.map_or(AccountState::Unknown, |rule| rule.is)
    }
}

impl Rule {
    fn new(rule: &StateRule) -> Self {
        Self {
            is: match rule.is {
                StateWord::Invited => AccountState::Invited,
                StateWord::Active => AccountState::Active,
                StateWord::Suspended => AccountState::Suspended,
                StateWord::Removed => AccountState::Removed,
                StateWord::Unknown => AccountState::Unknown,
            },
            equals: rule.equals.iter().map(|(place, value)| (Place::new(place), value.clone())).collect(),
            present: rule.present.iter().map(|place| Place::new(place)).collect(),
            changed: rule.changed,
            younger_ms: rule.younger_than_days.map(|days| i64::from(days) * DAY_MS),
            memory: rule
                .memory
                .iter()
                .map(|word| match word {
                    MemoryWord::Made => Memory::Made,
                    MemoryWord::WasActive => Memory::WasActive,
                    MemoryWord::PutOut => Memory::PutOut,
                })
                .collect(),
        }
    }

    fn fits(&self, json: &Json<'_>, moments: Moments, memory: Option<Memory>) -> bool {
        let changed = || match (moments.created, moments.updated) {
            (Some(created), Some(updated)) => Some(updated - created > SLACK_MS),
            _ => None,
        };
        let age = || moments.created.map(|created| moments.now - created);
        self.equals.iter().all(|(place, value)| place.of(json).is_some_and(|found| found.equals(value)))
            && self.present.iter().all(|place| place.of(json).is_some_and(|found| !found.is_empty()))
            && (self.memory.is_empty() || memory.is_some_and(|memory| self.memory.contains(&memory)))
            && self.changed.is_none_or(|wanted| (changed() == Some(true)) == wanted)
            && self.younger_ms.is_none_or(|younger| age().is_some_and(|age| age < younger))
    }
}
