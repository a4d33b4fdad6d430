//! What people should hold, what may be taken away, and who must be asked: `policy.toml`, read and looked through.
//! The text comes from the caller; `correlate`, `decide`, `diff` and `plan` each read their part of it.
//! It does not know what a connection can do: `check` is handed that, and says which words fit nothing.

mod check;
mod file;
mod word;

pub use check::PolicyProblem;
pub use word::{Delay, WordGrant, WordValue};

use crate::account::Kind;
use crate::expression::Expression;
use crate::name::{ConnectionName, Name};
use crate::place::Misplaced;
use std::collections::BTreeMap;

/// How long a yes holds where the policy does not say.
const VALID_FOR: Delay = Delay::days(7);

/// What is wrong with a policy: file, line, column, what, and a hint.
pub type PolicyError = Misplaced;

/// All rules by which the walk goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The file, for errors that are found later.
    pub path: String,
    /// Its text, for the same.
    pub text: String,
    /// Who should hold what, in the order of the file.
    pub grants: Vec<GrantRule>,
    /// What may be taken away and changed, by connection.
    pub manage: BTreeMap<ConnectionName, Manage>,
    /// When accounts come and go.
    pub lifecycle: Lifecycle,
    /// Which steps wait for whom, in the order of the file.
    pub approvals: Vec<ApprovalRule>,
    /// How long a yes holds; `None` means for ever.
    pub valid_for: Option<Delay>,
    /// Group → addresses of its people.
    pub approvers: BTreeMap<String, Vec<String>>,
    /// What holds a plan back.
    pub guards: Guards,
    /// How accounts find their identities.
    pub correlation: Correlation,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            path: String::new(),
            text: String::new(),
            grants: Vec::new(),
            manage: BTreeMap::new(),
            lifecycle: Lifecycle::default(),
            approvals: Vec::new(),
            valid_for: Some(VALID_FOR),
            approvers: BTreeMap::new(),
            guards: Guards::default(),
            correlation: Correlation::default(),
        }
    }
}

/// The rules of the walk are the policy.
pub type Rules = Policy;

/// `[[grant]]`: whoever fits holds this.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantRule {
    /// The name that wishes and reasons carry.
    pub name: String,
    /// Whom it fits, over `identity.*`.
    pub when: Expression,
    /// What they hold, by connection.
    pub to: BTreeMap<ConnectionName, Wanted>,
}

/// What a rule wants in one connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// As which kind; `None` means the connection's default.
    pub kind: Option<Kind>,
    /// The policy's word → what is wanted under it.
    pub words: BTreeMap<Name, WordValue>,
}

/// What to do about a thing that the policy does not wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unwished {
    /// Say it.
    #[default]
    Report,
    /// Take it away.
    Remove,
}

/// How far fields of existing accounts follow the sources. Addresses and names always follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FieldsFollow {
    /// A value that differs is changed; an empty one is filled along with another change.
    #[default]
    Follow,
    /// An empty one is filled by itself, too.
    Fill,
    /// Other fields than addresses and names are left alone.
    Off,
}

/// `[[manage]]` for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Manage {
    /// Grants beyond the wished ones.
    pub extra_grants: Unwished,
    /// Accounts that are nobody's.
    pub orphans: Unwished,
    /// Fields.
    pub fields: FieldsFollow,
}

/// `[lifecycle]`. `None` means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// How long before the first day accounts are made.
    pub create_before_start: Option<Delay>,
    /// How long after the last day accounts are suspended.
    pub suspend_after_end: Option<Delay>,
    /// How long after the last day accounts are deleted.
    pub delete_after_end: Option<Delay>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            create_before_start: Some(Delay::days(3)),
            suspend_after_end: Some(Delay::default()),
            delete_after_end: None,
        }
    }
}

/// `[[approve]]`: who must say yes to the steps that fit.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalRule {
    /// Which steps, over `step.*`.
    pub when: Expression,
    /// Groups of approvers; empty means nobody is asked.
    pub from: Vec<String>,
    /// How many must say yes.
    pub count: u32,
}

/// `[guards]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Guards {
    /// Removals in one plan.
    pub removals_max: u64,
    /// Accounts of one connection that lose something, as a share of its active ones; one is always allowed.
    pub removals_max_share: f64,
    /// Removals in one connection within any 24 hours, across plans.
    pub removals_max_per_day: u64,
    /// Accounts of one connection that lose something within any 24 hours, as a share of its active ones.
    pub removals_max_share_per_day: f64,
    /// How much a source may shrink and still be believed.
    pub source_shrink_max_share: f64,
    /// How old a pull may be on whose word something is taken away.
    pub stale_after: Delay,
    /// After so many failures in a row in one connection nothing more is written there.
    pub failures_max: u32,
    /// After this time one step is tried there again.
    pub failures_retry_after: Delay,
    /// Logins and addresses that are never changed, in lower case.
    pub protected: Vec<String>,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            removals_max: 25,
            removals_max_share: 0.05,
            removals_max_per_day: 50,
            removals_max_share_per_day: 0.1,
            source_shrink_max_share: 0.02,
            stale_after: Delay::hours(24),
            failures_max: 10,
            failures_retry_after: Delay::minutes(15),
            protected: Vec::new(),
        }
    }
}

/// By what an account finds its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchRule {
    /// The pinned link, by the app's immutable id.
    Link,
    /// The key that was left on the record.
    ExternalId,
    /// The employee id.
    EmployeeId,
    /// An address, earlier ones and aliases among them.
    Email,
}

impl MatchRule {
    /// All rules, in their usual order.
    pub const ALL: [Self; 4] = [Self::Link, Self::ExternalId, Self::EmployeeId, Self::Email];

    /// Returns the word that the file uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::ExternalId => "external_id",
            Self::EmployeeId => "employee_id",
            Self::Email => "email",
        }
    }
}

/// `[correlation]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// The rules that are asked, in order.
    pub rules: Vec<MatchRule>,
    /// Which accounts are machines, over `account.*`.
    pub service: Vec<Expression>,
}

impl Default for Correlation {
    fn default() -> Self {
        Self { rules: MatchRule::ALL.to_vec(), service: Vec::new() }
    }
}

impl Policy {
    /// Reads the text of the file at `path`.
    ///
    /// # Errors
    /// It is no TOML, has an unknown key (the nearest known one is named), a value of the wrong type, a condition
    /// that is none, or a group of approvers that is not there.
    pub fn parse(text: &str, path: &str) -> Result<Self, PolicyError> {
        file::read(text, path)
    }

    /// Returns what is managed in `connection`; unmanaged ones are reported, never touched.
    pub fn manage_of(&self, connection: &ConnectionName) -> Manage {
        self.manage.get(connection).copied().unwrap_or_default()
    }
}

/// Returns the JSON Schema of `policy.toml`.
pub fn policy_schema() -> serde_json::Value {
    file::schema()
}

#[cfg(test)]
mod tests;
