//! The rows of a part: read by stretches where they lie beside each other, else one by one, and kept as texts.
//! Taking the texts apart costs more than reading them, and needs no database: it is done by whoever wants the facts.

use super::scan::Index;
use crate::body::read_body;
use crate::bulk::Bulk;
use crate::db::{Arg, Row, Tx, args};
use crate::error::StoreError;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use tenure_core::account::Kind;
use tenure_core::facts::{ClientWish, Decided, Decision};
use tenure_core::parts::{Cluster, Part};

/// So many rows that lie beside each other are read as a stretch.
const STRETCH_MIN: usize = 16;
/// Within a stretch, this far from a row that is meant to the next one.
const GAP_MAX: i64 = 4;

const ONE: Bulk = Bulk { head: "SELECT id, gone_ms, body FROM account WHERE id IN (", columns: 1, tail: ")" };
const STRETCH: &str = "SELECT id, gone_ms, body FROM account WHERE id >= $1 AND id <= $2 ORDER BY id";
const VERSION: Bulk =
    Bulk { head: "SELECT id, body FROM version WHERE account IN (", columns: 1, tail: ") AND kind = 'person'" };

/// A part as it lies in the store: texts that are yet to be taken apart.
pub struct Raw {
    index: Arc<Index>,
    texts: String,
    accounts: Vec<Text>,
    versions: Vec<(i64, Range<usize>)>,
    pub(super) decisions: Vec<(Option<Cluster>, Decision)>,
    pub(super) wishes: Vec<(Cluster, ClientWish)>,
    guests: BTreeSet<Cluster>,
}

/// The text of an account.
#[derive(Debug)]
struct Text {
    node: u32,
    is_gone: bool,
    body: Range<usize>,
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Raw").field("accounts", &self.accounts.len()).finish_non_exhaustive()
    }
}

impl Raw {
    pub(super) fn new(index: Arc<Index>, guests: BTreeSet<Cluster>) -> Self {
        Self {
            index,
            texts: String::new(),
            accounts: Vec::new(),
            versions: Vec::new(),
            decisions: Vec::new(),
            wishes: Vec::new(),
            guests,
        }
    }

    /// Reads the accounts that these nodes are.
    pub(super) async fn read_rows(&mut self, tx: &mut Tx, nodes: &[u32]) -> Result<(), StoreError> {
        let index = self.index.clone();
        let id = |node: u32| index.ids[node as usize];
        let mut take = |row: &Row<'_>, node: u32| -> Result<(), StoreError> {
            let (is_gone, body) = (row.int_or_none(1)?.is_some(), self.keep(row.text(2)?));
            self.accounts.push(Text { node, is_gone, body });
            Ok(())
        };
        let mut single = Vec::new();
        for stretch in nodes.chunk_by(|one, other| id(*other) - id(*one) <= GAP_MAX) {
            let [first, .., last] = *stretch else {
                single.extend_from_slice(stretch);
                continue;
            };
            if stretch.len() < STRETCH_MIN {
                single.extend_from_slice(stretch);
                continue;
            }
            let mut wanted = stretch.iter().copied().peekable();
            tx.each(STRETCH, args![id(first), id(last)], |row| {
                let found = row.int(0)?;
                match wanted.next_if(|node| id(*node) == found) {
                    Some(node) => take(&row, node),
                    None => Ok(()),
                }
            })
            .await?;
        }
        let ids = single.iter().map(|node| Arg::from(id(*node))).collect();
        tx.each_bulk(&ONE, ids, |row| {
            let found = row.int(0)?;
            match single.binary_search_by_key(&found, |node| id(*node)) {
                Ok(at) => take(&row, single[at]),
                Err(_) => Ok(()),
            }
        })
        .await?;
        self.accounts.sort_unstable_by_key(|text| text.node);
        Ok(())
    }

    /// Reads the earlier versions of these nodes' records.
    pub(super) async fn read_versions(&mut self, tx: &mut Tx, nodes: &[u32]) -> Result<(), StoreError> {
        let index = self.index.clone();
        let changed = nodes.iter().filter(|node| index.earlier.binary_search(node).is_ok());
        let ids = changed.map(|node| Arg::from(index.ids[*node as usize])).collect();
        tx.each_bulk(&VERSION, ids, |row| {
            let body = self.keep(row.text(1)?);
            self.versions.push((row.int(0)?, body));
            Ok(())
        })
        .await?;
        self.versions.sort_unstable_by_key(|(id, _)| *id);
        Ok(())
    }

    fn keep(&mut self, text: &str) -> Range<usize> {
        let from = self.texts.len();
        self.texts.push_str(text);
        from..self.texts.len()
    }

    /// Takes the texts apart.
    ///
    /// # Errors
    /// One of them is none that we wrote.
    pub fn read(mut self) -> Result<Part, StoreError> {
        let mut part = Part { guests: std::mem::take(&mut self.guests), ..Part::default() };
        let facts = &mut part.facts;
        facts.accounts.reserve_exact(self.accounts.len());
        for Text { node, is_gone, body } in &self.accounts {
            let account = read_body("an account", &self.texts[body.clone()])?;
            let cluster = self.index.clusters.of(*node);
            facts.links.extend(self.index.links.of(*node).map(|pin| pin.link(&account.key)));
            match is_gone {
                false => {
                    facts.accounts.push(account);
                    part.accounts.push(cluster);
                }
                true if account.key.kind == Kind::Person => {
                    facts.vanished.push(account);
                    part.vanished.push(cluster);
                }
                true => {}
            }
        }
        for (_, body) in &self.versions {
            facts.history.push(read_body("a version", &self.texts[body.clone()])?);
        }
        self.decisions.sort_by_key(|(_, decision)| decision.seq);
        for (cluster, decision) in self.decisions {
            if let (Decided::Join { identity, .. }, Some(cluster)) = (&decision.what, cluster) {
                part.people.insert(identity.clone(), cluster);
            }
            facts.decisions.push(decision);
        }
        for (cluster, wish) in self.wishes {
            part.people.insert(wish.identity.clone(), cluster);
            facts.client_wishes.push(wish);
        }
        Ok(part)
    }
}
