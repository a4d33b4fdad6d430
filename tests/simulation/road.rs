//! The road between the processes and the apps: each request takes a while, and while the weather is bad some are lost
//! before they arrive, some answers on the way back. What an app itself does wrong is the sandbox's affair.
//! It keeps a trace, so that two runs can be compared.

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
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
        Self { sandbox, state: Mutex::new(State { chance, bad: false, trace, requests: 0, lost: 0, tells }) }
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
        answer.as_ref().map(|answer| answer.status().as_u16()).hash_into(&mut self.state().trace);
        if let Some(told) = told {
            let how = answer.as_ref().map_or_else(|lost| format!("{lost:?}"), |answer| answer.status().to_string());
            println!("    {:>9.3}  {told} → {how}", since_start());
        }
        answer
    }
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
