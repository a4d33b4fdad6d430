//! A source that is a table at an address, or the newest of a folder: what is read, what is known again, and what is not
//! believed. The server pretends; the program is the real one.

use crate::stage::{Answer, Ended, Pretender, Running, WAIT_MAX};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const TWO: &str = "employee_id,work_email,end_date\n1,ann@acme.example,\n2,bob@acme.example,\n";
const ONE: &str = "employee_id,work_email,end_date\n1,ann@acme.example,\n";

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn open(connection: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("tenure-tables-").tempdir().expect("a folder");
        let desk = Self { folder };
        fs::write(desk.path("tenure.toml"), format!("[connections.hr]\napp = \"csv\"\nsource = true\n{connection}"))
            .expect("a configuration");
        fs::write(desk.path("policy.toml"), "[guards]\nsource_shrink_max_share = 0.9\n").expect("a policy");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, words: &[&str]) -> Ended {
        Running::begin(self.folder.path(), &self.path("tenure.toml"), words).wait(WAIT_MAX)
    }

    /// Pulls; returns what is told of the read.
    fn pull(&self, code: i32) -> Value {
        let ended = self.run(&["pull"]);
        assert_eq!(ended.code, code, "{ended}");
        let told: Value = serde_json::from_str(&ended.out).expect("JSON");
        told["pulls"][0].clone()
    }

    fn states(&self) -> Vec<(String, String)> {
        let told: Value = serde_json::from_str(&self.run(&["identities"]).out).expect("JSON");
        let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let all = told["identities"].as_array().expect("identities").iter();
        all.map(|one| (text(one, "work_email"), text(one, "state"))).collect()
    }
}

#[test]
fn a_table_at_an_address_is_fetched_and_known_again() {
    let scene = Arc::new(AtomicU8::new(0));
    let now = scene.clone();
    let server = Pretender::start(move |_, path| {
        let answer = |status, headers: &str, body: &str| Answer { status, headers: headers.into(), body: body.into() };
        let tagged = "Content-Type: text/csv\r\nETag: \"v1\"\r\nLast-Modified: Thu, 26 Nov 2026 06:00:00 GMT\r\n\
                      Date: Thu, 26 Nov 2026 06:00:01 GMT\r\n";
        match now.load(Ordering::Relaxed) {
            _ if path != "/exports/people.csv?sheet=1" => answer("404 Not Found", "", ""),
            0 => answer("200 OK", tagged, TWO),
            1 => answer("304 Not Modified", "", ""),
            2 => answer("401 Unauthorized", "", ""),
            3 => answer("302 Found", "Location: http://127.0.0.1:9/elsewhere\r\n", ""),
            4 => answer("200 OK", "Content-Type: text/html\r\n", "<!doctype html><title>Sign in</title>"),
            5 => answer("200 OK", "Content-Type: text/csv\r\n", &TWO[..TWO.len() - 8]),
            6 => answer("503 Service Unavailable", "", ""),
            _ => answer("200 OK", "Content-Type: text/csv\r\nETag: \"v2\"\r\n", ONE),
        }
    });
    let url = format!("http://{}/exports/people.csv?sheet=1", server.addr);
    let desk = Desk::open(&format!(
        "url = \"{url}\"\n[connections.hr.secrets]\nusername = {{ file = \"name\" }}\npassword = {{ file = \"word\" }}\n"
    ));
    fs::write(desk.path("name"), "exporter").expect("a secret");
    fs::write(desk.path("word"), "a-long-password").expect("a secret");
    let checked = desk.run(&["check"]);
    assert_eq!(checked.code, 0, "{checked}");
    let read = desk.pull(0);
    assert_eq!((&read["coverage"], &read["accounts"], &read["requests"]), (&"complete".into(), &2.into(), &1.into()));
    let asked = server.asked();
    let first = asked.last().expect("it was asked");
    assert!(first.contains("authorization: basic zxhwb3j0zxi6ys1sb25nlxbhc3n3b3jk"), "{first}");
    assert!(!first.contains("if-none-match"), "{first}");

    scene.store(1, Ordering::Relaxed);
    let same = desk.pull(0);
    assert_eq!((&same["coverage"], &same["accounts"], &same["gone"]), (&"complete".into(), &2.into(), &0.into()));
    let asked = server.asked();
    let second = asked.last().expect("it was asked");
    assert!(
        second.contains("if-none-match: \"v1\"") && second.contains("if-modified-since: thu, 26 nov 2026"),
        "{second}"
    );
    assert_eq!(desk.states().len(), 2);

    for (at, code, words) in
        [(2, 4, "is not accepted"), (3, 4, "redirect"), (4, 4, "HTML page"), (5, 4, "line 3"), (6, 5, "503")]
    {
        scene.store(at, Ordering::Relaxed);
        let read = desk.pull(code);
        assert_eq!(read["coverage"], "partial", "{at}: {read:#}");
        let because = read["because"].as_str().unwrap_or_default();
        assert!(because.contains(words) && !because.contains("a-long-password"), "{at}: {because}");
        assert!(desk.states().iter().all(|(_, state)| state == "active"), "{at}: what is not whole takes nobody away");
    }
    scene.store(7, Ordering::Relaxed);
    assert_eq!(desk.pull(0)["gone"], 1);
    assert!(desk.states().contains(&("bob@acme.example".into(), "unknown".into())), "absence makes nobody a leaver");
}

#[test]
fn an_address_that_could_be_listened_to_is_refused() {
    for (connection, words) in [
        ("url = \"http://files.acme.example/people.csv\"\n", "https"),
        ("url = \"https://me:secretword@files.acme.example/people.csv\"\n", "user name"),
        ("url = \"https://files.acme.example/p.csv\"\npath = \"p.csv\"\n", "leave one of them out"),
    ] {
        let ended = Desk::open(connection).run(&["check"]);
        let told = format!("{ended}");
        assert!(ended.code != 0 && told.contains(words) && !told.contains("secretword"), "{told}");
    }
}

#[test]
fn the_newest_whole_table_of_a_folder_is_read() {
    let desk = Desk::open("path = \"exports\"\n");
    fs::create_dir(desk.path("exports")).expect("a folder");
    let lay = |name: &str, text: &str, age: u64| {
        let path = desk.path("exports").join(name);
        fs::write(&path, text).expect("a file");
        let file = fs::File::options().write(true).open(&path).expect("the file");
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).expect("a time");
    };
    assert_eq!(desk.pull(4)["coverage"], "partial", "an empty folder proves nothing");
    lay("people-2026-11-25.csv", TWO, 60);
    lay("people-2026-11-24.csv", ONE, 30);
    assert_eq!(desk.pull(0)["accounts"], 2, "the name tells, not the copying");
    lay("people-2026-11-26.csv.part", ONE, 60);
    assert_eq!(desk.pull(0)["accounts"], 2);
    lay("people-2026-11-26.csv", ONE, 0);
    let fresh = desk.pull(4);
    assert!(fresh["because"].as_str().unwrap_or_default().contains("may still be written"), "{fresh:#}");
    lay("people-2026-11-26.csv", ONE, 60);
    assert_eq!(desk.pull(0)["gone"], 1);
}
