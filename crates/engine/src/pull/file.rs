//! Pulling a source that is a file: on this machine, the newest of a folder, or fetched from an address.
//! A complete file proves absence by itself: there is nobody to ask by id. A fetched one that is the same as before is not
//! read again, for half a day at most.

use super::{BATCH, CREDENTIAL_REFUSED, Ending, finish, view};
use crate::error::EngineError;
use crate::house::{FilePlace, FileSource, House};
use crate::progress::{Progress, Said};
use crate::view::{PullView, Way};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;
use tenure_connect::file::{Fetched, FileError, People, PeopleOptions, Validator};
use tenure_connect::{ConnectError, ErrorKind};
use tenure_core::account::Kind;
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;
use tenure_store::{Batch, Belief, PullEnd, PullMode, PullRun};

/// The note that holds by what the last whole table is known again.
const NOTE: &str = "fetched_table";
/// How long a table is believed to be the same without being read again.
const SAME_MS: i64 = 12 * 60 * 60 * 1000;

/// The note that holds which of the columns below the last whole table had.
const COLUMNS: &str = "table_columns";
/// By these columns it is told who somebody is, and whether they are here. A table that had one and has it no more is cut:
/// read without it, who left would be here again.
const TELLING: [&str; 6] = ["employee_id", "work_email", "status", "start_date", "end_date", "time_zone"];

/// The last table that was fetched and read as a whole.
#[derive(Serialize, Deserialize)]
struct Known {
    validator: Validator,
    place: String,
    map: BTreeMap<String, String>,
    read_ms: i64,
}

/// What is read.
enum Table {
    File(PathBuf),
    Bytes(Bytes, Validator),
    Same,
}

/// Why there is nothing to read.
enum Missing {
    File(FileError),
    Fetch(ConnectError),
}

/// Reads a source that is a file.
pub(super) async fn pull_file(
    house: &House,
    name: &ConnectionName,
    file: &FileSource,
    progress: &Progress,
    began: Instant,
) -> Result<PullView, EngineError> {
    let table = find(house, name, file).await?;
    let mode = if matches!(table, Ok(Table::Same)) { PullMode::Incremental } else { PullMode::Full };
    let run = house.store.begin_pull(name, mode, house.clock.now_ms()).await?;
    progress.say(Said::PullBegan { connection: name.to_string(), resumed: false });
    let opened = open(name, file, &table);
    let lost = match &opened {
        Ok(Some((_, columns))) => lost(house, name, columns).await?,
        _ => Vec::new(),
    };
    let (coverage, because, problems) = match opened {
        Err(because) => (Coverage::Partial, Some(because), Vec::new()),
        Ok(None) => (Coverage::Complete, None, Vec::new()),
        Ok(Some(_)) if !lost.is_empty() => {
            let because = format!(
                "line 1: the table has no column {} any more, by which it is told who is here; nothing of it was taken over. Put \
                 it back, with empty cells if it is meant to say nothing",
                lost.join(", ")
            );
            (Coverage::Partial, Some(because), Vec::new())
        }
        Ok(Some((mut people, columns))) => {
            store_people(house, &run, name, &mut people, progress).await?;
            let report = people.report_now();
            let problems = report.problems.iter().map(ToString::to_string).collect();
            if report.coverage == Coverage::Complete {
                let columns = serde_json::to_string(&columns).unwrap_or_default();
                house.store.set_note(name, COLUMNS, Some(&columns)).await?;
            }
            (report.coverage, report.because, problems)
        }
    };
    believe_absences(house, &run, coverage).await?;
    remember(house, name, file, &table, coverage).await?;
    let fetched = matches!(file.place, FilePlace::Url(_));
    let end = PullEnd {
        coverage,
        because,
        watermark: None,
        requests: u64::from(fetched),
        throttled: 0,
        floor_seconds: 0.0,
        seconds: began.elapsed().as_secs_f64(),
        belief: Belief::Believed,
    };
    let pull = finish(house, &run, end, Ending::Over).await?;
    let way = match &table {
        Err(Missing::Fetch(error)) if error.kind == ErrorKind::Unreachable => Way::Closed,
        _ if fetched => Way::Open,
        _ => Way::None,
    };
    let mut view = view(name, &pull, way, problems);
    if mode == PullMode::Incremental {
        let known = house.store.overviews().await?.remove(name);
        view.accounts = known.map_or(view.accounts, |known| known.totals.total());
    }
    Ok(view)
}

async fn believe_absences(house: &House, run: &PullRun, coverage: Coverage) -> Result<(), EngineError> {
    let Some(sweep) = run.sweep(coverage) else { return Ok(()) };
    loop {
        let missing = house.store.unseen(&sweep, &[Kind::Person], BATCH).await?;
        if missing.is_empty() {
            return Ok(());
        }
        house.store.mark_gone(&sweep, &missing, house.clock.now_ms()).await?;
    }
}

/// Finds what is to be read; the inner error says why there is nothing.
async fn find(house: &House, name: &ConnectionName, file: &FileSource) -> Result<Result<Table, Missing>, EngineError> {
    let now_ms = house.clock.now_ms();
    let download = match &file.place {
        FilePlace::Url(download) => download,
        FilePlace::Path(path) => {
            let found = file.local(now_ms).map_err(Missing::File);
            return Ok(found.map(|found| Table::File(found.unwrap_or_else(|| path.clone()))));
        }
    };
    let known: Option<Known> = house.store.noted(name, NOTE).await?;
    let known = known.filter(|known| {
        let same = known.place == download.place() && known.map == file.map;
        same && (0..SAME_MS).contains(&(now_ms - known.read_ms))
    });
    let fetched = download.fetch(known.as_ref().map(|known| &known.validator)).await;
    let refused = fetched.as_ref().err().filter(|error| matches!(error.kind, ErrorKind::Auth | ErrorKind::Scope));
    house.store.set_note(name, CREDENTIAL_REFUSED, refused.map(ToString::to_string).as_deref()).await?;
    Ok(match fetched {
        Ok(Fetched::Table(bytes, validator)) => Ok(Table::Bytes(bytes, validator)),
        Ok(Fetched::Unchanged) => Ok(Table::Same),
        Err(error) => Err(Missing::Fetch(error)),
    })
}

/// Lists the telling columns that the last whole table had and this one has not; none where nobody can be told from anybody,
/// of which the reading says itself what is wrong.
async fn lost(house: &House, name: &ConnectionName, columns: &[String]) -> Result<Vec<String>, EngineError> {
    if !columns.iter().any(|column| column == "employee_id" || column == "work_email") {
        return Ok(Vec::new());
    }
    let had: Vec<String> = house.store.noted(name, COLUMNS).await?.unwrap_or_default();
    Ok(had.into_iter().filter(|column| !columns.contains(column)).collect())
}

/// Opens a table after looking it through once: where two rows have one key, neither is believed. With it come the telling
/// columns that it has. Nothing for a table that is the same as before.
fn open(
    name: &ConnectionName,
    file: &FileSource,
    table: &Result<Table, Missing>,
) -> Result<Option<(People, Vec<String>)>, String> {
    let options = PeopleOptions { connection: name.clone(), map: file.map.clone(), skip: BTreeSet::new() };
    let once = |options: PeopleOptions| -> Result<Option<People>, String> {
        match table {
            Ok(Table::Same) => Ok(None),
            Ok(Table::File(path)) => People::open(path, options).map(Some).map_err(|error| with_cause(&error)),
            Ok(Table::Bytes(bytes, _)) => {
                People::from_bytes(bytes.clone(), options).map(Some).map_err(|error| error.to_string())
            }
            Err(Missing::File(error)) => Err(with_cause(error)),
            Err(Missing::Fetch(error)) => Err(error.to_string()),
        }
    };
    let Some(mut first) = once(options.clone())? else { return Ok(None) };
    first.by_ref().for_each(drop);
    let telling = first.fields().map(ToString::to_string).filter(|field| TELLING.contains(&field.as_str())).collect();
    let people = once(PeopleOptions { skip: first.repeated_lines().clone(), ..options })?;
    Ok(people.map(|people| (people, telling)))
}

/// Returns an error in words, with what lies behind it.
fn with_cause(error: &FileError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Notes by what a table is known again that was read as a whole; one that was not is fetched again.
async fn remember(
    house: &House,
    name: &ConnectionName,
    file: &FileSource,
    table: &Result<Table, Missing>,
    coverage: Coverage,
) -> Result<(), EngineError> {
    let (FilePlace::Url(download), Ok(Table::Bytes(_, validator))) = (&file.place, table) else { return Ok(()) };
    let tells = validator.etag.is_some() || validator.last_modified.is_some();
    let known = (coverage == Coverage::Complete && tells).then(|| Known {
        validator: validator.clone(),
        place: download.place(),
        map: file.map.clone(),
        read_ms: house.clock.now_ms(),
    });
    let text = known.map(|known| serde_json::to_string(&known).unwrap_or_default());
    Ok(house.store.set_note(name, NOTE, text.as_deref()).await?)
}

async fn store_people(
    house: &House,
    run: &PullRun,
    name: &ConnectionName,
    people: &mut People,
    progress: &Progress,
) -> Result<(), EngineError> {
    let (mut read, mut batch) = (0, Batch::new(name));
    loop {
        people.by_ref().take(BATCH).try_for_each(|person| batch.add(&person))?;
        if batch.is_empty() {
            return Ok(());
        }
        read += batch.len() as u64;
        house.store.write(run, &mut batch, None, house.clock.now_ms()).await?;
        let connection = name.to_string();
        progress.say(Said::Read {
            connection,
            accounts: read,
            total: None,
            requests: 0,
            left: None,
            seconds_left: None,
        });
    }
}
