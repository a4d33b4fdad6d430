//! People who are gone: their accounts are suspended, later perhaps deleted, and what the app leaves open is said.
//! An app that cannot suspend makes work for a person, never a deletion instead.

use super::stand::is_staff;
use super::{Diffing, Proposal, reason};
use crate::abilities::{Effect, Sessions};
use crate::account::{Account, AccountState};
use crate::change::{FindingKind, Reason, ReasonKind, Severity};
use crate::correlate::{AccountAt, IdentityAt, StayCause};
use crate::decide::Standing;
use crate::finding::About;

/// How long after somebody left open sessions are still worth saying.
const SESSIONS_TOLD_MS: i64 = 7 * 86_400_000;

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    pub(super) fn leave(&mut self, at: IdentityAt, held: &[(AccountAt, &'f Account)]) {
        let standing = self.wishes.standing(at);
        for (place, account) in held.iter().filter(|(_, account)| is_staff(account.key.kind)) {
            if account.state.gives_access() {
                self.tell_leaver(at, account);
                self.suspend(Some(at), *place, account, self.left(at));
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

    /// Suspends an account, or makes work for a person where the app cannot.
    pub(super) fn suspend(&mut self, at: Option<IdentityAt>, place: AccountAt, account: &'f Account, reason: Reason) {
        let Some(target) = self.facts.connections.get(&account.key.connection) else { return };
        let ability = target.abilities.kinds.get(&account.key.kind);
        let can = ability.is_some_and(|ability| ability.effects.contains_key(&Effect::Suspend));
        let cannot = ability.and_then(|ability| ability.cannot.get(&Effect::Suspend));
        let by_hand = (!can).then(|| {
            let because = cannot.map_or("the app offers no way", String::as_str);
            format!("suspend by hand: {because}")
        });
        self.propose(Proposal {
            connection: account.key.connection.clone(),
            effect: if can { Effect::Suspend } else { Effect::Manual },
            identity: at,
            account: Some(place),
            kind: account.key.kind,
            changes: Vec::new(),
            reason,
            needs: Vec::new(),
            by_hand,
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
        self.propose(Proposal {
            connection: account.key.connection.clone(),
            effect: Effect::Delete,
            identity: Some(at),
            account: Some(place),
            kind: account.key.kind,
            changes: Vec::new(),
            reason,
            needs: Vec::new(),
            by_hand: None,
        });
    }
}
