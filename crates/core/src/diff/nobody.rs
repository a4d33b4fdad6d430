//! Accounts that are nobody's or a machine's, invitations that wait, disputes, and pulls that saw not everything.
//! Mostly these are only said; orphans are suspended where the policy manages them.

use super::stand::is_staff;
use super::{Diffing, reason};
use crate::abilities::Standing as Place;
use crate::account::{Account, AccountState};
use crate::change::{FindingKind, ReasonKind, Severity};
use crate::correlate::{AccountAt, Belonging, narrow};
use crate::facts::Coverage;
use crate::finding::{About, told};
use crate::policy::Unwished;
use serde_json::Value;

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
                Belonging::Nobody if is_staff(account.key.kind) => self.orphan(place, account),
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

    fn tell_service(&mut self, account: &Account, why: &str) {
        let text = format!("{} is set apart from people by {why}", account.key);
        self.findings.add(About::new(FindingKind::ServiceAccount, Severity::Low).account(&account.key), text);
    }

    fn tell_invited(&mut self, place: AccountAt, account: &Account) {
        let days =
            account.created_ms.map(|created_ms| self.facts.now_ms.saturating_sub(created_ms).max(0) / 86_400_000);
        let age = days.map_or_else(String::new, |days| format!(" for {days} days"));
        let text = format!("{} has not accepted its invitation{age}; it takes a seat already", account.key);
        let mut about = About::new(FindingKind::PendingInvite, Severity::Low).account(&account.key);
        if let Belonging::Somebody(at, _) = self.graph.belonging_at(place) {
            about = about.identity(&self.graph.identity_at(at).id);
        }
        self.findings.add_with(about, text, told([("days", days.map_or(Value::Null, Value::from))]));
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

    /// Says which connections were not seen completely.
    pub(super) fn connections(&mut self) {
        for (name, connection) in &self.facts.connections {
            let is_source = matches!(connection.abilities.standing, Place::Source(_));
            if !is_source && !self.asked.includes(name) || connection.coverage != Some(Coverage::Partial) {
                continue;
            }
            let because = connection.because.as_deref().unwrap_or("something was not read");
            let text = format!("the newest pull of {name} is partial: {because}; nothing is taken away on its word");
            self.findings.add(About::new(FindingKind::PartialPull, Severity::Medium).connection(name), text);
        }
    }
}
