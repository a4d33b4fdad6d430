//! `backup` and `restore`: the whole store as a file, and back. A backup is taken while others write; it holds names,
//! addresses and history, so it is for its owner only and stands in the journal as a read. Restoring opens no house: neither
//! policy nor connections must be right for it. What the file looks like is the store's affair.

use crate::audit::record_read;
use crate::clock::Clock;
use crate::config::Config;
use crate::decide::By;
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use tenure_core::journal::Draft;
use tenure_store::{Backup, Present, Store};

const BUFFER: usize = 1 << 16;

/// Writes everything as of this moment to `file`, which must not be there yet. It appears under its name when it is whole.
///
/// # Errors
/// The file is there or cannot be written, or the store failed.
#[tracing::instrument(name = "backup", skip_all, fields(by))]
#[boxed]
pub async fn back_up(house: &House, file: &Path, by: &str) -> Result<Backup, EngineError> {
    let cannot = |error: std::io::Error| EngineError::Asked(format!("write {}: {error}", file.display()));
    if file.exists() {
        return Err(EngineError::Asked(format!("{} is there already; a backup overwrites nothing", file.display())));
    }
    record_read(house, by, serde_json::json!({ "what": "backup" })).await?;
    let part = Part(file.with_extension(extended(file)));
    let _ = std::fs::remove_file(&part.0);
    let mut out = BufWriter::with_capacity(BUFFER, private(&part.0).map_err(cannot)?);
    let backup = house.store.back_up(&mut out, &house.clock.now_text()).await?;
    out.into_inner().map_err(|error| cannot(error.into_error()))?.sync_all().map_err(cannot)?;
    std::fs::rename(&part.0, file).map_err(cannot)?;
    Ok(backup)
}

/// Writes everything as of this moment to `out`.
///
/// # Errors
/// It cannot be written, or the store failed.
#[boxed]
pub async fn back_up_into(house: &House, out: &mut (dyn Write + Send), by: &str) -> Result<Backup, EngineError> {
    record_read(house, by, serde_json::json!({ "what": "backup" })).await?;
    let mut out = BufWriter::with_capacity(BUFFER, out);
    Ok(house.store.back_up(&mut out, &house.clock.now_text()).await?)
}

/// A file that is gone when it is not wanted any more, unless it got its name.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn extended(file: &Path) -> String {
    let extension = file.extension().map(|extension| extension.to_string_lossy().into_owned());
    extension.map_or_else(|| "part".into(), |extension| format!("{extension}.part"))
}

/// Creates a file that its owner alone may read.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Puts a backup into the store that the configuration names: one that is empty or not there yet, or, where `replaced`
/// names it as the configuration does, instead of what it holds.
///
/// # Errors
/// The file is damaged or of a later program, the store holds something, or failed. Then nothing was changed.
#[tracing::instrument(name = "restore", skip_all, fields(by = %by.who))]
#[boxed]
pub async fn restore(
    config: &Config,
    file: &Path,
    replaced: Option<&str>,
    clock: &Clock,
    by: &By,
) -> Result<Backup, EngineError> {
    let url = config.store_url();
    let present = match replaced {
        None => Present::Empty,
        Some(name) if [&*config.store.url, &*url, &*without_password(&url)].contains(&name) => Present::Replaced,
        Some(name) => {
            let place = without_password(&url);
            return Err(EngineError::Asked(format!(
                "{name:?} is not the store of the configuration, which is {place}"
            )));
        }
    };
    File::open(file).map_err(|error| EngineError::Asked(format!("read {}: {error}", file.display())))?;
    let open = || File::open(file).map(|file| BufReader::with_capacity(BUFFER, file));
    let (store, backup) = Store::restore(&url, open, present).await?;
    let draft = Draft {
        at: clock.now_text(),
        actor: by.who.clone(),
        event: "restored".into(),
        run: None,
        step: None,
        body: serde_json::json!({ "of": backup.at, "sha256": backup.sha256, "rows": backup.rows, "note": by.note }),
    };
    let entry = store.append_journal(vec![draft]).await?.pop().map_or(0, |entry| entry.seq);
    crate::anchor::begin_anew(&store, entry).await?;
    store.close().await;
    Ok(backup)
}

/// Returns an address without the password that may stand in it.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| scheme.starts_with("postgres")) else {
        return url.to_owned();
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let shown = match place.rsplit_once('@') {
        Some((who, place)) => format!("{}@{place}", who.split(':').next().unwrap_or_default()),
        None => place.to_owned(),
    };
    let plain: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && !part.starts_with("password")).collect();
    let query = if plain.is_empty() { String::new() } else { format!("?{}", plain.join("&")) };
    format!("{scheme}://{shown}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            ("sqlite:tenure.db", "sqlite:tenure.db"),
            ("postgres://t:hunter2@db/tenure", "postgres://t@db/tenure"),
            ("postgres://t:hun@ter2@db:5432/tenure?sslmode=require", "postgres://t@db:5432/tenure?sslmode=require"),
            ("postgres://db/tenure?user=t&password=hunter2", "postgres://db/tenure?user=t"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
