//! The product's own path: the engine's pull, with connector, governor and store, by a `tenure.toml` that is written
//! to a folder of its own.
//! The bench names the server and the limits; nothing else differs from an operator's file.

use crate::job::{Outcome, Pull};
use crate::serve::Shape;
use std::path::{Path, PathBuf};

const NAME: &str = "bench";

/// Writes the configuration for one connection into `folder`, and returns its file.
pub fn write_configuration(folder: &Path, pull: &Pull) -> anyhow::Result<PathBuf> {
    let (app, secrets) = match pull.shape {
        Shape::Cursor => ("gorgias", "email = { file = \"secret\" }\ntoken = { file = \"secret\" }\n"),
        Shape::Numbered => ("freshservice", "api_key = { file = \"secret\" }\n"),
    };
    let text = format!(
        "[store]\nurl = \"sqlite:tenure.db\"\n\n[connections.{NAME}]\napp = \"{app}\"\nurl = \"{}\"\nshare = 1.0\n\
         limits = {}\n\n[connections.{NAME}.secrets]\n{secrets}",
        pull.url, pull.limits
    );
    std::fs::write(folder.join("secret"), "bench@acme.example\n")?;
    let file = folder.join("tenure.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}

/// Reads the list once.
pub async fn pull(_pull: &Pull) -> anyhow::Result<Outcome> {
    anyhow::bail!("not yet")
}
