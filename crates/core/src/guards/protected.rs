//! Holds every step on an account that must never be changed: the owner's, the credential's own.
//! Such a step would lock the company or the product itself out, and no approval should be able to.
//! Holds: a suspend of `owner@acme.example` when `[guards] protected` names it, and of the only holder of a role that the
//! manifest calls the owner's. Lets through: everybody else's, and one of two holders.

use super::{Held, Scene};
use crate::account::Account;
use crate::change::{FindingKind, Severity};
use crate::facts::ConnectionFacts;
use crate::finding::{About, Findings};

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let places = 0..scene.steps.len();
    places.filter_map(|at| Some((at, format!("{} is protected and never changed", protected(scene, at)?)))).collect()
}

/// Tells of the steps that are held as protected.
pub(super) fn tell(scene: &Scene<'_>, holds: &[Option<(&'static str, String)>], findings: &mut Findings) {
    for (at, hold) in holds.iter().enumerate() {
        let Some(login) = hold.as_ref().filter(|(guard, _)| *guard == "protected").and_then(|_| protected(scene, at))
        else {
            continue;
        };
        let step = &scene.steps[at];
        let text =
            format!("{} would {} the protected account {login}; it is never changed", step.connection, step.effect);
        let mut about =
            About::new(FindingKind::ProtectedAccount, Severity::Low).connection(&step.connection).topic(&login);
        if let Some(key) = &step.account_key {
            about = about.account(key);
        }
        if let Some(identity) = &step.identity {
            about = about.identity(identity);
        }
        findings.add(about, text);
    }
}

/// Returns the protected login that a step is about, if it is.
fn protected(scene: &Scene<'_>, at: usize) -> Option<String> {
    let step = &scene.steps[at];
    let own = scene.facts.connections.get(&step.connection)?;
    let nobody = scene.rules.guards.protected.is_empty()
        && scene.facts.connections.values().all(|connection| connection.abilities.protected_logins.is_empty());
    let mut kinds = own.abilities.kinds.values().flat_map(|kind| kind.entitlements.values());
    if nobody && kinds.all(|entitlement| entitlement.owners.is_empty()) {
        return None;
    }
    let account = step.account_key.as_ref().and_then(|_| account_of(scene, at));
    let named = if nobody { None } else { named(scene, at, account) };
    let owner = || account.filter(|account| owns(scene, account, own));
    named.or_else(|| owner().map(|account| account.login.as_deref().unwrap_or("the owner").to_lowercase()))
}

/// Returns the login of a step's account or person that is named as protected.
fn named(scene: &Scene<'_>, at: usize, account: Option<&Account>) -> Option<String> {
    let step = &scene.steps[at];
    let identity = step.identity.as_ref().and_then(|id| scene.graph.identity(id));
    let logins = account.into_iter().flat_map(|account| {
        let fields = account.fields.text("work_email").into_iter().chain(account.fields.text("email"));
        account.login.as_deref().into_iter().chain(fields)
    });
    let emails = identity.into_iter().flat_map(|identity| identity.emails.iter().map(|email| &**email));
    let own = scene.facts.connections.get(&step.connection).map(|connection| &connection.abilities.protected_logins);
    let is_protected = |login: &str| {
        let login = login.trim().to_lowercase();
        scene.rules.guards.protected.contains(&login)
            || own.is_some_and(|own| own.iter().any(|known| known.trim().to_lowercase() == login))
    };
    logins.chain(emails).find(|login| is_protected(login)).map(str::to_lowercase)
}

/// Tells whether an account is the only one that holds what only an owner holds.
fn owns(scene: &Scene<'_>, account: &Account, own: &ConnectionFacts) -> bool {
    let is_other = |other: &Account| {
        other.key != account.key && other.key.connection == account.key.connection && is_owner(other, own)
    };
    let beyond = || scene.facts.beyond.get(&account.key.connection).map_or(0, |census| census.owners);
    is_owner(account, own) && beyond() == 0 && !scene.facts.accounts.iter().any(is_other)
}

/// Tells whether an account gives access and holds what only an owner holds.
pub(crate) fn is_owner(account: &Account, own: &ConnectionFacts) -> bool {
    let ability = own.abilities.kinds.get(&account.key.kind);
    let entitlements = ability.into_iter().flat_map(|ability| ability.entitlements.values());
    let mut owned = entitlements.filter(|entitlement| !entitlement.owners.is_empty());
    account.state.gives_access()
        && owned.any(|entitlement| {
            account.grants_of(&entitlement.kind).any(|grant| entitlement.owners.contains(&grant.name))
        })
}

fn account_of<'a>(scene: &Scene<'a>, at: usize) -> Option<&'a Account> {
    let key = scene.steps[at].account_key.as_ref()?;
    let step = &scene.steps[at];
    match &step.identity {
        Some(id) => scene.graph.accounts_of(id).find(|account| account.key == *key),
        None => scene.graph.find_orphan(key),
    }
}
