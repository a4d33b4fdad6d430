//! `pull`: reads connections into the store, several at once, each in batches with a checkpoint behind every batch.
//! Only a complete walk proves absence, and even then each missing account is looked up by its id before it is
//! believed gone. It decides nothing: correlation comes after it.

use crate::error::EngineError;
use crate::house::{House, Reader};
use crate::progress::{Progress, Said};
use crate::view::PullView;
use futures::{StreamExt, stream};
use std::time::Instant;
use tenure_connect::file::FileRead;
use tenure_connect::{Connector, ErrorKind, Look, PullEvent, PullStart};
use tenure_core::account::{Account, AccountKey, Kind};
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;
use tenure_store::{Belief, Counts, Pull, PullEnd, PullMode, PullRun};

/// Records in one transaction.
const BATCH: usize = 5_000;
/// Connections that are read at the same time.
const AT_ONCE: usize = 8;
/// Missing accounts that one pull looks up one by one; while more are missing, the read counts as partial.
const LOOKED_UP_MAX: usize = 200;
/// How far an incremental pull reaches back before its watermark, for clocks that disagree and indexes that lag.
const OVERLAP_MS: i64 = 5 * 60 * 1000;
/// How often everything is read although the app could tell what changed: what it forgot to tell comes in then.
const FULL_EVERY_MS: i64 = 24 * 60 * 60 * 1000;

/// Whether everything is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What changed, where the app can tell and a complete pull is young enough.
    Changed,
    /// Everything.
    Everything,
}

/// Pulls the connections named.
///
/// # Errors
/// The store failed, or a connector could not be built. What a remote side does is told in the views.
pub async fn pull(
    house: &House,
    names: &[ConnectionName],
    reach: Reach,
    progress: &Progress,
) -> Result<Vec<PullView>, EngineError> {
    for name in names {
        house.reader(name).await?; // a missing secret is found before the first request
    }
    let pulls: Vec<_> = stream::iter(names)
        .map(|name| pull_one(house, name, reach, progress))
        .buffered(AT_ONCE)
        .collect()
        .await;
    pulls.into_iter().collect()
}

async fn pull_one(
    house: &House,
    name: &ConnectionName,
    reach: Reach,
    progress: &Progress,
) -> Result<PullView, EngineError> {
    let began = Instant::now();
    let view = match house.reader(name).await? {
        Reader::App(connector) => Sweeping { house, name, connector: &connector, progress, began }.run(reach).await?,
        Reader::File(file) => pull_file(house, name, &file, progress, began).await?,
    };
    let complete = view.coverage == Coverage::Complete.as_str();
    progress.say(Said::PullEnded { connection: name.to_string(), accounts: view.accounts, complete });
    Ok(view)
}

/// One app being read.
struct Sweeping<'a> {
    house: &'a House,
    name: &'a ConnectionName,
    connector: &'a Connector,
    progress: &'a Progress,
    began: Instant,
}

/// What one read came to, before it is finished in the store.
struct Walked {
    coverage: Coverage,
    because: Option<String>,
    unreachable: bool,
}

impl Sweeping<'_> {
    async fn run(&self, reach: Reach) -> Result<PullView, EngineError> {
        let store = &self.house.store;
        let mode = self.mode(reach).await?;
        let run = store.begin_pull(self.name, mode, self.house.clock.now_ms()).await?;
        let resumed = run.checkpoint.is_some();
        self.progress.say(Said::PullBegan { connection: self.name.to_string(), resumed });
        let before = self.connector.statistics();
        let mut walked = match self.references().await {
            Ok(()) => self.walk(&run).await?,
            Err(error) => Walked::cut(&error),
        };
        if walked.coverage == Coverage::Complete
            && let Err(because) = self.believe_absences(&run).await?
        {
            walked = Walked { coverage: Coverage::Partial, because: Some(because), unreachable: false };
        }
        let spent = self.connector.statistics().since(&before);
        let end = PullEnd {
            coverage: walked.coverage,
            because: walked.because,
            watermark: (walked.coverage == Coverage::Complete).then(|| run.started_ms.to_string()),
            requests: spent.requests,
            throttled: spent.throttled,
            floor_seconds: self.connector.floor_seconds(spent.requests),
            seconds: self.began.elapsed().as_secs_f64(),
            belief: Belief::Believed,
        };
        let pull = store.finish_pull(&run, end, self.house.clock.now_ms()).await?;
        Ok(view(self.name, &pull, walked.unreachable, Vec::new()))
    }

    /// Chooses how much to ask for: changes only where the app can tell them and everything was read not long ago.
    async fn mode(&self, reach: Reach) -> Result<PullMode, EngineError> {
        if reach == Reach::Everything || !self.connector.tells_changes() {
            return Ok(PullMode::Full);
        }
        let complete = self.house.store.last_complete_pull(self.name).await?;
        let young = complete.is_some_and(|pull| self.house.clock.now_ms() - pull.started_ms < FULL_EVERY_MS);
        Ok(if young { PullMode::Incremental } else { PullMode::Full })
    }

    async fn references(&self) -> Result<(), tenure_connect::ConnectError> {
        let entitlements = self.connector.references().await?;
        self.house
            .store
            .set_all_entitlements(self.name, &entitlements)
            .await
            .map_err(|error| tenure_connect::ConnectError::of_us(error.to_string()))
    }

    /// Walks all lists and writes them in batches; returns whether everything was seen.
    async fn walk(&self, run: &PullRun) -> Result<Walked, EngineError> {
        let since_ms = match run.mode {
            PullMode::Full => None,
            PullMode::Incremental => self.watermark().await?,
        };
        let start = PullStart { checkpoint: run.checkpoint.clone(), since_ms };
        let mut events = std::pin::pin!(self.connector.pull(start));
        let mut batch: Vec<Account> = Vec::with_capacity(BATCH);
        let mut read = run.counts.added + run.counts.changed + run.counts.unchanged;
        while let Some(event) = events.next().await {
            match event {
                PullEvent::Page { accounts, checkpoint, total } => {
                    read += accounts.len() as u64;
                    batch.extend(accounts);
                    if batch.len() >= BATCH {
                        self.write(run, &mut batch, Some(&checkpoint)).await?;
                    }
                    let requests = self.connector.statistics().requests;
                    self.progress.say(Said::Read { connection: self.name.to_string(), accounts: read, total, requests });
                }
                PullEvent::End { coverage, because, unreachable } => {
                    self.write(run, &mut batch, None).await?;
                    return Ok(Walked { coverage, because, unreachable });
                }
            }
        }
        self.write(run, &mut batch, None).await?;
        Ok(Walked { coverage: Coverage::Partial, because: Some("the walk ended without a word".into()), unreachable: false })
    }

    async fn write(&self, run: &PullRun, batch: &mut Vec<Account>, checkpoint: Option<&str>) -> Result<Counts, EngineError> {
        let now_ms = self.house.clock.now_ms();
        let counts = self.house.store.write_batch(run, batch, checkpoint, now_ms).await?;
        batch.clear();
        Ok(counts)
    }

    async fn watermark(&self) -> Result<Option<i64>, EngineError> {
        let watermark = self.house.store.watermark(self.name).await?;
        Ok(watermark.and_then(|text| text.parse::<i64>().ok()).map(|ms| ms - OVERLAP_MS))
    }

    /// Marks what a complete walk did not meet as gone, each only after a look by its id found nothing. The inner error
    /// is the reason why the walk is not believed after all.
    async fn believe_absences(&self, run: &PullRun) -> Result<Result<(), String>, EngineError> {
        let store = &self.house.store;
        let Some(sweep) = run.sweep(Coverage::Complete) else { return Ok(Ok(())) };
        let kinds: Vec<Kind> = self.connector.listed_kinds();
        let mut missing = store.unseen(&sweep, &kinds, LOOKED_UP_MAX + 1).await?;
        let more = missing.len() > LOOKED_UP_MAX;
        missing.truncate(LOOKED_UP_MAX);
        let mut gone: Vec<AccountKey> = Vec::new();
        for key in missing {
            match self.connector.read(&key).await {
                Look::Absent => gone.push(key),
                Look::Found(account) => {
                    store.write_batch(run, &[*account], None, self.house.clock.now_ms()).await?;
                    store.mark_seen(run, std::slice::from_ref(&key)).await?;
                }
                Look::CouldNotLook(error) => {
                    return Ok(Err(format!("{key} is missing from the list and could not be looked up: {error}")));
                }
            }
        }
        store.mark_gone(&sweep, &gone, self.house.clock.now_ms()).await?;
        Ok(if more {
            Err(format!("more than {LOOKED_UP_MAX} accounts are missing from the list; {} were looked up and are gone, the others are looked up by the next pulls", gone.len()))
        } else {
            Ok(())
        })
    }
}

impl Walked {
    fn cut(error: &tenure_connect::ConnectError) -> Self {
        Self {
            coverage: Coverage::Partial,
            because: Some(error.to_string()),
            unreachable: error.kind == ErrorKind::Unreachable,
        }
    }
}

fn view(name: &ConnectionName, pull: &Pull, unreachable: bool, problems: Vec<String>) -> PullView {
    let end = pull.end.as_ref();
    PullView {
        connection: name.to_string(),
        coverage: end.map_or(Coverage::Partial, |end| end.coverage).as_str(),
        because: end.and_then(|end| end.because.clone()),
        accounts: pull.accounts,
        added: pull.counts.added,
        changed: pull.counts.changed,
        gone: pull.counts.gone,
        requests: end.map_or(0, |end| end.requests),
        throttled: end.map_or(0, |end| end.throttled),
        floor_seconds: end.map_or(0.0, |end| end.floor_seconds),
        seconds: end.map_or(0.0, |end| end.seconds),
        unreachable,
        problems,
    }
}
