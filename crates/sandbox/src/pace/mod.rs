//! The vendors' rate limits at work: the server asks before each call and puts what is said into the headers. The
//! limits and the words stand beside it, by vendor and dialect. Nothing here waits; a request is let through or refused.

mod kept;
mod meter;
mod rules;

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::exchange::{Call, Reply};
use crate::{Dialect, Limits, Vendor};
use kept::Kept;
use meter::{Meter, Reading};
use rules::{Rule, Speech, rules, speech};

/// One vendor's limits.
pub(crate) struct Pace {
    rules: Vec<Rule>,
    speech: Speech,
    kept: Option<Kept>,
}

/// Whether a request goes through, and what the vendor says about it.
pub(crate) struct Verdict {
    pub refused: bool,
    pub retry_after: Option<u64>,
    headers: Vec<(&'static str, String)>,
}

impl Pace {
    /// Prepares the limits; those that outlive the sandbox go on where the directory says they stood.
    pub fn new(vendor: Vendor, dialect: Dialect, limits: Limits, dir: Option<&Path>) -> io::Result<Self> {
        let speech = speech(vendor, dialect);
        let mut rules = rules(vendor, dialect, limits);
        let kept = dir.filter(|_| speech.kept && !rules.is_empty()).map(|dir| Kept::new(dir, vendor.name()));
        if let Some(kept) = &kept {
            let mut meters: Vec<&mut Meter> = rules.iter_mut().map(|rule| &mut rule.meter).collect();
            kept.restore(&mut meters)?;
        }
        Ok(Pace { rules, speech, kept })
    }

    /// Counts a request, or refuses it; a refused one counts nowhere.
    pub fn take(&mut self, now: Duration, call: &Call) -> Verdict {
        let mut concerned: Vec<&mut Rule> = self.rules.iter_mut().filter(|rule| (rule.concerns)(call)).collect();
        let read = |rules: &mut [&mut Rule]| rules.iter_mut().map(|rule| rule.meter.read(now)).collect::<Vec<_>>();
        let before = read(&mut concerned);
        let cost = (self.speech.cost)(call);
        let full = before.iter().filter(|reading| reading.lacks(cost)).max_by_key(|reading| reading.reset).copied();
        if full.is_none() {
            concerned.iter_mut().for_each(|rule| rule.meter.count(cost));
        }
        let after = read(&mut concerned);
        let fullest: Option<Reading> = after.into_iter().min_by_key(|reading| reading.remaining());
        let told = full.or(fullest);
        if full.is_none() {
            self.keep();
        }
        Verdict {
            refused: full.is_some(),
            retry_after: full.filter(|_| self.speech.says_when).map(Reading::reset_seconds),
            headers: told.map(|reading| (self.speech.headers)(reading, cost)).unwrap_or_default(),
        }
    }

    /// Says whether a refusal of this vendor tells when to come back.
    pub fn says_when(&self) -> bool {
        self.speech.says_when
    }

    fn keep(&self) {
        let Some(kept) = &self.kept else { return };
        let meters: Vec<&Meter> = self.rules.iter().map(|rule| &rule.meter).collect();
        if let Err(error) = kept.store(&meters) {
            tracing::error!(%error, "the budget could not be kept");
        }
    }
}

impl Verdict {
    /// Adds the headers that the vendor sends with every answer.
    pub fn sign(&self, reply: Reply) -> Reply {
        self.headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}

#[cfg(test)]
mod tests;
