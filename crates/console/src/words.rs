//! How values, moments and states are said on a page. Everything is escaped where it is shown, not here.

use serde_json::Value;
use tenure_core::abilities::Effect;
use tenure_core::change::{ApprovalState, Change, FindingKind, Outcome, Severity, Step};
use tenure_engine::clock::moment_text;

/// Longer values are cut on a page.
const VALUE_LEN_MAX: usize = 300;

/// A state as a labelled chip: the word, and the class that colours it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chip {
    pub word: String,
    pub class: &'static str,
}

impl Chip {
    pub fn new(word: impl Into<String>, class: &'static str) -> Self {
        Self { word: word.into(), class }
    }
}

/// Returns the chip of an account's or a person's state.
pub(crate) fn state(word: &str) -> Chip {
    let class = match word {
        "active" => "good",
        "invited" | "future" | "leave" => "wait",
        "suspended" | "left" => "off",
        "removed" => "off",
        _ => "plain",
    };
    Chip::new(word, class)
}

/// Returns the chip of a finding's severity.
pub(crate) fn severity(severity: Severity) -> Chip {
    match severity {
        Severity::High => Chip::new("high", "bad"),
        Severity::Medium => Chip::new("medium", "wait"),
        Severity::Low => Chip::new("low", "plain"),
    }
}

/// Returns the chip of an effect: what it gives, what it takes.
pub(crate) fn effect(effect: Effect) -> Chip {
    let class = match effect {
        Effect::Create | Effect::Grant | Effect::Resume => "good",
        Effect::Suspend | Effect::Revoke | Effect::EndSessions => "wait",
        Effect::Delete => "bad",
        Effect::Update | Effect::Convert | Effect::Manual => "plain",
    };
    Chip::new(effect.as_str().replace('_', " "), class)
}

/// Returns the chip of where an approval stands.
pub(crate) fn approval(state: ApprovalState) -> Chip {
    match state {
        ApprovalState::NotNeeded => Chip::new("no approval needed", "plain"),
        ApprovalState::Waiting => Chip::new("waits for approval", "wait"),
        ApprovalState::Approved => Chip::new("approved", "good"),
        ApprovalState::Rejected => Chip::new("rejected", "bad"),
    }
}

/// Returns the chip of what became of a step.
pub(crate) fn outcome(outcome: Outcome) -> Chip {
    match outcome {
        Outcome::Done => Chip::new("done", "good"),
        Outcome::AlreadyTrue => Chip::new("already so", "good"),
        Outcome::Pending => Chip::new("pending", "wait"),
        Outcome::Unknown => Chip::new("unknown", "bad"),
        Outcome::Moved => Chip::new("moved", "wait"),
        Outcome::Refused => Chip::new("refused", "bad"),
        Outcome::Unsupported => Chip::new("unsupported", "bad"),
        Outcome::Skipped => Chip::new("skipped", "off"),
    }
}

/// Says a kind of finding in plain words.
pub(crate) fn kind(kind: FindingKind) -> String {
    kind.as_str().replace('_', " ")
}

/// Says a value.
pub(crate) fn value(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".into(),
        Value::String(text) if text.is_empty() => "empty".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) => items.iter().map(self::value).collect::<Vec<_>>().join(", "),
        // An account's key, as it is written everywhere.
        Value::Object(key)
            if key.len() == 3 && ["connection", "kind", "id"].iter().all(|part| key.contains_key(*part)) =>
        {
            ["connection", "kind", "id"].map(|part| self::value(&key[part])).join("/")
        }
        Value::Object(map) if map.is_empty() => "none".into(),
        Value::Object(map) => {
            let said = map.iter().filter(|(_, value)| !value.is_null());
            said.map(|(name, value)| format!("{} {}", name.replace('_', " "), self::value(value)))
                .collect::<Vec<_>>()
                .join(", ")
        }
        other => other.to_string(),
    };
    cut(&text)
}

/// Cuts a long text.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_LEN_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Says what a field becomes.
pub(crate) fn after(change: &Change) -> String {
    match (&change.refers_to, &change.after) {
        (Some(_), Value::Null) => "the account that is made for them".into(),
        (_, after) => value(after),
    }
}

/// Says what a field was.
pub(crate) fn before(change: &Change) -> String {
    change.before.as_ref().map_or_else(|| "not known".into(), value)
}

/// Says a moment without its fraction of a second: `2026-11-25 10:15:02`, UTC.
pub(crate) fn moment(text: &str) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// Says a moment in milliseconds since 1970.
pub(crate) fn moment_ms(ms: i64) -> String {
    moment(&moment_text(ms))
}

/// Says how long ago a moment was.
pub(crate) fn ago(ms: i64, now_ms: i64) -> String {
    let seconds = (now_ms - ms).max(0) / 1000;
    match seconds {
        0..10 => "just now".into(),
        10..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Says a span.
pub(crate) fn span(seconds: f64) -> String {
    match seconds.max(0.0) {
        seconds if seconds < 1.0 => "under a second".into(),
        seconds if seconds < 90.0 => format!("about {} s", seconds.ceil()),
        seconds if seconds < 5400.0 => format!("about {} min", (seconds / 60.0).ceil()),
        seconds => format!("about {:.1} h", seconds / 3600.0),
    }
}

/// Says a count with its noun.
pub(crate) fn count(number: usize, one: &str, several: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {several}", thousands(number as i64)) }
}

/// Writes a number with thin gaps between thousands.
pub(crate) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    if number < 0 { format!("−{text}") } else { text }
}

/// Says of whom a step is.
pub(crate) fn person(step: &Step) -> String {
    step.person.clone().unwrap_or_else(|| "Nobody's account".into())
}

/// Writes a text so that it can stand in the path or the query of an address.
pub(crate) fn part(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_are_said_as_people_read_them() {
        assert_eq!((thousands(1_234_567), thousands(-12)), ("1\u{202f}234\u{202f}567".into(), "−12".into()));
        assert_eq!((ago(0, 5_000), ago(0, 3 * 3_600_000)), ("just now".into(), "3 h ago".into()));
        assert_eq!((span(0.2), span(61.2)), ("under a second".into(), "about 62 s".into()));
        assert_eq!(
            (count(1, "step", "steps"), count(1200, "step", "steps")),
            ("1 step".into(), "1\u{202f}200 steps".into())
        );
    }

    #[test]
    fn what_a_field_was_tells_nothing_from_not_known() {
        let change = |before| Change {
            field: "role".into(),
            before,
            after: Value::from("agent"),
            entitlement: None,
            refers_to: None,
        };
        assert_eq!((before(&change(None)), before(&change(Some(Value::Null)))), ("not known".into(), "nothing".into()));
        assert_eq!(value(&serde_json::json!(["b", "a"])), "b, a");
        assert_eq!(value(&serde_json::json!({ "connection": "desk", "kind": "agent", "id": "7" })), "desk/agent/7");
        assert_eq!(
            value(&serde_json::json!({ "end_date": "2027-01-01", "by": null, "of": [] })),
            "end date 2027-01-01, of none"
        );
    }

    #[test]
    fn an_id_in_an_address_is_written_whole() {
        assert_eq!(part("a/b c?&é"), "a%2Fb%20c%3F%26%C3%A9");
    }
}
