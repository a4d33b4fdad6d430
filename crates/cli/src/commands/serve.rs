//! `tenure serve`: the daemon. Says what it listens on and which connections it reads when, then works until it is told
//! to end: the first signal lets it finish the steps under way, the second ends it at once.
//! Several may share a store; none of them is special.

use crate::arguments::{Common, ServeArguments};
use crate::exit::{Exit, Mistake};
use crate::ground;
use crate::output::Output;
use anyhow::Context;
use std::net::SocketAddr;
use std::sync::Arc;
use tenure_engine::drain::Drain;
use tenure_engine::house::House;
use tenure_engine::work::{Schedule, check_clock, work};
use tokio::net::TcpListener;

const LISTEN: &str = "127.0.0.1:8600";
/// How a shell tells that a signal ended a program: 128 and the signal's number, which is 2 for Ctrl-C.
const ENDED_AT_ONCE: i32 = 130;

/// Serves.
pub async fn run(common: &Common, arguments: &ServeArguments, output: &Output) -> anyhow::Result<Exit> {
    let house = Arc::new(ground::open(common).await?);
    check_clock(&house).await?;
    let schedule = Schedule::of(&house).await?;
    let address = address(&house, arguments)?;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}; --listen names another address"))?;
    let listening = listener.local_addr()?;
    tell(&house, &schedule, listening, output)?;
    tokio::spawn(heed_signals(house.drain.clone()));
    let answering = tokio::spawn(tenure_serve::serve(listener, house.clone()));
    let worked = work(house.clone(), schedule, crate::progress::listener(output)).await;
    house.drain.begin();
    answering.await.context("answer HTTP")??;
    house.close().await;
    worked?;
    output.note("ended; nothing is under way");
    Ok(Exit::Done)
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
    output.note(format!("tenure {} listens on http://{listening}, its store is {kind}", env!("CARGO_PKG_VERSION")));
    for (name, _, says) in schedule.iter() {
        output.note(format!("  {name:<14} is read {says}"));
    }
    Ok(())
}

/// Lets the first signal drain, and the second end at once.
async fn heed_signals(drain: Drain) {
    signalled().await;
    eprintln!("tenure: ending: what is under way is finished, the rest is given back; once more ends at once");
    drain.begin();
    signalled().await;
    std::process::exit(ENDED_AT_ONCE);
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
