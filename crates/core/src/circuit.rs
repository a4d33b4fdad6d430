//! The circuit of a connection: how many steps failed there one after the other, and whether anything more is tried.
//! The store keeps it, counts each step that ends and asks it as each begins; so it is one for all processes.
//! It does not know why a step failed.

use crate::name::{ConnectionName, StepId};
use serde::{Deserialize, Serialize};

/// How a connection has answered of late.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Circuit {
    /// Steps that failed since the last that was done.
    pub failures: u32,
    /// The last of them.
    pub step: Option<StepId>,
    /// Why it failed.
    pub because: String,
    /// Since when nothing is tried (milliseconds since 1970, UTC).
    pub open_ms: Option<i64>,
    /// When one step is tried again.
    pub retry_ms: i64,
    /// How long nothing is tried after a failure.
    pub retry_after_ms: i64,
}

/// How a step ended, as far as the circuit is concerned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The app did what was asked, or answered that it is so.
    Well,
    /// It failed, and the next may fail as well.
    Badly {
        /// Which step.
        step: StepId,
        /// Why.
        because: String,
    },
}

impl Circuit {
    /// Takes in how a step ended at `at_ms`. After `most` failures in a row nothing is tried for `retry_after_ms`.
    pub fn ended(&mut self, ended: Ended, at_ms: i64, most: u32, retry_after_ms: i64) {
        match ended {
            Ended::Well => *self = Self::default(),
            Ended::Badly { step, because } => {
                self.failures = self.failures.saturating_add(1);
                (self.step, self.because) = (Some(step), because);
                if self.failures >= most {
                    self.open_ms = self.open_ms.or(Some(at_ms));
                    (self.retry_ms, self.retry_after_ms) = (at_ms.saturating_add(retry_after_ms), retry_after_ms);
                }
            }
        }
    }

    /// Tells whether a step may begin. Where nothing is tried and the time is up, one may: the next one waits as long again,
    /// unless that one ends well.
    pub fn may_begin(&mut self, at_ms: i64) -> bool {
        if self.open_ms.is_none() {
            return true;
        }
        let may = at_ms >= self.retry_ms;
        if may {
            self.retry_ms = at_ms.saturating_add(self.retry_after_ms.max(1));
        }
        may
    }

    /// Says what opened it and how it goes on, if it is open at `at_ms` and nothing may be tried yet.
    pub fn says(&self, name: &ConnectionName, at_ms: i64) -> Option<String> {
        self.open_ms.filter(|_| at_ms < self.retry_ms)?;
        let step = self.step.as_ref().map_or("", StepId::as_str);
        let retry =
            jiff::Timestamp::from_millisecond(self.retry_ms).map_or_else(|_| "later".into(), |at| at.to_string());
        Some(format!(
            "{} steps in {name} failed one after the other, the last was {step}: {}; one is tried again from {retry}, or \
             `tenure resume {name} --as WHO` lets them go on",
            self.failures, self.because
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn badly(step: &str) -> Ended {
        Ended::Badly { step: step.into(), because: "the app failed with 500".into() }
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_step_that_is_done_closes_it() {
        let mut circuit = Circuit::default();
        for at in 0..2 {
            circuit.ended(badly("s-1"), at, 3, 100);
            assert!(circuit.may_begin(at));
        }
        circuit.ended(Ended::Well, 2, 3, 100);
        assert_eq!(circuit, Circuit::default());
        for at in 3..6 {
            circuit.ended(badly("s-2"), at, 3, 100);
        }
        assert!(!circuit.may_begin(6));
        let says = circuit.says(&"desk".into(), 6).unwrap();
        assert!(
            says.starts_with("3 steps in desk failed one after the other, the last was s-2: the app failed"),
            "{says}"
        );
        assert!(says.ends_with("or `tenure resume desk --as WHO` lets them go on"), "{says}");
    }

    #[test]
    fn when_the_time_is_up_one_step_is_tried_and_no_other() {
        let mut circuit = Circuit::default();
        circuit.ended(badly("s-1"), 0, 1, 100);
        assert!(!circuit.may_begin(99));
        assert!(circuit.may_begin(100));
        assert!(!circuit.may_begin(101), "one is tried; what comes of it is not known yet");
        circuit.ended(badly("s-2"), 150, 1, 100);
        assert!(!circuit.may_begin(249) && circuit.may_begin(250));
        circuit.ended(Ended::Well, 260, 1, 100);
        assert!(circuit.may_begin(261));
    }
}
