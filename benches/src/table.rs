//! The lines that the bench prints: what was measured, its bound, and whether it holds.
//! Cases fill it; it goes to the terminal as a table and to a file as JSON. A bound that is missed is said, not failed.

use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// How a figure stands to its bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within it.
    Ok,
    /// Not within it.
    Missed,
    /// Could not be measured; the line says why.
    Unmeasured,
    /// There is no bound; the figure is for reading others.
    Noted,
}

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// What the figure is of.
    pub name: String,
    /// The figure in words.
    pub measured: String,
    /// The bound in words.
    pub bound: String,
    /// The figure.
    pub figure: Option<f64>,
    /// The bound.
    pub most: Option<f64>,
    /// How they stand.
    pub verdict: Verdict,
}

/// All lines.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    /// In the order in which they were measured.
    pub lines: Vec<Line>,
}

impl Table {
    /// Adds a figure that should be no larger than `most`.
    pub fn at_most(&mut self, name: &str, figure: f64, most: f64, measured: String, bound: &str) {
        let verdict = if figure <= most { Verdict::Ok } else { Verdict::Missed };
        let (figure, most) = (Some(figure), Some(most));
        self.add(Line { name: name.into(), measured, bound: bound.into(), figure, most, verdict });
    }

    /// Adds a statement that should hold.
    pub fn holds(&mut self, name: &str, holds: bool, measured: String, bound: &str) {
        let verdict = if holds { Verdict::Ok } else { Verdict::Missed };
        self.add(Line { name: name.into(), measured, bound: bound.into(), figure: None, most: None, verdict });
    }

    /// Adds a figure without a bound.
    pub fn noted(&mut self, name: &str, figure: f64, measured: String) {
        let verdict = Verdict::Noted;
        let figure = Some(figure);
        self.add(Line { name: name.into(), measured, bound: String::new(), figure, most: None, verdict });
    }

    /// Adds what a case came to; a case that failed is a line, too.
    pub fn take(&mut self, name: &str, case: anyhow::Result<Table>) {
        match case {
            Ok(table) => self.lines.extend(table.lines),
            Err(error) => {
                let measured = format!("{error:#}");
                let verdict = Verdict::Unmeasured;
                self.add(Line { name: name.into(), measured, bound: String::new(), figure: None, most: None, verdict });
            }
        }
    }

    fn add(&mut self, line: Line) {
        print_line(&line);
        self.lines.push(line);
    }

    /// Prints how many bounds were missed, and writes everything to `path`.
    pub fn finish(&self, path: &Path) -> anyhow::Result<()> {
        let of = |verdict| self.lines.iter().filter(|line| line.verdict == verdict).collect::<Vec<_>>();
        let (missed, unmeasured) = (of(Verdict::Missed), of(Verdict::Unmeasured));
        println!(
            "\n{} within their bounds, {} missed, {} not measured",
            of(Verdict::Ok).len(),
            missed.len(),
            unmeasured.len()
        );
        for line in missed.iter().chain(&unmeasured) {
            println!("  {}: {} ({})", line.name, line.measured, line.bound);
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(self)? + "\n")?;
        println!("written to {}", path.display());
        Ok(())
    }
}

fn print_line(line: &Line) {
    let verdict = match line.verdict {
        Verdict::Ok => "ok",
        Verdict::Missed => "MISSED",
        Verdict::Unmeasured => "NOT MEASURED",
        Verdict::Noted => "",
    };
    println!("{:<46} {:<54} {:<30} {verdict}", line.name, line.measured, line.bound);
    let _ = std::io::stdout().flush();
}
