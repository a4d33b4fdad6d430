//! One person (or service) across everything, as the sources in their order of authority tell it.
//! Identities are derived from source records and decisions by `correlate`; nothing here is stored as a fact.
//! An identity does not know what it should hold: that is `decide`.

use crate::account::{AccountKey, Fields};
use crate::name::IdentityId;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a person stands, today, in their own time zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdentityState {
    /// Starts later.
    Future,
    /// Works here.
    Active,
    /// Works here, is away.
    Leave,
    /// Worked here.
    Left,
    /// No source says.
    Unknown,
}

impl IdentityState {
    /// Returns the word that JSON uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Active => "active",
            Self::Leave => "leave",
            Self::Left => "left",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for IdentityState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One person across everything.
#[derive(Clone, PartialEq, Debug)]
pub struct Identity {
    /// Its id, derived from the record that founded it; never changes afterwards.
    pub id: IdentityId,
    /// All attributes that the sources tell, by authority: `name`, `given_name`, `family_name`, `work_email`,
    /// `employee_id`, `type`, `department`, `title`, `location`, `manager_id` (the manager's employee id),
    /// `time_zone`, `phone`, `locale`, and whatever further columns a file has.
    pub attributes: Fields,
    /// All addresses that are theirs, lower case, the work address first.
    pub emails: Vec<Box<str>>,
    /// Where they stand.
    pub state: IdentityState,
    /// First day of work.
    pub start_date: Option<Date>,
    /// Last day of work.
    pub end_date: Option<Date>,
    /// The manager, where the tree knows one.
    pub manager: Option<IdentityId>,
    /// The source records that tell of this identity, in order of authority.
    pub records: Vec<AccountKey>,
}

/// What every identity can be asked for in a condition, beside the attributes that only some sources bring.
pub const WORDS: [&str; 22] = [
    "id",
    "state",
    "emails",
    "manager",
    "attributes",
    "employee_id",
    "given_name",
    "family_name",
    "name",
    "work_email",
    "other_emails",
    "type",
    "department",
    "title",
    "location",
    "manager_id",
    "start_date",
    "end_date",
    "time_zone",
    "status",
    "phone",
    "locale",
];

impl Identity {
    /// Returns the name to show: the name, else the address, else the id.
    pub fn label(&self) -> &str {
        self.attributes.text("name").or_else(|| self.emails.first().map(|email| &**email)).unwrap_or(self.id.as_str())
    }

    /// Returns the work address, if a source tells one.
    pub fn work_email(&self) -> Option<&str> {
        self.attributes.text("work_email")
    }
}
