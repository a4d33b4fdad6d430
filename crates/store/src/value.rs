//! Values on their way into a statement, borrowed where they can be.
//! Made by every file of this room with `args![…]`, taken apart by `sqlite.rs` and `postgres.rs`.
//! What a value means, and which database gets it, is not known here.

use std::borrow::Cow;

/// A value given to a statement.
#[derive(Clone, Debug)]
pub(crate) enum Arg<'a> {
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bytes(Cow<'a, [u8]>),
}

/// Texts up to this length are compared rather than copied.
const SHORT: usize = 12;

impl Arg<'_> {
    /// Tells whether both are the same, as far as that is told at a glance.
    pub(crate) fn is_plainly(&self, other: &Arg<'_>) -> bool {
        match (self, other) {
            (Self::Int(one), Arg::Int(other)) => one == other,
            (Self::Text(None), Arg::Text(None)) => true,
            (Self::Text(Some(one)), Arg::Text(Some(other))) => one.len() <= SHORT && one == other,
            _ => false,
        }
    }
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}
impl From<Option<i64>> for Arg<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}
impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}
impl From<String> for Arg<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(Cow::Owned(value)))
    }
}
impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value.map(Cow::Borrowed))
    }
}
impl From<Option<String>> for Arg<'_> {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(Cow::Owned))
    }
}
impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(value))
    }
}
impl From<Vec<u8>> for Arg<'_> {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(value))
    }
}

/// Lists the values of a statement: `args![name, since_ms]`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Arg::from($value)),*] };
}
pub(crate) use args;
