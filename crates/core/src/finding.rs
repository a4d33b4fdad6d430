//! Findings: what a person should know, each once, each with an id that is derived from what it is about.
//! Every verb of the walk adds its own; the collection is sorted when the walk ends.

use crate::account::AccountKey;
use crate::change::{Finding, FindingKind, Severity};
use crate::digest::derived;
use crate::name::{ConnectionName, FindingId, IdentityId};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// What a finding is about. Two findings about the same are one.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Which kind.
    pub kind: FindingKind,
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub connection: Option<&'a ConnectionName>,
    /// Which account.
    pub account: Option<&'a AccountKey>,
    /// Whose.
    pub identity: Option<&'a IdentityId>,
    /// What tells apart several of one kind about the same thing, such as the field.
    pub topic: &'a str,
}

impl<'a> About<'a> {
    /// Starts from a kind and how bad it is.
    pub fn new(kind: FindingKind, severity: Severity) -> Self {
        Self { kind, severity, connection: None, account: None, identity: None, topic: "" }
    }

    /// Adds the connection.
    pub fn connection(self, connection: &'a ConnectionName) -> Self {
        Self { connection: Some(connection), ..self }
    }

    /// Adds the account, and with it the connection.
    pub fn account(self, account: &'a AccountKey) -> Self {
        Self { account: Some(account), connection: Some(&account.connection), ..self }
    }

    /// Adds the identity.
    pub fn identity(self, identity: &'a IdentityId) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// Adds the topic.
    pub fn topic(self, topic: &'a str) -> Self {
        Self { topic, ..self }
    }

    /// Makes the finding.
    pub fn finding(self, text: String, facts: BTreeMap<String, Value>) -> Finding {
        let account = self.account.map(ToString::to_string);
        let id = derived(
            "f-",
            16,
            &[
                self.kind.as_str(),
                self.connection.map_or("", |connection| connection.as_str()),
                account.as_deref().unwrap_or(""),
                self.identity.map_or("", |identity| identity.as_str()),
                self.topic,
            ],
        );
        Finding {
            id: FindingId::from(id),
            kind: self.kind,
            severity: self.severity,
            connection: self.connection.cloned(),
            account: self.account.map(|key| key.id.as_str().to_owned()),
            account_key: self.account.cloned(),
            identity: self.identity.cloned(),
            text,
            since: None,
            facts,
        }
    }
}

/// Findings as they are collected.
#[derive(Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
    known: HashSet<FindingId>,
}

impl Findings {
    /// Adds a finding, unless one about the same is there.
    pub fn add(&mut self, about: About<'_>, text: String) {
        self.add_with(about, text, BTreeMap::new());
    }

    /// Adds a finding with the facts of its sentence, unless one about the same is there.
    pub fn add_with(&mut self, about: About<'_>, text: String, facts: BTreeMap<String, Value>) {
        let finding = about.finding(text, facts);
        if self.known.insert(finding.id.clone()) {
            self.all.push(finding);
        }
    }

    /// Returns the findings, worst first.
    pub fn sorted(mut self) -> Vec<Finding> {
        let order = |finding: &Finding| (finding.severity, finding.kind);
        self.all.sort_by(|one, other| {
            order(one).cmp(&order(other)).then_with(|| {
                (&one.connection, &one.account, &one.identity, &one.id).cmp(&(
                    &other.connection,
                    &other.account,
                    &other.identity,
                    &other.id,
                ))
            })
        });
        self.all
    }
}

/// Makes the facts of a sentence.
pub(crate) fn told<const N: usize>(facts: [(&str, Value); N]) -> BTreeMap<String, Value> {
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
