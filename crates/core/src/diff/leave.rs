//! People who are gone: their accounts are suspended, later perhaps deleted, and what the app leaves open is said.
//! An app that cannot suspend makes work for a person, never a deletion instead.

use super::make::by_hand;
use super::stand::is_staff;
use super::{Diffing, Proposal, reason};
use crate::abilities::{Effect, KindAbility, Sessions};
use crate::account::{Account, AccountState};
use crate::byhand::Hand;
use crate::change::{Change, EntitlementChange, FindingKind, Reason, ReasonKind, Severity, WishedGrant};
use crate::correlate::{AccountAt, IdentityAt, StayCause};
use crate::decide::Standing;
use crate::finding::About;
use serde_json::Value;

/// How long after somebody left open sessions are still worth saying.
const SESSIONS_TOLD_MS: i64 = 7 * 86_400_000;

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    pub(super) fn leave(&mut self, at: IdentityAt, held: &[(AccountAt, &'f Account)]) {
        let standing = self.wishes.standing(at);
        for (place, account) in held.iter().filter(|(_, account)| is_staff(account.key.kind)) {
            if account.state.gives_access() {
                self.tell_leaver(at, account);
                let suspended = self.suspend(Some(at), *place, account, self.left(at));
                self.end_sessions(at, *place, account, suspended);
                self.tell_sessions(at, account);
                continue;
            }
            let left_ms = self.graph.stay(at).left_ms;
            if left_ms.is_some_and(|left_ms| self.facts.now_ms.saturating_sub(left_ms) < SESSIONS_TOLD_MS) {
                self.tell_sessions(at, account);
            }
            if standing == Standing::Absent && account.state != AccountState::Removed {
                self.delete(at, *place, account);
            }
        }
    }

    fn left(&self, at: IdentityAt) -> Reason {
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

    fn tell_sessions(&mut self, at: IdentityAt, account: &Account) {
        let Some(target) = self.facts.connections.get(&account.key.connection) else { return };
        let how = match target.abilities.sessions {
            Sessions::Ended => return,
            Sessions::Kept => "does not end",
            Sessions::Unstated => "does not say that it ends",
        };
        let where_to = match &target.abilities.sso {
            Some(sso) => format!("end them in {sso}, where people sign in"),
            None => format!("end them in {} by hand", target.abilities.title),
        };
        let text =
            format!("{}: {} {how} open sessions when it suspends; {where_to}", self.name(at), target.abilities.title);
        let identity = &self.graph.identity_at(at).id;
        self.findings.add(
            About::new(FindingKind::SessionNotEnded, Severity::Medium).account(&account.key).identity(identity),
            text,
        );
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

    /// Leaves the end of open sessions as work for a person, where the app is known to keep them.
    fn end_sessions(&mut self, at: IdentityAt, place: AccountAt, account: &'f Account, suspended: usize) {
        let Some(target) = self.facts.connections.get(&account.key.connection) else { return };
        if target.abilities.sessions != Sessions::Kept {
            return;
        }
        let because = match &target.abilities.sso {
            Some(sso) => {
                format!("end the sessions in {sso}, where people sign in: {} keeps them", target.abilities.title)
            }
            None => format!("end the sessions by hand: {} keeps them when it suspends", target.abilities.title),
        };
        self.propose(Proposal {
            effect: Effect::Manual,
            needs: vec![suspended],
            by_hand: Some(Hand { does: Effect::EndSessions, because }),
            ..proposal(Some(at), place, account, Effect::EndSessions, self.left(at), Vec::new())
        });
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

fn proposal(
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
            }),
            refers_to: None,
        });
    }
    (!changes.is_empty()).then_some(changes)
}
