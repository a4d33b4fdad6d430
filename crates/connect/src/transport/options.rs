//! What a transport may do and how long it may take.
//! The engine fills it from `tenure.toml`; the defaults are the product's.
//! It holds no secret and no address of an app, apart from the hosts that credentials may be sent to.

use std::time::Duration;

/// How a transport behaves.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// Where plain `http://` is accepted.
    pub allow_http: HttpPolicy,
    /// How long each part may take.
    pub timeouts: Timeouts,
    /// The largest body that is read, counted after it is unpacked.
    pub body_max: usize,
    /// How the program names itself.
    pub user_agent: String,
    /// The hosts that credentials may be sent to, as `host` or `host:port`; empty where any may.
    pub credential_hosts: Vec<String>,
}

/// Where plain `http://` is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HttpPolicy {
    /// On this machine only.
    #[default]
    LoopbackOnly,
    /// Anywhere: the operator has said so.
    Anywhere,
}

/// How long each part of an exchange may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// Until the connection stands, encryption included.
    pub connect: Duration,
    /// From then until the head of the answer is there.
    pub head: Duration,
    /// Between two pieces of the body.
    pub idle: Duration,
    /// From the first byte to the last.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            head: Duration::from_secs(30),
            idle: Duration::from_secs(20),
            whole: Duration::from_secs(120),
        }
    }
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            allow_http: HttpPolicy::default(),
            timeouts: Timeouts::default(),
            body_max: 32 * 1024 * 1024,
            user_agent: concat!("tenure/", env!("CARGO_PKG_VERSION")).to_owned(),
            credential_hosts: Vec::new(),
        }
    }
}
