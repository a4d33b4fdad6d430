//! The way back: for each step that a run did, what would make it undone, by how its account is today.
//! Past steps and the graph come in, proposals go out, and what stays with the reason. What somebody else changed since
//! is left alone; nothing is deleted to undo a create.

use super::grants::{as_wished, is, set_change, union_of};
use super::make::by_hand;
use super::{Proposal, reason};
use crate::abilities::{Cardinality, Effect, EntitlementAbility, KindAbility};
use crate::account::{Account, AccountKey, Grant, Kind};
use crate::change::{Change, EntitlementChange, FieldOutcome, Outcome, ReasonKind, Step, WishedGrant};
use crate::correlate::{AccountAt, Belonging, Graph, IdentityAt};
use crate::decide::same_name;
use crate::facts::Facts;
use crate::look::same;
use crate::name::{ConnectionName, Name, RunId};
use crate::revert::{Stays, Taken};
use serde_json::Value;

/// Proposes the way back from the steps of a run, and lists what stays.
pub(crate) fn back(run: &RunId, taken: &[Taken], graph: &Graph<'_>, facts: &Facts) -> (Vec<Proposal>, Vec<Stays>) {
    let mut going = Going { run, graph, facts, proposals: Vec::new(), stays: Vec::new() };
    let makes = |taken: &&Taken| matches!(taken.step.effect, Effect::Create | Effect::Resume);
    // Whose account the way back shuts is known before its fields are looked at.
    taken.iter().filter(makes).chain(taken.iter().filter(|taken| !makes(taken))).for_each(|taken| going.step(taken));
    let Going { mut proposals, stays, .. } = going;
    in_order(&mut proposals);
    (proposals, stays)
}

struct Going<'a, 'f> {
    run: &'a RunId,
    graph: &'a Graph<'f>,
    facts: &'a Facts,
    proposals: Vec<Proposal>,
    stays: Vec<Stays>,
}

/// The account of a past step as it is today.
struct Spot<'a> {
    at: Option<IdentityAt>,
    place: AccountAt,
    account: &'a Account,
    ability: &'a KindAbility,
}

impl<'a, 'f: 'a> Going<'a, 'f> {
    fn step(&mut self, taken: &Taken) {
        let Taken { step, result } = taken;
        match result.outcome {
            Outcome::Done | Outcome::Pending if step.effect != Effect::Manual => {}
            // An app may have taken some fields and not others.
            Outcome::Refused if !applied(taken).is_empty() => {}
            Outcome::Unknown => {
                return self.stay(step, "nobody knows yet what became of it; `tenure apply` settles that first".into());
            }
            Outcome::AlreadyTrue => return self.stay(step, "it was so before the run, which changed nothing".into()),
            Outcome::Done if step.effect == Effect::Manual => {
                return self.stay(step, "a person did it by hand, and a person takes it back".into());
            }
            _ => return,
        }
        match self.spot(taken) {
            Ok(spot) => self.undo(taken, &spot),
            Err(because) => self.stay(step, because),
        }
    }

    fn stay(&mut self, step: &Step, because: String) {
        self.stays.push(Stays {
            step: step.id.clone(),
            connection: step.connection.clone(),
            effect: step.effect,
            person: step.person.clone(),
            because,
        });
    }

    /// Finds the account that a step made or touched: by the id that was read back, else by whose it is.
    fn spot(&self, taken: &Taken) -> Result<Spot<'a>, String> {
        let Taken { step, result } = taken;
        if step.effect == Effect::Delete {
            return Err("a deletion cannot be undone; a new account would be empty".into());
        }
        let read_back = result.account.as_deref().map(|id| AccountKey::new(&step.connection, step.kind, id));
        let at = step.identity.as_ref().and_then(|id| self.graph.find(id));
        let mut keys = read_back.iter().chain(&step.account_key);
        let place = match keys.find_map(|key| self.graph.find_account(key)) {
            Some(place) => place,
            None => self.found_again(step, at)?,
        };
        if let (Some(at), Belonging::Somebody(owner, _)) = (at, self.graph.belonging_at(place))
            && owner != at
        {
            let owner = self.graph.identity_at(owner).label();
            return Err(format!("the account is {owner}'s now"));
        }
        let account = self.graph.account_at(place);
        let target = self.facts.connections.get(&step.connection);
        let ability = target.and_then(|target| target.abilities.kinds.get(&account.key.kind));
        let ability = ability.ok_or_else(|| format!("{} is not connected any more", step.connection))?;
        Ok(Spot { at, place, account, ability })
    }

    fn found_again(&self, step: &Step, at: Option<IdentityAt>) -> Result<AccountAt, String> {
        let here = |account: &Account| account.key.connection == step.connection && account.key.kind == step.kind;
        let held: Vec<AccountAt> = at
            .into_iter()
            .flat_map(|at| self.graph.accounts_at(at))
            .filter(|(_, account)| here(account))
            .map(|(place, _)| place)
            .collect();
        match held.as_slice() {
            [one] => Ok(*one),
            [] => Err("the account is not there any more".into()),
            several => Err(format!("the account is not there any more, and {} others may stand for it", several.len())),
        }
    }

    fn undo(&mut self, taken: &Taken, spot: &Spot<'a>) {
        let step = &taken.step;
        match step.effect {
            Effect::Create | Effect::Resume => self.shut(step, spot),
            Effect::Suspend => self.open(step, spot),
            Effect::Convert => self.convert(step, spot),
            Effect::EndSessions => self.stay(step, "sessions that were ended stay ended".into()),
            Effect::Update | Effect::Grant | Effect::Revoke => self.fields(taken, spot),
            Effect::Delete | Effect::Manual => {}
        }
    }

    /// Shuts an account that was made or let in. It is never deleted: what was done in it meanwhile would be lost.
    fn shut(&mut self, step: &Step, spot: &Spot<'a>) {
        if !spot.account.state.gives_access() {
            return self.stay(step, format!("the account is {} already", spot.account.state));
        }
        let mail = spot.ability.effects.get(&step.effect).is_some_and(|effect| effect.sends_mail);
        let mail = if mail { ", and the mail that it sent cannot be called back" } else { "" };
        let how = if step.effect == Effect::Create { "the account stays, shut" } else { "it was shut before" };
        self.either(step, spot, Effect::Suspend, &format!("{how}{mail}"));
    }

    fn open(&mut self, step: &Step, spot: &Spot<'a>) {
        if spot.account.state.gives_access() {
            return self.stay(step, format!("the account is {} again already", spot.account.state));
        }
        let lost = step.loses.as_ref().map(|loses| format!("; not brought back: {loses}")).unwrap_or_default();
        self.either(step, spot, Effect::Resume, &format!("it was open before{lost}"));
    }

    /// Proposes an effect where the app has it, and otherwise work for a person.
    fn either(&mut self, step: &Step, spot: &Spot<'a>, effect: Effect, why: &str) {
        let can = spot.ability.effects.contains_key(&effect);
        self.propose(
            step,
            spot,
            Proposal {
                effect: if can { effect } else { Effect::Manual },
                by_hand: (!can).then(|| by_hand(Some(spot.ability), effect)),
                ..self.proposal(step, spot, effect, why)
            },
        );
    }

    fn convert(&mut self, step: &Step, spot: &Spot<'a>) {
        let Some(before) = step.account_key.as_ref().map(|key| key.kind) else { return };
        if spot.account.key.kind == before {
            return self.stay(step, format!("it is {} again already", before.with_article()));
        }
        let target = self.facts.connections.get(&step.connection);
        let ability = target.and_then(|target| target.abilities.kinds.get(&before));
        let can = ability.is_some_and(|ability| {
            ability.effects.contains_key(&Effect::Convert) && ability.convert_from.contains(&spot.account.key.kind)
        });
        if !can {
            let because = format!("{} does not turn {} back into {}", step.connection, step.kind, before);
            return self.stay(step, because);
        }
        let why = format!("it was {} before", before.with_article());
        self.propose(step, spot, Proposal { kind: before, ..self.proposal(step, spot, Effect::Convert, &why) });
    }

    /// Proposes to put back the fields and grants that a step changed.
    fn fields(&mut self, taken: &Taken, spot: &Spot<'a>) {
        let step = &taken.step;
        let shuts = |proposal: &Proposal| proposal.account == Some(spot.place) && does(proposal) == Effect::Suspend;
        if self.proposals.iter().any(shuts) {
            return self.stay(step, "the way back shuts the account; what it holds stays".into());
        }
        let mut by_effect: Vec<(Effect, Vec<Change>)> = Vec::new();
        for change in applied(taken) {
            let put_back = match &change.entitlement {
                Some(entitlement) => put_grants_back(change, entitlement, spot),
                None => {
                    self.put_field_back(change, spot, &step.connection).map(|change| vec![(Effect::Update, change)])
                }
            };
            match put_back {
                Err(because) => self.stay(step, because),
                Ok(put_back) => {
                    for (effect, change) in put_back {
                        match by_effect.iter_mut().find(|(known, _)| *known == effect) {
                            Some((_, changes)) => changes.push(change),
                            None => by_effect.push((effect, vec![change])),
                        }
                    }
                }
            }
        }
        for (effect, changes) in by_effect {
            if !spot.ability.effects.contains_key(&effect) {
                let because = format!("{} has no way to {effect}", step.connection);
                self.stay(step, because);
                continue;
            }
            self.propose(
                step,
                spot,
                Proposal { changes, ..self.proposal(step, spot, effect, "it was otherwise before") },
            );
        }
    }

    fn put_field_back(&self, change: &Change, spot: &Spot<'a>, connection: &ConnectionName) -> Result<Change, String> {
        let field = &change.field;
        let ability = spot.ability.fields.get(field);
        let before = change.before.clone().ok_or_else(|| format!("nobody knows what {field} was before"))?;
        if before.is_null() || before.as_str().is_some_and(str::is_empty) {
            return Err(format!("{field} was empty before, and fields are never emptied"));
        }
        if let Some(cannot) = ability.filter(|ability| !ability.at_update).map(|ability| ability.cannot.as_deref()) {
            return Err(format!("{field}: {}", cannot.unwrap_or("the app does not let it be changed")));
        }
        let (before, refers_to) = match &change.refers_to {
            None => (before, None),
            Some(_) => self.referred(&before, connection, spot.account.key.kind)?,
        };
        let now = spot.account.told(field.as_str());
        let fold_case = ability.is_some_and(|ability| ability.fold_case);
        if let Some(now) = &now {
            if same(now, &before, fold_case) {
                return Err(format!("{field} is as before already"));
            }
            if !same(now, &change.after, fold_case) && change.refers_to.is_none() {
                return Err(format!("{field} was changed since, to {now}; that is left alone"));
            }
        }
        Ok(Change { field: field.clone(), before: now, after: before, entitlement: None, refers_to })
    }

    /// Follows an account that a field named before (a manager's) to where its person is today.
    fn referred(
        &self,
        before: &Value,
        connection: &ConnectionName,
        kind: Kind,
    ) -> Result<(Value, Option<crate::name::IdentityId>), String> {
        let Some(id) = before.as_str().map(str::to_owned).or_else(|| before.as_u64().map(|id| id.to_string())) else {
            return Ok((before.clone(), None));
        };
        let key = AccountKey::new(connection, kind, id.as_str());
        let link = self.facts.links.iter().find(|link| link.account == key);
        let Some(identity) = link.map(|link| link.identity.clone()) else { return Ok((before.clone(), None)) };
        if self.graph.find_account(&key).is_some() {
            return Ok((before.clone(), Some(identity)));
        }
        let mut here = self.graph.accounts_of(&identity).filter(|account| account.key.connection == *connection);
        let account = here.next().ok_or_else(|| format!("the account {key} that it named is not there any more"))?;
        Ok((Value::from(account.key.id.as_str()), Some(identity.clone())))
    }

    fn proposal(&self, step: &Step, spot: &Spot<'a>, effect: Effect, why: &str) -> Proposal {
        let text = format!("takes back {} {} of run {}: {why}", step.effect, step.id, self.run);
        Proposal {
            connection: step.connection.clone(),
            effect,
            identity: spot.at,
            account: Some(spot.place),
            kind: spot.account.key.kind,
            changes: Vec::new(),
            reason: reason(ReasonKind::Decision, None, text),
            needs: Vec::new(),
            after: Vec::new(),
            by_hand: None,
        }
    }

    /// Proposes, unless something before has proposed the same: two steps of a run may have done one thing.
    fn propose(&mut self, step: &Step, spot: &Spot<'a>, proposal: Proposal) {
        let twice = self.proposals.iter().any(|known| {
            known.account == Some(spot.place) && known.effect == proposal.effect && known.changes == proposal.changes
        });
        match twice {
            true => self.stay(step, "another step of the way back does it as well".into()),
            false => self.proposals.push(proposal),
        }
    }
}

/// Lists the changes that the app took.
fn applied(taken: &Taken) -> Vec<&Change> {
    let outcome = |change: &&Change| taken.result.fields.get(&change.field).copied();
    let took = |change: &&Change| matches!(outcome(change), Some(FieldOutcome::Applied | FieldOutcome::Pending));
    taken.step.changes.iter().filter(took).collect()
}

/// Returns what gives back the grants that a change took, and takes those that it gave, as far as they are still so.
fn put_grants_back(
    change: &Change,
    entitlement: &EntitlementChange,
    spot: &Spot<'_>,
) -> Result<Vec<(Effect, Change)>, String> {
    let word = &change.field;
    let ability =
        spot.ability.entitlements.get(word.as_str()).ok_or_else(|| format!("{word} is not known any more"))?;
    if !spot.account.grants_known.contains(&entitlement.kind) {
        return Err(format!("the app does not tell {word}, so nothing is taken back"));
    }
    let held: Vec<&Grant> = spot.account.grants_of(&entitlement.kind).collect();
    let holds = |wished: &&WishedGrant| held.iter().any(|grant| is(grant, wished, ability));
    let add: Vec<WishedGrant> = entitlement.remove.iter().filter(|wished| !holds(wished)).cloned().collect();
    // The same name within other bounds is replaced by what is given back.
    let comes_back = |gone: &&WishedGrant| add.iter().any(|add| same_name(&add.name, &gone.name, ability.exact));
    let remove = entitlement.add.iter().filter(|gone| holds(gone) && !comes_back(gone)).cloned();
    let remove: Vec<WishedGrant> = remove.collect();
    if ability.cardinality == Cardinality::One {
        return single(change, entitlement, ability, &held, add).map(|change| vec![(Effect::Update, change)]);
    }
    let (before, with) = (union_of(&held, &[], ability), union_of(&held, &add, ability));
    let mut back = Vec::new();
    if !add.is_empty() {
        back.push((Effect::Grant, set_change(&word.0, ability, &before, &with, add, Vec::new())));
    }
    if !remove.is_empty() {
        let gone = |name: &&Name| remove.iter().any(|gone| gone.name == **name);
        let without: Vec<Name> = with.iter().filter(|name| !gone(name)).cloned().collect();
        back.push((Effect::Revoke, set_change(&word.0, ability, &with, &without, Vec::new(), remove)));
    }
    if back.is_empty() { Err(format!("{word} is as before already")) } else { Ok(back) }
}

/// Returns what puts a single grant (a role) back.
fn single(
    change: &Change,
    entitlement: &EntitlementChange,
    ability: &EntitlementAbility,
    held: &[&Grant],
    add: Vec<WishedGrant>,
) -> Result<Change, String> {
    let word = &change.field;
    let now: Vec<&str> = held.iter().map(|grant| &*grant.name).collect();
    if !entitlement.add.iter().all(|wished| held.iter().any(|grant| is(grant, wished, ability))) {
        return Err(format!("{word} was changed since, to {}; that is left alone", now.join(", ")));
    }
    let Some(before) = add.first().cloned() else {
        return Err(format!("nobody knows which {word} there was before"));
    };
    Ok(Change {
        field: word.clone(),
        before: Some(now.first().map_or(Value::Null, |name| Value::from(*name))),
        after: Value::from(before.name.as_str()),
        entitlement: Some(EntitlementChange {
            kind: entitlement.kind.clone(),
            add: vec![before],
            remove: held.iter().map(|grant| as_wished(grant, ability)).collect(),
            keep: Vec::new(),
        }),
        refers_to: None,
    })
}

/// Lets what opens an account or turns it back come before everything else that happens to it.
fn in_order(proposals: &mut [Proposal]) {
    let kinds: Vec<_> = proposals.iter().map(|proposal| (proposal.account, does(proposal))).collect();
    let opens = |effect: Effect| matches!(effect, Effect::Resume | Effect::Convert);
    for (proposal, (account, effect)) in proposals.iter_mut().zip(&kinds) {
        let first = kinds.iter().enumerate().filter(|(_, (other, does))| other == account && opens(*does));
        proposal.needs = first.filter(|_| !opens(*effect)).map(|(at, _)| at).collect();
    }
}

/// Returns what a proposal does, be it by hand.
fn does(proposal: &Proposal) -> Effect {
    proposal.by_hand.as_ref().map_or(proposal.effect, |hand| hand.does)
}
