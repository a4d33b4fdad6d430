//! Anchors: where the journal stands, written down outside of the store now and then, so that an end that was cut off
//! or a chain that was sealed anew contradicts something that its forger does not hold.
//! They go to a file, to syslog or to a webhook; the store remembers the last one. What an anchor proves is for `audit`.

use crate::config::AnchorConfig;
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use serde::{Deserialize, Serialize};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{ToSocketAddrs, UdpSocket};
use std::path::{Path, PathBuf};
use tenure_connect::{HookReach, send_hook};
use tenure_core::journal::{Anchor, anchor_line, read_anchors};
use tenure_core::name::ConnectionName;
use tenure_core::policy::Delay;
use tenure_store::Store;

const NOTE: &str = "journal_anchored";
const RESTORED: &str = "journal_restored";
/// RFC 5424: facility 13 (log audit), severity 5 (notice).
const PRIORITY: u8 = 13 * 8 + 5;

/// When an anchor is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// When the last one is old enough.
    Due,
    /// At once.
    Now,
}

/// The last anchor, as the store remembers it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Anchored {
    /// The anchor.
    pub anchor: Anchor,
    /// When (milliseconds since 1970, UTC).
    pub at_ms: i64,
}

fn whole() -> ConnectionName {
    ConnectionName::new("")
}

/// So many anchors are compared with the journal where it is looked after and not verified.
const LOOKED_AT: usize = 100;

/// Returns the last anchor that was written down outside.
///
/// # Errors
/// The store failed, or what it remembers cannot be read: a forger must not be helped by that.
#[boxed]
pub async fn last(house: &House) -> Result<Option<Anchored>, EngineError> {
    Ok(house.store.noted(&whole(), NOTE).await?)
}

/// Writes an anchor down, where the configuration asks for one and the journal has grown. Returns it.
///
/// # Errors
/// The store failed, or a place could not be written to; then the next call tries again.
#[boxed]
pub async fn anchor(house: &House, when: When) -> Result<Option<Anchor>, EngineError> {
    let Some(places) = &house.config.journal.anchor else { return Ok(None) };
    let every_ms = house.config.anchor_every()?.map_or(i64::MAX, Delay::as_ms);
    let head = house.store.journal_head().await?;
    let (last, now_ms) = (last(house).await?, house.clock.now_ms());
    let is_behind = |last: &Anchored| last.anchor.seq < head.seq || is_lost(house, &last.anchor);
    let grown = last.as_ref().is_none_or(is_behind) && head.seq > 0;
    let due = last.is_none_or(|last| now_ms.saturating_sub(last.at_ms) >= every_ms);
    if !grown || (when == When::Due && !due) {
        return Ok(None);
    }
    not_anothers(house, head.seq).await?;
    // No power cut may take an entry that is anchored.
    let head = house.store.lasting_head().await?;
    let anchor = Anchor { at: crate::clock::moment_text(now_ms), hash: head.hash, seq: head.seq };
    write(house, places, &anchor)
        .await
        .map_err(|because| EngineError::Asked(format!("anchor the journal: {because}")))?;
    let anchored = serde_json::json!(Anchored { anchor: anchor.clone(), at_ms: now_ms }).to_string();
    house.store.set_note(&whole(), NOTE, Some(&anchored)).await?;
    Ok(Some(anchor))
}

/// Remembers that the journal goes on from a backup with this entry: what was anchored of it before is of another one.
///
/// # Errors
/// The store failed.
#[boxed]
pub(crate) async fn begin_anew(store: &Store, entry: i64) -> Result<(), EngineError> {
    Ok(store.set_note(&whole(), RESTORED, Some(&entry.to_string())).await?)
}

/// Sees to it that the anchors of one journal stay apart from those of another: a copy of a store that was restored on
/// trial, with the same configuration, must not write among the anchors of the live one.
async fn not_anothers(house: &House, head: i64) -> Result<(), EngineError> {
    let Some(file) = file_of(house).filter(|file| file.exists()) else { return Ok(()) };
    let text = std::fs::read_to_string(&file)
        .map_err(|error| EngineError::Asked(format!("read the anchors of {}: {error}", file.display())))?;
    let Some(last) = text.lines().rev().find_map(|line| read_anchors(line).ok()?.pop()) else { return Ok(()) };
    let restored: i64 = house.store.noted(&whole(), RESTORED).await?.unwrap_or(0);
    let own = match (restored.max(1)..=head).contains(&last.seq) {
        true => house.store.read_journal(last.seq - 1, 1).await?.pop().map(|entry| entry.hash),
        false => None,
    };
    if own.is_some_and(|hash| hash == last.hash) {
        return Ok(());
    }
    Err(EngineError::Asked(format!(
        "{} holds anchors of another journal, the last of its entry {}; keep it as the proof of that one, and let [journal] \
         anchor name a new file",
        file.display(),
        last.seq
    )))
}

/// Says where the journal contradicts an anchor, of the newest that are known; only `verify` looks at all that there is.
///
/// # Errors
/// The file of anchors is wrong, or the store failed.
#[boxed]
pub(crate) async fn contradicted(house: &House) -> Result<Option<String>, EngineError> {
    let head = house.store.journal_head().await?;
    let mut anchors = known(house).await?;
    anchors.sort_by_key(|anchor| std::cmp::Reverse(anchor.seq));
    for anchor in anchors.into_iter().take(LOOKED_AT) {
        if anchor.seq > head.seq {
            let says = format!("entry {} was anchored, and the journal ends with entry {}", anchor.seq, head.seq);
            return Ok(Some(says));
        }
        let entry = house.store.read_journal(anchor.seq - 1, 1).await?.pop();
        if entry.is_none_or(|entry| (entry.seq, entry.hash) != (anchor.seq, anchor.hash)) {
            return Ok(Some(format!("entry {} is not the one that was anchored", anchor.seq)));
        }
    }
    Ok(None)
}

/// Tells whether the file that anchors are written to does not have this one: it was taken away, or is another file.
pub fn is_lost(house: &House, anchor: &Anchor) -> bool {
    file_of(house).is_some_and(|file| !read(&file).is_ok_and(|all| all.contains(anchor)))
}

fn file_of(house: &House) -> Option<PathBuf> {
    let file = house.config.journal.anchor.as_ref().and_then(|places| places.file.as_deref());
    file.map(|file| house.config.beside(file))
}

async fn write(house: &House, places: &AnchorConfig, anchor: &Anchor) -> Result<(), String> {
    let line = anchor_line(anchor);
    if (&places.file, &places.syslog, &places.webhook) == (&None, &None, &None) {
        return Err("[journal] anchor names no place; write `file`, `syslog` or `webhook` there".into());
    }
    if let Some(file) = &places.file {
        let file = house.config.beside(file);
        append(&file, &line).map_err(|error| format!("write {}: {error}", file.display()))?;
    }
    if let Some(address) = &places.syslog {
        tell_syslog(address, &line, &anchor.at).map_err(|error| format!("tell syslog at {address}: {error}"))?;
    }
    if let Some(url) = &places.webhook {
        let reach = if places.allow_private { HookReach::Private } else { HookReach::Public };
        send_hook(url, line, reach).await?;
    }
    Ok(())
}

fn append(file: &Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).read(true).append(true).open(file)?;
    // A line that broke off must not spoil this one.
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let between = if last == [b'\n'] { "" } else { "\n" };
    file.write_all(format!("{between}{line}\n").as_bytes())?;
    file.sync_all()
}

/// Sends one RFC 5424 message, to a socket of this machine (a path) or over UDP (`host:port`).
fn tell_syslog(address: &str, line: &str, at: &str) -> std::io::Result<()> {
    let message = format!("<{PRIORITY}>1 {at} - tenure {} journal-anchor - {line}", std::process::id());
    #[cfg(unix)]
    if address.starts_with('/') {
        let socket = std::os::unix::net::UnixDatagram::unbound()?;
        return socket.send_to(message.as_bytes(), address).map(|_| ());
    }
    let place = address.to_socket_addrs()?.next().ok_or_else(|| std::io::Error::other("the name has no address"))?;
    let socket = UdpSocket::bind(if place.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.send_to(message.as_bytes(), place).map(|_| ())
}

/// Reads anchors from a file.
///
/// # Errors
/// It cannot be read, or a line is none.
pub fn read(file: &Path) -> Result<Vec<Anchor>, EngineError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| EngineError::Asked(format!("read the anchors of {}: {error}", file.display())))?;
    read_anchors(&text).map_err(|line| EngineError::Asked(format!("{}:{line}: the line is no anchor", file.display())))
}

/// Returns the anchors that the store's own journal must agree with: those of the file that the configuration names,
/// and the last one that the store remembers.
///
/// # Errors
/// A file is wrong, or the store failed.
#[boxed]
pub async fn known(house: &House) -> Result<Vec<Anchor>, EngineError> {
    let file = file_of(house).filter(|file| file.exists());
    let mut anchors = file.map(|file| read(&file)).transpose()?.unwrap_or_default();
    anchors.extend(last(house).await?.map(|last| last.anchor));
    Ok(anchors)
}
