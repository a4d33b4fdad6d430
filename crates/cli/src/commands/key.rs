//! `tenure key`: the key with which secrets are sealed that several processes share.
//! A new one is the only line on standard output. The program writes no key to any file.

use crate::arguments::{KeyArguments, KeyCommand};
use crate::exit::Exit;
use crate::ground;
use crate::output::Output;
use tenure_engine::chance::Chance;
use tenure_engine::house::House;
use tenure_engine::seal::{Lost, new_key, openers, rotate};
use tenure_engine::token::reveal;

/// Makes a key, for which neither a configuration nor a store is needed; `None` where something else is asked.
pub fn offline(arguments: &KeyArguments, output: &Output) -> Option<anyhow::Result<Exit>> {
    let KeyCommand::New = arguments.command else { return None };
    Some(print_new(output))
}

fn print_new(output: &Output) -> anyhow::Result<Exit> {
    let key = new_key(&Chance::system())?;
    match output.json {
        true => output.document(&serde_json::json!({ "key": reveal(&key) }))?,
        false => output.line(reveal(&key)),
    }
    output.advice("keep it where [store] key will say, for its owner only; without it, what it sealed is lost");
    Ok(Exit::Done)
}

/// Lists, or seals anew.
pub async fn run(house: &House, arguments: &KeyArguments, output: &Output) -> anyhow::Result<Exit> {
    let KeyCommand::Rotate { drop_lost, said } = &arguments.command else {
        let openers = openers(house).await?;
        if output.json {
            output.document(&serde_json::json!({ "keys": openers }))?;
            return Ok(Exit::Done);
        }
        let row = |one: &tenure_engine::seal::Opener| {
            vec![one.key.clone(), one.values.to_string(), one.is.unwrap_or("not at hand").to_owned()]
        };
        output.table(&["key", "values", "is"], openers.iter().map(row));
        return Ok(Exit::Done);
    };
    let lost = if *drop_lost { Lost::Drop } else { Lost::Refuse };
    let done = rotate(house, lost, &ground::word(said)).await?;
    if output.json {
        output.document(&done)?;
        return Ok(Exit::Done);
    }
    output.line(format!("{} values are sealed with key {}", done.sealed, done.key));
    if done.dropped > 0 {
        output.line(format!("{} values that no key at hand opens were dropped", done.dropped));
    }
    output.advice("next: take key_before out of tenure.toml where nothing runs with it any more");
    Ok(Exit::Done)
}
