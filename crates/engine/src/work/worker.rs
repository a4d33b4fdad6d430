//! The worker of one process: claims jobs that are due, keeps them claimed while they run, ends them in groups. Any
//! number of processes may do so on one store; what a lost one was at is due again when its leases end.
//! Told to drain, it begins nothing, finishes the steps under way and gives back what is left.

use super::job::Kind;
use super::perform::perform;
use super::schedule::{Schedule, span};
use crate::alone::{LASTS_MS, RENEWED_EVERY, holder};
use crate::error::EngineError;
use crate::house::House;
use crate::progress::Progress;
use async_recursion::async_recursion as boxed;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tenure_store::{ClaimedJob, JobEnd};
use tokio::task::{AbortHandle, Id, JoinSet};

/// How often the store is asked for what is due.
const ASKED_EVERY: Duration = Duration::from_millis(300);
/// How long a store that failed is left alone.
const FAILED_PAUSE: Duration = Duration::from_secs(2);
/// A process that is to end takes a store for gone that did not answer so many times in a row, each within its time.
const MISSED_MAX: u32 = 3;
const MISSED_PAUSE: Duration = Duration::from_millis(300);
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
/// How long it is waited for questions that a lost store still holds.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);
/// How far the clocks of machines that share a store may be apart: a quarter of what a lease lasts.
const CLOCKS_APART_MS: i64 = LASTS_MS / 4;
/// Connections that one process reads at the same time.
const PULLS_MAX: usize = 4;
/// Accounts that one process looks up at the same time because of hints.
const LOOKS_MAX: usize = 2;
/// Things that people asked for which one process does at the same time.
const ACTS_MAX: usize = 2;
/// Receivers that one process tells at the same time.
const DELIVERIES_MAX: usize = 4;

/// Works until the house is told to drain and what was under way is finished.
///
/// # Errors
/// The store failed at the start. Later failures are told in the log and waited out.
#[boxed]
pub async fn work(house: Arc<House>, schedule: Schedule, progress: Progress) -> Result<(), EngineError> {
    wake_all(&house, &schedule).await?;
    let mut worker = Worker {
        holder: holder("tenure serve"),
        house,
        schedule: Arc::new(schedule),
        progress,
        running: JoinSet::new(),
        claimed: HashMap::new(),
    };
    let house = worker.house.clone();
    tokio::select! {
        () = worker.run() => {}
        () = gone_at_the_end(&house) => {
            tracing::warn!("the store is gone, so that nothing that is under way can be written down; what it was at is looked up later");
            // Whoever waits for the store is told at once.
            let _ = tokio::time::timeout(CLOSED_WITHIN, house.store.close()).await;
        }
    }
    Ok(())
}

/// Waits until a process that is to end has no store any more. Ending then is as a kill: what was under way is open, and
/// looked up before anything else happens.
async fn gone_at_the_end(house: &House) {
    house.drain.begun().await;
    let mut missed = 0;
    while missed < MISSED_MAX {
        tokio::time::sleep(MISSED_PAUSE).await;
        let answers = tokio::time::timeout(ANSWERED_WITHIN, house.store.answers()).await;
        missed = if answers == Ok(true) { 0 } else { missed + 1 };
    }
}

/// Checks that the clocks agree: leases of several machines end by the clock of whoever looks at them.
///
/// # Errors
/// This machine's clock and the store server's are too far apart, or the store failed.
#[boxed]
pub async fn check_clock(house: &House) -> Result<(), EngineError> {
    let clock = house.clock.clone();
    let ahead_ms = house.store.clock_ahead_ms(move || clock.now_ms()).await?.unwrap_or(0);
    if ahead_ms.abs() <= CLOCKS_APART_MS {
        return Ok(());
    }
    let way = if ahead_ms > 0 { "ahead of" } else { "behind" };
    Err(EngineError::Asked(format!(
        "this machine's clock is {} {way} the database server's, {} are the most: leases would end too early; let both \
         follow a time server",
        span(ahead_ms.abs()),
        span(CLOCKS_APART_MS)
    )))
}

/// Makes sure that every connection of the schedule will be read, and that today is judged.
async fn wake_all(house: &House, schedule: &Schedule) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let (mut missing, mut all) = (Vec::new(), vec![super::job::reconcile(now_ms), super::job::gather(now_ms)]);
    all.extend(super::job::deliver(&house.config, now_ms));
    for name in house.names() {
        if let Some(next_ms) = schedule.next_ms(name.as_str(), now_ms) {
            // What waits already keeps its moment, unless the file has it read sooner by now.
            missing.push(super::job::pull(&name, schedule.unquiet_ms(name.as_str(), now_ms)));
            all.push(super::job::pull(&name, next_ms));
        }
    }
    house.store.enqueue_missing(&missing).await?;
    Ok(house.store.enqueue(&all).await?)
}

/// Kinds of work that share places, and how many there are.
const PLACES: [(&[Kind], usize); 8] = [
    (&[Kind::Pull], PULLS_MAX),
    (&[Kind::Look], LOOKS_MAX),
    (&[Kind::Reconcile], 1),
    (&[Kind::Apply, Kind::Help], 1),
    (&[Kind::Act], ACTS_MAX),
    (&[Kind::Deliver], DELIVERIES_MAX),
    (&[Kind::Gather], 1),
    (&[Kind::Push], DELIVERIES_MAX),
];

struct Worker {
    house: Arc<House>,
    schedule: Arc<Schedule>,
    progress: Progress,
    holder: String,
    running: JoinSet<JobEnd>,
    claimed: HashMap<Id, (ClaimedJob, AbortHandle)>,
}

impl Worker {
    async fn run(&mut self) {
        let drain = self.house.drain.clone();
        let mut renewing = tokio::time::interval(RENEWED_EVERY);
        let mut asking = tokio::time::interval(ASKED_EVERY);
        asking.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !(drain.has_begun() && self.running.is_empty()) {
            let done = tokio::select! {
                biased;
                _ = renewing.tick() => self.renew().await,
                Some(ended) = self.running.join_next_with_id() => self.end(ended).await,
                _ = asking.tick(), if !drain.has_begun() => self.claim().await,
                () = drain.begun(), if self.running.is_empty() => Ok(()),
            };
            if let Err(error) = done {
                tracing::warn!("the store is left alone for a moment: {error}");
                tokio::time::sleep(FAILED_PAUSE).await;
            }
        }
    }

    /// Claims what is due, as far as there is place for it, and begins it.
    async fn claim(&mut self) -> Result<(), EngineError> {
        let due_ms = self.house.store.first_due().await?;
        if due_ms.is_none_or(|due_ms| due_ms > self.house.clock.now_ms()) {
            return Ok(());
        }
        for (kinds, places) in PLACES {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let taken = self.claimed.values().filter(|(job, _)| names.contains(&&*job.kind)).count();
            let (free, now_ms) = (places.saturating_sub(taken), self.house.clock.now_ms());
            let store = &self.house.store;
            if free == 0 || store.next_due(&names).await?.is_none_or(|due_ms| due_ms > now_ms) {
                continue;
            }
            for claimed in store.claim_jobs(&names, &self.holder, free, now_ms, LASTS_MS).await? {
                self.begin(claimed);
            }
        }
        Ok(())
    }

    fn begin(&mut self, claimed: ClaimedJob) {
        let (house, schedule, progress) = (self.house.clone(), self.schedule.clone(), self.progress.clone());
        let job = claimed.clone();
        tracing::debug!(kind = job.kind, key = job.key, token = job.token, "job begins");
        let task = self.running.spawn(async move { perform(&house, &schedule, &job, &progress).await });
        self.claimed.insert(task.id(), (claimed, task));
    }

    /// Ends what has ended by now, all in one transaction.
    async fn end(&mut self, first: Result<(Id, JobEnd), tokio::task::JoinError>) -> Result<(), EngineError> {
        let mut next = Some(first);
        let mut ended = Vec::new();
        while let Some(one) = next {
            let (id, end) = match one {
                Ok((id, end)) => (id, Some(end)),
                Err(error) if error.is_cancelled() => (error.id(), None),
                Err(error) => (error.id(), Some(JobEnd::Failed { because: format!("broken invariant: {error}") })),
            };
            let claimed = self.claimed.remove(&id).map(|(job, _)| job);
            ended.extend(claimed.zip(end));
            next = self.running.try_join_next_with_id();
        }
        let mut waited = 0;
        // What is not written now would be run again when its lease ends: harmless, and for nothing.
        while let Err(error) = self.house.store.end_jobs(&ended, self.house.clock.now_ms()).await {
            waited += 1;
            if waited > 3 {
                return Err(error.into());
            }
            tokio::time::sleep(FAILED_PAUSE).await;
        }
        Ok(())
    }

    /// Keeps claimed what is running; what somebody else has claimed meanwhile is dropped where it is.
    async fn renew(&mut self) -> Result<(), EngineError> {
        if self.claimed.is_empty() {
            return Ok(());
        }
        let all: Vec<&ClaimedJob> = self.claimed.values().map(|(job, _)| job).collect();
        let lost = self.house.store.renew_jobs(&all, self.house.clock.now_ms(), LASTS_MS).await?;
        for (job, task) in self.claimed.values().filter(|(job, _)| lost.contains(&job)) {
            tracing::warn!(kind = job.kind, key = job.key, "another process took the job over; this one was too slow");
            task.abort();
        }
        Ok(())
    }
}
