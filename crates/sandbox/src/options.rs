//! What a sandbox is started with. It comes from the command line or from a test and is never changed afterwards,
//! except for the faults. It does not know what the numbers lead to.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Date;

use crate::{Dialects, Fault, Vendor, clock};

/// What a sandbox is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whose word each imitation follows.
    pub dialects: Dialects,
    /// How many people yesterday's HR file lists; the named cast is always there, so very small numbers are raised.
    pub people: usize,
    /// Equal seeds give equal companies, ids and luck.
    pub seed: u64,
    /// What goes wrong on purpose.
    pub faults: Vec<Fault>,
    /// Whether the vendors' rate limits apply.
    pub limits: Limits,
    /// How long each answer takes at least.
    pub latency: Duration,
    /// The day the story takes place; all dates in the files are relative to it.
    pub today: Date,
    /// Where budgets that outlive the sandbox are kept; without it they begin anew with each.
    pub keep: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            dialects: Dialects::default(),
            people: 40,
            seed: 1,
            faults: Vec::new(),
            limits: Limits::Published(Plans::default()),
            latency: Duration::ZERO,
            today: clock::today(),
            keep: None,
        }
    }
}

/// Whether rate limits apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// What the vendors publish for these plans, and a guess where they publish nothing.
    Published(Plans),
    /// None at all.
    Off,
}

impl Limits {
    /// Says whether SCIM is part of what the made-up company pays for: it takes the highest plan.
    pub(crate) fn offers_scim(self, vendor: Vendor) -> bool {
        let Limits::Published(plans) = self else { return true };
        match vendor {
            Vendor::Freshdesk => plans.freshdesk == FreshdeskPlan::Enterprise,
            Vendor::Freshservice => plans.freshservice == FreshservicePlan::Enterprise,
            Vendor::Gorgias | Vendor::Gladly | Vendor::Gainsight => true,
        }
    }

    /// Returns the published limits of the default plans.
    pub fn published() -> Self {
        Limits::Published(Plans::default())
    }
}

/// The plans that the made-up company pays for. The defaults are generous, so that a demo takes seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plans {
    /// The Gorgias plan.
    pub gorgias: GorgiasPlan,
    /// The Freshdesk plan.
    pub freshdesk: FreshdeskPlan,
    /// The Freshservice plan.
    pub freshservice: FreshservicePlan,
}

/// The Gorgias plans with a published limit (GOR-34).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GorgiasPlan {
    /// 2 requests a second.
    Starter,
    /// 2 requests a second.
    Basic,
    /// 10 requests a second.
    #[default]
    Pro,
    /// 10 requests a second.
    Advanced,
}

/// The Freshdesk plans (FD-36).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FreshdeskPlan {
    /// 100 requests a minute.
    Free,
    /// 200 requests a minute.
    Growth,
    /// 400 requests a minute.
    Pro,
    /// 700 requests a minute.
    #[default]
    Enterprise,
}

/// The Freshservice plans (FS-36).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FreshservicePlan {
    /// 50 requests a minute.
    Starter,
    /// 100 requests a minute.
    Growth,
    /// 200 requests a minute.
    Pro,
    /// 400 requests a minute.
    #[default]
    Enterprise,
}

impl GorgiasPlan {
    /// Returns the plan's name and its requests per second.
    pub fn published(self) -> (&'static str, u32) {
        match self {
            GorgiasPlan::Starter => ("starter", 2),
            GorgiasPlan::Basic => ("basic", 2),
            GorgiasPlan::Pro => ("pro", 10),
            GorgiasPlan::Advanced => ("advanced", 10),
        }
    }
}

impl FreshdeskPlan {
    /// Returns the plan's name and its requests per minute.
    pub fn published(self) -> (&'static str, u32) {
        match self {
            FreshdeskPlan::Free => ("free", 100),
            FreshdeskPlan::Growth => ("growth", 200),
            FreshdeskPlan::Pro => ("pro", 400),
            FreshdeskPlan::Enterprise => ("enterprise", 700),
        }
    }

    /// Returns the requests per minute that the vendor documents, and how many of them may list contacts. The free plan
    /// has no API.
    pub fn documented(self) -> (u32, u32) {
        match self {
            FreshdeskPlan::Free => (0, 0),
            FreshdeskPlan::Growth => (200, 20),
            FreshdeskPlan::Pro => (400, 100),
            FreshdeskPlan::Enterprise => (700, 200),
        }
    }
}

impl FreshservicePlan {
    /// Returns the plan's name and its requests per minute.
    pub fn published(self) -> (&'static str, u32) {
        match self {
            FreshservicePlan::Starter => ("starter", 50),
            FreshservicePlan::Growth => ("growth", 100),
            FreshservicePlan::Pro => ("pro", 200),
            FreshservicePlan::Enterprise => ("enterprise", 400),
        }
    }

    /// Returns the requests per minute that the vendor documents, and how many may list agents, and as many requesters.
    pub fn documented(self) -> (u32, u32) {
        match self {
            FreshservicePlan::Starter => (100, 40),
            FreshservicePlan::Growth => (200, 70),
            FreshservicePlan::Pro => (400, 120),
            FreshservicePlan::Enterprise => (500, 140),
        }
    }
}
