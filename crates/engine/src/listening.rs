//! Under which address the daemon answers that listens for this store, as it says when it begins: whoever makes a link for
//! people cannot know it from the file where `--listen` named another one. Of several daemons the last one counts.
//! It listens to nothing itself.

use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use tenure_core::name::ConnectionName;

const NOTE: &str = "listening";

/// Under which name the whole house is noted.
fn whole() -> ConnectionName {
    ConnectionName::new("")
}

/// Notes the address (such as `http://127.0.0.1:8600`) under which this daemon answers.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn begin(house: &House, url: &str) -> Result<(), EngineError> {
    Ok(house.store.set_note(&whole(), NOTE, Some(url)).await?)
}

/// Forgets the address of a daemon that ends, unless another one noted its own since.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn end(house: &House, url: &str) -> Result<(), EngineError> {
    if place(house).await?.as_deref() == Some(url) {
        house.store.set_note(&whole(), NOTE, None).await?;
    }
    Ok(())
}

/// Returns the address under which a daemon answers, if one does.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn place(house: &House) -> Result<Option<String>, EngineError> {
    Ok(house.store.note(&whole(), NOTE).await?)
}
