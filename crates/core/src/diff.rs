//! Diff: what is different between what is wished and what is there, each difference with its reason.
//! Graph and wishes come in, proposals and findings go out; `plan` makes steps of the proposals.
//! What is unknown is never changed, what a connection cannot do becomes a finding or work for a person.

mod back;
mod client;
mod fields;
mod grants;
mod leave;
mod lesser;
mod make;
mod nobody;
mod sessions;
mod stand;
mod swap;
mod unread;

pub(crate) use back::back;
pub use nobody::INVITED_LOOKED_AT_DAYS;

use crate::abilities::{Effect, KindAbility, Standing as Place};
use crate::account::{Account, Kind};
use crate::byhand::Hand;
use crate::change::{Change, Reason, ReasonKind};
use crate::correlate::{AccountAt, Belonging, Graph, IdentityAt};
use crate::decide::{Standing, Wish, Wishes};
use crate::facts::{ConnectionFacts, Facts};
use crate::finding::Findings;
use crate::name::{ConnectionName, IdentityId};
use crate::policy::Rules;
use crate::text::folded;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// What is asked of one reconcile.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Who asks; may not approve the plan.
    pub requested_by: Option<String>,
    /// Only these connections; empty means all.
    pub only: Vec<ConnectionName>,
    /// Only these people; empty means everybody.
    pub people: Vec<IdentityId>,
    /// The moment, as the plan shows it (RFC 3339, UTC).
    pub made_at: String,
}

impl Asked {
    /// Tells whether the connection is asked for.
    pub fn includes(&self, connection: &ConnectionName) -> bool {
        self.only.is_empty() || self.only.contains(connection)
    }
}

/// A change that would make the world as wished, before it is a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Where.
    pub connection: ConnectionName,
    /// What.
    pub effect: Effect,
    /// For whom.
    pub identity: Option<IdentityAt>,
    /// Which account; `None` when it is yet to be made.
    pub account: Option<AccountAt>,
    /// The kind of record that it makes or touches.
    pub kind: Kind,
    /// What becomes different.
    pub changes: Vec<Change>,
    /// Why.
    pub reason: Reason,
    /// Proposals, by their place, that must be done before.
    pub needs: Vec<usize>,
    /// Proposals, by their place, that it waits for, whatever becomes of them.
    pub after: Vec<usize>,
    /// What must be done by hand, and why the app cannot.
    pub by_hand: Option<Hand>,
}

/// Finds the differences.
pub fn diff(
    graph: &Graph<'_>,
    wishes: &Wishes,
    rules: &Rules,
    facts: &Facts,
    asked: &Asked,
    findings: &mut Findings,
) -> Vec<Proposal> {
    let mut diffing = Diffing {
        graph,
        wishes,
        rules,
        facts,
        asked,
        findings,
        settled: sessions::settled(facts),
        proposals: Vec::new(),
        missing: Vec::new(),
    };
    if asked.people.is_empty() {
        for group in graph.groups_in_memory() {
            graph.read_people_ahead(group);
            graph.read_accounts_ahead(group);
            group.iter().for_each(|at| diffing.person(*at));
        }
        diffing.nobody();
    } else {
        asked.people.iter().filter_map(|id| graph.find(id)).for_each(|at| diffing.person(at));
    }
    diffing.missing();
    diffing.addresses();
    diffing.connections();
    diffing.proposals
}

/// Logins → accounts whose login is no current address of their person.
type Strangers<'f> = HashMap<Cow<'f, str>, Vec<AccountAt>>;

struct Diffing<'a, 'f> {
    graph: &'a Graph<'f>,
    wishes: &'a Wishes,
    rules: &'a Rules,
    facts: &'f Facts,
    asked: &'a Asked,
    findings: &'a mut Findings,
    settled: sessions::Settled<'f>,
    proposals: Vec<Proposal>,
    missing: Vec<(Spot<'a>, &'a Wish)>,
}

/// A person in one connection, with everything that is asked about them there.
struct Spot<'a> {
    at: IdentityAt,
    connection: &'a ConnectionName,
    target: &'a ConnectionFacts,
    kind: Kind,
    ability: &'a KindAbility,
}

impl<'a, 'f> Diffing<'a, 'f> {
    fn person(&mut self, at: IdentityAt) {
        let held: Vec<(AccountAt, &'f Account)> =
            self.graph.accounts_at(at).filter(|(_, account)| self.is_asked_target(&account.key.connection)).collect();
        self.tell_duplicates(at, &held);
        match self.wishes.standing(at) {
            Standing::Present => self.present(at, &held),
            Standing::Suspended | Standing::Absent => return self.leave(at, &held),
            Standing::Untouched => self.tell_vanished(at, &held),
        }
        self.demanded(at, &held);
    }

    fn is_asked_target(&self, connection: &ConnectionName) -> bool {
        self.asked.includes(connection)
            && self.facts.connections.get(connection).is_some_and(|facts| facts.abilities.standing == Place::Target)
    }

    fn spot(&self, at: IdentityAt, connection: &'a ConnectionName, kind: Kind) -> Option<Spot<'a>>
    where
        'f: 'a,
    {
        let target = self.facts.connections.get(connection)?;
        let ability = target.abilities.kinds.get(&kind)?;
        Some(Spot { at, connection, target, kind, ability })
    }

    fn propose(&mut self, proposal: Proposal) -> usize {
        self.proposals.push(proposal);
        self.proposals.len() - 1
    }

    fn name(&self, at: IdentityAt) -> &'a str {
        self.graph.identity_at(at).label()
    }

    /// Makes the accounts that are missing. Who signs in with an address that somebody gets an account by is looked for
    /// once for all of them.
    fn missing(&mut self) {
        let missing = std::mem::take(&mut self.missing);
        let address = |at: IdentityAt| self.graph.identity_at(at).work_email().map(folded);
        let addresses: HashSet<Cow<'_, str>> = missing.iter().filter_map(|(spot, _)| address(spot.at)).collect();
        let strangers = strangers(self.graph, &addresses);
        for (spot, wish) in missing {
            self.create(&spot, wish, &strangers);
        }
    }

    fn is_of(&self, account: AccountAt, at: IdentityAt) -> bool {
        matches!(self.graph.belonging_at(account), Belonging::Somebody(owner, _) if owner == at)
    }
}

/// Finds the accounts that sign in with one of these addresses.
fn strangers<'f>(graph: &Graph<'f>, addresses: &HashSet<Cow<'_, str>>) -> Strangers<'f> {
    let mut strangers = Strangers::new();
    for (at, account) in graph.facts().accounts.iter().enumerate().filter(|_| !addresses.is_empty()) {
        let Some(login) = account.login.as_deref().map(folded) else { continue };
        if !addresses.contains(&login) {
            continue;
        }
        let place = AccountAt(crate::correlate::narrow(at));
        let is_theirs = match graph.belonging_at(place) {
            Belonging::Somebody(at, _) => {
                let now = usize::from(graph.stay(at).emails_now);
                graph.identity_at(at).emails.iter().take(now).any(|email| **email == *login)
            }
            _ => false,
        };
        if !is_theirs {
            strangers.entry(login).or_default().push(place);
        }
    }
    strangers
}

fn reason(kind: ReasonKind, rule: Option<&str>, text: String) -> Reason {
    Reason { kind, rule: rule.map(str::to_owned), text, by: None }
}

#[cfg(test)]
mod tests;
