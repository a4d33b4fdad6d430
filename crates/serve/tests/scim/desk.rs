//! One desk: a sandbox, a house over it that was read once, the router on a port of its own, and a client with a token.
//! It knows how to ask and nothing of what should be answered.

use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use tenure_core::name::ConnectionName;
use tenure_core::scope::Scope;
use tenure_engine::clock::Clock;
use tenure_engine::decide::By;
use tenure_engine::house::House;
use tenure_engine::progress::Progress;
use tenure_engine::pull::{Reach, pull};
use tenure_engine::token::{NewToken, create, reveal};
use tenure_sandbox::{Limits, Options, Sandbox, Vendor, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct Desk {
    pub sandbox: Sandbox,
    pub house: Arc<House>,
    folder: TempDir,
    pub listens: String,
}

/// A client of one connection.
pub struct Client<'d> {
    desk: &'d Desk,
    connection: String,
    pub token: String,
    headers: String,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Desk {
    /// Opens one, with everything read.
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Opens one whose files are changed before.
    pub async fn open_with(change: impl FnOnce(&tenure_sandbox::Files)) -> Self {
        let options = Options { people: 21, limits: Limits::Off, ..Options::default() };
        let sandbox = start(options).await.unwrap();
        let folder = TempDir::new().unwrap();
        let files = sandbox.write_files(folder.path()).unwrap();
        change(&files);
        let house = Arc::new(House::open(&files.config, Clock::system()).await.unwrap());
        let readable = |name: &ConnectionName| {
            let config = &house.config.connections[name.as_str()];
            config.app != "scim"
        };
        let names: Vec<ConnectionName> = house.names().into_iter().filter(readable).collect();
        pull(&house, &names, Reach::Everything, &Progress::silent()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listens = listener.local_addr().unwrap().to_string();
        tokio::spawn(tenure_serve::serve(listener, house.clone()));
        Self { sandbox, house, folder, listens }
    }

    /// Opens another house on the same store, as another process would.
    pub async fn other_house(&self) -> House {
        House::open(&self.folder.path().join("tenure.toml"), Clock::system()).await.unwrap()
    }

    /// Returns a client of the connection that imitates this vendor.
    pub async fn client(&self, vendor: Vendor) -> Client<'_> {
        self.client_of(&vendor.to_string()).await
    }

    /// Returns a client of a connection.
    pub async fn client_of(&self, connection: &str) -> Client<'_> {
        let asked = NewToken {
            name: format!("idp of {connection}"),
            scopes: vec![Scope::Scim(ConnectionName::new(connection))],
            lasts: None,
        };
        let by = By { who: "mia@acme.example".into(), note: None };
        let (token, _) = create(&self.house, &asked, &by).await.unwrap();
        let token = reveal(&token).to_owned();
        Client { desk: self, connection: connection.to_owned(), token, headers: String::new() }
    }

    /// Sends a request as it is.
    pub async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(&self.listens).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}",
            self.listens
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap_or(json!(body)) };
        Reply { status, head: head.to_lowercase(), body }
    }
}

impl Client<'_> {
    /// Returns the client with one more header, such as `If-Match`.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let headers = format!("{}{name}: {value}\r\n", self.headers);
        Self { desk: self.desk, connection: self.connection.clone(), token: self.token.clone(), headers }
    }

    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let kind = if body.is_some() && !self.headers.to_lowercase().contains("content-type") {
            "Content-Type: application/scim+json\r\n"
        } else {
            ""
        };
        let headers = format!("Authorization: Bearer {}\r\n{kind}{}", self.token, self.headers);
        let text = body.map(Value::to_string).unwrap_or_default();
        self.desk.send(method, &format!("/scim/v2/{}{path}", self.connection), &headers, &text).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.ask("POST", path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.ask("PUT", path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, operations: Value) -> Reply {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        self.ask("PATCH", path, Some(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.ask("DELETE", path, None).await
    }

    /// Returns the one user with this sign-in name.
    pub async fn find(&self, login: &str) -> Value {
        let reply = self.get(&format!("/Users?filter=userName%20eq%20%22{login}%22")).await;
        reply.expect(200);
        assert_eq!(reply.body["totalResults"], 1, "{reply:?}");
        reply.body["Resources"][0].clone()
    }

    /// Returns the one group with this name.
    pub async fn group(&self, name: &str) -> Value {
        let name = name.replace(' ', "%20");
        let path = format!("/Groups?excludedAttributes=members&filter=displayName%20eq%20%22{name}%22");
        let reply = self.get(&path).await;
        reply.expect(200);
        assert_eq!(reply.body["totalResults"], 1, "{reply:?}");
        reply.body["Resources"][0].clone()
    }
}

impl Reply {
    /// Fails unless the status is this one, and the answer one of SCIM.
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        if !self.body.is_null() {
            assert!(self.head.contains("content-type: application/scim+json"), "{self:?}");
        }
        if status >= 400 {
            assert_eq!(self.body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error", "{self:?}");
            assert_eq!(self.body["status"], status.to_string(), "{self:?}");
        }
        self
    }

    pub fn id(&self) -> &str {
        self.body["id"].as_str().unwrap()
    }
}
