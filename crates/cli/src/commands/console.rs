//! `tenure console`: a link that signs one person in to the console once, for the first minutes and for whoever has no
//! other way in. The link is the only line on standard output, once; what is said about it goes to standard error.

use crate::arguments::{ConsoleArguments, ConsoleCommand};
use crate::exit::{Exit, Mistake};
use crate::ground;
use crate::output::Output;
use tenure_core::policy::Delay;
use tenure_core::role::Role;
use tenure_engine::decide::By;
use tenure_engine::house::House;
use tenure_engine::session::{invite, list};
use tenure_engine::token::reveal;

const LISTEN: &str = "127.0.0.1:8600";

/// Does one of them.
pub async fn run(house: &House, arguments: &ConsoleArguments, output: &Output) -> anyhow::Result<Exit> {
    match &arguments.command {
        ConsoleCommand::Link { role, expires, by } => {
            let role: Role = role.parse().map_err(|error: tenure_core::role::NoRole| Mistake(error.to_string()))?;
            let Some(Some(lasts)) = Delay::parse(expires) else {
                return Err(Mistake(format!("{expires:?} is no time; such as 15m or 2h")).into());
            };
            let who = ground::actor(by.as_deref());
            let by = By { who: ground::actor(None), note: None };
            let (credential, invited) = invite(house, &who, role, lasts.as_ms(), &by).await?;
            let link = format!("{}/sign-in?link={}", base(house).await?, reveal(&credential));
            if output.json {
                let mut document = serde_json::to_value(&invited)?;
                document["link"] = link.into();
                output.document(&document)?;
                return Ok(Exit::Done);
            }
            output.line(link);
            output.advice(format!(
                "signs {} in as {} once, until {}; `tenure serve` answers it",
                invited.who, invited.role, invited.expires_at
            ));
        }
        ConsoleCommand::Sessions => {
            let sessions = list(house).await?;
            if output.json {
                output.document(&serde_json::json!({ "sessions": sessions }))?;
                return Ok(Exit::Done);
            }
            let rows = sessions.into_iter().map(|session| {
                vec![session.id, session.who, session.role, session.created_at, session.seen_at, session.expires_at]
            });
            output.table(&["id", "who", "role", "since", "seen", "ends"], rows);
        }
        ConsoleCommand::End { session, said } => {
            if !tenure_engine::session::end(house, session.trim(), &ground::word(said).who).await? {
                return Err(
                    Mistake(format!("no session {session:?} is open; `tenure console sessions` lists them")).into()
                );
            }
            output.line(format!("session {} is ended", session.trim()));
        }
    }
    Ok(Exit::Done)
}

/// Returns the address under which people reach the console: the public one, else the one on which a daemon listens, else the
/// one on which it would by the file.
async fn base(house: &House) -> anyhow::Result<String> {
    let server = &house.config.server;
    if let Some(url) = &server.public_url {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    if let Some(place) = tenure_engine::listening::place(house).await? {
        return Ok(place);
    }
    let scheme = if server.tls.is_some() { "https" } else { "http" };
    Ok(format!("{scheme}://{}", server.listen.as_deref().unwrap_or(LISTEN)))
}
