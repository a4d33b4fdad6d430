//! The company in parts: whole clusters of what hangs together, some ten thousand accounts at a time, of one moment.
//! One walk finds the clusters; then each part is read by its rows, with the managers above its people. The texts are taken
//! apart by whoever judges them, so that reading and judging can go on at the same time.

mod links;
mod raw;
mod scan;
mod ties;

pub use raw::Raw;

use crate::Store;
use crate::db::Tx;
use crate::error::StoreError;
use async_recursion::async_recursion as boxed;
use scan::Index;
use std::collections::BTreeSet;
use std::sync::Arc;
use tenure_core::name::ConnectionName;
use tenure_core::parts::Cluster;

/// The company of one moment, part by part.
pub struct Parts {
    tx: Tx,
    index: Arc<Index>,
    /// The first cluster of the next part.
    next: u32,
    /// How many accounts a part has, about.
    size: u32,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("next", &self.next).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Store {
    /// Divides the company into parts of about so many accounts. `sources` are the connections whose records are people.
    #[boxed]
    pub async fn parts(&self, sources: &[ConnectionName], size: u32) -> Result<Parts, StoreError> {
        let mut tx = self.db.read().await?;
        let index = Arc::new(Index::read(&mut tx, sources).await?);
        Ok(Parts { tx, index, next: 0, size })
    }
}

impl Parts {
    /// Reads the next part; nothing at the end.
    #[boxed]
    pub async fn next(&mut self) -> Result<Option<Raw>, StoreError> {
        let Some(range) = self.index.clusters.next(self.next, self.size) else { return Ok(None) };
        self.next = range.end;
        self.read(range.clone(), |cluster| range.contains(&cluster)).await.map(Some)
    }

    /// Reads the part that these clusters are, with what people said of steps and guards.
    #[boxed]
    pub async fn of(&mut self, clusters: &BTreeSet<Cluster>) -> Result<Raw, StoreError> {
        let own = clusters.iter().map(|cluster| cluster.0);
        let mut raw = self.read(own, |cluster| clusters.contains(&Cluster(cluster))).await?;
        raw.decisions.extend(self.index.free.iter().map(|decision| (None, decision.clone())));
        raw.decisions.sort_by_key(|(_, decision)| decision.seq);
        Ok(raw)
    }

    async fn read(
        &mut self,
        own: impl Iterator<Item = u32> + Clone + Send,
        is_own: impl Fn(u32) -> bool + Send,
    ) -> Result<Raw, StoreError> {
        let Self { tx, index, .. } = self;
        let guests = index.clusters.above(own.clone(), is_own);
        let nodes = index.clusters.members(own.chain(guests.iter().map(|cluster| cluster.0)));
        let accounts = nodes.partition_point(|node| (*node as usize) < index.ids.len());
        let (accounts, others) = nodes.split_at(accounts);
        let mut raw = Raw::new(index.clone(), guests);
        raw.read_rows(tx, accounts).await?;
        raw.read_versions(tx, accounts).await?;
        for node in others {
            let cluster = index.clusters.of(*node);
            if let Ok(at) = index.decisions.binary_search_by_key(node, |(node, _)| *node) {
                raw.decisions.push((Some(cluster), index.decisions[at].1.clone()));
            } else if let Ok(at) = index.wishes.binary_search_by_key(node, |(node, _)| *node) {
                raw.wishes.push((cluster, index.wishes[at].1.clone()));
            }
        }
        Ok(raw)
    }
}
