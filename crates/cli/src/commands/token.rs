//! `tenure token`: makes, lists, rotates and revokes the credentials of the API, the console and SCIM clients.
//! A new one is the only line on standard output, once; whatever is said about it goes to standard error.

use crate::arguments::{TokenArguments, TokenCommand};
use crate::exit::{Exit, Mistake};
use crate::ground;
use crate::output::Output;
use crate::place::Place;
use crate::remote::Remote;
use tenure_core::policy::Delay;
use tenure_core::scope::Scope;
use tenure_engine::decide::By;
use tenure_engine::house::House;
use tenure_engine::token::{NewToken, TokenState, TokenView, check_doors, create, list, reveal, revoke, rotate};
use tenure_serve::api::reads;
use tenure_serve::api::writes::{self, RevokeAsked, TokenAsked, TokenMade};

/// Does one of them.
pub async fn run(place: &Place, arguments: &TokenArguments, output: &Output) -> anyhow::Result<Exit> {
    let house = match place {
        Place::There(remote) => return ask(remote, &arguments.command, output).await,
        Place::Here(house) => house,
    };
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
        TokenCommand::Revoke { token, said } => ended(&revoke(house, token, &ground::word(said)).await?, output),
    }
}

/// Has a server do it, in the name of whoever bears the token that it is asked with.
async fn ask(remote: &Remote, command: &TokenCommand, output: &Output) -> anyhow::Result<Exit> {
    match command {
        TokenCommand::Create { scope, expires, name, .. } => {
            lasts(expires)?;
            let scopes = words(scope).map(str::to_owned).collect();
            let asked = TokenAsked { name: name.clone(), scopes, expires: Some(expires.clone()) };
            let TokenMade { view, token } = remote.ask::<writes::TokenCreate>(&asked).await?;
            let token = token.ok_or_else(|| Mistake("the answer was lost, and a token is told once".into()))?;
            made(&token, &view, output)
        }
        TokenCommand::List => {
            show(&remote.ask::<reads::TokenList>(&reads::Nothing {}).await?.tokens, output)?;
            Ok(Exit::Done)
        }
        TokenCommand::Rotate { .. } => {
            let hint = "this is done beside the store only, without --server: it changes another's token. From afar, \
                        `token create` makes the next one and `token revoke` ends the one before";
            Err(Mistake(hint.into()).into())
        }
        TokenCommand::Revoke { token, said } => {
            let asked = RevokeAsked { id: token.clone(), note: said.note.clone() };
            ended(&remote.ask::<writes::TokenRevoke>(&asked).await?, output)
        }
    }
}

fn ended(revoked: &TokenView, output: &Output) -> anyhow::Result<Exit> {
    match output.json {
        true => output.document(&serde_json::json!({ "revoked": revoked }))?,
        false => output.line(format!("token {} ({}) is revoked", revoked.id, revoked.name)),
    }
    Ok(Exit::Done)
}

/// Takes scopes apart that are written with commas between them.
fn words(scopes: &[String]) -> impl Iterator<Item = &str> {
    scopes.iter().flat_map(|word| word.split(',')).map(str::trim).filter(|word| !word.is_empty())
}

fn scopes(house: &House, scopes: &[String]) -> anyhow::Result<Vec<Scope>> {
    let names = house.names();
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let scopes: Vec<Scope> =
        words(scopes).map(|word| Scope::parse(word, &names).map_err(Mistake)).collect::<Result<_, _>>()?;
    check_doors(house, &scopes)?;
    Ok(scopes)
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
    made(reveal(&credential), &token, output)
}

/// Shows a new token, once.
fn made(credential: &str, token: &TokenView, output: &Output) -> anyhow::Result<Exit> {
    if output.json {
        let mut document = serde_json::to_value(token)?;
        document["token"] = credential.into();
        output.document(&document)?;
        return Ok(Exit::Done);
    }
    output.line(credential);
    let until = token.expires_at.as_deref().map_or_else(|| "does not end".into(), |at| format!("ends at {at}"));
    output.advice(format!("this is shown once; token {} ({}) {until}", token.id, token.scopes.join(", ")));
    if token.expires_at.is_none() {
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
