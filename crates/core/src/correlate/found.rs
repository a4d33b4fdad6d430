//! Who is who: source records found identities or join them, decisions join in, vanished records keep theirs.
//! Pinned links go first, so that an identity survives renames, new keys and a new order of the sources.
//! Two rows of one source that look like one person stay two, with a dispute, unless they are two employments, of which one
//! at most is held now.

use super::attributes::{addresses, addresses_of, each_address_of, has_name_of, text_of};
use super::decisions::Decisions;
use super::lookup::{Lookup, Lookups, Places};
use super::stay::{Employment, Stay, Zones, employment};
use super::tree::ManagerKeys;
use super::{Belonging, Dispute, Evidence, GROUP, Ground, IdentityAt, narrow};
use crate::abilities::Standing;
use crate::account::{Account, AccountKey, Fields, Kind};
use crate::facts::{ClientWish, Decided, Facts};
use crate::identity::Identity;
use crate::name::{ConnectionName, IdentityId, NativeId};
use crate::policy::{Correlation, MatchRule};
use crate::text::folded;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hint::black_box;

/// Crockford's digits, as ULIDs are written.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Tells whether a text has the form of an identity's id.
pub fn is_identity_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|letter| LETTERS.contains(&letter))
}

/// Returns the id of the identity that this source record founds: 26 letters of Crockford's base 32.
pub fn found_identity_id(connection: &ConnectionName, id: &NativeId) -> IdentityId {
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

#[derive(Clone, Copy)]
pub(super) enum Record {
    Live(u32),
    Gone(u32),
}

/// What founding gives to linking.
pub(super) struct Found<'f> {
    pub(super) facts: &'f Facts,
    pub(super) identities: Vec<Identity>,
    pub(super) stays: Vec<Stay>,
    pub(super) belongings: Vec<Belonging>,
    pub(super) disputes: Vec<Dispute>,
    pub(super) lookups: Lookups<'f>,
    pub(super) manager_keys: ManagerKeys,
    pub(super) shared: HashSet<Box<str>>,
    pub(super) moved: Vec<u32>,
    pub(super) places: Places,
    pub(super) decisions: Decisions<'f>,
    /// Of whom SCIM clients say that accounts are theirs.
    pub(super) spoken_of: HashMap<&'f AccountKey, &'f IdentityId>,
}

pub(super) struct Founding<'f> {
    pub(super) facts: &'f Facts,
    pub(super) decisions: Decisions<'f>,
    pub(super) ids: Vec<IdentityId>,
    pub(super) places: Places,
    pub(super) records: Vec<Vec<Record>>,
    pub(super) lookups: Lookups<'f>,
    pub(super) manager_keys: ManagerKeys,
    pub(super) belongings: Vec<Belonging>,
    pub(super) disputes: Vec<Dispute>,
    /// What SCIM clients say of people.
    pub(super) wished: HashMap<&'f IdentityId, &'f Fields>,
    pub(super) spoken_of: HashMap<&'f AccountKey, &'f IdentityId>,
    pub(super) zones: Zones,
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
            decided_ids: Lookup::default(),
            record_ids: Lookup::with_capacity(live.len()),
        },
        manager_keys: ManagerKeys::default(),
        belongings: vec![Belonging::Nobody; facts.accounts.len()],
        disputes: Vec::new(),
        wished: HashMap::new(),
        spoken_of: HashMap::new(),
        zones: Zones::new(facts.now_ms),
    };
    let unpinned: Vec<u32> = live.iter().map(|(_, at)| *at).filter(|at| !founding.take_pinned(*at)).collect();
    founding.take_vanished(&authority);
    founding.take_joined();
    founding.take_wished();
    let source = |at: &u32| &facts.accounts[*at as usize].key.connection;
    for of_source in unpinned.chunk_by(|one, other| source(one) == source(other)) {
        for group in of_source.chunks(GROUP) {
            founding.read_ahead(group);
            group.iter().for_each(|at| founding.take_unpinned(*at, rules));
        }
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
            Err(key) => self.begin(id, key),
        }
    }

    /// Begins an identity that is not known yet.
    fn begin(&mut self, id: IdentityId, key: u64) -> u32 {
        let place = narrow(self.ids.len());
        self.places.insert(key, place);
        self.ids.push(id);
        self.records.push(Vec::new());
        place
    }

    fn add(&mut self, place: u32, record: Record) {
        let facts = self.facts;
        self.records[place as usize].push(record);
        let account = match record {
            Record::Live(at) => &facts.accounts[at as usize],
            Record::Gone(at) => &facts.vanished[at as usize],
        };
        each_address_of(account, |address| self.lookups.emails.insert(address, place));
        let employee_id = account.fields.get("employee_id").and_then(text_of);
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

    /// Founds the identities of people of whom only a SCIM client has spoken. Records that tell of them join later.
    fn take_wished(&mut self) {
        let mut wishes: Vec<&'f ClientWish> = self.facts.client_wishes.iter().collect();
        wishes.sort_by(|one, other| (&one.connection, &one.id).cmp(&(&other.connection, &other.id)));
        for wish in wishes {
            let place = self.place_of(wish.identity.clone());
            if let Some(account) = &wish.account {
                self.spoken_of.insert(account, &wish.identity);
            }
            self.wished.entry(&wish.identity).or_insert(&wish.person);
            for address in addresses(&wish.person) {
                self.lookups.emails.insert(address, place);
            }
        }
    }

    /// Reads the places of the look-ups that a group of records will fill: together, so that memory is waited for once.
    fn read_ahead(&self, group: &[u32]) {
        let fields = || group.iter().map(|at| &self.facts.accounts[*at as usize].fields);
        let emails = fields().filter_map(|fields| fields.text("work_email"));
        let employee_ids = fields().filter_map(|fields| fields.text("employee_id"));
        black_box(emails.map(|email| self.lookups.emails.get(&folded(email)).len()).sum::<usize>());
        black_box(employee_ids.map(|id| self.lookups.employee_ids.get(id).len()).sum::<usize>());
    }

    fn take_unpinned(&mut self, at: u32, rules: &Correlation) {
        let account = &self.facts.accounts[at as usize];
        let own = found_identity_id(&account.key.connection, &account.key.id);
        let known = self.find(&own);
        let is_known = known.is_ok() && !self.decisions.apart.contains(&(&account.key, &own));
        for rule in rules.rules.iter().filter(|_| !is_known) {
            let Some((candidates, evidence)) = self.candidates(account, *rule) else { continue };
            if let [one] = candidates[..] {
                if self.has_live_of(one, &account.key.connection) && !self.is_another_employment(one, account) {
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
        let place = known.unwrap_or_else(|key| self.begin(own, key));
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
                let id = account.fields.get("employee_id").and_then(text_of)?;
                (self.lookups.employee_ids.get(&id).to_vec(), Ground::EmployeeId)
            }
            MatchRule::Email => {
                let found = addresses_of(account)
                    .iter()
                    .flat_map(|address| self.lookups.emails.get(address))
                    .copied()
                    .filter(|place| !self.took_over_the_address(*place, account))
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

    /// Tells whether the record is of another employment of the person at a place, of whom its source has records already:
    /// they have one name, and of all employments one at most is held now.
    fn is_another_employment(&mut self, place: u32, account: &'f Account) -> bool {
        let facts = self.facts;
        let live = self.records[place as usize].iter().filter_map(|record| match record {
            Record::Live(at) => Some(&facts.accounts[*at as usize]),
            Record::Gone(_) => None,
        });
        let known: Vec<&Account> = live.filter(|record| record.key.connection == account.key.connection).collect();
        let is_held =
            |record: &&Account, zones: &mut Zones| employment(record, facts.now_ms, zones) == Employment::Held;
        known.iter().all(|record| has_name_of(record, account))
            && known.iter().chain([&account]).filter(|record| is_held(record, &mut self.zones)).count() <= 1
    }

    /// Tells whether the record is of somebody else than the gone ones of its source that had its address: neither the
    /// employee id nor the name is theirs. Addresses are given anew to new people.
    fn took_over_the_address(&self, place: u32, account: &Account) -> bool {
        let source = &account.key.connection;
        let id = |record: &'_ Account| record.fields.get("employee_id").and_then(text_of).map(Cow::into_owned);
        let Some(own) = id(account).filter(|_| !self.has_live_of(place, source)) else { return false };
        let mut is_another = false;
        for record in &self.records[place as usize] {
            let Record::Gone(at) = record else { continue };
            let gone = &self.facts.vanished[*at as usize];
            if gone.key.connection != *source {
                continue;
            }
            let theirs = id(gone);
            if theirs.as_ref() == Some(&own) || has_name_of(account, gone) {
                return false;
            }
            is_another |= theirs.is_some();
        }
        is_another
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
}
