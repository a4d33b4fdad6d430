//! What hangs together: nodes that share a mark, found by sorting marks, and put into clusters of neighbours.
//! `scan.rs` tells which node has which marks; a few tens of bytes are kept of each, whatever its record is like.
//! Two different texts with one mark are put together: a cluster may reach too far, never too short.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};
use std::ops::Range;
use tenure_core::parts::Cluster;

/// Marks are sorted by portions, so that what is done with is given back soon.
const PORTIONS: usize = 64;
/// Says of a node that it asks for whoever has the mark, and does not have it itself.
const ASKS: u32 = 1 << 31;

/// Half of a hash, or all of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Mark(u64);

impl Mark {
    /// Returns the mark of a text of one sort: a key, an account, a person.
    pub(super) fn of(sort: u8, text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(sort);
        hasher.write(text.as_bytes());
        Self(hasher.finish())
    }
}

/// A mark and the node that has it.
type Entry = [u32; 3];

fn entry(mark: Mark, node: u32) -> Entry {
    [(mark.0 >> 32) as u32, mark.0 as u32, node]
}

/// Marks of nodes, as they are collected.
pub(super) struct Marks {
    portions: Vec<Vec<Entry>>,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self { portions: vec![Vec::new(); PORTIONS] }
    }

    /// Notes that a node has a mark.
    pub(super) fn has(&mut self, node: u32, mark: Mark) {
        let entry = entry(mark, node);
        self.portions[entry[0] as usize / (u32::MAX as usize / PORTIONS + 1)].push(entry);
    }

    /// Notes that a node speaks of whoever has the mark, without hanging together with them.
    pub(super) fn asks(&mut self, node: u32, mark: Mark) {
        self.has(node | ASKS, mark);
    }

    /// Finds the clusters of so many nodes.
    pub(super) fn clusters(self, nodes: u32) -> Clusters {
        let mut groups = Groups { parent: (0..nodes).collect() };
        let mut asked = Vec::new();
        for mut portion in self.portions {
            portion.sort_unstable();
            for alike in portion.chunk_by(|one, other| one[..2] == other[..2]) {
                // Those who ask have the larger numbers, so they come last.
                let Some(first) = alike.first().map(|entry| entry[2]).filter(|node| node & ASKS == 0) else { continue };
                for [_, _, node] in &alike[1..] {
                    match node & ASKS {
                        0 => groups.join(first, *node),
                        _ => asked.push((node & !ASKS, first)),
                    }
                }
            }
        }
        Clusters::new(groups, asked)
    }
}

/// Nodes by mark, to be looked up: sorted, with the place where each beginning of a mark starts.
pub(super) struct Places {
    sorted: Vec<Entry>,
    starts: Vec<u32>,
    shift: u32,
}

impl Places {
    pub(super) fn new(entries: Vec<(Mark, u32)>) -> Self {
        let mut sorted: Vec<Entry> = entries.into_iter().map(|(mark, node)| entry(mark, node)).collect();
        sorted.sort_unstable();
        // About as many beginnings as there are nodes, so that few share one.
        let bits = (sorted.len() as u32).next_power_of_two().trailing_zeros().clamp(1, 31);
        let shift = 32 - bits;
        let mut starts = vec![0_u32; (1 << bits) + 1];
        for [high, ..] in &sorted {
            starts[(high >> shift) as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Self { sorted, starts, shift }
    }

    pub(super) fn find(&self, mark: Mark) -> Option<u32> {
        let wanted = entry(mark, 0);
        let beginning = (wanted[0] >> self.shift) as usize;
        let near = &self.sorted[self.starts[beginning] as usize..self.starts[beginning + 1] as usize];
        near.iter().find(|known| known[..2] == wanted[..2]).map(|known| known[2])
    }
}

struct Groups {
    parent: Vec<u32>,
}

impl Groups {
    fn find(&mut self, mut node: u32) -> u32 {
        while self.parent[node as usize] != node {
            let above = self.parent[node as usize];
            self.parent[node as usize] = self.parent[above as usize];
            node = above;
        }
        node
    }

    /// The smaller number stands for the group, so that a cluster is known by its first node.
    fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.find(one), self.find(other));
        let (first, last) = (one.min(other), one.max(other));
        self.parent[last as usize] = first;
    }
}

/// Clusters, numbered by their first nodes.
pub(super) struct Clusters {
    of: Vec<u32>,
    /// The nodes, cluster by cluster.
    members: Vec<u32>,
    /// Where the members of each cluster begin.
    starts: Vec<u32>,
    /// Which cluster speaks of which other one as its managers', sorted.
    managers: Vec<(u32, u32)>,
}

impl Clusters {
    fn new(mut groups: Groups, asked: Vec<(u32, u32)>) -> Self {
        let nodes = groups.parent.len() as u32;
        let mut of = vec![0; nodes as usize];
        let mut starts: Vec<u32> = Vec::new();
        for node in 0..nodes {
            let first = groups.find(node);
            of[node as usize] = if first == node {
                starts.push(0);
                starts.len() as u32 - 1
            } else {
                of[first as usize]
            };
            starts[of[node as usize] as usize] += 1;
        }
        drop(groups);
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        let mut next = starts.clone();
        let mut members = vec![0; nodes as usize];
        for (node, cluster) in of.iter().enumerate() {
            members[next[*cluster as usize] as usize] = node as u32;
            next[*cluster as usize] += 1;
        }
        starts.push(sum);
        let cluster = |node: u32| of[node as usize];
        let mut managers: Vec<(u32, u32)> =
            asked.into_iter().map(|(one, other)| (cluster(one), cluster(other))).collect();
        managers.retain(|(one, other)| one != other);
        managers.sort_unstable();
        managers.dedup();
        managers.shrink_to_fit();
        Self { of, members, starts, managers }
    }

    /// Returns the cluster of a node.
    pub(super) fn of(&self, node: u32) -> Cluster {
        Cluster(self.of[node as usize])
    }

    fn count(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    /// Returns the next clusters after some, about as many as have so many nodes; nothing at the end.
    pub(super) fn next(&self, from: u32, nodes: u32) -> Option<Range<u32>> {
        let start = *self.starts.get(from as usize)?;
        let behind = self.starts[from as usize + 1..].iter().take_while(|end| **end - start <= nodes).count() as u32;
        (from < self.count()).then(|| from..(from + behind.max(1)).min(self.count()))
    }

    /// Lists the nodes of clusters, in order.
    pub(super) fn members(&self, clusters: impl Iterator<Item = u32>) -> Vec<u32> {
        let range = |cluster: u32| self.starts[cluster as usize] as usize..self.starts[cluster as usize + 1] as usize;
        let mut all: Vec<u32> = clusters.flat_map(|cluster| self.members[range(cluster)].iter().copied()).collect();
        all.sort_unstable();
        all
    }

    /// Lists the clusters of all managers above the people of some clusters, those themselves left out.
    pub(super) fn above(
        &self,
        clusters: impl Iterator<Item = u32>,
        is_among: impl Fn(u32) -> bool,
    ) -> BTreeSet<Cluster> {
        let mut above = BTreeSet::new();
        let mut left: Vec<u32> = clusters.collect();
        while let Some(one) = left.pop() {
            let from = self.managers.partition_point(|(asks, _)| *asks < one);
            for (_, manager) in self.managers[from..].iter().take_while(|(asks, _)| *asks == one) {
                if !is_among(*manager) && above.insert(Cluster(*manager)) {
                    left.push(*manager);
                }
            }
        }
        above
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_a_mark_is_one_cluster_and_managers_are_another() {
        let key = |text: &str| Mark::of(0, text);
        let mut marks = Marks::new();
        for (node, text) in [(0, "ann"), (1, "bob"), (2, "a1"), (2, "ann"), (3, "cy"), (4, "a1"), (5, "bob")] {
            marks.has(node, key(text));
        }
        for (node, text) in [(0, "bob"), (1, "cy"), (3, "ann"), (3, "nobody")] {
            marks.asks(node, key(text));
        }
        let clusters = marks.clusters(7);
        let of: Vec<u32> = (0..7).map(|node| clusters.of(node).0).collect();
        assert_eq!(of, [0, 1, 0, 2, 0, 1, 3]);
        assert_eq!(clusters.members([0, 2].into_iter()), [0, 2, 3, 4]);
        let above = |one| clusters.above([one].into_iter(), |other| other == one);
        assert_eq!(above(0), BTreeSet::from([Cluster(1), Cluster(2)]), "a circle ends");
        assert_eq!(above(3), BTreeSet::new());
        let ranges: Vec<_> = std::iter::successors(clusters.next(0, 4), |last| clusters.next(last.end, 4)).collect();
        assert_eq!(ranges, [0..1, 1..4]);
    }

    #[test]
    fn a_node_is_found_by_its_mark() {
        let places = Places::new(vec![(Mark::of(1, "a"), 7), (Mark::of(1, "b"), 3)]);
        assert_eq!((places.find(Mark::of(1, "b")), places.find(Mark::of(0, "b"))), (Some(3), None));
    }
}
