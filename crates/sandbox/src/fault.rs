//! What may go wrong on purpose, and the one-line grammar in which it is asked for. The text comes from the command line
//! or a test; the playing of it stands elsewhere. It does not know how a fault looks on the wire.

use std::fmt;
use std::str::FromStr;

use axum::http::Method;

use crate::Vendor;

/// A fault: what happens, to which requests, and how often.
///
/// As text: `KIND[:key=value,...]`, for example `500:app=gorgias,method=POST,rate=0.1` or `429:retry_after=soon,count=3`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What happens.
    pub kind: Kind,
    /// Only to this vendor's requests.
    pub app: Option<Vendor>,
    /// Only with this probability, from the seed.
    pub rate: Option<f64>,
    /// Only after so many matching requests went through.
    pub after: u64,
    /// Only so many times.
    pub count: Option<u64>,
    /// Only to requests with this method.
    pub method: Option<Method>,
    /// Only to paths that begin so, after the vendor's prefix.
    pub path: Option<String>,
    /// How long a slow answer takes, in milliseconds.
    pub ms: Option<u64>,
    /// What a 429 carries in Retry-After, verbatim; it may be garbage.
    pub retry_after: Option<String>,
    /// The field that is dropped, renamed or retyped.
    pub field: Option<String>,
    /// The name that a renamed field gets.
    pub to: Option<String>,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `429`: too many requests, whatever the real rate.
    TooMany,
    /// `500`: one of the 5xx answers; nothing is done.
    Broken,
    /// `stall`: never answers, and holds the connection.
    Stall,
    /// `slow`: answers late.
    Slow,
    /// `cut-before`: the connection closes before the work is done.
    CutBefore,
    /// `cut-after`: the work is done and the connection closes without an answer.
    CutAfter,
    /// `truncate`: the answer breaks off in the middle, under the length of the whole.
    Truncate,
    /// `repeat-cursor`: a list never gets past its second page.
    RepeatCursor,
    /// `shift`: rows come and go between the pages of a list.
    Shift,
    /// `drop-field`: a field is missing from every record.
    DropField,
    /// `rename-field`: a field has another name in every record.
    RenameField,
    /// `retype-field`: the values of a field are of another type in every record.
    RetypeField,
    /// `html`: a web page with status 200; nothing is done.
    Html,
    /// `huge`: a body without end.
    Huge,
    /// `bomb`: a small gzip body that unpacks to gigabytes.
    Bomb,
    /// `redirect`: 302 to another host; nothing is done.
    Redirect,
    /// `ignore-write`: answers as if it had been done, and does nothing.
    IgnoreWrite,
    /// `405`: there is no such request in this tenant; nothing is done.
    NotServed,
}

/// Why a text is not a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// The kind is none of the known ones.
    #[error("unknown fault `{0}`; known are {known}", known = Kind::known())]
    UnknownKind(String),
    /// The key is none of the known ones.
    #[error("unknown key `{0}` in a fault; known are {known}", known = KEYS.join(", "))]
    UnknownKey(String),
    /// The value does not fit its key.
    #[error("`{value}` does not fit `{key}`: {wanted}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// The text that was given.
        value: String,
        /// What would fit.
        wanted: &'static str,
    },
    /// The kind cannot do without a key.
    #[error("the fault `{kind}` needs `{key}=`")]
    Missing {
        /// The kind.
        kind: Kind,
        /// The key that is missing.
        key: &'static str,
    },
}

const KEYS: [&str; 10] = ["app", "rate", "after", "count", "method", "path", "ms", "retry_after", "field", "to"];

impl Kind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Kind; 18] = [
        Kind::TooMany,
        Kind::Broken,
        Kind::Stall,
        Kind::Slow,
        Kind::CutBefore,
        Kind::CutAfter,
        Kind::Truncate,
        Kind::RepeatCursor,
        Kind::Shift,
        Kind::DropField,
        Kind::RenameField,
        Kind::RetypeField,
        Kind::Html,
        Kind::Huge,
        Kind::Bomb,
        Kind::Redirect,
        Kind::IgnoreWrite,
        Kind::NotServed,
    ];

    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::TooMany => "429",
            Kind::Broken => "500",
            Kind::Stall => "stall",
            Kind::Slow => "slow",
            Kind::CutBefore => "cut-before",
            Kind::CutAfter => "cut-after",
            Kind::Truncate => "truncate",
            Kind::RepeatCursor => "repeat-cursor",
            Kind::Shift => "shift",
            Kind::DropField => "drop-field",
            Kind::RenameField => "rename-field",
            Kind::RetypeField => "retype-field",
            Kind::Html => "html",
            Kind::Huge => "huge",
            Kind::Bomb => "bomb",
            Kind::Redirect => "redirect",
            Kind::IgnoreWrite => "ignore-write",
            Kind::NotServed => "405",
        }
    }

    fn known() -> String {
        Kind::ALL.map(Kind::name).join(", ")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Fault {
    /// Returns a fault that happens to every request it can happen to.
    pub fn new(kind: Kind) -> Self {
        Fault {
            kind,
            app: None,
            rate: None,
            after: 0,
            count: None,
            method: None,
            path: None,
            ms: None,
            retry_after: None,
            field: None,
            to: None,
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), FaultError> {
        let bad = |key, wanted| FaultError::BadValue { key, value: value.into(), wanted };
        match key {
            "app" => self.app = Some(value.parse().map_err(|_| bad("app", APPS))?),
            "rate" => self.rate = Some(share(value).ok_or_else(|| bad("rate", "a number from 0 to 1"))?),
            "after" => self.after = value.parse().map_err(|_| bad("after", "a whole number"))?,
            "count" => self.count = Some(value.parse().map_err(|_| bad("count", "a whole number"))?),
            "ms" => self.ms = Some(value.parse().map_err(|_| bad("ms", "a whole number"))?),
            "method" => self.method = Some(method(value).ok_or_else(|| bad("method", METHODS))?),
            "path" if !value.starts_with('/') => return Err(bad("path", "a path that begins with /")),
            "path" => self.path = Some(value.into()),
            "retry_after" => self.retry_after = Some(value.into()),
            "field" => self.field = Some(value.into()),
            "to" => self.to = Some(value.into()),
            _ => return Err(FaultError::UnknownKey(key.into())),
        }
        Ok(())
    }

    fn complete(self) -> Result<Self, FaultError> {
        let kind = self.kind;
        match kind {
            Kind::DropField | Kind::RenameField | Kind::RetypeField if self.field.is_none() => {
                Err(FaultError::Missing { kind, key: "field" })
            }
            Kind::RenameField if self.to.is_none() => Err(FaultError::Missing { kind, key: "to" }),
            _ => Ok(self),
        }
    }
}

const APPS: &str = "gorgias, gladly, freshdesk, freshservice or gainsight";
const METHODS: &str = "GET, POST, PUT, PATCH or DELETE";

fn share(text: &str) -> Option<f64> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share))
}

fn method(text: &str) -> Option<Method> {
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    known.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text))
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let mut fault = Fault::new(kind.ok_or_else(|| FaultError::UnknownKind(name.into()))?);
        for (key, value) in pairs(settings)? {
            fault.set(&key, &value)?;
        }
        fault.complete()
    }
}

/// Splits the settings at the commas, except that a Retry-After may hold commas itself, as dates do.
fn pairs(settings: &str) -> Result<Vec<(String, String)>, FaultError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for piece in settings.split(',').filter(|piece| !piece.is_empty()) {
        match (piece.split_once('='), pairs.last_mut()) {
            (Some((key, value)), _) => pairs.push((key.trim().into(), value.into())),
            (None, Some((key, value))) if key == "retry_after" => *value = format!("{value},{piece}"),
            (None, _) => return Err(FaultError::UnknownKey(piece.trim().into())),
        }
    }
    Ok(pairs)
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = (self.after > 0).then(|| self.after.to_string());
        let settings = [
            ("app", self.app.map(|app| app.to_string())),
            ("rate", self.rate.map(|rate| rate.to_string())),
            ("after", after),
            ("count", self.count.map(|count| count.to_string())),
            ("method", self.method.as_ref().map(Method::to_string)),
            ("path", self.path.clone()),
            ("ms", self.ms.map(|ms| ms.to_string())),
            ("field", self.field.clone()),
            ("to", self.to.clone()),
            ("retry_after", self.retry_after.clone()),
        ];
        formatter.write_str(self.kind.name())?;
        let told = settings.into_iter().filter_map(|(key, value)| Some((key, value?)));
        for (index, (key, value)) in told.enumerate() {
            write!(formatter, "{}{key}={value}", if index == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_reads_back_what_it_prints() {
        for text in [
            "stall",
            "500:app=gorgias,rate=0.02,method=POST",
            "cut-after:app=gladly,after=3,count=1,path=/agents",
            "rename-field:field=email,to=mail",
            "retype-field:field=active",
            "429:count=2,retry_after=Wed, 21 Oct 2026 07:28:00 GMT",
            "slow:ms=250",
        ] {
            assert_eq!(text.parse::<Fault>().map(|fault| fault.to_string()), Ok(text.into()));
        }
    }

    #[test]
    fn a_wrong_fault_is_told_the_known_words() {
        let told = |text: &str| text.parse::<Fault>().map_or_else(|error| error.to_string(), |fault| fault.to_string());
        assert!(told("explode").contains("known are 429, 500, stall, slow, cut-before"));
        assert!(told("500:ap=gorgias").contains("known are app, rate, after"));
        assert!(told("500:app=okta").contains("gorgias, gladly"));
        assert!(told("500:rate=2").contains("from 0 to 1"));
        assert!(told("drop-field").contains("needs `field=`"));
        assert!(told("rename-field:field=a").contains("needs `to=`"));
    }
}
