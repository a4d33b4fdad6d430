//! A company in the sandbox that was read and planned once, a server in front of it, and a worker beside it.

use crate::client::Client;
use std::future::Future;
use std::sync::Arc;
use tempfile::TempDir;
use tenure_core::scope::Scope;
use tenure_engine::clock::Clock;
use tenure_engine::decide::By;
use tenure_engine::house::House;
use tenure_engine::progress::Progress;
use tenure_engine::pull::{Reach, pull};
use tenure_engine::token::{NewToken, create, reveal};
use tenure_engine::work::{Schedule, work};
use tenure_sandbox::{Files, Limits, Options, Sandbox, start};
use tokio::net::TcpListener;

/// As much as the program's own workers have.
const STACK_BYTES: usize = 8 << 20;

pub struct Stage {
    pub house: Arc<House>,
    files: Files,
    _sandbox: Sandbox,
    address: std::net::SocketAddr,
    folder: TempDir,
}

/// Runs a story on a stage where everything was read.
pub fn on_stage<F: Future<Output = ()>>(story: impl FnOnce(Stage) -> F) {
    on_stage_with("", story);
}

/// Runs a story on a stage of which the file says something more.
pub fn on_stage_with<F: Future<Output = ()>>(settings: &str, story: impl FnOnce(Stage) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { story(Stage::open(settings).await).await });
}

impl Stage {
    async fn open(settings: &str) -> Self {
        let sandbox = start(Options { people: 20, limits: Limits::Off, ..Options::default() }).await.unwrap();
        let folder = tempfile::Builder::new().prefix("tenure-api-").tempdir().unwrap();
        let files = sandbox.write_files(folder.path()).unwrap();
        let file = std::fs::read_to_string(&files.config).unwrap();
        std::fs::write(&files.config, file + settings).unwrap();
        let house = Arc::new(House::open(&files.config, Clock::system()).await.unwrap());
        pull(&house, &house.names(), Reach::Changed, &Progress::silent()).await.unwrap();
        tenure_engine::reconcile::pin_links(&house).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(tenure_serve::serve(listener, house.clone()));
        Self { house, files, _sandbox: sandbox, address, folder }
    }

    /// Lets a worker do what is kept.
    pub async fn work(&self) {
        let (house, schedule) = (self.house.clone(), Schedule::of(&self.house).await.unwrap());
        tokio::spawn(async move { work(house, schedule, Progress::silent()).await.unwrap() });
    }

    /// Waits until something is so; half a minute at most.
    pub async fn until(&self, so: impl AsyncFn() -> bool) {
        let waited = tokio::time::timeout(std::time::Duration::from_secs(30), async {
            while !so().await {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        });
        assert!(waited.await.is_ok(), "it did not come to be so");
    }

    /// Returns the folder in which everything lies.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Puts today's HR export in the place of yesterday's.
    pub fn next_morning(&self) {
        std::fs::copy(&self.files.people_today, &self.files.people).unwrap();
    }

    /// Returns a client that shows nothing.
    pub fn nobody(&self) -> Client {
        Client { address: self.address, shows: String::new() }
    }

    /// Returns a client in this person's name with a token for this.
    pub async fn client(&self, who: &str, scopes: &[Scope]) -> Client {
        let asked = NewToken { name: "test".into(), scopes: scopes.to_vec(), lasts: None };
        let by = By { who: who.into(), note: None };
        let (credential, _) = create(&self.house, &asked, &by).await.unwrap();
        Client { address: self.address, shows: format!("Authorization: Bearer {}\r\n", reveal(&credential)) }
    }

    /// Returns a client that may look.
    pub async fn reader(&self) -> Client {
        self.client("olga@acme.example", &[Scope::ApiRead]).await
    }
}
