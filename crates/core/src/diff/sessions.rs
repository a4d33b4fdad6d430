//! Sessions of people who are gone: ended in the identity provider by which an app is signed in to, after their accounts
//! are suspended there; work for a person where nobody can be asked, and a finding as long as they are not ended.
//! Once for each departure: what was tried before is known, and somebody who comes back is none of this.

use super::leave::proposal;
use super::{Diffing, Proposal};
use crate::abilities::{Effect, Sessions};
use crate::account::Account;
use crate::byhand::Hand;
use crate::change::{FindingKind, Severity};
use crate::correlate::{AccountAt, IdentityAt};
use crate::finding::About;

/// How long after somebody left open sessions are still worth ending, or saying.
const SESSIONS_TOLD_MS: i64 = 7 * 86_400_000;
/// For how long an end counts where nobody says since when somebody is gone.
const ENDED_COUNTS_MS: i64 = 30 * 86_400_000;

/// Somebody's record with an identity provider that can be asked to end their sessions.
pub(super) struct Door<'f> {
    place: AccountAt,
    record: &'f Account,
    /// Suspensions that come before: whoever still gets in would sign in again.
    needs: Vec<usize>,
}

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    pub(super) fn left_lately(&self, at: IdentityAt) -> bool {
        let left_ms = self.graph.stay(at).left_ms;
        left_ms.is_some_and(|left_ms| self.facts.now_ms.saturating_sub(left_ms) < SESSIONS_TOLD_MS)
    }

    /// Notes where the sessions behind an account can be ended, and what has to come before; tells whether they can.
    pub(super) fn note_doors(
        &self,
        at: IdentityAt,
        account: &Account,
        suspended: Option<usize>,
        doors: &mut Vec<Door<'f>>,
    ) -> bool {
        let target = self.facts.connections.get(&account.key.connection);
        let Some(sso) = target.and_then(|target| target.abilities.sso.as_ref()) else { return false };
        let Some(idp) = self.facts.connections.get(sso) else { return false };
        let ends = |record: &Account| {
            let ability = idp.abilities.kinds.get(&record.key.kind);
            record.key.connection == *sso && ability.is_some_and(|kind| kind.effects.contains_key(&Effect::EndSessions))
        };
        let mut can = false;
        for (place, record) in self.graph.accounts_at(at).filter(|(_, record)| ends(record)) {
            can = true;
            if suspended.is_none() && !self.is_open(at, record) {
                continue;
            }
            match doors.iter_mut().find(|door| door.place == place) {
                Some(door) => door.needs.extend(suspended),
                None => doors.push(Door { place, record, needs: suspended.into_iter().collect() }),
            }
        }
        can
    }

    /// Tells whether sessions are still to be ended of somebody whose accounts are suspended already.
    fn is_open(&self, at: IdentityAt, record: &Account) -> bool {
        let now_ms = self.facts.now_ms;
        let identity = self.graph.identity_at(at).id.clone();
        let tried = self.facts.sessions.get(&(record.key.connection.clone(), identity));
        let left_ms = self.graph.stay(at).left_ms;
        let counts = |at_ms: i64| match left_ms {
            Some(left_ms) => at_ms >= left_ms,
            None => now_ms.saturating_sub(at_ms) < ENDED_COUNTS_MS,
        };
        match tried {
            Some(tried) if tried.ended => !counts(tried.at_ms) && self.left_lately(at),
            Some(tried) => now_ms.saturating_sub(tried.at_ms) < SESSIONS_TOLD_MS,
            None => self.left_lately(at),
        }
    }

    /// Ends the sessions behind a door, and says as long as they are not ended.
    pub(super) fn close(&mut self, at: IdentityAt, door: Door<'f>) {
        let (idp, reason) = (&door.record.key.connection, self.left(at));
        let text = format!("{}: the sessions in {idp} are not ended yet; a step of the plan ends them", self.name(at));
        let about = About::new(FindingKind::SessionNotEnded, Severity::Medium);
        let identity = &self.graph.identity_at(at).id;
        self.findings.add(about.account(&door.record.key).identity(identity), text);
        if self.asked.includes(idp) {
            let ends = proposal(Some(at), door.place, door.record, Effect::EndSessions, reason, Vec::new());
            self.propose(Proposal { needs: door.needs, ..ends });
        }
    }

    /// Says that an app leaves sessions open, or does not say that it ends them.
    pub(super) fn tell_sessions(&mut self, at: IdentityAt, account: &Account) {
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

    /// Leaves the end of open sessions as work for a person, where the app is known to keep them.
    pub(super) fn end_sessions(&mut self, at: IdentityAt, place: AccountAt, account: &'f Account, suspended: usize) {
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
}
