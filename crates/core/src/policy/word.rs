//! The values that a policy writes: lengths of time, and what stands behind a word such as `teams`.
//! They come out of TOML and know how to describe themselves to an editor.
//! Whether a word exists in a connection is `check`'s to say.

use crate::name::Name;
use jiff::{Span, ToSpan, Zoned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// A length of time in a policy: days are the person's days, hours are hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Delay {
    days: i32,
    seconds: i64,
}

impl Delay {
    /// The longest time that can be written, in days.
    pub const DAYS_MAX: i32 = 36_500;

    /// Returns a number of days.
    pub const fn days(days: i32) -> Self {
        Self { days, seconds: 0 }
    }

    /// Returns a number of hours.
    pub const fn hours(hours: i32) -> Self {
        Self { days: 0, seconds: hours as i64 * 3600 }
    }

    /// Returns a number of minutes.
    pub const fn minutes(minutes: i32) -> Self {
        Self { days: 0, seconds: minutes as i64 * 60 }
    }

    /// Reads `2w`, `3d`, `12h`, `30m`, `90s`, or `never`, which is `None`.
    pub fn parse(text: &str) -> Option<Option<Self>> {
        if text == "never" {
            return Some(None);
        }
        let at = text.find(|letter: char| !letter.is_ascii_digit())?;
        let number: i32 = text[..at].parse().ok()?;
        let delay = match &text[at..] {
            "w" if number <= Self::DAYS_MAX / 7 => Self::days(number * 7),
            "d" if number <= Self::DAYS_MAX => Self::days(number),
            "h" if number <= Self::DAYS_MAX * 24 => Self::hours(number),
            "m" if number <= Self::DAYS_MAX * 24 => Self::minutes(number),
            "s" => Self { days: 0, seconds: i64::from(number) },
            _ => return None,
        };
        Some(Some(delay))
    }

    /// Returns the time in milliseconds, with days of 24 hours.
    pub fn as_ms(self) -> i64 {
        (i64::from(self.days) * 86_400 + self.seconds) * 1000
    }

    fn span(self) -> Span {
        self.days.days().seconds(self.seconds)
    }

    /// Returns the moment this long after `zoned`, in its zone (milliseconds since 1970).
    pub fn after(self, zoned: &Zoned) -> i64 {
        zoned.checked_add(self.span()).map_or(i64::MAX, |moment| moment.timestamp().as_millisecond())
    }

    /// Returns the moment this long before `zoned`, in its zone (milliseconds since 1970).
    pub fn before(self, zoned: &Zoned) -> i64 {
        zoned.checked_sub(self.span()).map_or(i64::MIN, |moment| moment.timestamp().as_millisecond())
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.days, self.seconds) {
            (days, 0) if days > 0 => write!(f, "{days}d"),
            (_, seconds) if seconds % 3600 == 0 => write!(f, "{}h", seconds / 3600),
            (_, seconds) if seconds % 60 == 0 => write!(f, "{}m", seconds / 60),
            (_, seconds) => write!(f, "{seconds}s"),
        }
    }
}

/// What a policy writes behind a word.
#[derive(Clone, Debug, PartialEq)]
pub enum WordValue {
    /// One text: a grant's name, or a field's value.
    Text(Name),
    /// A yes or no, for a field.
    Flag(bool),
    /// A number, for a field.
    Number(i64),
    /// Grants.
    Grants(Vec<WordGrant>),
}

/// One grant of a list, by name and perhaps within bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordGrant {
    /// The entitlement's name.
    pub name: Name,
    /// Its bounds.
    pub scope: Option<Name>,
}

impl WordValue {
    /// Lists the grants that the value names; none for flags and numbers.
    pub fn grants(&self) -> Vec<WordGrant> {
        match self {
            Self::Text(name) => vec![WordGrant { name: name.clone(), scope: None }],
            Self::Grants(grants) => grants.clone(),
            Self::Flag(_) | Self::Number(_) => Vec::new(),
        }
    }

    /// Returns the value as a field's; `None` for a list.
    pub fn field(&self) -> Option<serde_json::Value> {
        match self {
            Self::Text(text) => Some(serde_json::Value::String(text.as_str().to_owned())),
            Self::Flag(flag) => Some(serde_json::Value::Bool(*flag)),
            Self::Number(number) => Some(serde_json::Value::from(*number)),
            Self::Grants(_) => None,
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScopedGrant {
    name: String,
    scope: Option<String>,
}

struct OneGrant(WordGrant);

impl<'de> Deserialize<'de> for OneGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Grant;
        impl<'de> Visitor<'de> for Grant {
            type Value = OneGrant;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, or { name = \"…\", scope = \"…\" }")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<OneGrant, E> {
                Ok(OneGrant(WordGrant { name: Name::new(name), scope: None }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneGrant, A::Error> {
                let grant = ScopedGrant::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(OneGrant(WordGrant { name: grant.name.into(), scope: grant.scope.map(Name::from) }))
            }
        }
        deserializer.deserialize_any(Grant)
    }
}

impl<'de> Deserialize<'de> for WordValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl<'de> Visitor<'de> for Word {
            type Value = WordValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, a list of names, or a list of { name = \"…\", scope = \"…\" }")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<WordValue, E> {
                Ok(WordValue::Text(Name::new(name)))
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<WordValue, E> {
                Ok(WordValue::Flag(flag))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<WordValue, E> {
                Ok(WordValue::Number(number))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WordValue, A::Error> {
                let grant = ScopedGrant::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(WordValue::Grants(vec![WordGrant { name: grant.name.into(), scope: grant.scope.map(Name::from) }]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<WordValue, A::Error> {
                let mut grants = Vec::new();
                while let Some(OneGrant(grant)) = items.next_element()? {
                    grants.push(grant);
                }
                Ok(WordValue::Grants(grants))
            }
        }
        deserializer.deserialize_any(Word)
    }
}

impl JsonSchema for WordValue {
    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let scoped = generator.subschema_for::<ScopedGrant>();
        json_schema!({
            "description": "A name, a list of names, a list of { name, scope }, or the value of a field.",
            "anyOf": [
                { "type": "string" }, { "type": "boolean" }, { "type": "integer" }, scoped,
                { "type": "array", "items": { "anyOf": [{ "type": "string" }, scoped] } }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        assert_eq!(Delay::parse("3d"), Some(Some(Delay::days(3))));
        assert_eq!(Delay::parse("0h"), Some(Some(Delay::default())));
        assert_eq!(Delay::parse("never"), Some(None));
        assert_eq!(Delay::parse("2w"), Some(Some(Delay::days(14))));
        assert_eq!(Delay::parse("90s").flatten().map(Delay::as_ms), Some(90_000));
        assert_eq!(Delay::parse("90m").flatten().map(Delay::as_ms), Some(5_400_000));
        for wrong in ["", "3", "d", "-1d", "3 d", "99999999999d", "40000d", "3y", "6000w"] {
            assert_eq!(Delay::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_length_of_time_prints_as_it_is_written() {
        for text in ["3d", "0h", "24h", "90m", "90s"] {
            assert_eq!(Delay::parse(text).flatten().map(|delay| delay.to_string()).as_deref(), Some(text));
        }
    }
}
