//! `tenure scim`: what SCIM clients wish, and how it is forgotten when a client is no more.
//! It tells how much that is before anything is changed.

use crate::arguments::{ScimArguments, ScimCommand};
use crate::exit::Exit;
use crate::ground;
use crate::output::Output;
use tenure_engine::forget::{forget, wished};
use tenure_engine::house::House;

/// Does it.
pub async fn run(house: &House, arguments: &ScimArguments, output: &Output) -> anyhow::Result<Exit> {
    let ScimCommand::Forget { client, yes, said } = &arguments.command;
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
