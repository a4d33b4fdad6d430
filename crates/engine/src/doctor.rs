//! `doctor`: looks at the installation as a whole, without asking any app: files and their rights, the key, the store and
//! its disk, the journal's end, clocks, steps in doubt, old reads, stops, tokens, seats. It goes on where something is
//! broken, says who must do what, and mends nothing. What an app says of itself is for `check`.

use crate::anchor;
use crate::check::{CheckLine, Verdict, stopped};
use crate::clock::{Clock, moment_text};
use crate::config::{Config, SecretPlace};
use crate::error::EngineError;
use crate::house::House;
use crate::signals::Troubled;
use crate::token::TokenState;
use async_recursion::async_recursion as boxed;
use std::path::{Path, PathBuf};
use tenure_core::journal::Verifier;
use tenure_core::policy::Delay;
use tenure_core::text::count_of;
use tenure_store::{Job, JobCount, JobState, Overview, Store};

/// Entries at the journal's end whose chain is checked each time; `audit verify` checks all.
const TAIL: i64 = 1000;
/// How long a begun step may take before it is in doubt.
const DOUBTFUL_AFTER_MS: i64 = 15 * 60 * 1000;
/// How far clocks may be apart.
const APART_MS: i64 = 60 * 1000;
/// So many failures in a row are told.
const FAILS: i64 = 3;
/// Jobs that are looked at one by one.
const JOBS_MAX: usize = 200;
/// What helps against a damaged store.
const RESTORES: &str = "stop what runs, keep a copy of it, and `tenure restore` the newest backup";
const FREE_BYTES_MIN: u64 = 1 << 30;
const LOG_BYTES_MAX: u64 = 256 << 20;

fn line(what: &str, verdict: Verdict, says: impl Into<String>) -> CheckLine {
    CheckLine { connection: None, what: what.into(), verdict, says: says.into(), unreachable: false }
}

fn of(connection: &str, what: &str, verdict: Verdict, says: impl Into<String>) -> CheckLine {
    CheckLine { connection: Some(connection.into()), ..line(what, verdict, says) }
}

/// Looks at everything that the file at `path` describes.
#[boxed]
pub async fn doctor(path: &Path, clock: Clock) -> Vec<CheckLine> {
    let mut lines = vec![line("program", Verdict::Good, format!("tenure {}", env!("CARGO_PKG_VERSION")))];
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(error) => {
            lines.push(line("configuration", Verdict::Problem, error.to_string()));
            return lines;
        }
    };
    lines.extend(files(&config));
    lines.extend(disk(&config));
    let store = match Store::open(&config.store_url()).await {
        Ok(store) => store,
        Err(error) => {
            let unreachable = error.is_unreachable();
            let told = EngineError::from(error);
            lines.push(CheckLine { unreachable, ..line("store", Verdict::Problem, whole(&told)) });
            return lines;
        }
    };
    let asked = of_store(&store, &clock).await;
    lines.extend(asked.unwrap_or_else(|error| vec![line("store", Verdict::Problem, whole(&error))]));
    store.close().await;
    match House::open(path, clock).await {
        Ok(house) => {
            let asked = of_house(&house).await;
            lines.extend(asked.unwrap_or_else(|error| vec![line("store", Verdict::Problem, whole(&error))]));
            house.close().await;
        }
        Err(error) => lines.push(line("policy", Verdict::Problem, whole(&error))),
    }
    lines
}

/// Returns an error with its causes.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Looks at who may read and write the files.
fn files(config: &Config) -> Vec<CheckLine> {
    let mut secret: Vec<(String, PathBuf)> = Vec::new();
    let mut add = |whose: String, place: &SecretPlace| {
        if let SecretPlace::File(path) = place {
            secret.push((whose, config.beside(path)));
        }
    };
    for (name, place) in [("key", &config.store.key), ("key_before", &config.store.key_before)] {
        place.iter().for_each(|place| add(format!("[store] {name}"), place));
    }
    for (name, connection) in &config.connections {
        let scim = connection.scim.iter().flat_map(|scim| &scim.secrets);
        connection.secrets.iter().chain(scim).for_each(|(word, place)| add(format!("{name}.{word}"), place));
    }
    if let Some(path) = config.store_url().strip_prefix("sqlite:").filter(|path| !path.starts_with(":memory:")) {
        secret.push(("store".into(), PathBuf::from(path)));
    }
    let mut lines = Vec::new();
    for (whose, path) in &secret {
        if let Some(rights) = rights(path).filter(|rights| rights & 0o077 != 0) {
            let says = format!("{} of {whose} may be read by others ({rights:03o}); chmod 600 it", path.display());
            lines.push(line("files", Verdict::Problem, says));
        }
    }
    for path in [config.file.clone(), config.beside(&config.policy)] {
        if let Some(rights) = rights(&path).filter(|rights| rights & 0o022 != 0) {
            let says = format!("{} may be written by others ({rights:03o}); chmod go-w it", path.display());
            lines.push(line("files", Verdict::Problem, says));
        }
    }
    if lines.is_empty() {
        lines.push(line(
            "files",
            Verdict::Good,
            format!("{} secrets and the store are their owner's alone", secret.len()),
        ));
    }
    if config.store.url.contains('@') && crate::backup::without_password(&config.store.url) != config.store.url {
        let says = "the store's address holds a password in clear; put it into PGPASSFILE, or use a socket";
        lines.push(line("files", Verdict::Confirm, says));
    }
    lines
}

#[cfg(unix)]
fn rights(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(std::fs::metadata(path).ok()?.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn rights(_: &Path) -> Option<u32> {
    None
}

/// Looks at the disk of a store that is a file, and at the log beside it.
fn disk(config: &Config) -> Vec<CheckLine> {
    let url = config.store_url();
    let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.starts_with(":memory:")) else {
        return Vec::new();
    };
    let path = Path::new(path);
    let mut lines = Vec::new();
    let log = std::fs::metadata(format!("{}-wal", path.display())).map_or(0, |log| log.len());
    if log > LOG_BYTES_MAX {
        let says = format!(
            "the log beside the store has {}; something reads for very long, or was killed: end what hangs",
            bytes(log)
        );
        lines.push(line("store", Verdict::Confirm, says));
    }
    let told = file_system(path);
    if told.is_some_and(|told| told.read_only) {
        let says = "the file system of the store can only be read; let it be written to, or move the store";
        lines.push(line("disk", Verdict::Problem, says));
    } else if let Some(FileSystem { free, .. }) = told {
        let size = std::fs::metadata(path).map_or(0, |file| file.len());
        let verdict = if free < FREE_BYTES_MIN || free < size { Verdict::Problem } else { Verdict::Good };
        let says = format!("{} are free beside a store of {}", bytes(free), bytes(size));
        let advice = if verdict == Verdict::Good { "" } else { "; make room before the next pull" };
        lines.push(line("disk", verdict, says + advice));
    }
    lines
}

/// What is known of a file system.
#[derive(Clone, Copy)]
struct FileSystem {
    /// Bytes that may still be written.
    free: u64,
    read_only: bool,
}

#[cfg(unix)]
fn file_system(path: &Path) -> Option<FileSystem> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let told = rustix::fs::statvfs(folder).ok()?;
    let read_only = told.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY);
    Some(FileSystem { free: told.f_bavail.saturating_mul(told.f_frsize), read_only })
}

#[cfg(not(unix))]
fn file_system(_: &Path) -> Option<FileSystem> {
    None
}

fn bytes(count: u64) -> String {
    match count {
        count if count >= 1 << 30 => format!("{:.1} GB", count as f64 / (1_u64 << 30) as f64),
        count => format!("{:.1} MB", count as f64 / (1_u64 << 20) as f64),
    }
}

/// Looks at the store itself: whether it can be used, the end of the journal, steps in doubt.
async fn of_store(store: &Store, clock: &Clock) -> Result<Vec<CheckLine>, EngineError> {
    let damages = store.damages().await?;
    if !damages.is_empty() {
        let says = format!("damaged: {}; {RESTORES}", damages.join("; "));
        return Ok(vec![line("store", Verdict::Problem, says)]);
    }
    let condition = store.condition().await?;
    let size = bytes(condition.bytes.max(0).unsigned_abs());
    let says = format!("{}, shape {}, {size}", condition.database, condition.shape);
    let mut lines = vec![line("store", Verdict::Good, says)];
    let now_ms = clock.now_ms();
    if let Some(apart) = condition.now_ms.map(|its| now_ms - its).filter(|apart| apart.abs() > APART_MS) {
        let says = format!("this clock and the store's are {} s apart; let both follow NTP", apart.abs() / 1000);
        lines.push(line("clock", Verdict::Problem, says));
    }
    lines.extend(journal(store, now_ms).await?);
    lines.extend(in_doubt(store, now_ms).await?);
    lines.extend(jobs(store, now_ms).await?);
    Ok(lines)
}

async fn journal(store: &Store, now_ms: i64) -> Result<Vec<CheckLine>, EngineError> {
    let head = store.journal_head().await?;
    let tail = store.read_journal((head.seq - TAIL - 1).max(0), TAIL as usize + 1).await?;
    let mut verifier = match tail.first() {
        Some(first) if first.seq > 1 => Verifier::after(first.seq, &first.hash),
        _ => Verifier::default(),
    };
    let chained = tail.iter().filter(|entry| verifier.head().is_none_or(|(seq, _)| entry.seq > seq));
    let chained: Vec<_> = chained.collect();
    for entry in &chained {
        if let Err(broken) = verifier.next(entry) {
            let says = format!("the chain is broken: {broken}; `tenure audit verify`, and compare with your exports");
            return Ok(vec![line("journal", Verdict::Problem, says)]);
        }
    }
    if verifier.head().map_or((0, ""), |head| head) != (head.seq, head.hash.as_str()) {
        let says = format!("{} entries were written, the last is not there; `tenure audit verify`", head.seq);
        return Ok(vec![line("journal", Verdict::Problem, says)]);
    }
    let says = format!("{} entries; the chain of the last {} holds", head.seq, tail.len());
    let mut lines = vec![line("journal", Verdict::Good, says)];
    let last_ms = tail.last().and_then(|entry| entry.at.parse::<jiff::Timestamp>().ok());
    if last_ms.is_some_and(|last| last.as_millisecond() > now_ms + APART_MS) {
        let says = format!(
            "the journal's last entry is of {}, which is still to come; set the clock",
            tail[tail.len() - 1].at
        );
        lines.push(line("clock", Verdict::Problem, says));
    }
    Ok(lines)
}

async fn in_doubt(store: &Store, now_ms: i64) -> Result<Vec<CheckLine>, EngineError> {
    let open = store.open_steps().await?;
    let holdings = store.holdings(now_ms).await?;
    let mut lines: Vec<CheckLine> = holdings
        .iter()
        .map(|held| {
            let work = if held.lease.starts_with("hand:") { "apply" } else { held.lease.as_str() };
            let says = format!("{work} is under way, by {} until {} at least", held.holder, moment_text(held.until_ms));
            line("work", Verdict::Good, says)
        })
        .collect();
    let running = holdings.iter().any(|held| held.lease.starts_with("hand:"));
    if let Some(first) = open.first() {
        let old = now_ms - first.started_ms > DOUBTFUL_AFTER_MS;
        let verdict = if running && !old { Verdict::Good } else { Verdict::Problem };
        let says = format!(
            "{} begun of which nobody wrote how they ended, the first ({}) at {}; the next `tenure apply` looks them up",
            count_of(open.len(), "step"),
            first.step,
            moment_text(first.started_ms)
        );
        lines.push(line("steps", verdict, says));
    }
    let plan = store.latest_plan().await?;
    let doubted = match &plan {
        Some(plan) => crate::doubt::in_doubt(store, plan).await?,
        None => Vec::new(),
    };
    if let Some(first) = doubted.first() {
        let says = format!(
            "nobody knows what became of {} of plan {} ({}); `tenure pull` and `tenure plan` show what is done, and the next \
             `tenure apply` looks before it does anything",
            count_of(doubted.len(), "step"),
            plan.as_ref().map_or("", |plan| plan.id.as_str()),
            first.id
        );
        lines.push(line("steps", Verdict::Problem, says));
    } else if open.is_empty() {
        lines.push(line("steps", Verdict::Good, "none is in doubt"));
    }
    Ok(lines)
}

/// Looks at durable work: whether somebody does it, and what was given up. Where no `tenure serve` ever took work up, it
/// is done by commands, and what would be a daemon's waits for nobody.
async fn jobs(store: &Store, now_ms: i64) -> Result<Vec<CheckLine>, EngineError> {
    let mut lines = Vec::new();
    let counts = store.job_counts().await?;
    let is_late = |count: &&JobCount| count.state == "open" && now_ms - count.due_ms > DOUBTFUL_AFTER_MS;
    match counts.iter().any(|count| count.was_claimed) {
        true => lines.extend(counts.iter().filter(is_late).map(|count| {
            let says = format!(
                "{} of kind {} is due since {}, and nobody does it; is a `tenure serve` running?",
                count_of(count.jobs as usize, "job"),
                count.kind,
                moment_text(count.due_ms)
            );
            line("work", Verdict::Problem, says)
        })),
        false if counts.iter().any(|count| is_late(&count)) => {
            let says = "done by commands; no `tenure serve` ever worked on this store";
            lines.push(line("work", Verdict::Good, says));
        }
        false => {}
    }
    let failing = |job: &Job| job.state == JobState::Failed || job.state == JobState::Open && job.failures >= FAILS;
    lines.extend(store.jobs(JOBS_MAX).await?.into_iter().filter(failing).map(|job| {
        let because = job.because.unwrap_or_else(|| "nobody said why".into());
        let what = match job.state {
            JobState::Failed => "was given up".to_owned(),
            _ => {
                format!("failed {} times in a row, and is tried again at {}", job.failures, moment_text(job.run_at_ms))
            }
        };
        line("work", Verdict::Problem, format!("{} {} {what}: {because}", job.kind, job.key))
    }));
    Ok(lines)
}

/// Looks at what configuration and policy make of the store.
async fn of_house(house: &House) -> Result<Vec<CheckLine>, EngineError> {
    let mut lines = vec![line(
        "policy",
        Verdict::Good,
        format!("{} grants, {} approval rules", house.policy.grants.len(), house.policy.approvals.len()),
    )];
    lines.extend(sealed(house).await);
    lines.extend(anchored(house).await?);
    lines.extend(house.store.stops().await?.iter().map(stopped));
    lines.extend(tokens(house).await?);
    let troubled = crate::signals::troubled(house).await?.into_iter();
    lines.extend(
        troubled.map(|Troubled { stream, says }| line("signals", Verdict::Problem, format!("stream {stream}: {says}"))),
    );
    let mut overviews = house.store.overviews().await?;
    for name in house.names() {
        lines.extend(connection(house, name.as_str(), &overviews.remove(&name).unwrap_or_default())?);
    }
    Ok(lines)
}

async fn sealed(house: &House) -> Vec<CheckLine> {
    let lost = |opener: &crate::seal::Opener| {
        let says = format!(
            "{} values are sealed with key {}, which is not at hand; name it as key_before, or `tenure key rotate --drop-lost`",
            opener.values, opener.key
        );
        line("key", Verdict::Problem, says)
    };
    let before = |opener: &crate::seal::Opener| {
        let says = format!("{} values wait for `tenure key rotate`, which lets key_before go", opener.values);
        line("key", Verdict::Confirm, says)
    };
    match crate::seal::openers(house).await {
        Err(error) => vec![line("key", Verdict::Problem, whole(&error))],
        Ok(openers) => openers
            .iter()
            .filter_map(|opener| match opener.is {
                None => Some(lost(opener)),
                Some("key_before") => Some(before(opener)),
                Some(_) => None,
            })
            .collect(),
    }
}

async fn anchored(house: &House) -> Result<Vec<CheckLine>, EngineError> {
    if house.config.journal.anchor.is_none() {
        let says = "nothing outside of the store tells where the journal stands; name a place as [journal] anchor";
        return Ok(vec![line("anchors", Verdict::Confirm, says)]);
    }
    let head = house.store.journal_head().await?;
    let every_ms = house.config.anchor_every()?.map_or(i64::MAX, Delay::as_ms);
    let now_ms = house.clock.now_ms();
    Ok(vec![match anchor::last(house).await? {
        None if head.seq == 0 => line("anchors", Verdict::Good, "nothing is there to anchor yet"),
        None => line("anchors", Verdict::Problem, "no anchor was ever written; `tenure audit anchor` says why"),
        Some(last) => {
            let late = last.anchor.seq < head.seq && now_ms - last.at_ms > every_ms.saturating_mul(3).max(APART_MS);
            let says = format!("the last is of entry {} of {}, at {}", last.anchor.seq, head.seq, last.anchor.at);
            let contradiction = match anchor::contradicted(house).await {
                Err(EngineError::Asked(says)) => return Ok(vec![line("anchors", Verdict::Problem, says)]),
                told => told?,
            };
            if let Some(contradiction) = contradiction {
                let says = format!(
                    "{contradiction}: entries were changed or are missing, or this is an older copy of the store; `tenure \
                     audit verify` tells more"
                );
                return Ok(vec![line("anchors", Verdict::Problem, says)]);
            }
            if anchor::is_lost(house, &last.anchor) {
                let says = says
                    + ", and the file of [journal] anchor does not have it; `tenure audit anchor` writes one again, once you \
                       know who took it away";
                return Ok(vec![line("anchors", Verdict::Problem, says)]);
            }
            match late {
                true => line("anchors", Verdict::Problem, says + "; `tenure audit anchor` says why"),
                false => line("anchors", Verdict::Good, says),
            }
        }
    }])
}

async fn tokens(house: &House) -> Result<Vec<CheckLine>, EngineError> {
    let tokens = crate::token::list(house).await?;
    let ends = |token: &crate::token::TokenView| token.expires_at.clone().unwrap_or_default();
    let soon = tokens.iter().filter(|token| token.state == TokenState::Expiring);
    Ok(soon
        .map(|token| {
            let says = format!(
                "{} ({}, {}) ends at {}; make its follower before",
                token.id,
                token.name,
                token.scopes.join(" "),
                ends(token)
            );
            line("token", Verdict::Problem, says)
        })
        .collect())
}

/// Looks at how old the reads of a connection are, and at its seats.
fn connection(house: &House, name: &str, known: &Overview) -> Result<Vec<CheckLine>, EngineError> {
    let now_ms = house.clock.now_ms();
    let stale_ms = house.policy.guards.stale_after.as_ms();
    let mut lines = Vec::new();
    match known.complete.as_ref().map(|pull| now_ms - pull.started_ms) {
        None => lines.push(of(name, "pull", Verdict::Problem, format!("it was never read whole; tenure pull {name}"))),
        Some(age_ms) if age_ms > stale_ms => {
            let says = format!(
                "it was read whole {} h ago, and nothing is taken away on the word of a pull older than {}; tenure pull {name}",
                age_ms / 3_600_000,
                house.policy.guards.stale_after
            );
            lines.push(of(name, "pull", Verdict::Problem, says));
        }
        Some(age_ms) => {
            lines.push(of(name, "pull", Verdict::Good, format!("it was read whole {} min ago", age_ms / 60_000)));
        }
    }
    let partial = known.last.as_ref().and_then(|pull| pull.end.as_ref()?.because.clone());
    lines.extend(
        partial.map(|because| of(name, "pull", Verdict::Confirm, format!("the last one is partial: {because}"))),
    );
    let abilities = house.connection(name)?.abilities();
    let takes_seat = |kind| abilities.kinds.get(&kind).is_some_and(|kind| kind.takes_seat);
    if let Some(seats) = house.config.connections.get(name).and_then(|connection| connection.seats) {
        let taken = known.totals.seats(takes_seat);
        if taken >= seats {
            let says = format!("{taken} of {seats} seats are taken, invitations among them; free one or buy one");
            lines.push(of(name, "seats", Verdict::Confirm, says));
        }
    }
    Ok(lines)
}
