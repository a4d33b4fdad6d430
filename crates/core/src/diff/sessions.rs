//! Sessions of people who are gone: ended in the identity provider by which an app is signed in to, after their accounts
//! are suspended there; work for a person where nobody can be asked. What is open is said until it is ended, or until a
//! person says that they saw to it; somebody who comes back is none of this.

use super::leave::proposal;
use super::{Diffing, Proposal};
use crate::abilities::{Effect, Sessions};
use crate::account::{Account, AccountKey};
use crate::byhand::Hand;
use crate::change::{FindingKind, Severity};
use crate::correlate::{AccountAt, IdentityAt};
use crate::facts::{Decided, Facts, SessionsTried};
use crate::finding::About;
use crate::name::{ConnectionName, IdentityId};
use std::collections::HashMap;

/// How long after somebody left sessions of which nothing is known yet are worth asking for.
const SESSIONS_TOLD_MS: i64 = 7 * 86_400_000;
/// For how long an end counts where nobody says since when somebody is gone.
const ENDED_COUNTS_MS: i64 = 30 * 86_400_000;

/// When a person last said that they saw to what somebody left open, by account and person.
pub(super) type Settled<'f> = HashMap<(&'f AccountKey, &'f IdentityId), i64>;

/// Reads from the decisions what people saw to.
pub(super) fn settled(facts: &Facts) -> Settled<'_> {
    let mut settled = Settled::new();
    for decision in &facts.decisions {
        if let Decided::Settle { account, identity } = &decision.what {
            let at_ms = settled.entry((account, identity)).or_insert(decision.at_ms);
            *at_ms = decision.at_ms.max(*at_ms);
        }
    }
    settled
}

/// Somebody's record with an identity provider that can be asked to end their sessions.
pub(super) struct Door<'f> {
    place: AccountAt,
    record: &'f Account,
    /// Suspensions that come before: whoever still gets in would sign in again.
    suspended: Vec<usize>,
}

impl<'a, 'f: 'a> Diffing<'a, 'f> {
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
        let ends = |record: &Account| record.key.connection == *sso && self.ends_sessions(record);
        let mut can = false;
        for (place, record) in self.graph.accounts_at(at).filter(|(_, record)| ends(record)) {
            can = true;
            if suspended.is_none() && !self.is_open(at, &record.key) {
                continue;
            }
            match doors.iter_mut().find(|door| door.place == place) {
                Some(door) => door.suspended.extend(suspended),
                None => doors.push(Door { place, record, suspended: suspended.into_iter().collect() }),
            }
        }
        can
    }

    /// Tells whether the connection of a record can be asked to end sessions.
    pub(super) fn ends_sessions(&self, record: &Account) -> bool {
        let connection = self.facts.connections.get(&record.key.connection);
        let kind = connection.and_then(|connection| connection.abilities.kinds.get(&record.key.kind));
        kind.is_some_and(|kind| kind.effects.contains_key(&Effect::EndSessions))
    }

    fn sessions_at(&self, at: IdentityAt, connection: &ConnectionName) -> Option<&'f SessionsTried> {
        self.facts.sessions.get(&(connection.clone(), self.graph.identity_at(at).id.clone()))
    }

    /// Tells whether a moment lies within this departure.
    fn counts(&self, at: IdentityAt, at_ms: i64) -> bool {
        match self.graph.stay(at).left_ms {
            Some(left_ms) => at_ms >= left_ms,
            None => self.facts.now_ms.saturating_sub(at_ms) < ENDED_COUNTS_MS,
        }
    }

    fn is_lately(&self, at_ms: Option<i64>) -> bool {
        at_ms.is_some_and(|at_ms| self.facts.now_ms.saturating_sub(at_ms) < SESSIONS_TOLD_MS)
    }

    /// Tells whether sessions are still open of somebody whose accounts are suspended already.
    fn is_open(&self, at: IdentityAt, key: &AccountKey) -> bool {
        let (left_ms, known) = (self.graph.stay(at).left_ms, self.sessions_at(at, &key.connection));
        let open_ms = known.filter(|known| !known.ended).map(|known| known.at_ms);
        let since_ms = open_ms.max(left_ms).unwrap_or(i64::MIN);
        if self.settled.get(&(key, &self.graph.identity_at(at).id)).is_some_and(|at_ms| *at_ms >= since_ms) {
            return false;
        }
        match known {
            Some(known) if known.ended => !self.counts(at, known.at_ms) && self.is_lately(left_ms),
            Some(_) => true,
            None => self.is_lately(left_ms),
        }
    }

    /// Tells whether an app's open sessions are still to be said once the account is suspended: those that it keeps until
    /// somebody saw to them, those of which it does not say whether it does for some days.
    pub(super) fn is_worth_telling(&self, at: IdentityAt, account: &Account) -> bool {
        let Some(target) = self.facts.connections.get(&account.key.connection) else { return false };
        let known = || self.sessions_at(at, &account.key.connection).map(|known| known.at_ms);
        match target.abilities.sessions {
            Sessions::Ended => false,
            Sessions::Kept => self.is_open(at, &account.key),
            Sessions::Unstated => {
                self.is_open(at, &account.key) && self.is_lately(known().max(self.graph.stay(at).left_ms))
            }
        }
    }

    /// Ends the sessions behind a door, and says as long as they are not ended. That an app refuses to suspend keeps nobody
    /// signed in elsewhere; where they were ended in this departure already, they are once more when it has.
    pub(super) fn close(&mut self, at: IdentityAt, Door { place, record, suspended }: Door<'f>) {
        let (idp, reason) = (&record.key.connection, self.left(at));
        let known = self.sessions_at(at, idp);
        let again = !suspended.is_empty() && known.is_some_and(|known| known.ended && self.counts(at, known.at_ms));
        if !again {
            let because = known.filter(|known| !known.ended).and_then(|known| known.because.as_deref());
            let (name, severity) = (self.name(at), if because.is_some() { Severity::High } else { Severity::Medium });
            let text = match because {
                None => format!("{name}: the sessions in {idp} are not ended yet; a step of the plan ends them"),
                Some(because) => {
                    format!(
                        "{name}: the sessions in {idp} could not be ended: {because}; a step of the plan tries again"
                    )
                }
            };
            let identity = &self.graph.identity_at(at).id;
            let about = About::new(FindingKind::SessionNotEnded, severity);
            self.findings.add(about.account(&record.key).identity(identity), text);
        }
        if self.asked.includes(idp) {
            let ends = proposal(Some(at), place, record, Effect::EndSessions, reason, Vec::new());
            let (needs, after) = if again { (suspended, Vec::new()) } else { (Vec::new(), suspended) };
            self.propose(Proposal { needs, after, ..ends });
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
