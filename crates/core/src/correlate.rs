//! Correlate: whose is what. Source records found identities, accounts find theirs by ordered rules with evidence.
//! It reads the facts, borrows them, and gives a graph that `decide` and `diff` walk along.
//! It never guesses: where two identities fit, there is a dispute and nothing is linked.

mod attributes;
mod decisions;
mod found;
mod link;
mod lookup;
mod people;
mod stay;
mod tree;

pub(crate) use attributes::text_of;
pub use found::{found_identity_id, is_identity_id};
pub use link::{ACCOUNT_WORDS, account_view};
pub use stay::{Stay, StayCause};
pub(crate) use stay::{Zones, end_moment_ms};

use crate::account::{Account, AccountKey, Depth, Kind};
use crate::facts::{Facts, Link};
use crate::identity::Identity;
use crate::name::{ConnectionName, FieldName, IdentityId, Name};
use crate::policy::{MatchRule, Rules};
use crate::text::folded;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint::black_box;
use std::sync::OnceLock;

/// How many people are looked at together: what belongs to them fits the nearer caches.
const GROUP: usize = 64;

/// The place of an identity in its graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IdentityAt(pub(crate) u32);

impl IdentityAt {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The place of an account in its facts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountAt(pub(crate) u32);

impl AccountAt {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why an account is somebody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Evidence {
    /// Pinned before; the place of the link in the facts.
    Pinned(u32),
    /// Found now.
    Found(Ground),
    /// Found now by a rule; the ground is told when somebody asks.
    Rule(MatchRule),
}

/// On what ground an account is somebody's, or set apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ground {
    Decision,
    Founded,
    ExternalIsEmployeeId,
    ExternalIsRecordId,
    EmployeeId,
    RecordAddress,
    LoginIsWorkEmail,
    EmailIsWorkEmail,
    LoginIsOtherEmail,
    EmailIsOtherEmail,
    LoginIsEarlierEmail,
    EmailIsEarlierEmail,
    ClientWish,
    Bot,
    ServiceRule,
}

impl Ground {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "a person's decision",
            Self::Founded => "founded by its source record",
            Self::ExternalIsEmployeeId => "external_id = employee_id",
            Self::ExternalIsRecordId => "external_id = the source record's id",
            Self::EmployeeId => "employee_id = employee_id",
            Self::RecordAddress => "work_email = work_email",
            Self::LoginIsWorkEmail => "login = work_email",
            Self::EmailIsWorkEmail => "email = work_email",
            Self::LoginIsOtherEmail => "login = other_emails",
            Self::EmailIsOtherEmail => "email = other_emails",
            Self::LoginIsEarlierEmail => "login = an earlier address",
            Self::EmailIsEarlierEmail => "email = an earlier address",
            Self::ClientWish => "a SCIM client speaks of it",
            Self::Bot => "a bot",
            Self::ServiceRule => "a rule of [correlation] service",
        }
    }
}

/// What became of one account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Belonging {
    /// Nobody's.
    Nobody,
    /// Somebody's.
    Somebody(IdentityAt, Evidence),
    /// A machine's, or set apart by a person.
    Service(Ground),
    /// Cannot be told; a dispute says why.
    Disputed,
    /// Of a connection that is not configured.
    Ignored,
}

/// A link as it is read from a graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkFact<'g> {
    /// Whose.
    pub identity: &'g IdentityId,
    /// Why, such as `login = work_email`.
    pub evidence: &'g str,
    /// Whether it was pinned before.
    pub pinned: bool,
}

/// Something that only a person can tell.
#[derive(Clone, PartialEq, Debug)]
pub struct Dispute {
    /// What sort, one word; part of its finding's id.
    pub topic: &'static str,
    /// Where.
    pub connection: Option<ConnectionName>,
    /// About which account.
    pub account: Option<AccountKey>,
    /// Between or about which identities, sorted.
    pub identities: Vec<IdentityId>,
    /// A plain sentence.
    pub text: String,
    /// What the sentence is made of.
    pub facts: BTreeMap<String, Value>,
}

/// Who is who, and whose is what.
#[derive(Debug)]
pub struct Graph<'f> {
    facts: &'f Facts,
    identities: Vec<Identity>,
    stays: Vec<Stay>,
    /// The places in the order in which their records lie in memory.
    founded: Vec<IdentityAt>,
    belongings: Vec<Belonging>,
    held_from: Vec<u32>,
    held: Vec<AccountAt>,
    disputes: Vec<Dispute>,
    unsure: BTreeSet<(IdentityAt, ConnectionName)>,
    shared: HashSet<Box<str>>,
    /// The accounts by marks of their keys, in order; made when somebody asks for one.
    keys: OnceLock<Vec<(u64, AccountAt)>>,
}

/// Finds out who is who and whose is what.
pub fn correlate<'f>(facts: &'f Facts, rules: &Rules) -> Graph<'f> {
    let mut found = found::found(facts, &rules.correlation);
    tree::settle_managers(&mut found);
    let mut graph = link::link(facts, &rules.correlation, found);
    graph.disputes.sort_by(|one, other| {
        (one.topic, &one.account, &one.identities, &one.text).cmp(&(
            other.topic,
            &other.account,
            &other.identities,
            &other.text,
        ))
    });
    graph
}

impl<'f> Graph<'f> {
    /// Returns the facts that the graph was made of.
    pub fn facts(&self) -> &'f Facts {
        self.facts
    }

    /// Lists the identities in the order of their ids.
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// Returns an identity by its id.
    pub fn identity(&self, id: &IdentityId) -> Option<&Identity> {
        self.find(id).map(|at| self.identity_at(at))
    }

    /// Returns the place of an identity.
    pub fn find(&self, id: &IdentityId) -> Option<IdentityAt> {
        self.identities.binary_search_by(|identity| identity.id.cmp(id)).ok().map(at)
    }

    /// Lists all places, in order.
    pub fn places(&self) -> impl Iterator<Item = IdentityAt> + use<> {
        (0..self.identities.len()).map(at)
    }

    /// Lists all places, a group at a time, in the order in which their records lie in memory: the quickest way through
    /// all of them.
    pub(crate) fn groups_in_memory(&self) -> impl Iterator<Item = &[IdentityAt]> {
        self.founded.chunks(GROUP)
    }

    /// Reads the identities of a group. Who waits for one word of memory after the other waits long; asked for the words
    /// of a whole group at once, the machine fetches many together.
    pub(crate) fn read_people_ahead(&self, group: &[IdentityAt]) {
        let breadth = |at: &IdentityAt| {
            let (identity, stay) = (self.identity_at(*at), self.stay(*at));
            identity.emails.len() + identity.records.len() + identity.state as usize + usize::from(stay.emails_now)
        };
        black_box(group.iter().map(breadth).sum::<usize>());
    }

    /// Reads the accounts of a group, which may lie anywhere in memory: the accounts, what they hold, and its texts.
    pub(crate) fn read_accounts_ahead(&self, group: &[IdentityAt]) {
        let held = || group.iter().flat_map(|at| self.accounts_at(*at)).map(|(_, account)| account);
        black_box(held().map(|account| account.read(Depth::Itself)).sum::<usize>());
        black_box(held().map(|account| account.read(Depth::Parts)).sum::<usize>());
        black_box(held().map(|account| account.read(Depth::Texts)).sum::<usize>());
    }

    /// Returns the identity at a place.
    pub fn identity_at(&self, at: IdentityAt) -> &Identity {
        &self.identities[at.index()]
    }

    /// Returns when and why the identity is here or gone.
    pub fn stay(&self, at: IdentityAt) -> &Stay {
        &self.stays[at.index()]
    }

    /// Lists the accounts and source records of an identity, in the order of their keys.
    pub fn accounts_of(&self, id: &IdentityId) -> impl Iterator<Item = &'f Account> {
        self.find(id).into_iter().flat_map(|at| self.accounts_at(at)).map(|(_, account)| account)
    }

    /// Tells whether somebody was gone and came back. Whose record only said so is back where that shut an account of
    /// theirs, or none is left; who can use all of them was never away.
    pub fn has_returned(&self, at: IdentityAt) -> bool {
        let stay = self.stay(at);
        let accounts =
            self.accounts_at(at).map(|(_, account)| account).filter(|account| account.key.kind != Kind::Person);
        let mut usable = accounts.map(|account| account.state.gives_access()).peekable();
        stay.returned || stay.said_gone && (usable.peek().is_none() || usable.any(|usable| !usable))
    }

    /// Lists the accounts and source records of the identity at a place, in the order of their keys.
    pub fn accounts_at(&self, at: IdentityAt) -> impl Iterator<Item = (AccountAt, &'f Account)> {
        let from = self.held_from[at.index()] as usize;
        let to = self.held_from[at.index() + 1] as usize;
        self.held[from..to].iter().map(|place| (*place, &self.facts.accounts[place.index()]))
    }

    /// Returns the account at a place.
    pub fn account_at(&self, at: AccountAt) -> &'f Account {
        &self.facts.accounts[at.index()]
    }

    /// Finds an account by its key: the first question walks over all accounts, the others look up.
    pub fn find_account(&self, key: &AccountKey) -> Option<AccountAt> {
        let keys = self.keys.get_or_init(|| {
            let accounts = self.facts.accounts.iter().enumerate();
            let mut keys: Vec<_> =
                accounts.map(|(at, account)| (mark_of(&account.key), AccountAt(narrow(at)))).collect();
            keys.sort_unstable();
            keys
        });
        let mark = mark_of(key);
        let alike = keys[keys.partition_point(|(known, _)| *known < mark)..].iter();
        let mut alike = alike.take_while(|(known, _)| *known == mark).map(|(_, at)| *at);
        alike.find(|at| self.account_at(*at).key == *key)
    }

    /// Finds an account of a target that is nobody's.
    pub fn find_orphan(&self, key: &AccountKey) -> Option<&'f Account> {
        let at = self.find_account(key)?;
        matches!(self.belongings[at.index()], Belonging::Nobody).then(|| self.account_at(at))
    }

    /// Returns the link of the account at a place in the facts, if it is somebody's.
    pub fn link_at(&self, account: AccountAt) -> Option<LinkFact<'_>> {
        let Belonging::Somebody(at, evidence) = self.belongings[account.index()] else { return None };
        let (evidence, pinned) = match evidence {
            Evidence::Pinned(link) => (self.facts.links[link as usize].evidence.as_str(), true),
            Evidence::Found(ground) => (ground.as_str(), false),
            Evidence::Rule(rule) => {
                let emails_now = usize::from(self.stay(at).emails_now);
                (link::ground(rule, self.identity_at(at), emails_now, self.account_at(account)).as_str(), false)
            }
        };
        Some(LinkFact { identity: &self.identity_at(at).id, evidence, pinned })
    }

    /// Returns the link of an account, if it is somebody's.
    pub fn link_of(&self, key: &AccountKey) -> Option<LinkFact<'_>> {
        self.link_at(self.find_account(key)?)
    }

    /// Lists every account with its link, in the order of the facts.
    pub fn links(&self) -> impl Iterator<Item = (&'f Account, Option<LinkFact<'_>>)> {
        self.facts.accounts.iter().enumerate().map(|(at, account)| (account, self.link_at(AccountAt(narrow(at)))))
    }

    /// Lists the links that are not pinned yet, for the store to pin.
    pub fn new_links(&self) -> impl Iterator<Item = Link> + '_ {
        self.new_links_of(|_| true)
    }

    /// Lists the links of some accounts, by their places in the facts, that are not pinned yet.
    pub(crate) fn new_links_of(&self, meant: impl Fn(usize) -> bool) -> impl Iterator<Item = Link> {
        let accounts = self.facts.accounts.iter().enumerate().filter(move |(at, _)| meant(*at));
        accounts.filter_map(|(at, account)| {
            let link = self.link_at(AccountAt(narrow(at))).filter(|link| !link.pinned)?;
            Some(Link {
                account: account.key.clone(),
                identity: link.identity.clone(),
                evidence: Name::new(link.evidence),
                since_ms: self.facts.now_ms,
            })
        })
    }

    /// Lists the accounts of targets that are nobody's.
    pub fn orphans(&self) -> impl Iterator<Item = &'f Account> + '_ {
        self.belonging(|belonging| matches!(belonging, Belonging::Nobody)).map(|(account, _)| account)
    }

    /// Lists the accounts that are set apart, with the reason.
    pub fn service(&self) -> impl Iterator<Item = (&'f Account, &'static str)> + '_ {
        self.belonging(|belonging| matches!(belonging, Belonging::Service(_))).map(|(account, belonging)| {
            match belonging {
                Belonging::Service(ground) => (account, ground.as_str()),
                _ => (account, ""),
            }
        })
    }

    fn belonging(&self, wanted: fn(&Belonging) -> bool) -> impl Iterator<Item = (&'f Account, Belonging)> + '_ {
        self.facts.accounts.iter().zip(self.belongings.iter().copied()).filter(move |(_, belonging)| wanted(belonging))
    }

    pub(crate) fn belonging_at(&self, account: AccountAt) -> Belonging {
        self.belongings[account.index()]
    }

    /// Lists what only a person can tell.
    pub fn disputes(&self) -> &[Dispute] {
        &self.disputes
    }

    /// Tells whether an account of this connection is in dispute and may be this identity's: then none is made.
    pub fn is_unsure(&self, at: IdentityAt, connection: &ConnectionName) -> bool {
        self.unsure.contains(&(at, connection.clone()))
    }

    /// Tells whether two people have this address now.
    pub(crate) fn is_shared(&self, address: &str) -> bool {
        self.shared.contains(&*folded(address))
    }

    /// Finds the identities that a person may mean by `key`: an id, an address, an employee id, `connection/kind/id`,
    /// or a name; `connection/id` as the lists have them.
    pub fn search(&self, key: &str) -> Vec<IdentityAt> {
        let key = key.trim();
        let exact = self.find(&IdentityId::from(key));
        if exact.is_some() {
            return exact.into_iter().collect();
        }
        let folded = key.to_lowercase();
        let by = |wanted: &dyn Fn(&Identity) -> bool| -> Vec<IdentityAt> {
            self.identities
                .iter()
                .enumerate()
                .filter(|(_, identity)| wanted(identity))
                .map(|(place, _)| at(place))
                .collect()
        };
        let of_account = self.facts.accounts.iter().position(|account| account.key.to_string() == key);
        if let Some(Belonging::Somebody(at, _)) = of_account.map(|place| self.belongings[place]) {
            return vec![at];
        }
        if let Some((connection, id)) = key.split_once('/') {
            let named =
                |account: &Account| account.key.connection.as_str() == connection && account.key.id.as_str() == id;
            let owners = self.facts.accounts.iter().zip(&self.belongings).filter_map(|(account, whose)| match whose {
                Belonging::Somebody(at, _) if named(account) => Some(*at),
                _ => None,
            });
            let owners: BTreeSet<IdentityAt> = owners.collect();
            if !owners.is_empty() {
                return owners.into_iter().collect();
            }
        }
        [
            by(&|identity| identity.emails.iter().any(|email| **email == *folded)),
            by(&|identity| identity.attributes.text("employee_id") == Some(key)),
            by(&|identity| identity.label().to_lowercase() == folded),
        ]
        .into_iter()
        .find(|found| !found.is_empty())
        .unwrap_or_default()
    }

    /// Returns the reports' side of the manager tree: how many managers stand above the identity.
    pub(crate) fn depth(&self, at: IdentityAt) -> u32 {
        let mut depth = 0;
        let mut here = at;
        while let Some(manager) = self.identity_at(here).manager.as_ref().and_then(|id| self.find(id)) {
            depth += 1;
            here = manager;
            if depth as usize > self.identities.len() {
                break;
            }
        }
        depth
    }
}

/// Returns an identity's value of one attribute, its own properties among them.
pub(crate) fn attribute(identity: &Identity, name: &str) -> Option<Value> {
    match name {
        "id" => Some(Value::String(identity.id.as_str().to_owned())),
        "state" => Some(Value::String(identity.state.as_str().to_owned())),
        "emails" => Some(Value::Array(identity.emails.iter().map(|email| Value::String(email.to_string())).collect())),
        "manager" => Some(identity.manager.as_ref().map_or(Value::Null, |id| Value::String(id.as_str().to_owned()))),
        "attributes" => serde_json::to_value(&identity.attributes).ok(),
        _ => identity.attributes.get(name).cloned(),
    }
}

/// Returns an identity as conditions see it: its attributes, and `id`, `state`, `emails`, `manager`, `attributes`.
pub fn identity_view(identity: &Identity) -> Value {
    let mut all: serde_json::Map<String, Value> = identity
        .attributes
        .iter()
        .map(|(name, value): (&FieldName, &Value)| (name.as_str().to_owned(), value.clone()))
        .collect();
    for name in ["id", "state", "emails", "manager", "attributes"] {
        all.insert(name.to_owned(), attribute(identity, name).unwrap_or_default());
    }
    Value::Object(all)
}

pub(crate) fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn at(place: usize) -> IdentityAt {
    IdentityAt(narrow(place))
}

/// Returns a mark of a key, by which it is found among many. It tells nothing outside of this process.
fn mark_of(key: &AccountKey) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
