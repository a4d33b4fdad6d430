//! `tenure serve`: the daemon. Says what it listens on and which connections it reads when, then works until it is told
//! to end: the first signal lets it finish the steps under way, the second ends it at once. A hang-up lets it read its files
//! anew; if they are wrong, they stay as they were.
//! Several may share a store; none of them is special.

use crate::arguments::{Common, ServeArguments};
use crate::exit::{Exit, Mistake};
use crate::ground;
use crate::output::Output;
use anyhow::Context;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tenure_engine::drain::Drain;
use tenure_engine::house::House;
use tenure_engine::listening;
use tenure_engine::work::{Schedule, check_clock, work};
use tenure_serve::{Front, TlsFiles, TlsListener};
use tokio::net::TcpListener;

const LISTEN: &str = "127.0.0.1:8600";
/// How a shell tells that a signal ended a program: 128 and the signal's number, which is 2 for Ctrl-C.
const ENDED_AT_ONCE: i32 = 130;
/// How long those who were asking are answered once nothing else is under way.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);
/// How long it may take to forget where it listened.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(3);
/// How often, and how many times, it is looked whether something is still answered by a house that was replaced.
const LEFT_LOOKED_EVERY: Duration = Duration::from_millis(100);
const LEFT_LOOKS: usize = 300;

/// Serves.
pub async fn run(common: &Common, arguments: &ServeArguments, output: &Output) -> anyhow::Result<Exit> {
    let house = Arc::new(ground::open(common).await?);
    check_clock(&house).await?;
    let schedule = Schedule::of(&house).await?;
    let address = address(&house, arguments)?;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}; --listen names another address"))?;
    let listens = listener.local_addr()?;
    let place = place(&house, listens);
    listening::begin(&house, &place).await?;
    tell(&house, &schedule, listens, output)?;
    let (drain, front) = (Drain::default(), Front::of(house.clone()));
    let mut hangups = Hangups::heed()?;
    tokio::spawn(heed_signals(drain.clone(), output.clone()));
    let answering = match TlsFiles::of(&house.config) {
        None => tokio::spawn(tenure_serve::serve_front(listener, front.clone(), drain.clone())),
        Some(files) => {
            let listener = TlsListener::over(listener, files).context("read the certificate of `[server] tls`")?;
            tokio::spawn(tenure_serve::serve_front(listener, front.clone(), drain.clone()))
        }
    };
    let worked = work_on(common, Day { house, schedule }, &front, &drain, &mut hangups, output).await;
    drain.begin();
    match tokio::time::timeout(ANSWERED_WITHIN, answering).await {
        Ok(answered) => answered.context("answer HTTP")??,
        Err(_) => output.warning("somebody's question was not answered to its end"),
    }
    let house = worked?;
    // A store that is gone keeps the address; whoever begins next notes another.
    let _ = tokio::time::timeout(FORGOTTEN_WITHIN, listening::end(&house, &place)).await;
    house.close().await;
    output.note("ended; nothing is under way");
    Ok(Exit::Done)
}

/// A house, and when its connections are read.
struct Day {
    house: Arc<House>,
    schedule: Schedule,
}

/// Works until the process is to end; takes another house where the files are to be read anew. Returns the last one.
async fn work_on(
    common: &Common,
    mut day: Day,
    front: &Front,
    drain: &Drain,
    hangups: &mut Hangups,
    output: &Output,
) -> anyhow::Result<Arc<House>> {
    loop {
        let house = day.house.clone();
        let mut working = tokio::spawn(work(house.clone(), day.schedule, crate::progress::listener(output)));
        let next = loop {
            tokio::select! {
                worked = &mut working => {
                    worked.context("work")??;
                    return Ok(house);
                }
                () = drain.begun(), if !house.drain.has_begun() => house.drain.begin(),
                () = asked_anew(hangups, &house), if !house.drain.has_begun() => match reopen(common).await {
                    Ok(day) => break day,
                    Err(error) => {
                        output.warning(format!("the files are as they were: {error:#}"));
                        house.reload.end(Some(format!("{error:#}")));
                    }
                },
            }
        };
        front.put(next.house.clone());
        house.reload.end(None);
        // What is under way is finished by the house that began it; what is left is the next one's.
        house.drain.begin();
        working.await.context("work")??;
        tokio::spawn(leave(house));
        output.note("the files are read anew");
        tell_when(&next.schedule, output);
        day = next;
    }
}

/// Waits until somebody wishes that the files be read anew: by a hang-up, or in the console.
async fn asked_anew(hangups: &mut Hangups, house: &House) {
    tokio::select! {
        () = hangups.next() => {}
        () = house.reload.asked() => {}
    }
}

/// Opens what the files describe by now; the address on which is listened stays.
async fn reopen(common: &Common) -> anyhow::Result<Day> {
    let house = Arc::new(ground::open(common).await?);
    let schedule = Schedule::of(&house).await?;
    Ok(Day { house, schedule })
}

/// Closes a house once nothing is answered by it any more.
async fn leave(house: Arc<House>) {
    for _ in 0..LEFT_LOOKS {
        if Arc::strong_count(&house) == 1 {
            break;
        }
        tokio::time::sleep(LEFT_LOOKED_EVERY).await;
    }
    house.close().await;
}

fn address(house: &House, arguments: &ServeArguments) -> Result<SocketAddr, Mistake> {
    if let Some(address) = arguments.listen {
        return Ok(address);
    }
    let text = house.config.server.listen.as_deref().unwrap_or(LISTEN);
    text.parse().map_err(|_| Mistake(format!("`listen` is {text:?}, which is no address such as {LISTEN:?}")))
}

/// Says what it is about to do: for programs on standard output, for people on standard error.
fn tell(house: &House, schedule: &Schedule, listening: SocketAddr, output: &Output) -> anyhow::Result<()> {
    if output.json {
        let connections: Vec<_> = schedule
            .iter()
            .map(|(name, every_ms, says)| {
                serde_json::json!({ "connection": name, "every_seconds": every_ms.map(|ms| ms / 1000), "read": says })
            })
            .collect();
        output.document(&serde_json::json!({ "listen": listening.to_string(), "connections": connections }))?;
    }
    let kind = if house.config.store.url.starts_with("sqlite:") { "SQLite" } else { "PostgreSQL" };
    let (version, scheme) = (env!("CARGO_PKG_VERSION"), scheme(house));
    output.note(format!("tenure {version} listens on {scheme}://{listening}, its store is {kind}"));
    tell_when(schedule, output);
    Ok(())
}

fn scheme(house: &House) -> &'static str {
    if house.config.server.tls.is_some() { "https" } else { "http" }
}

/// Returns the address under which a browser on this machine finds what listens there.
fn place(house: &House, listening: SocketAddr) -> String {
    let near = match listening {
        SocketAddr::V4(address) if address.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        SocketAddr::V6(address) if address.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        named => named,
    };
    format!("{}://{near}", scheme(house))
}

/// Says when each connection is read, and what the file asks for in vain.
fn tell_when(schedule: &Schedule, output: &Output) {
    for (name, _, says) in schedule.iter() {
        output.note(format!("  {name:<14} is read {says}"));
    }
    for refused in schedule.refused() {
        output.warning(refused);
    }
}

/// Lets the first signal drain, and the second end at once.
async fn heed_signals(drain: Drain, output: Output) {
    signalled().await;
    output.note("ending: what is under way is finished, the rest is given back; once more ends at once");
    drain.begin();
    signalled().await;
    std::process::exit(ENDED_AT_ONCE);
}

/// The wishes that the files be read anew.
struct Hangups {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
}

impl Hangups {
    #[cfg(unix)]
    fn heed() -> std::io::Result<Self> {
        Ok(Self { signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        if self.signals.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    #[cfg(not(unix))]
    fn heed() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
