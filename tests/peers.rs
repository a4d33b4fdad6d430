//! SCIM services that we did not write, as targets: scim2-server, django-scim2 and SCIMMY, each a process on this machine.
//! One company over all of them: several pages are read, people join, change, leave and come back, groups are granted and
//! taken, and a second plan is empty. Where `scripts/setup` could not install one, the test says so and leaves it out.

use crate::stage::{Ended, Running, WAIT_MAX};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const TOKEN: &str = "peer-token-7f3a";
/// Users that each service has at the start: three pages.
const USERS: usize = 230;
const STARTED_WITHIN: Duration = Duration::from_secs(60);

/// A service, running.
struct Peer {
    name: &'static str,
    base: String,
    child: Child,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tools() -> PathBuf {
    tenure_tests::root().join("target/tools")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

impl Peer {
    /// Starts a service, if it is installed.
    fn start(name: &'static str, script: &str, path: &str) -> Option<Self> {
        let (python, modules) = (tools().join("scim-peers/bin/python"), tools().join("scim-peers-js"));
        let (program, there) = match script.ends_with(".mjs") {
            true => (PathBuf::from("node"), modules.join("node_modules/scimmy-routers").is_dir()),
            false => (python.clone(), python.exists()),
        };
        if !there {
            println!("skipped: no {name} here; `scripts/setup` installs it");
            return None;
        }
        let port = free_port();
        let child = Command::new(program)
            .arg(tenure_tests::root().join("tests/scim-peers").join(script))
            .args([&port.to_string(), TOKEN, &USERS.to_string()])
            .env("SCIM_PEER_MODULES", modules)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the service starts");
        Some(Self { name, base: format!("http://127.0.0.1:{port}{path}"), child })
    }

    fn port(&self) -> u16 {
        let address = self.base.trim_start_matches("http://");
        address.split(['/', ':']).nth(1).and_then(|port| port.parse().ok()).expect("a port")
    }

    /// Waits until the service answers.
    fn wait(&self) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port())).is_err() {
            assert!(began.elapsed() < STARTED_WITHIN, "{} does not answer", self.name);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A folder with a configuration, and the program run in it.
struct Company {
    folder: TempDir,
    peers: Vec<Peer>,
}

impl Company {
    fn found(peers: Vec<Peer>) -> Self {
        let folder = tempfile::Builder::new().prefix("tenure-peers-").tempdir().expect("a folder");
        let mut config = "[connections.hr]\napp = \"csv\"\nsource = true\npath = \"people.csv\"\n".to_owned();
        let (mut grants, mut names) = (String::new(), Vec::new());
        for peer in &peers {
            let Peer { name, base, .. } = peer;
            config += &format!(
                "[connections.{name}]\napp = \"scim-target\"\nurl = \"{base}\"\nlimits = {{ per_second = 500 }}\n\
                 [connections.{name}.secrets]\ntoken = {{ file = \"token\" }}\n"
            );
            grants += &format!("{name} = {{ groups = [\"Support\"] }}\n");
            names.push(format!("\"{name}\""));
        }
        let policy = format!(
            "[[grant]]\nname = \"support\"\nwhen = 'identity.department == \"Support\"'\n[grant.to]\n{grants}\
             [[grant]]\nname = \"everybody\"\nwhen = 'true'\n[grant.to]\n{}\
             [[manage]]\nconnections = [{}]\nextra_grants = \"revoke\"\n\
             [[approve]]\nwhen = 'true'\nfrom = \"nobody\"\n",
            grants.replace("{ groups = [\"Support\"] }", "{}"),
            names.join(", ")
        );
        let company = Self { folder, peers };
        company.write("tenure.toml", &config);
        company.write("policy.toml", &policy);
        company.write("token", TOKEN);
        company
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    /// Writes HR's file: who is there, where, under which name, until when.
    fn people(&self, rows: &[[&str; 5]]) {
        let mut text = "employee_id,given_name,family_name,work_email,department,end_date\n".to_owned();
        for [login, given, family, department, end] in rows {
            text += &format!("e-{login},{given},{family},{login}@acme.example,{department},{end}\n");
        }
        self.write("people.csv", &text);
    }

    fn run(&self, words: &[&str], code: i32) -> Value {
        let folder: &Path = self.folder.path();
        let ended: Ended = Running::begin(folder, &self.path("tenure.toml"), words).wait(WAIT_MAX);
        assert_eq!(ended.code, code, "{ended}");
        serde_json::from_str(&ended.out).unwrap_or_default()
    }

    /// Pulls, plans and applies a day, and shows that nothing is left to do.
    fn day(&self) {
        self.run(&["pull"], 0);
        self.run(&["plan"], 2);
        let applied = self.run(&["apply", "--yes"], 0);
        for step in applied["steps"].as_array().expect("steps") {
            assert_eq!(step["outcome"], "done", "{applied:#}");
        }
        self.run(&["pull", "--full"], 0);
        let plan = self.run(&["plan"], 0);
        assert_eq!(plan["steps"], Value::Array(Vec::new()), "{plan:#}");
    }

    /// Tells of each service how somebody stands there: state, name, groups.
    fn standing(&self, login: &str) -> BTreeMap<String, String> {
        let accounts = self.run(&["accounts"], 0);
        let address = format!("{login}@acme.example");
        let of = |account: &Value| {
            let grants = account["grants"].as_array().into_iter().flatten();
            let groups: Vec<&str> = grants.filter_map(|grant| grant["name"].as_str()).collect();
            let text = |key: &str| account[key].as_str().unwrap_or_default().to_owned();
            (text("connection"), format!("{} {} {}", text("state"), text("name"), groups.join("+")).trim().to_owned())
        };
        let all = accounts["accounts"].as_array().expect("accounts").iter();
        all.filter(|account| account["login"] == address.as_str()).map(of).filter(|(name, _)| name != "hr").collect()
    }

    fn expect(&self, login: &str, standing: &str) {
        let seen = self.standing(login);
        for Peer { name, .. } in &self.peers {
            assert_eq!(seen.get(*name).map(String::as_str), Some(standing), "{login} in {name}: {seen:?}");
        }
    }
}

#[test]
fn services_of_others_are_pulled_and_written() {
    let known = [
        ("scim2", "scim2_peer.py", ""),
        ("django", "django_peer.py", "/scim/v2"),
        ("scimmy", "scimmy_peer.mjs", "/scim/v2"),
    ];
    let peers: Vec<Peer> = known.iter().filter_map(|(name, script, path)| Peer::start(name, script, path)).collect();
    if peers.is_empty() {
        return;
    }
    peers.iter().for_each(Peer::wait);
    let company = Company::found(peers);
    let whole = ["person0000", "Person0000", "Example", "Office", ""];
    company.people(&[whole]);
    // A service of a script fills itself over HTTP: everybody is there before the first day begins.
    let began = Instant::now();
    let pulled = loop {
        let pulled = company.run(&["pull"], 0);
        let pulls = pulled["pulls"].as_array().expect("pulls").clone();
        let full = |pull: &&Value| pull["connection"] == "hr" || pull["accounts"] == USERS;
        let groups = company.run(&["check"], 0).to_string().matches("groups, ").count();
        if pulls.iter().filter(full).count() == pulls.len() && groups >= company.peers.len() {
            break pulls;
        }
        assert!(began.elapsed() < STARTED_WITHIN, "{pulled:#}");
    };
    assert!(pulled.iter().all(|pull| pull["coverage"] == "complete"), "{pulled:?}");

    // Somebody comes, somebody is in Support, somebody has another name, somebody has left.
    let nora = ["nora", "Nora", "Weiss", "Support", ""];
    let gone = ["person0003", "Person0003", "Example", "Office", "2024-01-31"];
    let renamed = ["person0002", "Person0002", "Novak", "Office", ""];
    company.people(&[whole, nora, gone, renamed, ["person0001", "Person0001", "Example", "Support", ""]]);
    company.day();
    company.expect("nora", "active Nora Weiss Support");
    company.expect("person0001", "active Person0001 Example Support");
    company.expect("person0002", "active Person0002 Novak");
    company.expect("person0003", "suspended Person0003 Example");

    // Who left comes back, who was in Support moves on.
    let back = ["person0003", "Person0003", "Example", "Support", ""];
    company.people(&[whole, nora, back, renamed, ["person0001", "Person0001", "Example", "Office", ""]]);
    company.day();
    company.expect("person0001", "active Person0001 Example");
    company.expect("person0003", "active Person0003 Example Support");
}
