//! Values on their way into a statement, one by one or as whole columns.
//! Made by every file of this room with `args![…]`, taken apart by `db.rs`.
//! What a value means, and which database gets it, is not known here.

/// A value given to a statement.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
    /// One column of many rows, where the database takes whole columns.
    Column(Column),
}

/// The values of one column.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Vec<u8>>),
}

impl Column {
    pub(crate) fn like(first: &Arg, rows: usize) -> Self {
        match first {
            Arg::Int(_) => Self::Ints(Vec::with_capacity(rows)),
            Arg::Bytes(_) => Self::Bytes(Vec::with_capacity(rows)),
            Arg::Text(_) | Arg::Column(_) => Self::Texts(Vec::with_capacity(rows)),
        }
    }

    /// Adds a value; one of another type than the first of its column is a mistake of ours and counts as absent.
    pub(crate) fn push(&mut self, value: Arg) {
        match (self, value) {
            (Self::Ints(all), Arg::Int(value)) => all.push(value),
            (Self::Texts(all), Arg::Text(value)) => all.push(value),
            (Self::Bytes(all), Arg::Bytes(value)) => all.push(value),
            (Self::Ints(all), _) => all.push(None),
            (Self::Texts(all), _) => all.push(None),
            (Self::Bytes(all), _) => all.push(Vec::new()),
        }
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Ints(_) => "BIGINT[]",
            Self::Texts(_) => "TEXT[]",
            Self::Bytes(_) => "BYTEA[]",
        }
    }
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}
impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}
impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.into()))
    }
}
impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}
impl From<Option<&str>> for Arg {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(String::from))
    }
}
impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}
impl From<Vec<u8>> for Arg {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

/// Lists the values of a statement: `args![name, since_ms]`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Arg::from($value)),*] };
}
pub(crate) use args;
