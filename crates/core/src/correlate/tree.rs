//! The manager tree: who reports to whom, with circles broken.
//! It reads `manager_id` of the identities and writes their `manager`. A circle is a dispute; its link that starts at
//! the smallest id is cut, so that the same facts are always cut at the same place.

use super::attributes::text_of;
use super::{Dispute, Graph, IdentityAt, narrow};
use crate::identity::Identity;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Finds everybody's manager.
pub(super) fn settle_managers(graph: &mut Graph<'_>) {
    let managers = managers(&graph.identities, &graph.founded);
    let (managers, circles) = without_circles(managers);
    for (at, manager) in managers.iter().enumerate() {
        graph.identities[at].manager = manager.map(|manager| graph.identities[manager as usize].id.clone());
    }
    for circle in circles {
        let names: Vec<&str> = circle.iter().take(10).map(|at| graph.identities[*at as usize].label()).collect();
        let identities = circle.iter().map(|at| graph.identity_at(IdentityAt(*at)).id.clone()).collect();
        let text = format!("{} report to each other in a circle: {}", circle.len(), names.join(", "));
        graph.disputes.push(Dispute {
            topic: "manager_circle",
            connection: None,
            account: None,
            identities,
            text,
            facts: BTreeMap::new(),
        });
    }
}

/// Who a key names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Nobody,
    One(u32),
    /// Two people with one key make it lead nowhere.
    Several,
}

/// The keys by which managers are named, each once. There are far fewer managers than people.
#[derive(Default)]
struct Keys<'a> {
    places: HashMap<Cow<'a, str>, usize>,
    /// For each key the place of the same key in lower case.
    lower: Vec<usize>,
}

impl<'a> Keys<'a> {
    fn place_of(&mut self, key: Cow<'a, str>) -> usize {
        if let Some(known) = self.places.get(&*key) {
            return *known;
        }
        let (place, lower) = (self.lower.len(), key.to_lowercase());
        let is_lower = *lower == *key;
        self.places.insert(key, place);
        self.lower.push(place);
        if !is_lower {
            self.lower[place] = self.place_of(Cow::Owned(lower));
        }
        place
    }
}

/// Finds everybody's manager. `order` is that of the records in memory: the quickest way through all of them.
fn managers(identities: &[Identity], order: &[IdentityAt]) -> Vec<Option<u32>> {
    let mut keys = Keys::default();
    let mut asked: Vec<(usize, usize)> = Vec::new();
    for at in order.iter().map(|at| at.index()) {
        if let Some(key) = identities[at].attributes.get("manager_id").and_then(text_of) {
            asked.push((at, keys.place_of(key)));
        }
    }
    let mut managers = vec![None; identities.len()];
    if asked.is_empty() {
        return managers;
    }
    let mut named = vec![Named::Nobody; keys.lower.len()];
    for at in order {
        let identity = &identities[at.index()];
        let employee_id = identity.attributes.get("employee_id").and_then(text_of);
        let record = identity.records.first().map(|record| Cow::Borrowed(record.id.as_str()));
        let email = identity.emails.first().map(|email| Cow::Borrowed(&**email));
        for key in [employee_id, record, email].into_iter().flatten() {
            if let Some(place) = keys.places.get(&*key) {
                named[*place] = match named[*place] {
                    Named::Nobody => Named::One(at.0),
                    Named::One(one) if one == at.0 => Named::One(one),
                    _ => Named::Several,
                };
            }
        }
    }
    let one = |place: usize| match named[place] {
        Named::One(at) => Some(at),
        _ => None,
    };
    for (at, key) in asked {
        managers[at] = one(key).or_else(|| one(keys.lower[key]));
    }
    managers
}

/// Cuts every circle at its smallest place. Returns the circles, sorted, each beginning at the cut.
fn without_circles(mut managers: Vec<Option<u32>>) -> (Vec<Option<u32>>, Vec<Vec<u32>>) {
    let mut circles = Vec::new();
    // 0: not looked at; otherwise the number of the walk that came by.
    let mut walk_of = vec![0_u32; managers.len()];
    for start in 0..managers.len() {
        let walk = narrow(start + 1);
        let mut here = start;
        while walk_of[here] == 0 {
            walk_of[here] = walk;
            match managers[here] {
                Some(manager) => here = manager as usize,
                None => break,
            }
        }
        if walk_of[here] == walk && managers[here].is_some() {
            circles.extend(cut_circle(&mut managers, here));
        }
    }
    circles.sort();
    (managers, circles)
}

fn cut_circle(managers: &mut [Option<u32>], at: usize) -> Option<Vec<u32>> {
    let mut circle = vec![narrow(at)];
    let mut here = managers[at]? as usize;
    while here != at {
        circle.push(narrow(here));
        here = managers[here]? as usize;
    }
    let first = circle.iter().enumerate().min_by_key(|(_, place)| **place).map_or(0, |(at, _)| at);
    circle.rotate_left(first);
    managers[circle[0] as usize] = None;
    Some(circle)
}

#[cfg(test)]
mod tests {
    use super::without_circles;

    #[test]
    fn a_tree_is_left_as_it_is() {
        let tree = vec![None, Some(0), Some(0), Some(1)];
        assert_eq!(without_circles(tree.clone()), (tree, vec![]));
    }

    #[test]
    fn a_circle_is_cut_at_its_smallest() {
        let (managers, circles) = without_circles(vec![Some(3), Some(2), Some(4), Some(1), Some(1), Some(5)]);
        assert_eq!(circles, [vec![1, 2, 4], vec![5]]);
        assert_eq!(managers, [Some(3), None, Some(4), Some(1), Some(1), None]);
    }
}
