//! What SCIM clients wish of a person, connection by connection: there their word stands in the place of the rules'.
//! Accounts are made, resumed and changed as for a rule; what a client puts out is suspended, with its name as the reason.
//! Whether somebody who left may be let in was settled before: no wish of that sort comes here.

use super::{Diffing, reason};
use crate::account::Account;
use crate::change::ReasonKind;
use crate::correlate::{AccountAt, IdentityAt};
use crate::decide::{ClientStanding, Standing};
use crate::name::ConnectionName;

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    /// Tells whether a client speaks of the person's account in this connection.
    pub(super) fn is_demanded(&self, at: IdentityAt, connection: &ConnectionName) -> bool {
        self.wishes.demands(at).is_some_and(|demands| demands.contains_key(connection))
    }

    pub(super) fn demanded(&mut self, at: IdentityAt, held: &[(AccountAt, &'f Account)]) {
        let wishes = self.wishes;
        for (connection, demand) in wishes.demands(at).into_iter().flatten() {
            if !self.is_asked_target(connection) {
                continue;
            }
            let from = held.partition_point(|(_, account)| account.key.connection < *connection);
            let to = held.partition_point(|(_, account)| account.key.connection <= *connection);
            let here = &held[from..to];
            let is_there =
                here.iter().any(|(_, account)| account.key.kind == demand.wish.kind && account.state.gives_access());
            let by_rules =
                wishes.standing(at) == Standing::Present && wishes.bundle(at).wishes.contains_key(connection);
            match demand.standing {
                ClientStanding::Suspended => self.shut_out(at, &demand.client, here),
                standing if !is_there && !standing.makes(by_rules) => {}
                ClientStanding::Present | ClientStanding::IfThere => {
                    if let Some(spot) = self.spot(at, connection, demand.wish.kind) {
                        self.wished(spot, &demand.wish, here);
                    }
                }
            }
        }
    }

    fn shut_out(&mut self, at: IdentityAt, client: &str, here: &[(AccountAt, &'f Account)]) {
        for (place, account) in here {
            if account.state.gives_access() && account.key.kind.is_staff() {
                let text =
                    format!("{client} wishes that {} has no access to {}", self.name(at), account.key.connection);
                self.suspend(Some(at), *place, account, reason(ReasonKind::Decision, Some(client), text));
            }
        }
    }
}
