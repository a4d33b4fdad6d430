//! A server for one replay: imitations of the apps, a store in a folder of its own, everything read once, and a token.
//! It is gone with the replay. No app is named here: it is that of the recording.

use crate::exit::Mistake;
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tenure_connect::transport::Credential;
use tenure_core::name::ConnectionName;
use tenure_core::scope::Scope;
use tenure_engine::chance::Chance;
use tenure_engine::clock::Clock;
use tenure_engine::decide::By;
use tenure_engine::house::House;
use tenure_engine::progress::Progress;
use tenure_engine::pull::{Reach, pull};
use tenure_engine::token::{NewToken, create, reveal};
use tenure_sandbox::{Limits, Options, Sandbox, Vendor};

/// The app of a source that is pushed.
const PUSHED: &str = "scim";
/// So many people are there already.
const PEOPLE: usize = 21;

/// A server that is thrown away.
pub struct Throwaway {
    /// Where SCIM is answered, up to the connection.
    pub base: String,
    token: String,
    house: Arc<House>,
    sandbox: Sandbox,
    folder: PathBuf,
}

impl Throwaway {
    /// Opens one before the imitation of an app.
    pub async fn open(app: Option<&str>) -> anyhow::Result<Self> {
        let known =
            || Vendor::ALL.iter().map(ToString::to_string).chain([PUSHED.to_owned()]).collect::<Vec<_>>().join(", ");
        let app = app.filter(|app| *app == PUSHED || app.parse::<Vendor>().is_ok());
        let app = app.ok_or_else(|| Mistake(format!("--app says which imitation stands behind it: {}", known())))?;
        let sandbox = tenure_sandbox::start(Options { people: PEOPLE, limits: Limits::Off, ..Options::default() });
        let sandbox = sandbox.await.context("start the sandbox")?;
        let name = tenure_core::hex::hex(&Chance::system().bytes::<8>()?);
        let folder = std::env::temp_dir().join(format!("tenure-replay-{name}"));
        let opened = Self::house(app, &sandbox, &folder).await;
        match opened {
            Ok((house, base, token)) => Ok(Self { base, token, house, sandbox, folder }),
            Err(error) => {
                let _ = std::fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    async fn house(app: &str, sandbox: &Sandbox, folder: &Path) -> anyhow::Result<(Arc<House>, String, String)> {
        let files = sandbox.write_files(folder).context("write the configuration")?;
        if app == PUSHED {
            let text = std::fs::read_to_string(&files.config)?;
            std::fs::write(&files.config, format!("{text}\n[connections.{app}]\napp = \"{app}\"\nsource = true\n"))?;
        }
        let house = Arc::new(House::open(&files.config, Clock::system()).await?);
        let readable: Vec<ConnectionName> = house.names().into_iter().filter(|name| name.as_str() != PUSHED).collect();
        pull(&house, &readable, Reach::Everything, &Progress::silent()).await?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}/scim/v2/{app}", listener.local_addr()?);
        tokio::spawn(tenure_serve::serve(listener, house.clone()));
        let scopes = vec![Scope::Scim(ConnectionName::new(app))];
        let asked = NewToken { name: "replay".into(), scopes, lasts: None };
        let (token, _) = create(&house, &asked, &By { who: "replay".into(), note: None }).await?;
        Ok((house, base, reveal(&token).to_owned()))
    }

    /// Returns the credential of its client.
    pub fn token(&self) -> Credential {
        Credential::Bearer(self.token.clone().into())
    }

    /// Throws it away.
    pub async fn close(self) {
        self.house.drain.begin();
        self.sandbox.stop().await;
        self.house.close().await;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
