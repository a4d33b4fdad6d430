//! `pull`: reads connections into the store, several at once, each in batches with a checkpoint behind every batch.
//! Only a complete walk proves absence, and even then each missing account is looked up by its id before it is
//! believed gone. It decides nothing: correlation comes after it.

mod file;

use crate::alone::alone;
use crate::clock::moment_text;
use crate::dialect::settle;
use crate::error::EngineError;
use crate::foresight::Foresight;
use crate::house::{House, Reader};
use crate::progress::{Progress, Said};
use crate::touched::Touched;
use crate::view::{PullView, Way};
use crate::work::job;
use async_recursion::async_recursion as boxed;
use futures::{StreamExt, stream};
use std::time::{Duration, Instant};
use tenure_connect::{ConnectError, Connector, ErrorKind, Look, PullEvent, PullStart, PullStream, Spent};
use tenure_core::abilities::Standing;
use tenure_core::account::{AccountKey, Kind};
use tenure_core::drift::Sample;
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;
use tenure_core::shape::Shape;
use tenure_store::{Batch, Belief, Counts, Pull, PullEnd, PullMode, PullRun};

/// Records in one transaction.
const BATCH: usize = 5_000;
/// Connections that are read at the same time.
const AT_ONCE: usize = 8;
/// Missing accounts that one pull looks up one by one; while more are missing, the read counts as partial.
const LOOKED_UP_MAX: usize = 200;
/// How often a wait for the rate limit is said.
const SAID_EVERY: Duration = Duration::from_secs(2);
/// How far an incremental pull reaches back before its watermark, for clocks that disagree and indexes that lag.
const OVERLAP_MS: i64 = 5 * 60 * 1000;
/// How often everything is read although the app could tell what changed: what it forgot to tell comes in then.
const FULL_EVERY_MS: i64 = 24 * 60 * 60 * 1000;

/// How long the judging that a pull wakes waits for other pulls that end at about the same time.
const GATHERED_MS: i64 = 500;

/// The note that holds what an app said of the credential when it last refused it.
pub(crate) const CREDENTIAL_REFUSED: &str = "credential_refused";

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
#[boxed]
pub async fn pull(
    house: &House,
    names: &[ConnectionName],
    reach: Reach,
    progress: &Progress,
) -> Result<Vec<PullView>, EngineError> {
    let mut reads = Vec::with_capacity(names.len());
    for name in names {
        house.reader(name).await?; // a missing secret is found before the first request
        reads.push(pull_alone(house, name, reach, progress));
    }
    let pulls: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
    pulls.into_iter().collect()
}

/// Pulls one connection, alone.
pub(crate) async fn pull_alone(
    house: &House,
    name: &ConnectionName,
    reach: Reach,
    progress: &Progress,
) -> Result<PullView, EngineError> {
    let work = |_| async {
        tokio::select! {
            view = pull_one(house, name, reach, progress) => view,
            // What was read is kept behind its checkpoint, and whoever pulls next goes on there.
            () = house.drain.begun() => Err(EngineError::Drained),
        }
    };
    alone(house, &format!("pull:{name}"), "a pull", work).await
}

#[tracing::instrument(name = "pull", skip_all, fields(connection = %name))]
#[boxed]
async fn pull_one(
    house: &House,
    name: &ConnectionName,
    reach: Reach,
    progress: &Progress,
) -> Result<PullView, EngineError> {
    let began = Instant::now();
    let touched = tokio::sync::Mutex::new(Touched::from_now_on(house, name).await?);
    house.catch_up(name).await?;
    let settled = settle(house, name).await?;
    let view = match settled.reader {
        Reader::App(connector) => {
            let sweeping = Sweeping { house, name, connector: &connector, progress, began, touched };
            sweeping.run(reach, settled.error, settled.spent).await?
        }
        Reader::File(file) => file::pull_file(house, name, &file, progress, began).await?,
        Reader::Pushed => crate::pushed::view(house, name).await?,
    };
    let complete = view.coverage == Coverage::Complete;
    tracing::info!(coverage = view.coverage.as_str(), accounts = view.accounts, requests = view.requests, "pulled");
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
    /// What steps wrote to since this pull began.
    touched: tokio::sync::Mutex<Touched<'a>>,
}

/// What one read came to, before it is finished in the store.
struct Walked {
    coverage: Coverage,
    because: Option<String>,
    unreachable: bool,
    error: Option<ErrorKind>,
    shape: Shape,
    /// From where the app is asked the next time, where it keeps track of changes itself.
    mark: Option<String>,
    parked_until_ms: Option<i64>,
}

/// Whether a pull is over, or goes on later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Over,
    Parked,
}

impl Sweeping<'_> {
    /// Reads everything, or what changed; nothing where the tenant's dialect could not be asked for.
    async fn run(&self, reach: Reach, unsettled: Option<ConnectError>, asked: Spent) -> Result<PullView, EngineError> {
        let store = &self.house.store;
        let mode = self.mode(reach).await?;
        let run = store.begin_pull(self.name, mode, self.house.clock.now_ms()).await?;
        let resumed = run.checkpoint.is_some();
        self.progress.say(Said::PullBegan { connection: self.name.to_string(), resumed });
        let before = self.connector.statistics();
        let mut walked = match unsettled {
            Some(error) => Walked::cut(&error),
            None => match self.references().await? {
                Ok(()) => {
                    if run.mode == PullMode::Full {
                        crate::own::learn(self.house, self.name, self.connector).await?;
                    }
                    self.walk(&run).await?
                }
                Err(error) => Walked::cut(&error),
            },
        };
        let untold = walked.coverage == Coverage::Complete && walked.error.is_some();
        let odd = matches!(walked.error, Some(ErrorKind::Malformed | ErrorKind::NotFound | ErrorKind::Validation));
        if odd && !untold {
            crate::dialect::doubt(self.house, self.name).await?;
        }
        if walked.coverage == Coverage::Complete && run.mode == PullMode::Incremental {
            crate::invited::look(self.house, self.connector, &run).await?;
        }
        if walked.coverage == Coverage::Complete
            && let Err(because) = self.believe_absences(&run).await?
        {
            walked = Walked { shape: walked.shape, ..because };
        }
        let sample = match (walked.coverage, run.mode) {
            (Coverage::Partial, _) => Sample::Partial,
            (Coverage::Complete, PullMode::Incremental) => Sample::Changes,
            (Coverage::Complete, PullMode::Full) => Sample::Complete,
        };
        let drift = crate::drift::compare(self.house, self.name, self.connector, walked.shape, sample).await?;
        // SCIM that is switched off answers with whatever the app has for it, and tells nothing until it answers again.
        let refused = untold || matches!(walked.error, Some(ErrorKind::Auth | ErrorKind::Scope));
        let refusal = walked.because.as_deref().filter(|_| refused);
        store.set_note(self.name, CREDENTIAL_REFUSED, refusal).await?;
        let mut spent = self.connector.statistics().since(&before);
        spent.requests += asked.requests;
        spent.throttled += asked.throttled;
        let end = PullEnd {
            coverage: walked.coverage,
            because: walked.because,
            watermark: mark(walked.coverage, run.started_ms, walked.mark.as_deref()),
            requests: spent.requests,
            throttled: spent.throttled,
            floor_seconds: self.connector.floor_seconds(spent.requests),
            seconds: self.began.elapsed().as_secs_f64(),
            belief: Belief::Believed,
        };
        crate::budget::note_rival(self.house, self.name, spent.rival).await?;
        let ending = if walked.parked_until_ms.is_some() { Ending::Parked } else { Ending::Over };
        let pull = finish(self.house, &run, end, ending).await?;
        let way = if walked.unreachable { Way::Closed } else { Way::Open };
        let drift = drift.map(|drift| format!("nothing is written to {}, which answers otherwise: {drift}", self.name));
        let mut view = view(self.name, &pull, way, drift.into_iter().collect());
        view.parked_until = walked.parked_until_ms.map(moment_text);
        if run.mode == PullMode::Incremental {
            // A pull of what changed meets few records; how many there are is still what people ask.
            let known = store.overviews().await?.remove(self.name);
            view.accounts = known.map_or(view.accounts, |known| known.totals.total());
        }
        Ok(view)
    }

    /// Chooses how much to ask for: changes only where the app can tell them and everything was read not long ago.
    async fn mode(&self, reach: Reach) -> Result<PullMode, EngineError> {
        if reach == Reach::Everything || !self.connector.tells_changes() {
            return Ok(PullMode::Full);
        }
        let complete = self.house.store.last_complete_pull(self.name).await?;
        let mut young = complete.is_some_and(|pull| self.house.clock.now_ms() - pull.started_ms < FULL_EVERY_MS);
        if young && self.connector.needs_mark() {
            young = self.watermark().await?.1.is_some();
        }
        Ok(if young { PullMode::Incremental } else { PullMode::Full })
    }

    /// Reads the reference lists; the inner error is the app's.
    async fn references(&self) -> Result<Result<(), ConnectError>, EngineError> {
        match self.connector.references().await {
            Ok(entitlements) => {
                self.house.store.set_all_entitlements(self.name, &entitlements).await?;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Walks all lists and writes them in batches; returns whether everything was seen.
    async fn walk(&self, run: &PullRun) -> Result<Walked, EngineError> {
        let (since_ms, mark) = match run.mode {
            PullMode::Full => (None, None),
            PullMode::Incremental => self.watermark().await?,
        };
        let start = PullStart { checkpoint: run.checkpoint.clone(), since_ms, mark };
        let mut events = self.connector.pull(start);
        let batch_max = if self.connector.is_scarce() { 1 } else { BATCH };
        let mut batch = Batch::new(self.name);
        let mut read = run.counts.added + run.counts.changed + run.counts.unchanged;
        let mut foresight = self.foresight(run).await?;
        let mut behind = None;
        while let Some(event) = self.next(&mut events).await {
            match event {
                PullEvent::Page { accounts, checkpoint, total } => {
                    let rows = accounts.len() as u64;
                    let kind = accounts.first().map(|account| account.key.kind);
                    read += rows;
                    accounts.iter().try_for_each(|account| batch.add(account))?;
                    drop(accounts);
                    if batch.len() >= batch_max {
                        self.write(run, &mut batch, Some(&checkpoint)).await?;
                    }
                    behind = Some(checkpoint);
                    let requests = self.connector.statistics().requests;
                    let left = foresight.pages_left(read, rows, total);
                    let seconds_left = left.map(|left| foresight.seconds_left(self.connector, kind, left));
                    let connection = self.name.to_string();
                    self.progress.say(Said::Read { connection, accounts: read, total, requests, left, seconds_left });
                }
                PullEvent::End { coverage, because, unreachable, error, shape, mark, parked_until_ms } => {
                    self.write(run, &mut batch, behind.as_deref()).await?;
                    return Ok(Walked { coverage, because, unreachable, error, shape, mark, parked_until_ms });
                }
            }
        }
        self.write(run, &mut batch, None).await?;
        Ok(Walked {
            coverage: Coverage::Partial,
            because: Some("the walk ended without a word".into()),
            unreachable: false,
            error: None,
            shape: Shape::default(),
            mark: None,
            parked_until_ms: None,
        })
    }

    /// Returns the next event, and says so while the rate limit is waited for.
    async fn next(&self, events: &mut PullStream) -> Option<PullEvent> {
        loop {
            if let Ok(event) = tokio::time::timeout(SAID_EVERY, events.next()).await {
                return event;
            }
            let seconds = self.connector.forecast(None, 1).as_secs_f64();
            if seconds > 0.0 {
                self.progress.say(Said::Waiting { connection: self.name.to_string(), seconds });
            }
        }
    }

    /// Begins to foresee the end; where the app does not tell how much there is, as much as the last time is expected.
    async fn foresight(&self, run: &PullRun) -> Result<Foresight, EngineError> {
        let last = match run.mode {
            PullMode::Full => self.house.store.last_complete_pull(self.name).await?,
            PullMode::Incremental => None,
        };
        Ok(Foresight { began: Instant::now(), pages: 0, expected: last.map(|pull| pull.accounts) })
    }

    async fn write(&self, run: &PullRun, batch: &mut Batch, checkpoint: Option<&str>) -> Result<Counts, EngineError> {
        let mut touched = self.touched.lock().await;
        let left = touched.now(self.connector, batch).await?;
        let counts = self.house.store.write(run, batch, checkpoint, self.house.clock.now_ms()).await?;
        touched.restore(left).await?;
        touched.look_again(self.connector).await?;
        Ok(counts)
    }

    async fn watermark(&self) -> Result<(Option<i64>, Option<String>), EngineError> {
        let watermark = self.house.store.watermark(self.name).await?;
        Ok((since(watermark.as_deref()), place(watermark.as_deref()).map(str::to_owned)))
    }

    /// Marks what a complete walk did not meet as gone, each only after a look by its id found nothing. The inner error
    /// is the reason why the walk is not believed after all.
    async fn believe_absences(&self, run: &PullRun) -> Result<Result<(), Walked>, EngineError> {
        let store = &self.house.store;
        let Some(sweep) = run.sweep(Coverage::Complete) else { return Ok(Ok(())) };
        let kinds: Vec<Kind> = self.connector.listed_kinds();
        let mut missing = store.unseen(&sweep, &kinds, LOOKED_UP_MAX + 1).await?;
        let more = missing.len() > LOOKED_UP_MAX;
        missing.truncate(LOOKED_UP_MAX);
        let mut gone: Vec<AccountKey> = Vec::new();
        for key in missing {
            if self.connector.proves_absence(key.kind) {
                gone.push(key);
                continue;
            }
            match self.connector.read(&key).await {
                Look::Absent => gone.push(key),
                Look::Found(account) => {
                    store.write_batch(run, &[*account], None, self.house.clock.now_ms()).await?;
                    store.mark_seen(run, std::slice::from_ref(&key)).await?;
                }
                Look::CouldNotLook(error) => {
                    let because = format!("{key} is missing from the list and could not be looked up: {error}");
                    let parked_until_ms = error.parked_until_ms;
                    return Ok(Err(Walked {
                        because: Some(because),
                        unreachable: false,
                        error: None,
                        parked_until_ms,
                        ..Walked::cut(&error)
                    }));
                }
            }
        }
        store.mark_gone(&sweep, &gone, self.house.clock.now_ms()).await?;
        Ok(if more {
            let because = format!(
                "more than {LOOKED_UP_MAX} accounts are missing from the list; {} were looked up and are gone, the others are looked up by the next pulls",
                gone.len()
            );
            Err(Walked {
                shape: Shape::default(),
                mark: None,
                coverage: Coverage::Partial,
                because: Some(because),
                unreachable: false,
                error: None,
                parked_until_ms: None,
            })
        } else {
            Ok(())
        })
    }
}

/// Returns from when on the next pull asks for changes: the moment at which this one began, once it saw everything, and
/// behind it the app's own word for the place, where it has one.
fn mark(coverage: Coverage, started_ms: i64, place: Option<&str>) -> Option<String> {
    let text = place.map_or_else(|| started_ms.to_string(), |place| format!("{started_ms} {place}"));
    (coverage == Coverage::Complete).then_some(text)
}

/// Returns the moment since which changes are asked for, a little before the mark.
fn since(watermark: Option<&str>) -> Option<i64> {
    let moment = watermark.and_then(|text| text.split(' ').next());
    moment.and_then(|text| text.parse::<i64>().ok()).map(|ms| ms - OVERLAP_MS)
}

/// Returns the app's own word for the place from which to go on.
fn place(watermark: Option<&str>) -> Option<&str> {
    watermark.and_then(|text| text.split_once(' ')).map(|(_, place)| place)
}

/// Ends a pull in the store. A source that lost more people than the policy allows is kept and doubted: it is not what
/// the next one is compared with.
async fn finish(house: &House, run: &PullRun, end: PullEnd, ending: Ending) -> Result<Pull, EngineError> {
    let before = believed_before(house, &run.connection).await?;
    let mut pull = match ending {
        Ending::Over => {
            let now_ms = house.clock.now_ms();
            house.store.finish_pull(run, end, now_ms, &[job::reconcile(now_ms + GATHERED_MS)]).await?
        }
        Ending::Parked => house.store.park_pull(run, end, house.clock.now_ms()).await?,
    };
    let source = matches!(house.connection(run.connection.as_str())?.abilities().standing, Standing::Source(_));
    let complete =
        run.mode == PullMode::Full && pull.end.as_ref().is_some_and(|end| end.coverage == Coverage::Complete);
    if let (true, true, Some(before)) = (source, complete, before) {
        let share = house.policy.guards.source_shrink_max_share;
        if (pull.accounts as f64) < before as f64 * (1.0 - share) {
            house.store.set_belief(pull.id, Belief::Doubted).await?;
            if let Some(end) = &mut pull.end {
                end.because = Some(format!(
                    "{} people are listed, {before} were before; that is more than the policy lets go, so nobody's \
                     access is taken away on the word of it",
                    pull.accounts
                ));
            }
        }
    }
    Ok(pull)
}

async fn believed_before(house: &House, name: &ConnectionName) -> Result<Option<u64>, EngineError> {
    let last = house.store.last_complete_pull(name).await?;
    let believed = |pull: &Pull| pull.end.as_ref().is_some_and(|end| end.belief == Belief::Believed);
    match last {
        Some(pull) if believed(&pull) => Ok(Some(pull.accounts)),
        Some(_) => Ok(house.store.previous_complete_pull(name).await?.map(|pull| pull.accounts)),
        None => Ok(None),
    }
}

impl Walked {
    fn cut(error: &ConnectError) -> Self {
        Self {
            coverage: Coverage::Partial,
            because: Some(error.to_string()),
            unreachable: error.kind == ErrorKind::Unreachable,
            error: Some(error.kind),
            shape: Shape::default(),
            mark: None,
            parked_until_ms: error.parked_until_ms,
        }
    }
}

fn view(name: &ConnectionName, pull: &Pull, way: Way, problems: Vec<String>) -> PullView {
    let end = pull.end.as_ref();
    PullView {
        connection: name.to_string(),
        coverage: end.map_or(Coverage::Partial, |end| end.coverage),
        because: end.and_then(|end| end.because.clone()),
        accounts: pull.accounts,
        added: pull.counts.added,
        changed: pull.counts.changed,
        gone: pull.counts.gone,
        requests: end.map_or(0, |end| end.requests),
        throttled: end.map_or(0, |end| end.throttled),
        floor_seconds: end.map_or(0.0, |end| end.floor_seconds),
        seconds: end.map_or(0.0, |end| end.seconds),
        parked_until: None,
        way,
        problems,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves FS-34, FS-35 (guide, live)
    #[test]
    fn the_next_pull_asks_from_before_the_last_whole_one_began() {
        assert_eq!(mark(Coverage::Partial, 9_000_000, None), None, "a pass that failed moves no mark");
        let plain = mark(Coverage::Complete, 9_000_000, None);
        assert_eq!((since(plain.as_deref()), place(plain.as_deref())), (Some(9_000_000 - OVERLAP_MS), None));
        let with = mark(Coverage::Complete, 9_000_000, Some("https://x.example/delta?t=1"));
        assert_eq!(since(with.as_deref()), Some(9_000_000 - OVERLAP_MS));
        assert_eq!(place(with.as_deref()), Some("https://x.example/delta?t=1"));
        assert_eq!(since(None), None, "without a mark everything is read");
    }
}
