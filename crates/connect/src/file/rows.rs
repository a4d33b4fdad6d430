//! Splits UTF-8 text into rows and cells, and knows the line of each.
//! Text comes from `encoding` piece by piece; only the row at hand is kept in memory.
//! A damaged row costs that row alone: reading goes on at the line after the one on which it began.

use super::encoding::Utf8Stream;
use std::io;

/// The longest cell that is read.
pub(super) const CELL_MAX: usize = 64 * 1024;
/// The longest row that is read.
pub(super) const ROW_MAX: usize = 1024 * 1024;
/// The most cells of a row that are read.
pub(super) const CELLS_MAX: usize = 1024;
const ROWS_DAMAGED_MAX: u32 = 1000;
const COMPACT: usize = 64 * 1024;

/// One row.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// How many cells it has; those beyond [`CELLS_MAX`] are counted only.
    pub cells: usize,
    /// Whether the file ended within it, without a line end.
    pub cut: bool,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Row {
    /// Returns the cell at `at`, from 0, without its quotes.
    pub fn cell(&self, at: usize) -> Option<&[u8]> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..end)
    }

    /// Tells whether all cells are empty or blank.
    pub fn is_blank(&self) -> bool {
        self.cells <= CELLS_MAX && self.text.iter().all(u8::is_ascii_whitespace)
    }

    fn begin(&mut self, line: u64) {
        self.line = line;
        self.cells = 0;
        self.cut = false;
        self.text.clear();
        self.ends.clear();
    }

    fn end_cell(&mut self) {
        self.cells += 1;
        if self.cells <= CELLS_MAX {
            self.ends.push(self.text.len());
        } else {
            self.text.truncate(self.ends.last().copied().unwrap_or(0));
        }
    }
}

/// What reading a row has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The row was read.
    Row,
    /// The row cannot be read; `cell` is where, from 1.
    Damaged {
        /// The cell, from 1; 0 where the whole row is meant.
        cell: usize,
        /// What is wrong.
        because: Damage,
    },
    /// There are no more rows.
    End,
}

/// What is wrong with a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Damage {
    OpenQuote,
    TextAfterQuote,
    LongCell,
    LongRow,
    /// The row goes over several lines and has another number of cells than the header.
    StrayQuote,
    TooMany,
}

impl Damage {
    pub fn describe(self) -> String {
        match self {
            Self::OpenQuote => "a quote is opened and never closed".into(),
            Self::TextAfterQuote => "there is text behind a closing quote".into(),
            Self::LongCell => format!("the cell is longer than {CELL_MAX} bytes"),
            Self::LongRow => format!("the row is longer than {ROW_MAX} bytes"),
            Self::StrayQuote => "a quote is opened that belongs to no cell".into(),
            Self::TooMany => {
                format!("more than {ROWS_DAMAGED_MAX} rows are damaged; nothing is read from here on")
            }
        }
    }
}

/// The rows of a text.
pub(super) struct Rows {
    stream: Utf8Stream,
    delimiter: u8,
    /// The number of cells that a row should have, once the header is known.
    expected: Option<usize>,
    buffer: Vec<u8>,
    /// Where the next row begins in the buffer.
    at: usize,
    line: u64,
    rows_damaged: u32,
}

/// How a cell or a row ended.
enum Stop {
    Delimiter,
    Line,
    File,
}

type Parsed<T> = io::Result<Result<T, (usize, Damage)>>;

impl Rows {
    pub fn new(stream: Utf8Stream) -> Self {
        Self { stream, delimiter: b',', expected: None, buffer: Vec::new(), at: 0, line: 1, rows_damaged: 0 }
    }

    /// Returns the first line that is not blank, as far as it fits into a row.
    pub fn first_line(&mut self) -> io::Result<&[u8]> {
        while self.byte(self.at)?.is_some_and(|byte| byte.is_ascii_whitespace() && byte != b'\t') {
            if self.buffer[self.at] == b'\n' {
                self.line += 1;
            }
            self.at += 1;
        }
        let mut end = self.at;
        while end - self.at < ROW_MAX && self.byte(end)?.is_some_and(|byte| byte != b'\n' && byte != b'\r') {
            end += 1;
        }
        Ok(&self.buffer[self.at..end])
    }

    pub fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
    }

    pub fn set_expected(&mut self, cells: usize) {
        self.expected = Some(cells);
    }

    /// Returns the number of cells that a row should have.
    pub fn expected(&self) -> usize {
        self.expected.unwrap_or(0)
    }

    /// Returns the line at which reading has come.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Returns the bytes of the source that were read.
    pub fn consumed(&self) -> u64 {
        self.stream.consumed
    }

    /// Reads the next row into `row`.
    pub fn next(&mut self, row: &mut Row) -> io::Result<Next> {
        if self.byte(self.at)?.is_none() {
            return Ok(Next::End);
        }
        row.begin(self.line);
        match self.parse(row)? {
            Ok((end, lines)) => {
                let ragged = self.expected.is_some_and(|expected| expected != row.cells);
                if lines > 1 && ragged {
                    return self.damaged(0, Damage::StrayQuote);
                }
                self.at = end;
                self.line += lines;
                Ok(Next::Row)
            }
            Err((cell, damage)) => self.damaged(cell, damage),
        }
    }

    fn damaged(&mut self, cell: usize, because: Damage) -> io::Result<Next> {
        self.rows_damaged += 1;
        if self.rows_damaged > ROWS_DAMAGED_MAX {
            return Ok(Next::Damaged { cell: 0, because: Damage::TooMany });
        }
        self.skip_line()?;
        Ok(Next::Damaged { cell, because })
    }

    /// Reads a row from where it begins; returns where it ends and over how many lines it goes.
    fn parse(&mut self, row: &mut Row) -> Parsed<(usize, u64)> {
        let (mut at, mut lines) = (self.at, 0);
        loop {
            let quoted = self.byte(at)? == Some(b'"');
            let cell = if quoted { self.quoted(&mut at, &mut lines, row)? } else { self.bare(&mut at, row)? };
            if let Err(damage) = cell {
                return Ok(Err((row.cells + 1, damage)));
            }
            row.end_cell();
            if at - self.at > ROW_MAX {
                return Ok(Err((0, Damage::LongRow)));
            }
            match self.stop(&mut at)? {
                Stop::Delimiter => {}
                Stop::Line => return Ok(Ok((at, lines + 1))),
                Stop::File => {
                    row.cut = true;
                    return Ok(Ok((at, lines + 1)));
                }
            }
        }
    }

    /// Consumes what stands behind a cell.
    fn stop(&mut self, at: &mut usize) -> io::Result<Stop> {
        let Some(byte) = self.byte(*at)? else { return Ok(Stop::File) };
        *at += 1;
        if byte == self.delimiter {
            return Ok(Stop::Delimiter);
        }
        if byte == b'\r' && self.byte(*at)? == Some(b'\n') {
            *at += 1;
        }
        Ok(Stop::Line)
    }

    fn bare(&mut self, at: &mut usize, row: &mut Row) -> io::Result<Result<(), Damage>> {
        let start = *at - self.at;
        loop {
            if self.byte(*at)?.is_none() {
                break;
            }
            let delimiter = self.delimiter;
            let rest = &self.buffer[*at..];
            let end = rest.iter().position(|byte| *byte == delimiter || *byte == b'\n' || *byte == b'\r');
            *at += end.unwrap_or(rest.len());
            if *at - self.at - start > CELL_MAX {
                return Ok(Err(Damage::LongCell));
            }
            if end.is_some() {
                break;
            }
        }
        row.text.extend_from_slice(&self.buffer[self.at + start..*at]);
        Ok(Ok(()))
    }

    fn quoted(&mut self, at: &mut usize, lines: &mut u64, row: &mut Row) -> io::Result<Result<(), Damage>> {
        *at += 1;
        let start = row.text.len();
        loop {
            let Some(byte) = self.byte(*at)? else { return Ok(Err(Damage::OpenQuote)) };
            *at += 1;
            if byte != b'"' {
                *lines += u64::from(byte == b'\n' || (byte == b'\r' && self.byte(*at)? != Some(b'\n')));
                row.text.push(byte);
            } else if self.byte(*at)? == Some(b'"') {
                *at += 1;
                row.text.push(b'"');
            } else {
                break;
            }
            if row.text.len() - start > CELL_MAX {
                return Ok(Err(Damage::LongCell));
            }
        }
        let fits = |byte: u8| byte == self.delimiter || byte == b'\n' || byte == b'\r';
        let next = self.buffer.get(*at).copied();
        Ok(if next.is_none_or(fits) { Ok(()) } else { Err(Damage::TextAfterQuote) })
    }

    /// Goes to the line behind the one at which the row begins.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let rest = &self.buffer[self.at..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n' || *byte == b'\r') {
                self.at += end;
                let mut at = self.at;
                self.stop_line(&mut at)?;
                self.at = at;
                self.line += 1;
                return Ok(());
            }
            self.at = 0;
            self.buffer.clear();
            if !self.stream.more(&mut self.buffer)? {
                return Ok(());
            }
        }
    }

    fn stop_line(&mut self, at: &mut usize) -> io::Result<()> {
        let carriage_return = self.byte(*at)? == Some(b'\r');
        *at += 1;
        if carriage_return && self.byte(*at)? == Some(b'\n') {
            *at += 1;
        }
        Ok(())
    }

    /// Returns the byte at `at`, reading on where needed. `at` stays right: what lies before the row is dropped
    /// between rows only.
    fn byte(&mut self, at: usize) -> io::Result<Option<u8>> {
        if let Some(byte) = self.buffer.get(at) {
            return Ok(Some(*byte));
        }
        if !self.stream.more(&mut self.buffer)? {
            return Ok(None);
        }
        Ok(self.buffer.get(at).copied())
    }

    /// Drops the text before the next row.
    pub fn forget(&mut self) {
        if self.at >= COMPACT {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
    }
}
