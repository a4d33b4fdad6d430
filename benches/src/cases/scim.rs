//! The SCIM server against SCIMMY with the same users behind it, both processes of their own under the same load: one user
//! by id, one by `userName`, new users, changed users; and what the server's memory comes to. Behind ours stands an
//! imitation of an app without rate limits, in which each write is carried out and read back.
//! SCIMMY is what `scripts/setup` installs; without it, its part is left out and said.

use crate::load::{Figures, Line, Load, Request};
use crate::rehearsal::Rehearsal;
use crate::table::Table;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const USERS: usize = 20_000;
const FLIGHTS: u64 = 8;
const LASTS: Duration = Duration::from_secs(5);
const STARTED_WITHIN: Duration = Duration::from_secs(120);
const MEMORY_MB_MAX: f64 = 60.0;
const TOKEN: &str = "bench-token-41c7";

/// A server that answers, and whom it has.
struct Served {
    child: Child,
    port: u16,
    base: &'static str,
    token: String,
    users: Vec<Account>,
}

struct Account {
    id: String,
    login: String,
}

/// The figures of one server.
struct Measured {
    by_id: Figures,
    by_login: Figures,
    made: Figures,
    changed: Figures,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Measures both.
pub fn run() -> Table {
    let mut table = Table::default();
    table.take("SCIM server", compared());
    table
}

fn compared() -> anyhow::Result<Table> {
    let mut table = Table::default();
    let peer = peer().map(|peer| peer.and_then(|peer| measure(&peer))).transpose()?;
    let rehearsal = Rehearsal::start(USERS, 0, "sqlite:tenure.db")?;
    let ours = ours(&rehearsal)?;
    let memory_before = memory_mb(&ours.child)?;
    let measured = measure(&ours)?;
    let name = format!("SCIM, memory with {} users", ours.users.len());
    let memory = memory_mb(&ours.child)?;
    let told = format!("{memory:.0} MB ({memory_before:.0} MB before the load)");
    table.at_most(&name, memory, MEMORY_MB_MAX, told, "< 60 MB");
    let Some(peer) = peer else {
        println!("skipped: no SCIMMY here; `scripts/setup` installs it");
        return Ok(table);
    };
    for (what, ours, theirs, least) in [
        ("GET by id", measured.by_id, peer.by_id, 10.0),
        ("filter by userName", measured.by_login, peer.by_login, 10.0),
        ("POST", measured.made, peer.made, 3.0),
        ("PATCH", measured.changed, peer.changed, 3.0),
    ] {
        let failed = ours.failed + theirs.failed;
        ensure!(failed == 0, "{what}: {} and {} answers were errors", ours.failed, theirs.failed);
        let ratio = ours.per_second / theirs.per_second;
        let told = format!("{ratio:.1} x ({:.0} / {:.0} a second)", ours.per_second, theirs.per_second);
        table.holds(&format!("SCIM, {what}"), ratio >= least, told, &format!(">= {least:.0} x SCIMMY"));
        if least > 3.0 {
            let part = ours.p99_ms / theirs.p99_ms;
            let told = format!("{part:.2} x ({:.2} / {:.2} ms)", ours.p99_ms, theirs.p99_ms);
            table.at_most(&format!("SCIM, {what}, p99"), part, 0.2, told, "<= 0.2 x SCIMMY");
        }
    }
    Ok(table)
}

fn measure(served: &Served) -> anyhow::Result<Measured> {
    let load = |lasts| Load { port: served.port, token: served.token.clone(), flights: FLIGHTS, lasts };
    let user = |number: u64| &served.users[scattered(number) % served.users.len()];
    let get = |path: String| Request { method: "GET", path, body: String::new() };
    let base = served.base;
    let by_id = |number| get(format!("{base}/Users/{}", user(number).id));
    let by_login = |number| {
        let login = user(number).login.replace('@', "%40");
        get(format!("{base}/Users?filter=userName%20eq%20%22{login}%22"))
    };
    let made = |number| {
        let login = format!("made{number}@acme.example");
        let body = format!(
            "{{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"{login}\",\"active\":true,\
             \"displayName\":\"Made {number}\",\"name\":{{\"givenName\":\"Made\",\"familyName\":\"Number\"}},\
             \"emails\":[{{\"value\":\"{login}\",\"type\":\"work\",\"primary\":true}}]}}"
        );
        Request { method: "POST", path: format!("{base}/Users"), body }
    };
    let changed = |number| {
        let body = format!(
            "{{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[{{\"op\":\"replace\",\
             \"path\":\"name.familyName\",\"value\":\"Changed {number}\"}}]}}"
        );
        Request { method: "PATCH", path: format!("{base}/Users/{}", user(number).id), body }
    };
    load(Duration::from_secs(1)).run(by_id)?;
    Ok(Measured {
        by_id: load(LASTS).run(by_id)?,
        by_login: load(LASTS).run(by_login)?,
        made: load(LASTS).run(made)?,
        changed: load(LASTS).run(changed)?,
    })
}

/// Returns a place that looks like chance, the same for the same number of every run.
fn scattered(number: u64) -> usize {
    let mixed = (number ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    usize::try_from(mixed >> 33).unwrap_or(0)
}

fn ours(rehearsal: &Rehearsal) -> anyhow::Result<Served> {
    let port = free_port()?;
    let text = "[connections.freshservice]";
    rehearsal.edit("tenure.toml", text, &format!("[server]\nscim_limits = {{ per_second = 1000000 }}\n\n{text}"))?;
    // What is measured is the answers, and not what the daemon reads by itself.
    rehearsal.edit("tenure.toml", "\napp = ", "\nevery = \"never\"\napp = ")?;
    rehearsal.run(&["pull", "freshservice"], &[0])?;
    let words = ["token", "create", "--scope", "scim:freshservice", "--name", "bench", "--as", "bench@acme.example"];
    let token = rehearsal.run(&words, &[0])?.0;
    let token = token["token"].as_str().context("a token")?.to_owned();
    let child = rehearsal.begin(&["serve", "--listen", &format!("127.0.0.1:{port}")])?;
    opened(Served { child, port, base: "/scim/v2/freshservice", token, users: Vec::new() })
}

/// Starts SCIMMY, if it is installed.
fn peer() -> Option<anyhow::Result<Served>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let modules: PathBuf = root.join("target/tools/scim-peers-js");
    if !modules.join("node_modules/scimmy-routers").is_dir() {
        return None;
    }
    let start = || {
        let port = free_port()?;
        let child = Command::new("node")
            .arg(root.join("tests/scim-peers/scimmy_peer.mjs"))
            .args([&port.to_string(), TOKEN, &USERS.to_string()])
            .env("SCIM_PEER_MODULES", &modules)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // As the peer makes them; a list of them all takes it minutes.
        let account =
            |at: usize| Account { id: format!("user-{}", at + 1), login: format!("person{at:04}@acme.example") };
        opened(Served { child, port, base: "/scim/v2", token: TOKEN.into(), users: (0..USERS).map(account).collect() })
    };
    Some(start())
}

/// Waits until a server answers, and asks it whom it has where that is not known.
fn opened(mut served: Served) -> anyhow::Result<Served> {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", served.port)).is_err() {
        ensure!(began.elapsed() < STARTED_WITHIN, "the server did not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut line = Line::open(served.port)?;
    while served.users.len() < USERS {
        let path = format!("{}/Users?startIndex={}&count=1000", served.base, served.users.len() + 1);
        let (status, body) = line.ask(&served.token, &Request { method: "GET", path, body: String::new() })?;
        ensure!(status == 200, "the list of users is answered with {status}");
        let page: Value = serde_json::from_slice(&body)?;
        let all = page["Resources"].as_array().context("a list of users")?;
        if all.is_empty() {
            break;
        }
        let account = |one: &Value| {
            let text = |name: &str| one[name].as_str().map(str::to_owned);
            Some(Account { id: text("id")?, login: text("userName")? })
        };
        served.users.extend(all.iter().filter_map(account));
    }
    ensure!(served.users.len() * 2 > USERS, "{} users are there, of {USERS}", served.users.len());
    Ok(served)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Returns what a process holds in memory.
fn memory_mb(child: &Child) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("its memory is not told")?;
    let kib: f64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kib / 1024.0)
}
