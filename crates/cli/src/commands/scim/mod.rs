//! `tenure scim`: who the SCIM clients are, what they send, recorded and sent again, and what they wish, forgotten when one
//! is no more. What is recorded is masked by the server before it is kept; it is only shown here.

mod replay;
mod throwaway;

use crate::arguments::{ScimArguments, ScimCommand};
use crate::exit::{Exit, Mistake};
use crate::ground;
use crate::output::Output;
use anyhow::Context;
use std::path::Path;
use tenure_core::policy::Delay;
use tenure_engine::forget::{forget, wished};
use tenure_engine::house::House;
use tenure_engine::recorded::{self, ClientView};
use tenure_scim::{Recorded, Recording};

/// Does what needs no house; nothing where it needs one.
pub async fn offline(arguments: &ScimArguments, output: &Output) -> Option<anyhow::Result<Exit>> {
    match &arguments.command {
        ScimCommand::Replay(asked) => Some(replay::run(asked, output).await),
        _ => None,
    }
}

/// Does it.
pub async fn run(house: &House, arguments: &ScimArguments, output: &Output) -> anyhow::Result<Exit> {
    match &arguments.command {
        ScimCommand::Clients => clients(&recorded::clients(house).await?, output),
        ScimCommand::Record { client, lasts, end: false, said } => {
            let lasts =
                Delay::parse(lasts).flatten().ok_or_else(|| Mistake(format!("{lasts:?} is no time; such as 1h")))?;
            let (token, begun) = recorded::begin(house, client, lasts, &ground::word(said)).await?;
            let until = tenure_engine::clock::moment_text(begun.until_ms);
            if output.json {
                output.document(
                    &serde_json::json!({ "client": token.name, "token": token.id, "recorded_until": until }),
                )?;
            } else {
                output.line(format!("{} ({}) is recorded until {until}", token.name, token.id));
            }
            output.advice(format!("masked as it comes; `tenure scim show {}` prints it", token.id));
            Ok(Exit::Done)
        }
        ScimCommand::Record { client, end: true, .. } => {
            let token = recorded::end(house, client).await?;
            if output.json {
                output.document(
                    &serde_json::json!({ "client": token.name, "token": token.id, "recorded_until": null }),
                )?;
            } else {
                output.line(format!("{} ({}) is recorded no more; what was recorded stays", token.name, token.id));
            }
            Ok(Exit::Done)
        }
        ScimCommand::Show { client, out } => show(house, client, out.as_deref(), output).await,
        ScimCommand::Forget { client, yes, said } => {
            let counts = match yes {
                true => forget(house, client, &ground::word(said)).await?,
                false => wished(house, client).await?,
            };
            if output.json {
                output.document(&serde_json::json!({ "client": client, "forgotten": yes, "wishes": counts }))?;
                return Ok(Exit::Done);
            }
            for (connection, count) in &counts {
                output.line(format!("{connection}: {count} {}", if *yes { "forgotten" } else { "wished" }));
            }
            output.advice(match yes {
                true => "the rules alone count there now; `tenure plan` shows what follows",
                false => "nothing is changed; --yes forgets it",
            });
            Ok(Exit::Done)
        }
        ScimCommand::Replay(_) => anyhow::bail!("broken invariant: a replay needs no house"),
    }
}

fn clients(all: &[ClientView], output: &Output) -> anyhow::Result<Exit> {
    if output.json {
        output.document(&serde_json::json!({ "clients": all }))?;
        return Ok(Exit::Done);
    }
    let rows = all.iter().map(|client| {
        let product = match (&client.product, &client.by) {
            (Some(product), Some(by)) => format!("{product} ({by})"),
            _ => "not recognised yet".to_owned(),
        };
        let recorded = match &client.recorded_until {
            Some(until) => format!("{}, until {until}", client.requests),
            None => client.requests.to_string(),
        };
        let unheld: Vec<&str> = client.unheld.iter().map(String::as_str).collect();
        vec![
            client.name.clone(),
            client.token.clone(),
            client.connections.join(", "),
            product,
            client.used_at.clone().unwrap_or_else(|| "never".into()),
            recorded,
            unheld.join(", "),
        ]
    });
    output.table(&["client", "token", "connection", "is", "used", "recorded", "sends in vain"], rows);
    Ok(Exit::Done)
}

async fn show(house: &House, client: &str, out: Option<&Path>, output: &Output) -> anyhow::Result<Exit> {
    let (token, texts) = recorded::requests(house, client).await?;
    let all: Vec<Recorded> = texts
        .iter()
        .map(|text| serde_json::from_str(text))
        .collect::<Result<_, _>>()
        .context("read what was recorded")?;
    let connection = recorded::connection(&token);
    let app = connection.and_then(|name| house.config.connections.get(name.as_str()).map(|known| known.app.clone()));
    let recording = Recording::of(app, &all);
    let unread = all.iter().filter(|one| one.is_unread).count();
    let text = recording.to_string();
    if let Some(out) = out {
        std::fs::write(out, &text).with_context(|| format!("write {}", out.display()))?;
    }
    if output.json {
        let requests: Vec<_> = recording.exchanges.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
        output.document(&serde_json::json!({
            "client": token.name, "token": token.id, "is": recording.client, "app": recording.app,
            "requests": requests, "unread": unread, "recording": text,
        }))?;
    } else if out.is_none() {
        output.line(text.trim_end());
    }
    output.advice(match unread {
        0 => format!("{} requests; `tenure scim replay FILE` sends them again", recording.exchanges.len()),
        unread => {
            format!("{} requests; {unread} more had a body that is no JSON and was not kept", recording.exchanges.len())
        }
    });
    Ok(Exit::Done)
}
