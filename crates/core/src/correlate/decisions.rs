//! Decisions and pins, by what they are about: of several about one thing, the newest counts.
//! `found` and `link` ask here; what a decision does is theirs to say.

use super::narrow;
use crate::account::AccountKey;
use crate::facts::{Decided, Decision, Facts};
use crate::name::IdentityId;
use crate::policy::{Correlation, MatchRule};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Decisions and pins by what they are about.
#[derive(Debug, Default)]
pub(super) struct Decisions<'f> {
    /// The newest decision about an account.
    pub(super) accounts: HashMap<&'f AccountKey, &'f Decision>,
    /// Accounts that are not these identities'.
    pub(super) apart: HashSet<(&'f AccountKey, &'f IdentityId)>,
    /// Decisions about people, oldest first.
    pub(super) people: BTreeMap<&'f IdentityId, Vec<&'f Decision>>,
    /// The place of the newest pin of an account.
    pub(super) pins: HashMap<&'f AccountKey, u32>,
}

impl<'f> Decisions<'f> {
    pub(super) fn read(facts: &'f Facts, rules: &Correlation) -> Self {
        let mut all = Self::default();
        let mut decisions: Vec<&Decision> = facts.decisions.iter().collect();
        decisions.sort_by_key(|decision| decision.seq);
        for decision in decisions {
            match &decision.what {
                Decided::Link { account, identity } => {
                    all.apart.remove(&(account, identity));
                    all.accounts.insert(account, decision);
                }
                Decided::Unlink { account, identity: Some(identity) } => {
                    all.apart.insert((account, identity));
                    all.accounts.retain(|key, decision| {
                        *key != account
                            || !matches!(&decision.what, Decided::Link { identity: linked, .. } if linked == identity)
                    });
                }
                Decided::Unlink { account, identity: None } | Decided::Exempt { account } => {
                    all.accounts.insert(account, decision);
                }
                Decided::Join { identity, .. } | Decided::Move { identity, .. } | Decided::Leave { identity, .. } => {
                    all.people.entry(identity).or_default().push(decision);
                }
                Decided::Approve { .. }
                | Decided::Reject { .. }
                | Decided::Release { .. }
                | Decided::Withhold { .. }
                | Decided::Settle { .. }
                | Decided::Accept { .. } => {}
            }
        }
        if rules.rules.contains(&MatchRule::Link) {
            all.pins.reserve(facts.links.len());
            for (at, link) in facts.links.iter().enumerate() {
                let newest = all.pins.entry(&link.account).or_insert(narrow(at));
                if facts.links[*newest as usize].since_ms <= link.since_ms {
                    *newest = narrow(at);
                }
            }
        }
        all
    }
}
