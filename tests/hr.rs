//! Three HR systems as sources, over real HTTP: who is to come, here, on leave and gone, each by the day in their own zone;
//! somebody with two employments, a contractor, a rehire; and what is not believed: a list cut off, short, without its
//! column. Nobody is a leaver because a list does not name them.

use crate::stage::{Ended, Running, Stage, WAIT_MAX};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz};
use serde_json::Value;
use std::fs;
use tempfile::TempDir;
use tenure_sandbox::hr::{self, HrSystems, Office, Trouble, Worker};
use tenure_sandbox::{Limits, Options};
use tokio::runtime::Runtime;

/// The worker who is of no interest otherwise, and manages others.
const BOSS: u32 = 1;

/// An HR system, and a folder in which the program reads it.
struct Scene {
    system: &'static str,
    systems: HrSystems,
    folder: TempDir,
    _runtime: Runtime,
}

fn today_in(zone: &str) -> Date {
    let zone = tz::TimeZone::get(zone).expect("a zone");
    Timestamp::now().to_zoned(zone).date()
}

fn day(from_today: i32) -> Option<Date> {
    today_in("UTC").checked_add(from_today.days()).ok()
}

fn worker(id: u32, name: &str, start: i32, end: Option<i32>) -> Worker {
    Worker {
        id,
        given_name: name.to_owned(),
        family_name: "Example".to_owned(),
        email: format!("{}@acme.example", name.to_lowercase()),
        department: "Support".to_owned(),
        title: "Agent".to_owned(),
        start: day(start),
        end: end.and_then(day),
        manager: (id != BOSS).then_some(BOSS),
        time_zone: Some("Europe/Berlin".to_owned()),
        ..Worker::default()
    }
}

fn office() -> Office {
    let far = |id: u32, name: &str, zone: &str| Worker {
        time_zone: Some(zone.to_owned()),
        ..worker(id, name, -900, Some(-1))
    };
    let mut workers = vec![
        worker(BOSS, "Boss", -2000, None),
        worker(2, "Future", 20, None),
        worker(3, "Active", -300, None),
        worker(4, "Left", -900, Some(-10)),
        Worker { on_leave: true, ..worker(5, "Leave", -400, None) },
        Worker { contractor: true, ..worker(6, "Contractor", -30, Some(60)) },
        far(7, "East", "Pacific/Kiritimati"),
        far(8, "West", "Pacific/Pago_Pago"),
        worker(9, "Later", -300, Some(30)),
    ];
    workers.extend((100..330).map(|id| worker(id, &format!("Person{id}"), -200, None)));
    Office::of(workers, today_in("UTC"))
}

impl Scene {
    fn open(system: &'static str, policy: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let systems = runtime.block_on(HrSystems::start(office())).expect("the HR systems start");
        let folder = tempfile::Builder::new().prefix("tenure-hr-").tempdir().expect("a folder");
        let secrets: &[(&str, &str)] = match system {
            "bamboohr" => &[("api_key", hr::BAMBOO_KEY)],
            "workday" => &[("username", hr::WORKDAY_USER), ("password", hr::WORKDAY_PASSWORD)],
            _ => &[("client_id", hr::PERSONIO_ID), ("client_secret", hr::PERSONIO_SECRET)],
        };
        let mut config = format!(
            "[connections.hr]\napp = \"{system}\"\nsource = true\nurl = \"{}\"\nlimits = {{ per_second = 500 }}\n",
            systems.url(system)
        );
        config += &match system {
            "bamboohr" => "custom = { time_zone = \"customZone\" }\n".to_owned(),
            "personio" => {
                format!("custom = {{ time_zone = \"dynamic_77\" }}\ntoken_url = \"{}\"\n", systems.token_url())
            }
            _ => String::new(),
        };
        config += "[connections.hr.secrets]\n";
        for (name, secret) in secrets {
            config += &format!("{name} = {{ file = \"{name}\" }}\n");
            fs::write(folder.path().join(name), secret).expect("a secret");
        }
        fs::write(folder.path().join("tenure.toml"), config).expect("a configuration");
        fs::write(folder.path().join("policy.toml"), policy).expect("a policy");
        Self { system, systems, folder, _runtime: runtime }
    }

    fn run(&self, words: &[&str]) -> Ended {
        Running::begin(self.folder.path(), &self.folder.path().join("tenure.toml"), words).wait(WAIT_MAX)
    }

    fn json(&self, words: &[&str], code: i32) -> Value {
        let ended = self.run(words);
        assert_eq!(ended.code, code, "{}: {ended}", self.system);
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended}"))
    }

    /// Pulls; returns the coverage and why.
    fn pull(&self, code: i32) -> (String, String) {
        let pulled = self.json(&["pull"], code);
        let text = |key: &str| pulled["pulls"][0][key].as_str().unwrap_or_default().to_owned();
        (text("coverage"), text("because"))
    }

    fn person(&self, name: &str) -> Value {
        let all = self.json(&["identities"], 0);
        let address = format!("{}@acme.example", name.to_lowercase());
        let found: Vec<&Value> = all["identities"]
            .as_array()
            .expect("identities")
            .iter()
            .filter(|identity| identity["work_email"] == address.as_str())
            .collect();
        assert_eq!(found.len(), 1, "{name} in {}: {found:?}", self.system);
        found[0].clone()
    }

    fn expect(&self, name: &str, state: &str) {
        let person = self.person(name);
        assert_eq!(person["state"], state, "{name} in {}: {person:#}", self.system);
    }

    fn change(&self, id: u32, change: impl Fn(&mut Worker)) {
        self.systems.office().workers.iter_mut().filter(|worker| worker.id == id).for_each(change);
    }
}

fn after(zone: &str) -> &'static str {
    // The last day was yesterday by UTC.
    if today_in(zone) > day(-1).expect("a day") { "left" } else { "active" }
}

fn tells_who_is_here(system: &'static str, tells_leave: bool) {
    let scene = Scene::open(system, "");
    let checked = scene.run(&["check"]);
    assert_eq!(checked.code, 0, "{system}: {checked}");
    assert_eq!(scene.pull(0), ("complete".to_owned(), String::new()), "{system}");
    for (name, state) in [("Future", "future"), ("Active", "active"), ("Left", "left"), ("Later", "active")] {
        scene.expect(name, state);
    }
    scene.expect("Leave", if tells_leave { "leave" } else { "active" });
    scene.expect("East", after("Pacific/Kiritimati"));
    scene.expect("West", after("Pacific/Pago_Pago"));
    let contractor = scene.person("Contractor");
    assert_eq!((&contractor["type"], &contractor["state"]), (&"contractor".into(), &"active".into()), "{contractor:#}");
    let (boss, active) = (scene.person("Boss"), scene.person("Active"));
    assert_eq!(active["manager"], boss["id"], "{system}: {active:#}");
    assert_eq!(active["employee_id"], "3", "{active:#}");
    scene.expect("Person329", "active");

    // Who left comes back under the same number and is the same person; who is to leave stays until then.
    let before = scene.person("Left")["id"].clone();
    scene.change(4, |worker| {
        worker.start = day(-1);
        worker.end = None;
    });
    scene.pull(0);
    scene.expect("Left", "active");
    assert_eq!(scene.person("Left")["id"], before);

    // What is not whole is not believed, and who is missing in it is no leaver.
    for trouble in [Trouble::Cut, Trouble::Short, Trouble::LostColumn] {
        if trouble == Trouble::Short && system != "personio" {
            continue; // only one tells how many there are
        }
        scene.systems.office().trouble = Some(trouble);
        let (coverage, because) = scene.pull(4);
        assert_eq!(coverage, "partial", "{system}, {trouble:?}");
        assert!(!because.is_empty());
        scene.expect("Active", "active");
    }
    scene.systems.office().trouble = Some(Trouble::Busy);
    assert_eq!(scene.pull(0).0, "complete", "{system}: 503 is waited out");
    scene.systems.office().trouble = None;

    // A record that is gone from a whole list makes nobody a leaver: it says that nothing is known.
    scene.systems.office().workers.retain(|worker| worker.id != 3);
    assert_eq!(scene.pull(0).0, "complete");
    assert_eq!(scene.person("Active")["state"], "unknown", "{system}");

    let secret = if system == "workday" {
        "password"
    } else if system == "personio" {
        "client_secret"
    } else {
        "api_key"
    };
    fs::write(scene.folder.path().join(secret), "another-secret-entirely").expect("a secret");
    let refused = scene.run(&["check"]);
    assert_eq!(refused.code, 2, "{system}: {refused}");
    assert!(refused.out.contains(secret) || refused.out.contains("issued at"), "{system}: {refused}");
    assert!(!format!("{refused}").contains("another-secret-entirely"), "{refused}");
}

#[test]
fn bamboohr_tells_who_is_here() {
    tells_who_is_here("bamboohr", false);
}

#[test]
fn personio_tells_who_is_here() {
    tells_who_is_here("personio", true);
}

#[test]
fn workday_tells_who_is_here_and_of_two_employments_the_one_that_counts() {
    tells_who_is_here("workday", true);
    let scene = Scene::open("workday", "");
    {
        let mut office = scene.systems.office();
        // Two jobs at once, of which one has ended; a contractor who is hired next month; a rehire after a gap.
        let ended = Worker { title: "Night".to_owned(), ..worker(3, "Active", -300, Some(-20)) };
        office.workers.push(ended);
        let hired = Worker { title: "Employee".to_owned(), ..worker(6, "Contractor", 61, None) };
        office.workers.insert(0, hired);
        let back = worker(4, "Left", 40, None);
        office.workers.push(back);
    }
    assert_eq!(scene.pull(0), ("complete".to_owned(), String::new()));
    let active = scene.person("Active");
    assert_eq!(
        (&active["state"], &active["title"], &active["end_date"]),
        (&"active".into(), &"Agent".into(), &Value::Null)
    );
    let hired = scene.person("Contractor");
    assert_eq!(
        (&hired["state"], &hired["type"], &hired["end_date"]),
        (&"active".into(), &"contractor".into(), &Value::Null)
    );
    scene.expect("Left", "future");
}

#[test]
fn every_source_that_the_ready_configuration_offers_is_read_once_it_is_uncommented() {
    let stage = Stage::open(Options { people: 21, limits: Limits::Off, ..Options::default() });
    let config = &stage.files().config;
    let offered = regex::Regex::new(r"(?m)^# (\[|[a-z_]+ = )").expect("a pattern");
    let text = fs::read_to_string(config).expect("a configuration");
    fs::write(config, offered.replace_all(&text, "$1").as_ref()).expect("a configuration");
    let ended = stage.run(&["pull", "--json"]);
    assert_eq!(ended.code, 0, "{ended}");
    let pulls = ended.json().expect("JSON")["pulls"].as_array().expect("pulls").clone();
    for source in ["okta", "entra", "google", "onelogin", "bamboohr", "workday", "personio"] {
        let pull =
            pulls.iter().find(|pull| pull["connection"] == source).unwrap_or_else(|| panic!("{source}: {ended}"));
        assert!(pull["coverage"] == "complete" && pull["accounts"].as_u64() >= Some(20), "{pull:#}");
    }
}
