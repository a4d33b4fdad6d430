//! What changed, told by an app that keeps track of it: from an address that it gave at the end of the last pull.
//! Only ids are taken from there, each once however often it is told; whoever changed is read by id, and whoever was
//! removed in the pass that has the removed. Where the address is too old, or too many changed, everything is listed.

use super::checkpoint::Checkpoint;
use super::{PullEvent, PullStart, READS_AT_ONCE, Run, Stop};
use crate::codec::json::Place;
use crate::connector::Inner;
use crate::connector::ask::{Ask, json_of};
use crate::connector::walk::{PAGES_MAX, Walk, repeated, rows_of};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{Delta, ListSpec};
use crate::transport::{Priority, Response};
use futures::StreamExt;
use std::collections::{BTreeSet, HashSet};
use tenure_core::account::{Account, AccountKey, Kind};
use tokio::sync::mpsc;

/// Accounts that are read one by one at most; where more changed, the whole list costs less.
const READS_MAX: usize = 500;
/// Accounts that are handed on together.
const PAGE: usize = 50;

/// What is known before anything is listed.
#[derive(Default)]
pub(super) struct Told {
    /// What changed; nothing where everything has to be listed.
    pub changes: Option<Changes>,
    /// From where to go on the next time.
    pub mark: Option<String>,
}

/// What changed.
#[derive(Default)]
pub(super) struct Changes {
    ids: BTreeSet<Box<str>>,
    removed: bool,
}

/// Asks what changed since the last pull, or else from where changes are told from now on.
pub(super) async fn told(inner: &Inner, start: &PullStart, resumed: Option<&Checkpoint>) -> Result<Told, ConnectError> {
    let Some((_, list, delta)) = spec(inner) else { return Ok(Told::default()) };
    if let Some(resumed) = resumed {
        return Ok(Told { changes: None, mark: resumed.d.clone() });
    }
    if let (Some(_), Some(link)) = (start.since_ms, &start.mark)
        && let Some((changes, mark)) = changes(inner, list, delta, link).await?
    {
        let few = changes.ids.len() <= READS_MAX;
        return Ok(Told { changes: few.then_some(changes), mark: Some(mark) });
    }
    // An app that does not tell is listed as a whole each time.
    let mark = match latest(inner, delta).await {
        Err(error) if is_untold(&error) => None,
        other => other?,
    };
    Ok(Told { changes: None, mark })
}

/// Returns the list of which changes are told.
fn spec(inner: &Inner) -> Option<(Kind, &ListSpec, &Delta)> {
    let mut lists = inner.manifest().kinds.iter().filter_map(|(kind, spec)| Some((*kind, spec.list.as_ref()?)));
    lists.find_map(|(kind, list)| Some((kind, list, list.delta.as_ref()?)))
}

/// Asks from where changes are told from now on.
async fn latest(inner: &Inner, delta: &Delta) -> Result<Option<String>, ConnectError> {
    let mut url = inner.url(&delta.path, &[])?;
    url.query_pairs_mut().extend_pairs(delta.query.iter().chain(&delta.latest));
    let response = inner.send_well(Ask::read(url, &delta.path, Priority::Read), &[200]).await?;
    address(&response, &delta.link)
}

fn is_untold(error: &ConnectError) -> bool {
    use ErrorKind::{Malformed, NotFound, Scope, Unsupported, Validation, Vendor};
    matches!(error.kind, Validation | NotFound | Unsupported | Vendor | Scope | Malformed)
}

/// Walks what changed; nothing where the address is too old.
async fn changes(
    inner: &Inner,
    list: &ListSpec,
    delta: &Delta,
    link: &str,
) -> Result<Option<(Changes, String)>, ConnectError> {
    let mut changes = Changes::default();
    let mut seen: HashSet<String> = HashSet::new();
    let mut here = link.to_owned();
    for _ in 0..PAGES_MAX {
        let response = inner.send(Ask::read(Walk::linked(inner, &here)?, &delta.path, Priority::Read)).await?;
        if is_expired(&response, delta) {
            return Ok(None);
        }
        if !inner.is_well(&response, &[200]) {
            return Err(inner.refusal(&response, None));
        }
        inner.take(&response, list, delta, &mut changes)?;
        if let Some(next) = address(&response, &delta.next)? {
            if !seen.insert(next.clone()) {
                return Err(repeated());
            }
            here = next;
            continue;
        }
        let Some(mark) = address(&response, &delta.link)? else {
            let text = format!("the last page of {} does not tell from where to go on", delta.path);
            return Err(ConnectError::new(ErrorKind::Malformed, text));
        };
        return Ok(Some((changes, mark)));
    }
    Err(ConnectError::new(ErrorKind::Malformed, format!("{} has more than {PAGES_MAX} pages", delta.path)))
}

fn is_expired(response: &Response, delta: &Delta) -> bool {
    let says = |word: &String| String::from_utf8_lossy(&response.body).to_lowercase().contains(&word.to_lowercase());
    response.status.as_u16() == 410 || (response.status.is_client_error() && delta.expired.iter().any(says))
}

/// Returns an address in an answer, where there is one.
fn address(response: &Response, at: &str) -> Result<Option<String>, ConnectError> {
    let json = json_of(response)?;
    let found = Place::new(at).of(&json).and_then(|found| found.plain());
    Ok(found.filter(|address| !address.is_empty()).map(|address| address.into_owned()))
}

impl Inner {
    /// Takes in one page of what changed.
    fn take(
        &self,
        response: &Response,
        list: &ListSpec,
        delta: &Delta,
        changes: &mut Changes,
    ) -> Result<(), ConnectError> {
        let Some((kind, ..)) = spec(self) else { return Ok(()) };
        let (_, reader) = self.kind(kind)?;
        let json = json_of(response)?;
        let removed = Place::new(&delta.removed);
        for row in rows_of(&json, &Place::new(&list.items), &delta.path)? {
            let Some(id) = reader.id(row) else {
                let text = format!("a record of {} has no id", delta.path);
                return Err(ConnectError::new(ErrorKind::Malformed, text));
            };
            // Told again, it may be back, or gone after all: the look by id says which.
            changes.removed |= removed.of(row).is_some();
            changes.ids.insert(id);
        }
        Ok(())
    }

    /// Reads somebody who changed; nothing where they are not there, or are none of ours.
    async fn changed(&self, kind: Kind, id: &str, delta: &Delta) -> Result<Option<Account>, ConnectError> {
        let key = AccountKey::new(&self.settings.name, kind, id);
        let Some(held) = self.hold(&key, Priority::Read, None).await? else { return Ok(None) };
        let json = json_of(&held.response)?;
        let (spec, _) = self.kind(kind)?;
        let item = Place::new(spec.read.as_ref().map_or("", |read| read.item.as_str()));
        let record = item.of(&json);
        let ours = delta.only.iter().all(|(place, value)| {
            record.and_then(|record| Place::new(place).of(record)).is_some_and(|found| found.equals(value))
        });
        Ok(ours.then_some(held.account))
    }
}

/// Reads whoever changed and hands them on. Stopped in between, it begins anew from the same address.
pub(super) async fn deliver<'a>(
    inner: &Inner,
    changes: &Changes,
    run: impl Fn(usize) -> Run<'a>,
    sender: &mpsc::Sender<PullEvent>,
) -> Result<(), Stop> {
    let Some((kind, list, delta)) = spec(inner) else { return Ok(()) };
    let reads: Vec<Box<str>> = changes.ids.iter().cloned().collect();
    let reads = reads.into_iter().map(|id| async move { inner.changed(kind, &id, delta).await });
    let mut reads = futures::stream::iter(reads).buffered(READS_AT_ONCE).chunks(PAGE);
    while let Some(page) = reads.next().await {
        let accounts = page.into_iter().filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
        let event = PullEvent::Page { accounts, checkpoint: String::new(), total: None };
        sender.send(event).await.map_err(|_| Stop::NobodyListens)?;
    }
    let pass = delta.removed_pass.as_deref().filter(|_| changes.removed);
    match list.passes.iter().position(|known| Some(known.name.as_str()) == pass) {
        Some(at) => {
            let run = run(at);
            run.stage(run.stage.walk.start(), 0).await
        }
        None => Ok(()),
    }
}
