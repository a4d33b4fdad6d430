//! What the tests against the sandbox share: a running sandbox, a connector to each of its vendors, and small words for
//! acts. The sandbox was written from the vendors' guides by other hands and shares no line with the connectors.
//! It holds no expectation of its own.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod fresh;
pub mod scim;
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
        Self::at(sandbox, wire, vendor, dialect)
    }

    /// Opens a scene in which some requests are answered before they reach the app.
    pub async fn refusing(vendor: Vendor, dialect: &'static str, refuse: wire::Refuse) -> Self {
        let scene = Self::of(vendor, dialect, 40).await;
        let wire = wire::Wire::refusing(&scene.sandbox, vendor, refuse).await;
        Self::at(scene.sandbox, wire, vendor, dialect)
    }

    fn at(sandbox: Sandbox, wire: wire::Wire, vendor: Vendor, dialect: &'static str) -> Self {
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
    pub mark: Option<String>,
}

/// Pulls everything from `start` on.
pub async fn pull_from(connector: &Connector, start: PullStart) -> Pulled {
    let mut stream = connector.pull(start);
    let mut pulled = Pulled {
        accounts: BTreeMap::new(),
        given: 0,
        checkpoints: Vec::new(),
        mark: None,
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
            PullEvent::End { coverage, because, mark, .. } => {
                (pulled.coverage, pulled.because, pulled.mark) = (coverage, because, mark);
            }
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
        entitlement: Some(EntitlementChange {
            kind: kind.into(),
            add: wished(add),
            remove: wished(remove),
            keep: Vec::new(),
        }),
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

/// A tenant of one vendor in one dialect, and a connector that speaks it.
pub struct Tenant {
    pub vendor: Vendor,
    pub dialect: &'static str,
    pub sandbox: Sandbox,
    pub connector: Connector,
}

/// Starts a tenant of a vendor in each dialect, with seats enough.
pub async fn both(vendor: Vendor) -> [Tenant; 2] {
    [tenant(vendor, "guide", 40).await, tenant(vendor, "live", 40).await]
}

/// Starts a tenant in a company of so many people.
pub async fn tenant(vendor: Vendor, dialect: &'static str, people: usize) -> Tenant {
    let word = if dialect == "live" { Dialect::Live } else { Dialect::Guide };
    let dialects = Dialects::default().with(vendor, word);
    let options = Options { limits: Limits::Off, people, dialects, ..Options::default() };
    let sandbox = tenure_sandbox::start(options).await.unwrap();
    sandbox.world().set_seats(vendor, 1000);
    let connector = connect_as(&sandbox, vendor, dialect);
    Tenant { vendor, dialect, sandbox, connector }
}

impl Tenant {
    /// Tells whether it speaks as the vendor's record has it.
    pub fn is_live(&self) -> bool {
        self.dialect == "live"
    }

    /// Counts the writes that were done.
    pub fn writes(&self) -> u64 {
        self.sandbox.statistics().of(self.vendor).writes
    }

    /// Returns the truth about somebody.
    pub fn truth(&self, email: &str) -> Value {
        self.sandbox.world().find(self.vendor, email).unwrap_or_else(|| panic!("{}: {email} is nobody", self.dialect))
    }

    /// Connects once more, with one secret that is another.
    pub fn with_secret(&self, name: &str, value: &str) -> Connector {
        let mut secrets = secrets(self.vendor);
        secrets.insert(name.to_owned(), value.to_owned().into());
        let settings = settings(&self.sandbox, self.vendor).speaking(self.dialect).unwrap();
        Connector::new(settings, secrets).unwrap()
    }

    /// Asks the vendor directly, past every connector; returns the status and the body.
    pub async fn ask(&self, request: &str, user: &str, password: &str) -> (u16, String) {
        use base64::Engine;
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let proof = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let (method, path) = request.split_once(' ').unwrap();
        let prefix = url::Url::parse(&self.sandbox.base_url(self.vendor)).unwrap().path().to_owned();
        let text = format!(
            "{method} {prefix}{path} HTTP/1.1\r\nhost: sandbox\r\nauthorization: Basic {proof}\r\nconnection: close\r\n\r\n"
        );
        let mut stream = tokio::net::TcpStream::connect(self.sandbox.addr()).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

/// Returns what a check found to be wrong.
pub async fn wrong(connector: &Connector) -> tenure_connect::CheckLine {
    let lines = connector.check().await;
    let bad = lines.iter().find(|line| line.ok == tenure_connect::Verdict::Bad);
    bad.unwrap_or_else(|| panic!("{lines:?}")).clone()
}

/// Connects with an app folder of the operator's own: the built-in one, with a line more under a heading of its manifest.
pub fn tailored(tenant: &Tenant, heading: &str, line: &str) -> Connector {
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps").join(tenant.vendor.name());
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("ourdesk");
    std::fs::create_dir(&own).unwrap();
    let text = std::fs::read_to_string(home.join("manifest.toml")).unwrap();
    let named = format!("app = \"{}\"", tenant.vendor.name());
    let text = text.replacen(&named, "app = \"ourdesk\"", 1);
    let text = text.replacen(&format!("\n{heading}\n"), &format!("\n{heading}\n{line}\n"), 1);
    assert!(text.contains(line));
    std::fs::write(own.join("manifest.toml"), text).unwrap();
    std::fs::copy(home.join("live.toml"), own.join("live.toml")).unwrap();
    let catalogue = Catalogue::load(&[folder.path().to_path_buf()]).unwrap();
    let manifest = catalogue.get("ourdesk").unwrap().manifest.clone();
    let settings = Settings { manifest, ..settings(&tenant.sandbox, tenant.vendor) };
    Connector::new(settings.speaking(tenant.dialect).unwrap(), secrets(tenant.vendor)).unwrap()
}
