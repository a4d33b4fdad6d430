//! From records to people: attributes merged, addresses gathered, where each of them stands.
//! The second half of founding: which records belong together is settled when this begins.

use super::attributes::{addresses_of, each_address, each_address_of, merged, text_of};
use super::found::{Found, Founding, Record};
use super::stay::{Employment, Judged, SaidGone, Stay, StayCause, Zones, days, employment, judged, said_gone};
use super::{Belonging, Dispute, narrow};
use crate::account::{Account, AccountKey, Fields};
use crate::facts::{Decided, Decision};
use crate::identity::Identity;
use crate::name::{ConnectionName, IdentityId};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

impl<'f> Founding<'f> {
    /// Tells of rows of one source that share a key and so look like one person.
    pub(super) fn tell_doubles(&mut self) {
        let mut told: BTreeMap<(ConnectionName, Vec<u32>), (&'static str, String)> = BTreeMap::new();
        for (what, ties) in [("employee_id", self.lookups.employee_ids.ties()), ("address", self.lookups.emails.ties())]
        {
            for (key, places) in ties {
                let mut by_source: BTreeMap<&ConnectionName, BTreeSet<u32>> = BTreeMap::new();
                for place in places {
                    for record in &self.records[*place as usize] {
                        if let Record::Live(at) = record {
                            let connection = &self.facts.accounts[*at as usize].key.connection;
                            by_source.entry(connection).or_default().insert(*place);
                        }
                    }
                }
                for (connection, places) in by_source.into_iter().filter(|(_, places)| places.len() > 1) {
                    let places = places.into_iter().collect();
                    told.entry((connection.clone(), places)).or_insert_with(|| (what, key.to_owned()));
                }
            }
        }
        for ((connection, places), (what, key)) in told {
            let mut identities: Vec<IdentityId> =
                places.iter().map(|place| self.ids[*place as usize].clone()).collect();
            identities.sort();
            let text = format!("{} rows of {connection} share the {what} {key}; they are kept apart", identities.len());
            let facts = BTreeMap::from([(what.to_owned(), Value::String(key))]);
            self.disputes.push(Dispute {
                topic: "double_row",
                connection: Some(connection),
                account: None,
                identities,
                text,
                facts,
            });
        }
    }

    /// Makes people of the records, in the order of their ids.
    pub(super) fn finish(mut self, authority: &HashMap<&ConnectionName, usize>) -> Found<'f> {
        let facts = self.facts;
        let versions = self.versions();
        let mut zones = std::mem::replace(&mut self.zones, Zones::new(facts.now_ms));
        let count = self.ids.len();
        let (mut identities, mut stays) = (Vec::with_capacity(count), Vec::with_capacity(count));
        // In the order of founding, which is that of the records in memory; put into the order of the ids afterwards.
        for place in 0..narrow(count) {
            let records = std::mem::take(&mut self.records[place as usize]);
            let earlier = versions.get(&place).map_or(&[][..], Vec::as_slice);
            let (identity, stay) = self.identity(place, records, earlier, authority, &mut zones);
            self.manager_keys.note(place, &identity);
            identities.push(identity);
            stays.push(stay);
        }
        let shared = self.shared(&identities, &stays);
        let mut moved = vec![0; count];
        for (new, old) in order(&identities).into_iter().enumerate() {
            moved[old as usize] = narrow(new);
        }
        let mut left = moved.clone();
        for at in 0..count {
            while left[at] as usize != at {
                let to = left[at] as usize;
                identities.swap(at, to);
                stays.swap(at, to);
                left.swap(at, to);
            }
        }
        for belonging in &mut self.belongings {
            if let Belonging::Somebody(at, _) = belonging {
                at.0 = moved[at.index()];
            }
        }
        Found {
            facts,
            identities,
            stays,
            belongings: self.belongings,
            disputes: self.disputes,
            lookups: self.lookups,
            manager_keys: self.manager_keys,
            shared,
            moved,
            places: self.places,
            decisions: self.decisions,
            spoken_of: self.spoken_of,
        }
    }

    /// Lists the addresses that two people have now; `identities` are in the order of founding.
    fn shared(&self, identities: &[Identity], stays: &[Stay]) -> HashSet<Box<str>> {
        let has_now = |place: u32, address: &str| {
            let (identity, stay) = (&identities[place as usize], &stays[place as usize]);
            identity.emails.iter().take(usize::from(stay.emails_now)).any(|email| **email == *address)
        };
        let ties = self.lookups.emails.ties().into_iter();
        ties.filter(|(address, places)| places.iter().filter(|place| has_now(**place, address)).count() > 1)
            .map(|(address, _)| address.into())
            .collect()
    }

    /// Groups the earlier versions of records by identity.
    fn versions(&self) -> HashMap<u32, Vec<&'f Account>> {
        let mut versions: HashMap<u32, Vec<&'f Account>> = HashMap::new();
        if self.facts.history.is_empty() {
            return versions;
        }
        let mut owners: HashMap<&AccountKey, u32> = HashMap::new();
        for (place, records) in self.records.iter().enumerate() {
            for record in records {
                let key = match record {
                    Record::Live(at) => &self.facts.accounts[*at as usize].key,
                    Record::Gone(at) => &self.facts.vanished[*at as usize].key,
                };
                owners.insert(key, narrow(place));
            }
        }
        for version in &self.facts.history {
            if let Some(place) = owners.get(&version.key) {
                versions.entry(*place).or_default().push(version);
            }
        }
        versions
    }

    fn identity(
        &mut self,
        place: u32,
        mut records: Vec<Record>,
        earlier: &[&'f Account],
        authority: &HashMap<&ConnectionName, usize>,
        zones: &mut Zones,
    ) -> (Identity, Stay) {
        let facts = self.facts;
        let account_of = |record: &Record| -> &'f Account {
            match record {
                Record::Live(at) => &facts.accounts[*at as usize],
                Record::Gone(at) => &facts.vanished[*at as usize],
            }
        };
        records.sort_by(|one, other| {
            let key = |record: &Record| {
                let account = account_of(record);
                (matches!(record, Record::Gone(_)), authority.get(&account.key.connection).copied(), &account.key)
            };
            key(one).cmp(&key(other))
        });
        let any_live = records.iter().any(|record| matches!(record, Record::Live(_)));
        let mut telling: Vec<&Account> =
            records.iter().filter(|record| !any_live || matches!(record, Record::Live(_))).map(account_of).collect();
        let earlier_employment = any_live && keep_one_employment(&mut telling, facts.now_ms, zones);
        let id = std::mem::replace(&mut self.ids[place as usize], IdentityId(Box::default()));
        let decisions = self.decisions.people.get(&id).map_or(&[][..], Vec::as_slice);
        let mut decided: Vec<&'f Fields> =
            decisions.iter().filter_map(|decision| attributes_decided(decision, facts.now_ms)).collect();
        if telling.is_empty() && decided.is_empty() {
            // What a client says of somebody counts where nobody else tells.
            decided.extend(self.wished.get(&id));
        }
        let attributes = merged(&telling, &decided);
        let live = telling.first().copied().filter(|_| any_live);
        let Judged { state, start_date, end_date, mut stay, unreadable } =
            judged(live, &attributes, earlier, decisions, (facts.now_ms, zones));
        stay.changed = !earlier.is_empty() || decisions.iter().any(|decision| decision.moves_at(facts.now_ms));
        stay.returned |= earlier_employment;
        if !earlier.is_empty() {
            let today = zones.find(attributes.text("time_zone")).unwrap_or_else(|| zones.utc()).1;
            for said in earlier.iter().filter_map(|version| said_gone(version, start_date, today)) {
                stay.returned |= said == SaidGone::Before;
                stay.said_gone |= said == SaidGone::OnThisStay;
            }
        }
        let mut emails = current_addresses(&attributes, &telling);
        // Whose records are all gone has no address any more: it may be somebody else's by now.
        let has_vanished = stay.cause == StayCause::Vanished && !records.is_empty();
        stay.emails_now = if has_vanished { 0 } else { u16::try_from(emails.len()).unwrap_or(u16::MAX) };
        for address in earlier.iter().rev().flat_map(|version| addresses_of(version)) {
            if !emails.iter().any(|known| **known == *address) {
                emails.push(address.as_ref().into());
                self.lookups.emails.insert(address, place);
            }
        }
        for fields in decided {
            each_address(fields, |address| self.lookups.emails.insert(address, place));
            if let Some(employee_id) = fields.get("employee_id").and_then(text_of) {
                self.lookups.decided_ids.insert(employee_id, place);
            }
        }
        let records = records.iter().map(|record| account_of(record).key.clone()).collect();
        for (topic, text) in unreadable {
            self.disputes.push(unreadable_dispute(topic, &id, &attributes, &text, live));
        }
        (Identity { id, attributes, emails, state, start_date, end_date, manager: None, records }, stay)
    }
}

/// Leaves of each source the employment that counts: the one that is held, else one to come, else the latest. Tells whether
/// one that is over was left out. `telling` are records in the order of their sources.
fn keep_one_employment(telling: &mut Vec<&Account>, now_ms: i64, zones: &mut Zones) -> bool {
    let of_one = |one: &&Account, other: &&Account| one.key.connection == other.key.connection;
    if telling.windows(2).all(|two| !of_one(&two[0], &two[1])) {
        return false;
    }
    let (mut kept, mut over) = (Vec::with_capacity(telling.len()), false);
    for several in telling.chunk_by(|one, other| of_one(one, other)) {
        let mut ranked: Vec<_> =
            several.iter().map(|record| (employment(record, now_ms, zones), Reverse(days(record)), *record)).collect();
        ranked.sort_by(|(one, one_days, _), (other, days, _)| (one, one_days).cmp(&(other, days)));
        kept.extend(ranked.first().map(|(_, _, record)| *record));
        over |= ranked.iter().skip(1).any(|(state, _, _)| *state == Employment::Over);
    }
    *telling = kept;
    over
}

/// Lists the addresses that somebody has now, each once.
fn current_addresses(attributes: &Fields, telling: &[&Account]) -> Vec<Box<str>> {
    let mut emails: Vec<Box<str>> = Vec::with_capacity(1);
    let mut add = |address: &str| {
        if !emails.iter().any(|known| **known == *address) {
            emails.push(address.into());
        }
    };
    each_address(attributes, |address| add(&address));
    telling.iter().for_each(|record| each_address_of(record, |address| add(&address)));
    emails
}

/// Lists the places in the order of their ids. The first letters lie beside the places, so that sorting does not
/// jump through all ids.
fn order(identities: &[Identity]) -> Vec<u32> {
    let first = |id: &IdentityId| {
        let letters = id.as_str().as_bytes().get(2..).unwrap_or_default();
        letters.iter().chain(std::iter::repeat(&0)).take(8).fold(0_u64, |first, letter| first << 8 | u64::from(*letter))
    };
    let founded = |id: &IdentityId| id.as_str().starts_with("01");
    let mut keyed: Vec<(bool, u64, u32)> = (0..)
        .zip(identities)
        .map(|(place, Identity { id, .. })| (founded(id), if founded(id) { first(id) } else { 0 }, place))
        .collect();
    keyed.sort_unstable_by(|one, other| {
        let id = |place: u32| &identities[place as usize].id;
        match one.0 && other.0 && one.1 != other.1 {
            true => one.1.cmp(&other.1),
            false => id(one.2).cmp(id(other.2)),
        }
    });
    keyed.into_iter().map(|(_, _, place)| place).collect()
}

fn attributes_decided(decision: &Decision, now_ms: i64) -> Option<&Fields> {
    match &decision.what {
        Decided::Join { attributes, .. } => Some(attributes),
        Decided::Move { attributes, .. } => decision.moves_at(now_ms).then_some(attributes),
        _ => None,
    }
}

fn unreadable_dispute(
    topic: &'static str,
    id: &IdentityId,
    attributes: &Fields,
    text: &str,
    live: Option<&Account>,
) -> Dispute {
    let name = attributes.text("name").unwrap_or(id.as_str());
    Dispute {
        topic,
        connection: live.map(|record| record.key.connection.clone()),
        account: live.map(|record| record.key.clone()),
        identities: vec![id.clone()],
        text: format!("{name}: {text}"),
        facts: BTreeMap::new(),
    }
}
