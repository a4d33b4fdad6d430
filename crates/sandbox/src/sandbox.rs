//! The running sandbox: one server for five vendors and the company behind them. It is started from options, looked at
//! through the world and the statistics, and stopped or dropped. It does not know who talks to it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{self, Body};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use bytes::Bytes;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::door::{Cut, Door};
use crate::files::{self, Files};
use crate::hr::{self, Office};
use crate::mischief::Mischief;
use crate::pace::Pace;
use crate::serve::{Hall, lock, router};
use crate::statistics::{Counter, Statistics};
use crate::tokens::Tokens;
use crate::{Company, Desk, Dialect, Fault, Idp, Options, Surface, Vendor, World, clock};

const STOP_MAX: Duration = Duration::from_secs(2);
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;

/// A running sandbox; dropping it stops it.
pub struct Sandbox {
    addr: SocketAddr,
    options: Options,
    company: Company,
    hall: Arc<Hall>,
    stop: watch::Sender<bool>,
    /// Nothing where it is asked in this process only.
    server: Option<JoinHandle<()>>,
}

/// Starts a sandbox; when this returns, the port is open.
pub async fn start(options: Options) -> io::Result<Sandbox> {
    let listener = TcpListener::bind(options.listen).await?;
    let addr = listener.local_addr()?;
    let mut sandbox = found(options, addr)?;
    let mut stopping = sandbox.hall.stopping.clone();
    let service = router(sandbox.hall.clone()).into_make_service_with_connect_info::<Cut>();
    sandbox.server = Some(tokio::spawn(async move {
        let signal = async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        };
        if let Err(error) = axum::serve(Door(listener), service).with_graceful_shutdown(signal).await {
            tracing::error!(%error, "the sandbox stopped serving");
        }
    }));
    Ok(sandbox)
}

/// Founds a sandbox that has no port and is asked by [`Sandbox::answer`] alone, in this process. The calendar of this
/// thread begins with `moment` and goes on with the runtime's time: where that is paused, equal questions in equal order
/// get equal answers.
pub fn indoors(options: Options, moment: Timestamp) -> io::Result<Sandbox> {
    clock::begin_with(moment);
    let addr = options.listen;
    found(options, addr)
}

fn found(options: Options, addr: SocketAddr) -> io::Result<Sandbox> {
    let company = Company::invent(options.people, options.seed, options.today);
    let (stop, stopping) = watch::channel(false);
    let hall = Arc::new(Hall {
        world: World::new(&company, options.seed, options.dialects),
        idps: Idp::ALL.map(|idp| Desk::found(idp, &company, options.limits)).into(),
        office: Arc::new(Mutex::new(Office::of_company(&company.yesterday, company.today))),
        dialects: Mutex::new(options.dialects),
        limits: options.limits,
        tokens: Mutex::new(Tokens::default()),
        paces: paces(&options)?,
        mischief: Mutex::new(Mischief::new(options.faults.clone(), options.seed)),
        counter: Mutex::new(Counter::default()),
        latency: options.latency,
        stopping,
    });
    Ok(Sandbox { addr, options, company, hall, stop, server: None })
}

fn paces(options: &Options) -> io::Result<[Mutex<Pace>; 5]> {
    let pace = |vendor| {
        let dialect = options.dialects.of(vendor);
        Pace::new(vendor, dialect, options.limits, options.keep.as_deref()).map(Mutex::new)
    };
    let [gorgias, gladly, freshdesk, freshservice, gainsight] = Vendor::ALL.map(pace);
    Ok([gorgias?, gladly?, freshdesk?, freshservice?, gainsight?])
}

impl Sandbox {
    /// Answers one request, whose path begins as in [`Sandbox::base_url`]; nothing where the connection is cut.
    pub async fn answer(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let cut = Cut::default();
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(ConnectInfo(cut.clone()));
        let Ok(answer) = router(self.hall.clone()).oneshot(request).await;
        let (parts, body) = answer.into_parts();
        let body = body::to_bytes(body, ANSWER_MAX_BYTES).await.ok()?;
        (!cut.is_cut()).then(|| Response::from_parts(parts, body))
    }

    /// Returns where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns where it is reached from this machine: one that listens everywhere is reached at the loopback address.
    fn reached_at(&self) -> SocketAddr {
        let here: IpAddr = if self.addr.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        if self.addr.ip().is_unspecified() { SocketAddr::new(here, self.addr.port()) } else { self.addr }
    }

    /// Returns the URL that a connection to this vendor is configured with.
    pub fn base_url(&self, vendor: Vendor) -> String {
        format!("http://{}{}", self.reached_at(), vendor.prefix())
    }

    /// Returns the URL that a connection to this identity provider is configured with.
    pub fn idp_url(&self, idp: Idp) -> String {
        format!("http://{}{}", self.reached_at(), idp.prefix())
    }

    /// Returns the connection to this identity provider, as a configuration has it.
    pub fn idp_block(&self, idp: Idp) -> String {
        files::idp_block(idp, &self.idp_url(idp), self.idp_token_url(idp).as_deref())
    }

    /// Returns the connection to this HR system (`bamboohr`, `workday`, `personio`), as a configuration has it.
    pub fn hr_block(&self, system: &str) -> String {
        hr::block(self.reached_at(), system)
    }

    /// Returns the URL at which this identity provider gives tokens, where it asks for such.
    pub fn idp_token_url(&self, idp: Idp) -> Option<String> {
        idp.token_path().map(|path| format!("http://{}{path}", self.reached_at()))
    }

    /// Returns an identity provider, to look at and to change behind its API's back.
    pub fn idp(&self, idp: Idp) -> Desk {
        self.hall.idps[idp as usize].clone()
    }

    /// Returns the URL of another door of this vendor, where it has that one in its dialect.
    pub fn surface_url(&self, vendor: Vendor, surface: Surface) -> Option<String> {
        let prefix = surface.prefix(vendor, self.dialect(vendor))?;
        Some(format!("http://{}{prefix}", self.reached_at()))
    }

    /// Sets how long the tokens last that are handed out from now on.
    pub fn set_token_life(&self, life: Duration) {
        lock(&self.hall.tokens).life = life;
    }

    /// Ends all tokens before their time.
    pub fn revoke_tokens(&self) {
        lock(&self.hall.tokens).revoke();
    }

    /// Returns the dialect in which this vendor is imitated.
    pub fn dialect(&self, vendor: Vendor) -> Dialect {
        lock(&self.hall.dialects).of(vendor)
    }

    /// Lets a vendor follow another word from now on, as a tenant does that its vendor moves. Who was there when the
    /// sandbox started is there, and what was done since is not.
    ///
    /// # Errors
    /// The vendor's budget of the new dialect could not be read.
    pub fn speak(&self, vendor: Vendor, dialect: Dialect) -> io::Result<()> {
        let pace = Pace::new(vendor, dialect, self.options.limits, self.options.keep.as_deref())?;
        *lock(&self.hall.paces[vendor.index()]) = pace;
        let mut dialects = lock(&self.hall.dialects);
        *dialects = dialects.with(vendor, dialect);
        self.hall.world.found_again(vendor, dialect, &self.company, self.options.seed);
        Ok(())
    }

    /// Writes a ready configuration, a policy, the secrets and both HR exports into a directory.
    pub fn write_files(&self, dir: &Path) -> io::Result<Files> {
        files::write(dir, self, &self.options)
    }

    /// Returns what reached each vendor so far.
    pub fn statistics(&self) -> Statistics {
        lock(&self.hall.counter).counts.clone()
    }

    /// Returns the tenants, to look at and to change behind the API's back.
    pub fn world(&self) -> World {
        self.hall.world.clone()
    }

    /// Returns the people of the made-up company.
    pub fn company(&self) -> &Company {
        &self.company
    }

    /// Replaces all faults and forgets how often the old ones were met.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        lock(&self.hall.mischief).replace(faults);
    }

    /// Stops serving and waits until the port is free; requests under way are given a moment.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Some(server) = &mut self.server {
            let _ = tokio::time::timeout(STOP_MAX, server).await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}
