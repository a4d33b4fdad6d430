//! What the walk ends in: changes, steps, holds, findings and the plan that carries them.
//! `diff` makes changes, `plan` makes steps of them, the guards hold some back; `apply` carries steps out.
//! Everything here names its cause: a change its reason, a step its changes, a hold its guard.

use crate::abilities::Effect;
use crate::account::{AccountKey, Grant, Kind};
use crate::byhand::HandWork;
use crate::name::{ConnectionName, EntitlementKind, FieldName, FindingId, IdentityId, Name, PlanId, StepId};
use crate::revert::WayBack;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One thing that should be different: `before` → `after`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The canonical field (`title`), or the policy's word of an entitlement (`role`, `teams`).
    pub field: FieldName,
    /// What is there now; absent means unknown, null known to be empty. Sets are sorted lists of names.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub before: Option<Value>,
    /// What should be there. For sets: the whole wanted set after this step.
    pub after: Value,
    /// For entitlements: what this step adds and takes away, so that a merge loses nobody else's change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<EntitlementChange>,
    /// For a field that names another account (a manager): whose account it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<IdentityId>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What a change adds to and takes from the grants of one kind.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct EntitlementChange {
    /// The entitlement kind.
    pub kind: EntitlementKind,
    /// Grants to add.
    pub add: Vec<WishedGrant>,
    /// Grants to take away.
    pub remove: Vec<WishedGrant>,
    /// Of the grants that stay as they are, those whose scope the app does not tell, each with the one that it is to have:
    /// a set is written whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<WishedGrant>,
}

/// An entitlement by name, as a policy or a diff speaks of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WishedGrant {
    /// Its name in this tenant.
    pub name: Name,
    /// The scope, where the app has scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Name>,
    /// Whether it is privileged, from the manifest.
    #[serde(default)]
    pub privileged: bool,
}

/// Why something should change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// What happened to the person.
    pub kind: ReasonKind,
    /// The rule of the policy that wishes it, if one does.
    pub rule: Option<String>,
    /// A plain sentence.
    pub text: String,
    /// Whose word it is, where somebody said that the person joins, moves or leaves: they asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What happened to the person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReasonKind {
    /// New here.
    Joiner,
    /// Attributes changed.
    Mover,
    /// Gone.
    Leaver,
    /// Back again.
    Rehire,
    /// The world differs from the policy without a change of the person.
    Drift,
    /// Somebody decided it.
    Decision,
}

impl ReasonKind {
    /// Returns the word that JSON uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joiner => "joiner",
            Self::Mover => "mover",
            Self::Leaver => "leaver",
            Self::Rehire => "rehire",
            Self::Drift => "drift",
            Self::Decision => "decision",
        }
    }
}

/// How much a step can hurt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Can be undone, touches nothing privileged.
    Low,
    /// Irreversible, privileged, or takes access away.
    High,
}

/// One change of the world.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Derived from what it does.
    pub id: StepId,
    /// Where.
    pub connection: ConnectionName,
    /// What.
    pub effect: Effect,
    /// For whom; `None` for an account that belongs to nobody.
    pub identity: Option<IdentityId>,
    /// The person's name, for people who read plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The account, by the app's id; `None` when it is yet to be made.
    pub account: Option<String>,
    /// The kind of record that the step makes or touches (for `convert`: what it becomes).
    pub kind: Kind,
    /// The full key of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_key: Option<AccountKey>,
    /// What becomes different.
    pub changes: Vec<Change>,
    /// For an account that is let in again: what it held all the while, and gives access to from then on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regains: Vec<Grant>,
    /// Why.
    pub reason: Reason,
    /// How much it can hurt.
    pub risk: Risk,
    /// Cannot be undone.
    pub irreversible: bool,
    /// What is lost for good, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loses: Option<String>,
    /// For `manual`: the work, made ready for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<HandWork>,
    /// Steps that must be done before.
    pub needs: Vec<StepId>,
    /// Steps that it waits for, whatever becomes of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<StepId>,
    /// Whether somebody must say yes, and whether they did.
    pub approval: Approval,
}

/// Whether somebody must say yes to a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Where it stands.
    pub state: ApprovalState,
    /// Groups of approvers that may say it.
    pub from: Vec<String>,
    /// How many must say it.
    pub count: u32,
    /// Who said it.
    pub by: Vec<String>,
    /// Until when the yes holds (RFC 3339, UTC); absent where nobody said it, or it does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Where an approval stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Nobody needs to be asked.
    NotNeeded,
    /// Somebody must still say yes.
    Waiting,
    /// Enough people said yes.
    Approved,
    /// Somebody said no.
    Rejected,
}

impl ApprovalState {
    /// Tells whether the step may run.
    pub fn permits(self) -> bool {
        matches!(self, Self::NotNeeded | Self::Approved)
    }
}

/// A step kept back, with the reason.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The step as it would be.
    pub step: Step,
    /// The guard that holds it, by name.
    pub guard: String,
    /// Why, in a plain sentence with the figures.
    pub because: String,
    /// Who may let it run all the same, and how; absent where nobody may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
}

/// What a plan costs.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Seats taken (positive) or freed (negative), by connection.
    pub seats: BTreeMap<ConnectionName, i64>,
    /// Seats that are free now, of the connections whose seats it touches and whose number is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seats_free: BTreeMap<ConnectionName, i64>,
    /// Accounts more (positive) or fewer under each name that decides what the vendor bills (a role), by connection.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub billing: BTreeMap<ConnectionName, BTreeMap<Name, i64>>,
    /// Requests, by connection.
    pub requests: BTreeMap<ConnectionName, u64>,
    /// The least time that the rate limits allow, connections running side by side.
    pub seconds: f64,
}

/// The changes that would make the world as wished.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Derived from the digest.
    pub id: PlanId,
    /// SHA-256 over steps and holds (approvals left out), in hex.
    pub digest: String,
    /// When it was made (RFC 3339, UTC).
    pub made_at: String,
    /// Who asked for it; may not approve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// What would be done, in an order in which it can be done.
    pub steps: Vec<Step>,
    /// What is kept back.
    pub held: Vec<Hold>,
    /// The findings that stood when it was made.
    pub findings: Vec<FindingId>,
    /// What it costs.
    pub cost: Cost,
    /// For the way back from a run: which, and what of it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_back: Option<WayBack>,
}

/// A plan in a line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the fields are those of a plan; steps and holds are counted")]
pub struct PlanBrief {
    pub id: PlanId,
    pub digest: String,
    pub made_at: String,
    pub requested_by: Option<String>,
    pub steps: usize,
    pub held: usize,
}

impl Plan {
    /// Returns every step, held ones last.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(self.held.iter().map(|hold| &hold.step))
    }

    /// Tells of it in a line.
    pub fn brief(&self) -> PlanBrief {
        PlanBrief {
            id: self.id.clone(),
            digest: self.digest.clone(),
            made_at: self.made_at.clone(),
            requested_by: self.requested_by.clone(),
            steps: self.steps.len(),
            held: self.held.len(),
        }
    }
}

/// Something that a person should know.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Derived from what it is about.
    pub id: FindingId,
    /// Which kind.
    pub kind: FindingKind,
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub connection: Option<ConnectionName>,
    /// The account, by the app's id.
    pub account: Option<String>,
    /// The full key of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_key: Option<AccountKey>,
    /// Whose.
    pub identity: Option<IdentityId>,
    /// A plain sentence.
    pub text: String,
    /// Since when it stands (RFC 3339, UTC), where the store knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What the sentence is made of.
    pub facts: BTreeMap<String, Value>,
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody has access who should not.
    High,
    /// Something will go wrong.
    Medium,
    /// Good to know.
    Low,
}

/// The kinds of finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words are explained in the findings page")]
pub enum FindingKind {
    OrphanAccount,
    LeaverActive,
    MissingAccount,
    ExtraGrant,
    Dispute,
    DuplicateAccount,
    PendingInvite,
    SeatLimit,
    UnsupportedChange,
    IgnoredWrite,
    ContractDrift,
    PartialPull,
    Credential,
    Prerequisite,
    OpenWork,
    SessionNotEnded,
    ProtectedAccount,
    ServiceAccount,
}

impl FindingKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 18] = [
        Self::OrphanAccount,
        Self::LeaverActive,
        Self::MissingAccount,
        Self::ExtraGrant,
        Self::Dispute,
        Self::DuplicateAccount,
        Self::PendingInvite,
        Self::SeatLimit,
        Self::UnsupportedChange,
        Self::IgnoredWrite,
        Self::ContractDrift,
        Self::PartialPull,
        Self::Credential,
        Self::Prerequisite,
        Self::OpenWork,
        Self::SessionNotEnded,
        Self::ProtectedAccount,
        Self::ServiceAccount,
    ];

    /// Returns the word that JSON uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrphanAccount => "orphan_account",
            Self::LeaverActive => "leaver_active",
            Self::MissingAccount => "missing_account",
            Self::ExtraGrant => "extra_grant",
            Self::Dispute => "dispute",
            Self::DuplicateAccount => "duplicate_account",
            Self::PendingInvite => "pending_invite",
            Self::SeatLimit => "seat_limit",
            Self::UnsupportedChange => "unsupported_change",
            Self::IgnoredWrite => "ignored_write",
            Self::ContractDrift => "contract_drift",
            Self::PartialPull => "partial_pull",
            Self::Credential => "credential",
            Self::Prerequisite => "prerequisite",
            Self::OpenWork => "open_work",
            Self::SessionNotEnded => "session_not_ended",
            Self::ProtectedAccount => "protected_account",
            Self::ServiceAccount => "service_account",
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done and read back.
    Done,
    /// Nothing was to be done any more.
    AlreadyTrue,
    /// The world moved: what the step was planned on is not so any more.
    Moved,
    /// The app said no.
    Refused,
    /// The app cannot.
    Unsupported,
    /// Accepted, not yet visible.
    Pending,
    /// We do not know: it will be looked up before anything else happens to that account.
    Unknown,
    /// Not tried: held, not approved, or something it needs was not done.
    Skipped,
}

/// What became of one asked field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldOutcome {
    /// Read back as asked.
    Applied,
    /// Accepted, but unchanged.
    Ignored,
    /// Accepted, the app takes its time.
    Pending,
    /// Could not be read back.
    Unknown,
}

/// What became of one step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    /// The step.
    pub id: StepId,
    /// How it ended.
    pub outcome: Outcome,
    /// Each asked field.
    pub fields: BTreeMap<FieldName, FieldOutcome>,
    /// Why, where it is not simply done.
    pub because: Option<String>,
    /// The app's id of the account that the step made or touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}
