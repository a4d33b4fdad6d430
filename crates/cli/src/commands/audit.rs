//! `tenure audit`: checks the chain of the journal, in the store or in an export, prints it, and anchors it outside.
//! The export is one entry a line in the bytes that were sealed, and a last line; docs/journal.md describes it.

use crate::arguments::{AuditArguments, AuditCommand, Common};
use crate::exit::Exit;
use crate::ground;
use crate::output::Output;
use std::path::Path;
use tenure_core::journal::{Anchor, GENESIS, last_line, line};
use tenure_engine::anchor::{When, anchor, known, read};
use tenure_engine::audit::{Checked, entries, record_read, verify, verify_export};
use tenure_engine::house::House;

/// Checks an export, for which neither a configuration nor a store is needed; `None` where none is given.
pub fn offline(arguments: &AuditArguments, output: &Output) -> Option<anyhow::Result<Exit>> {
    let AuditCommand::Verify { file: Some(file), anchors } = &arguments.command else { return None };
    Some(check_file(file, anchors.as_deref(), output))
}

fn check_file(file: &Path, anchors: Option<&Path>, output: &Output) -> anyhow::Result<Exit> {
    let checked = verify_export(file, &anchors.map(read).transpose()?.unwrap_or_default())?;
    show(&checked, output)?;
    Ok(exit(&checked))
}

/// Checks, exports or anchors.
pub async fn run(house: &House, arguments: &AuditArguments, common: &Common, output: &Output) -> anyhow::Result<Exit> {
    match &arguments.command {
        AuditCommand::Verify { anchors, .. } => {
            let mut all: Vec<Anchor> = known(house).await?;
            all.extend(anchors.as_deref().map(read).transpose()?.unwrap_or_default());
            let checked = verify(house, &all).await?;
            show(&checked, output)?;
            Ok(exit(&checked))
        }
        AuditCommand::Export => export(house, output).await,
        AuditCommand::Anchor => {
            let written = anchor(house, When::Now).await?;
            if common.json {
                output.document(&serde_json::json!({ "anchor": written }))?;
            } else {
                output.line(match &written {
                    Some(anchor) => format!("anchored entry {} ({})", anchor.seq, anchor.hash),
                    None if house.config.journal.anchor.is_none() => "no place is configured: [journal] anchor".into(),
                    None => "nothing was written since the last anchor".into(),
                });
            }
            Ok(Exit::Done)
        }
    }
}

fn exit(checked: &Checked) -> Exit {
    if checked.broken.is_some() { Exit::Changes } else { Exit::Done }
}

async fn export(house: &House, output: &Output) -> anyhow::Result<Exit> {
    record_read(house, &ground::actor(None), serde_json::json!({ "what": "journal" })).await?;
    let (mut after, mut head) = (0, GENESIS.to_owned());
    loop {
        let page = entries(house, after).await?;
        for entry in &page {
            output.line(line(entry));
        }
        let Some(last) = page.last() else {
            output.line(last_line(after, &head));
            return Ok(Exit::Done);
        };
        (after, head) = (last.seq, last.hash.clone());
    }
}

/// Shows what the check found.
pub fn show(checked: &Checked, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.document(checked);
    }
    output.line(match &checked.broken {
        None => format!("{} entries, the chain is whole, it ends in {}", checked.entries, checked.head),
        Some(broken) => format!("the chain is broken at entry {}: {}", broken.seq, broken.because),
    });
    Ok(())
}
