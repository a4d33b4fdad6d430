//! Holds every step on an account that must never be changed: the owner's, the credential's own.
//! Such a step would lock the company or the product itself out, and no approval should be able to.
//! Holds: a suspend of `owner@acme.example` when `[guards] protected` names it. Lets through: everybody else's.

use super::{Held, Scene};
use crate::change::{FindingKind, Severity};
use crate::finding::{About, Findings};

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    protected(scene).map(|(at, login)| (at, format!("{login} is protected and never changed"))).collect()
}

pub(super) fn tell(scene: &Scene<'_>, findings: &mut Findings) {
    for (at, login) in protected(scene) {
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

fn protected<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = (usize, String)> + 'a {
    let nobody = scene.rules.guards.protected.is_empty()
        && scene.facts.connections.values().all(|connection| connection.abilities.protected_logins.is_empty());
    scene.steps.iter().enumerate().filter(move |_| !nobody).filter_map(|(at, step)| {
        let account = step.account_key.as_ref().and_then(|_| account_of(scene, at));
        let identity = step.identity.as_ref().and_then(|id| scene.graph.identity(id));
        let logins = account.into_iter().flat_map(|account| {
            account
                .login
                .as_deref()
                .into_iter()
                .chain(account.fields.text("work_email"))
                .chain(account.fields.text("email"))
        });
        let emails = identity.into_iter().flat_map(|identity| identity.emails.iter().map(|email| &**email));
        let own =
            scene.facts.connections.get(&step.connection).map(|connection| &connection.abilities.protected_logins);
        let is_protected = |login: &str| {
            let login = login.trim().to_lowercase();
            scene.rules.guards.protected.contains(&login)
                || own.is_some_and(|own| own.iter().any(|known| known.trim().to_lowercase() == login))
        };
        logins.chain(emails).find(|login| is_protected(login)).map(|login| (at, login.to_lowercase()))
    })
}

fn account_of<'a>(scene: &Scene<'a>, at: usize) -> Option<&'a crate::account::Account> {
    let key = scene.steps[at].account_key.as_ref()?;
    let step = &scene.steps[at];
    match &step.identity {
        Some(id) => scene.graph.accounts_of(id).find(|account| account.key == *key),
        None => scene.graph.orphans().find(|account| account.key == *key),
    }
}
