//! The people of a file, one after the other, and afterwards what was wrong with it.
//! The engine opens a file, takes accounts until there are no more, and asks for the report.
//! Rows are streamed: what stays in memory are the hashes of keys and the first hundred problems.

use super::encoding::{Encoding, Source, Survey, Utf8Stream, survey};
use super::header::{Header, find_delimiter, read_header};
use super::person::{Person, read_person};
use super::rows::{Damage, Next, Row, Rows};
use super::seen::Seen;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use tenure_core::account::Account;
use tenure_core::facts::Coverage;
use tenure_core::name::{ConnectionName, FieldName};

/// Lines with repeated keys that are remembered.
const REPEATED_MAX: usize = 100_000;
const PROBLEMS_MAX: usize = 100;
const ROWS_MAX: u64 = 20_000_000;

/// What is known of a file before it is opened.
#[derive(Clone, Debug)]
pub struct PeopleOptions {
    /// The connection whose source it is.
    pub connection: ConnectionName,
    /// Our names of columns → theirs, where the headers differ.
    pub map: BTreeMap<String, String>,
    /// Lines that are not taken, because their keys stand in other lines as well.
    pub skip: BTreeSet<u64>,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there, or may not be read.
    #[error("read {path}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a folder in which no file can be chosen yet.
    #[error("read the folder {path}: {because}", path = path.display())]
    Unsettled {
        /// Which.
        path: PathBuf,
        /// Why not.
        because: String,
    },
    /// It is a folder, a pipe or a device.
    #[error("read {path}: it is not a regular file", path = path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
}

/// Something wrong in a file, with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowProblem {
    /// The line, from 1.
    pub line: u64,
    /// The column, counted in cells from 1; 0 where the whole row is meant.
    pub column: usize,
    /// What is wrong; never what a cell holds.
    pub message: String,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if self.column > 0 {
            write!(f, ", column {}", self.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// How a file was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileReport {
    /// People that were read.
    pub people: u64,
    /// Rows that were not understood.
    pub rows_bad: u64,
    /// The first hundred problems, in the order of the file.
    pub problems: Vec<RowProblem>,
    /// How many problems there are.
    pub problems_total: u64,
    /// Whether everything was read; one problem is enough for it not to be.
    pub coverage: Coverage,
    /// Why it is partial.
    pub because: Option<String>,
    /// How the file spells its characters.
    pub encoding: Encoding,
    /// What stands between cells.
    pub delimiter: char,
}

/// The people of a file.
pub struct People {
    rows: Rows,
    row: Row,
    header: Header,
    connection: ConnectionName,
    survey: Survey,
    delimiter: u8,
    employee_ids: Seen,
    work_emails: Seen,
    rows_read: u64,
    people: u64,
    rows_bad: u64,
    problems: Vec<RowProblem>,
    problems_total: u64,
    ended: bool,
    repeated: BTreeSet<u64>,
    skip: BTreeSet<u64>,
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People").field("people", &self.people).field("line", &self.rows.line()).finish_non_exhaustive()
    }
}

impl People {
    /// Opens the file at `path` and reads its header.
    ///
    /// # Errors
    /// The file is not there, may not be read, or is no regular file. What is wrong inside is in the report.
    pub fn open(path: &Path, options: PeopleOptions) -> Result<Self, FileError> {
        let unreadable = |source| FileError::Unreadable { path: path.to_path_buf(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(FileError::NotAFile { path: path.to_path_buf() });
        }
        Self::begin(Box::new(file), options).map_err(unreadable)
    }

    /// Reads bytes that are in memory already.
    ///
    /// # Errors
    /// None in practice: bytes can always be read.
    pub fn from_bytes(bytes: Bytes, options: PeopleOptions) -> io::Result<Self> {
        Self::begin(Box::new(io::Cursor::new(bytes)), options)
    }

    fn begin(mut source: Box<dyn Source>, options: PeopleOptions) -> io::Result<Self> {
        let survey = survey(&mut *source)?;
        let mut rows = Rows::new(Utf8Stream::new(source, &survey)?);
        let delimiter = find_delimiter(rows.first_line()?, &options.map);
        rows.set_delimiter(delimiter.byte);
        let mut people = Self {
            rows,
            row: Row::default(),
            header: Header::default(),
            connection: options.connection,
            employee_ids: Seen::with_room(survey.lines),
            work_emails: Seen::with_room(survey.lines),
            survey,
            delimiter: delimiter.byte,
            rows_read: 0,
            people: 0,
            rows_bad: 0,
            problems: Vec::new(),
            problems_total: 0,
            ended: false,
            repeated: BTreeSet::new(),
            skip: options.skip,
        };
        if delimiter.announced {
            people.rows.next(&mut people.row)?;
        }
        people.begin_header(&options.map)?;
        Ok(people)
    }

    fn begin_header(&mut self, map: &BTreeMap<String, String>) -> io::Result<()> {
        let line = self.rows.line();
        match self.rows.next(&mut self.row)? {
            Next::Row => {}
            Next::Damaged { cell, because } => {
                self.report(line, cell, because.describe());
                self.ended = true;
                return Ok(());
            }
            Next::End => {
                self.report(line, 0, "the file is empty: not even a header is there".into());
                self.ended = true;
                return Ok(());
            }
        }
        let mut header = read_header(&self.row, map);
        let line = self.row.line;
        for (column, message) in header.problems.drain(..) {
            self.report(line, column, message);
        }
        self.ended = header.column("employee_id").is_none() && header.column("work_email").is_none();
        self.rows.set_expected(self.row.cells);
        self.header = header;
        Ok(())
    }

    /// Returns the lines whose keys stand in later lines again, as far as was read: handed in as `skip`, a second
    /// reading takes none of them.
    pub fn repeated_lines(&self) -> &BTreeSet<u64> {
        &self.repeated
    }

    /// Lists the fields that have a column, in the order of the file; nothing before the first line was read.
    pub fn fields(&self) -> impl Iterator<Item = &FieldName> {
        self.header.columns.iter().map(|column| &column.field)
    }

    /// Returns the line of the person who was read last, from 1.
    pub fn line(&self) -> u64 {
        self.row.line
    }

    /// Returns what was read and what was wrong. Asked before the last person, the reading is partial.
    pub fn report_now(&self) -> FileReport {
        let because = match self.problems.first() {
            Some(first) if self.problems_total == 1 => Some(first.to_string()),
            Some(first) => Some(format!("{} problems, the first in {first}", self.problems_total)),
            None if !self.ended => Some("the file was not read to its end".into()),
            None => None,
        };
        FileReport {
            people: self.people,
            rows_bad: self.rows_bad,
            problems: self.problems.clone(),
            problems_total: self.problems_total,
            coverage: if because.is_some() { Coverage::Partial } else { Coverage::Complete },
            because,
            encoding: self.survey.encoding,
            delimiter: char::from(self.delimiter),
        }
    }

    fn report(&mut self, line: u64, column: usize, message: String) {
        self.problems_total += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(RowProblem { line, column, message });
        }
    }

    fn bad_row(&mut self, line: u64, problems: Vec<(usize, String)>) {
        self.rows_bad += 1;
        for (column, message) in problems {
            self.report(line, column, message);
        }
    }

    /// Reads one row; `None` where it holds nobody.
    fn step(&mut self) -> Option<Account> {
        self.rows.forget();
        let line = self.rows.line();
        match self.rows.next(&mut self.row) {
            Ok(Next::Row) => {}
            Ok(Next::End) => {
                self.end();
                return None;
            }
            Ok(Next::Damaged { cell, because }) => {
                self.ended = because == Damage::TooMany;
                self.bad_row(line, vec![(cell, because.describe())]);
                return None;
            }
            Err(error) => {
                self.report(line, 0, format!("the file cannot be read on: {error}"));
                self.ended = true;
                return None;
            }
        }
        if self.row.is_blank() {
            return None;
        }
        self.rows_read += 1;
        if self.rows_read > ROWS_MAX {
            self.report(line, 0, format!("more than {ROWS_MAX} rows; nothing is read from here on"));
            self.ended = true;
            return None;
        }
        match self.understand() {
            Ok(account) => {
                self.people += 1;
                Some(account)
            }
            Err(problems) => {
                self.bad_row(line, problems);
                None
            }
        }
    }

    fn understand(&mut self) -> Result<Account, Vec<(usize, String)>> {
        let line = self.row.line;
        if let Some(message) = self.ragged() {
            return Err(vec![(0, message)]);
        }
        let Person { account, employee_id, work_email } = read_person(&self.row, &self.header, &self.connection)?;
        let keys =
            [("employee_id", employee_id, &mut self.employee_ids), ("work_email", work_email, &mut self.work_emails)];
        let mut problems = Vec::new();
        for (field, key, seen) in keys {
            if let Some(earlier) = key.and_then(|key| seen.insert(&key, line)) {
                let column = self.header.column(field).map_or(0, |column| column.at + 1);
                problems.push((column, format!("{field} is the same as in line {earlier}")));
                if self.repeated.len() < REPEATED_MAX {
                    self.repeated.insert(earlier);
                }
            }
        }
        if self.skip.contains(&line) {
            problems.push((0, "a later line has the same key, so nobody knows which of them is right".to_owned()));
        }
        if problems.is_empty() { Ok(account) } else { Err(problems) }
    }

    /// Says what is wrong where a row has another number of cells than the header. Empty cells at its end are
    /// tolerated.
    fn ragged(&self) -> Option<String> {
        let expected = self.rows.expected();
        let cells = self.row.cells;
        if cells < expected {
            let cut = if self.row.cut { "the file seems to be cut: the last row" } else { "the row" };
            return Some(format!("{cut} has {cells} cells, the header has {expected}"));
        }
        let more = (expected..cells).any(|at| self.row.cell(at).is_none_or(|cell| !cell.trim_ascii().is_empty()));
        (cells > expected && more).then(|| format!("the row has {cells} cells, the header has {expected}"))
    }

    fn end(&mut self) {
        self.ended = true;
        if self.rows.consumed() != self.survey.length {
            self.report(self.rows.line(), 0, "the file changed while it was read".into());
        }
    }
}

impl Iterator for People {
    type Item = Account;

    fn next(&mut self) -> Option<Account> {
        while !self.ended {
            if let Some(account) = self.step() {
                return Some(account);
            }
        }
        None
    }
}
