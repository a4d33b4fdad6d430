//! Understands the first line: what separates cells, and which column is which.
//! Our names, and the operator's names for them, are compared without regard to case, blanks and underscores.
//! It reads no row below the header.

use super::rows::{CELLS_MAX, Row};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::name::FieldName;
use tenure_core::place::nearest;

/// The columns that we know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Known {
    EmployeeId,
    WorkEmail,
    OtherEmails,
    GivenName,
    FamilyName,
    Name,
    Status,
    /// A day.
    Date,
    /// Text.
    Text,
}

const KNOWN: [(&str, Known); 17] = [
    ("employee_id", Known::EmployeeId),
    ("given_name", Known::GivenName),
    ("family_name", Known::FamilyName),
    ("name", Known::Name),
    ("work_email", Known::WorkEmail),
    ("other_emails", Known::OtherEmails),
    ("type", Known::Text),
    ("department", Known::Text),
    ("title", Known::Text),
    ("location", Known::Text),
    ("manager_id", Known::Text),
    ("start_date", Known::Date),
    ("end_date", Known::Date),
    ("time_zone", Known::Text),
    ("status", Known::Status),
    ("phone", Known::Text),
    ("locale", Known::Text),
];

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
const NAME_LEN_MAX: usize = 128;

/// One column of the file.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Column {
    /// Where it stands, from 0.
    pub at: usize,
    /// The field that it fills.
    pub field: FieldName,
    /// What its cells are.
    pub known: Known,
}

/// What the first line says.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub columns: Vec<Column>,
    /// What is wrong with it: the column, from 1 (0 for the line), and what.
    pub problems: Vec<(usize, String)>,
}

impl Header {
    /// Returns the column that fills `field`.
    pub fn column(&self, field: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.field.as_str() == field)
    }
}

/// Reads the header row. `map` is the operator's: our name → theirs.
pub(super) fn read_header(row: &Row, map: &BTreeMap<String, String>) -> Header {
    let mut header = Header::default();
    if row.cells > CELLS_MAX {
        header.problems.push((0, format!("{} columns, at most {CELLS_MAX} are read", row.cells)));
    }
    let names: Vec<Option<String>> = (0..row.cells.min(CELLS_MAX)).map(|at| name(row, at, &mut header)).collect();
    let mut taken = BTreeSet::new();
    for (ours, theirs) in map {
        match position(&names, theirs) {
            Some(at) if taken.insert(at) => header.columns.push(column(at, known_name(ours).unwrap_or(ours))),
            Some(at) => header.problems.push((at + 1, format!("the map names column `{theirs}` twice"))),
            None => {
                let there: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
                let near = nearest(theirs, &there).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                let says = format!("column `{theirs}` is missing, which the map names as {ours}{near}");
                header.problems.push((0, says));
            }
        }
    }
    for (at, name) in names.iter().enumerate() {
        let Some(name) = name.as_deref().filter(|_| !taken.contains(&at)) else { continue };
        let field = known_name(name).unwrap_or(name);
        if header.column(field).is_none() {
            header.columns.push(column(at, field));
        } else if !map.keys().any(|ours| known_name(ours).unwrap_or(ours) == field) {
            header.problems.push((at + 1, format!("column `{name}` stands there twice; the first is read")));
        }
    }
    header.columns.sort_by_key(|column| column.at);
    if header.column("employee_id").is_none() && header.column("work_email").is_none() {
        header.problems.push((0, "neither a column employee_id nor a column work_email is there".into()));
    }
    header
}

fn column(at: usize, field: &str) -> Column {
    let known = KNOWN.iter().find(|(name, _)| *name == field).map_or(Known::Text, |(_, known)| *known);
    Column { at, field: FieldName::new(field), known }
}

/// Returns the name of a column; an empty one has none and is not read.
fn name(row: &Row, at: usize, header: &mut Header) -> Option<String> {
    let text = match std::str::from_utf8(row.cell(at)?) {
        Ok(text) if !text.contains(['\0', '\u{FFFD}']) => text.trim(),
        _ => {
            header.problems.push((at + 1, "the name of the column is no readable text".into()));
            return None;
        }
    };
    if text.len() > NAME_LEN_MAX {
        header.problems.push((at + 1, format!("the name of the column is longer than {NAME_LEN_MAX} bytes")));
        return None;
    }
    (!text.is_empty()).then(|| text.to_owned())
}

fn position(names: &[Option<String>], wanted: &str) -> Option<usize> {
    let exactly = names.iter().position(|name| name.as_deref() == Some(wanted.trim()));
    exactly.or_else(|| names.iter().position(|name| name.as_deref().is_some_and(|name| fold(name) == fold(wanted))))
}

fn known_name(name: &str) -> Option<&'static str> {
    let folded = fold(name);
    KNOWN.iter().map(|(known, _)| *known).find(|known| fold(known) == folded)
}

/// Returns the column that is known and may be meant by a name of the map that is none: a slip of one or two letters. Other
/// names are attributes of the operator's own.
pub fn meant(ours: &str) -> Option<&'static str> {
    const LEN_MIN: usize = 6;
    if known_name(ours).is_some() || ours.len() < LEN_MIN {
        return None;
    }
    let folded = fold(ours);
    let all: Vec<String> = KNOWN.iter().map(|(known, _)| fold(known)).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let near = nearest(&folded, &all).filter(|near| near.len().abs_diff(folded.len()) <= 1)?;
    let slips = |near: &str| strsim::damerau_levenshtein(near, &folded);
    if slips(near) > 2 { None } else { known_name(near) }
}

fn fold(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// What stands between cells, and whether the first line only says that (`sep=;`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Delimiter {
    pub byte: u8,
    pub announced: bool,
}

/// Finds the delimiter: the one with which the most columns are known, then the one with the most columns.
pub(super) fn find_delimiter(first_line: &[u8], map: &BTreeMap<String, String>) -> Delimiter {
    if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', byte] = first_line {
        return Delimiter { byte: *byte, announced: true };
    }
    let theirs: BTreeSet<String> = map.values().map(|name| fold(name)).collect();
    let score = |delimiter: &u8| {
        let cells: Vec<&[u8]> = first_line.split(|byte| byte == delimiter).collect();
        let known = cells.iter().take(CELLS_MAX).filter_map(|cell| std::str::from_utf8(cell).ok()).filter(|cell| {
            let cell = cell.trim().trim_matches('"');
            known_name(cell).is_some() || theirs.contains(&fold(cell))
        });
        (known.count(), cells.len())
    };
    let mut best = (b',', score(&b','));
    for delimiter in &DELIMITERS[1..] {
        let score = score(delimiter);
        if score > best.1 {
            best = (*delimiter, score);
        }
    }
    Delimiter { byte: best.0, announced: false }
}
