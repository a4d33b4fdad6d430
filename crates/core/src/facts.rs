//! What the walk starts from: observations, decisions and pinned links, for the whole company or for one cluster.
//! The store fills it; `reconcile` reads it and never asks for more.
//! Totals are given beside the records, so that a cluster is judged by the same guards as the whole.

use crate::abilities::Abilities;
use crate::account::{Account, AccountKey, Entitlement, Fields, Kind};
use crate::census::Censuses;
use crate::name::{ConnectionName, FieldName, FindingId, IdentityId, Name, PlanId, StepId};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that one reconcile looks at.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The moment for which it is judged (milliseconds since 1970, UTC); passed in, never read here.
    pub now_ms: i64,
    /// Every configured connection.
    pub connections: BTreeMap<ConnectionName, ConnectionFacts>,
    /// Accounts and source records, in any order; records that are gone are not among them.
    pub accounts: Vec<Account>,
    /// Earlier versions of source records, oldest first, from which past wishes are known.
    pub history: Vec<Account>,
    /// Source records that were there and are gone from a complete pull: their people are not leavers by that.
    pub vanished: Vec<Account>,
    /// Pinned links.
    pub links: Vec<Link>,
    /// What people decided, oldest first.
    pub decisions: Vec<Decision>,
    /// Conversions that were begun and not seen done: whose, where, and what they would have set.
    pub unfinished: BTreeMap<(ConnectionName, IdentityId), Fields>,
    /// What is known of the sessions of those who left, and where.
    pub sessions: BTreeMap<(ConnectionName, IdentityId), SessionsTried>,
    /// Fields that an app left as they were not long ago, although it answered that all is well.
    pub ignored: BTreeMap<AccountKey, BTreeSet<FieldName>>,
    /// Fields that an app left as they were, however long ago, and that have not been written since.
    pub left: BTreeMap<AccountKey, BTreeSet<FieldName>>,
    /// Since when an invitation of ours waits (milliseconds since 1970, UTC), where the account is older than it.
    pub invited: BTreeMap<AccountKey, i64>,
    /// What SCIM clients wish of single accounts, in any order.
    pub client_wishes: Vec<ClientWish>,
    /// What guards count among the accounts that are not here, where the others were looked at by themselves.
    pub beyond: Censuses,
}

/// The last that happened to the sessions of somebody who left: ended, or open since they were put out, told of, or
/// could not be ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionsTried {
    /// When (milliseconds since 1970, UTC).
    pub at_ms: i64,
    /// Whether they were ended.
    pub ended: bool,
    /// Why they could not be ended, where that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What a SCIM client wishes of one account of the connection that it speaks to: the newest of all that it said. It
/// speaks of this account only, and of what it named only.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClientWish {
    /// Where.
    pub connection: ConnectionName,
    /// By what the client knows the account; given once, and the same for ever.
    pub id: Box<str>,
    /// Who wishes it, as reasons name it.
    pub client: String,
    /// For whom.
    pub identity: IdentityId,
    /// The account, once there is one.
    pub account: Option<AccountKey>,
    /// As which kind of record, where the client says.
    pub kind: Option<Kind>,
    /// What should become of the account as a whole.
    pub asks: ClientAsks,
    /// The sign-in name that the client uses.
    pub login: String,
    /// The id that the client gave.
    pub external_id: Option<String>,
    /// Whether the client calls the address its first choice, where it says so: kept for it, and not sent to the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    /// Who it is, in the words for people: the only word there is of somebody whom no source knows.
    pub person: Fields,
    /// Fields of the account.
    pub fields: Fields,
    /// Whom the client names as the manager, where that person has no account there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<ReportsTo>,
    /// The policy's word → name → whether it should be held. Names that are not among them are not the client's.
    pub grants: BTreeMap<Name, BTreeMap<Name, bool>>,
    /// What stands in the way, as far as it is known.
    pub because: Option<String>,
    /// Whether that is something which people decide about: a guard, an approval.
    pub is_held: bool,
    /// Since when the wish is so (milliseconds since 1970, UTC).
    pub since_ms: i64,
    /// When the client spoke of it first.
    pub created_ms: i64,
    /// How often it was changed.
    pub version: i64,
}

/// To whom somebody reports by the word of a client, before there is an account to be named.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReportsTo {
    /// By what the client knows the account that is to be.
    pub id: Box<str>,
    /// Who it is.
    pub identity: IdentityId,
}

impl ClientWish {
    /// Tells whether an account can be the one that is wished: of the kind that the client says, else of whoever works here.
    pub fn may_be(&self, account: &AccountKey) -> bool {
        let fits = self.kind.map_or_else(|| account.kind.is_staff(), |kind| kind == account.kind);
        fits && account.connection == self.connection
    }
}

/// What a client asks of an account as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAsks {
    /// Nothing: it speaks of fields and grants only.
    Nothing,
    /// That it be there and can be used.
    Present,
    /// That it cannot be used.
    Suspended,
    /// That it be no more. It is suspended, and the client does not see it any more.
    Gone,
}

/// What is known of one connection besides its accounts.
#[derive(Clone, Debug)]
pub struct ConnectionFacts {
    /// What it can do.
    pub abilities: Arc<Abilities>,
    /// When its last complete pull started; `None` if there never was one.
    pub complete_ms: Option<i64>,
    /// How the newest pull ended, if there was one.
    pub coverage: Option<Coverage>,
    /// Why the newest pull is partial.
    pub because: Option<String>,
    /// Accounts that give access now, in the whole connection.
    pub accounts_active: u64,
    /// Seats taken now, pending invitations among them.
    pub seats_taken: u64,
    /// Records in the last believed complete pull before the newest (for sources: people).
    pub records_before: Option<u64>,
    /// Records in the newest complete pull.
    pub records_now: Option<u64>,
    /// Why nothing is written there: it answers in another form than before.
    pub drift: Option<String>,
    /// What was taken away there within the last 24 hours.
    pub removed: Removed,
    /// The steps that are counted there. Planned once more, they take no more away.
    pub removed_by: BTreeSet<StepId>,
    /// Why nothing is written there: too many steps failed one after the other.
    pub circuit: Option<String>,
    /// The reference lists.
    pub entitlements: Vec<Entitlement>,
}

/// What was taken away in one connection within the last 24 hours, whatever the plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Removed {
    /// Steps that took something away, or may have.
    pub steps: u64,
    /// Different accounts that they took it from.
    pub accounts: u64,
}

/// Whether a read saw everything. Only `Complete` proves absence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// Everything was read.
    Complete,
    /// Something was not.
    Partial,
}

impl Coverage {
    /// Returns the word that JSON uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
        }
    }
}

/// An identity holds an account, and why we think so.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Link {
    /// The account or source record.
    pub account: AccountKey,
    /// Whose it is.
    pub identity: IdentityId,
    /// The rule that found it, such as `login = work_email`.
    pub evidence: Name,
    /// Since when it is pinned (milliseconds since 1970, UTC).
    pub since_ms: i64,
}

/// Something that a person decided. Append-only; a later decision about the same thing wins.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// Position in the store; later is larger.
    pub seq: i64,
    /// When (milliseconds since 1970, UTC).
    pub at_ms: i64,
    /// Who, by name.
    pub by: String,
    /// Why, in their words.
    pub note: Option<String>,
    /// What.
    pub what: Decided,
}

impl Decision {
    /// Tells whether it is a move that is in effect at a moment (milliseconds since 1970, UTC).
    pub(crate) fn moves_at(&self, now_ms: i64) -> bool {
        matches!(self.what, Decided::Move { from_ms, .. } if from_ms.unwrap_or(self.at_ms) <= now_ms)
    }
}

/// What can be decided. The fields say on whom, from when and with which attributes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "decided", rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant says it")]
pub enum Decided {
    /// This account is this identity's.
    Link { account: AccountKey, identity: IdentityId },
    /// This account is not this identity's (or nobody's, where none is named).
    Unlink { account: AccountKey, identity: Option<IdentityId> },
    /// This account is to be left alone: a service account, an agreed exception.
    Exempt { account: AccountKey },
    /// What this person left open at this account counts as ended: somebody saw to it.
    Settle { account: AccountKey, identity: IdentityId },
    /// What this finding says of a connection's answers is known from now on.
    Accept { connection: ConnectionName, finding: FindingId },
    /// A person joins who may be in no source; founds an identity when none is known.
    Join { identity: IdentityId, attributes: Fields, start_ms: Option<i64> },
    /// A person's attributes are these, whatever the sources say.
    Move { identity: IdentityId, attributes: Fields, from_ms: Option<i64> },
    /// A person leaves, at once or at a moment. `start_date` is the first day that was known when it was decided: only a
    /// later one that a source tells is a return.
    Leave {
        identity: IdentityId,
        at_ms: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_date: Option<Date>,
    },
    /// This step may run.
    Approve { step: StepId },
    /// This step may not run.
    Reject { step: StepId },
    /// What this guard holds in this plan may run all the same, and in no other plan.
    Release { plan: PlanId, guard: String },
    /// What this guard holds in this plan stays held after all: a release is taken back.
    Withhold { plan: PlanId, guard: String },
}
