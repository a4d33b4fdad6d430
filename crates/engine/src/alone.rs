//! The right to do something alone: one apply per store, one pull per connection, whatever the number of processes.
//! It is a lease with a fencing token, kept alive while the work lives; a process that died on this machine is found out
//! at once, one elsewhere when its lease ends. What the work does is not known here.

use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::House;
use std::path::Path;
use std::time::Duration;
use tenure_store::{Claim, Lease};

/// How long the right lasts without being renewed.
const LASTS_MS: i64 = 30_000;
const RENEWED_EVERY: Duration = Duration::from_secs(8);
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
    let done = tokio::select! {
        done = work(lease.clone()) => done,
        lost = keep(house, &lease) => Err(lost),
    };
    house.store.release_lease(&lease).await?;
    done
}

async fn claim(house: &House, name: &str, by: &str) -> Result<Lease, EngineError> {
    let holder = format!("{by} (process {} on {})", std::process::id(), machine());
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
        tokio::time::sleep(ASKED_EVERY).await;
    }
}

/// Keeps the right alive; ends only when it cannot be kept.
async fn keep(house: &House, lease: &Lease) -> EngineError {
    let mut held = lease.clone();
    loop {
        tokio::time::sleep(RENEWED_EVERY).await;
        match house.store.renew_lease(&held, house.clock.now_ms(), LASTS_MS).await {
            Ok(renewed) => held = renewed,
            Err(error) if error.may_pass() => {}
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
