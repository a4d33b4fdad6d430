//! Accounts that should be there and are not: made, resumed or converted, or why that cannot be.
//! Nothing is made of values that nobody tells, and none while one may be theirs already.

use super::fields::Moment;
use super::{Diffing, Proposal, Spot, Strangers, reason};
use crate::abilities::{Effect, KindAbility};
use crate::account::{Account, AccountState};
use crate::byhand::Hand;
use crate::change::{Change, FindingKind, ReasonKind, Severity};
use crate::correlate::{AccountAt, Belonging, IdentityAt, StayCause};
use crate::decide::Wish;
use crate::finding::{About, told};
use crate::name::ConnectionName;
use crate::text::folded;
use serde_json::Value;

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    /// Returns what happened to the person, for a change of what they should hold.
    fn happened(&self, at: IdentityAt, connection: &ConnectionName) -> ReasonKind {
        let stay = self.graph.stay(at);
        let moved = self.wishes.pasts(at).next().is_some();
        match &stay.cause {
            StayCause::Decision { .. } => ReasonKind::Decision,
            _ if self.graph.has_returned(at) => ReasonKind::Rehire,
            _ if moved || self.wishes.past(at, connection).is_some() => ReasonKind::Mover,
            _ => ReasonKind::Joiner,
        }
    }

    pub(super) fn create(&mut self, spot: &Spot<'a>, wish: &'a Wish, strangers: &Strangers<'f>) {
        if let Some(because) = self.why_no_create(spot, wish, strangers) {
            self.tell_missing(spot, wish, &because, &[]);
            return;
        }
        let (mut changes, mut missing) = self.fields_at_create(spot, wish);
        changes.extend(self.grants_at_create(spot, wish, None, &mut missing));
        if !missing.is_empty() {
            let because = format!(
                "{} needs {}, which no source and no rule tells",
                spot.target.abilities.title,
                missing.join(", ")
            );
            self.tell_missing(spot, wish, &because, &missing);
            return;
        }
        let kind = self.happened(spot.at, spot.connection);
        let rule = wish.rules.first().map(String::as_str);
        let text = format!(
            "{} {}; rule \"{}\" wishes {} in {}, and there is none",
            self.name(spot.at),
            self.here_since(spot.at),
            rule.unwrap_or(""),
            wish.kind.with_article(),
            spot.connection
        );
        let (effect, by_hand) = feasible(spot, Effect::Create);
        let left = if effect == Effect::Create { take_by_hand(spot.ability, &mut changes) } else { Vec::new() };
        let proposal = Proposal {
            connection: spot.connection.clone(),
            effect,
            identity: Some(spot.at),
            account: None,
            kind: wish.kind,
            changes,
            reason: reason(kind, rule, text),
            needs: Vec::new(),
            after: Vec::new(),
            by_hand,
        };
        let made = self.propose(proposal.clone());
        if !left.is_empty() {
            // The app makes the account, and a person grants what it cannot be asked to grant.
            let by_hand = Some(self::by_hand(Some(spot.ability), Effect::Update));
            self.propose(Proposal { effect: Effect::Manual, changes: left, needs: vec![made], by_hand, ..proposal });
        }
    }

    fn here_since(&self, at: IdentityAt) -> String {
        let (identity, stay) = (self.graph.identity_at(at), self.graph.stay(at));
        match (&stay.cause, identity.start_date) {
            (StayCause::Decision { by }, _) => format!("joins by {by}'s decision"),
            (_, Some(date)) if self.graph.has_returned(at) => format!("is back since {date}"),
            (_, Some(date)) if identity.state == crate::identity::IdentityState::Future => format!("starts on {date}"),
            (_, Some(date)) => format!("works here since {date}"),
            (_, None) => "works here".into(),
        }
    }

    /// Says why no account can be made, where something stands in the way besides missing values.
    fn why_no_create(&self, spot: &Spot<'a>, wish: &'a Wish, strangers: &Strangers<'f>) -> Option<String> {
        if self.graph.is_unsure(spot.at, spot.connection) {
            return Some("an account there may be theirs, which a person must say first (see the dispute)".into());
        }
        if let Some((word, unknown)) =
            wish.grants.iter().find_map(|(word, wished)| Some((word, wished.unknown.first()?)))
        {
            return Some(format!("{} has no single {word} \"{unknown}\"", spot.connection));
        }
        let address = self.graph.identity_at(spot.at).work_email()?;
        if self.graph.is_shared(address) {
            return Some(format!("somebody else has the address {address} as well"));
        }
        let is_here = |place: &AccountAt| self.graph.account_at(*place).key.connection == *spot.connection;
        let taken = strangers.get(&*folded(address))?.iter().copied().filter(is_here);
        let taken = taken.into_iter().find(|place| !self.is_of(*place, spot.at))?;
        let key = &self.graph.account_at(taken).key;
        Some(match self.graph.belonging_at(taken) {
            Belonging::Somebody(other, _) => format!("{key} of {} signs in with {address} already", self.name(other)),
            Belonging::Service(_) => format!("{key} signs in with {address} already and is set apart"),
            _ => format!("{key} signs in with {address} already and is nobody's"),
        })
    }

    pub(super) fn tell_missing(&mut self, spot: &Spot<'a>, wish: &Wish, because: &str, missing: &[String]) {
        let text =
            format!("{} should be {} in {}: {because}", self.name(spot.at), wish.kind.with_article(), spot.connection);
        let identity = &self.graph.identity_at(spot.at).id;
        let fields = missing.iter().map(|field| Value::String(field.clone())).collect();
        self.findings.add_with(
            About::new(FindingKind::MissingAccount, Severity::Medium).connection(spot.connection).identity(identity),
            text,
            told([("kind", Value::from(wish.kind.as_str())), ("missing", Value::Array(fields))]),
        );
    }

    pub(super) fn resume(&mut self, spot: &Spot<'a>, wish: &'a Wish, place: AccountAt, account: &'f Account) {
        let (effect, by_hand) = feasible(spot, Effect::Resume);
        let resumed = self.propose_resume(spot, wish, (place, account), effect, by_hand);
        if effect == Effect::Resume {
            self.update(spot, wish, place, account, Moment::Return, Some(resumed));
        }
    }

    fn propose_resume(
        &mut self,
        spot: &Spot<'a>,
        wish: &'a Wish,
        (place, account): (AccountAt, &'f Account),
        effect: Effect,
        by_hand: Option<Hand>,
    ) -> usize {
        let returned = self.graph.has_returned(spot.at);
        let kind = match self.happened(spot.at, spot.connection) {
            kind @ (ReasonKind::Decision | ReasonKind::Rehire) => kind,
            ReasonKind::Mover => ReasonKind::Mover,
            _ => ReasonKind::Drift,
        };
        let rule = wish.rules.first().map(String::as_str);
        let text = format!(
            "{} {}; rule \"{}\" wishes the account, and it is {}{}",
            self.name(spot.at),
            self.here_since(spot.at),
            rule.unwrap_or(""),
            account.state,
            if returned { ", so it is resumed and none is made" } else { "" }
        );
        self.propose(Proposal {
            connection: spot.connection.clone(),
            effect,
            identity: Some(spot.at),
            account: Some(place),
            kind: account.key.kind,
            changes: Vec::new(),
            reason: reason(kind, rule, text),
            needs: Vec::new(),
            after: Vec::new(),
            by_hand,
        })
    }

    pub(super) fn convert(&mut self, spot: &Spot<'a>, wish: &'a Wish, place: AccountAt, account: &'f Account) {
        if let Some((word, unknown)) =
            wish.grants.iter().find_map(|(word, wished)| Some((word, wished.unknown.first()?)))
        {
            let because = format!("{} has no single {word} \"{unknown}\"", spot.connection);
            self.tell_missing(spot, wish, &because, &[]);
            return;
        }
        let mut missing = Vec::new();
        let mut changes = self.fields_at_convert(spot, wish, account);
        changes.extend(self.grants_at_create(spot, wish, Some(account), &mut missing));
        if !missing.is_empty() {
            let because = format!("{} needs {}, which no rule tells", spot.target.abilities.title, missing.join(", "));
            self.tell_missing(spot, wish, &because, &missing);
            return;
        }
        let kind = self.happened(spot.at, spot.connection);
        let rule = wish.rules.first().map(String::as_str);
        let text = format!(
            "{} is {} in {}; rule \"{}\" wishes {}",
            self.name(spot.at),
            account.key.kind.with_article(),
            spot.connection,
            rule.unwrap_or(""),
            wish.kind.with_article()
        );
        let (effect, by_hand) = feasible(spot, Effect::Convert);
        // Whoever is put out is let in first, where the kind can: apps convert nobody who is out.
        let own = spot.target.abilities.kinds.get(&account.key.kind);
        let resumes = own.is_some_and(|own| own.effects.contains_key(&Effect::Resume));
        let mut needs = Vec::new();
        if effect == Effect::Convert && account.state == AccountState::Suspended && resumes {
            needs.push(self.propose_resume(spot, wish, (place, account), Effect::Resume, None));
        }
        self.propose(Proposal {
            connection: spot.connection.clone(),
            effect,
            identity: Some(spot.at),
            account: Some(place),
            kind: wish.kind,
            changes,
            reason: reason(kind, rule, text),
            needs,
            after: Vec::new(),
            by_hand,
        });
    }
}

/// Takes out what only a person can grant.
fn take_by_hand(ability: &KindAbility, changes: &mut Vec<Change>) -> Vec<Change> {
    let by_hand = |change: &Change| ability.entitlements.get(change.field.as_str()).is_some_and(|known| known.by_hand);
    let (left, rest) = std::mem::take(changes).into_iter().partition(by_hand);
    *changes = rest;
    left
}

/// Returns the effect if the kind can do it, otherwise work for a person with the reason.
fn feasible(spot: &Spot<'_>, effect: Effect) -> (Effect, Option<Hand>) {
    match spot.ability.effects.contains_key(&effect) {
        true => (effect, None),
        false => (Effect::Manual, Some(by_hand(Some(spot.ability), effect))),
    }
}

/// Returns the work that stands for an effect which the kind cannot do.
pub(super) fn by_hand(ability: Option<&KindAbility>, does: Effect) -> Hand {
    let because = ability.and_then(|ability| ability.cannot.get(&does));
    let because = because.map_or("the app offers no way", String::as_str);
    Hand { does, because: format!("{does} by hand: {because}") }
}
