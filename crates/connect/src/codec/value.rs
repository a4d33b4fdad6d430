//! One field's value in our spelling and in the app's.
//! Decoding reads it out of a document, encoding writes it for a body. It does not know where the value lies.

use super::json::Json;
use super::zone::{iana_zone, rails_zone};
use crate::manifest::{Codec, FieldSpec};
use serde_json::{Number, Value};
use tenure_core::place::nearest;

/// Letters of `2026-11-26`.
const DAY_LEN: usize = 10;

/// The compiled codec of one field.
#[derive(Clone, Debug)]
pub(crate) struct ValueCodec {
    codec: Codec,
    words: Vec<(Box<str>, Value)>,
}

impl ValueCodec {
    /// Compiles the codec of a field.
    pub fn new(spec: &FieldSpec) -> Self {
        let words = spec.words.iter().map(|(word, value)| (word.as_str().into(), value.clone())).collect();
        Self { codec: spec.codec, words }
    }

    /// Tells whether its values are words.
    pub fn has_words(&self) -> bool {
        self.codec == Codec::Words
    }

    /// Tells whether a value is one of the words.
    pub fn is_word(&self, json: &Json<'_>) -> bool {
        self.word_of(json).is_some()
    }

    fn word_of(&self, json: &Json<'_>) -> Option<&str> {
        let is = |value: &Value| match value {
            Value::Array(any) => any.iter().any(|value| json.equals(value)),
            one => json.equals(one),
        };
        self.words.iter().find(|(_, value)| is(value)).map(|(word, _)| &**word)
    }

    /// Returns our spelling; null where the app says that it is empty. A word that we do not know stays as it is.
    pub fn read(&self, json: &Json<'_>) -> Value {
        if json.is_empty() {
            return Value::Null;
        }
        match self.codec {
            Codec::Words => {
                self.word_of(json).map_or_else(|| text_or_value(json), |word| Value::String(word.to_owned()))
            }
            Codec::RailsTimeZone => match json {
                Json::Text(name) => {
                    let zone = iana_zone(name).or_else(|| iana_zone(rails_zone(name)?));
                    Value::String(zone.unwrap_or(name).to_owned())
                }
                _ => json.to_value(),
            },
            Codec::Text | Codec::AccountNumber | Codec::AccountText => text_or_value(json),
            Codec::Date => match json.plain() {
                Some(text) if text.starts_with("0000") => Value::Null,
                Some(text) => Value::String(text.get(..DAY_LEN).unwrap_or(&text).to_owned()),
                None => json.to_value(),
            },
            Codec::Number | Codec::Flag | Codec::Texts => json.to_value(),
        }
    }

    /// Returns the app's spelling.
    ///
    /// # Errors
    /// The value cannot be said in this app; the text says why.
    pub fn write(&self, value: &Value) -> Result<Value, String> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        match self.codec {
            Codec::Text | Codec::Date | Codec::AccountText => plain_text(value).map(Value::String),
            Codec::Number | Codec::AccountNumber => number(value),
            Codec::Texts => Err("lists are read only".to_owned()),
            Codec::Flag => match value {
                Value::Bool(_) => Ok(value.clone()),
                Value::String(text) if text == "true" || text == "false" => Ok(Value::Bool(text == "true")),
                _ => Err(format!("{value} is neither true nor false")),
            },
            Codec::Words => self.word(value),
            Codec::RailsTimeZone => {
                let text = plain_text(value)?;
                rails_zone(&text).map(Value::from).ok_or_else(|| format!("the app has no time zone for {text:?}"))
            }
        }
    }

    fn word(&self, value: &Value) -> Result<Value, String> {
        let text = plain_text(value)?;
        if let Some((_, native)) = self.words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            return Ok(match native {
                Value::Array(any) => any.first().cloned().unwrap_or_default(),
                one => one.clone(),
            });
        }
        let known: Vec<&str> = self.words.iter().map(|(word, _)| &**word).collect();
        let near = nearest(&text, &known).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        Err(format!("{text:?} is not one of {}{near}", known.join(", ")))
    }
}

fn text_or_value(json: &Json<'_>) -> Value {
    json.plain().map_or_else(|| json.to_value(), |text| Value::String(text.into_owned()))
}

fn plain_text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(format!("{value} is not a text")),
    }
}

/// Reads a whole number out of a number or a text of digits.
pub(crate) fn number(value: &Value) -> Result<Value, String> {
    match value {
        Value::Number(_) => Ok(value.clone()),
        Value::String(text) => text
            .parse::<u64>()
            .map(Number::from)
            .or_else(|_| text.parse::<i64>().map(Number::from))
            .map(Value::Number)
            .map_err(|_| format!("{text:?} is not a number")),
        _ => Err(format!("{value} is not a number")),
    }
}
