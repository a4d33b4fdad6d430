//! What a process has used up: CPU time from the process clock, the most memory it held from `/proc`.
//! Measured by the process itself at its end, so that nobody else's work is in it. Memory is known on Linux only.

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What a piece of work used up.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Spent {
    /// User and system time of all threads, in seconds.
    pub cpu_s: f64,
    /// Time on the wall, in seconds.
    pub wall_s: f64,
    /// The most memory that the process held so far, in MB.
    pub peak_mb: f64,
}

/// A piece of work being watched.
pub struct Watch {
    cpu_s: f64,
    began: Instant,
}

impl Watch {
    /// Begins with what the process has used up already.
    pub fn now() -> Self {
        Self { cpu_s: cpu_s(), began: Instant::now() }
    }

    /// Begins with the process: what it used up before counts as well.
    pub fn since_start() -> Self {
        Self { cpu_s: 0.0, began: Instant::now() }
    }

    /// Tells what was used up since.
    pub fn spent(&self) -> Spent {
        Spent { cpu_s: cpu_s() - self.cpu_s, wall_s: self.began.elapsed().as_secs_f64(), peak_mb: peak_mb() }
    }
}

/// Lets the most memory that was held so far be what is held now.
pub fn forget_peak() {
    // Where it cannot be, the figure is that of the whole process, which is more and never less.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1024.0 / 1e6
}
