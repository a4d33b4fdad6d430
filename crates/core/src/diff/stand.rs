//! People who are here: accounts that should be there and are not, should be different, or should be no more.
//! A suspended account is resumed before another kind is converted, and only then is one made: never two.

use super::fields::Moment;
use super::grants::Extras;
use super::{Diffing, Proposal, Spot, reason};
use crate::abilities::Effect;
use crate::account::{Account, AccountState, Kind};
use crate::change::{FindingKind, ReasonKind, Severity};
use crate::correlate::{AccountAt, Belonging, IdentityAt, StayCause};
use crate::decide::Wish;
use crate::finding::{About, told};
use crate::name::ConnectionName;
use serde_json::Value;

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    pub(super) fn present(&mut self, at: IdentityAt, held: &[(AccountAt, &'f Account)]) {
        let bundle = self.wishes.bundle(at);
        for (connection, wish) in &bundle.wishes {
            if !self.is_asked_target(connection) {
                continue;
            }
            let Some(spot) = self.spot(at, connection, wish.kind) else { continue };
            // What is held is sorted by connection.
            let from = held.partition_point(|(_, account)| account.key.connection < *connection);
            let to = held.partition_point(|(_, account)| account.key.connection <= *connection);
            self.wished(&spot, wish, &held[from..to]);
        }
        for (place, account) in held {
            if !bundle.wishes.contains_key(&account.key.connection) {
                self.unwished(at, *place, account);
            }
        }
    }

    fn wished(&mut self, spot: &Spot<'a>, wish: &'a Wish, here: &[(AccountAt, &'f Account)]) {
        let of_kind = || here.iter().filter(|(_, account)| account.key.kind == wish.kind);
        let open = of_kind()
            .filter(|(_, account)| account.state.gives_access())
            .min_by_key(|(_, account)| openness(account.state));
        let dormant = of_kind().min_by_key(|(_, account)| openness(account.state));
        let from = here.iter().find(|(_, account)| spot.ability.convert_from.contains(&account.key.kind));
        let other =
            here.iter().find(|(_, account)| account.state.gives_access() && rank(account.key.kind) < rank(wish.kind));
        match (open, dormant, from, other) {
            (Some((place, account)), ..) => {
                self.update(spot, wish, *place, account, Moment::Standing, None);
                self.beyond(spot, here, wish.kind);
            }
            (None, Some((place, account)), ..) => self.resume(spot, wish, *place, account),
            (None, None, Some((place, account)), _) => self.convert(spot, wish, *place, account),
            (None, None, None, Some((_, account))) => self.tell_beyond(spot, account),
            (None, None, None, None) => self.create(spot, wish),
        }
    }

    /// Looks at accounts of a mightier kind than the wished one, which is there already.
    fn beyond(&mut self, spot: &Spot<'a>, here: &[(AccountAt, &'f Account)], wished: Kind) {
        for (place, account) in here {
            if !account.state.gives_access() || rank(account.key.kind) >= rank(wished) {
                continue;
            }
            let past = self.wishes.past(spot.at, spot.connection).filter(|past| past.kinds.contains(&account.key.kind));
            match past {
                Some(past) => {
                    let text = format!(
                        "{} moved; {} is wished now, no {} any more",
                        self.name(spot.at),
                        wished.with_article(),
                        account.key.kind
                    );
                    let reason = reason(ReasonKind::Mover, past.rules.first().map(String::as_str), text);
                    self.suspend(Some(spot.at), *place, account, reason);
                }
                None => self.tell_beyond(spot, account),
            }
        }
    }

    fn tell_beyond(&mut self, spot: &Spot<'a>, account: &Account) {
        let text = format!(
            "{} is {} in {} where {} is wished",
            self.name(spot.at),
            account.key.kind.with_article(),
            spot.connection,
            spot.kind.with_article()
        );
        let identity = &self.graph.identity_at(spot.at).id;
        self.findings.add(
            About::new(FindingKind::ExtraGrant, Severity::Medium)
                .account(&account.key)
                .identity(identity)
                .topic("kind"),
            text,
        );
    }

    fn unwished(&mut self, at: IdentityAt, place: AccountAt, account: &'f Account) {
        if !account.state.gives_access() {
            return;
        }
        let connection = &account.key.connection;
        let past = self.wishes.past(at, connection).filter(|past| past.kinds.contains(&account.key.kind));
        if let Some(past) = past {
            let rules = past.rules.join("\", \"");
            let text = format!("{} moved; rule \"{rules}\" wished this account before, none does now", self.name(at));
            let reason = reason(ReasonKind::Mover, past.rules.first().map(String::as_str), text);
            self.suspend(Some(at), place, account, reason);
        } else if self.wishes.governs_connection(connection) && is_staff(account.key.kind) {
            let text = format!("{} holds an account in {connection} that no rule wishes", self.name(at));
            let identity = &self.graph.identity_at(at).id;
            self.findings.add(
                About::new(FindingKind::ExtraGrant, Severity::Medium)
                    .account(&account.key)
                    .identity(identity)
                    .topic("account"),
                text,
            );
        }
    }

    /// Returns what happened to the person, for a change of what they should hold.
    fn happened(&self, at: IdentityAt, connection: &ConnectionName) -> ReasonKind {
        let stay = self.graph.stay(at);
        let moved = self.wishes.pasts(at).next().is_some();
        match &stay.cause {
            StayCause::Decision { .. } => ReasonKind::Decision,
            _ if stay.returned => ReasonKind::Rehire,
            _ if moved || self.wishes.past(at, connection).is_some() => ReasonKind::Mover,
            _ => ReasonKind::Joiner,
        }
    }

    fn create(&mut self, spot: &Spot<'a>, wish: &'a Wish) {
        if let Some(because) = self.why_no_create(spot, wish) {
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
        self.propose(Proposal {
            connection: spot.connection.clone(),
            effect,
            identity: Some(spot.at),
            account: None,
            kind: wish.kind,
            changes,
            reason: reason(kind, rule, text),
            needs: Vec::new(),
            by_hand,
        });
    }

    fn here_since(&self, at: IdentityAt) -> String {
        let (identity, stay) = (self.graph.identity_at(at), self.graph.stay(at));
        match (&stay.cause, identity.start_date) {
            (StayCause::Decision { by }, _) => format!("joins by {by}'s decision"),
            (_, Some(date)) if stay.returned => format!("is back since {date}"),
            (_, Some(date)) if identity.state == crate::identity::IdentityState::Future => format!("starts on {date}"),
            (_, Some(date)) => format!("works here since {date}"),
            (_, None) => "works here".into(),
        }
    }

    /// Says why no account can be made, where something stands in the way besides missing values.
    fn why_no_create(&mut self, spot: &Spot<'a>, wish: &'a Wish) -> Option<String> {
        if self.graph.is_unsure(spot.at, spot.connection) {
            return Some("an account there may be theirs, which a person must say first (see the dispute)".into());
        }
        if let Some((word, unknown)) =
            wish.grants.iter().find_map(|(word, wished)| Some((word, wished.unknown.first()?)))
        {
            return Some(format!("{} has no single {word} \"{unknown}\"", spot.connection));
        }
        let address = self.graph.identity_at(spot.at).work_email()?;
        if self.is_shared(address) {
            return Some(format!("somebody else has the address {address} as well"));
        }
        let taken = self.with_login(spot.connection, address);
        let taken = taken.into_iter().find(|place| !self.is_of(*place, spot.at))?;
        let key = &self.graph.account_at(taken).key;
        Some(match self.graph.belonging_at(taken) {
            Belonging::Somebody(other, _) => format!("{key} of {} signs in with {address} already", self.name(other)),
            Belonging::Service(_) => format!("{key} signs in with {address} already and is set apart"),
            _ => format!("{key} signs in with {address} already and is nobody's"),
        })
    }

    fn tell_missing(&mut self, spot: &Spot<'a>, wish: &Wish, because: &str, missing: &[String]) {
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

    fn resume(&mut self, spot: &Spot<'a>, wish: &'a Wish, place: AccountAt, account: &'f Account) {
        let returned = self.graph.stay(spot.at).returned;
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
        let (effect, by_hand) = feasible(spot, Effect::Resume);
        let resumed = self.propose(Proposal {
            connection: spot.connection.clone(),
            effect,
            identity: Some(spot.at),
            account: Some(place),
            kind: account.key.kind,
            changes: Vec::new(),
            reason: reason(kind, rule, text),
            needs: Vec::new(),
            by_hand,
        });
        if effect == Effect::Resume {
            self.update(spot, wish, place, account, Moment::Return, Some(resumed));
        }
    }

    fn convert(&mut self, spot: &Spot<'a>, wish: &'a Wish, place: AccountAt, account: &'f Account) {
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
        self.propose(Proposal {
            connection: spot.connection.clone(),
            effect,
            identity: Some(spot.at),
            account: Some(place),
            kind: wish.kind,
            changes,
            reason: reason(kind, rule, text),
            needs: Vec::new(),
            by_hand,
        });
    }

    fn update(
        &mut self,
        spot: &Spot<'a>,
        wish: &'a Wish,
        place: AccountAt,
        account: &'f Account,
        moment: Moment,
        resumed: Option<usize>,
    ) {
        let by_fields = self.field_changes(spot, wish, account, moment);
        let single = self.single_grant_changes(spot, wish, account, moment);
        let rule = single.first().and_then(|(_, rule)| rule.as_deref()).map(str::to_owned);
        let mut changes: Vec<_> = single.into_iter().map(|(change, _)| change).collect();
        changes.extend(by_fields);
        changes.sort_by(|one, other| one.field.cmp(&other.field));
        let mut before = resumed;
        if !changes.is_empty() {
            let kind = self.changed(spot, rule.is_some());
            let names: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
            let text = match &rule {
                Some(rule) => format!(
                    "{}: {} differs from what rule \"{rule}\" and the sources say",
                    self.name(spot.at),
                    names.join(", ")
                ),
                None => format!("{}: {} differs from what the sources say", self.name(spot.at), names.join(", ")),
            };
            if spot.ability.effects.contains_key(&Effect::Update) {
                let proposal =
                    self.on_account(spot, Effect::Update, place, changes, reason(kind, rule.as_deref(), text), before);
                before = Some(self.propose(proposal));
            } else {
                self.tell_cannot(spot, account, Effect::Update, &names.join(", "));
            }
        }
        let Extras { grants, revokes } = self.set_changes(spot, wish, account);
        for (effect, changes) in [(Effect::Grant, grants), (Effect::Revoke, revokes)] {
            for (change, kind, rule, text) in changes {
                let possible =
                    [effect, Effect::Update].into_iter().find(|effect| spot.ability.effects.contains_key(effect));
                match possible {
                    Some(effect) => {
                        let reason = reason(kind, rule.as_deref(), text);
                        let proposal = self.on_account(spot, effect, place, vec![change], reason, before);
                        before = Some(self.propose(proposal));
                    }
                    None => self.tell_cannot(spot, account, effect, change.field.as_str()),
                }
            }
        }
    }

    /// Returns what happened to the person whose account is to change.
    pub(super) fn changed(&self, spot: &Spot<'a>, by_rule: bool) -> ReasonKind {
        let stay = self.graph.stay(spot.at);
        match () {
            () if stay.returned => ReasonKind::Rehire,
            () if self.wishes.pasts(spot.at).next().is_some() => ReasonKind::Mover,
            () if stay.changed && !by_rule => ReasonKind::Mover,
            () => ReasonKind::Drift,
        }
    }

    fn on_account(
        &self,
        spot: &Spot<'a>,
        effect: Effect,
        place: AccountAt,
        changes: Vec<crate::change::Change>,
        reason: crate::change::Reason,
        before: Option<usize>,
    ) -> Proposal {
        Proposal {
            connection: spot.connection.clone(),
            effect,
            identity: Some(spot.at),
            account: Some(place),
            kind: spot.kind,
            changes,
            reason,
            needs: before.into_iter().collect(),
            by_hand: None,
        }
    }

    pub(super) fn tell_cannot(&mut self, spot: &Spot<'a>, account: &Account, effect: Effect, what: &str) {
        let because = spot.ability.cannot.get(&effect).map_or_else(String::new, |because| format!(": {because}"));
        let text = format!(
            "{}: {what} should change in {}, which cannot {effect}{because}",
            self.name(spot.at),
            spot.connection
        );
        let identity = &self.graph.identity_at(spot.at).id;
        self.findings.add(
            About::new(FindingKind::UnsupportedChange, Severity::Medium)
                .account(&account.key)
                .identity(identity)
                .topic(what),
            text,
        );
    }

    pub(super) fn tell_duplicates(&mut self, at: IdentityAt, held: &[(AccountAt, &'f Account)]) {
        for pair in held.windows(2) {
            let ([(_, one), (_, other)], open) = (pair, |account: &Account| account.state.gives_access()) else {
                continue;
            };
            let same = one.key.connection == other.key.connection && one.key.kind == other.key.kind;
            if same && open(one) && open(other) {
                let text = format!("{} holds two accounts: {} and {}", self.name(at), one.key, other.key);
                let identity = &self.graph.identity_at(at).id;
                self.findings.add(
                    About::new(FindingKind::DuplicateAccount, Severity::Medium).account(&other.key).identity(identity),
                    text,
                );
            }
        }
    }
}

/// Returns the effect if the kind can do it, otherwise work for a person with the reason.
fn feasible(spot: &Spot<'_>, effect: Effect) -> (Effect, Option<String>) {
    match spot.ability.effects.contains_key(&effect) {
        true => (effect, None),
        false => (Effect::Manual, Some(by_hand(spot, effect))),
    }
}

fn by_hand(spot: &Spot<'_>, effect: Effect) -> String {
    let because = spot.ability.cannot.get(&effect).map_or("the app offers no way", String::as_str);
    format!("{effect} by hand: {because}")
}

/// Puts the most usable state first.
fn openness(state: AccountState) -> u8 {
    match state {
        AccountState::Active => 0,
        AccountState::Invited => 1,
        AccountState::Unknown => 2,
        AccountState::Suspended => 3,
        AccountState::Removed => 4,
    }
}

/// Puts the kind first that can do most.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Agent => 0,
        Kind::User => 1,
        Kind::Requester => 2,
        Kind::Contact => 3,
        Kind::Bot | Kind::Person => 4,
    }
}

/// Tells whether records of this kind are for people who work here, and not for customers or machines.
pub(super) fn is_staff(kind: Kind) -> bool {
    matches!(kind, Kind::Agent | Kind::User | Kind::Requester)
}
