//! The manager tree: who reports to whom, with circles broken.
//! It reads `manager_id` of the identities and writes their `manager`. A circle is a dispute; its link that starts at
//! the smallest id is cut, so that the same facts are always cut at the same place.

use super::attributes::text_of;
use super::found::Found;
use super::{Dispute, narrow};
use crate::identity::Identity;
use std::collections::{BTreeMap, HashMap};

/// The keys by which managers are named, each once. There are far fewer managers than people.
#[derive(Default)]
pub(super) struct ManagerKeys {
    places: HashMap<Box<str>, u32>,
    keys: Vec<Box<str>>,
    /// Who names which key; the places are those of founding.
    asked: Vec<(u32, u32)>,
}

impl ManagerKeys {
    /// Notes whom the person at a place reports to, as their sources tell it.
    pub(super) fn note(&mut self, place: u32, identity: &Identity) {
        let Some(key) = identity.attributes.get("manager_id").and_then(text_of) else { return };
        let key = match self.places.get(&*key) {
            Some(known) => *known,
            None => {
                let next = narrow(self.keys.len());
                self.places.insert((*key).into(), next);
                self.keys.push((*key).into());
                next
            }
        };
        self.asked.push((place, key));
    }
}

/// Finds everybody's manager.
pub(super) fn settle_managers(found: &mut Found<'_>) {
    let (managers, circles) = without_circles(managers(found));
    for (at, manager) in managers.iter().enumerate() {
        found.identities[at].manager = manager.map(|manager| found.identities[manager as usize].id.clone());
    }
    let identity_at = |at: &u32| &found.identities[*at as usize];
    for circle in circles {
        let names: Vec<&str> = circle.iter().take(10).map(|at| identity_at(at).label()).collect();
        found.disputes.push(Dispute {
            topic: "manager_circle",
            connection: None,
            account: None,
            identities: circle.iter().map(|at| identity_at(at).id.clone()).collect(),
            text: format!("{} report to each other in a circle: {}", circle.len(), names.join(", ")),
            facts: BTreeMap::new(),
        });
    }
}

fn managers(found: &Found<'_>) -> Vec<Option<u32>> {
    let mut managers = vec![None; found.identities.len()];
    let ManagerKeys { keys, asked, .. } = &found.manager_keys;
    let named: Vec<Option<u32>> =
        keys.iter().map(|key| named(found, key).or_else(|| named(found, &key.to_lowercase()))).collect();
    for (place, key) in asked {
        managers[found.moved[*place as usize] as usize] = named[*key as usize];
    }
    managers
}

/// Finds the one person whose employee id, first record or work address this is. Two people with one key make it lead
/// nowhere.
fn named(found: &Found<'_>, key: &str) -> Option<u32> {
    let lookups = &found.lookups;
    let places = [&lookups.employee_ids, &lookups.decided_ids, &lookups.record_ids, &lookups.emails];
    let mut all = places.into_iter().flat_map(|lookup| lookup.get(key)).map(|place| found.moved[*place as usize]);
    let is_named = |at: &u32| {
        let identity = &found.identities[*at as usize];
        identity.attributes.get("employee_id").and_then(text_of).is_some_and(|id| *id == *key)
            || identity.records.first().is_some_and(|record| record.id.as_str() == key)
            || identity.emails.first().is_some_and(|email| **email == *key)
    };
    let one = all.find(is_named)?;
    all.filter(|other| *other != one).all(|other| !is_named(&other)).then_some(one)
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
