//! The walk over a company that is too large for one piece: whole clusters at a time, and what is proposed as one plan.
//! Of a part its findings are kept, and which of its clusters something is proposed for; the plan is made of these clusters
//! alone, with counts of the others for the guards. It is the plan that `reconcile` makes of everything at once.

use crate::account::AccountKey;
use crate::census::{self, Censuses};
use crate::correlate::{Graph, IdentityAt, correlate};
use crate::decide::{Tallies, decide};
use crate::diff::{Asked, Proposal, diff};
use crate::facts::{Facts, Link};
use crate::finding::Findings;
use crate::name::IdentityId;
use crate::policy::Rules;
use crate::reconcile::{Reconciled, concluded};
use crate::wake::next_of_people;
use std::collections::{BTreeSet, HashMap};

/// What hangs together by keys, links, wishes or decisions, by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cluster(pub u32);

/// Whole clusters, with those of all managers above their people.
#[derive(Debug, Default)]
pub struct Part {
    /// The facts, in the order in which the whole has them.
    pub facts: Facts,
    /// To which cluster each account belongs.
    pub accounts: Vec<Cluster>,
    /// To which cluster each record belongs that is gone.
    pub vanished: Vec<Cluster>,
    /// To which clusters the people belong of whom a decision or a wish speaks.
    pub people: HashMap<IdentityId, Cluster>,
    /// Clusters of managers that are parts of other parts.
    pub guests: BTreeSet<Cluster>,
}

impl Part {
    fn cluster_of(
        &self,
        graph: &Graph<'_>,
        at: IdentityAt,
        vanished: &HashMap<&AccountKey, Cluster>,
    ) -> Option<Cluster> {
        if let Some((account, _)) = graph.accounts_at(at).next() {
            return self.accounts.get(account.index()).copied();
        }
        let identity = graph.identity_at(at);
        let gone = identity.records.iter().find_map(|record| vanished.get(record));
        gone.or_else(|| self.people.get(&identity.id)).copied()
    }

    /// Tells the cluster of each person.
    fn clusters(&self, graph: &Graph<'_>) -> Vec<Option<Cluster>> {
        let gone = self.facts.vanished.iter().map(|account| &account.key).zip(self.vanished.iter().copied()).collect();
        graph.places().map(|at| self.cluster_of(graph, at, &gone)).collect()
    }

    /// Finds out who is who and whose is what, and no more.
    pub fn correlated(&self, rules: &Rules) -> Judged<'_> {
        let graph = correlate(&self.facts, rules);
        let clusters = self.clusters(&graph);
        let links = graph.new_links_of(|at| self.is_own_account(at)).collect();
        Judged { graph, links, clusters, part: self }
    }

    fn is_own_account(&self, at: usize) -> bool {
        self.is_own(self.accounts.get(at).copied())
    }

    fn is_own(&self, cluster: Option<Cluster>) -> bool {
        cluster.is_none_or(|cluster| !self.guests.contains(&cluster))
    }
}

/// One part, judged.
#[derive(Debug)]
pub struct Judged<'p> {
    /// Who is who in it.
    pub graph: Graph<'p>,
    /// Links that are not pinned yet.
    pub links: Vec<Link>,
    /// To which cluster each person belongs.
    clusters: Vec<Option<Cluster>>,
    part: &'p Part,
}

impl Judged<'_> {
    fn is_own(&self, at: IdentityAt) -> bool {
        self.part.is_own(self.clusters[at.index()])
    }

    /// Returns the cluster for which something is proposed.
    fn touched(&self, proposal: &Proposal) -> Option<Cluster> {
        let of_account = proposal.account.and_then(|at| self.part.accounts.get(at.index()).copied());
        of_account.or_else(|| self.clusters[proposal.identity?.index()])
    }

    /// Lists the people who belong to this part and to no other.
    pub fn own(&self) -> impl Iterator<Item = &IdentityId> {
        self.graph.places().filter(|at| self.is_own(*at)).map(|at| &self.graph.identity_at(at).id)
    }
}

/// What was found in the parts so far.
#[derive(Debug, Default)]
pub struct Totals {
    findings: Findings,
    tallies: Tallies,
    census: Censuses,
    wanted: BTreeSet<Cluster>,
    next_ms: Option<i64>,
}

impl Totals {
    /// Judges one part, and adds what is found in it.
    pub fn judge<'p>(&mut self, part: &'p Part, rules: &Rules, asked: &Asked) -> Judged<'p> {
        let facts = &part.facts;
        let judged = part.correlated(rules);
        let graph = &judged.graph;
        let mut wishes = decide(graph, rules, facts, |at| judged.is_own(at));
        self.tallies.add(wishes.take_tallies());
        let proposals = diff(graph, &wishes, rules, facts, asked, &mut self.findings);
        self.wanted.extend(proposals.iter().filter_map(|proposal| judged.touched(proposal)));
        let counted = facts.accounts.iter().enumerate().filter(|(at, _)| part.is_own_account(*at));
        census::count(counted.map(|(_, account)| account), facts, &mut self.census);
        let next_ms = next_of_people(graph, facts, rules);
        self.next_ms = [self.next_ms, next_ms].into_iter().flatten().min();
        judged
    }

    /// Lists the clusters for which something is proposed: they, and the managers above their people, make the plan.
    pub fn wanted(&self) -> &BTreeSet<Cluster> {
        &self.wanted
    }

    /// Returns the next moment at which something becomes due of what is known of people.
    pub fn next_ms(&self) -> Option<i64> {
        self.next_ms
    }

    /// Counts for the guards what some facts do not hold.
    pub fn beyond(&self, facts: &Facts) -> Censuses {
        census::beyond(&self.census, facts)
    }

    /// Makes the plan of the wanted clusters. The graph is of them only, the findings are of everybody.
    pub fn finish<'f>(mut self, facts: &'f Facts, rules: &Rules, asked: &Asked) -> Reconciled<'f> {
        self.tallies.tell(&mut self.findings);
        let graph = correlate(facts, rules);
        let wishes = decide(&graph, rules, facts, |_| false);
        concluded(graph, wishes, self.findings, facts, rules, asked)
    }
}

#[cfg(test)]
mod tests;
