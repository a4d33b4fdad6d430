//! Accounts that are nobody's or a machine's, invitations that wait, disputes, and pulls that saw not everything.
//! Mostly these are only said; orphans are suspended where the policy manages them.

use super::{Diffing, reason};
use crate::abilities::Standing as Place;
use crate::account::{Account, AccountState};
use crate::change::{FindingKind, ReasonKind, Severity};
use crate::correlate::{AccountAt, Belonging, IdentityAt, StayCause, narrow};
use crate::facts::Coverage;
use crate::finding::{About, told};
use crate::guards::shrunk;
use crate::identity::IdentityState;
use crate::policy::Unwished;
use serde_json::Value;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// For so many days an invitation that waits is looked at by itself; afterwards it is still pending, and only full
/// pulls see it.
pub const INVITED_LOOKED_AT_DAYS: i64 = 30;

/// Where an invitation stands that nobody has accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Waits {
    /// It has time.
    Young,
    /// The last seventh of its time runs: day 6 of 7, the 21st hour of 24.
    Ending,
    /// Its time is over.
    Over,
    /// Nobody says when it ends, and it waits longer than anybody looks.
    StillPending,
}

impl Waits {
    fn new(age_ms: Option<i64>, hours: Option<u32>) -> Self {
        match (age_ms, hours.map(|hours| i64::from(hours) * HOUR_MS)) {
            (Some(age_ms), Some(valid_ms)) if age_ms >= valid_ms => Self::Over,
            (Some(age_ms), Some(valid_ms)) if age_ms >= valid_ms - valid_ms / 7 => Self::Ending,
            (Some(age_ms), None) if age_ms > INVITED_LOOKED_AT_DAYS * DAY_MS => Self::StillPending,
            _ => Self::Young,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Young => "waits",
            Self::Ending => "ending",
            Self::Over => "over",
            Self::StillPending => "still_pending",
        }
    }

    fn severity(self) -> Severity {
        if self == Self::Young { Severity::Low } else { Severity::Medium }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Young => "",
            Self::Ending => "; the invitation is about to end: remind the person",
            Self::Over => "; the invitation has ended: send it again in the app's own pages",
            Self::StillPending => "; still pending, and no longer looked at by itself",
        }
    }
}

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    pub(super) fn nobody(&mut self) {
        let facts = self.facts;
        for (at, account) in facts.accounts.iter().enumerate() {
            let place = AccountAt(narrow(at));
            let belonging = self.graph.belonging_at(place);
            let open = account.state.gives_access();
            let quiet = matches!(belonging, Belonging::Somebody(..)) && account.state != AccountState::Invited;
            if quiet || !open || !self.is_asked_target(&account.key.connection) {
                continue;
            }
            match belonging {
                Belonging::Nobody if account.key.kind.is_staff() => self.orphan(place, account),
                Belonging::Service(why) => self.tell_service(account, why.as_str()),
                _ => {}
            }
            if account.state == AccountState::Invited {
                self.tell_invited(place, account);
            }
        }
        self.tell_disputes();
    }

    fn orphan(&mut self, place: AccountAt, account: &'f Account) {
        let key = &account.key;
        let privileged = account.grants.iter().any(|grant| grant.privileged);
        let severity = if privileged { Severity::High } else { Severity::Medium };
        let shown = account.login.as_deref().or(account.name.as_deref()).unwrap_or("without a login");
        let text = format!("{key} ({shown}) has access and belongs to nobody whom a source knows");
        self.findings.add_with(
            About::new(FindingKind::OrphanAccount, severity).account(key),
            text,
            told([
                ("login", account.login.as_deref().map_or(Value::Null, Value::from)),
                ("privileged", Value::Bool(privileged)),
            ]),
        );
        if self.rules.manage_of(&key.connection).orphans == Unwished::Remove {
            let text = format!("{key} belongs to nobody whom a source knows, and the policy suspends orphans");
            self.suspend(None, place, account, reason(ReasonKind::Drift, None, text));
        }
    }

    /// Tells what somebody has access to whose record is in no source any more: nobody loses it for that, a person decides.
    pub(super) fn tell_vanished(&mut self, at: IdentityAt, held: &[(AccountAt, &'f Account)]) {
        let identity = self.graph.identity_at(at);
        let vanished = matches!(self.graph.stay(at).cause, StayCause::Vanished) && !identity.records.is_empty();
        if !vanished || identity.state != IdentityState::Unknown {
            return;
        }
        for (_, account) in
            held.iter().filter(|(_, account)| account.state.gives_access() && account.key.kind.is_staff())
        {
            let text = format!(
                "{} has access, and {} is in no source any more; say `tenure leave {}`, or have the record brought back",
                account.key,
                self.name(at),
                identity.id
            );
            let about = About::new(FindingKind::OrphanAccount, Severity::Medium).account(&account.key);
            self.findings.add(about.identity(&identity.id), text);
        }
    }

    fn tell_service(&mut self, account: &Account, why: &str) {
        let text = format!("{} is set apart from people by {why}", account.key);
        self.findings.add(About::new(FindingKind::ServiceAccount, Severity::Low).account(&account.key), text);
    }

    fn tell_invited(&mut self, place: AccountAt, account: &Account) {
        let ability = self
            .facts
            .connections
            .get(&account.key.connection)
            .and_then(|connection| connection.abilities.kinds.get(&account.key.kind));
        // Whoever was let in again is invited since then, however old the record is.
        let since_ms = account.created_ms.max(self.facts.invited.get(&account.key).copied());
        let age_ms = since_ms.map(|since_ms| self.facts.now_ms.saturating_sub(since_ms).max(0));
        let hours = ability.and_then(|ability| ability.invitation_hours);
        let waits = Waits::new(age_ms, hours);
        let days = age_ms.map(|age_ms| age_ms / DAY_MS);
        let age = days.map_or_else(String::new, |days| format!(" for {days} days"));
        let seat = if ability.is_some_and(|ability| ability.takes_seat) { "; it takes a seat already" } else { "" };
        let text = format!("{} has not accepted its invitation{age}{seat}{}", account.key, waits.says());
        let mut about = About::new(FindingKind::PendingInvite, waits.severity()).account(&account.key);
        if let Belonging::Somebody(at, _) = self.graph.belonging_at(place) {
            about = about.identity(&self.graph.identity_at(at).id);
        }
        let ends_ms = since_ms.zip(hours).map(|(since_ms, hours)| since_ms + i64::from(hours) * HOUR_MS);
        let ends = ends_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).map(|at| at.to_string());
        let facts = told([
            ("days", days.map_or(Value::Null, Value::from)),
            ("expires_at", ends.map_or(Value::Null, Value::from)),
            ("stage", Value::from(waits.as_str())),
        ]);
        self.findings.add_with(about, text, facts);
    }

    fn tell_disputes(&mut self) {
        for dispute in self.graph.disputes() {
            if dispute.connection.as_ref().is_some_and(|connection| !self.asked.includes(connection)) {
                continue;
            }
            let ids: Vec<&str> = dispute.identities.iter().map(|id| id.as_str()).collect();
            let topic = format!("{} {}", dispute.topic, ids.join(" "));
            let mut about = About::new(FindingKind::Dispute, Severity::Medium).topic(&topic);
            if let Some(connection) = &dispute.connection {
                about = about.connection(connection);
            }
            if let Some(account) = &dispute.account {
                about = about.account(account);
            }
            if let [identity] = &dispute.identities[..] {
                about = about.identity(identity);
            }
            let mut facts = dispute.facts.clone();
            facts.insert("identities".into(), Value::from(ids));
            self.findings.add_with(about, dispute.text.clone(), facts);
        }
    }

    /// Says which connections were not seen completely, and which sources lost so many that they are not believed.
    pub(super) fn connections(&mut self) {
        for (name, connection) in &self.facts.connections {
            let is_source = matches!(connection.abilities.standing, Place::Source(_));
            let share = self.rules.guards.source_shrink_max_share;
            if let Some(because) = shrunk(name, connection, share).filter(|_| is_source) {
                let text =
                    format!("{because}; nobody is taken away on its word unless somebody releases source_shrink");
                self.findings
                    .add(About::new(FindingKind::PartialPull, Severity::High).connection(name).topic("shrunk"), text);
            }
            if !is_source && !self.asked.includes(name) || connection.coverage != Some(Coverage::Partial) {
                continue;
            }
            let because = connection.because.as_deref().unwrap_or("something was not read");
            let text = format!("the newest pull of {name} is partial: {because}; nothing is taken away on its word");
            self.findings.add(About::new(FindingKind::PartialPull, Severity::Medium).connection(name), text);
        }
    }
}
