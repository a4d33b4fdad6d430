//! What the tests against the sandbox share: a running sandbox, a connector to each of its vendors, and small words for
//! acts. The sandbox was written from the vendors' guides by other hands and shares no line with the connectors.
//! It holds no expectation of its own.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod wire;

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_connect::{
    Act, Catalogue, ConnectError, Connector, Look, LookupBy, Performed, Priority, PullEvent, PullStart, Settings,
};
use tenure_core::abilities::{Effect, Standing};
use tenure_core::account::{Account, AccountKey, Kind};
use tenure_core::change::{Change, EntitlementChange, WishedGrant};
use tenure_core::facts::Coverage;
use tenure_core::name::{ConnectionName, FieldName};
use tenure_sandbox::{Dialect, Dialects, Limits, Options, Sandbox, Vendor};

/// Starts a sandbox without rate limits.
pub async fn sandbox() -> Sandbox {
    sandbox_of(40).await
}

/// Starts a sandbox of so many people.
pub async fn sandbox_of(people: usize) -> Sandbox {
    tenure_sandbox::start(Options { limits: Limits::Off, people, ..Options::default() }).await.unwrap()
}

/// Starts a sandbox whose vendors answer as their own records have it, as far as they are imitated.
pub async fn live_sandbox(vendors: &[Vendor]) -> Sandbox {
    let dialects = vendors.iter().fold(Dialects::default(), |all, vendor| all.with(*vendor, Dialect::Live));
    tenure_sandbox::start(Options { limits: Limits::Off, dialects, ..Options::default() }).await.unwrap()
}

/// Connects to one vendor of the sandbox in a dialect.
pub fn connect_as(sandbox: &Sandbox, vendor: Vendor, dialect: &str) -> Connector {
    let settings = settings(sandbox, vendor).speaking(dialect).unwrap();
    Connector::new(settings, secrets(vendor)).unwrap()
}

/// Returns the credential that the vendor's imitation accepts.
pub fn secrets(vendor: Vendor) -> BTreeMap<String, secrecy::SecretString> {
    let pairs: &[(&str, &str)] = match vendor {
        Vendor::Gorgias => &[("email", tenure_sandbox::GORGIAS_EMAIL), ("token", tenure_sandbox::GORGIAS_TOKEN)],
        Vendor::Gladly => &[("username", tenure_sandbox::GLADLY_USERNAME), ("secret", tenure_sandbox::GLADLY_SECRET)],
        Vendor::Freshdesk => &[("api_key", tenure_sandbox::FRESHDESK_API_KEY)],
        Vendor::Freshservice => &[("api_key", tenure_sandbox::FRESHSERVICE_API_KEY)],
        Vendor::Gainsight => &[("access_key", tenure_sandbox::GAINSIGHT_ACCESS_KEY)],
    };
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into())).collect()
}

/// Returns the settings of a connection to one vendor of the sandbox.
pub fn settings(sandbox: &Sandbox, vendor: Vendor) -> Settings {
    let catalogue = Catalogue::load(&[]).unwrap();
    let app = catalogue.get(vendor.name()).unwrap();
    let mut settings = Settings::new(ConnectionName::new(vendor.name()), app.manifest.clone(), Standing::Target);
    settings.url = Some(sandbox.base_url(vendor));
    settings.limits = Some(tenure_connect::BudgetSpec { per_second: Some(100_000.0), ..Default::default() });
    settings
}

/// Connects to one vendor of the sandbox.
pub fn connect(sandbox: &Sandbox, vendor: Vendor) -> Connector {
    Connector::new(settings(sandbox, vendor), secrets(vendor)).unwrap()
}

/// One vendor in one dialect, a wire before it, and a connector at its end.
pub struct Scene {
    pub sandbox: Sandbox,
    pub wire: wire::Wire,
    pub connector: Connector,
    pub vendor: Vendor,
    pub dialect: &'static str,
}

impl Scene {
    /// Opens a scene of so many people.
    pub async fn of(vendor: Vendor, dialect: &'static str, people: usize) -> Self {
        let dialects = Dialects::default().with(vendor, if dialect == "live" { Dialect::Live } else { Dialect::Guide });
        let options = Options { limits: Limits::Off, people, dialects, ..Options::default() };
        let sandbox = tenure_sandbox::start(options).await.unwrap();
        sandbox.world().set_seats(vendor, 1000);
        let wire = wire::Wire::before(&sandbox, vendor).await;
        let mut settings = settings(&sandbox, vendor);
        settings.url = Some(wire.url.clone());
        let connector = Connector::new(settings.speaking(dialect).unwrap(), secrets(vendor)).unwrap();
        Self { sandbox, wire, connector, vendor, dialect }
    }

    /// Returns another connector at the end of the same wire, with other secrets.
    pub fn with_secrets(&self, other: &[(&str, &str)]) -> Connector {
        let mut settings = settings(&self.sandbox, self.vendor);
        settings.url = Some(self.wire.url.clone());
        let mut secrets = secrets(self.vendor);
        secrets.extend(other.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into())));
        Connector::new(settings.speaking(self.dialect).unwrap(), secrets).unwrap()
    }

    /// Returns the record of a person as the app has it.
    pub fn truth(&self, person: &str) -> Value {
        let email = format!("{person}@acme.example");
        self.sandbox.world().find(self.vendor, &email).unwrap_or_else(|| panic!("{email} is not there"))
    }

    /// Finds a person's account.
    pub async fn find(&self, kind: Kind, person: &str) -> Account {
        find_one(&self.connector, kind, &format!("{person}@acme.example")).await
    }

    /// Returns what `check` says is bad, all in one text.
    pub async fn complaints(connector: &Connector) -> String {
        let lines = connector.check().await.into_iter();
        let bad = lines.filter(|line| line.ok == tenure_connect::Verdict::Bad).map(|line| line.says);
        bad.collect::<Vec<_>>().join("\n")
    }
}

/// Returns settings that name an app and no place, in one of its dialects.
pub fn bare_settings(vendor: Vendor, dialect: &str) -> Settings {
    let app = Catalogue::load(&[]).unwrap().get(vendor.name()).unwrap().manifest.clone();
    Settings::new(ConnectionName::new(vendor.name()), app, Standing::Target).speaking(dialect).unwrap()
}

/// What a pull came to.
pub struct Pulled {
    pub accounts: BTreeMap<AccountKey, Account>,
    pub given: usize,
    pub checkpoints: Vec<String>,
    pub coverage: Coverage,
    pub because: Option<String>,
}

/// Pulls everything from `start` on.
pub async fn pull_from(connector: &Connector, start: PullStart) -> Pulled {
    let mut stream = connector.pull(start);
    let mut pulled = Pulled {
        accounts: BTreeMap::new(),
        given: 0,
        checkpoints: Vec::new(),
        coverage: Coverage::Partial,
        because: Some("no end".into()),
    };
    while let Some(event) = stream.next().await {
        match event {
            PullEvent::Page { accounts, checkpoint, .. } => {
                pulled.given += accounts.len();
                pulled.accounts.extend(accounts.into_iter().map(|account| (account.key.clone(), account)));
                pulled.checkpoints.push(checkpoint);
            }
            PullEvent::End { coverage, because, .. } => (pulled.coverage, pulled.because) = (coverage, because),
        }
    }
    pulled
}

/// Pulls everything.
pub async fn pull(connector: &Connector) -> Pulled {
    pull_from(connector, PullStart::default()).await
}

/// Finds exactly one account of a kind.
pub async fn find_one(connector: &Connector, kind: Kind, email: &str) -> Account {
    match connector.find(kind, LookupBy::Email(email)).await {
        Look::Found(mut found) if found.len() == 1 => found.remove(0),
        other => panic!("{email}: {other:?}"),
    }
}

/// Reads an account that has to be there.
pub async fn read(connector: &Connector, key: &AccountKey) -> Account {
    match connector.read(key).await {
        Look::Found(account) => *account,
        other => panic!("{key}: {other:?}"),
    }
}

/// Returns a change of a field.
pub fn field(name: &str, after: impl Into<Value>) -> Change {
    Change { field: FieldName::new(name), before: None, after: after.into(), entitlement: None, refers_to: None }
}

/// Returns a change that adds and removes grants by name; `name@scope` has a scope.
pub fn grants(word: &str, kind: &str, add: &[&str], remove: &[&str]) -> Change {
    let wished = |names: &[&str]| -> Vec<WishedGrant> {
        names
            .iter()
            .map(|name| {
                let (name, scope) = name.split_once('@').map_or((*name, None), |(name, scope)| (name, Some(scope)));
                WishedGrant { name: name.into(), scope: scope.map(Into::into), privileged: false }
            })
            .collect()
    };
    Change {
        field: FieldName::new(word),
        before: None,
        after: Value::from(add.to_vec()),
        entitlement: Some(EntitlementChange { kind: kind.into(), add: wished(add), remove: wished(remove) }),
        refers_to: None,
    }
}

/// Performs an effect.
pub async fn perform(
    connector: &Connector,
    effect: Effect,
    kind: Kind,
    account: Option<&AccountKey>,
    changes: &[Change],
) -> Result<Performed, ConnectError> {
    connector.perform(&Act { effect, kind, account, changes, priority: Priority::Write }).await
}

/// Returns the names of the grants of a kind.
pub fn held(account: &Account, kind: &str) -> Vec<String> {
    let kind = kind.into();
    let mut names: Vec<String> = account.grants_of(&kind).map(|grant| grant.name.to_string()).collect();
    names.sort();
    names
}

/// Shares a catalogue's manifest.
pub fn manifest(text: &str) -> Arc<tenure_connect::Manifest> {
    Arc::new(tenure_connect::Manifest::parse(text, "manifest.toml").unwrap())
}
