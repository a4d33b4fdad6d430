//! How steps begin: their intents are written, all that are ready in one transaction, unless somebody stopped writes,
//! took back what they said, or is at the same account at this moment.
//! What other hands settled is taken over here. Nothing is sent to an app.

use super::Opened;
use super::run::{Ready, Run, waits_for};
use crate::alone::bury;
use crate::error::EngineError;
use crate::house::memory_of;
use crate::progress::Said;
use serde_json::Value;
use std::collections::BTreeMap;
use tenure_core::account::AccountKey;
use tenure_core::change::{Outcome, Step, StepResult};
use tenure_store::{Began, Beginning};

/// How often steps are begun again because people decided something meanwhile.
const HEARD_MAX: u32 = 100;
/// How often the results of other hands are asked for at most.
const LOOKED_EVERY_MS: i64 = 150;

impl<'a> Run<'a> {
    /// Begins steps and returns those that are begun. Of the others, some may never begin, some are settled elsewhere,
    /// and some wait for whoever is at their account.
    pub(super) async fn begin(&mut self, mut ready: Vec<Ready<'a>>) -> Result<Vec<(Ready<'a>, Opened)>, EngineError> {
        let mut begun = Vec::with_capacity(ready.len());
        for _ in 0..HEARD_MAX {
            let intents = self.intents(&mut ready);
            if ready.is_empty() {
                return Ok(begun);
            }
            let mut again = Vec::new();
            let answers = self.write_intents(ready, &intents).await?;
            self.recall(&answers).await?;
            for (one, began) in answers {
                match began {
                    Began::Begun { since_ms } => {
                        let opened = self.opened(one.step, since_ms);
                        self.context.progress.say(Said::StepBegan { step: one.step.clone() });
                        crate::begun::begin(self.house, one.step).await?;
                        begun.push((one, opened));
                    }
                    Began::Decided(newer) => {
                        self.word.hear(&newer);
                        again.push(one);
                    }
                    Began::Stopped(stop) => {
                        self.stopped.insert(one.step.connection.clone(), stop.says());
                        self.leave_alone(&one, stop.says());
                    }
                    Began::Broken(circuit) => {
                        let now_ms = self.house.clock.now_ms();
                        let says =
                            circuit.says(&one.step.connection, now_ms).unwrap_or_else(|| circuit.because.clone());
                        self.stopped.insert(one.step.connection.clone(), says.clone());
                        self.leave_alone(&one, says);
                    }
                    Began::TooMuch(removed) => {
                        self.waiting.insert(one.step.id.clone());
                        let says = self.too_much(one.step, removed);
                        self.leave_alone(&one, says);
                    }
                    Began::Settled(result) => {
                        self.back_to_lane(&one);
                        self.take_over(result);
                    }
                    Began::Elsewhere { lease } => {
                        self.back_to_lane(&one);
                        self.lanes.leave_to_others(one.lane);
                        self.shared = true;
                        bury(self.house, &lease).await?;
                    }
                }
            }
            ready = again;
        }
        for one in ready {
            self.leave_alone(&one, "people decided so much meanwhile that it could not begin; apply again".into());
        }
        Ok(begun)
    }

    /// Returns what is to be written of each step, and drops those that may not begin any more.
    fn intents(&mut self, ready: &mut Vec<Ready<'a>>) -> Vec<Value> {
        let now_ms = self.house.clock.now_ms();
        let mut intents = Vec::with_capacity(ready.len());
        for one in std::mem::take(ready) {
            let step = one.step;
            let approval = self.word.approval(step, now_ms);
            if !approval.state.permits() {
                self.waiting.insert(step.id.clone());
                self.leave_alone(&one, waits_for(&approval));
                continue;
            }
            intents.push(serde_json::json!({
                "connection": step.connection, "effect": step.effect, "identity": step.identity,
                "account": step.account, "changes": step.changes, "reason": step.reason, "approval": approval,
            }));
            ready.push(one);
        }
        intents
    }

    async fn write_intents(
        &self,
        ready: Vec<Ready<'a>>,
        intents: &[Value],
    ) -> Result<Vec<(Ready<'a>, Began)>, EngineError> {
        let house = self.house;
        let (heard, at_ms) = (self.word.heard(), house.clock.now_ms());
        let things: Vec<Vec<String>> = ready.iter().map(|one| things_of(one.step)).collect();
        let beginnings = ready.iter().zip(intents).zip(&things).map(|((Ready { step, .. }, intent), things)| {
            let (run, connection) = (&self.id, &step.connection);
            let removal = self.removal(step);
            let beginning = Beginning { run, step: &step.id, connection, things, intent, heard, removal, at_ms };
            (beginning, Some(self.draft("step_started", Some(&step.id), intent.clone())))
        });
        let began = house.store.begin_steps(&self.lease, beginnings.collect()).await?;
        Ok(ready.into_iter().zip(began).collect())
    }

    /// Lets connectors know the accounts of steps that are begun as the last who wrote to them left them, whatever process
    /// that was.
    async fn recall(&self, begun: &[(Ready<'a>, Began)]) -> Result<(), EngineError> {
        let begun =
            begun.iter().filter(|(one, began)| matches!(began, Began::Begun { .. }) && one.connector.asks_memory());
        let known: Vec<_> = begun.filter_map(|(one, _)| Some((one, one.step.account_key.as_ref()?))).collect();
        if known.is_empty() {
            return Ok(());
        }
        let keys: Vec<&AccountKey> = known.iter().map(|(_, key)| *key).collect();
        let states: BTreeMap<_, _> = self.house.store.account_states(&keys).await?.into_iter().collect();
        for (one, key) in known {
            let memory = states.get(key).copied().and_then(memory_of);
            one.connector.remember(memory.map(|memory| (key.clone(), memory)));
        }
        Ok(())
    }

    fn opened(&self, step: &Step, since_ms: Option<i64>) -> Opened {
        let earlier = self.unsettled.get(&step.id).copied();
        match earlier.into_iter().chain(since_ms).min() {
            Some(since_ms) => Opened::Doubtful(since_ms),
            None => Opened::Fresh,
        }
    }

    /// Gives up a step that was to begin and may not.
    fn leave_alone(&mut self, one: &Ready<'a>, because: String) {
        self.free(one);
        self.skip(one.step, because, Outcome::Skipped);
    }

    fn back_to_lane(&mut self, one: &Ready<'a>) {
        self.lanes.put_back(one.lane, one.step);
        self.free(one);
    }

    fn free(&mut self, one: &Ready<'a>) {
        self.lanes.free(one.lane);
        self.places.give_back(&one.step.connection);
        self.seats.end(one.step, &self.connectors[&one.step.connection].abilities(), false);
    }

    /// Takes over what other hands have settled since the last look, and lets what they were at be tried again.
    pub(super) async fn look_at_others(&mut self) -> Result<(), EngineError> {
        let house = self.house;
        let (seq, looked_ms) = self.seen;
        let now_ms = house.clock.now_ms();
        if (looked_ms..looked_ms + LOOKED_EVERY_MS).contains(&now_ms) {
            return Ok(());
        }
        let (results, seq) = house.store.results_after(&self.id, seq).await?;
        self.seen = (seq, now_ms);
        for result in results {
            self.take_over(result);
        }
        self.lanes.look_again();
        Ok(())
    }

    /// Takes over what another hand of this run has settled.
    fn take_over(&mut self, result: StepResult) {
        if !self.left.remove(&result.id) {
            return;
        }
        self.lanes.drop_step(&result.id);
        self.shared = true;
        self.results.insert(result.id.clone(), result);
    }
}

/// Lists what nobody else may write to until a step is settled: whose account it is, and the account by its own id. No
/// effect of the catalogue rewrites a list that several accounts share; one that did would name that list here.
fn things_of(step: &Step) -> Vec<String> {
    let identity = step.identity.as_ref().map(|identity| format!("of {identity}"));
    let account = step.account.as_ref().map(|account| format!("account {account}"));
    let mut things: Vec<String> = identity.into_iter().chain(account).collect();
    if things.is_empty() {
        things.push(format!("step {}", step.id));
    }
    things
}
