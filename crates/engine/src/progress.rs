//! What long work says of itself while it runs: pages read, steps done, waits, trouble.
//! Verbs say it, the program's edge shows it (a bar on a terminal, a log line elsewhere) or lets it go.
//! Nothing here is a result: a verb returns the same whether anybody listens or not.

use std::sync::Arc;
use tenure_core::change::{Step, StepResult};

/// One thing said.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each variant says it")]
pub enum Said {
    /// A pull began.
    PullBegan { connection: String, resumed: bool },
    /// Accounts came in; `total` where the app tells how many there are; how many requests are `left` and how long they
    /// take at least, where that or the last pull tells it.
    Read {
        connection: String,
        accounts: u64,
        total: Option<u64>,
        requests: u64,
        left: Option<u64>,
        seconds_left: Option<f64>,
    },
    /// A pull ended.
    PullEnded { connection: String, accounts: u64, complete: bool },
    /// A step begins.
    StepBegan { step: Arc<Step> },
    /// A step ended.
    StepEnded { step: Arc<Step>, result: Box<StepResult> },
    /// The connection waits for its rate limit.
    Waiting { connection: String, seconds: f64 },
    /// Something went wrong on the way and is being dealt with.
    Trouble { connection: String, text: String },
}

/// Somebody who listens.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(Said) + Send + Sync>);

impl Progress {
    /// Nobody listens.
    pub fn silent() -> Self {
        Self(Arc::new(|_| ()))
    }

    /// `listen` is called for each thing said, from any thread, and should return at once.
    pub fn to(listen: impl Fn(Said) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    /// Says it.
    pub fn say(&self, said: Said) {
        (self.0)(said);
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}
