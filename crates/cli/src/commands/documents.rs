//! `schema`, `completions` and `man`: documents that the program makes of itself.
//! They come from the same types that the program reads with, so that they cannot lag behind.
//! They open no store and send no request.

use crate::arguments::{Arguments, CompletionsArguments, ManArguments, SchemaArguments};
use crate::exit::Exit;
use crate::output::Output;
use anyhow::Context;
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

/// Prints the manual page, or writes one for each command.
pub fn man(arguments: &ManArguments, output: &Output) -> anyhow::Result<Exit> {
    let Some(folder) = &arguments.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
        std::io::stdout().write_all(&page)?;
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    clap_mangen::generate_to(Arguments::command(), folder).with_context(|| format!("write to {}", folder.display()))?;
    output.advice(format!("wrote a page for each command to {}", folder.display()));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Command;

    /// Lists the commands that do something, each with all its words.
    fn leaves(command: &Command, before: &str) -> Vec<(String, Command)> {
        let name = format!("{before} {}", command.get_name());
        match command.has_subcommands() {
            true => command.get_subcommands().flat_map(|one| leaves(one, &name)).collect(),
            false => vec![(name, command.clone())],
        }
    }

    #[test]
    fn each_command_is_helped_with_an_example_that_can_be_typed() {
        let all = leaves(&Arguments::command(), "");
        assert!(all.len() > 50, "{}", all.len());
        for (name, command) in all {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n"), "{name} has none");
            assert!(help.contains(name.trim()), "{name} is not in its examples: {help}");
        }
    }
}
