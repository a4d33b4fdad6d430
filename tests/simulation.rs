//! The engine in a seeded world: apps, people, operators, an outside admin, several processes that are killed, and a clock
//! of their own, all from one number. Equal seeds go the same way, so a failure is replayed by its seed.
//! Requests reach the sandbox in this process, by way of a carrier that loses some; time passes only when all wait.
//!
//! `TENURE_SEED=7` replays one seed and prints what happened; `TENURE_SCHEDULES=5000` runs so many. Most worlds are small
//! (`simulation/size.rs`), so that thousands of schedules take minutes.

#[path = "simulation/aims.rs"]
mod aims;
#[path = "simulation/hr.rs"]
mod hr;
#[path = "simulation/killed.rs"]
mod killed;
#[path = "simulation/process.rs"]
mod process;
#[path = "simulation/road.rs"]
mod road;
#[path = "simulation/schedule.rs"]
mod schedule;
#[path = "simulation/size.rs"]
mod size;
#[path = "simulation/town.rs"]
mod town;

use schedule::{Ended, live};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Schedules that every run of the tests goes through, and how many a long one.
const SHORT: u64 = 2_000;
const LONG: u64 = 20_000;
const THREADS: usize = 2;
/// So many schedules together must show that things happen in them.
const LIVELY: usize = 100;

/// Unoptimized code moves large futures over the stack.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// Runs one seed on a clock that passes only when everybody waits.
fn run(seed: u64) -> Result<Ended, String> {
    let within = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(live(seed))
    };
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(within).unwrap();
    thread.join().unwrap_or_else(|_| Err("it panicked".into()))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn whatever_happens_nothing_is_lost_and_the_end_is_as_wished() {
    let seeds: Vec<u64> = match number("TENURE_SEED") {
        Some(seed) => vec![seed],
        None => {
            let usual = if std::env::var_os("TENURE_LONG").is_some() { LONG } else { SHORT };
            (1..=number("TENURE_SCHEDULES").unwrap_or(usual)).collect()
        }
    };
    let (next, failed, seen) = (AtomicU64::new(0), Mutex::new(Vec::new()), Mutex::new(Ended::default()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    match run(*seed) {
                        Ok(ended) => seen.lock().unwrap().add(&ended),
                        Err(because) => {
                            println!("seed {seed}: {because}");
                            failed.lock().unwrap().push(*seed);
                        }
                    }
                }
            });
        }
    });
    let (mut failed, seen) = (failed.into_inner().unwrap(), seen.into_inner().unwrap());
    failed.sort_unstable();
    println!("{} schedules: {seen}", seeds.len());
    assert!(
        failed.is_empty(),
        "{} of {} failed: {failed:?}; replay one with TENURE_SEED={} cargo test -p tenure-tests --test simulation -- --nocapture",
        failed.len(),
        seeds.len(),
        failed[0]
    );
    if seeds.len() >= LIVELY {
        seen.is_lively(seeds.len() as u64).unwrap();
    }
}

#[test]
fn equal_seeds_go_the_same_way() {
    for seed in [3, 41] {
        let (once, again) = (run(seed).unwrap(), run(seed).unwrap());
        assert_eq!(once, again, "seed {seed}");
    }
    assert_ne!(run(3).unwrap().trace, run(41).unwrap().trace);
}
