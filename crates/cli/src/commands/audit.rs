//! `tenure audit`: checks the chain of the journal, or prints it.
//! The export is one JSON document a line, in order, so that it can be checked elsewhere.

use crate::arguments::{AuditArguments, AuditCommand};
use crate::exit::Exit;
use crate::output::Output;
use tenure_engine::audit::{Checked, entries, verify};
use tenure_engine::house::House;

/// Checks or exports.
pub async fn run(house: &House, arguments: &AuditArguments, output: &Output) -> anyhow::Result<Exit> {
    match arguments.command {
        AuditCommand::Verify => {
            let checked = verify(house).await?;
            show(&checked, output)?;
            Ok(if checked.broken.is_some() { Exit::Changes } else { Exit::Done })
        }
        AuditCommand::Export => {
            let mut after = 0;
            loop {
                let page = entries(house, after).await?;
                let Some(last) = page.last() else { return Ok(Exit::Done) };
                after = last.seq;
                for entry in &page {
                    output.line(serde_json::to_string(entry)?);
                }
            }
        }
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
