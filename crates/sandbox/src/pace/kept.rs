//! The small file in which long windows survive a restart of the sandbox, as they do on a vendor's side. The pace reads
//! it once and replaces it after each request that counts. It holds counts and moments, and nothing of any request.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::meter::Meter;

/// Where one vendor's windows are kept.
pub(crate) struct Kept(PathBuf);

/// A window as the file has it.
#[derive(Serialize, Deserialize)]
struct Window {
    began_ms: u64,
    used: u32,
}

impl Kept {
    pub fn new(dir: &Path, vendor: &str) -> Self {
        Kept(dir.join(format!("sandbox-{vendor}-budget.json")))
    }

    /// Puts what was kept into the meters; a file that is not there changes nothing.
    pub fn restore(&self, meters: &mut [&mut Meter]) -> io::Result<()> {
        let text = match fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.unreadable(&error)),
        };
        let windows: Vec<Window> = serde_json::from_slice(&text).map_err(|error| self.unreadable(&error))?;
        for (meter, window) in meters.iter_mut().zip(windows) {
            if let Meter::Window { began, used, .. } = meter {
                (*began, *used) = (Duration::from_millis(window.began_ms), window.used);
            }
        }
        Ok(())
    }

    fn unreadable(&self, error: &dyn std::error::Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("read {}: {error}", self.0.display()))
    }

    /// Replaces the file as a whole, so that a kill leaves the old or the new one.
    pub fn store(&self, meters: &[&Meter]) -> io::Result<()> {
        let window = |meter: &&Meter| match meter {
            Meter::Window { began, used, .. } => Window { began_ms: began.as_millis() as u64, used: *used },
            Meter::Bucket { .. } => Window { began_ms: 0, used: 0 },
        };
        let text = serde_json::to_vec(&meters.iter().map(window).collect::<Vec<_>>())?;
        let beside = self.0.with_extension("new");
        if let Some(dir) = self.0.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::write(&beside, text)?;
        fs::rename(beside, &self.0)
    }
}
