//! Everything that a verb stands on, opened once: configuration, policy, store, catalogue, and a connector for each
//! connection that is asked for.
//! Connectors are built when they are first needed, so that reading the store needs no secret.
//! It knows every connection by name and none by app.

use crate::chance::Chance;
use crate::clock::Clock;
use crate::config::{Config, ConnectionConfig};
use crate::dialect::Dialect;
use crate::drain::Drain;
use crate::error::EngineError;
use crate::own::Protecting;
use crate::reload::Reload;
use crate::signals::Signer;
use crate::unproven::{Refused, forget, refused, without};
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, SystemTime};
use tenure_connect::file::{Download, FileError, newest};
use tenure_connect::transport::Carrier;
use tenure_connect::{
    BudgetSpec, CONNECTION_KEYS, Catalogue, ConnectError, Connector, ErrorKind, HttpPolicy, Manifest, Memory, Settings,
    Surroundings, abilities_of,
};
use tenure_core::abilities::{Abilities, Standing};
use tenure_core::account::{AccountKey, AccountState};
use tenure_core::name::ConnectionName;
use tenure_core::place::nearest;
use tenure_core::policy::Policy;
use tenure_store::{AccountFilter, Store};

const MEMORY_PAGE: usize = 1000;

/// Everything that a verb stands on.
pub struct House {
    /// What `tenure.toml` says.
    pub config: Config,
    /// What `policy.toml` says.
    pub policy: Policy,
    /// Where facts are kept.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Where ids and keys that nobody can guess come from.
    pub chance: Chance,
    /// Whether this process is to end.
    pub drain: Drain,
    /// Whether this process is to read its files anew.
    pub reload: Reload,
    /// The apps there are.
    pub catalogue: Catalogue,
    /// Findings that were judged a moment ago.
    pub(crate) kept: crate::answer::Kept,
    /// The key by which this process signs what it tells others.
    pub(crate) signer: tokio::sync::OnceCell<Signer>,
    connections: BTreeMap<ConnectionName, Connection>,
    carrier: Option<Arc<dyn Carrier>>,
}

/// One configured connection.
pub struct Connection {
    /// Its settings as the file says them.
    settings: Settings,
    config: ConnectionConfig,
    spoken: RwLock<Spoken>,
    protecting: Protecting,
    /// Held while a reader is built, so that a tenant has one governor only.
    building: tokio::sync::Mutex<()>,
}

/// A connection in the dialect that its tenant speaks, as far as that is known.
struct Spoken {
    settings: Settings,
    abilities: Arc<Abilities>,
    /// What was taken out of them.
    refused: Refused,
    reader: Option<Reader>,
}

impl Connection {
    /// Returns the least seconds in which so many requests are permitted by the limits that the operator wrote; nothing
    /// where none are written.
    pub(crate) fn floor_seconds(&self, requests: u64) -> Option<f64> {
        let limits = self.settings.limits.is_some().then(|| self.settings.rate_limits())?;
        Some(limits.floor(requests).as_secs_f64())
    }

    fn new(settings: Settings, config: ConnectionConfig) -> Self {
        let spoken = RwLock::new(Spoken::new(settings.clone(), Refused::new()));
        let building = tokio::sync::Mutex::default();
        Self { settings, config, spoken, protecting: Protecting::default(), building }
    }

    /// Returns what it can do.
    pub fn abilities(&self) -> Arc<Abilities> {
        self.spoken().abilities.clone()
    }

    /// Adds an account to those of it that are never changed.
    pub(crate) fn protecting(&self, login: &str, abilities: Arc<Abilities>) -> Arc<Abilities> {
        self.protecting.add(login, abilities)
    }

    /// Tells whether it is a file that is read.
    fn is_file(&self) -> bool {
        self.settings.manifest.file.is_some()
    }

    /// Tells whether its tenant's dialect has to be found out.
    pub fn asks_dialect(&self) -> bool {
        self.settings.asks_dialect()
    }

    /// Returns its settings in the dialect that its tenant speaks.
    pub(crate) fn settings(&self) -> Settings {
        self.spoken().settings.clone()
    }

    fn spoken(&self) -> RwLockReadGuard<'_, Spoken> {
        self.spoken.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn speak(&self, settings: Settings, refused: Refused) {
        *self.spoken.write().unwrap_or_else(PoisonError::into_inner) = Spoken::new(settings, refused);
    }

    /// Speaks as its tenant was noted to answer, and takes out of what it can do what its tenant refused.
    fn hear(&self, noted: Option<Dialect>, refused: Refused) {
        if self.asks_dialect()
            && let Some(noted) = noted
            && !noted.is_of(&self.settings())
            && let Some(settings) = noted.of(&self.settings)
        {
            self.speak(settings, Refused::new());
        }
        let mut spoken = self.spoken.write().unwrap_or_else(PoisonError::into_inner);
        if spoken.refused != refused && spoken.settings.manifest.promises_less() {
            spoken.abilities = Arc::new(without(abilities_of(&spoken.settings), &refused));
            spoken.refused = refused;
        }
    }

    /// Returns what it is read with, where that was built already.
    fn known_reader(&self) -> Option<Reader> {
        self.spoken().reader.clone()
    }

    fn keep(&self, reader: &Reader) {
        self.spoken.write().unwrap_or_else(PoisonError::into_inner).reader = Some(reader.clone());
    }
}

impl Spoken {
    fn new(settings: Settings, refused: Refused) -> Self {
        let abilities = Arc::new(without(abilities_of(&settings), &refused));
        Self { abilities, refused, settings, reader: None }
    }
}

/// What a connection is read with.
#[derive(Clone)]
pub enum Reader {
    /// An app that is asked over HTTP.
    App(Arc<Connector>),
    /// A file.
    File(Arc<FileSource>),
    /// Nothing: its people are pushed to us.
    Pushed,
}

/// A source that is a file.
#[derive(Debug)]
pub struct FileSource {
    /// Where it lies.
    pub place: FilePlace,
    /// Columns whose headers differ: our name = theirs.
    pub map: BTreeMap<String, String>,
}

/// Where a file lies.
#[derive(Debug)]
pub enum FilePlace {
    /// Here, or in this folder the newest.
    Path(PathBuf),
    /// At an address.
    Url(Box<Download>),
}

impl FileSource {
    /// Returns the file on this machine that is read at this moment; nothing for one that is fetched.
    ///
    /// # Errors
    /// It is a folder in which no file can be chosen.
    pub fn local(&self, now_ms: i64) -> Result<Option<PathBuf>, FileError> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).unwrap_or_default());
        match &self.place {
            FilePlace::Url(_) => Ok(None),
            FilePlace::Path(path) if path.is_dir() => newest(path, now).map(Some),
            FilePlace::Path(path) => Ok(Some(path.clone())),
        }
    }
}

impl House {
    /// Opens the house that the file at `path` describes.
    ///
    /// # Errors
    /// A file is wrong, or the store cannot be opened.
    #[boxed]
    pub async fn open(path: &Path, clock: Clock) -> Result<Self, EngineError> {
        Self::open_within(path, clock, Chance::system(), None).await
    }

    /// As [`House::open`], with a chance of the caller's, and with requests carried by something else than the network
    /// where there is a `carrier`.
    ///
    /// # Errors
    /// As [`House::open`].
    #[boxed]
    pub async fn open_within(
        path: &Path,
        clock: Clock,
        chance: Chance,
        carrier: Option<Arc<dyn Carrier>>,
    ) -> Result<Self, EngineError> {
        let config = Config::read(path)?;
        let catalogue = catalogue(&config)?;
        let connections = connections(&config, &catalogue)?;
        let policy = read_policy(&config)?;
        let store = Store::open(&config.store_url()).await?;
        let unsettled = speak_as_noted(&store, &connections, clock.now_ms()).await?;
        check_policy(&policy, &connections, &unsettled)?;
        let (drain, reload) = (Drain::default(), Reload::default());
        let (kept, signer) = Default::default();
        Ok(Self { config, policy, store, clock, chance, drain, reload, catalogue, kept, signer, connections, carrier })
    }

    /// Lists the names of all connections, sources first, in the order of the file.
    pub fn names(&self) -> Vec<ConnectionName> {
        let mut names: Vec<_> = self.config.connections.iter().collect();
        names.sort_by_key(|(_, connection)| !connection.source);
        names.into_iter().map(|(name, _)| ConnectionName::new(name)).collect()
    }

    /// Returns one connection.
    ///
    /// # Errors
    /// The file has none of that name.
    pub fn connection(&self, name: &str) -> Result<&Connection, EngineError> {
        self.connections.get(name).ok_or_else(|| self.config.no_connection(name))
    }

    /// Lists the connections that are asked for, or all.
    ///
    /// # Errors
    /// One of them does not exist.
    pub fn asked(&self, names: &[String]) -> Result<Vec<ConnectionName>, EngineError> {
        if names.is_empty() { Ok(self.names()) } else { self.config.asked(names) }
    }

    /// Lists what every connection can do.
    pub fn abilities(&self) -> BTreeMap<ConnectionName, Arc<Abilities>> {
        self.connections.iter().map(|(name, connection)| (name.clone(), connection.abilities())).collect()
    }

    /// Tells whether people hold accounts in a connection.
    pub fn is_target(&self, name: &ConnectionName) -> bool {
        self.connections.get(name).is_some_and(|connection| connection.abilities().standing == Standing::Target)
    }

    /// Tells whether the people of a connection are pushed to us.
    pub fn is_pushed(&self, name: &ConnectionName) -> bool {
        self.connections.get(name).is_some_and(|connection| connection.settings.manifest.pushed.is_some())
    }

    /// Returns what a connection is read with, built at first use.
    ///
    /// # Errors
    /// A secret cannot be read, or the settings do not fit the app.
    #[boxed]
    pub async fn reader(&self, name: &ConnectionName) -> Result<Reader, EngineError> {
        let connection = self.connection(name.as_str())?;
        let _building = connection.building.lock().await;
        if let Some(reader) = &connection.spoken().reader {
            return Ok(reader.clone());
        }
        let reader = self.build_reader(name, connection).await?;
        connection.keep(&reader);
        Ok(reader)
    }

    /// Returns what a connection is read with as its tenant was found to answer.
    pub(crate) async fn speak(&self, name: &ConnectionName, found: &Dialect) -> Result<Reader, EngineError> {
        let connection = self.connection(name.as_str())?;
        if !found.is_of(&connection.settings())
            && let Some(settings) = found.of(&connection.settings)
        {
            forget(&self.store, name).await?;
            connection.speak(settings, Refused::new());
        }
        self.reader(name).await
    }

    /// Takes in what other processes found out of all tenants since this one opened: which dialect each speaks, and what it
    /// refused. Whoever judges does this first, or a plan of another process would be judged by what this one no longer
    /// knows to be so.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn hear(&self) -> Result<(), EngineError> {
        let mut dialects = Dialect::all_noted(&self.store).await?;
        let mut refusals = crate::unproven::all_refused(&self.store, self.clock.now_ms()).await?;
        for (name, connection) in &self.connections {
            connection.hear(dialects.remove(name), refusals.remove(name).unwrap_or_default());
        }
        Ok(())
    }

    /// As [`hear`](Self::hear), of one connection, with what became of its accounts: also since what it is read with was
    /// built, for whoever waited for their turn meanwhile.
    ///
    /// # Errors
    /// The store failed, or a secret cannot be read.
    pub(crate) async fn catch_up(&self, name: &ConnectionName) -> Result<(), EngineError> {
        let connection = self.connection(name.as_str())?;
        let noted = Dialect::noted(&self.store, name).await?;
        connection.hear(noted, refused(&self.store, name, self.clock.now_ms()).await?);
        if let Some(Reader::App(connector)) = connection.known_reader()
            && connector.asks_memory()
        {
            connector.remember(self.memories(name).await?);
        }
        Ok(())
    }

    /// Ends the work with this house: leaves word for the process that comes next, and closes the store.
    #[boxed]
    pub async fn close(&self) {
        for connection in self.connections.values() {
            if let Some(Reader::App(connector)) = connection.known_reader() {
                connector.hand_over().await;
            }
        }
        self.store.close().await;
    }

    #[boxed]
    async fn build_reader(&self, name: &ConnectionName, connection: &Connection) -> Result<Reader, EngineError> {
        let config = &connection.config;
        if connection.settings.manifest.pushed.is_some() {
            return Ok(Reader::Pushed);
        }
        if connection.is_file() {
            return Ok(Reader::File(Arc::new(self.build_file(name, connection)?)));
        }
        let secrets = crate::scim::read_secrets(name, config, &connection.settings.manifest, &self.config.folder)?;
        let settings = connection.spoken().settings.clone();
        let connector = Connector::within(settings, secrets, self.surroundings()?)
            .map_err(|source| misfit(&self.config, name.as_str(), source))?;
        crate::budget::keep(self, name, &connector).await?;
        crate::access::share(self, name, &connector)?;
        if connector.asks_memory() {
            connector.remember(self.memories(name).await?);
        }
        Ok(Reader::App(Arc::new(connector)))
    }

    fn build_file(&self, name: &ConnectionName, connection: &Connection) -> Result<FileSource, EngineError> {
        let (config, settings) = (&connection.config, &connection.settings);
        let misplaced = |message: String, hint: &str| {
            let hint = Some(hint.to_owned());
            EngineError::from(self.config.misplaced(&["connections", name.as_str()], message, hint))
        };
        let place = match (&config.path, &config.url) {
            (Some(path), None) => FilePlace::Path(self.config.beside(path)),
            (None, Some(_)) => {
                let secrets = crate::scim::read_secrets(name, config, &settings.manifest, &self.config.folder)?;
                let Surroundings { clock, carrier, .. } = self.surroundings()?;
                let download = Download::new(settings, &secrets.rest, clock, carrier);
                FilePlace::Url(Box::new(download.map_err(|source| misfit(&self.config, name.as_str(), source))?))
            }
            (None, None) => {
                let message = format!("`{name}` reads a file, and no `path` is given");
                return Err(misplaced(message, "such as path = \"people.csv\", or a `url`"));
            }
            (Some(_), Some(_)) => {
                return Err(misplaced(format!("`{name}` has a `path` and a `url`"), "leave one of them out"));
            }
        };
        Ok(FileSource { place, map: config.map.clone() })
    }

    /// What a connector stands in: the house's time, its chance, and the road that requests take.
    fn surroundings(&self) -> Result<Surroundings, EngineError> {
        let seed = u64::from_le_bytes(self.chance.bytes()?);
        Ok(Surroundings { clock: Arc::new(self.clock.clone()), carrier: self.carrier.clone(), seed })
    }

    /// Says of each account what was known of it last, for apps whose flags do not tell an invitation from a
    /// suspension.
    async fn memories(&self, name: &ConnectionName) -> Result<Vec<(AccountKey, Memory)>, EngineError> {
        let filter = AccountFilter::of(name.clone());
        let mut memories = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.accounts(&filter, after, MEMORY_PAGE).await?;
            memories.extend(page.accounts.into_iter().filter_map(|observed| {
                let memory = memory_of(observed.account.state)?;
                Some((observed.account.key, memory))
            }));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(memories),
            }
        }
    }
}

/// Says what is known of an account by the state in which it was seen last.
pub(crate) fn memory_of(state: AccountState) -> Option<Memory> {
    match state {
        AccountState::Active => Some(Memory::WasActive),
        AccountState::Invited => Some(Memory::Made),
        AccountState::Suspended => Some(Memory::PutOut),
        AccountState::Removed | AccountState::Unknown => None,
    }
}

/// Turns an error about settings into one that points at the file, where it names a key.
fn misfit(config: &Config, name: &str, error: ConnectError) -> EngineError {
    match &error.field {
        Some(field) if error.kind == ErrorKind::Configuration => {
            config.misplaced(&["connections", name, field], error.text.clone(), error.hint.clone()).into()
        }
        _ => EngineError::Connect { connection: name.to_owned(), source: Box::new(error) },
    }
}

/// Loads the built-in apps and those of the folders that the configuration names, `apps` beside it among them.
pub fn catalogue(config: &Config) -> Result<Catalogue, EngineError> {
    let mut folders: Vec<PathBuf> = config.apps.iter().map(|folder| config.beside(folder)).collect();
    let beside = config.beside(Path::new("apps"));
    if beside.is_dir() && !folders.contains(&beside) {
        folders.push(beside);
    }
    Ok(Catalogue::load(&folders)?)
}

fn connections(config: &Config, catalogue: &Catalogue) -> Result<BTreeMap<ConnectionName, Connection>, EngineError> {
    let mut connections = BTreeMap::new();
    let mut rank = 0;
    for (name, connection) in &config.connections {
        let standing = if connection.source { Standing::Source(rank) } else { Standing::Target };
        rank += usize::from(connection.source);
        let settings = settings(config, catalogue, name, connection, standing)?;
        let settings = match settings.dialect.as_deref() {
            Some(dialect) if dialect != "auto" => settings.speaking(dialect).unwrap_or(settings),
            _ => settings,
        };
        connections.insert(ConnectionName::new(name), Connection::new(settings, connection.clone()));
    }
    check_sso(config, &connections)?;
    Ok(connections)
}

/// Refuses a file as what signs people in: nobody has a session there.
fn check_sso(config: &Config, connections: &BTreeMap<ConnectionName, Connection>) -> Result<(), EngineError> {
    for (name, connection) in connections {
        let sso = connection.settings.sso.as_ref();
        if let Some(sso) = sso.filter(|sso| connections.get(*sso).is_some_and(Connection::is_file)) {
            let message = format!("`sso` names {:?}, which is a file: nobody signs in there", sso.as_str());
            let hint = "name the identity provider that signs people in, such as a connection to okta".to_owned();
            return Err(config.misplaced(&["connections", name.as_str(), "sso"], message, Some(hint)).into());
        }
    }
    Ok(())
}

fn read_policy(config: &Config) -> Result<Policy, EngineError> {
    let path = config.beside(&config.policy);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Policy::parse(&text, &path.display().to_string())?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && config.policy == Path::new("policy.toml") => {
            Ok(Policy::default())
        }
        Err(because) => Err(crate::config::ConfigError::Unreadable { path, because }.into()),
    }
}

fn settings(
    config: &Config,
    catalogue: &Catalogue,
    name: &str,
    connection: &ConnectionConfig,
    standing: Standing,
) -> Result<Settings, EngineError> {
    let manifest = find_app(config, catalogue, name, connection)?;
    let mut settings = Settings::new(ConnectionName::new(name), manifest, standing);
    settings.url.clone_from(&connection.url);
    settings.parameters = parameters(config, name, connection, &settings)?;
    settings.plan.clone_from(&connection.plan);
    settings.share = connection.share;
    settings.limits = connection.limits.as_ref().map(|limits| BudgetSpec {
        per_second: limits.per_second,
        per_minute: limits.per_minute,
        per_hour: limits.per_hour,
        per_day: limits.per_day,
        concurrent: limits.concurrent,
        ..BudgetSpec::default()
    });
    settings.seats = connection.seats;
    settings.allow_http = if connection.allow_http { HttpPolicy::Anywhere } else { HttpPolicy::LoopbackOnly };
    settings.dialect.clone_from(&connection.dialect);
    settings.owner.clone_from(&connection.owner);
    settings.sso = connection.sso.as_deref().map(ConnectionName::new);
    settings.scim = connection.scim.as_ref().map(crate::scim::settings);
    let settings = settings.customized(connection.custom.clone()).map_err(|error| misfit(config, name, error))?;
    settings.check().map_err(|error| misfit(config, name, error))?;
    Ok(settings)
}

fn find_app(
    config: &Config,
    catalogue: &Catalogue,
    name: &str,
    connection: &ConnectionConfig,
) -> Result<Arc<Manifest>, EngineError> {
    catalogue.resolve(&connection.app, &config.folder).map(|app| app.manifest).map_err(|error| {
        if error.line > 0 {
            return error.into();
        }
        config.misplaced(&["connections", name, "app"], error.message, error.hint).into()
    })
}

/// Takes the further keys of a connection; each must be one that the app's URL pattern asks for.
fn parameters(
    config: &Config,
    name: &str,
    connection: &ConnectionConfig,
    settings: &Settings,
) -> Result<BTreeMap<String, String>, EngineError> {
    let base = settings.manifest.base.as_ref();
    let asked: Vec<&str> = base.iter().flat_map(|base| base.parameters.keys()).map(String::as_str).collect();
    let mut parameters = BTreeMap::new();
    for (key, value) in &connection.parameters {
        if !asked.contains(&key.as_str()) {
            let known: Vec<&str> = CONNECTION_KEYS.iter().copied().chain(asked.iter().copied()).collect();
            let hint = nearest(key, &known).map(|near| format!("did you mean `{near}`?"));
            let message = format!("unknown key `{key}` of a connection to {}", settings.manifest.app);
            return Err(config.misplaced(&["connections", name, key], message, hint).into());
        }
        let toml::Value::String(text) = value else {
            let message = format!("`{key}` must be a text");
            return Err(config.misplaced(&["connections", name, key], message, None).into());
        };
        parameters.insert(key.clone(), text.clone());
    }
    crate::scim::check_secrets(config, name, connection, settings)?;
    for secret in connection.secrets.keys() {
        let known: Vec<&str> = settings.manifest.secrets.keys().map(String::as_str).collect();
        if !known.contains(&secret.as_str()) {
            let hint = nearest(secret, &known).map_or_else(
                || format!("{} asks for {}", settings.manifest.app, known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("unknown secret `{secret}`");
            return Err(config.misplaced(&["connections", name, "secrets", secret], message, Some(hint)).into());
        }
    }
    Ok(parameters)
}

/// Lets each connection speak the dialect that was found of its tenant, and lists those of which none was found yet.
async fn speak_as_noted(
    store: &Store,
    connections: &BTreeMap<ConnectionName, Connection>,
    now_ms: i64,
) -> Result<Vec<ConnectionName>, EngineError> {
    let mut unsettled = Vec::new();
    for (name, connection) in connections {
        let mut settings = connection.settings.clone();
        if connection.asks_dialect() {
            match Dialect::noted(store, name).await? {
                Some(noted) => settings = noted.of(&settings).unwrap_or(settings),
                None => unsettled.push(name.clone()),
            }
        }
        if settings.manifest.promises_less() {
            connection.speak(settings.clone(), refused(store, name, now_ms).await?);
        } else if settings.manifest.dialect != connection.settings.manifest.dialect || settings.offers.is_some() {
            connection.speak(settings, Refused::new());
        }
    }
    Ok(unsettled)
}

/// Checks the words of the policy against what the connections can do. Where a tenant's dialect is not known yet, a
/// word is good that any of them has.
fn check_policy(
    policy: &Policy,
    connections: &BTreeMap<ConnectionName, Connection>,
    unsettled: &[ConnectionName],
) -> Result<(), EngineError> {
    let mut abilities: BTreeMap<_, _> =
        connections.iter().map(|(name, connection)| (name.clone(), connection.abilities())).collect();
    let mut problems = policy.check(&abilities);
    for name in unsettled {
        let settings = &connections[name].settings;
        for further in &settings.manifest.further {
            let Some(settings) = settings.speaking(&further.dialect) else { continue };
            let own = abilities.insert(name.clone(), Arc::new(abilities_of(&settings)));
            let others = policy.check(&abilities);
            problems.retain(|problem| others.contains(problem));
            abilities.extend(own.map(|own| (name.clone(), own)));
        }
    }
    match problems.into_iter().next() {
        Some(problem) => Err(problem.into()),
        None => Ok(()),
    }
}
