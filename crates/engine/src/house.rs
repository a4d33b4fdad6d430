//! Everything that a verb stands on, opened once: configuration, policy, store, catalogue, and a connector for each
//! connection that is asked for.
//! Connectors are built when they are first needed, so that reading the store needs no secret.
//! It knows every connection by name and none by app.

use crate::clock::Clock;
use crate::config::{Config, ConnectionConfig};
use crate::error::EngineError;
use crate::secrets::read_secret;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tenure_connect::{Catalogue, Connector, Settings, abilities_of};
use tenure_core::abilities::{Abilities, Standing};
use tenure_core::name::ConnectionName;
use tenure_core::policy::Policy;
use tenure_store::Store;
use tokio::sync::OnceCell;

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
    /// The apps there are.
    pub catalogue: Catalogue,
    connections: BTreeMap<ConnectionName, Connection>,
}

/// One configured connection.
pub struct Connection {
    /// Its settings, secrets not among them.
    pub settings: Settings,
    /// What it can do.
    pub abilities: Arc<Abilities>,
    config: ConnectionConfig,
    connector: OnceCell<Arc<Connector>>,
}

impl House {
    /// Opens the house that the file at `path` describes.
    ///
    /// # Errors
    /// A file is wrong, or the store cannot be opened.
    pub async fn open(path: &Path, clock: Clock) -> Result<Self, EngineError> {
        let config = Config::read(path)?;
        let catalogue = catalogue(&config)?;
        let connections = connections(&config, &catalogue)?;
        let policy = read_policy(&config)?;
        check_policy(&policy, &connections)?;
        let store = Store::open(&config.store_url()).await?;
        Ok(Self { config, policy, store, clock, catalogue, connections })
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
        self.connections.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.config.connections.keys().map(String::as_str).collect();
            let hint = tenure_core::place::nearest(name, &known)
                .map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
            EngineError::Asked(format!("no connection is named {name:?}; {hint}"))
        })
    }

    /// Lists the connections that are asked for, or all.
    ///
    /// # Errors
    /// One of them does not exist.
    pub fn asked(&self, names: &[String]) -> Result<Vec<ConnectionName>, EngineError> {
        if names.is_empty() {
            return Ok(self.names());
        }
        names.iter().map(|name| self.connection(name).map(|_| ConnectionName::new(name))).collect()
    }

    /// Lists what every connection can do.
    pub fn abilities(&self) -> BTreeMap<ConnectionName, Arc<Abilities>> {
        self.connections.iter().map(|(name, connection)| (name.clone(), connection.abilities.clone())).collect()
    }

    /// Tells whether people hold accounts in a connection.
    pub fn is_target(&self, name: &ConnectionName) -> bool {
        self.connections.get(name).is_some_and(|connection| connection.abilities.standing == Standing::Target)
    }

    /// Returns the connector of a connection, built at first use.
    ///
    /// # Errors
    /// A secret cannot be read, or the settings do not fit the app.
    pub async fn connector(&self, name: &ConnectionName) -> Result<Arc<Connector>, EngineError> {
        let connection = self.connection(name.as_str())?;
        let built = connection.connector.get_or_try_init(|| async {
            let mut secrets = BTreeMap::new();
            for (secret, place) in &connection.config.secrets {
                secrets.insert(secret.clone(), read_secret(name.as_str(), secret, place, &self.config.folder)?);
            }
            Connector::new(connection.settings.clone(), secrets).map(Arc::new).map_err(|source| EngineError::Connect {
                connection: name.to_string(),
                source: Box::new(source),
            })
        });
        Ok(built.await?.clone())
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
        let abilities = Arc::new(abilities_of(&settings));
        let connection =
            Connection { settings, abilities, config: connection.clone(), connector: OnceCell::new() };
        connections.insert(ConnectionName::new(name), connection);
    }
    Ok(connections)
}

fn read_policy(config: &Config) -> Result<Policy, EngineError> {
    let path = config.beside(&config.policy);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Policy::parse(&text, &path.display().to_string())?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && config.policy == Path::new("policy.toml") => {
            Ok(Policy::default())
        }
        Err(source) => Err(crate::config::ConfigError::Unreadable { path, source }.into()),
    }
}
