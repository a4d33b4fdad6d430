//! People who hold a mightier record than is wished, where the app turns nobody back: a mover from an agent's job to a
//! requester's. The turning is work for a person; what the earlier job gave is taken back at once, as far as the app can.
//! Who is mightier by no wish of ours is said, and only what the policy takes from everybody is taken.

use super::fields::Moment;
use super::make::by_hand;
use super::{Diffing, Proposal, Spot, reason};
use crate::abilities::Effect;
use crate::account::Account;
use crate::change::ReasonKind;
use crate::correlate::AccountAt;
use crate::decide::Wish;

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    pub(super) fn lesser(&mut self, spot: &Spot<'a>, wish: &Wish, place: AccountAt, account: &'f Account) {
        self.tell_beyond(spot, account);
        let Some(held) = self.spot(spot.at, spot.connection, account.key.kind) else { return };
        let wish = as_held(wish, spot, &held);
        self.update(&held, &wish, place, account, Moment::Standing, None);
        let past = self.wishes.past(spot.at, spot.connection).filter(|past| past.kinds.contains(&account.key.kind));
        let Some(past) = past else { return };
        let text = format!(
            "{} moved; {} is wished now, no {} any more",
            self.name(spot.at),
            spot.kind.with_article(),
            account.key.kind
        );
        let reason = reason(ReasonKind::Mover, past.rules.first().map(String::as_str), text);
        let by_hand = Some(by_hand(Some(spot.ability), Effect::Convert));
        let proposal = self.on_account(spot, Effect::Manual, place, Vec::new(), reason, None);
        self.propose(Proposal { by_hand, ..proposal });
    }
}

/// Returns what a wish for one kind of record asks of another kind: what both know.
fn as_held(wish: &Wish, spot: &Spot<'_>, held: &Spot<'_>) -> Wish {
    let mut wish = Wish { kind: held.kind, ..wish.clone() };
    wish.fields.retain(|field, _| held.ability.fields.contains_key(field));
    wish.grants.retain(|word, _| {
        let kind = spot.ability.entitlements.get(word).map(|ability| &ability.kind);
        held.ability.entitlements.get(word).is_some_and(|ability| Some(&ability.kind) == kind)
    });
    wish
}
