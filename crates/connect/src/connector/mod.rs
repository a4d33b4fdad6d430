//! One configured connection, connected: pulls, looks, performs and checks as its manifest says.
//! The engine makes one per connection and calls it; requests go out through the governor, which paces them.
//! It decides nothing and keeps nothing beyond the process, except names of the tenant and what it was told to remember.

mod account;
mod ask;
mod gather;
mod batch;
mod budget;
mod dialect;
mod walk;
mod references;
mod pull;
mod look;
mod perform;
mod scim;
mod check;
mod credential;
mod each;
mod whoami;

pub use budget::{forecast, tenant_of};
pub use check::{CheckLine, Verdict};
pub use dialect::DialectFound;
pub use look::{Look, LookupBy};
pub use perform::{Act, Performed};
pub use pull::{PullEvent, PullStart, PullStream};

use crate::abilities::abilities_of;
use crate::codec::names::Names;
use crate::codec::read::RecordReader;
use crate::codec::state::Memory;
use crate::error::{ConnectError, ErrorKind};
use crate::governor::{Governor, Rival};
use crate::manifest::{KindSpec, Manifest};
use crate::needs::needs_of;
use crate::settings::Settings;
use crate::transport::{
    Carrier, ClientCredentials, Clock, Credential, SystemClock, TokenKeeper, TooMany, Transport, TransportOptions,
    host_and_port,
};
use secrecy::SecretString;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, UNIX_EPOCH};
use tenure_core::abilities::Abilities;
use tenure_core::account::{AccountKey, Kind};
use tenure_core::drift::Needs;
use url::Url;

/// Accounts that are remembered at most.
const MEMORY_MAX: usize = 2_000_000;

/// The secrets of a connection, each surface's apart.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// Those of REST.
    pub rest: BTreeMap<String, SecretString>,
    /// Those of SCIM, where it is on.
    pub scim: BTreeMap<String, SecretString>,
}

impl From<BTreeMap<String, SecretString>> for Secrets {
    fn from(rest: BTreeMap<String, SecretString>) -> Self {
        Self { rest, scim: BTreeMap::new() }
    }
}

/// One configured connection, connected. Clones share it.
#[derive(Clone)]
pub struct Connector(Arc<Inner>, Option<Arc<gather::Member>>);

pub(crate) struct Inner {
    settings: Settings,
    abilities: Arc<Abilities>,
    base: Url,
    credential: Arc<Credential>,
    /// The login of the credential's own account, where a secret is that.
    own_login: Option<Box<str>>,
    scim: Option<scim::Scim>,
    /// The values of all secrets, to be masked in texts of others.
    secrets: Vec<SecretString>,
    /// The names of the secrets that the credential is made of.
    shown: Vec<String>,
    transport: Transport,
    governor: Governor,
    /// By what else than 429 the app says that it was asked too often.
    too_many: Arc<[TooMany]>,
    clock: Arc<dyn Clock>,
    readers: BTreeMap<Kind, RecordReader>,
    names: tokio::sync::Mutex<Option<NamesRead>>,
    memory: RwLock<HashMap<u64, Memory>>,
    /// Filters that the app refused to look by, and when.
    unfiltered: Mutex<HashMap<String, Instant>>,
    /// A read was answered well: a refused write is then a matter of rights.
    reads_work: AtomicBool,
}

/// When the reference lists were read last, and what it came to.
type NamesRead = (Instant, Result<Arc<Names>, ConnectError>);

/// What a connector stands in: the time, the road that requests take, and chance.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Tells the time and waits.
    pub clock: Arc<dyn Clock>,
    /// What carries requests; the network where there is none.
    pub carrier: Option<Arc<dyn Carrier>>,
    /// Equal seeds wait equally long before they try again.
    pub seed: u64,
}

/// What a connector has spent so far.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Spent {
    /// Requests that were answered, or may have been.
    pub requests: u64,
    /// Answers that were refusals for the rate.
    pub throttled: u64,
    /// What all requests together waited for their turn.
    pub waited: Duration,
    /// Requests a second that are permitted in the long run, as learned so far.
    pub per_second: Option<f64>,
    /// Whoever else was seen to use the budget.
    pub rival: Option<Rival>,
}

impl Spent {
    /// Returns what was spent since an `earlier` reading.
    pub fn since(&self, earlier: &Spent) -> Spent {
        Spent {
            requests: self.requests.saturating_sub(earlier.requests),
            throttled: self.throttled.saturating_sub(earlier.throttled),
            waited: self.waited.saturating_sub(earlier.waited),
            per_second: self.per_second,
            rival: self.rival,
        }
    }
}

impl Connector {
    /// Connects nothing yet: checks settings and secrets and builds what requests need.
    ///
    /// # Errors
    /// The settings do not fit the app, or a secret is missing or cannot be sent.
    pub fn new(settings: Settings, secrets: impl Into<Secrets>) -> Result<Self, ConnectError> {
        let mut hasher = DefaultHasher::new();
        settings.name.hash(&mut hasher);
        let clock = Arc::new(SystemClock);
        let wall = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        wall.as_nanos().hash(&mut hasher);
        Self::with_clock(settings, secrets, clock, hasher.finish())
    }

    /// As [`Connector::new`], with a clock and a seed of chance of the caller's.
    ///
    /// # Errors
    /// As [`Connector::new`].
    pub fn with_clock(
        settings: Settings,
        secrets: impl Into<Secrets>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, ConnectError> {
        Self::within(settings, secrets, Surroundings { clock, carrier: None, seed })
    }

    /// As [`Connector::new`], in surroundings of the caller's.
    ///
    /// # Errors
    /// As [`Connector::new`].
    pub fn within(
        settings: Settings,
        secrets: impl Into<Secrets>,
        surroundings: Surroundings,
    ) -> Result<Self, ConnectError> {
        let Surroundings { clock, carrier, seed } = surroundings;
        let secrets = secrets.into();
        settings.check()?;
        let base = settings.base_url()?;
        let credential = Arc::new(credential::of(&settings, &secrets.rest)?);
        let scim = scim::Scim::new(&settings, &secrets, &credential, clock.clone(), carrier.clone())?;
        let mut options = TransportOptions { allow_http: settings.allow_http, ..TransportOptions::default() };
        if let Some(body_max) = settings.body_max {
            options.body_max = body_max;
        }
        options.credential_hosts = vec![host_and_port(&base)];
        let manifest = &settings.manifest;
        let readers =
            manifest.kinds.iter().map(|(kind, spec)| (*kind, RecordReader::new(&settings.name, *kind, spec))).collect();
        Ok(Self(
            Arc::new(Inner {
                abilities: Arc::new(abilities_of(&settings)),
                base,
                credential,
                own_login: whoami::own_login(&settings, &secrets.rest),
                shown: credential::shown(&settings, &secrets.rest),
                scim,
                secrets: secrets.rest.into_values().chain(secrets.scim.into_values()).collect(),
                transport: Transport::new(options, clock.clone()).carried_by(carrier),
                governor: Governor::new(settings.rate_limits(), clock.clone(), seed),
                too_many: ask::too_many(&settings.manifest),
                clock,
                readers,
                names: tokio::sync::Mutex::new(None),
                memory: RwLock::new(HashMap::new()),
                unfiltered: Mutex::default(),
                reads_work: AtomicBool::new(false),
                settings,
            }),
            None,
        ))
    }

    /// Returns connectors for so many steps that go together: what they ask alike becomes one request where the app takes
    /// many records at once. Each is done when it is dropped, and the others wait for it until then.
    pub fn together(&self, count: usize) -> Vec<Self> {
        gather::Member::several(count).into_iter().map(|member| Self(self.0.clone(), Some(member))).collect()
    }

    /// Shares the access tokens that are fetched, where any are; `keeper` gives the keeper of each surface, by its name.
    pub fn share_tokens(&self, keeper: impl Fn(&'static str) -> Arc<dyn TokenKeeper>) {
        for (surface, client) in self.clients() {
            client.keep_with(keeper(surface));
        }
    }

    /// Tells whether access tokens are fetched for the connection.
    pub fn fetches_tokens(&self) -> bool {
        self.clients().next().is_some()
    }

    fn clients(&self) -> impl Iterator<Item = (&'static str, &ClientCredentials)> {
        let beside = self.0.scim.as_ref().filter(|_| self.0.settings.scim_alone().is_none());
        let scim = beside.map(|scim| ("scim", scim.credential()));
        let surfaces = std::iter::once(("rest", &*self.0.credential)).chain(scim);
        surfaces.filter_map(|(surface, credential)| match credential {
            Credential::OAuthClientCredentials(client) => Some((surface, client)),
            _ => None,
        })
    }

    /// Returns what the connection can do.
    pub fn abilities(&self) -> Arc<Abilities> {
        self.0.abilities.clone()
    }

    /// Returns what is relied on in what the app answers.
    pub fn needs(&self) -> Needs {
        needs_of(self.0.manifest())
    }

    /// Returns the dialect that is spoken.
    pub fn dialect(&self) -> &str {
        &self.0.manifest().dialect
    }

    /// Returns what was spent so far.
    pub fn statistics(&self) -> Spent {
        let seen = self.0.governor.statistics();
        Spent {
            requests: seen.requests,
            throttled: seen.throttled,
            waited: seen.waited,
            per_second: seen.per_second,
            rival: seen.rival,
        }
    }

    /// Returns the least seconds in which so many requests are permitted in the long run; 0 where nothing limits.
    pub fn floor_seconds(&self, requests: u64) -> f64 {
        match self.0.governor.statistics().per_second {
            Some(rate) if rate > 0.0 => requests as f64 / rate,
            _ => 0.0,
        }
    }

    /// Lists the kinds that a pull lists; others are only looked up.
    pub fn listed_kinds(&self) -> Vec<Kind> {
        let kinds = &self.0.manifest().kinds;
        let listed = kinds.iter().filter_map(|(kind, spec)| Some((*kind, spec.list.as_ref()?)));
        listed
            .flat_map(|(kind, list)| std::iter::once(kind).chain(list.others.iter().map(|other| other.kind)))
            .collect()
    }

    /// Tells whether a complete list proves that an account of this kind is not there.
    pub fn proves_absence(&self, kind: Kind) -> bool {
        let spec = self.0.manifest().kinds.get(&kind);
        spec.and_then(|spec| spec.list.as_ref()).is_some_and(|list| list.proves_absence)
    }

    /// Tells whether the app can be asked for what changed, for every kind that is listed.
    pub fn tells_changes(&self) -> bool {
        let mut lists = self.0.manifest().kinds.values().filter_map(|spec| spec.list.as_ref()).peekable();
        lists.peek().is_some() && lists.all(|list| list.incremental.is_some() || list.delta.is_some())
    }

    /// Tells whether what changed is asked for from where the last pull ended; without that everything is listed.
    pub fn needs_mark(&self) -> bool {
        let mut lists = self.0.manifest().kinds.values().filter_map(|spec| spec.list.as_ref());
        lists.any(|list| list.delta.is_some())
    }

    /// Tells whether states of this app are told from what is known from before: then `remember` matters.
    pub fn asks_memory(&self) -> bool {
        self.0.readers.values().any(RecordReader::asks_memory)
    }

    /// Takes in what is known of accounts from before; a later word about an account replaces an earlier one.
    pub fn remember(&self, accounts: impl IntoIterator<Item = (AccountKey, Memory)>) {
        let mut memory = self.0.memory.write().unwrap_or_else(PoisonError::into_inner);
        for (key, known) in accounts {
            let place = place_of(key.kind, key.id.as_str());
            if memory.len() < MEMORY_MAX || memory.contains_key(&place) {
                memory.insert(place, known);
            }
        }
    }
}

impl Inner {
    pub fn manifest(&self) -> &Manifest {
        &self.settings.manifest
    }

    /// Returns what the manifest says of a kind, and its reader.
    pub fn kind(&self, kind: Kind) -> Result<(&KindSpec, &RecordReader), ConnectError> {
        match (self.manifest().kinds.get(&kind), self.readers.get(&kind)) {
            (Some(spec), Some(reader)) => Ok((spec, reader)),
            _ => Err(ConnectError::new(
                ErrorKind::Unsupported,
                format!("{} has no records of kind {kind}", self.manifest().title),
            )),
        }
    }

    pub fn now_ms(&self) -> i64 {
        let wall = self.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)
    }

    pub fn memory_of(&self, kind: Kind, id: &str) -> Option<Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner).get(&place_of(kind, id)).copied()
    }

    pub fn note_reads_work(&self) {
        self.reads_work.store(true, Ordering::Relaxed);
    }

    pub fn reads_are_answered(&self) -> bool {
        self.reads_work.load(Ordering::Relaxed)
    }
}

fn place_of(kind: Kind, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, id).hash(&mut hasher);
    hasher.finish()
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connector").field(&self.0.settings.name).finish()
    }
}
