//! The rate budget of a connection, for whoever plans, shows or keeps it: what is spent, what waits, how long it takes.
//! The engine hands in a keeper and asks; the governor counts. Nothing here sends a request.

use super::Connector;
use crate::governor::{Governor, Keeper, Ledger, Parked, SystemClock, words};
use crate::settings::Settings;
use crate::transport::{Priority, host_and_port};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tenure_core::abilities::Effect;
use tenure_core::account::Kind;
use url::Url;

impl Connector {
    /// Returns by what name the budget of the tenant is known: connections to one tenant share it.
    pub fn tenant(&self) -> String {
        tenant(&self.0.settings, &self.0.base)
    }

    /// Goes on where other processes stopped, and has `keeper` keep what is spent from now on.
    ///
    /// # Errors
    /// It says why it cannot.
    pub async fn keep_with(&self, keeper: Arc<dyn Keeper>) -> Result<(), String> {
        self.0.governor.keep_with(keeper).await
    }

    /// Ends the work: tells the keeper what was sent last, and gives back what may still be sent.
    pub async fn hand_over(&self) {
        self.0.governor.hand_over().await;
    }

    /// Returns until when the connection is parked for requests of this urgency, if it is.
    pub fn parked(&self, priority: Priority) -> Option<Parked> {
        self.0.governor.parked(priority)
    }

    /// Tells whether requests are so few that what one brought is to be written down before the next one.
    pub fn is_scarce(&self) -> bool {
        !self.0.settings.rate_limits().kept.is_zero()
    }

    /// Returns how long so many more pages of a kind's list take at least.
    pub fn forecast(&self, kind: Option<Kind>, pages: u64) -> Duration {
        let list = kind.and_then(|kind| self.0.manifest().kinds.get(&kind)?.list.as_ref());
        self.0.governor.forecast(list.map(|list| list.path.as_str()), pages)
    }

    /// Says what the tenant's budget is, and what of it is spent where that is kept.
    pub fn budget(&self) -> String {
        let kept = self.0.governor.spent();
        let limits = self.0.settings.rate_limits();
        let said = limits.windows.iter().map(|window| {
            let spent = kept.iter().find(|(kept, _)| kept.per == window.per);
            spent.map_or_else(|| words(window), |(_, spent)| format!("{}, {spent} of them spent", words(window)))
        });
        let subs = limits
            .sub
            .iter()
            .flat_map(|sub| sub.windows.iter().map(|window| format!("{} for the {}", words(window), sub.name)));
        let mut said: Vec<String> = said.chain(subs).collect();
        if limits.usable_share() < 1.0 {
            said.push(format!("of which {:.0} % are ours", limits.usable_share() * 100.0));
        }
        if said.is_empty() { "none is known; the app's headers are followed".into() } else { said.join("; ") }
    }
}

/// Returns by what name the budget of a connection's tenant is known, if its settings name a tenant.
pub fn tenant_of(settings: &Settings) -> Option<String> {
    settings.base_url().ok().map(|base| tenant(settings, &base))
}

fn tenant(settings: &Settings, base: &Url) -> String {
    format!("{} at {}{}", settings.manifest.app, host_and_port(base), base.path().trim_end_matches('/'))
}

/// Returns how long it takes at least to carry out these effects on a connection, so many of each, when all that is
/// known is its settings and its ledger.
pub fn forecast(settings: &Settings, ledger: Ledger, effects: &BTreeMap<(Kind, Effect), u64>) -> Duration {
    let governor = Governor::new(settings.rate_limits(), Arc::new(SystemClock), 0);
    governor.know(ledger);
    let mut all = 0;
    let mut by_label: BTreeMap<&str, u64> = BTreeMap::new();
    for ((kind, effect), times) in effects {
        let Some(spec) = settings.manifest.kinds.get(kind) else { continue };
        all += times * u64::from(crate::abilities::requests_of(&settings.manifest, *kind, *effect));
        // A new account is looked for by its address, which some apps answer with a list.
        if let (Effect::Create, Some(list), true) = (*effect, &spec.list, spec.lookup.contains_key("email")) {
            *by_label.entry(&list.path).or_default() += times;
        }
    }
    let own = by_label.iter().map(|(label, times)| governor.forecast(Some(label), *times));
    own.fold(governor.forecast(None, all), Duration::max)
}
