//! Who is who: source records found identities or join them, decisions join in, vanished records keep theirs.
//! Pinned links go first, so that an identity survives renames, new keys and a new order of the sources.
//! Two rows of one source that look like one person stay two, with a dispute.

use super::attributes::{addresses, addresses_of, each_address, each_address_of, merged};
use super::lookup::Lookup;
use super::stay::{Judged, Stay, Zones, judged};
use super::{Belonging, Dispute, Evidence, Ground, IdentityAt, narrow};
use crate::abilities::Standing;
use crate::account::{Account, AccountKey, Fields, Kind};
use crate::facts::{Decided, Decision, Facts};
use crate::identity::Identity;
use crate::name::{ConnectionName, IdentityId, NativeId};
use crate::policy::{Correlation, MatchRule};
use crate::text::folded;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// Returns the id of the identity that this source record founds: 26 letters of Crockford's base 32.
pub fn found_identity_id(connection: &ConnectionName, id: &NativeId) -> IdentityId {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut hash = Sha256::new();
    hash.update(connection.as_str().as_bytes());
    hash.update([0]);
    hash.update(id.as_str().as_bytes());
    let hash = hash.finalize();
    let mut text = String::with_capacity(26);
    text.push_str("01");
    for group in hash[..15].chunks(5) {
        let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for letter in (0..8).rev() {
            text.push(char::from(LETTERS[(bits >> (letter * 5) & 31) as usize]));
        }
    }
    IdentityId::from(text)
}

/// Decisions and pins by what they are about.
#[derive(Debug, Default)]
pub(super) struct Decisions<'f> {
    /// The newest decision about an account.
    pub(super) accounts: HashMap<&'f AccountKey, &'f Decision>,
    /// Accounts that are not these identities'.
    pub(super) apart: HashSet<(&'f AccountKey, &'f IdentityId)>,
    /// Decisions about people, oldest first.
    pub(super) people: BTreeMap<&'f IdentityId, Vec<&'f Decision>>,
    /// The place of the newest pin of an account.
    pub(super) pins: HashMap<&'f AccountKey, u32>,
}

impl<'f> Decisions<'f> {
    fn read(facts: &'f Facts, rules: &Correlation) -> Self {
        let mut all = Self::default();
        let mut decisions: Vec<&Decision> = facts.decisions.iter().collect();
        decisions.sort_by_key(|decision| decision.seq);
        for decision in decisions {
            match &decision.what {
                Decided::Link { account, identity } => {
                    all.apart.remove(&(account, identity));
                    all.accounts.insert(account, decision);
                }
                Decided::Unlink { account, identity: Some(identity) } => {
                    all.apart.insert((account, identity));
                    all.accounts.retain(|key, decision| {
                        *key != account
                            || !matches!(&decision.what, Decided::Link { identity: linked, .. } if linked == identity)
                    });
                }
                Decided::Unlink { account, identity: None } | Decided::Exempt { account } => {
                    all.accounts.insert(account, decision);
                }
                Decided::Join { identity, .. } | Decided::Move { identity, .. } | Decided::Leave { identity, .. } => {
                    all.people.entry(identity).or_default().push(decision);
                }
                Decided::Approve { .. } | Decided::Reject { .. } => {}
            }
        }
        if rules.rules.contains(&MatchRule::Link) {
            all.pins.reserve(facts.links.len());
            for (at, link) in facts.links.iter().enumerate() {
                let newest = all.pins.entry(&link.account).or_insert(narrow(at));
                if facts.links[*newest as usize].since_ms <= link.since_ms {
                    *newest = narrow(at);
                }
            }
        }
        all
    }
}

#[derive(Clone, Copy)]
enum Record {
    Live(u32),
    Gone(u32),
}

/// Join keys of all identities. The places are those of founding; `moved` leads to those of the graph.
#[derive(Debug, Default)]
pub(super) struct Lookups<'f> {
    pub(super) emails: Lookup<'f>,
    pub(super) employee_ids: Lookup<'f>,
    pub(super) record_ids: Lookup<'f>,
}

/// Identity ids → places, by the hashes of the ids: the ids themselves stand in one place only.
pub(super) struct Places {
    by_hash: HashMap<u64, u32>,
    hasher: RandomState,
}

impl Places {
    fn with_capacity(capacity: usize) -> Self {
        Self { by_hash: HashMap::with_capacity(capacity), hasher: RandomState::new() }
    }

    /// Returns the place of an id, or the key under which it would be noted. Two ids with one hash stand beside each
    /// other.
    pub(super) fn find<'i>(&self, id: &IdentityId, id_at: impl Fn(u32) -> &'i IdentityId) -> Result<u32, u64> {
        let mut key = self.hasher.hash_one(id);
        loop {
            match self.by_hash.get(&key) {
                None => return Err(key),
                Some(place) if id_at(*place) == id => return Ok(*place),
                Some(_) => key = key.wrapping_add(1),
            }
        }
    }

    fn insert(&mut self, key: u64, place: u32) {
        self.by_hash.insert(key, place);
    }
}

/// What founding gives to linking.
pub(super) struct Found<'f> {
    pub(super) facts: &'f Facts,
    pub(super) identities: Vec<Identity>,
    pub(super) stays: Vec<Stay>,
    pub(super) belongings: Vec<Belonging>,
    pub(super) disputes: Vec<Dispute>,
    pub(super) lookups: Lookups<'f>,
    pub(super) moved: Vec<u32>,
    pub(super) places: Places,
    pub(super) decisions: Decisions<'f>,
}

struct Founding<'f> {
    facts: &'f Facts,
    decisions: Decisions<'f>,
    ids: Vec<IdentityId>,
    places: Places,
    records: Vec<Vec<Record>>,
    lookups: Lookups<'f>,
    belongings: Vec<Belonging>,
    disputes: Vec<Dispute>,
}

pub(super) fn found<'f>(facts: &'f Facts, rules: &Correlation) -> Found<'f> {
    let authority: HashMap<&ConnectionName, usize> = facts
        .connections
        .iter()
        .filter_map(|(name, connection)| match connection.abilities.standing {
            Standing::Source(place) => Some((name, place)),
            Standing::Target => None,
        })
        .collect();
    let mut live: Vec<(usize, u32)> = Vec::new();
    for (at, account) in facts.accounts.iter().enumerate() {
        if let Some(place) = authority.get(&account.key.connection)
            && account.key.kind != Kind::Bot
        {
            live.push((*place, narrow(at)));
        }
    }
    live.sort_by(|one, other| {
        one.0.cmp(&other.0).then_with(|| facts.accounts[one.1 as usize].key.cmp(&facts.accounts[other.1 as usize].key))
    });
    let mut founding = Founding {
        facts,
        decisions: Decisions::read(facts, rules),
        ids: Vec::with_capacity(live.len()),
        places: Places::with_capacity(live.len()),
        records: Vec::with_capacity(live.len()),
        lookups: Lookups {
            emails: Lookup::with_capacity(live.len()),
            employee_ids: Lookup::with_capacity(live.len()),
            record_ids: Lookup::with_capacity(live.len()),
        },
        belongings: vec![Belonging::Nobody; facts.accounts.len()],
        disputes: Vec::new(),
    };
    let unpinned: Vec<u32> = live.iter().map(|(_, at)| *at).filter(|at| !founding.take_pinned(*at)).collect();
    founding.take_vanished(&authority);
    founding.take_joined();
    for at in unpinned {
        founding.take_unpinned(at, rules);
    }
    founding.tell_doubles();
    founding.finish(&authority)
}

impl<'f> Founding<'f> {
    fn find(&self, id: &IdentityId) -> Result<u32, u64> {
        self.places.find(id, |place| &self.ids[place as usize])
    }

    fn place_of(&mut self, id: IdentityId) -> u32 {
        match self.find(&id) {
            Ok(place) => place,
            Err(key) => {
                let place = narrow(self.ids.len());
                self.places.insert(key, place);
                self.ids.push(id);
                self.records.push(Vec::new());
                place
            }
        }
    }

    fn add(&mut self, place: u32, record: Record) {
        let facts = self.facts;
        self.records[place as usize].push(record);
        let account = match record {
            Record::Live(at) => &facts.accounts[at as usize],
            Record::Gone(at) => &facts.vanished[at as usize],
        };
        each_address_of(account, |address| self.lookups.emails.insert(address, place));
        let employee_id = account.fields.get("employee_id").and_then(super::attributes::text_of);
        let record_id: Cow<'f, str> = Cow::Borrowed(account.key.id.as_str());
        if employee_id.as_ref() != Some(&record_id) {
            self.lookups.record_ids.insert(record_id, place);
        }
        if let Some(employee_id) = employee_id {
            self.lookups.employee_ids.insert(employee_id, place);
        }
        if let Some(external_id) = account.external_id.as_deref() {
            self.lookups.record_ids.insert(Cow::Borrowed(external_id.trim()), place);
        }
    }

    /// Takes a record whose identity is decided or pinned.
    fn take_pinned(&mut self, at: u32) -> bool {
        let key = &self.facts.accounts[at as usize].key;
        let decided = self.decisions.accounts.get(key).map(|decision| &decision.what);
        let (id, evidence) = match decided {
            Some(Decided::Link { identity, .. }) => (identity, Evidence::Found(Ground::Decision)),
            Some(Decided::Exempt { .. }) => {
                self.belongings[at as usize] = Belonging::Service(Ground::Decision);
                return true;
            }
            _ => match self.decisions.pins.get(key) {
                Some(pin) => (&self.facts.links[*pin as usize].identity, Evidence::Pinned(*pin)),
                None => return false,
            },
        };
        if self.decisions.apart.contains(&(key, id)) {
            return false;
        }
        let evidence = self
            .decisions
            .pins
            .get(key)
            .filter(|pin| self.facts.links[**pin as usize].identity == *id)
            .map_or(evidence, |pin| Evidence::Pinned(*pin));
        let place = self.place_of(id.clone());
        self.add(place, Record::Live(at));
        self.belongings[at as usize] = Belonging::Somebody(IdentityAt(place), evidence);
        true
    }

    fn take_vanished(&mut self, authority: &HashMap<&ConnectionName, usize>) {
        let mut gone: Vec<u32> = (0..narrow(self.facts.vanished.len())).collect();
        gone.retain(|at| authority.contains_key(&self.facts.vanished[*at as usize].key.connection));
        gone.sort_by(|one, other| {
            self.facts.vanished[*one as usize].key.cmp(&self.facts.vanished[*other as usize].key)
        });
        for at in gone {
            let key = &self.facts.vanished[at as usize].key;
            let id = match self.decisions.pins.get(key) {
                Some(pin) => self.facts.links[*pin as usize].identity.clone(),
                None => found_identity_id(&key.connection, &key.id),
            };
            let place = self.place_of(id);
            self.add(place, Record::Gone(at));
        }
    }

    /// Founds the identities of people whom only a decision knows.
    fn take_joined(&mut self) {
        let joins: Vec<(&'f IdentityId, &'f Fields)> = self
            .decisions
            .people
            .iter()
            .flat_map(|(id, decisions)| decisions.iter().map(move |decision| (*id, *decision)))
            .filter_map(|(id, decision)| match &decision.what {
                Decided::Join { attributes, .. } => Some((id, attributes)),
                _ => None,
            })
            .collect();
        for (id, attributes) in joins {
            let place = self.place_of(id.clone());
            for address in addresses(attributes) {
                self.lookups.emails.insert(address, place);
            }
            if let Some(employee_id) = attributes.text("employee_id") {
                self.lookups.employee_ids.insert(Cow::Borrowed(employee_id), place);
            }
        }
    }

    fn take_unpinned(&mut self, at: u32, rules: &Correlation) {
        let account = &self.facts.accounts[at as usize];
        let own = found_identity_id(&account.key.connection, &account.key.id);
        let is_known = self.find(&own).is_ok() && !self.decisions.apart.contains(&(&account.key, &own));
        for rule in rules.rules.iter().filter(|_| !is_known) {
            let Some((candidates, evidence)) = self.candidates(account, *rule) else { continue };
            if let [one] = candidates[..] {
                if self.has_live_of(one, &account.key.connection) {
                    break;
                }
                self.add(one, Record::Live(at));
                self.belongings[at as usize] = Belonging::Somebody(IdentityAt(one), Evidence::Found(evidence));
                return;
            }
            let strangers = candidates.iter().all(|place| !self.has_live_of(*place, &account.key.connection));
            if strangers {
                self.dispute_record(at, &candidates, evidence);
                return;
            }
            break;
        }
        let place = self.place_of(own);
        self.add(place, Record::Live(at));
        self.belongings[at as usize] = Belonging::Somebody(IdentityAt(place), Evidence::Found(Ground::Founded));
    }

    /// Lists the identities that one rule finds for a source record.
    fn candidates(&self, account: &Account, rule: MatchRule) -> Option<(Vec<u32>, Ground)> {
        let (mut places, evidence): (Vec<u32>, _) = match rule {
            MatchRule::Link => return None,
            MatchRule::ExternalId => {
                let id = account.external_id.as_deref()?.trim();
                (self.lookups.employee_ids.get(id).to_vec(), Ground::ExternalIsEmployeeId)
            }
            MatchRule::EmployeeId => {
                let id = account.fields.get("employee_id").and_then(super::attributes::text_of)?;
                (self.lookups.employee_ids.get(&id).to_vec(), Ground::EmployeeId)
            }
            MatchRule::Email => {
                let found = addresses_of(account)
                    .iter()
                    .flat_map(|address| self.lookups.emails.get(address))
                    .copied()
                    .collect();
                (found, Ground::RecordAddress)
            }
        };
        places.sort_unstable();
        places.dedup();
        places.retain(|place| !self.decisions.apart.contains(&(&account.key, &self.ids[*place as usize])));
        (!places.is_empty()).then_some((places, evidence))
    }

    fn has_live_of(&self, place: u32, connection: &ConnectionName) -> bool {
        self.records[place as usize].iter().any(|record| match record {
            Record::Live(at) => self.facts.accounts[*at as usize].key.connection == *connection,
            Record::Gone(_) => false,
        })
    }

    fn dispute_record(&mut self, at: u32, candidates: &[u32], evidence: Ground) {
        let key = &self.facts.accounts[at as usize].key;
        let mut identities: Vec<IdentityId> =
            candidates.iter().map(|place| self.ids[*place as usize].clone()).collect();
        identities.sort();
        self.belongings[at as usize] = Belonging::Disputed;
        self.disputes.push(Dispute {
            topic: "record",
            connection: Some(key.connection.clone()),
            account: Some(key.clone()),
            text: format!(
                "the record {key} fits {} people by {}; `tenure link` says whose it is",
                identities.len(),
                evidence.as_str()
            ),
            identities,
            facts: BTreeMap::new(),
        });
    }

    /// Tells of rows of one source that share a key and so look like one person.
    fn tell_doubles(&mut self) {
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

    fn finish(mut self, authority: &HashMap<&ConnectionName, usize>) -> Found<'f> {
        let facts = self.facts;
        let versions = self.versions();
        let mut zones = Zones::new(facts.now_ms);
        let count = self.ids.len();
        let (mut identities, mut stays) = (Vec::with_capacity(count), Vec::with_capacity(count));
        // In the order of founding, which is that of the records in memory; put into the order of the ids afterwards.
        for place in 0..narrow(count) {
            let records = std::mem::take(&mut self.records[place as usize]);
            let earlier = versions.get(&place).map_or(&[][..], Vec::as_slice);
            let (identity, stay) = self.identity(place, records, earlier, authority, &mut zones);
            identities.push(identity);
            stays.push(stay);
        }
        let mut moved = vec![0; count];
        for (new, old) in self.order().into_iter().enumerate() {
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
            moved,
            places: self.places,
            decisions: self.decisions,
        }
    }

    /// Lists the places in the order of their ids. The first letters lie beside the places, so that sorting does not
    /// jump through all ids.
    fn order(&self) -> Vec<u32> {
        let first = |id: &IdentityId| {
            let letters = id.as_str().as_bytes().get(2..).unwrap_or_default();
            letters
                .iter()
                .chain(std::iter::repeat(&0))
                .take(8)
                .fold(0_u64, |first, letter| first << 8 | u64::from(*letter))
        };
        let founded = |id: &IdentityId| id.as_str().starts_with("01");
        let mut keyed: Vec<(bool, u64, u32)> = (0..)
            .zip(&self.ids)
            .map(|(place, id)| (founded(id), if founded(id) { first(id) } else { 0 }, place))
            .collect();
        keyed.sort_unstable_by(|one, other| {
            let id = |place: u32| &self.ids[place as usize];
            match one.0 && other.0 && one.1 != other.1 {
                true => one.1.cmp(&other.1),
                false => id(one.2).cmp(id(other.2)),
            }
        });
        keyed.into_iter().map(|(_, _, place)| place).collect()
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
        let telling: Vec<&Account> =
            records.iter().filter(|record| !any_live || matches!(record, Record::Live(_))).map(account_of).collect();
        let id = self.ids[place as usize].clone();
        let decisions = self.decisions.people.get(&id).map_or(&[][..], Vec::as_slice);
        let decided: Vec<&Fields> =
            decisions.iter().filter_map(|decision| attributes_decided(decision, facts.now_ms)).collect();
        let attributes = merged(&telling, &decided);
        let live = telling.first().copied().filter(|_| any_live);
        let Judged { state, start_date, end_date, mut stay, unreadable } =
            judged(live, &attributes, decisions, facts.now_ms, zones);
        stay.changed = !earlier.is_empty();
        stay.returned |= earlier.iter().any(|version| gone_in(version));
        let mut emails: Vec<Box<str>> = Vec::new();
        let mut add = |address: &str| {
            if !emails.iter().any(|known| **known == *address) {
                emails.push(address.into());
            }
        };
        each_address(&attributes, |address| add(&address));
        telling.iter().for_each(|record| each_address_of(record, |address| add(&address)));
        let now = emails.len();
        for address in earlier.iter().rev().flat_map(|version| addresses_of(version)) {
            if !emails.iter().any(|known| **known == *address) {
                emails.push(address.as_ref().into());
                self.lookups.emails.insert(address, place);
            }
        }
        for address in decided.iter().flat_map(|fields| addresses(fields)) {
            self.lookups.emails.insert(address, place);
        }
        stay.emails_now = u16::try_from(now).unwrap_or(u16::MAX);
        let records = records.iter().map(|record| account_of(record).key.clone()).collect();
        for (topic, text) in unreadable {
            self.disputes.push(unreadable_dispute(topic, &id, &attributes, &text, live));
        }
        (Identity { id, attributes, emails, state, start_date, end_date, manager: None, records }, stay)
    }
}

fn attributes_decided(decision: &Decision, now_ms: i64) -> Option<&Fields> {
    match &decision.what {
        Decided::Join { attributes, .. } => Some(attributes),
        Decided::Move { attributes, from_ms, .. } => {
            (from_ms.unwrap_or(decision.at_ms) <= now_ms).then_some(attributes)
        }
        _ => None,
    }
}

fn gone_in(version: &Account) -> bool {
    version
        .fields
        .text("status")
        .is_some_and(|status| matches!(folded(status).as_ref(), "terminated" | "left" | "inactive"))
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
