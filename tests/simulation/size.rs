//! How large the world of a seed is, drawn from the seed itself. Most are small, since whatever goes wrong between a few
//! people, apps and processes goes wrong there soonest; some are whole companies.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use tenure_sandbox::{Person, Vendor};

/// One world of so many is a whole company.
const WHOLE_ONE_IN: u64 = 41;
/// Sets the size apart from everything else that is drawn from the seed.
const OWN: u64 = 0x51_2e;

/// How large a world is.
pub struct Size {
    /// The apps that are connected.
    pub vendors: Vec<Vendor>,
    /// How many people of the company are in the file besides the approver and everybody's managers; all if nothing.
    people: Option<usize>,
    /// Days of bad weather.
    pub days: u32,
    /// What happens at HR on one of them.
    pub happenings: Range<u32>,
    /// How many processes live on one of them.
    pub processes: RangeInclusive<usize>,
    /// At which of its waits a process that dies does so.
    pub dies_after: Range<u32>,
    /// How many seconds a daemon lives.
    pub serves_secs: Range<u64>,
    /// Whether every step waits for a yes, and not powerful ones alone.
    asks_always: bool,
    /// How many accounts of an app may be taken away within a day.
    pub removals_max_per_day: usize,
}

impl Size {
    pub fn of(seed: u64) -> Self {
        if seed.is_multiple_of(WHOLE_ONE_IN) { Self::whole() } else { Self::small(seed) }
    }

    fn whole() -> Self {
        Self {
            vendors: Vendor::ALL.to_vec(),
            people: None,
            days: 4,
            happenings: 2..6,
            processes: 1..=3,
            dies_after: 1..400,
            serves_secs: 20..1_500,
            asks_always: false,
            removals_max_per_day: 4,
        }
    }

    fn small(seed: u64) -> Self {
        let mut chance = StdRng::seed_from_u64(seed ^ OWN);
        let connected = chance.random_range(1..=3);
        let mut vendors: Vec<Vendor> = Vendor::ALL.choose_multiple(&mut chance, connected).copied().collect();
        vendors.sort();
        Self {
            vendors,
            people: Some(chance.random_range(1..=4)),
            days: chance.random_range(1..=2),
            happenings: 2..5,
            processes: 1..=2,
            dies_after: 1..150,
            serves_secs: 20..400,
            asks_always: chance.random_bool(0.5),
            removals_max_per_day: chance.random_range(1..=3),
        }
    }

    /// Draws who works here: of a whole company everybody, otherwise some, their managers, and whoever must stay.
    pub fn staff(&self, seed: u64, company: &[Person], must_stay: &str) -> BTreeSet<String> {
        let Some(people) = self.people else { return company.iter().map(|person| person.work_email.clone()).collect() };
        let mut drawn: Vec<&Person> = company.iter().collect();
        drawn.shuffle(&mut StdRng::seed_from_u64(seed ^ OWN));
        drawn.truncate(people);
        drawn.extend(company.iter().filter(|person| person.work_email == must_stay));
        let mut staff = BTreeSet::new();
        while let Some(person) = drawn.pop() {
            if staff.insert(person.work_email.clone()) {
                drawn.extend(
                    company.iter().filter(|boss| boss.employee_id.is_some() && boss.employee_id == person.manager_id),
                );
            }
        }
        staff
    }

    /// Takes the apps that are not connected out of a configuration.
    pub fn config(&self, text: &str) -> String {
        let mut config: toml::Table = text.parse().unwrap();
        config["connections"].as_table_mut().unwrap().retain(|name, _| self.connects(name) || name == "hr");
        toml::to_string(&config).unwrap()
    }

    /// Takes them out of a policy, and sets how much may be taken away: a single leaver may be everybody whom an app of a
    /// small world has.
    pub fn policy(&self, text: &str) -> String {
        let mut policy: toml::Table = text.parse().unwrap();
        let grants = policy["grant"].as_array_mut().unwrap();
        for grant in grants.iter_mut() {
            grant["to"].as_table_mut().unwrap().retain(|name, _| self.connects(name));
        }
        grants.retain(|grant| !grant["to"].as_table().unwrap().is_empty());
        for managed in policy["manage"].as_array_mut().unwrap() {
            managed["connections"].as_array_mut().unwrap().retain(|name| self.connects(name.as_str().unwrap()));
        }
        if self.asks_always {
            policy["approve"].as_array_mut().unwrap().truncate(1);
            policy["approve"][0]["when"] = "true".into();
        }
        let guards = policy["guards"].as_table_mut().unwrap();
        guards.insert("removals_max_per_day".into(), (self.removals_max_per_day as i64).into());
        if self.people.is_some() {
            guards.insert("removals_max_share".into(), 1.0.into());
        }
        toml::to_string(&policy).unwrap()
    }

    fn connects(&self, name: &str) -> bool {
        self.vendors.iter().any(|vendor| vendor.name() == name)
    }
}
