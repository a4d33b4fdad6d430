//! The pinned links of all accounts, in twenty bytes each: they are walked over anyway to tell what hangs together, and
//! looking each up again would cost more than everything else. What many of them share is held once.

use super::ties::Mark;
use crate::error::StoreError;
use serde::Deserialize;
use std::collections::HashMap;
use tenure_core::account::AccountKey;
use tenure_core::facts::Link;
use tenure_core::name::{IdentityId, Name};

/// Links by the nodes of their accounts.
#[derive(Default)]
pub(super) struct Links {
    /// Node, identity, evidence, and the moment in two halves; sorted when all are there.
    all: Vec<[u32; 5]>,
    identities: Vec<IdentityId>,
    evidences: Vec<Name>,
    places: HashMap<Mark, u32>,
}

/// What a link's text tells beside its columns.
#[derive(Deserialize)]
struct Told {
    evidence: Name,
}

impl Links {
    /// Takes a link in; `person` is the mark of its identity.
    pub(super) fn add(
        &mut self,
        node: u32,
        (identity, person): (&str, Mark),
        since_ms: i64,
        body: &str,
    ) -> Result<(), StoreError> {
        let Told { evidence } = crate::error::read_json("a link", body)?;
        let known = self.places.get(&person).copied().filter(|at| self.identities[*at as usize].as_str() == identity);
        let identity = known.unwrap_or_else(|| {
            let at = self.identities.len() as u32;
            self.identities.push(IdentityId::from(identity));
            self.places.insert(person, at);
            at
        });
        let evidence = self.evidences.iter().position(|known| *known == evidence).unwrap_or_else(|| {
            self.evidences.push(evidence);
            self.evidences.len() - 1
        });
        let since = since_ms.cast_unsigned();
        self.all.push([node, identity, evidence as u32, (since >> 32) as u32, since as u32]);
        Ok(())
    }

    /// Sorts what was taken in, and forgets what was needed for that only.
    pub(super) fn sort(&mut self) {
        self.places = HashMap::new();
        self.all.sort_unstable();
    }

    /// Finds the link of the account that a node is.
    pub(super) fn of(&self, node: u32) -> Option<Pin<'_>> {
        let at = self.all.binary_search_by_key(&node, |link| link[0]).ok()?;
        let [_, identity, evidence, high, low] = self.all[at];
        let since_ms = (u64::from(high) << 32 | u64::from(low)).cast_signed();
        Some(Pin {
            identity: &self.identities[identity as usize],
            evidence: &self.evidences[evidence as usize],
            since_ms,
        })
    }
}

/// A link without its account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pin<'l> {
    identity: &'l IdentityId,
    evidence: &'l Name,
    since_ms: i64,
}

impl Pin<'_> {
    pub(super) fn link(self, account: &AccountKey) -> Link {
        let Pin { identity, evidence, since_ms } = self;
        Link { account: account.clone(), identity: identity.clone(), evidence: evidence.clone(), since_ms }
    }
}
