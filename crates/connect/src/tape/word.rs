//! What a tape file says: what is done, and each exchange as it was recorded.
//! Read from `apps/<app>/tape/*.json`; unknown keys are errors. Values of headers that carry the credential are those
//! of the tape's made-up secrets (`tape-NAME`), never real ones.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tenure_core::abilities::Effect;
use tenure_core::account::Kind;
use tenure_core::change::Change;

/// One tape.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tape {
    /// What it shows, in a sentence.
    pub says: String,
    /// The dialect in which it plays; the manifest's own where nothing is said.
    #[serde(default)]
    pub dialect: Option<String>,
    /// The moment at which it plays, for states that depend on age; 1970 where nothing is said.
    #[serde(default)]
    pub now: Option<Timestamp>,
    /// What is done.
    #[serde(rename = "do")]
    pub doing: Doing,
    /// What goes over the wire; each exchange once. Pages may be asked for in another order.
    pub exchanges: Vec<Exchange>,
}

/// What a tape does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Doing {
    /// Pulls.
    Pull {
        /// Only what changed since (milliseconds since 1970, UTC).
        #[serde(default)]
        since_ms: Option<i64>,
    },
    /// Reads the reference lists.
    References {},
    /// Reads one account.
    Read {
        /// Its kind.
        kind: Kind,
        /// Its id.
        id: String,
    },
    /// Looks accounts up.
    Find {
        /// Their kind.
        kind: Kind,
        /// By this address.
        #[serde(default)]
        email: Option<String>,
        /// Or by this outside key.
        #[serde(default)]
        external_id: Option<String>,
    },
    /// Performs an effect.
    Perform {
        /// Which.
        effect: Effect,
        /// On which kind of record.
        kind: Kind,
        /// On which account.
        #[serde(default)]
        account: Option<On>,
        /// What becomes different.
        #[serde(default)]
        changes: Vec<Change>,
    },
}

/// The account of a performance.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// Its kind, where it differs from the one performed on.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Its id.
    pub id: String,
}

/// One exchange.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What is asked.
    pub request: Recorded,
    /// What is answered.
    pub answer: Answered,
}

/// What is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The path, from the root of the host.
    pub path: String,
    /// All parameters.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Headers that must be so; others may be there.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body; absent for none.
    #[serde(default)]
    pub body: Option<Value>,
}

/// What is answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body; absent for none. A text is sent as it is, everything else as JSON.
    #[serde(default)]
    pub body: Option<Value>,
}
