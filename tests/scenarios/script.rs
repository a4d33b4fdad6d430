//! The line language of the scenarios: a keyword, then words, quoted where they hold blanks.
//! A text becomes lines; what they mean is for the acts and the facts to say.

use jiff::civil::Date;
use jiff::{ToSpan, Zoned};

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// Prepares something.
    Given,
    /// Runs the program.
    When,
    /// Must hold.
    Then,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    pub number: usize,
    pub keyword: Keyword,
    pub words: Vec<String>,
    pub text: String,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Script {
    pub lines: Vec<Line>,
}

impl Script {
    /// Reads a file; blank lines and lines that begin with `#` say nothing.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut lines = Vec::new();
        for (at, raw) in text.lines().enumerate() {
            let raw = raw.trim();
            if raw.is_empty() || raw.starts_with('#') {
                continue;
            }
            let number = at + 1;
            let mut words = split(raw).map_err(|because| format!("line {number}: {because}"))?;
            let keyword = match words.remove(0).as_str() {
                "given" => Keyword::Given,
                "when" => Keyword::When,
                "then" => Keyword::Then,
                other => return Err(format!("line {number}: begins with `{other}`, not with given, when or then")),
            };
            lines.push(Line { number, keyword, words, text: raw.to_owned() });
        }
        if lines.is_empty() { Err("the file has no lines".into()) } else { Ok(Self { lines }) }
    }

    /// Returns the value of a setting that must be known before the sandbox starts, such as `given people 60`.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings(name).find_map(|words| words.first()).map(String::as_str)
    }

    /// Returns what every line says after the name of such a setting.
    pub fn settings(&self, name: &str) -> impl Iterator<Item = &[String]> {
        let given = self.lines.iter().filter(|line| line.keyword == Keyword::Given);
        given.filter(move |line| line.words.first().is_some_and(|word| word == name)).map(|line| &line.words[1..])
    }
}

/// Splits at blanks outside quotes and braces; quotes vanish, `{today+3}` becomes a date.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut braces = 0_usize;
    let mut begun = false;
    for letter in text.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => word.push(letter),
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                begun = true;
            }
            None if letter.is_whitespace() && braces == 0 => {
                if begun || !word.is_empty() {
                    words.push(dates(&std::mem::take(&mut word))?);
                }
                begun = false;
            }
            None => {
                braces = if letter == '{' { braces + 1 } else { braces.saturating_sub(usize::from(letter == '}')) };
                word.push(letter);
            }
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".into());
    }
    if begun || !word.is_empty() {
        words.push(dates(&word)?);
    }
    Ok(words)
}

/// Replaces `{today}`, `{today+3}`, `{today@Pacific/Niue-1}` by the date.
fn dates(word: &str) -> Result<String, String> {
    let Some(start) = word.find("{today") else { return Ok(word.to_owned()) };
    let end = word[start..].find('}').ok_or("a brace is not closed")? + start;
    let inner = &word[start + "{today".len()..end];
    let (zone, offset) = match inner.strip_prefix('@') {
        Some(rest) => rest.split_at(rest.find(['+', '-']).unwrap_or(rest.len())),
        None => ("", inner),
    };
    let now = Zoned::now();
    let here: Date =
        if zone.is_empty() { now.date() } else { now.in_tz(zone).map_err(|error| error.to_string())?.date() };
    let days: i64 =
        if offset.is_empty() { 0 } else { offset.parse().map_err(|_| format!("{offset} is no number of days"))? };
    let date = here.checked_add(days.days()).map_err(|error| error.to_string())?;
    Ok(format!("{}{date}{}", &word[..start], &word[end + 1..]))
}

#[test]
fn a_line_is_split_at_blanks_outside_quotes_and_braces() {
    let script =
        Script::read("# title\n\ngiven hr row E1 'title=Team Lead'\nwhen tenure approve {plan} -> 0\n").unwrap();
    assert_eq!(script.lines[0].words, ["hr", "row", "E1", "title=Team Lead"]);
    assert_eq!(script.lines[1].words, ["tenure", "approve", "{plan}", "->", "0"]);
    assert_eq!(script.lines[1].number, 4);
    assert!(Script::read("perhaps it rains").is_err() && Script::read("given 'x").is_err());
}

#[test]
fn a_date_is_told_where_somebody_stands() {
    let today = Zoned::now().date();
    let word = |text: &str| dates(text).unwrap();
    assert!([today, Zoned::now().date()].map(|date| format!("end={date}")).contains(&word("end={today}")));
    assert_ne!(word("{today@Pacific/Kiritimati}"), word("{today@Pacific/Niue}"));
    assert_eq!(word("{step create gorgias pia.novak}"), "{step create gorgias pia.novak}");
}
