//! The product's own path: the engine's pull, with connector, governor and store, by a `tenure.toml` that is written
//! to a folder of its own.
//! The bench names the server and the limits; nothing else differs from an operator's file.

use crate::job::{Outcome, Pull};
use crate::serve::Shape;
use crate::spent::Watch;
use anyhow::Context;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tenure_core::name::ConnectionName;
use tenure_engine::clock::Clock;
use tenure_engine::house::House;
use tenure_engine::progress::Progress;
use tenure_engine::pull::Reach;
use tenure_store::AccountFilter;

/// What the server is called where nobody else asks it.
const ALONE: &str = "bench";
const PAGE: usize = 1000;

/// Writes the configuration for one connection into `folder`, and returns its file.
pub fn write_configuration(folder: &Path, pull: &Pull) -> anyhow::Result<PathBuf> {
    let (app, secrets) = match pull.shape {
        Shape::Cursor => ("gorgias", "email = { file = \"secret\" }\ntoken = { file = \"secret\" }\n"),
        Shape::Numbered => ("freshservice", "api_key = { file = \"secret\" }\n"),
    };
    let (store, name) = pull.shared.clone().unwrap_or_else(|| ("sqlite:tenure.db".into(), ALONE.into()));
    let text = format!(
        "[store]\nurl = \"{store}\"\n\n[connections.{name}]\napp = \"{app}\"\nurl = \"{}\"\nshare = 1.0\n\
         limits = {}\n\n[connections.{name}.secrets]\n{secrets}",
        pull.url, pull.limits
    );
    std::fs::write(folder.join("secret"), "bench@acme.example\n")?;
    let file = folder.join("tenure.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}

/// Reads the list once.
pub async fn pull(pull: &Pull) -> anyhow::Result<Outcome> {
    let watch = Watch::since_start();
    let folder = tempfile::tempdir()?;
    let file = write_configuration(folder.path(), pull)?;
    let house = House::open(&file, Clock::system()).await?;
    let name = ConnectionName::new(pull.shared.as_ref().map_or(ALONE, |(_, name)| name));
    let views =
        tenure_engine::pull::pull(&house, std::slice::from_ref(&name), Reach::Everything, &Progress::silent()).await?;
    let view = views.into_iter().next().context("a pull without a view")?;
    let spent = watch.spent();
    Ok(Outcome {
        spent,
        accounts: view.accounts,
        distinct: distinct(&house, name).await?,
        complete: view.coverage.as_str() == "complete",
        because: view.because,
        requests: view.requests,
        ..Outcome::default()
    })
}

/// Counts the different accounts that the store lists.
async fn distinct(house: &House, name: ConnectionName) -> anyhow::Result<u64> {
    let filter = AccountFilter::of(name);
    let mut keys = BTreeSet::new();
    let mut after = None;
    loop {
        let page = house.store.accounts(&filter, after, PAGE).await?;
        keys.extend(page.accounts.into_iter().map(|observed| observed.account.key.id));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(keys.len() as u64),
        }
    }
}
