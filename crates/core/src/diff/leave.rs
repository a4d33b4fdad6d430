//! People who are gone: their accounts are suspended, later perhaps deleted, and what the app leaves open is said.
//! An app that cannot suspend makes work for a person, never a deletion instead. Sessions end after it, in `sessions`.

use super::make::by_hand;
use super::sessions::Door;
use super::{Diffing, Proposal, reason};
use crate::abilities::{Effect, KindAbility, Standing as Place};
use crate::account::{Account, AccountState};
use crate::change::{Change, EntitlementChange, FindingKind, Reason, ReasonKind, Severity, WishedGrant};
use crate::correlate::{AccountAt, IdentityAt, StayCause};
use crate::decide::Standing;
use crate::finding::About;
use crate::name::ConnectionName;
use serde_json::Value;

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    pub(super) fn leave(&mut self, at: IdentityAt, held: &[(AccountAt, &'f Account)]) {
        let standing = self.wishes.standing(at);
        let mut doors: Vec<Door<'f>> = Vec::new();
        for (place, account) in held.iter().filter(|(_, account)| account.key.kind.is_staff()) {
            if account.state.gives_access() {
                self.tell_leaver(at, account);
                let suspended = self.suspend(Some(at), *place, account, self.left(at));
                if !self.note_doors(at, account, Some(suspended), &mut doors) {
                    self.end_sessions(at, *place, account, suspended);
                    self.tell_sessions(at, account);
                }
                continue;
            }
            if !self.note_doors(at, account, None, &mut doors) && self.is_worth_telling(at, account) {
                self.tell_sessions(at, account);
            }
            if standing == Standing::Absent && account.state != AccountState::Removed {
                self.delete(at, *place, account);
            }
        }
        doors.into_iter().for_each(|door| self.close(at, door));
        self.tell_enabled(at);
    }

    pub(super) fn left(&self, at: IdentityAt) -> Reason {
        let (name, identity) = (self.name(at), self.graph.identity_at(at));
        match (&self.graph.stay(at).cause, identity.end_date) {
            (StayCause::Decision { by }, _) => {
                reason(ReasonKind::Decision, None, format!("{name} leaves by {by}'s decision"))
            }
            (StayCause::Status, _) => {
                reason(ReasonKind::Leaver, None, format!("{name} left: the source says terminated"))
            }
            (_, Some(date)) => reason(ReasonKind::Leaver, None, format!("{name} left: {date} was the last day")),
            _ => reason(ReasonKind::Leaver, None, format!("{name} left: the source shuts them out")),
        }
    }

    fn tell_leaver(&mut self, at: IdentityAt, account: &Account) {
        let text =
            format!("{} and still has access to {} ({})", self.left(at).text, account.key.connection, account.state);
        let identity = &self.graph.identity_at(at).id;
        self.findings
            .add(About::new(FindingKind::LeaverActive, Severity::High).account(&account.key).identity(identity), text);
    }

    /// Says where somebody who left can still sign in: at an identity provider, which is suspended there and not by us.
    fn tell_enabled(&mut self, at: IdentityAt) {
        for (_, record) in self.graph.accounts_at(at) {
            let name = &record.key.connection;
            let Some(source) = self.facts.connections.get(name).filter(|_| self.asked.includes(name)) else { continue };
            let signs_in = matches!(source.abilities.standing, Place::Source(_))
                && (self.ends_sessions(record) || self.is_sso(name));
            if signs_in && record.state.gives_access() {
                let (left, state, title) = (self.left(at).text, record.state, &source.abilities.title);
                let text = format!(
                    "{left} and can still sign in at {name} ({state}), where tenure suspends nobody: do it in {title}, or in \
                     what feeds it"
                );
                let identity = &self.graph.identity_at(at).id;
                let about = About::new(FindingKind::LeaverActive, Severity::High);
                self.findings.add(about.account(&record.key).identity(identity), text);
            }
        }
    }

    /// Tells whether people sign in to some app by this connection.
    fn is_sso(&self, name: &ConnectionName) -> bool {
        self.facts.connections.values().any(|target| target.abilities.sso.as_ref() == Some(name))
    }

    /// Suspends an account. Where the app cannot, the least role that it knows is set and the rest is work for a person:
    /// never a deletion instead.
    pub(super) fn suspend(
        &mut self,
        at: Option<IdentityAt>,
        place: AccountAt,
        account: &'f Account,
        reason: Reason,
    ) -> usize {
        let target = self.facts.connections.get(&account.key.connection);
        let ability = target.and_then(|target| target.abilities.kinds.get(&account.key.kind));
        let can = ability.is_some_and(|ability| ability.effects.contains_key(&Effect::Suspend));
        let mut needs = Vec::new();
        if !can && let Some(changes) = ability.and_then(|ability| demotion(ability, account)) {
            let mut lesser = reason.clone();
            lesser.text.push_str("; the app cannot suspend, so the least role comes first");
            needs.push(self.propose(proposal(at, place, account, Effect::Revoke, lesser, changes)));
        }
        self.propose(Proposal {
            effect: if can { Effect::Suspend } else { Effect::Manual },
            needs,
            by_hand: (!can).then(|| by_hand(ability, Effect::Suspend)),
            ..proposal(at, place, account, Effect::Suspend, reason, Vec::new())
        })
    }

    fn delete(&mut self, at: IdentityAt, place: AccountAt, account: &'f Account) {
        let Some(spot) = self.spot(at, &account.key.connection, account.key.kind) else { return };
        if !spot.ability.effects.contains_key(&Effect::Delete) {
            return;
        }
        let delay = self.rules.lifecycle.delete_after_end.map_or_else(String::new, |delay| delay.to_string());
        let mut reason = self.left(at);
        reason.text.push_str(&format!("; accounts are deleted {delay} later"));
        self.propose(proposal(Some(at), place, account, Effect::Delete, reason, Vec::new()));
    }
}

pub(super) fn proposal(
    identity: Option<IdentityAt>,
    place: AccountAt,
    account: &Account,
    effect: Effect,
    reason: Reason,
    changes: Vec<Change>,
) -> Proposal {
    Proposal {
        connection: account.key.connection.clone(),
        effect,
        identity,
        account: Some(place),
        kind: account.key.kind,
        changes,
        reason,
        needs: Vec::new(),
        after: Vec::new(),
        by_hand: None,
    }
}

/// Returns what takes an account down to the least that its app knows; nothing where it is there already, or where the
/// app does not tell.
fn demotion(ability: &KindAbility, account: &Account) -> Option<Vec<Change>> {
    if !ability.effects.contains_key(&Effect::Revoke) {
        return None;
    }
    let mut changes = Vec::new();
    for (word, least) in &ability.demoted {
        let Some(entitlement) = ability.entitlements.get(word) else { continue };
        if !account.grants_known.contains(&entitlement.kind) {
            continue;
        }
        let wished = |name: &str| WishedGrant { name: name.into(), scope: None, privileged: false };
        let held: Vec<&str> = account.grants_of(&entitlement.kind).map(|grant| &*grant.name).collect();
        if held == [least.as_str()] {
            continue;
        }
        changes.push(Change {
            field: word.as_str().into(),
            before: Some(held.first().map_or(Value::Null, |name| Value::from(*name))),
            after: Value::from(least.as_str()),
            entitlement: Some(EntitlementChange {
                kind: entitlement.kind.clone(),
                add: vec![wished(least.as_str())],
                remove: held.iter().map(|name| wished(name)).collect(),
                keep: Vec::new(),
            }),
            refers_to: None,
        });
    }
    (!changes.is_empty()).then_some(changes)
}
