//! Everything that processes have in common: the apps and the road to them, the folder with its files and store, HR, the
//! calendar. It is founded from a seed. What processes do in it is not known here.

use crate::hr::Hr;
use crate::process::APPROVER;
use crate::road::{self, Road};
use crate::size::Size;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tenure_engine::chance::Chance;
use tenure_engine::clock::Clock;
use tenure_engine::house::House;
use tenure_sandbox::{Dialect, Dialects, Fault, Limits, Options, Sandbox, Vendor, World, indoors};
use tokio::time::Instant;

const MORNING: &str = "2026-11-25T05:00:00Z";
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// What goes wrong in an app while the weather is bad.
const FAULTS: [&str; 7] = [
    "500:rate=0.03",
    "429:rate=0.02,retry_after=2",
    "cut-after:rate=0.02",
    "truncate:rate=0.02",
    "html:rate=0.01",
    "stall:rate=0.002",
    "repeat-cursor:app=gorgias,count=1",
];

const GUIDE_GRANT: &str = r#"gainsight = { role = "Standard User" }"#;
const LIVE_GRANT: &str = r#"gainsight = { role = "Standard User", license_type = "Full" }"#;

/// Every second company is as the guides have it, every other one mostly as the vendors' records do. Gladly stays with
/// its guide: its record has no way to write, and all would be work for a person.
fn dialects(seed: u64) -> Dialects {
    let live = Vendor::ALL.into_iter().filter(|vendor| seed.is_multiple_of(2) && *vendor != Vendor::Gladly);
    live.fold(Dialects::default(), |dialects, vendor| dialects.with(vendor, Dialect::Live))
}

/// Lists whoever is out of an app.
pub fn out_of(world: &World) -> BTreeSet<(Vendor, String)> {
    let out_of_one = |vendor: Vendor| {
        let records = world.list(vendor).into_iter().filter(|record| record["sandbox"]["state"] == "suspended");
        records.map(move |record| (vendor, record["sandbox"]["email"].as_str().unwrap_or_default().to_owned()))
    };
    Vendor::ALL.into_iter().flat_map(out_of_one).collect()
}

/// The world of one seed.
pub struct Town {
    pub sandbox: Arc<Sandbox>,
    pub road: Arc<Road>,
    pub hr: Hr,
    pub size: Size,
    /// Whoever was out of an app when all began.
    pub out_before: BTreeSet<(Vendor, String)>,
    /// Whoever was out of one when guards were last asked after.
    pub out_lately: BTreeSet<(Vendor, String)>,
    /// How many may be out of an app who were invited, and were not seen to be put out.
    pub unseen_max: usize,
    folder: TempDir,
    began: Instant,
    morning: Timestamp,
    chance: Chance,
    pub tells: bool,
}

impl Town {
    pub fn found(seed: u64, tells: bool) -> Self {
        road::begin();
        let size = Size::of(seed);
        let morning: Timestamp = MORNING.parse().unwrap();
        let options = Options {
            listen: ([127, 0, 0, 1], 80).into(),
            people: 12,
            seed,
            limits: Limits::published(),
            today: "2026-11-25".parse().unwrap(),
            dialects: dialects(seed),
            ..Options::default()
        };
        let sandbox = Arc::new(indoors(options, morning).unwrap());
        // Memory rather than a disk: what a power cut takes is not the question here, and thousands of stores are made.
        let place = Some(PathBuf::from("/dev/shm")).filter(|place| place.is_dir()).unwrap_or_else(std::env::temp_dir);
        // How seats run out is a scenario of its own.
        for vendor in Vendor::ALL {
            sandbox.world().set_seats(vendor, 500);
        }
        let folder = tempfile::Builder::new().prefix("tenure-town-").tempdir_in(place).unwrap();
        let files = sandbox.write_files(folder.path()).unwrap();
        let (config, mut policy) =
            (fs::read_to_string(&files.config).unwrap(), fs::read_to_string(&files.policy).unwrap());
        if sandbox.dialect(Vendor::Gainsight) == Dialect::Live {
            policy = policy.replace(GUIDE_GRANT, LIVE_GRANT);
        }
        fs::write(&files.config, size.config(&config)).unwrap();
        fs::write(&files.policy, size.policy(&policy)).unwrap();
        let staff = size.staff(seed, &sandbox.company().yesterday, APPROVER);
        for person in sandbox.company().yesterday.iter().filter(|person| !staff.contains(&person.work_email)) {
            for vendor in &size.vendors {
                while sandbox.world().purge(*vendor, &person.work_email) {}
            }
        }
        let hr = Hr::read(files.people, &staff);
        let road = Arc::new(Road::new(sandbox.clone(), seed, tells));
        let drawing = Mutex::new(StdRng::seed_from_u64(seed));
        let chance = Chance::giving(move |bytes| drawing.lock().map(|mut drawing| drawing.fill_bytes(bytes)).is_ok());
        let out_before = out_of(&sandbox.world());
        let out_lately = out_before.clone();
        Self {
            hr,
            size,
            out_before,
            out_lately,
            unseen_max: 0,
            sandbox,
            road,
            folder,
            began: Instant::now(),
            morning,
            chance,
            tells,
        }
    }

    /// Tells what happens, to whoever replays the seed.
    pub fn tell(&self, text: impl FnOnce() -> String) {
        if self.tells {
            println!("{:>11.3}  {}", road::since_start(), text());
        }
    }

    pub fn world(&self) -> World {
        self.sandbox.world()
    }

    /// Starts a process: opens the house on the one store.
    pub async fn house(&self) -> House {
        let (began, morning) = (self.began, self.morning.as_millisecond());
        let clock = Clock::telling(move || morning + i64::try_from(began.elapsed().as_millis()).unwrap());
        let config = self.folder.path().join("tenure.toml");
        House::open_within(&config, clock, self.chance.clone(), Some(self.road.clone())).await.expect("the house opens")
    }

    /// Returns the day that it is.
    pub fn today(&self) -> Date {
        let days = (self.began.elapsed().as_secs() / DAY.as_secs()) as i64;
        Date::constant(2026, 11, 25).saturating_add(days.days())
    }

    /// Waits until the next morning.
    pub async fn sleep_till_morning(&self) {
        let gone = self.began.elapsed().as_secs_f64() % DAY.as_secs_f64();
        tokio::time::sleep(DAY.saturating_sub(Duration::from_secs_f64(gone))).await;
    }

    /// Lets the weather turn.
    pub fn weather(&self, bad: bool) {
        self.road.weather(bad);
        let faults =
            if bad { FAULTS.iter().map(|fault| fault.parse::<Fault>().unwrap()).collect() } else { Vec::new() };
        self.sandbox.set_faults(faults);
    }

    /// Lets everybody who is invited accept. Whoever was invited and put out counts as invited until then, so that no more
    /// of them may come to light than the guards of the days since let through.
    pub fn everybody_accepts(&mut self) -> Result<(), String> {
        for vendor in Vendor::ALL {
            for record in self.world().list(vendor) {
                if let Some(email) = record["sandbox"]["email"].as_str() {
                    self.world().confirm(vendor, email);
                }
            }
        }
        let out = out_of(&self.world());
        for vendor in &self.size.vendors {
            let lost: Vec<_> = out.difference(&self.out_lately).filter(|(of, _)| of == vendor).collect();
            if lost.len() > self.unseen_max {
                return Err(format!("{vendor} lost {lost:?} unseen, and {} may be taken away", self.unseen_max));
            }
        }
        (self.out_lately, self.unseen_max) = (out, 0);
        Ok(())
    }
}
