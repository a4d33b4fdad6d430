//! Addresses that pass from one account to another: whoever takes one waits until it is given up.
//! Two who would take each other's can never be written one after the other, since an app knows an address only once:
//! that is said, and not asked in vain with every plan.

use super::{Diffing, Proposal};
use crate::abilities::Effect;
use crate::change::{Change, FindingKind, Severity};
use crate::finding::{About, told};
use crate::name::ConnectionName;
use crate::text::folded;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

const ADDRESSES: [&str; 2] = ["email", "login"];

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    /// Puts who gives an address up before who takes it, and takes out what goes round in a circle.
    pub(super) fn addresses(&mut self) {
        let mut givers: HashMap<(&ConnectionName, Cow<'_, str>), usize> = HashMap::new();
        for (at, proposal) in self.proposals.iter().enumerate() {
            if let Some((before, _)) = address(proposal) {
                givers.insert((&proposal.connection, before), at);
            }
        }
        let taken_from = |(at, proposal): (usize, &Proposal)| {
            let giver = *givers.get(&(&proposal.connection, wanted(proposal)?))?;
            (giver != at).then_some((at, giver))
        };
        let next: HashMap<usize, usize> = self.proposals.iter().enumerate().filter_map(taken_from).collect();
        let circle: BTreeSet<usize> = next.keys().copied().filter(|at| comes_round(*at, &next)).collect();
        for (at, giver) in &next {
            if circle.contains(at) {
                self.tell_circle(*at, *giver);
            } else if !circle.contains(giver) {
                self.proposals[*at].needs.push(*giver);
            }
        }
        self.take_out(&circle);
    }

    fn tell_circle(&mut self, at: usize, giver: usize) {
        let (proposal, giver) = (&self.proposals[at], &self.proposals[giver]);
        let (Some(change), Some(place)) = (address_change(proposal), proposal.account) else { return };
        let Change { field, before, after, .. } = change;
        let shown = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let holder = giver.identity.map_or("another account", |at| self.name(at));
        let account = self.graph.account_at(place);
        let who = proposal.identity.map_or("somebody", |at| self.name(at));
        let text = format!(
            "{who}: {field} in {} should become {}, which {holder} has there and gives up only for one that is taken as well: \
             no order works, so nothing is asked; give one of them another {field} there by hand, and the next plan does the rest",
            account.key.connection,
            shown(after)
        );
        let mut about = About::new(FindingKind::UnsupportedChange, Severity::Medium).account(&account.key);
        if let Some(at) = proposal.identity {
            about = about.identity(&self.graph.identity_at(at).id);
        }
        let now = before.clone().unwrap_or(Value::Null);
        let facts = told([("field", Value::from(field.as_str())), ("now", now), ("wished", after.clone())]);
        self.findings.add_with(about.topic(field.as_str()), text, facts);
    }

    /// Takes the addresses out of these proposals, and those that change nothing else with them.
    fn take_out(&mut self, circle: &BTreeSet<usize>) {
        if circle.is_empty() {
            return;
        }
        for at in circle {
            self.proposals[*at].changes.retain(|change| !ADDRESSES.contains(&change.field.as_str()));
        }
        let is_left = |at: usize, proposal: &Proposal| !circle.contains(&at) || !proposal.changes.is_empty();
        let mut places: Vec<Option<usize>> = Vec::with_capacity(self.proposals.len());
        let mut left = 0;
        for (at, proposal) in self.proposals.iter().enumerate() {
            let stays = is_left(at, proposal);
            places.push(stays.then_some(left));
            left += usize::from(stays);
        }
        // Who waited for one that goes waits for what that one waited for.
        let needs: Vec<Vec<usize>> = self.proposals.iter().map(|proposal| proposal.needs.clone()).collect();
        let proposals = std::mem::take(&mut self.proposals).into_iter().zip(&places);
        self.proposals = proposals.filter(|(_, place)| place.is_some()).map(|(proposal, _)| proposal).collect();
        for proposal in &mut self.proposals {
            let through = |need: usize| if places[need].is_some() { vec![need] } else { needs[need].clone() };
            for waits in [&mut proposal.needs, &mut proposal.after] {
                let all = waits.iter().copied().flat_map(through);
                *waits = all.filter_map(|need| places[need]).collect();
            }
        }
    }
}

fn address_change(proposal: &Proposal) -> Option<&Change> {
    proposal.changes.iter().find(|change| ADDRESSES.contains(&change.field.as_str()))
}

/// Returns the address that an account has and the one that it should have, where a step of its own changes it.
fn address(proposal: &Proposal) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let change = address_change(proposal).filter(|_| proposal.effect == Effect::Update)?;
    let (before, after) = (folded(change.before.as_ref()?.as_str()?), folded(change.after.as_str()?));
    (before != after).then_some((before, after))
}

/// Returns the address that an account takes, be it by being made.
fn wanted(proposal: &Proposal) -> Option<Cow<'_, str>> {
    match proposal.effect {
        Effect::Create => Some(folded(address_change(proposal)?.after.as_str()?)),
        _ => address(proposal).map(|(_, after)| after),
    }
}

fn comes_round(from: usize, next: &HashMap<usize, usize>) -> bool {
    let mut at = from;
    for _ in 0..next.len() {
        match next.get(&at) {
            Some(giver) if *giver == from => return true,
            Some(giver) => at = *giver,
            None => return false,
        }
    }
    false
}
