//! How connections are, in a word each with its reason: what a person must do comes first. What is noted of all of them is
//! read once, however many there are; no app is asked.

use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::House;
use crate::stop::stops_of;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use tenure_core::circuit::Circuit;
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;
use tenure_core::stop::Stop;
use tenure_store::Overview;

/// How late a read may be before it is called so: others may be under way, and a large one takes its time.
const OVERDUE_MS: i64 = 10 * 60 * 1000;

/// A state in a word, and why, where it is not well.
pub type State = (&'static str, Option<String>);

/// What is noted of connections beside their reads.
#[derive(Debug)]
pub struct Noted {
    stops: Vec<Stop>,
    refused: BTreeMap<ConnectionName, String>,
    drifted: BTreeMap<ConnectionName, String>,
    circuits: BTreeMap<ConnectionName, Circuit>,
}

impl Noted {
    /// Reads what is noted now.
    ///
    /// # Errors
    /// The store failed.
    #[boxed]
    pub async fn now(house: &House) -> Result<Self, EngineError> {
        let store = &house.store;
        Ok(Self {
            stops: stops_of(store).await?,
            refused: store.notes_named(crate::pull::CREDENTIAL_REFUSED).await?,
            drifted: crate::drift::stops(store).await?,
            circuits: store.circuits().await?,
        })
    }

    /// Returns who stopped writes to a connection, if anybody did.
    pub(crate) fn stop(&self, name: &ConnectionName) -> Option<&Stop> {
        self.stops.iter().find(|stop| stop.connection.as_ref().is_none_or(|place| place == name))
    }

    /// Tells whether a connection can be worked with, and why not. For `quiet_ms` nothing is sent, because the app asked for it.
    pub(crate) fn state(&self, name: &ConnectionName, known: &Overview, quiet_ms: Option<i64>) -> State {
        if let Some(stop) = self.stop(name) {
            return ("stopped", Some(stop.says()));
        }
        if let Some(text) = self.refused.get(name) {
            return ("refused", Some(text.clone()));
        }
        if let Some(text) = self.drifted.get(name) {
            return ("drifted", Some(text.clone()));
        }
        if let Some(ms) = quiet_ms {
            return ("parked", Some(format!("the app asked for a pause of {}", crate::work::span(ms))));
        }
        match known.last.as_ref().and_then(|pull| pull.end.as_ref()) {
            None => ("unread", None),
            Some(end) if end.coverage == Coverage::Partial => ("partial", end.because.clone()),
            Some(_) => ("ready", None),
        }
    }

    /// Tells how a connection is for whoever looks after it: its state, or `failing` where what was tried since its last read
    /// failed, or `overdue` where it should have been read again by now.
    ///
    /// # Errors
    /// The store failed.
    #[boxed]
    pub async fn health(
        &self,
        house: &House,
        name: &ConnectionName,
        known: &Overview,
        quiet_ms: Option<i64>,
    ) -> Result<State, EngineError> {
        let (state, because) = self.state(name, known, quiet_ms);
        if !["ready", "unread", "partial"].contains(&state) {
            return Ok((state, because));
        }
        let now_ms = house.clock.now_ms();
        let job = house.store.job("pull", name.as_str()).await?;
        if let Some(because) = job.filter(|job| job.failures > 0).and_then(|job| job.because) {
            return Ok(("failing", Some(format!("it could not be read: {because}"))));
        }
        if let Some(because) = self.circuits.get(name).and_then(|circuit| circuit.says(name, now_ms)) {
            return Ok(("failing", Some(because)));
        }
        let ended_ms = known.last.as_ref().and_then(|pull| pull.finished_ms);
        let late_ms = ended_ms.filter(|ended_ms| state == "ready" && now_ms - ended_ms > OVERDUE_MS);
        let Some(ended_ms) = late_ms else { return Ok((state, because)) };
        match crate::work::schedule::due_ms(house, name, ended_ms).await? {
            Some(due_ms) if now_ms > due_ms + OVERDUE_MS => {
                let due = moment_text(due_ms);
                Ok(("overdue", Some(format!("it should have been read at {due} at the latest, and was not"))))
            }
            _ => Ok((state, because)),
        }
    }
}
