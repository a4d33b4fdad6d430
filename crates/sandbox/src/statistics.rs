//! Counts what reached each vendor. The server adds to it, tests and the demo read it; it answers questions such as
//! whether a client kept away while it had been told to wait. It holds no request's content.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::Vendor;

/// What reached one vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VendorStatistics {
    /// Requests received, refused ones included.
    pub requests: u64,
    /// Of these, the requests to the SCIM surface.
    pub scim: u64,
    /// Tokens that were handed out.
    pub tokens: u64,
    /// Answers with 401.
    pub unauthorized: u64,
    /// Answers with 429, from the rate limit or from a fault.
    pub throttled: u64,
    /// Requests received while an earlier Retry-After was still running, but for those that were on their way already.
    pub impatient: u64,
    /// Writes that were done.
    pub writes: u64,
    /// Creates that were done, whether or not their answer arrived.
    pub creates: u64,
    /// Calls that would erase a person and their tickets for good, refused ones included.
    pub forgets: u64,
    /// Requests that a fault was played on.
    pub faulted: u64,
}

/// What reached each vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The counts of each vendor that is imitated.
    pub vendors: BTreeMap<Vendor, VendorStatistics>,
}

impl Statistics {
    /// Returns one vendor's counts.
    pub fn of(&self, vendor: Vendor) -> VendorStatistics {
        self.vendors.get(&vendor).copied().unwrap_or_default()
    }
}

/// The running counts.
#[derive(Default)]
pub(crate) struct Counter {
    pub counts: Statistics,
    quiet: BTreeMap<Vendor, Quiet>,
}

/// What was sent before the answer that asks for quiet arrived comes in within this time.
const ON_THE_WAY: Duration = Duration::from_millis(100);

/// A time in which nothing should come.
#[derive(Clone, Copy)]
struct Quiet {
    from: Instant,
    until: Instant,
}

impl Counter {
    pub fn on(&mut self, vendor: Vendor) -> &mut VendorStatistics {
        self.counts.vendors.entry(vendor).or_default()
    }

    pub fn received(&mut self, vendor: Vendor, now: Instant) {
        let impatient = self.quiet.get(&vendor).is_some_and(|quiet| quiet.from <= now && now < quiet.until);
        let counts = self.on(vendor);
        counts.requests += 1;
        counts.impatient += u64::from(impatient);
    }

    /// Notes that the vendor asked for quiet.
    pub fn told_to_wait(&mut self, vendor: Vendor, now: Instant, seconds: u64) {
        let until = now.checked_add(Duration::from_secs(seconds)).unwrap_or(now);
        let new = Quiet { from: now + ON_THE_WAY, until };
        let quiet = self.quiet.entry(vendor).or_insert(new);
        *quiet = if quiet.until <= now { new } else { Quiet { from: quiet.from, until: quiet.until.max(until) } };
    }
}
