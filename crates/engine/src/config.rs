//! `tenure.toml`: which store, which connections, which server. Read once at the start of a command and checked as a
//! whole; every error has its line and the nearest known key.
//! It knows where secrets lie, never what they are: `secrets` reads them when a connector is built.

use crate::error::EngineError;
use crate::notify::ReceiverConfig;
use crate::openid::OidcConfig;
use crate::rhythm::Rhythm;
use crate::signals::SsfConfig;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tenure_connect::ScimUse;
use tenure_core::name::ConnectionName;
use tenure_core::place::{Misplaced, keys_at, misplaced_key, nearest, read_toml};
use tenure_core::policy::Delay;

/// What `tenure.toml` says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where observations, decisions and the journal are kept.
    #[serde(default)]
    pub store: StoreConfig,
    /// Where the daemon listens.
    #[serde(default)]
    pub server: ServerConfig,
    /// Who is told of what needs a person, each receiver under a name of your choice.
    #[serde(default)]
    pub notify: BTreeMap<String, ReceiverConfig>,
    /// How the journal is kept from being forged.
    #[serde(default)]
    pub journal: JournalConfig,
    /// The policy file, relative to this file.
    #[serde(default = "policy_default")]
    pub policy: PathBuf,
    /// Folders with further apps beside the built-in ones, relative to this file.
    #[serde(default)]
    pub apps: Vec<PathBuf>,
    /// One entry per tenant of an app, under a name of your choice. Sources have authority in this order.
    #[serde(default)]
    pub connections: IndexMap<String, ConnectionConfig>,
    /// The folder in which the file lies.
    #[serde(skip)]
    #[schemars(skip)]
    pub folder: PathBuf,
    /// The file itself.
    #[serde(skip)]
    #[schemars(skip)]
    pub file: PathBuf,
    /// Its text, for errors that are found later.
    #[serde(skip)]
    #[schemars(skip)]
    pub text: String,
}

/// `[store]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite:FILE`, relative to this file, or `postgres://user@host/db`.
    #[serde(default = "store_default")]
    pub url: String,
    /// Where the key lies with which secrets are sealed that several processes share: 64 hex digits, as `tenure key new`
    /// prints them. Without one, no such secret is kept.
    pub key: Option<SecretPlace>,
    /// Where the key before it lies, until `tenure key rotate` has sealed everything anew.
    pub key_before: Option<SecretPlace>,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: store_default(), key: None, key_before: None }
    }
}

fn store_default() -> String {
    "sqlite:tenure.db".into()
}

/// `[journal]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JournalConfig {
    /// Where the journal's end is written down outside of the store; nowhere unless said.
    pub anchor: Option<AnchorConfig>,
    /// How often, such as `1h`, when something was done meanwhile.
    pub anchor_every: Option<String>,
}

/// `[journal] anchor`: one place or several.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnchorConfig {
    /// A file to which a line is added, relative to this file; better on another machine.
    pub file: Option<PathBuf>,
    /// An address to which each anchor is sent as JSON.
    pub webhook: Option<String>,
    /// A syslog socket of this machine (`/dev/log`), or `host:port` over UDP.
    pub syslog: Option<String>,
    /// Whether the webhook may be a private address, or plain http.
    #[serde(default)]
    pub allow_private: bool,
}

/// `[server]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// The address on which the daemon listens.
    pub listen: Option<String>,
    /// The address under which people and apps reach it.
    pub public_url: Option<String>,
    /// The certificate with which it speaks TLS itself; without, a proxy before it does.
    pub tls: Option<TlsConfig>,
    /// How long a SCIM client waits for what becomes of its wish, such as `20s` or `1m`; 20 seconds unless said.
    pub scim_wait: Option<String>,
    /// How much one SCIM client may ask of one process.
    #[serde(default)]
    pub scim_limits: ScimLimits,
    /// An OpenTelemetry collector to which each command and each step is told as a span, such as
    /// `http://collector:4318`; nowhere unless said.
    pub otlp: Option<String>,
    /// OpenID providers by which people sign in to the console, each under a name of your choice.
    #[serde(default)]
    pub oidc: BTreeMap<String, OidcConfig>,
    /// Shared signals: who is told when access is taken away, and by which key that is signed.
    #[serde(default)]
    pub ssf: SsfConfig,
}

/// `[server] scim_limits`: how much the bearer of one token may ask of one process. What is more waits for its turn, and
/// is refused with 429 where that takes longer than `wait_s`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScimLimits {
    /// Requests that are answered at the same time; 50 unless said.
    pub at_once: u32,
    /// Requests a second, of which a second's worth may come at once; 10000 unless said.
    pub per_second: u32,
    /// How many KiB one request may have; 1024 unless said.
    pub body_kib: u32,
    /// For how many seconds a request waits for its turn; 15 unless said.
    pub wait_s: u32,
}

impl Default for ScimLimits {
    fn default() -> Self {
        Self { at_once: 50, per_second: 10_000, body_kib: 1024, wait_s: 15 }
    }
}

impl ScimLimits {
    /// Names a limit that permits nothing, or more than there is room for, and what it may be.
    fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let within = [
            ("at_once", (1..=10_000).contains(&self.at_once), "from 1 to 10000"),
            ("per_second", (1..=1_000_000).contains(&self.per_second), "from 1 to 1000000"),
            ("body_kib", (1..=65_536).contains(&self.body_kib), "from 1 to 65536"),
            ("wait_s", self.wait_s <= 50, "up to 50: the clients themselves wait for a minute"),
        ];
        within.into_iter().find(|(_, is_good, _)| !is_good).map(|(key, _, hint)| (key, hint))
    }
}

/// `[server] tls`: two files in PEM, which are read again when they change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate, with those that vouch for it behind it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// `[connections.NAME]`: one tenant of an app.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ConnectionConfig {
    /// The app's name in the catalogue, or a folder with a manifest.
    pub app: String,
    /// Whether the connection says who should be here.
    #[serde(default)]
    pub source: bool,
    /// The base URL, where the app's pattern does not fit (a sandbox, a proxy).
    pub url: Option<String>,
    /// The file of a source that is a file.
    pub path: Option<PathBuf>,
    /// The plan, which chooses the published rate limit.
    pub plan: Option<String>,
    /// The share of the tenant's rate budget that may be used, above 0 and up to 1.
    pub share: Option<f64>,
    /// A rate limit that overrides the published one.
    pub limits: Option<LimitsConfig>,
    /// Licences bought, where the app does not tell.
    pub seats: Option<u64>,
    /// `auto`, or a dialect that the manifest names.
    pub dialect: Option<String>,
    /// Which source connection signs people in here.
    pub sso: Option<String>,
    /// Who does by hand what the app cannot be asked to do.
    pub owner: Option<String>,
    /// Attributes that an admin of the tenant has defined: the policy's word → the app's key.
    #[serde(default)]
    pub custom: BTreeMap<String, String>,
    /// How often `tenure serve` reads it, such as `15m`, `2h` or `1d`; `never` by itself.
    pub every: Option<String>,
    /// When `tenure serve` reads it, as a cron pattern such as `0 */2 * * *`, instead of `every`.
    pub schedule: Option<String>,
    /// Hours in which it is not read by itself, such as `22:00-06:00`.
    pub quiet: Option<String>,
    /// The time zone of `schedule` and `quiet`, such as `Europe/Berlin`; UTC unless said.
    pub time_zone: Option<String>,
    /// Accepts `http://` for an address that is not loopback.
    #[serde(default)]
    pub allow_http: bool,
    /// Where each secret lies.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretPlace>,
    /// Columns of a file whose headers differ: our name = theirs.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// The app's SCIM surface as a way to write beside REST, with a credential of its own; off without it.
    pub scim: Option<ScimConfig>,
    /// What the app's URL pattern asks for (`account`, `domain`, `org`), and its further keys.
    #[serde(flatten)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub parameters: BTreeMap<String, toml::Value>,
}

/// `limits = { per_second = 5 }`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests a second.
    pub per_second: Option<f64>,
    /// Requests a minute.
    pub per_minute: Option<f64>,
    /// Requests an hour.
    pub per_hour: Option<f64>,
    /// Requests a day.
    pub per_day: Option<f64>,
    /// Requests that may be open at the same time.
    pub concurrent: Option<u32>,
}

/// `[connections.NAME.scim]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScimConfig {
    /// The SCIM base URL, where the app's own does not fit.
    pub url: Option<String>,
    /// Where OAuth tokens are issued, where the app's own address does not fit.
    pub token_url: Option<String>,
    /// The identity provider that signs people in to the app, such as `Okta`.
    pub provider: Option<String>,
    /// What SCIM is used for: `fields` and `grants` that REST cannot change, and `suspend`, which REST can. The first
    /// two by default.
    #[serde(rename = "use")]
    pub uses: Option<BTreeSet<ScimUse>>,
    /// Where its own secrets lie: `token`, or `client_id` and `client_secret`.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretPlace>,
}

/// Where a secret lies. Never the secret itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretPlace {
    /// An environment variable.
    Env(String),
    /// A file whose whole text, without the last line break, is the secret.
    File(PathBuf),
    /// A program that prints the secret.
    Command(Vec<String>),
}

/// How long a SCIM client waits unless the file says otherwise: clients give up after a minute.
const SCIM_WAIT: Duration = Duration::from_secs(20);
const SCIM_WAIT_MAX: Duration = Duration::from_secs(300);

fn policy_default() -> PathBuf {
    "policy.toml".into()
}

/// Why `tenure.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or cannot be read.
    #[error("read {path}: {because}\n  hint: `tenure init` writes one; --config PATH or TENURE_CONFIG names another")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        because: std::io::Error,
    },
    /// The file says something that it cannot say.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
}

/// Says what to do where a secret itself seems to stand in the file, or where a place says nothing of where one lies.
/// A key is told only where it is nearly one that is known: it may be the secret.
fn misplaced_secret(wrong: Misplaced, text: &str) -> Misplaced {
    let before: usize = text.split_inclusive('\n').take(wrong.line.saturating_sub(1)).map(str::len).sum();
    let way = keys_at(text, before + wrong.column.saturating_sub(1));
    let Some(at) = way.iter().skip(2).position(|key| key == "secrets").map(|at| at + 2) else { return wrong };
    let place: Vec<&str> = way.iter().take(at + 2).map(String::as_str).collect();
    let hint = "say where the secret lies: { env = \"NAME\" }, { file = \"PATH\" } or { command = [\"pass\", \"show\", \"x\"] }";
    let says = |keys: &[&str], message: String, hint: &str| {
        misplaced_key(text, &wrong.path, keys, message, Some(hint.to_owned()))
    };
    let file: toml::Table = text.parse().unwrap_or_default();
    let value = place[1..].iter().try_fold(file.get(place[0]), |value, key| Some(value?.get(key)));
    let Some(toml::Value::Table(said)) = value.flatten().filter(|_| place.len() > at + 1) else {
        let message = "a secret never stands in this file; if one did, issue another".into();
        return Misplaced { message, hint: Some(hint.into()), ..wrong };
    };
    if let Some(key) = said.keys().find(|key| !SECRET_PLACES.contains(&key.as_str())) {
        let Some(near) = nearest(key, &SECRET_PLACES) else {
            return says(
                &place,
                "a key says where this secret lies that is none of env, file and command".into(),
                hint,
            );
        };
        let keys: Vec<&str> = place.iter().copied().chain([key.as_str()]).collect();
        return says(&keys, format!("unknown key `{key}` of a secret"), &format!("did you mean `{near}`?"));
    }
    match said.len() {
        1 => wrong,
        0 => says(&place, "nothing says where this secret lies".into(), hint),
        _ => {
            let keys: Vec<&str> = said.keys().map(String::as_str).collect();
            let message = format!("this secret has {}; only one of them may be given", keys.join(" and "));
            says(&place, message, "leave all but one out")
        }
    }
}

/// The keys of a secret's place.
const SECRET_PLACES: [&str; 3] = ["env", "file", "command"];

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, has an unknown key or a value of the wrong type.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|because| ConfigError::Unreadable { path: path.to_path_buf(), because })?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let config = Self::parse(&text, path)?;
        Ok(Self { folder: folder.to_path_buf(), ..config })
    }

    /// Checks `text` as the content of the file at `path`.
    ///
    /// # Errors
    /// As [`Config::read`], without reading.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Misplaced> {
        let mut config: Config =
            read_toml(text, &path.display().to_string()).map_err(|wrong| misplaced_secret(wrong, text))?;
        config.file = path.to_path_buf();
        config.text = text.to_owned();
        config.scim_wait()?;
        config.check_scim_limits()?;
        config.check_otlp()?;
        config.check_providers()?;
        config.check_receivers()?;
        config.check_signals()?;
        for (name, connection) in &config.connections {
            config.check_connection(name, connection)?;
            config.rhythm(name)?;
        }
        Ok(config)
    }

    /// Returns `path` as seen from the file's folder.
    pub fn beside(&self, path: &Path) -> PathBuf {
        if path.is_absolute() { path.to_path_buf() } else { self.folder.join(path) }
    }

    /// Returns the store's address, with a relative SQLite file placed beside the configuration.
    pub fn store_url(&self) -> String {
        match self.store.url.strip_prefix("sqlite:") {
            Some(file) if !file.starts_with(":memory:") => {
                let file = file.strip_prefix("//").unwrap_or(file);
                format!("sqlite:{}", self.beside(Path::new(file)).display())
            }
            _ => self.store.url.clone(),
        }
    }

    /// Returns how often the journal is anchored; once an hour unless said, `None` for never by itself.
    ///
    /// # Errors
    /// The file says it in words that mean no time.
    pub fn anchor_every(&self) -> Result<Option<Delay>, Misplaced> {
        let Some(text) = &self.journal.anchor_every else { return Ok(Some(Delay::hours(1))) };
        Delay::parse(text).ok_or_else(|| {
            let message = format!("`anchor_every` is {text:?}, which is no time");
            self.misplaced(&["journal", "anchor_every"], message, Some("such as \"1h\", \"1d\" or \"never\"".into()))
        })
    }

    /// Returns how long a SCIM client waits for what becomes of its wish.
    ///
    /// # Errors
    /// The file says it in words that mean no time, or more than five minutes.
    pub fn scim_wait(&self) -> Result<Duration, Misplaced> {
        let Some(text) = &self.server.scim_wait else { return Ok(SCIM_WAIT) };
        let number = |unit: char| text.strip_suffix(unit).and_then(|number| number.trim().parse::<u64>().ok());
        let seconds = number('s').or_else(|| number('m').map(|minutes| minutes.saturating_mul(60)));
        seconds.map(Duration::from_secs).filter(|wait| *wait <= SCIM_WAIT_MAX).ok_or_else(|| {
            let message = format!("`scim_wait` is {text:?}, which is no time of up to five minutes");
            self.misplaced(&["server", "scim_wait"], message, Some("such as \"20s\" or \"1m\"".into()))
        })
    }

    fn check_scim_limits(&self) -> Result<(), Misplaced> {
        let Some((key, hint)) = self.server.scim_limits.wrong() else { return Ok(()) };
        let message = format!("`scim_limits` has no such `{key}`");
        Err(self.misplaced(&["server", "scim_limits", key], message, Some(hint.into())))
    }

    fn check_otlp(&self) -> Result<(), Misplaced> {
        let Some(address) = &self.server.otlp else { return Ok(()) };
        if address.starts_with("http://") || address.starts_with("https://") {
            return Ok(());
        }
        let message = "`otlp` is no address of a collector".to_owned();
        Err(self.misplaced(&["server", "otlp"], message, Some("such as \"http://127.0.0.1:4318\"".into())))
    }

    /// Returns how often a connection is read, as the file says it: the outer nothing where it says nothing, the inner
    /// one for `never`.
    ///
    /// # Errors
    /// The file says it in words that mean no time.
    pub fn every(&self, name: &str) -> Result<Option<Option<Delay>>, Misplaced> {
        let Some(text) = self.connections.get(name).and_then(|connection| connection.every.as_deref()) else {
            return Ok(None);
        };
        match Delay::parse(text) {
            Some(every) if every.is_none_or(|every| every.as_ms() > 0) => Ok(Some(every)),
            _ => {
                let message = format!("`every` is {text:?}, which is no time between two reads");
                let hint = "such as \"15m\", \"2h\", \"1d\" or \"never\"".to_owned();
                Err(self.misplaced(&["connections", name, "every"], message, Some(hint)))
            }
        }
    }

    /// Returns when a connection is read by itself, as the file says it.
    ///
    /// # Errors
    /// The file says it in words that mean no time.
    pub fn rhythm(&self, name: &str) -> Result<Rhythm, Misplaced> {
        let every = self.every(name)?;
        let Some(connection) = self.connections.get(name) else { return Ok(Rhythm::default()) };
        if connection.schedule.is_some() && every.is_some() {
            let message = "`every` and `schedule` are two ways to say one thing".to_owned();
            return Err(self.misplaced(&["connections", name, "schedule"], message, Some("take one out".into())));
        }
        let ConnectionConfig { schedule, quiet, time_zone, .. } = connection;
        Rhythm::read(every, schedule.as_deref(), quiet.as_deref(), time_zone.as_deref()).map_err(|wrong| {
            self.misplaced(&["connections", name, wrong.key], wrong.message, Some(wrong.hint.to_owned()))
        })
    }

    /// Returns the connections named, as they are.
    ///
    /// # Errors
    /// One of them does not exist.
    pub fn asked(&self, names: &[String]) -> Result<Vec<ConnectionName>, EngineError> {
        let known = |name: &String| match self.connections.contains_key(name) {
            true => Ok(ConnectionName::new(name)),
            false => Err(self.no_connection(name)),
        };
        names.iter().map(known).collect()
    }

    /// Says that no connection has this name, and which may be meant.
    pub(crate) fn no_connection(&self, name: &str) -> EngineError {
        let known: Vec<&str> = self.connections.keys().map(String::as_str).collect();
        let hint = nearest(name, &known)
            .map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        EngineError::Missing(format!("no connection is named {name:?}; {hint}"))
    }

    /// Builds the error that points at `keys` (such as `connections`, `gorgias`, `plan`) in the file.
    pub fn misplaced(&self, keys: &[&str], message: String, hint: Option<String>) -> Misplaced {
        misplaced_key(&self.text, &self.file.display().to_string(), keys, message, hint)
    }

    fn check_providers(&self) -> Result<(), Misplaced> {
        for (name, provider) in &self.server.oidc {
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || !name.chars().all(good) {
                let message = format!("provider name {name:?} has a character that it cannot have");
                let hint =
                    "lower-case letters, digits and `-`; it stands in the address to which the provider sends back";
                return Err(self.misplaced(&["server", "oidc", name], message, Some(hint.into())));
            }
            provider.check().map_err(|(key, message, hint)| {
                self.misplaced(&["server", "oidc", name, key], message, Some(hint.to_owned()))
            })?;
        }
        Ok(())
    }

    fn check_signals(&self) -> Result<(), Misplaced> {
        self.server.ssf.check(self.server.public_url.as_deref()).map_err(|(keys, message, hint)| {
            let keys: Vec<&str> = ["server", "ssf"].into_iter().chain(keys.iter().map(String::as_str)).collect();
            self.misplaced(&keys, message, Some(hint))
        })
    }

    fn check_receivers(&self) -> Result<(), Misplaced> {
        for (name, receiver) in &self.notify {
            receiver.check().map_err(|(key, message, hint)| {
                self.misplaced(&["notify", name, key], message, Some(hint.to_owned()))
            })?;
        }
        if !self.notify.is_empty() && self.server.public_url.is_none() {
            let message = "messages hold links, and nobody knows whither: `public_url` is not said".to_owned();
            let hint = "such as public_url = \"https://tenure.acme.example\" under [server]".to_owned();
            return Err(self.misplaced(&["notify"], message, Some(hint)));
        }
        Ok(())
    }

    fn check_connection(&self, name: &str, connection: &ConnectionConfig) -> Result<(), Misplaced> {
        let at = |key: &str, message: &str, hint: &str| {
            Err(self.misplaced(&["connections", name, key], message.to_owned(), Some(hint.to_owned())))
        };
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        if name.is_empty() || !name.chars().all(good) || name.starts_with('.') {
            let message = format!("connection name {name:?} has a character that it cannot have");
            let hint = "letters, digits, `-`, `_` and `.`; it stands in URLs and in account keys".to_owned();
            return Err(self.misplaced(&["connections", name], message, Some(hint)));
        }
        if connection.share.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
            return at("share", "share must be above 0 and at most 1", "0.8 leaves a fifth to other integrations");
        }
        if let Some(limits) = &connection.limits {
            let all = [limits.per_second, limits.per_minute, limits.per_hour, limits.per_day];
            if all.iter().flatten().any(|limit| !(*limit > 0.0 && limit.is_finite())) || limits.concurrent == Some(0) {
                return at("limits", "a limit must be above 0", "such as `limits = { per_second = 5 }`");
            }
        }
        if let Some(sso) = connection.sso.as_deref()
            && !self.connections.get(sso).is_some_and(|other| other.source)
        {
            let message = format!("`sso` names {sso:?}, which is not a source connection of this file");
            return at("sso", &message, "name a connection that has `source = true`");
        }
        Ok(())
    }
}

/// Returns the JSON Schema of `tenure.toml`, for editors.
pub fn config_schema() -> serde_json::Value {
    serde_json::to_value(schemars::schema_for!(Config)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, Misplaced> {
        Config::parse(text, Path::new("tenure.toml"))
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        let config = parse("").unwrap();
        assert_eq!(config.store_url(), "sqlite:tenure.db");
        assert_eq!(config.policy, PathBuf::from("policy.toml"));
        assert!(config.connections.is_empty());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
        let error = parse("[store]\nurl = \"sqlite:x.db\"\n\n[servr]\nlisten = \"127.0.0.1:1\"\n").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("tenure.toml:4") && text.contains("servr") && text.contains("server"), "{text}");
    }

    #[test]
    fn a_secret_in_clear_is_refused_without_being_told() {
        for written in
            ["token = \"hunter22\"", "token = { hunter22 = 1 }", "token = 22772277", "token = [\"hunter22\"]"]
        {
            let text = format!("[connections.g]\napp = \"gorgias\"\n[connections.g.secrets]\n{written}\n");
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.starts_with("tenure.toml:4:") && error.contains("{ env = "), "{error}");
            assert!(!error.contains("hunter22") && !error.contains("22772277"), "{error}");
        }
    }

    #[test]
    fn a_place_of_a_secret_that_is_none_is_told_with_the_nearest() {
        let at = |written: &str| {
            let text = format!("[connections.g]\napp = \"gorgias\"\n[connections.g.secrets]\n{written}\n");
            parse(&text).unwrap_err().to_string()
        };
        let slip = at("token = { evn = \"X\" }");
        assert!(slip.starts_with("tenure.toml:4:11: unknown key `evn`") && slip.contains("`env`"), "{slip}");
        let two = at("token = { env = \"X\", file = \"y\" }");
        assert!(two.starts_with("tenure.toml:4:") && two.contains("env and file; only one"), "{two}");
        let none = at("token = {}");
        assert!(none.starts_with("tenure.toml:4:") && none.contains("nothing says where"), "{none}");
        let number = at("token = { env = 7 }");
        assert!(number.starts_with("tenure.toml:4:") && !number.contains("never stands"), "{number}");
        let clear = at("token = \"abc\"");
        assert!(clear.contains("never stands in this file"), "{clear}");
    }

    #[test]
    fn sources_keep_the_order_of_the_file() {
        let config = parse("[connections.z]\napp = \"csv\"\nsource = true\n[connections.a]\napp = \"okta\"\n").unwrap();
        assert_eq!(config.connections.keys().collect::<Vec<_>>(), ["z", "a"]);
    }

    #[test]
    fn a_share_above_one_is_refused_at_its_line() {
        let error = parse("[connections.g]\napp = \"gorgias\"\nshare = 1.5\n").unwrap_err();
        assert!(error.to_string().contains("tenure.toml:3"), "{error}");
    }

    #[test]
    fn the_keys_of_a_connection_that_no_app_may_call_its_own_are_those_of_the_file() {
        let schema = config_schema();
        let properties = schema["$defs"]["ConnectionConfig"]["properties"].as_object().unwrap();
        let (known, read): (BTreeSet<&str>, BTreeSet<&str>) =
            (tenure_connect::CONNECTION_KEYS.into(), properties.keys().map(String::as_str).collect());
        assert_eq!(known, read);
    }

    #[test]
    fn a_secret_in_clear_is_refused() {
        let error =
            parse("[connections.g]\napp = \"gorgias\"\n[connections.g.secrets]\ntoken = \"abc\"\n").unwrap_err();
        assert!(!error.to_string().contains("abc\"\n  hint"), "{error}");
    }
}
