//! A folder into which an HR system lays one export after the other: which of its files is the newest whole one.
//! The engine asks before it opens a file. Names decide where they have dates, else the time of last change; what may still be
//! written is not opened.

use super::people::FileError;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Files of one folder that are looked at.
const FILES_MAX: usize = 100_000;
/// A file that changed so short a while ago may still be written.
const SETTLES: Duration = Duration::from_secs(5);
/// Digits of a date in a name, at least: `20261126`.
const DATE_DIGITS: usize = 8;

/// Returns the newest table of a folder, seen from `now`.
///
/// # Errors
/// The folder cannot be read or has none, its names do not tell which is the newest, or that one may still be written.
pub fn newest(folder: &Path, now: SystemTime) -> Result<PathBuf, FileError> {
    let unreadable = |source| FileError::Unreadable { path: folder.to_path_buf(), source };
    let unsettled = |because: String| FileError::Unsettled { path: folder.to_path_buf(), because };
    let mut found: Vec<(Option<String>, SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)?.take(FILES_MAX) {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !is_table(name) {
            continue;
        }
        let about = fs::metadata(&path).map_err(|source| FileError::Unreadable { path: path.clone(), source })?;
        if about.is_file() {
            found.push((date_of(name), about.modified().map_err(unreadable)?, path));
        }
    }
    let dated = found.iter().filter(|(date, ..)| date.is_some()).count();
    if dated > 0 && dated < found.len() {
        let because = format!("{dated} of {} names have a date, so nobody knows which is the newest", found.len());
        return Err(unsettled(because));
    }
    found.sort();
    let Some((_, changed, path)) = found.pop() else {
        return Err(unsettled("it holds no file whose name ends in .csv, .tsv or .txt".into()));
    };
    if now.duration_since(changed).is_ok_and(|age| age < SETTLES) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        return Err(unsettled(format!("{name} changed a moment ago and may still be written; the next read takes it")));
    }
    Ok(path)
}

/// Tells whether a name is one of a table that is whole: what is being laid down has another ending, or begins with a dot.
fn is_table(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    !name.starts_with(['.', '~']) && ending.is_some_and(|ending| matches!(ending.as_str(), "csv" | "tsv" | "txt"))
}

/// Returns the digits of a name, where they begin with a date; further digits are a time or a number.
fn date_of(name: &str) -> Option<String> {
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    let whole = |from: usize, to: usize| digits.get(from..to)?.parse::<u32>().ok();
    let fits = whole(0, 4).is_some_and(|year| (1990..2200).contains(&year))
        && whole(4, 6).is_some_and(|month| (1..=12).contains(&month))
        && whole(6, 8).is_some_and(|day| (1..=31).contains(&day));
    (digits.len() >= DATE_DIGITS && fits).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[(&str, u64)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, age) in names {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            file.set_modified(now() - Duration::from_secs(*age)).unwrap();
        }
        folder
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn found(names: &[(&str, u64)]) -> Result<String, String> {
        let folder = folder(names);
        let path = newest(folder.path(), now()).map_err(|error| error.to_string())?;
        Ok(path.file_name().unwrap().to_str().unwrap().to_owned())
    }

    #[test]
    fn names_with_dates_decide_whatever_was_copied_last() {
        let names = [("people-2026-11-25.csv", 10), ("people-2026-11-26.csv", 900), ("people-20261124.CSV", 7)];
        assert_eq!(found(&names).unwrap(), "people-2026-11-26.csv");
        let times = [("p_20261126T0600.csv", 900), ("p_20261126T1800.csv", 950)];
        assert_eq!(found(&times).unwrap(), "p_20261126T1800.csv");
    }

    #[test]
    fn names_without_dates_leave_it_to_the_time_of_change() {
        assert_eq!(found(&[("a.csv", 100), ("b.csv", 50), ("c.csv", 80)]).unwrap(), "b.csv");
        let mixed = found(&[("people.csv", 100), ("people-2026-11-26.csv", 50)]).unwrap_err();
        assert!(mixed.contains("1 of 2 names"), "{mixed}");
    }

    #[test]
    fn what_may_still_be_written_is_not_opened_nor_an_older_one_instead() {
        let names = [("people-2026-11-25.csv", 90_000), ("people-2026-11-26.csv", 2)];
        assert!(found(&names).unwrap_err().contains("may still be written"));
        let laid = [("people.csv", 90), (".people.csv", 1), ("people.csv.part", 1), ("~people.csv", 1)];
        assert_eq!(found(&laid).unwrap(), "people.csv");
        assert!(found(&[("people.csv.part", 9)]).unwrap_err().contains("no file"));
    }
}
