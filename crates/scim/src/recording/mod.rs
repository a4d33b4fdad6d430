//! A recording: what a client sent, in order, and what it was answered, as a text that people read and write too.
//! It is written from requests that were masked while they came, and read to send the same again and tell what differs.
//! It holds no secret and nobody's name, and sends nothing itself.
//!
//! ```text
//! @ client Okta
//! @ app desk
//! @ given g1 group Escalations
//! POST /Users
//! {"userName":"kavotisu@moruvepa.example"}
//! 201 active=true id>u1
//! PATCH /Groups/{g1}
//! {"Operations":[{"op":"add","path":"members","value":[{"value":"{u1}"}]}]}
//! 204
//! ```
//!
//! `path=value` must be so in the answer, `path>name` is kept for later lines; a line that begins with `<` is the whole
//! answer, one that begins with `>` a header of the request. `wait` lets a second pass, in which two changes look like one.

mod mask;
mod filter;
mod heard;
mod naming;
mod golden;
mod replay;

pub use golden::{golden, golden_names};
pub use heard::{Heard, Recorded};
pub use mask::Mask;
pub use replay::{Difference, Replay, Request};

use serde_json::Value;
use std::fmt;

/// What a client sent, and what it was answered.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Recording {
    /// Who it was, as far as that shows.
    pub client: Option<String>,
    /// Before which app.
    pub app: Option<String>,
    /// What was there before the first request.
    pub given: Vec<Given>,
    /// The requests, in order.
    pub exchanges: Vec<Exchange>,
}

/// What was there before the first request.
#[derive(Clone, PartialEq, Debug)]
pub struct Given {
    /// By which name the lines speak of its id.
    pub name: String,
    /// What it is.
    pub is: Thing,
}

/// What can be there before the first request.
#[derive(Clone, PartialEq, Debug)]
pub enum Thing {
    /// A group of this name.
    Group(String),
    /// Somebody who looks like this.
    User(Value),
}

/// One request, and what must come back.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Exchange {
    /// Where it stands in the text.
    pub line: usize,
    /// Whether a second passes before it.
    pub waits: bool,
    /// The method.
    pub method: String,
    /// Path and query behind the connection, as they were sent.
    pub path: String,
    /// Headers that matter, such as `If-Match`.
    pub headers: Vec<Header>,
    /// The body; empty where there is none.
    pub body: String,
    /// The status that must come back.
    pub status: u16,
    /// What else must come back, or is kept.
    pub wanted: Vec<Wanted>,
    /// The whole answer, as far as it is compared.
    pub answer: Option<Value>,
}

/// A header of a request.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// What it says.
    pub says: String,
}

/// Something about an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "a path such as `Resources.0.id`, and what is there")]
pub enum Wanted {
    /// This is there.
    Is { path: String, value: String },
    /// What is there is known by this name from now on.
    Kept { path: String, name: String },
}

/// Why a text is no recording.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {says}")]
pub struct NotARecording {
    /// Where.
    pub line: usize,
    /// Why.
    pub says: String,
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// The text is none.
    pub fn read(text: &str) -> Result<Self, NotARecording> {
        let mut reading = Reading::default();
        let mut last = 0;
        for (at, line) in text.lines().enumerate() {
            last = at + 1;
            reading.line(last, line.trim_end()).map_err(|says| NotARecording { line: last, says })?;
        }
        match reading.open {
            Some(open) => Err(NotARecording { line: open.line, says: "the request has no answer".into() }),
            None if reading.recording.exchanges.is_empty() => {
                Err(NotARecording { line: last, says: "there is no request".into() })
            }
            None => Ok(reading.recording),
        }
    }
}

#[derive(Default)]
struct Reading {
    recording: Recording,
    open: Option<Exchange>,
    waits: bool,
}

impl Reading {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(said) = line.strip_prefix("@ ") {
            return self.said(said);
        }
        if let Some(answer) = line.strip_prefix("< ") {
            let last = self.recording.exchanges.last_mut().filter(|_| self.open.is_none());
            let last = last.ok_or("an answer stands behind a status")?;
            last.answer =
                Some(serde_json::from_str(answer).map_err(|error| format!("the answer is no JSON: {error}"))?);
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let status = words.next().and_then(|word| word.parse().ok());
        match (status, self.open.take()) {
            (Some(status), Some(open)) => {
                let wanted = words.map(wanted).collect::<Result<_, _>>()?;
                self.recording.exchanges.push(Exchange { status, wanted, ..open });
            }
            (None, Some(mut open)) => {
                match line.strip_prefix("> ") {
                    Some(header) => open.headers.push(read_header(header)?),
                    None => open.body.push_str(line),
                }
                self.open = Some(open);
            }
            (_, None) if line == "wait" => self.waits = true,
            (_, None) => {
                let (method, path) = line.split_once(' ').ok_or("a request is a method and a path")?;
                let waits = std::mem::take(&mut self.waits);
                let (method, path) = (method.to_owned(), path.to_owned());
                self.open = Some(Exchange { line: number, waits, method, path, ..Exchange::default() });
            }
        }
        Ok(())
    }

    fn said(&mut self, said: &str) -> Result<(), String> {
        match said.split_once(' ') {
            Some(("client", client)) => self.recording.client = Some(client.to_owned()),
            Some(("app", app)) => self.recording.app = Some(app.to_owned()),
            Some(("given", given)) => self.recording.given.push(read_given(given)?),
            _ => return Err("`@` tells a client, an app, or what is given".into()),
        }
        Ok(())
    }
}

fn read_given(said: &str) -> Result<Given, String> {
    let mut parts = said.splitn(3, ' ');
    let (Some(name), Some(kind), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("what is given has a name, a kind, and what it looks like".into());
    };
    let is = match kind {
        "group" => Thing::Group(text.to_owned()),
        "user" => Thing::User(serde_json::from_str(text).map_err(|error| format!("the user is no JSON: {error}"))?),
        other => return Err(format!("a group or a user is given, and no {other}")),
    };
    Ok(Given { name: name.to_owned(), is })
}

fn read_header(text: &str) -> Result<Header, String> {
    let (name, says) = text.split_once(':').ok_or("a header has a name and a colon")?;
    Ok(Header { name: name.trim().to_owned(), says: says.trim().to_owned() })
}

fn wanted(word: &str) -> Result<Wanted, String> {
    if let Some((path, value)) = word.split_once('=') {
        return Ok(Wanted::Is { path: path.to_owned(), value: value.to_owned() });
    }
    let (path, name) = word.split_once('>').ok_or_else(|| format!("{word:?} is neither path=value nor path>name"))?;
    Ok(Wanted::Kept { path: path.to_owned(), name: name.to_owned() })
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(client) = &self.client {
            writeln!(f, "@ client {client}")?;
        }
        if let Some(app) = &self.app {
            writeln!(f, "@ app {app}")?;
        }
        for Given { name, is } in &self.given {
            match is {
                Thing::Group(text) => writeln!(f, "@ given {name} group {text}")?,
                Thing::User(user) => writeln!(f, "@ given {name} user {user}")?,
            }
        }
        self.exchanges.iter().try_for_each(|exchange| exchange.fmt(f))
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.waits {
            writeln!(f, "wait")?;
        }
        writeln!(f, "{} {}", self.method, self.path)?;
        for Header { name, says } in &self.headers {
            writeln!(f, "> {name}: {says}")?;
        }
        if !self.body.is_empty() {
            writeln!(f, "{}", self.body)?;
        }
        write!(f, "{}", self.status)?;
        for wanted in &self.wanted {
            match wanted {
                Wanted::Is { path, value } => write!(f, " {path}={value}")?,
                Wanted::Kept { path, name } => write!(f, " {path}>{name}")?,
            }
        }
        writeln!(f)?;
        self.answer.iter().try_for_each(|answer| writeln!(f, "< {answer}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_read_as_it_was_written() {
        let text = "@ client Okta (its User-Agent)\n@ app desk\n@ given g1 group Night shift\n\
                    @ given u1 user {\"userName\":\"a\"}\nGET /Users\n200\n< {\"id\":\"{u1}\"}\nwait\nPATCH /Users/{u1}\n\
                    > If-Match: W/\"x\"\n{\"a\":1}\n200 active=false id>u2\n";
        let recording = Recording::read(text).unwrap();
        assert_eq!(recording.to_string(), text);
        let second = &recording.exchanges[1];
        assert_eq!((second.waits, second.line, second.headers[0].name.as_str()), (true, 9, "If-Match"));
    }

    #[test]
    fn what_is_no_recording_is_told_with_its_line() {
        for (text, line) in [
            ("", 0),
            ("GET /Users", 1),
            ("GET", 1),
            ("@ something else", 1),
            ("@ given g1 robot x", 1),
            ("GET /Users\n200\n< {", 3),
            ("GET /Users\n200 active", 2),
        ] {
            assert_eq!(Recording::read(text).unwrap_err().line, line, "{text:?}");
        }
    }
}
