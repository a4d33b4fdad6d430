//! HR's file, and what happens to people in it: they join, move, marry, leave, do not leave after all, come back. Some
//! mornings the file is cut short. It keeps what HR knows apart from what the file says that day.

use crate::process::APPROVER;
use jiff::ToSpan;
use jiff::civil::Date;
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

const DEPARTMENTS: [&str; 4] = ["Support", "Customer Success", "IT", "Sales"];

type Row = BTreeMap<String, String>;

/// HR.
pub struct Hr {
    path: PathBuf,
    columns: Vec<String>,
    rows: Vec<Row>,
    /// Whoever HR ever said would leave, or moves: they may lose an account.
    pub goers: BTreeSet<String>,
    hired: u32,
}

impl Hr {
    /// Reads the file that the sandbox wrote, and keeps only these people in it.
    pub fn read(path: PathBuf, staff: &BTreeSet<String>) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        let columns: Vec<String> = lines.next().unwrap().split(',').map(str::to_owned).collect();
        let row_of = |line: &str| -> Row { columns.iter().cloned().zip(cells(line)).collect() };
        let rows: Vec<Row> = lines.map(row_of).filter(|row| staff.contains(&row["work_email"])).collect();
        let gone = rows.iter().filter(|row| row["status"] == "terminated" || !row["end_date"].is_empty());
        let goers = gone.map(|row| row["work_email"].clone()).collect();
        let hr = Self { path, columns, rows, goers, hired: 0 };
        hr.write(false);
        hr
    }

    /// Writes the file; of a cut one only the first part.
    pub fn write(&self, cut: bool) {
        let kept = if cut { self.rows.len() / 2 } else { self.rows.len() };
        let line = |row: &Row| self.columns.iter().map(|column| quoted(&row[column])).collect::<Vec<_>>().join(",");
        let lines: Vec<String> =
            std::iter::once(self.columns.join(",")).chain(self.rows[..kept].iter().map(line)).collect();
        fs::write(&self.path, lines.join("\n") + "\n").unwrap();
    }

    /// Lets something happen to somebody, and tells what.
    pub fn happen(&mut self, today: Date, chance: &mut StdRng) -> String {
        match chance.random_range(0..12) {
            0..4 => self.hire(today, chance),
            4 => self.leave(today.saturating_sub(1.day()), chance),
            5 => self.leave(today.saturating_add(1.day()), chance),
            6 => self.stay(chance),
            7 => self.come_back(today, chance),
            8 => self.marry(chance),
            _ => self.move_on(chance),
        }
    }

    fn hire(&mut self, today: Date, chance: &mut StdRng) -> String {
        self.hired += 1;
        let (name, id) = (format!("New{}", self.hired), format!("N{:03}", self.hired));
        let mut row: Row = self.columns.iter().map(|column| (column.clone(), String::new())).collect();
        let email = format!("new{}@acme.example", self.hired);
        let start = today.saturating_add(chance.random_range(-1..3).days()).to_string();
        let department = DEPARTMENTS[chance.random_range(0..DEPARTMENTS.len())];
        let full = format!("{name} Comer");
        let cells = [
            ("employee_id", id.as_str()),
            ("given_name", &name),
            ("family_name", "Comer"),
            ("name", &full),
            ("work_email", &email),
            ("type", "employee"),
            ("department", department),
            ("title", "Specialist"),
            ("location", "Berlin"),
            ("start_date", &start),
            ("time_zone", "Europe/Berlin"),
            ("status", "active"),
            ("locale", "en"),
        ];
        row.extend(cells.map(|(column, cell)| (column.to_owned(), cell.to_owned())));
        self.rows.push(row);
        format!("{email} joins {department} on {start}")
    }

    /// Returns somebody of whom this is true.
    fn somebody(&mut self, chance: &mut StdRng, fits: impl Fn(&Row) -> bool) -> Option<&mut Row> {
        let places: Vec<usize> = (0..self.rows.len()).filter(|at| fits(&self.rows[*at])).collect();
        (!places.is_empty()).then(|| places[chance.random_range(0..places.len())]).map(|at| &mut self.rows[at])
    }

    fn leave(&mut self, last: Date, chance: &mut StdRng) -> String {
        let Some(row) = self.somebody(chance, |row| is_here(row) && row["work_email"] != APPROVER) else {
            return "nobody can leave".into();
        };
        let last = row["start_date"].parse().map_or(last, |start| last.max(start));
        row.insert("end_date".into(), last.to_string());
        let email = row["work_email"].clone();
        self.goers.insert(email.clone());
        format!("{email} leaves after {last}")
    }

    fn stay(&mut self, chance: &mut StdRng) -> String {
        let Some(row) = self.somebody(chance, |row| !row["end_date"].is_empty() && row["status"] == "active") else {
            return "nobody changes their mind".into();
        };
        row.insert("end_date".into(), String::new());
        format!("{} stays after all", row["work_email"])
    }

    fn come_back(&mut self, today: Date, chance: &mut StdRng) -> String {
        let Some(row) = self.somebody(chance, |row| row["status"] == "terminated") else {
            return "nobody comes back".into();
        };
        row.insert("status".into(), "active".into());
        row.insert("end_date".into(), String::new());
        row.insert("start_date".into(), today.to_string());
        format!("{} comes back", row["work_email"])
    }

    fn marry(&mut self, chance: &mut StdRng) -> String {
        let Some(row) = self.somebody(chance, |row| is_here(row) && row["work_email"] != APPROVER) else {
            return "nobody marries".into();
        };
        let name = format!("Wed{}", chance.random_range(0..1000));
        row.insert("name".into(), format!("{} {name}", row["given_name"]));
        row.insert("family_name".into(), name);
        format!("{} is {} now", row["work_email"], row["name"])
    }

    fn move_on(&mut self, chance: &mut StdRng) -> String {
        let department = DEPARTMENTS[chance.random_range(0..DEPARTMENTS.len())];
        let Some(row) = self.somebody(chance, |row| is_here(row) && row["work_email"] != APPROVER) else {
            return "nobody moves".into();
        };
        row.insert("department".into(), department.into());
        let email = row["work_email"].clone();
        self.goers.insert(email.clone());
        format!("{email} moves to {department}")
    }

    /// Lists who works here on a day, with what decides about their access.
    pub fn working(&self, today: Date) -> Vec<(String, String, String)> {
        let works = |row: &&Row| {
            row["status"] == "active"
                && row["start_date"].parse::<Date>().is_ok_and(|start| start <= today)
                && row["end_date"].parse::<Date>().map_or(true, |end| end > today)
        };
        let told = |row: &Row| (row["work_email"].clone(), row["department"].clone(), row["type"].clone());
        self.rows.iter().filter(works).map(told).collect()
    }

    /// Tells whether HR knows somebody, and never said anything that may cost them an account.
    pub fn stays(&self, email: &str) -> bool {
        !self.goers.contains(email) && self.rows.iter().any(|row| row["work_email"] == email)
    }

    /// Lists who is gone for good on a day.
    pub fn left(&self, today: Date) -> Vec<String> {
        let gone = |row: &&Row| {
            row["status"] == "terminated"
                || row["end_date"].parse::<Date>().is_ok_and(|end| end < today.yesterday().unwrap())
        };
        self.rows.iter().filter(gone).map(|row| row["work_email"].clone()).collect()
    }
}

fn is_here(row: &Row) -> bool {
    row["status"] == "active" && row["end_date"].is_empty()
}

/// Splits a line at its commas, but for those within quotes; no cell holds a quote itself.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut within = false;
    for letter in line.chars() {
        match letter {
            '"' => within = !within,
            ',' if !within => cells.push(String::new()),
            _ => cells.last_mut().unwrap().push(letter),
        }
    }
    cells
}

fn quoted(cell: &str) -> String {
    if cell.contains(',') { format!("\"{cell}\"") } else { cell.to_owned() }
}
