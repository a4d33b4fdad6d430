//! How results look: tables that fit the terminal, one JSON document, or CSV.
//! Commands hand over rows or values; what is printed goes to standard output, advice and progress to standard error.
//! It knows nothing of what the rows mean.

use crate::arguments::{Common, LogForm};
use crate::exit::Exit;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use tenure_core::text::is_unseen;

/// Where and how a command prints.
#[derive(Debug, Clone)]
pub struct Output {
    /// Print JSON.
    pub json: bool,
    /// Print no advice.
    pub quiet: bool,
    /// How what is said beside the result is written.
    pub log: LogForm,
}

impl Output {
    /// Returns the output that the common arguments ask for.
    pub fn new(common: &Common) -> Self {
        Self { json: common.json, quiet: common.quiet, log: common.log }
    }

    /// Prints one line of result, or several.
    pub fn line(&self, text: impl AsRef<str>) {
        print(&clean(text.as_ref()));
    }

    /// Prints what goes into a file of another program, as it is.
    pub fn raw(&self, text: impl AsRef<str>) {
        print(text.as_ref());
    }

    /// Prints advice: only for people, and on standard error.
    pub fn advice(&self, text: impl AsRef<str>) {
        if !self.quiet && !self.json {
            eprintln!("{}", clean(text.as_ref()));
        }
    }

    /// Prints what a daemon says of itself, on standard error, whatever the form of the result.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.say("INFO", "", text.as_ref());
        }
    }

    /// Prints what the operator must see, whatever the form of the result, on standard error.
    pub fn warning(&self, text: impl AsRef<str>) {
        self.say("WARN", "tenure: warning: ", text.as_ref());
    }

    /// Says why a command ends without what was asked of it, on standard error.
    pub fn error(&self, text: impl AsRef<str>) {
        self.say("ERROR", "tenure: ", text.as_ref());
    }

    /// Writes a line as the log has its lines.
    fn say(&self, level: &str, before: &str, text: &str) {
        match self.log {
            LogForm::Text => eprintln!("{before}{}", clean(text)),
            LogForm::Json => {
                let now = tenure_engine::clock::Clock::system().now_text();
                let line = serde_json::json!({ "timestamp": now, "level": level, "message": text, "target": "tenure" });
                eprintln!("{line}");
            }
        }
    }

    /// Prints one JSON document.
    pub fn document(&self, document: &impl Serialize) -> anyhow::Result<()> {
        print(&serde_json::to_string_pretty(document)?);
        Ok(())
    }

    /// Prints why a command failed, where JSON is asked for: as the one document, unless there is something of it already.
    pub fn failure(&self, because: &str, exit: Exit) {
        if self.json && !PRINTED.load(Ordering::Relaxed) {
            print(&format!("{:#}", serde_json::json!({ "error": because, "exit": exit as u8 })));
        }
    }

    /// Prints rows as a table.
    pub fn table(&self, headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        print(&table(headers, rows));
    }
}

/// What a column of sentences is left at least.
const SENTENCE_MIN: usize = 12;
const PADDING: usize = 2;

/// Whether anything was written to standard output.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Writes to standard output; a closed pipe (`tenure accounts | head`) ends the program quietly.
fn print(text: &str) {
    PRINTED.store(true, Ordering::Relaxed);
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("error: write the output: {error}");
            std::process::exit(1);
        }
    }
}

/// Lays rows out as a table that fits the terminal; off a terminal every cell keeps its whole text.
pub fn table(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    lay(table, headers, rows)
}

/// Fills a table. Ids and other single words are not broken where there is room: they are copied from here.
fn lay(mut table: Table, headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    table.load_style(presets::NOTHING).set_header(headers.iter().map(|header| Cell::new(header.to_uppercase())));
    // How wide each column of single words is; nothing of others.
    let mut words: Vec<Option<usize>> = headers.iter().map(|header| Some(header.len())).collect();
    for row in rows {
        for (width, text) in words.iter_mut().zip(&row) {
            *width = width.filter(|_| !text.contains(' ')).map(|width| width.max(text.chars().count()));
        }
        table.add_row(row.into_iter().map(|text| {
            let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
            let cell = Cell::new(clean(&text));
            if number { cell.set_alignment(CellAlignment::Right) } else { cell }
        }));
    }
    let taken: usize = words.iter().map(|width| width.unwrap_or(SENTENCE_MIN) + PADDING).sum();
    if words.contains(&None) && table.width().is_some_and(|width| taken <= usize::from(width)) {
        for (column, _) in table.column_iter_mut().zip(words).filter(|(_, width)| width.is_some()) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 1));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Replaces letters that nobody sees, so that a name from outside cannot speak to the terminal or turn words round.
pub fn clean(text: &str) -> String {
    text.chars().map(|letter| if is_unseen(letter) || letter == '\r' { '\u{fffd}' } else { letter }).collect()
}

/// Writes rows as CSV. A cell that a spreadsheet would run as a formula gets a leading apostrophe.
pub fn csv(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| {
        let cells: Vec<String> = cells.into_iter().map(|cell| csv_cell(&cell)).collect();
        cells.join(",")
    };
    let mut lines = vec![line(headers.iter().map(|header| (*header).to_owned()).collect())];
    lines.extend(rows.into_iter().map(line));
    lines.join("\r\n")
}

fn csv_cell(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t']) { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_whole_on_a_narrow_terminal() {
        let mut narrow = Table::new();
        narrow.set_content_arrangement(ContentArrangement::Dynamic).set_width(80);
        let row = ["f-53d1ab6a0e8f29c4", "medium", "unsupported_change", "freshservice", &"many words ".repeat(12)];
        let headers = ["finding", "severity", "kind", "where", "what"];
        let told = lay(narrow, &headers, [row.map(str::to_owned).to_vec()]);
        for word in &row[..4] {
            assert!(told.contains(word), "{told}");
        }
        assert!(told.lines().all(|line| line.len() <= 80), "{told}");
    }

    #[test]
    fn a_formula_is_defused_in_csv() {
        assert_eq!(csv(&["a"], [vec!["=1+1".into()], vec!["x,\"y".into()]]), "a\r\n'=1+1\r\n\"x,\"\"y\"");
    }

    #[test]
    fn an_escape_sequence_in_a_name_does_not_reach_the_terminal() {
        assert!(!table(&["name"], [vec!["\u{1b}[31mred".into()]]).contains('\u{1b}'));
        assert_eq!(clean("Agent\u{1b}[2K\r of\u{202e} it\t1\n2"), "Agent\u{fffd}[2K\u{fffd} of\u{fffd} it\t1\n2");
    }
}
