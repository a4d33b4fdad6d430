//! `tenure token`: makes, lists, rotates and revokes the credentials of the API, the console and SCIM clients.
//! A new one is the only line on standard output, once; whatever is said about it goes to standard error.

use crate::arguments::{TokenArguments, TokenCommand};
use crate::exit::{Exit, Mistake};
use crate::ground;
use crate::output::Output;
use tenure_core::policy::Delay;
use tenure_core::scope::Scope;
use tenure_engine::decide::By;
use tenure_engine::house::House;
use tenure_engine::token::{NewToken, TokenState, TokenView, create, list, reveal, revoke, rotate};

/// Does one of them.
pub async fn run(house: &House, arguments: &TokenArguments, output: &Output) -> anyhow::Result<Exit> {
    match &arguments.command {
        TokenCommand::Create { scope, expires, name, by } => {
            let asked = NewToken { name: name.clone(), scopes: scopes(house, scope)?, lasts: lasts(expires)? };
            make(house, &asked, &By { who: ground::actor(by.as_deref()), note: None }, output).await
        }
        TokenCommand::List => {
            show(&list(house).await?, output)?;
            Ok(Exit::Done)
        }
        TokenCommand::Rotate { token, overlap, said } => {
            let overlap = lasts(overlap)?.ok_or_else(|| Mistake("an overlap ends, such as 7d".into()))?;
            follow(house, token, overlap, &ground::word(said), output).await
        }
        TokenCommand::Revoke { token, said } => {
            let revoked = revoke(house, token, &ground::word(said)).await?;
            match output.json {
                true => output.document(&serde_json::json!({ "revoked": revoked }))?,
                false => output.line(format!("token {} ({}) is revoked", revoked.id, revoked.name)),
            }
            Ok(Exit::Done)
        }
    }
}

fn scopes(house: &House, words: &[String]) -> Result<Vec<Scope>, Mistake> {
    let names = house.names();
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let words = words.iter().flat_map(|word| word.split(',')).map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| Scope::parse(word, &names).map_err(Mistake)).collect()
}

fn lasts(text: &str) -> Result<Option<Delay>, Mistake> {
    match Delay::parse(text) {
        Some(Some(delay)) if delay.as_ms() <= 0 => Err(Mistake("a token must last for a while, such as 90d".into())),
        Some(lasts) => Ok(lasts),
        None => Err(Mistake(format!("{text:?} is no time; such as 90d, 12h or never"))),
    }
}

async fn make(house: &House, asked: &NewToken, by: &By, output: &Output) -> anyhow::Result<Exit> {
    let (credential, token) = create(house, asked, by).await?;
    if output.json {
        let mut document = serde_json::to_value(&token)?;
        document["token"] = reveal(&credential).into();
        output.document(&document)?;
        return Ok(Exit::Done);
    }
    output.line(reveal(&credential));
    let until = token.expires_at.as_deref().map_or_else(|| "does not end".into(), |at| format!("ends at {at}"));
    output.advice(format!("this is shown once; token {} ({}) {until}", token.id, token.scopes.join(", ")));
    if asked.lasts.is_none() {
        output.warning("a token that does not end is found by whoever looks long enough; give it an end where you can");
    }
    Ok(Exit::Done)
}

async fn follow(house: &House, which: &str, overlap: Delay, by: &By, output: &Output) -> anyhow::Result<Exit> {
    let (credential, token, old) = rotate(house, which, overlap, by).await?;
    if output.json {
        let mut document = serde_json::to_value(&token)?;
        document["token"] = reveal(&credential).into();
        document["follows"] = serde_json::to_value(&old)?;
        output.document(&document)?;
        return Ok(Exit::Done);
    }
    output.line(reveal(&credential));
    let until = token.expires_at.as_deref().map_or_else(|| "does not end".into(), |at| format!("ends at {at}"));
    let ends = old.expires_at.unwrap_or_default();
    output.advice(format!(
        "this is shown once; token {} {until}; the one before, {}, works until {ends}",
        token.id, old.id
    ));
    Ok(Exit::Done)
}

fn show(tokens: &[TokenView], output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.document(&serde_json::json!({ "tokens": tokens }));
    }
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".into());
    let row = |token: &TokenView| {
        vec![
            token.id.clone(),
            token.name.clone(),
            token.owner.clone(),
            token.scopes.join(" "),
            word(token.state).to_owned(),
            token.expires_at.clone().unwrap_or_else(|| "never".into()),
            or_dash(&token.used_at),
        ]
    };
    output.table(&["id", "name", "owner", "scopes", "state", "ends", "used"], tokens.iter().map(row));
    for token in tokens.iter().filter(|token| token.state == TokenState::Expiring) {
        output.warning(format!("token {} ({}) ends at {}", token.id, token.name, or_dash(&token.expires_at)));
    }
    Ok(())
}

fn word(state: TokenState) -> &'static str {
    match state {
        TokenState::Good => "good",
        TokenState::Expiring => "ends soon",
        TokenState::Expired => "ended",
        TokenState::Revoked => "revoked",
    }
}
