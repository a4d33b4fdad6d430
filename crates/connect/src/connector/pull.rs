//! A pull: all lists of a connection walked into accounts, page by page, with a checkpoint behind every page.
//! Pages go to the store through a short queue, so that storing and asking overlap; numbered pages are several in
//! flight. Whatever is odd makes the pull partial with a reason: only an ordinary end is a complete one.

mod checkpoint;
mod delta;
mod guard;
mod numbered;
mod several;
mod survey;

use super::ask::page_of;
use super::references::FRESH;
use super::scim::Seen;
use super::walk::{PAGES_MAX, Position, Walk};
use super::{Connector, Inner};
use crate::codec::json::{Json, Place, Wanted};
use crate::codec::moment::write_moment;
use crate::codec::names::Names;
use crate::codec::read::Reading;
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{Incremental, OtherKind};
use crate::transport::{Priority, Response};
use checkpoint::Checkpoint;
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};
use guard::Guard;
use serde_json::Value;
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use survey::Survey;
use tenure_core::account::{Account, AccountKey, Kind};
use tenure_core::facts::Coverage;
use tenure_core::shape::Shape;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Pages that wait for the store at most.
const QUEUE: usize = 2;
/// Records that are read by their ids at the same time.
const READS_AT_ONCE: usize = 4;

/// Where a pull begins.
#[derive(Clone, Debug, Default)]
pub struct PullStart {
    /// What came with the last page that was stored; the walk goes on behind it.
    pub checkpoint: Option<String>,
    /// Only what changed since (milliseconds since 1970, UTC), where the app can tell.
    pub since_ms: Option<i64>,
    /// What the last complete pull ended with, for an app that keeps track of changes itself.
    pub mark: Option<String>,
}

/// What a pull tells.
#[derive(Debug)]
pub enum PullEvent {
    /// One page.
    Page {
        /// Its accounts, in the order of the page; those that the two pages before held are left out.
        accounts: Vec<Account>,
        /// Where to go on once these are stored.
        checkpoint: String,
        /// How many records the list has, where the app tells.
        total: Option<u64>,
    },
    /// The end; nothing comes after it.
    End {
        /// Whether everything was seen.
        coverage: Coverage,
        /// Why not; of a complete one: what is untold of its accounts, and why.
        because: Option<String>,
        /// Whether the reason is that the app could not be reached.
        unreachable: bool,
        /// What kind of error the reason is.
        error: Option<ErrorKind>,
        /// The shape of what was seen, from a sample of it.
        shape: Shape,
        /// From where to go on the next time, for an app that keeps track of changes itself.
        mark: Option<String>,
        /// Until when the connection is parked, if that is the reason: the walk goes on afterwards, where it stopped.
        parked_until_ms: Option<i64>,
    },
}

/// The events of a pull, as a stream; dropped, it stops the walk. Pages are decoded by whoever waits for them, so that
/// an account is made and used up on one thread; only the asking goes on meanwhile.
pub struct PullStream {
    events: mpsc::Receiver<PullEvent>,
    /// Nothing once it has ended.
    walker: Option<BoxFuture<'static, ()>>,
}

impl std::fmt::Debug for PullStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PullStream").field("events", &self.events).finish_non_exhaustive()
    }
}

impl Stream for PullStream {
    type Item = PullEvent;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<PullEvent>> {
        if let Poll::Ready(event) = self.events.poll_recv(context) {
            return Poll::Ready(event);
        }
        if let Some(walker) = &mut self.walker
            && walker.as_mut().poll(context).is_ready()
        {
            self.walker = None;
        }
        self.events.poll_recv(context)
    }
}

impl PullStream {
    /// Returns the next event; nothing after the end.
    pub async fn next(&mut self) -> Option<PullEvent> {
        StreamExt::next(self).await
    }
}

impl Connector {
    /// Walks all lists, or what changed in them. Must be called inside a runtime.
    pub fn pull(&self, start: PullStart) -> PullStream {
        let (sender, events) = mpsc::channel(QUEUE);
        let inner = self.0.clone();
        let walker = async move {
            let survey = Survey::new(inner.manifest());
            let walked = walk(inner, start, &sender, &survey).await;
            let shape = survey.shape();
            let end = match walked {
                Ok(Walked { untold, mark }) => PullEvent::End {
                    mark,
                    coverage: Coverage::Complete,
                    unreachable: false,
                    error: untold.as_ref().map(|error| error.kind),
                    because: untold.map(|error| error.to_string()),
                    shape,
                    parked_until_ms: None,
                },
                Err(Stop::Because(error)) => PullEvent::End {
                    mark: None,
                    coverage: Coverage::Partial,
                    unreachable: error.kind == ErrorKind::Unreachable,
                    error: Some(error.kind),
                    parked_until_ms: error.parked_until_ms,
                    because: Some(error.to_string()),
                    shape,
                },
                Err(Stop::NobodyListens) => return,
            };
            let _ = sender.send(end).await;
        };
        PullStream { events, walker: Some(walker.boxed()) }
    }
}

/// Why a walk stopped before its end.
enum Stop {
    Because(ConnectError),
    NobodyListens,
}

impl From<ConnectError> for Stop {
    fn from(error: ConnectError) -> Self {
        Self::Because(error)
    }
}

/// One list in one pass.
struct Stage {
    kind: Kind,
    /// Records of other kinds in the list, by the values that they have.
    others: Vec<(Kind, Vec<(Place, Value)>)>,
    /// Places that some records leave out.
    thin: Vec<Place>,
    /// Whether several records may be of one person.
    one_person: bool,
    walk: Walk,
    /// Its number in the walk of all lists.
    at: usize,
}

/// What a whole walk came to.
struct Walked {
    /// Why the other surface did not tell its part. The accounts are all there then.
    untold: Option<ConnectError>,
    /// From where to go on the next time.
    mark: Option<String>,
}

/// Walks all lists, or what changed in them.
async fn walk(
    inner: Arc<Inner>,
    start: PullStart,
    sender: &mpsc::Sender<PullEvent>,
    survey: &Survey,
) -> Result<Walked, Stop> {
    let stages = stages(&inner, start.since_ms)?;
    let names = inner.names(FRESH, Priority::Read).await?;
    survey.start(&names.shape);
    let (seen, untold) = match inner.scim_seen().await {
        Ok(seen) => (seen, None),
        Err(error) if error.parked_until_ms.is_some() => return Err(error.into()),
        Err(error) => (None, Some(error)),
    };
    let resumed = start.checkpoint.as_deref().and_then(|text| serde_json::from_str::<Checkpoint>(text).ok());
    let resumed = resumed.filter(|checkpoint| {
        checkpoint.i == start.since_ms
            && stages.get(checkpoint.s).is_none_or(|stage| checkpoint.z == stage.walk.size().unwrap_or(0))
    });
    let told = delta::told(&inner, &start, resumed.as_ref()).await?;
    if let Some(changes) = &told.changes {
        let run = |at| Run {
            inner: &inner,
            stage: &stages[at],
            names: &names,
            seen: seen.as_ref(),
            sender,
            survey,
            since: start.since_ms,
            mark: None,
            is_last: false,
        };
        delta::deliver(&inner, changes, run, sender).await?;
        return Ok(Walked { untold, mark: told.mark });
    }
    let first = resumed.as_ref().map_or(0, |checkpoint| checkpoint.s);
    let last = stages.len().saturating_sub(1);
    for stage in stages.iter().skip(first) {
        let from = resumed.as_ref().filter(|checkpoint| checkpoint.s == stage.at);
        let position = from.map_or_else(|| stage.walk.start(), |checkpoint| checkpoint.position(stage));
        let is_last = stage.at == last;
        let seen = seen.as_ref();
        let (since, mark) = (start.since_ms, told.mark.as_deref());
        let run = Run { inner: &inner, stage, names: &names, seen, sender, survey, since, mark, is_last };
        let was = from.map_or(0, |checkpoint| checkpoint.n);
        match run.stage(position, was).await {
            // A cursor or page that was good before the stop may not be any more: from the start, then.
            Err(Stop::Because(error)) if from.is_some() && is_stale(&error) => run.stage(stage.walk.start(), 0).await?,
            other => other?,
        }
    }
    Ok(Walked { untold, mark: told.mark })
}

impl Inner {
    /// Refuses a page of a source in which a column that is needed lies in no record: nobody could tell who has left.
    fn check_columns(&self, kind: Kind, rows: &[Json<'_>]) -> Result<(), ConnectError> {
        let (spec, _) = self.kind(kind)?;
        if rows.is_empty() || kind != Kind::Person {
            return Ok(());
        }
        let is_there = |place: &String| rows.iter().any(|row| Place::new(place).of(row).is_some());
        let lost = spec.fields.iter().find(|(_, field)| field.required && !field.read.iter().any(is_there));
        match lost {
            None => Ok(()),
            Some((name, field)) => {
                let text = format!("no record has {name} where it used to lie ({})", field.read.join(", "));
                let error = ConnectError::new(ErrorKind::Malformed, text).about(name.as_str());
                Err(error.hinting("put the column back, or give whoever made the credential the right to see it"))
            }
        }
    }
}

fn is_stale(error: &ConnectError) -> bool {
    matches!(error.kind, ErrorKind::Validation | ErrorKind::NotFound | ErrorKind::Vendor)
}

fn stages(inner: &Inner, since: Option<i64>) -> Result<Vec<Stage>, ConnectError> {
    let mut stages = Vec::new();
    for (kind, spec) in &inner.manifest().kinds {
        let Some(list) = &spec.list else { continue };
        let mut common: Vec<(String, String)> =
            list.query.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let incremental = since.zip(list.incremental.as_ref());
        if let Some((since, incremental)) = incremental {
            common.push((incremental.parameter.clone(), since_text(since, incremental)));
        }
        let own = (list.path.clone(), Vec::new());
        let passes: Vec<(String, Vec<(String, String)>)> = match list.passes.as_slice() {
            _ if incremental.is_some_and(|(_, incremental)| !incremental.passes) => vec![own],
            [] => vec![own],
            passes => passes
                .iter()
                .map(|pass| {
                    let query = pass.query.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                    (pass.path.clone().unwrap_or_else(|| list.path.clone()), query)
                })
                .collect(),
        };
        for (path, pass) in passes {
            let walk = Walk {
                path,
                items: Place::new(&list.items),
                paging: Walk::paging(inner, &list.paging)?,
                query: common.iter().cloned().chain(pass).collect(),
                body: list.read_body.as_ref().map(super::look::object),
                priority: Priority::Read,
            };
            let values = |other: &OtherKind| -> Vec<(Place, Value)> {
                other.equals.iter().map(|(place, value)| (Place::new(place), value.clone())).collect()
            };
            let others = list.others.iter().map(|other| (other.kind, values(other))).collect();
            let thin = list.thin.iter().map(|place| Place::new(place)).collect();
            let one_person = list.one_person;
            stages.push(Stage { kind: *kind, others, thin, one_person, walk, at: stages.len() });
        }
    }
    Ok(stages)
}

/// Returns how an app is asked for what changed since a moment.
fn since_text(since: i64, incremental: &Incremental) -> String {
    // The app counts whole seconds, and may leave out the very moment asked for.
    let since = write_moment(if incremental.inclusive { since } else { since - 1000 });
    match &incremental.value {
        Some(value) => value.replace("{since}", &since.replace('Z', ".000Z")),
        None => since,
    }
}

/// One stage being walked.
struct Run<'a> {
    inner: &'a Arc<Inner>,
    stage: &'a Stage,
    names: &'a Names,
    seen: Option<&'a Seen>,
    sender: &'a mpsc::Sender<PullEvent>,
    survey: &'a Survey,
    since: Option<i64>,
    /// From where changes are asked for the next time.
    mark: Option<&'a str>,
    is_last: bool,
}

impl Stage {
    /// Returns the kind of a record.
    fn kind_of(&self, row: &Json<'_>) -> Kind {
        let fits = |(place, value): &(Place, Value)| place.of(row).is_some_and(|found| found.equals(value));
        self.others.iter().find(|(_, values)| values.iter().all(fits)).map_or(self.kind, |(kind, _)| *kind)
    }

    fn is_thin(&self, row: &Json<'_>) -> bool {
        self.thin.iter().any(|place| place.of(row).is_none())
    }
}

/// What one page came to.
struct PageRead {
    accounts: Vec<Account>,
    /// Accounts, by their place, of which the list told only a part.
    thin: Vec<usize>,
    rows: usize,
    total: Option<u64>,
    next: Option<Position>,
    links: bool,
}

impl Run<'_> {
    async fn stage(&self, position: Position, seen: u64) -> Result<(), Stop> {
        if self.stage.walk.is_numbered() {
            self.numbered(position, seen).await
        } else {
            self.chained(position, seen).await
        }
    }

    /// Walks pages each of which says where the next one is; the next one is asked for while this one is decoded and
    /// stored.
    async fn chained(&self, position: Position, seen: u64) -> Result<(), Stop> {
        let mut guard = Guard::new(seen);
        let mut places: HashSet<u64> = HashSet::new();
        let mut pending = self.fetch(position.clone());
        let mut here = position;
        for _ in 0..PAGES_MAX {
            let response = pending.answer().await?;
            let ahead = {
                let json = self.json(&response)?;
                let rows = self.stage.walk.rows(&json)?;
                let next =
                    self.stage.walk.next(&response, &json, &here, (rows.len(), guard.seen() + rows.len() as u64));
                if let Some(next) = &next
                    && !places.insert(guard::place(next))
                {
                    return Err(Stop::Because(super::walk::repeated()));
                }
                let ahead = next.map(|next| (self.fetch(next.clone()), next));
                let page =
                    self.page(&response, &json, rows, ahead.as_ref().map(|(_, next)| next.clone()), &mut guard)?;
                (ahead, page)
            };
            let (ahead, page) = ahead;
            self.deliver(page, &guard).await?;
            let Some((fetch, next)) = ahead else {
                guard.check_total()?;
                // Records behind a gap moved up into what was read before.
                return if guard.shrank() { Err(Stop::Because(super::walk::shrank())) } else { Ok(()) };
            };
            (pending, here) = (fetch, next);
        }
        Err(Stop::Because(ConnectError::new(ErrorKind::Malformed, format!("the list has more than {PAGES_MAX} pages"))))
    }

    /// Reads the JSON of a page, as far as it is of use.
    fn json<'r>(&self, response: &'r Response) -> Result<Json<'r>, ConnectError> {
        let (_, reader) = self.inner.kind(self.stage.kind)?;
        let (stage, everything) = (self.stage, Wanted::default());
        let plain = stage.others.is_empty() && stage.thin.is_empty();
        page_of(response, &stage.walk.items, if plain { reader.wanted() } else { &everything })
    }

    /// Decodes one page.
    fn page(
        &self,
        response: &Response,
        json: &Json<'_>,
        rows: &[Json<'_>],
        next: Option<Position>,
        guard: &mut Guard,
    ) -> Result<PageRead, ConnectError> {
        self.survey.page(self.stage, response);
        let (_, reader) = self.inner.kind(self.stage.kind)?;
        let ids: Vec<Option<Box<str>>> = rows.iter().map(|row| reader.id(row)).collect();
        guard.page(&ids)?;
        let total = self.stage.walk.total(json);
        guard.total(total);
        let memory = |kind: Kind, id: &str| self.inner.memory_of(kind, id);
        let reading = Reading { names: self.names, now_ms: self.inner.now_ms(), memory: &memory };
        let (mut accounts, mut thin) = (Vec::with_capacity(rows.len()), Vec::new());
        for (row, id) in rows.iter().zip(ids) {
            if let Some(id) = id.filter(|id| guard.is_new(id) || self.stage.one_person) {
                let reader = match self.stage.others.is_empty() {
                    true => reader,
                    false => self.inner.kind(self.stage.kind_of(row))?.1,
                };
                if reader.is_outside(row) {
                    continue;
                }
                if self.stage.is_thin(row) {
                    thin.push(accounts.len());
                }
                accounts.push(self.whole(reader.read_with_id(row, id, reading)));
            }
        }
        if self.stage.one_person {
            accounts = several::one_each(accounts, self.inner.now_ms());
        }
        self.inner.check_columns(self.stage.kind, rows)?;
        guard.turn();
        let links = super::walk::link_next(response).is_some();
        Ok(PageRead { accounts, thin, rows: rows.len(), total, next, links })
    }

    /// Adds what the other surface tells.
    fn whole(&self, mut account: Account) -> Account {
        if let Some(seen) = self.seen {
            seen.join(self.inner, &mut account);
        }
        account
    }

    /// Reads the records of which the list told only a part; one that is gone meanwhile stays as the list told it.
    async fn thicken(&self, page: &mut PageRead) -> Result<(), Stop> {
        let keys: Vec<(usize, AccountKey)> =
            page.thin.drain(..).map(|at| (at, page.accounts[at].key.clone())).collect();
        let reads =
            keys.into_iter().map(|(at, key)| async move { (at, self.inner.hold(&key, Priority::Read, None).await) });
        let mut reads = futures::stream::iter(reads).buffered(READS_AT_ONCE);
        while let Some((at, held)) = reads.next().await {
            if let Some(held) = held? {
                let (spec, _) = self.inner.kind(held.account.key.kind)?;
                let item = Place::new(spec.read.as_ref().map_or("", |read| read.item.as_str()));
                self.survey.whole(held.account.key.kind, &item, &held.response);
                page.accounts[at] = held.account;
            }
        }
        Ok(())
    }

    async fn deliver(&self, mut page: PageRead, guard: &Guard) -> Result<(), Stop> {
        self.thicken(&mut page).await?;
        let (stage, size) = (self.stage.at, self.stage.walk.size());
        let mut checkpoint = match &page.next {
            Some(next) => Checkpoint::at(stage, Some(next), guard.seen(), size, self.since),
            None if self.is_last => Checkpoint::at(stage + 1, None, 0, None, self.since),
            None => Checkpoint::at(stage + 1, None, 0, size, self.since),
        };
        checkpoint.d = self.mark.map(str::to_owned);
        let event = PullEvent::Page { accounts: page.accounts, checkpoint: checkpoint.text(), total: page.total };
        self.sender.send(event).await.map_err(|_| Stop::NobodyListens)
    }

    fn fetch(&self, position: Position) -> Pending {
        let (inner, walk) = (self.inner.clone(), self.stage.walk.clone());
        Pending(tokio::spawn(async move { walk.fetch(&inner, &position).await }.in_current_span()))
    }
}

/// A page on its way; dropped, it is not waited for.
struct Pending(JoinHandle<Result<Response, ConnectError>>);

impl Pending {
    async fn answer(&mut self) -> Result<Response, ConnectError> {
        match (&mut self.0).await {
            Ok(answer) => answer,
            Err(error) => Err(ConnectError::new(ErrorKind::Unreachable, format!("a page was not read: {error}"))),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.abort();
    }
}
