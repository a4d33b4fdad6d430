//! The right to do something alone (one pull per connection, whatever the number of processes), and the sign of life of
//! one of several hands that do something together. Both are leases with a fencing token, kept alive while the work
//! lives; a process that died on this machine is found out at once, one elsewhere when its lease ends.

use crate::clock::{Clock, moment_text};
use crate::error::EngineError;
use crate::house::House;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tenure_store::{Claim, Lease, Store};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long a right lasts without being renewed: a process that was lost is followed by another within this time.
pub(crate) const LASTS_MS: i64 = 12_000;
pub(crate) const RENEWED_EVERY: Duration = Duration::from_secs(4);
const ASKED_EVERY: Duration = Duration::from_millis(500);
/// How long somebody else is waited for: long enough for the lease of a dead process elsewhere to end.
const WAITED_MAX_MS: i64 = 35_000;

/// Does `work` alone, under the right called `name`. Waits a little for a process elsewhere that may be dead.
///
/// # Errors
/// Somebody else is at it, the right was lost on the way, or the work failed.
pub(crate) async fn alone<T, F>(
    house: &House,
    name: &str,
    by: &str,
    work: impl FnOnce(Lease) -> F,
) -> Result<T, EngineError>
where
    F: Future<Output = Result<T, EngineError>>,
{
    let lease = claim(house, name, by).await?;
    let done = kept(house, &lease, work(lease.clone())).await;
    house.store.release_lease(&lease).await?;
    done
}

/// Does `work` as one of several hands, under a lease of its own that shows that this one lives.
///
/// # Errors
/// Somebody took this hand for dead, or the work failed.
pub(crate) async fn as_hand<T, F>(house: &House, by: &str, work: impl FnOnce(Lease) -> F) -> Result<T, EngineError>
where
    F: Future<Output = Result<T, EngineError>>,
{
    let name = format!("hand:{:x}-{:x}", house.clock.now_ms(), mark());
    let lease = claim(house, &name, by).await?;
    let done = kept(house, &lease, work(lease.clone())).await;
    house.store.forget_lease(&lease).await?;
    done
}

/// Ends the lease of a hand that was a process of this machine and is dead.
pub(crate) async fn bury(house: &House, name: &str) -> Result<(), EngineError> {
    if let Some(holder) = house.store.lease_holder(name).await?.filter(|holder| is_dead(holder)) {
        house.store.end_lease(name, &holder).await?;
    }
    Ok(())
}

/// Returns a number that no other process gives at the same moment: of machine, process and count.
pub(crate) fn mark() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut hasher = DefaultHasher::new();
    (machine(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)).hash(&mut hasher);
    (hasher.finish() & 0xff_ffff) as u32
}

/// Returns the name under which this process holds something for somebody.
pub(crate) fn holder(by: &str) -> String {
    format!("{by} (process {} on {})", std::process::id(), machine())
}

async fn claim(house: &House, name: &str, by: &str) -> Result<Lease, EngineError> {
    let holder = holder(by);
    let began_ms = house.clock.now_ms();
    loop {
        let now_ms = house.clock.now_ms();
        let (other, until_ms) = match house.store.claim_lease(name, &holder, now_ms, LASTS_MS).await? {
            Claim::Held(lease) => return Ok(lease),
            Claim::Taken { by, until_ms } => (by, until_ms),
        };
        if is_dead(&other)
            && let Claim::Held(lease) = house.store.claim_lease(name, &holder, now_ms.max(until_ms), LASTS_MS).await?
        {
            return Ok(lease);
        }
        if now_ms - began_ms > WAITED_MAX_MS {
            let until = moment_text(until_ms);
            return Err(EngineError::Busy(format!("{other} is at it (`{name}`), until {until} at least; wait for it")));
        }
        tokio::select! {
            () = tokio::time::sleep(ASKED_EVERY) => {}
            () = house.drain.begun() => return Err(EngineError::Drained),
        }
    }
}

/// Does work while a task of its own keeps the right alive: the work may compute for longer than the right lasts.
async fn kept<T>(
    house: &House,
    lease: &Lease,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    let (tell, told) = oneshot::channel();
    let (store, clock, lease) = (house.store.clone(), house.clock.clone(), lease.clone());
    let name = lease.name.clone();
    let _keeper = Keeper(tokio::spawn(async move {
        let _ = tell.send(keep(&store, &clock, lease).await);
    }));
    tokio::select! {
        biased;
        done = work => done,
        lost = told => Err(lost.unwrap_or_else(|_| EngineError::Broken(format!("nobody kept the lease `{name}`")))),
    }
}

/// Keeps a right alive as long as somebody works under it, and no longer: also where the work is given up.
struct Keeper(JoinHandle<()>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Keeps a right alive; ends only when it cannot be kept. While the store cannot be reached it stands until its end.
async fn keep(store: &Store, clock: &Clock, mut held: Lease) -> EngineError {
    loop {
        tokio::time::sleep(RENEWED_EVERY).await;
        match store.renew_lease(&held, clock.now_ms(), LASTS_MS).await {
            Ok(renewed) => held = renewed,
            Err(error) if error.is_unreachable() && clock.now_ms() < held.until_ms => {}
            Err(error) => return error.into(),
        }
    }
}

/// Tells whether the holder was a process of this machine that is not there any more.
fn is_dead(holder: &str) -> bool {
    let Some((_, rest)) = holder.rsplit_once("(process ") else { return false };
    let Some((process, machine_of)) = rest.trim_end_matches(')').split_once(" on ") else { return false };
    let processes = Path::new("/proc/self");
    machine_of == machine() && processes.exists() && !Path::new("/proc").join(process).exists()
}

fn machine() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "this machine".into(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_of_this_machine_is_not_dead() {
        assert!(!is_dead(&format!("mia (process {} on {})", std::process::id(), machine())));
    }

    #[test]
    fn a_process_that_never_was_is_dead_here_and_unknown_elsewhere() {
        assert!(is_dead(&format!("mia (process 999999999 on {})", machine())));
        assert!(!is_dead("mia (process 999999999 on another-machine)"));
        assert!(!is_dead("nobody"));
    }
}
