//! People who are here: what is done with each of their accounts, and which of them should be different or no more.
//! A suspended account is resumed before another kind is converted, and only then is one made: never two.

use super::fields::Moment;
use super::grants::{Extras, Single};
use super::{Diffing, Proposal, Spot, reason};
use crate::abilities::Effect;
use crate::account::{Account, AccountState, Kind};
use crate::change::{Change, FindingKind, ReasonKind, Severity};
use crate::correlate::{AccountAt, IdentityAt};
use crate::decide::Wish;
use crate::finding::About;
use crate::policy::GrantRule;

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    pub(super) fn present(&mut self, at: IdentityAt, held: &[(AccountAt, &'f Account)]) {
        let bundle = self.wishes.bundle(at);
        for (connection, wish) in &bundle.wishes {
            if !self.is_asked_target(connection) || self.is_demanded(at, connection) {
                continue;
            }
            let Some(spot) = self.spot(at, connection, wish.kind) else { continue };
            // What is held is sorted by connection.
            let from = held.partition_point(|(_, account)| account.key.connection < *connection);
            let to = held.partition_point(|(_, account)| account.key.connection <= *connection);
            self.wished(spot, wish, &held[from..to]);
        }
        for (place, account) in held {
            let connection = &account.key.connection;
            if !bundle.wishes.contains_key(connection) && !self.is_demanded(at, connection) {
                self.unwished(at, *place, account);
            }
        }
    }

    pub(super) fn wished(&mut self, spot: Spot<'a>, wish: &'a Wish, here: &[(AccountAt, &'f Account)]) {
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
                self.update(&spot, wish, *place, account, Moment::Standing, None);
                self.beyond(&spot, here, wish.kind);
            }
            (None, Some((place, account)), ..) => self.resume(&spot, wish, *place, account),
            (None, None, Some((place, account)), _) => self.convert(&spot, wish, *place, account),
            (None, None, None, Some((place, account))) => self.lesser(&spot, wish, *place, account),
            (None, None, None, None) => match here.iter().find(|(_, account)| is_asleep(account, wish.kind)) {
                Some((_, account)) => self.tell_asleep(&spot, wish, account),
                None => self.missing.push((spot, wish)),
            },
        }
    }

    /// Says that the record of a mightier kind which was put out still holds the address: there is no second one for it, and
    /// letting that one in again would give more than is wished (FS-20).
    fn tell_asleep(&mut self, spot: &Spot<'a>, wish: &Wish, account: &Account) {
        let cannot = spot.ability.cannot.get(&Effect::Convert);
        let cannot = cannot.map_or("make one of it in the app's own pages", String::as_str);
        let because = format!("{} is theirs and {}, and keeps the address; {cannot}", account.key, account.state);
        self.tell_missing(spot, wish, &because, &[]);
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

    pub(super) fn tell_beyond(&mut self, spot: &Spot<'a>, account: &Account) {
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
        } else if self.wishes.governs_connection(connection) && account.key.kind.is_staff() {
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

    pub(super) fn update(
        &mut self,
        spot: &Spot<'a>,
        wish: &Wish,
        place: AccountAt,
        account: &'f Account,
        moment: Moment,
        resumed: Option<usize>,
    ) {
        self.tell_unread(spot, wish, account, moment);
        if spot.ability.by_hand.contains_key(&Effect::Update) && !spot.ability.effects.contains_key(&Effect::Update) {
            return self.update_by_hand(spot, wish, place, account, moment);
        }
        let by_fields = self.field_changes(spot, wish, account, moment);
        self.untold_changes(spot, wish, account);
        let single = self.single_grant_changes(spot, wish, account, moment);
        let (rules, by_sources) = rules_of(&single, &by_fields, wish);
        let rule = rules.first().map(|rule| (*rule).to_owned());
        let kind = self.changed(spot, &rules, by_sources);
        let mut changes: Vec<_> = single.into_iter().map(|(change, _)| change).collect();
        changes.extend(by_fields);
        changes.sort_by(|one, other| one.field.cmp(&other.field));
        let mut before = resumed;
        if !changes.is_empty() {
            let names: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
            let says = match &rule {
                Some(rule) => format!("rule \"{rule}\" and the sources say"),
                None => "the sources say".into(),
            };
            let text = format!("{}: {} differs from what {says}", self.name(spot.at), names.join(", "));
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
            for (change, kind, rule, text, by_hand) in changes {
                let possible =
                    [effect, Effect::Update].into_iter().find(|effect| spot.ability.effects.contains_key(effect));
                match possible {
                    Some(_) if by_hand.is_some() => {
                        let reason = reason(kind, rule.as_deref(), text);
                        let proposal = self.on_account(spot, Effect::Manual, place, vec![change], reason, before);
                        self.propose(Proposal { by_hand, ..proposal });
                    }
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

    /// Leaves all that should be different in an account as one piece of work: who imports a row writes the whole of it.
    fn update_by_hand(&mut self, spot: &Spot<'a>, wish: &Wish, place: AccountAt, account: &'f Account, moment: Moment) {
        let single = self.single_grant_changes(spot, wish, account, moment);
        let Extras { grants, revokes } = self.set_changes(spot, wish, account);
        let by_fields = self.field_changes(spot, wish, account, moment);
        let (mut rules, by_sources) = rules_of(&single, &by_fields, wish);
        rules.extend(grants.iter().filter_map(|(.., rule, _, _)| rule.as_deref()));
        let rule = rules.first().map(|rule| (*rule).to_owned());
        let kind = self.changed(spot, &rules, by_sources);
        let mut changes: Vec<_> = single.into_iter().map(|(change, _)| change).collect();
        changes.extend(by_fields);
        for (change, ..) in grants.into_iter().chain(revokes) {
            match changes.iter_mut().find(|known| known.field == change.field) {
                Some(known) => join_sets(known, change),
                None => changes.push(change),
            }
        }
        let untold = self.untold_changes(spot, wish, account);
        if changes.is_empty() {
            return;
        }
        changes.extend(untold);
        changes.sort_by(|one, other| one.field.cmp(&other.field));
        let names: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        let text = format!("{}: {} differs from what is wished", self.name(spot.at), names.join(", "));
        let reason = reason(kind, rule.as_deref(), text);
        let by_hand = Some(super::make::by_hand(Some(spot.ability), Effect::Update));
        let proposal = self.on_account(spot, Effect::Manual, place, changes, reason, None);
        self.propose(Proposal { by_hand, ..proposal });
    }

    /// Returns what happened to the person whose account is to change by these rules, or by what the sources say: who fits
    /// a rule that they did not fit before has moved, too.
    pub(super) fn changed(&self, spot: &Spot<'a>, rules: &[&str], by_sources: bool) -> ReasonKind {
        let stay = self.graph.stay(spot.at);
        let gained = |(at, rule): (usize, &GrantRule)| {
            rules.contains(&rule.name.as_str()) && self.wishes.has_gained(spot.at, at)
        };
        match () {
            () if self.graph.has_returned(spot.at) => ReasonKind::Rehire,
            () if self.wishes.pasts(spot.at).next().is_some() => ReasonKind::Mover,
            () if stay.changed && by_sources => ReasonKind::Mover,
            () if self.rules.grants.iter().enumerate().any(gained) => ReasonKind::Mover,
            () => ReasonKind::Drift,
        }
    }

    pub(super) fn on_account(
        &self,
        spot: &Spot<'a>,
        effect: Effect,
        place: AccountAt,
        changes: Vec<Change>,
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
            after: Vec::new(),
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

/// Returns the rules by which single grants and fields are to change, and whether the sources have a part in it.
fn rules_of<'w>(single: &'w [Single], by_fields: &[Change], wish: &'w Wish) -> (Vec<&'w str>, bool) {
    let of_field = |change: &Change| wish.fields.get(&change.field).map(|wished| wished.rule.as_str());
    let by_sources = by_fields.iter().any(|change| of_field(change).is_none());
    let rules = single.iter().map(|(_, rule)| rule.as_str()).chain(by_fields.iter().filter_map(of_field)).collect();
    (rules, by_sources)
}

/// Joins what is added to a set and what is taken from it into one change.
fn join_sets(known: &mut Change, other: Change) {
    known.after = other.after;
    if let (Some(known), Some(other)) = (&mut known.entitlement, other.entitlement) {
        known.add.extend(other.add);
        known.remove.extend(other.remove);
    }
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

/// Tells whether an account was put out that can do more than one of the wished kind.
fn is_asleep(account: &Account, wished: Kind) -> bool {
    account.state == AccountState::Suspended && rank(account.key.kind) < rank(wished)
}
