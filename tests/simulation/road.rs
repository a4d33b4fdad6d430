//! The road between the processes and the apps: each request takes a while, and while the weather is bad some are lost
//! before they arrive, some answers on the way back. What an app itself does wrong is the sandbox's affair.
//! It keeps a trace, so that two runs can be compared.

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tenure_connect::transport::{Carrier, Lost};
use tenure_sandbox::Sandbox;
use tokio::time::{Instant, sleep};

/// How many of a hundred requests are lost in bad weather, for each of the three ways.
const LOST_PERCENT: u32 = 3;

/// The way to the apps.
pub struct Road {
    sandbox: Arc<Sandbox>,
    state: Mutex<State>,
}

struct State {
    chance: StdRng,
    bad: bool,
    trace: DefaultHasher,
    requests: u64,
    lost: u64,
    tells: bool,
    doubts: Doubts,
}

/// Creates of which nobody knows whether they were done, and those that were sent again all the same.
#[derive(Default)]
struct Doubts {
    /// What was asked, and whether somebody has looked since.
    open: BTreeMap<Create, bool>,
    blind: Vec<Create>,
}

/// A request that makes an account: where, for which address, and the request itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Create {
    app: String,
    path: String,
    address: String,
    asked: String,
}

impl Create {
    /// Tells whether a request looks for that account: it names the address, or asks for the list of everybody.
    fn is_looked_for(&self, app: &str, request: &http::Request<Bytes>, asked: &str) -> bool {
        let lists =
            || request.method() == http::Method::GET && request.uri().path() == self.path && !asked.contains('@');
        self.app == app && asked != self.asked && (asked.contains(&self.address) || lists())
    }
}

#[derive(Clone, Copy)]
enum Fate {
    Well,
    NobodyThere,
    LostGoing,
    LostComing,
}

impl Road {
    pub fn new(sandbox: Arc<Sandbox>, seed: u64, tells: bool) -> Self {
        let (chance, trace) = (StdRng::seed_from_u64(seed), DefaultHasher::new());
        Self {
            sandbox,
            state: Mutex::new(State {
                chance,
                bad: false,
                trace,
                requests: 0,
                lost: 0,
                tells,
                doubts: Doubts::default(),
            }),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn weather(&self, bad: bool) {
        self.state().bad = bad;
    }

    /// Returns what went over it: a mark of everything in its order, how many requests, how many were lost.
    pub fn trace(&self) -> (u64, u64, u64) {
        let state = self.state();
        (state.trace.finish(), state.requests, state.lost)
    }

    /// Returns the creates that were repeated though an earlier one may have been done and nobody had looked.
    pub fn blind(&self) -> Vec<String> {
        self.state().doubts.blind.iter().map(|create| create.asked.clone()).collect()
    }

    fn draw(&self, request: &http::Request<Bytes>) -> (Duration, Fate) {
        let mut state = self.state();
        let took = Duration::from_millis(state.chance.random_range(1..60));
        let fate = match state.chance.random_range(0..100) {
            _ if !state.bad => Fate::Well,
            drawn if drawn < LOST_PERCENT => Fate::NobodyThere,
            drawn if drawn < 2 * LOST_PERCENT => Fate::LostGoing,
            drawn if drawn < 3 * LOST_PERCENT => Fate::LostComing,
            _ => Fate::Well,
        };
        state.requests += 1;
        state.lost += u64::from(!matches!(fate, Fate::Well));
        request.method().as_str().hash(&mut state.trace);
        request.uri().to_string().hash(&mut state.trace);
        request.body().hash(&mut state.trace);
        (took, fate)
    }

    async fn deliver(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Lost> {
        let (took, fate) = self.draw(&request);
        let create = self.state().doubts.sent(&request);
        let told = self.state().tells.then(|| format!("{} {}", request.method(), request.uri()));
        sleep(took).await;
        let answer = match fate {
            Fate::NobodyThere => Err(Lost::NotSent),
            Fate::LostGoing => Err(Lost::Ambiguous),
            Fate::LostComing => match self.sandbox.answer(request).await {
                // Nobody can heed a call for quiet that never arrives.
                Some(answer) if answer.status() == http::StatusCode::TOO_MANY_REQUESTS => Ok(answer),
                _ => Err(Lost::Ambiguous),
            },
            Fate::Well => self.sandbox.answer(request).await.ok_or(Lost::Ambiguous),
        };
        let status = answer.as_ref().map(|answer| answer.status().as_u16());
        let is_known = matches!(status, Ok(..500) | Err(Lost::NotSent));
        create.filter(|_| is_known).into_iter().for_each(|create| self.state().doubts.settled(&create));
        status.hash_into(&mut self.state().trace);
        if let Some(told) = told {
            let how = answer.as_ref().map_or_else(|lost| format!("{lost:?}"), |answer| answer.status().to_string());
            println!("    {:>9.3}  {told} → {how}", since_start());
        }
        answer
    }
}

impl Doubts {
    /// Takes in a request as it leaves; of one that makes an account, returns it. From then on until its answer nobody
    /// knows, also where whoever asked is killed.
    fn sent(&mut self, request: &http::Request<Bytes>) -> Option<Create> {
        let app = request.uri().path().split('/').nth(1).unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(request.body()).to_lowercase();
        let address = request.uri().path_and_query().map(|asked| asked.as_str().replace("%40", "@").to_lowercase());
        let asked = format!("{} {} {body}", request.method(), address.unwrap_or_default());
        for (open, looked) in &mut self.open {
            *looked |= open.is_looked_for(&app, request, &asked);
        }
        let path = request.uri().path().to_owned();
        let create = made(request, &body).map(|address| Create { app, path, address, asked });
        if let Some(create) = &create
            && self.open.insert(create.clone(), false) == Some(false)
        {
            self.blind.push(create.clone());
        }
        create
    }

    fn settled(&mut self, create: &Create) {
        self.open.remove(create);
    }
}

/// Returns the address that a request makes an account for.
fn made(request: &http::Request<Bytes>, body: &str) -> Option<String> {
    // Gainsight is searched by a POST as well.
    if request.method() != http::Method::POST || request.uri().path().ends_with("/list") {
        return None;
    }
    body.split('"').find(|word| word.contains('@')).map(str::to_owned)
}

trait HashInto {
    fn hash_into(self, hasher: &mut DefaultHasher);
}

impl HashInto for Result<u16, &Lost> {
    fn hash_into(self, hasher: &mut DefaultHasher) {
        self.unwrap_or_default().hash(hasher);
    }
}

thread_local! {
    static BEGAN: std::cell::Cell<Option<Instant>> = const { std::cell::Cell::new(None) };
}

/// Lets the time of this thread's world begin.
pub fn begin() {
    BEGAN.set(Some(Instant::now()));
}

/// Returns the seconds since the world began.
pub fn since_start() -> f64 {
    BEGAN.get().map_or(0.0, |began| began.elapsed().as_secs_f64())
}

impl Carrier for Road {
    fn carry(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, Lost>> {
        self.deliver(request).boxed()
    }
}

impl fmt::Debug for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Road")
    }
}
