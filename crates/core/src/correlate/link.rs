//! Whose account is whose: decisions first, then pins, then the rules in their order, each with its evidence.
//! It takes what founding gives and completes the graph. A tie is a dispute; a machine is set apart.

use super::attributes::{addresses, each_address, text_of};
use super::found::Found;
use super::{AccountAt, Belonging, Dispute, Evidence, GROUP, Graph, Ground, IdentityAt, narrow};
use crate::abilities::Standing;
use crate::account::{Account, AccountKey, Kind};
use crate::expression::Expression;
use crate::expression::Verdict;
use crate::facts::{Decided, Facts};
use crate::identity::Identity;
use crate::name::{ConnectionName, IdentityId};
use crate::policy::{Correlation, MatchRule};
use crate::text::folded;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::OnceLock;

/// Links all accounts of targets.
pub(super) fn link<'f>(facts: &'f Facts, rules: &Correlation, mut found: Found<'f>) -> Graph<'f> {
    let mut belongings = std::mem::take(&mut found.belongings);
    let mut disputes = std::mem::take(&mut found.disputes);
    let mut unsure = BTreeSet::new();
    let linking = Linking { rules, found: &found };
    let turns: BTreeMap<&ConnectionName, u16> = facts.connections.keys().zip(0..).collect();
    let mut turn_of = vec![u16::MAX; facts.accounts.len()];
    for (group, accounts) in facts.accounts.chunks(GROUP).enumerate() {
        linking.read_ahead(accounts);
        for (at, account) in (group * GROUP..).zip(accounts) {
            turn_of[at] = turns.get(&account.key.connection).copied().unwrap_or(u16::MAX);
            match facts.connections.get(&account.key.connection).map(|connection| connection.abilities.standing) {
                None => belongings[at] = Belonging::Ignored,
                Some(Standing::Source(_)) if account.key.kind == Kind::Bot => {
                    belongings[at] = Belonging::Service(Ground::Bot)
                }
                Some(Standing::Source(_)) => {}
                Some(Standing::Target) => {
                    belongings[at] = linking.belonging(account).unwrap_or_else(|tie| {
                        unsure.extend(tie.candidates.iter().map(|at| (*at, account.key.connection.clone())));
                        disputes.push(linking.dispute(&account.key, tie));
                        Belonging::Disputed
                    });
                }
            }
        }
    }
    let (held_from, held) = held(facts, &belongings, &turn_of, found.identities.len());
    let founded = found.moved.into_iter().map(IdentityAt).collect();
    Graph {
        facts,
        identities: found.identities,
        stays: found.stays,
        founded,
        belongings,
        held_from,
        held,
        disputes,
        unsure,
        shared: found.shared,
        keys: OnceLock::new(),
    }
}

/// Sorts the accounts by whose they are, and then by their keys. Most people have one account in a connection, so the
/// turn of the connection tells nearly always, and the accounts themselves need not be looked at.
fn held(facts: &Facts, belongings: &[Belonging], turn_of: &[u16], identities: usize) -> (Vec<u32>, Vec<AccountAt>) {
    let mut held_from = vec![0_u32; identities + 1];
    let owner = |belonging: &Belonging| match belonging {
        Belonging::Somebody(at, _) => Some(at.index()),
        _ => None,
    };
    for at in belongings.iter().filter_map(owner) {
        held_from[at + 1] += 1;
    }
    for at in 0..identities {
        held_from[at + 1] += held_from[at];
    }
    let mut next = held_from.clone();
    let mut held = vec![AccountAt(0); held_from[identities] as usize];
    for (account, belonging) in belongings.iter().enumerate() {
        if let Some(at) = owner(belonging) {
            held[next[at] as usize] = AccountAt(narrow(account));
            next[at] += 1;
        }
    }
    for at in 0..identities {
        held[held_from[at] as usize..held_from[at + 1] as usize].sort_unstable_by(|one, other| {
            let key = |at: &AccountAt| &facts.accounts[at.index()].key;
            turn_of[one.index()].cmp(&turn_of[other.index()]).then_with(|| key(one).cmp(key(other)))
        });
    }
    (held_from, held)
}

struct Tie {
    candidates: Vec<IdentityAt>,
    topic: &'static str,
    because: String,
}

struct Linking<'a, 'f> {
    rules: &'a Correlation,
    found: &'a Found<'f>,
}

impl Linking<'_, '_> {
    fn find(&self, id: &IdentityId) -> Option<IdentityAt> {
        let found = self.found;
        let id_at = |place: u32| &found.identities[found.moved[place as usize] as usize].id;
        found.places.find(id, id_at).ok().map(|place| IdentityAt(found.moved[place as usize]))
    }

    /// Reads what the addresses of a group lead to: many look-ups at once wait for memory once.
    fn read_ahead(&self, accounts: &[Account]) {
        if self.rules.rules.contains(&MatchRule::Email) && self.found.decisions.pins.is_empty() {
            let logins = accounts.iter().filter_map(|account| account.login.as_deref());
            let places = logins.filter_map(|login| self.found.lookups.emails.get(&folded(login)).first());
            black_box(places.map(|place| self.found.moved[*place as usize]).max());
        }
    }

    fn belonging(&self, account: &Account) -> Result<Belonging, Tie> {
        let decisions = &self.found.decisions;
        let pin = decisions.pins.get(&account.key).copied();
        let link = pin.map(|pin| &self.found.facts.links[pin as usize]);
        let decision = decisions.accounts.get(&account.key);
        match decision.map(|decision| (&decision.what, decision.at_ms)) {
            Some((Decided::Exempt { .. }, _)) => return Ok(Belonging::Service(Ground::Decision)),
            Some((Decided::Unlink { .. }, at_ms)) if link.is_none_or(|link| link.since_ms <= at_ms) => {
                return Ok(Belonging::Nobody);
            }
            Some((Decided::Link { identity, .. }, at_ms)) => return self.decided(identity, at_ms, pin),
            _ => {}
        }
        if account.key.kind == Kind::Bot {
            return Ok(Belonging::Service(Ground::Bot));
        }
        if self.rules.service.iter().any(|expression| is_service(expression, account)) {
            return Ok(Belonging::Service(Ground::ServiceRule));
        }
        if let (Some(pin), Some(link)) = (pin, link)
            && !decisions.apart.contains(&(&account.key, &link.identity))
        {
            return match self.find(&link.identity) {
                Some(at) => Ok(Belonging::Somebody(at, Evidence::Pinned(pin))),
                None => Err(Tie {
                    candidates: Vec::new(),
                    topic: "lost_identity",
                    because: "is linked to a person of whom no source tells any more".into(),
                }),
            };
        }
        let spoken_of = self.found.spoken_of.get(&account.key).copied();
        let spoken_of = spoken_of.filter(|identity| !decisions.apart.contains(&(&account.key, *identity)));
        if let Some(at) = spoken_of.and_then(|identity| self.find(identity)) {
            return Ok(Belonging::Somebody(at, Evidence::Found(Ground::ClientWish)));
        }
        self.by_rules(account)
    }

    fn decided(&self, id: &IdentityId, at_ms: i64, pin: Option<u32>) -> Result<Belonging, Tie> {
        let Some(at) = self.find(id) else {
            let because = "was linked by a person to somebody of whom no source tells".to_owned();
            return Err(Tie { candidates: Vec::new(), topic: "lost_identity", because });
        };
        match pin.map(|pin| (pin, &self.found.facts.links[pin as usize])) {
            Some((pin, link)) if link.identity == *id => Ok(Belonging::Somebody(at, Evidence::Pinned(pin))),
            Some((_, link)) if link.since_ms > at_ms => Err(Tie {
                candidates: [Some(at), self.find(&link.identity)].into_iter().flatten().collect(),
                topic: "link",
                because: "was linked to one person by a decision and pinned to another later".into(),
            }),
            _ => Ok(Belonging::Somebody(at, Evidence::Found(Ground::Decision))),
        }
    }

    fn by_rules(&self, account: &Account) -> Result<Belonging, Tie> {
        for rule in &self.rules.rules {
            let mut candidates = self.candidates(account, *rule);
            candidates.sort_unstable();
            candidates.dedup();
            if !self.found.decisions.apart.is_empty() {
                candidates.retain(|at| {
                    !self.found.decisions.apart.contains(&(&account.key, &self.found.identities[at.index()].id))
                });
            }
            match candidates[..] {
                [] => {}
                [one] => return Ok(Belonging::Somebody(one, Evidence::Rule(*rule))),
                _ => {
                    let because = format!("fits {} people by {}", candidates.len(), rule.as_str());
                    return Err(Tie { candidates, topic: "link", because });
                }
            }
        }
        Ok(Belonging::Nobody)
    }

    fn candidates(&self, account: &Account, rule: MatchRule) -> Vec<IdentityAt> {
        let lookups = &self.found.lookups;
        let mut found: Vec<u32> = Vec::new();
        match rule {
            MatchRule::Link => {}
            MatchRule::ExternalId => {
                if let Some(id) = account.external_id.as_deref().map(str::trim) {
                    found.extend(lookups.employee_ids.get(id));
                    if found.is_empty() {
                        found.extend(lookups.record_ids.get(id));
                    }
                }
            }
            MatchRule::EmployeeId => {
                if let Some(id) = account.fields.get("employee_id").and_then(text_of) {
                    found.extend(lookups.employee_ids.get(&id));
                }
            }
            MatchRule::Email => {
                if let Some(login) = account.login.as_deref() {
                    found.extend(lookups.emails.get(&folded(login)));
                }
                each_address(&account.fields, |address| found.extend(lookups.emails.get(&address)));
            }
        }
        found.into_iter().map(|place| IdentityAt(self.found.moved[place as usize])).collect()
    }

    fn dispute(&self, key: &AccountKey, tie: Tie) -> Dispute {
        let mut identities: Vec<IdentityId> =
            tie.candidates.iter().map(|at| self.found.identities[at.index()].id.clone()).collect();
        identities.sort();
        let names: Vec<Value> = tie
            .candidates
            .iter()
            .take(10)
            .map(|at| Value::String(self.found.identities[at.index()].label().to_owned()))
            .collect();
        Dispute {
            topic: tie.topic,
            connection: Some(key.connection.clone()),
            account: Some(key.clone()),
            identities,
            text: format!("{key} {}; `tenure link {key} IDENTITY` says whose it is", tie.because),
            facts: BTreeMap::from([("people".to_owned(), Value::Array(names))]),
        }
    }
}

/// Returns the ground on which a rule found that an account is somebody's; `emails_now` of their addresses are current.
pub(super) fn ground(rule: MatchRule, identity: &Identity, emails_now: usize, account: &Account) -> Ground {
    match rule {
        MatchRule::Link => Ground::Decision,
        MatchRule::ExternalId => {
            let told = identity.attributes.get("employee_id").and_then(text_of);
            match told.as_deref() == account.external_id.as_deref().map(str::trim) {
                true => Ground::ExternalIsEmployeeId,
                false => Ground::ExternalIsRecordId,
            }
        }
        MatchRule::EmployeeId => Ground::EmployeeId,
        MatchRule::Email => by_email(identity, emails_now, account),
    }
}

fn by_email(identity: &Identity, emails_now: usize, account: &Account) -> Ground {
    let place = |address: &str| identity.emails.iter().position(|known| **known == *folded(address));
    let by_login = account.login.as_deref().and_then(place);
    let by_field = || addresses(&account.fields).iter().find_map(|address| place(address));
    let is_work = |at: usize| at == 0 && identity.work_email().is_some();
    match (by_login, by_login.or_else(by_field)) {
        (Some(at), _) if is_work(at) => Ground::LoginIsWorkEmail,
        (None, Some(at)) if is_work(at) => Ground::EmailIsWorkEmail,
        (Some(at), _) if at < emails_now => Ground::LoginIsOtherEmail,
        (None, Some(at)) if at < emails_now => Ground::EmailIsOtherEmail,
        (Some(_), _) => Ground::LoginIsEarlierEmail,
        _ => Ground::EmailIsEarlierEmail,
    }
}

fn is_service(expression: &Expression, account: &Account) -> bool {
    let mut wanted = Map::new();
    for path in expression.reads() {
        match path.get(1) {
            Some(name) => {
                if let Some(value) = account_part(account, name) {
                    wanted.insert(name.clone(), value);
                }
            }
            None => return expression.judge("account", &account_view(account)) == Verdict::Yes,
        }
    }
    expression.judge("account", &Value::Object(wanted)) == Verdict::Yes
}

fn account_part(account: &Account, name: &str) -> Option<Value> {
    let text = |text: &Option<Box<str>>| text.as_deref().map(|text| Value::String(text.to_owned()));
    match name {
        "connection" => Some(Value::String(account.key.connection.as_str().to_owned())),
        "id" => Some(Value::String(account.key.id.as_str().to_owned())),
        "kind" => Some(Value::String(account.key.kind.as_str().to_owned())),
        "state" => Some(Value::String(account.state.as_str().to_owned())),
        "login" => text(&account.login),
        "name" => text(&account.name),
        "external_id" => Some(text(&account.external_id).unwrap_or_default()),
        "grants" => serde_json::to_value(&account.grants).ok(),
        "attributes" => serde_json::to_value(&account.fields).ok(),
        _ => account.fields.get(name).cloned(),
    }
}

/// What every account can be asked for in a condition, beside the fields that only some apps have.
pub const ACCOUNT_WORDS: [&str; 9] =
    ["connection", "id", "kind", "state", "login", "name", "external_id", "grants", "attributes"];

/// Returns an account as conditions see it: `connection`, `id`, `kind`, `state`, `login`, `name`, `external_id`,
/// `grants`, `attributes`.
pub fn account_view(account: &Account) -> Value {
    Value::Object(
        ACCOUNT_WORDS
            .iter()
            .filter_map(|name| account_part(account, name).map(|value| ((*name).to_owned(), value)))
            .collect(),
    )
}
