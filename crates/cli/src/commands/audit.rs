//! `tenure audit`: checks the chain of the journal, in the store or in an export, prints it, and anchors it outside.
//! The export is one entry a line in the bytes that were sealed, and a last line, or one document of the same; docs/journal.md
//! describes it.

use crate::arguments::{AuditArguments, AuditCommand, Common};
use crate::exit::{Exit, Mistake};
use crate::ground;
use crate::output::Output;
use crate::place::Place;
use crate::remote::Remote;
use std::path::Path;
use tenure_core::journal::{Anchor, DOCUMENT, Entry, GENESIS, last_line, line};
use tenure_engine::anchor::{When, anchor, known, read};
use tenure_engine::answer::{JournalAsked, LIMIT_MAX};
use tenure_engine::audit::{Checked, entries, record_read, verify, verify_export};
use tenure_engine::house::House;
use tenure_serve::api::reads;

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
pub async fn run(place: &Place, arguments: &AuditArguments, common: &Common, output: &Output) -> anyhow::Result<Exit> {
    let house = match place {
        Place::There(remote) => return ask(remote, arguments, output).await,
        Place::Here(house) => house,
    };
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

/// Has a server check, or tell, its journal. Anchors lie elsewhere than the store so that they cannot be changed with it:
/// they are written by the server, and compared where they lie.
async fn ask(remote: &Remote, arguments: &AuditArguments, output: &Output) -> anyhow::Result<Exit> {
    match &arguments.command {
        AuditCommand::Verify { anchors: None, .. } => {
            let checked = remote.ask::<reads::JournalCheck>(&reads::Nothing {}).await?;
            show(&checked, output)?;
            Ok(exit(&checked))
        }
        AuditCommand::Verify { anchors: Some(_), .. } => {
            let hint = "anchors are compared with an export: `tenure audit export > journal.jsonl`, then \
                        `tenure audit verify --file journal.jsonl --anchors FILE`";
            Err(Mistake(hint.into()).into())
        }
        AuditCommand::Export => export_from(remote, output).await,
        AuditCommand::Anchor => {
            let hint = "this is done beside the store only, without --server: it writes where [journal] anchor says";
            Err(Mistake(hint.into()).into())
        }
    }
}

async fn export_from(remote: &Remote, output: &Output) -> anyhow::Result<Exit> {
    let mut exported = Exported::new(output);
    let (mut asked, mut last) = (JournalAsked { limit: Some(LIMIT_MAX), ..JournalAsked::default() }, None);
    loop {
        let part = remote.ask::<reads::Journal>(&asked).await?;
        exported.entries(&part.entries);
        last = part.entries.into_iter().next_back().or(last);
        match part.next {
            Some(next) => asked.cursor = Some(next),
            None => break,
        }
    }
    let (seq, head) = last.map_or((0, GENESIS.to_owned()), |entry| (entry.seq, entry.hash));
    exported.end(seq, &head);
    Ok(Exit::Done)
}

/// An export on its way out: lines that anybody can check, or with `--json` one document of the same, an entry a line.
struct Exported<'o> {
    output: &'o Output,
    /// The line that waits to know whether another one follows.
    last: Option<String>,
}

impl<'o> Exported<'o> {
    fn new(output: &'o Output) -> Self {
        Self { output, last: output.json.then(|| DOCUMENT.to_owned()) }
    }

    fn entries(&mut self, entries: &[Entry]) {
        for entry in entries {
            if !self.output.json {
                self.output.raw(line(entry));
            } else if let Some(last) = self.last.replace(line(entry)) {
                let comma = if last == DOCUMENT { "" } else { "," };
                self.output.raw(format!("{last}{comma}"));
            }
        }
    }

    fn end(self, seq: i64, head: &str) {
        match self.last {
            None => self.output.raw(last_line(seq, head)),
            Some(last) => {
                self.output.raw(last);
                // The last line is an object of one member, which the document has as well.
                self.output.raw(format!("],{}", last_line(seq, head).trim_start_matches('{')));
            }
        }
    }
}

fn exit(checked: &Checked) -> Exit {
    if checked.broken.is_some() { Exit::Changes } else { Exit::Done }
}

async fn export(house: &House, output: &Output) -> anyhow::Result<Exit> {
    record_read(house, &ground::actor(None), serde_json::json!({ "what": "journal" })).await?;
    let mut exported = Exported::new(output);
    let (mut after, mut head) = (0, GENESIS.to_owned());
    loop {
        let page = entries(house, after).await?;
        exported.entries(&page);
        let Some(last) = page.last() else {
            exported.end(after, &head);
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
