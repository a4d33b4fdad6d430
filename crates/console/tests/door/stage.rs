//! A console of its own over real HTTP, with a clock that the test sets, and a client that is no browser.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tenure_console::router;
use tenure_core::account::{Account, AccountKey, AccountState, Entitlement, Grant, Kind};
use tenure_core::name::EntitlementKind;
use tenure_core::role::Role;
use tenure_engine::clock::Clock;
use tenure_engine::decide::By;
use tenure_engine::house::House;
use tenure_engine::progress::Progress;
use tenure_engine::pull::{Reach, pull};
use tenure_engine::session::{self, INVITED_MS};
use tenure_engine::token::reveal;
use tenure_store::{PullEnd, PullMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const MIA: &str = "mia@acme.example";

pub struct Stage {
    pub house: Arc<House>,
    pub now_ms: Arc<AtomicI64>,
    pub address: String,
    folder: TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Answer {
    pub fn says(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A console that begins in the year 2027.
pub async fn stage_of_now(server: &str) -> Stage {
    stage(server, &Arc::new(AtomicI64::new(1_800_000_000_000))).await
}

pub async fn stage(server: &str, now_ms: &Arc<AtomicI64>) -> Stage {
    stage_by(server, "[approvers]\nsecurity = [\"mia@acme.example\"]\n", now_ms).await
}

const SECRETS: [(&str, &str); 2] = [("gorgias", "email"), ("gladly", "username")];

/// A company with an app, of the year 2027, by a policy of its own. Nobody asks the app for anything: what it shows is written
/// by [`Stage::shows`].
pub async fn company_by(policy: &str) -> Stage {
    company_with("app = \"gorgias\"\naccount = \"acme\"", policy).await
}

/// As [`company_by`], with an app of these lines.
pub async fn company_with(app: &str, policy: &str) -> Stage {
    let first = SECRETS.iter().find(|(name, _)| app.contains(name)).map_or("", |(_, secret)| secret);
    let second = if first == "email" { "token" } else { "secret" };
    let place = "{ env = \"HOME\" }";
    let desk =
        format!("\n[connections.desk]\n{app}\n[connections.desk.secrets]\n{first} = {place}\n{second} = {place}\n");
    stage_by(&desk, policy, &Arc::new(AtomicI64::new(1_800_000_000_000))).await
}

async fn stage_by(server: &str, policy: &str, now_ms: &Arc<AtomicI64>) -> Stage {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("tenure.toml");
    let connection = "[connections.hr]\napp = \"csv\"\nsource = true\npath = \"people.csv\"\n";
    fs::write(&config, format!("[store]\nurl = \"sqlite:tenure.db\"\n{server}\n{connection}")).unwrap();
    fs::write(folder.path().join("people.csv"), "employee_id,name,work_email\n1,Jane Doe,jane@acme.example\n").unwrap();
    fs::write(folder.path().join("policy.toml"), policy).unwrap();
    let now_ms = now_ms.clone();
    let told = now_ms.clone();
    let house = House::open(&config, Clock::telling(move || told.load(Ordering::Relaxed))).await.unwrap();
    let house = Arc::new(house);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service = router(house.clone()).into_make_service();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Stage { house, now_ms, address, folder }
}

impl Stage {
    pub async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        ask(&self.address, method, path, headers, body).await
    }

    /// Has HR's file say this, and reads it.
    pub async fn read(&self, people: &str) {
        fs::write(self.folder.path().join("people.csv"), people).unwrap();
        pull(&self.house, &["hr".into()], Reach::Changed, &Progress::silent()).await.unwrap();
    }

    /// Has the app show these agents, all of them, as a read would have it: id, address, state, role.
    pub async fn shows(&self, agents: &[(&str, &str, AccountState, &str)]) {
        let (store, desk, now_ms) = (&self.house.store, "desk".into(), self.house.clock.now_ms());
        let account = |(id, login, state, role): &(&str, &str, AccountState, &str)| {
            let mut account = Account::unknown(AccountKey::new(&desk, Kind::Agent, *id));
            (account.login, account.name, account.state) = (Some((*login).into()), Some((*login).into()), *state);
            account.grants.push(Grant {
                kind: EntitlementKind::from("role"),
                id: Some(if *role == "admin" { "1" } else { "2" }.into()),
                name: (*role).into(),
                scope: None,
                privileged: *role == "admin",
                pending: false,
            });
            account
        };
        let kind = EntitlementKind::from("role");
        let role = |(id, name): (&str, &str)| Entitlement {
            kind: kind.clone(),
            id: id.into(),
            name: name.into(),
            privileged: name == "admin",
        };
        store.set_entitlements(&desk, &kind, &[("1", "admin"), ("2", "agent")].map(role)).await.unwrap();
        let accounts: Vec<Account> = agents.iter().map(account).collect();
        let run = store.begin_pull(&desk, PullMode::Full, now_ms).await.unwrap();
        store.write_batch(&run, &accounts, None, now_ms).await.unwrap();
        store.finish_pull(&run, PullEnd::complete(), now_ms, &[]).await.unwrap();
    }

    pub async fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask("GET", path, headers, "").await
    }

    pub async fn link(&self, who: &str, role: Role) -> String {
        let by = By { who: "root".into(), note: None };
        let (credential, _) = session::invite(&self.house, who, role, INVITED_MS, &by).await.unwrap();
        reveal(&credential).to_owned()
    }

    pub async fn follow(&self, link: &str) -> Answer {
        self.ask("POST", "/sign-in", "", &format!("link={link}")).await
    }

    /// Signs somebody in; returns the cookie's line and the key of their forms.
    pub async fn signed_in(&self, who: &str, role: Role) -> (String, String) {
        let answer = self.follow(&self.link(who, role).await).await;
        assert_eq!((answer.status, answer.says("location")), (303, "/?done=signed-in"));
        let cookie = answer.says("set-cookie").split(';').next().unwrap().to_owned();
        let credential = cookie.split_once('=').unwrap().1;
        let visitor = session::authenticate(&self.house, credential).await.unwrap().unwrap();
        (format!("Cookie: {cookie}\r\n"), visitor.form_key)
    }
}

/// Asks somebody for something, as a client that says no more than it is told to.
pub async fn ask(address: &str, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (host, length) = (address, body.len());
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}");
    let form = format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n");
    let (mut reads, mut writes) = stream.split();
    let request = format!("{head}{form}{body}");
    // Who sends too much is answered before all of it is read: what cannot be sent then is of no interest.
    let send = async { writes.write_all(request.as_bytes()).await.unwrap_or(()) };
    let mut text = Vec::new();
    let read = async { reads.read_to_end(&mut text).await.map(drop).unwrap_or(()) };
    tokio::join!(send, read);
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in lines {
        let said = headers.entry(name.to_lowercase()).or_default();
        *said = if said.is_empty() { value.to_owned() } else { format!("{said}\n{value}") };
    }
    Answer { status, headers, body: body.to_owned() }
}
