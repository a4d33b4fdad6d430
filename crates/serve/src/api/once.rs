//! What is asked for under a key is done once: whoever asks again is told what came of it the first time.
//! The key is kept with the answer in the store, so that this holds over crashes and for several processes.
//! What came to nothing leaves no key behind.

use super::endpoint::{Caller, Endpoint};
use serde_json::{Value, json};
use tenure_engine::EngineError;
use tenure_engine::act::{Kept, ask, digest_of, end, forget};
use tenure_engine::house::House;

/// Whatever is not answered after this time was broken off, and may be done again: nothing that is kept so is harmed by
/// that.
const UNDER_WAY_MS: i64 = 60 * 1000;

/// Does what is asked, unless it was done under this key. Returns the answer, and where it goes on.
pub(super) async fn once<E: Endpoint>(
    house: &House,
    asked: E::Asked,
    caller: &Caller,
) -> Result<(Value, Option<String>), EngineError> {
    let Some(key) = caller.key.as_deref().filter(|_| !E::KEEPS_KEY) else {
        let answer = E::answer(house, asked, caller).await?;
        return Ok((value(&answer)?, E::place(&answer)));
    };
    let digest = digest_of(&format!("{} {}", E::METHOD, E::PATH), &asked);
    let (act, is_new) = ask(house, &json!({}), digest, &caller.owner, Some(key), false).await?;
    if !is_new {
        let kept = act.answer.as_deref().and_then(|text| serde_json::from_str(text).ok());
        if let Some(Kept::Answer(answer)) = kept {
            return Ok((answer, None));
        }
        if house.clock.now_ms() - act.asked_ms < UNDER_WAY_MS {
            return Err(EngineError::Busy("the same was asked for a moment ago and is under way".into()));
        }
    }
    match E::answer(house, asked, caller).await {
        Ok(answer) => {
            let told = value(&answer)?;
            end(house, &act.id, &Kept::Answer(E::kept(told.clone()))).await?;
            Ok((told, E::place(&answer)))
        }
        Err(error) => {
            forget(house, &act.id).await?;
            Err(error)
        }
    }
}

fn value(answer: &impl serde::Serialize) -> Result<Value, EngineError> {
    serde_json::to_value(answer).map_err(|error| EngineError::Broken(error.to_string()))
}
