//! Wishes that cannot be compared with anything: the app leaves out of the record what an account holds of a kind.
//! They are said with what a person does about them, and nothing is written: a set is only ever replaced whole, and what
//! nobody can see would be lost. Words that only people grant are said beside their work, in `grants`.

use super::fields::Moment;
use super::grants::{joined, list_of};
use super::{Diffing, Spot};
use crate::abilities::{Cardinality, EntitlementAbility};
use crate::account::Account;
use crate::change::{FindingKind, Severity};
use crate::decide::{Wish, same_name};
use crate::finding::{About, told};
use crate::name::Name;
use serde_json::Value;

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    pub(super) fn tell_unread(&mut self, spot: &Spot<'a>, wish: &Wish, account: &Account, moment: Moment) {
        for (word, ability) in spot.ability.entitlements.iter().filter(|(_, ability)| !ability.by_hand) {
            let is_told = account.grants_known.contains(&ability.kind)
                || ability.cardinality == Cardinality::One && account.grants_of(&ability.kind).next().is_some();
            let is_written = ability.cardinality == Cardinality::One && moment == Moment::Return;
            if is_told || is_written {
                continue;
            }
            let held =
                |name: &Name| account.grants_of(&ability.kind).any(|grant| same_name(name, &grant.name, ability.exact));
            let wished = wish.grants.get(word).map_or(&[][..], |wished| &wished.grants);
            let lacks: Vec<_> = wished.iter().filter(|grant| !held(&grant.name)).cloned().collect();
            let gone = self.gone(spot, word, wish, ability);
            if !lacks.is_empty() || !gone.is_empty() {
                self.tell_unread_word(spot, account, word, &list_of(&lacks, &[]), &gone);
            }
        }
    }

    /// Lists what was wished of the person before and is wished no more.
    fn gone(&self, spot: &Spot<'a>, word: &Name, wish: &Wish, ability: &EntitlementAbility) -> Vec<Name> {
        let Some(before) = self.wishes.past(spot.at, spot.connection).and_then(|past| past.grants.get(word)) else {
            return Vec::new();
        };
        let meant = before.iter().map(|name| ability.synonyms.get(name).unwrap_or(name));
        let wished = wish.grants.get(word).map_or(&[][..], |wished| &wished.grants);
        let is_wished = |name: &Name| wished.iter().any(|grant| same_name(&grant.name, name, ability.exact));
        meant.filter(|name| !is_wished(name)).cloned().collect()
    }

    fn tell_unread_word(&mut self, spot: &Spot<'a>, account: &Account, word: &Name, lacks: &[Name], gone: &[Name]) {
        let it = |names: &[Name]| if names.len() == 1 { "it" } else { "them" }.to_owned();
        let mut says = Vec::new();
        if !lacks.is_empty() {
            says.push(format!("{} is wished: see whether it is there, and grant {} by hand", joined(lacks), it(lacks)));
        }
        if !gone.is_empty() {
            says.push(format!(
                "{} was wished before a move and is no more: take {} away by hand",
                joined(gone),
                it(gone)
            ));
        }
        let moved = !gone.is_empty() || self.graph.stay(spot.at).changed;
        let text = format!(
            "{}: {} does not tell which {word} {} holds, so nothing is written there; {}",
            self.name(spot.at),
            spot.connection,
            account.key,
            says.join("; ")
        );
        let identity = &self.graph.identity_at(spot.at).id;
        let severity = if moved { Severity::Medium } else { Severity::Low };
        let about = About::new(FindingKind::UnsupportedChange, severity).account(&account.key).identity(identity);
        let names = |names: &[Name]| Value::from(names.iter().map(Name::as_str).collect::<Vec<_>>());
        let facts = told([("word", Value::from(word.as_str())), ("wished", names(lacks)), ("gone", names(gone))]);
        self.findings.add_with(about.topic(word), text, facts);
    }
}
