//! `schema`, `completions` and `man`: documents that the program makes of itself.
//! They come from the same types that the program reads with, so that they cannot lag behind.
//! They open no store and send no request.

use crate::arguments::{Arguments, CompletionsArguments, SchemaArguments};
use crate::exit::Exit;
use crate::output::Output;
use clap::CommandFactory;
use std::io::Write;

/// Prints a JSON Schema.
pub fn schema(arguments: &SchemaArguments, output: &Output) -> anyhow::Result<Exit> {
    let schema = match arguments.file.as_str() {
        "config" => tenure_engine::config::config_schema(),
        "policy" => tenure_core::policy::policy_schema(),
        _ => tenure_connect::manifest_schema(),
    };
    output.document(&schema)?;
    Ok(Exit::Done)
}

/// Prints completions.
pub fn completions(arguments: &CompletionsArguments) -> anyhow::Result<Exit> {
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "tenure", &mut std::io::stdout());
    Ok(Exit::Done)
}

/// Prints the manual page.
pub fn man() -> anyhow::Result<Exit> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
    std::io::stdout().write_all(&page)?;
    Ok(Exit::Done)
}
