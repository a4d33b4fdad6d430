//! Reads comma-separated text as an admin would upload it: a header, then rows, with quotes where a cell needs them.
//! Imports use it; each row comes with its line and answers by column name. It does not know what the columns mean.

/// One row under its header.
pub(crate) struct SheetRow {
    /// Where the row begins, counted from one.
    pub line: usize,
    cells: Vec<(String, String)>,
}

impl SheetRow {
    /// Returns a cell without the blanks around it; nothing when there is no such column.
    pub fn cell(&self, column: &str) -> Option<&str> {
        self.cells.iter().find(|(name, _)| name == column).map(|(_, cell)| cell.trim())
    }

    /// Returns a cell's parts between commas.
    pub fn parts(&self, column: &str) -> Option<Vec<String>> {
        let parts = self.cell(column)?.split(',').map(str::trim).filter(|part| !part.is_empty());
        Some(parts.map(String::from).collect())
    }
}

/// Returns the rows under the header, whose names are taken in lower case; short rows end in empty cells.
pub(crate) fn read(text: &str) -> Vec<SheetRow> {
    let mut records = split(text).into_iter();
    let names: Vec<String> = match records.next() {
        Some((_, header)) => header.iter().map(|name| name.trim().to_lowercase()).collect(),
        None => return Vec::new(),
    };
    let row = |(line, mut cells): (usize, Vec<String>)| {
        cells.resize(names.len(), String::new());
        SheetRow { line, cells: names.iter().cloned().zip(cells).collect() }
    };
    records.map(row).collect()
}

fn split(text: &str) -> Vec<(usize, Vec<String>)> {
    let (mut records, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began, mut quoted) = (1, 1, false);
    let mut letters = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(letter) = letters.next() {
        line += usize::from(letter == '\n');
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                cells.push(std::mem::take(&mut cell));
                records.push((began, std::mem::take(&mut cells)));
                began = line;
            }
            _ => cell.push(letter),
        }
    }
    cells.push(cell);
    records.push((began, cells));
    records.retain(|(_, cells)| cells.iter().any(|cell| !cell.trim().is_empty()));
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_may_hold_commas_quotes_and_lines() {
        let rows = read(
            "\u{feff}Name,Email,teams\r\n\"Doe, \"\"J\"\"\",j@x.example,\"A, B\"\r\n\r\n\"two\nlines\",k@x.example\n",
        );
        let seen: Vec<_> = rows.iter().map(|row| (row.line, row.cell("name"), row.cell("teams"))).collect();
        assert_eq!(seen, [(2, Some("Doe, \"J\""), Some("A, B")), (4, Some("two\nlines"), Some(""))]);
        assert_eq!(rows[0].parts("teams"), Some(vec!["A".into(), "B".into()]));
        assert_eq!((rows[0].cell("roles"), read("").len(), read("name\n").len()), (None, 0, 0));
    }
}
