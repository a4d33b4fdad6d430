//! `tenure who`: one person across everything, with accounts, grants, links and why.
//! Now it comes from the graph; as of a moment from what was observed then.

use crate::arguments::WhoArguments;
use crate::commands::plan::change_line;
use crate::exit::Exit;
use crate::ground;
use crate::output::Output;
use crate::place::Place;
use tenure_engine::answer::{Person, WhoAsked, who};
use tenure_engine::view::Told;
use tenure_serve::api::reads;

/// Shows one person.
pub async fn run(place: &Place, arguments: &WhoArguments, output: &Output) -> anyhow::Result<Exit> {
    let asked = WhoAsked { key: arguments.key.clone(), as_of: arguments.as_of.clone() };
    let person = match place {
        Place::Here(house) => who(house, &asked, &ground::actor(None)).await?,
        Place::There(remote) => remote.ask::<reads::Who>(&asked).await?,
    };
    if let Some(note) = &person.note {
        output.warning(note);
    }
    show(&person, output)?;
    Ok(Exit::Done)
}

/// Shows a person.
pub fn show(person: &Person, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.document(person);
    }
    let identity = &person.identity;
    let or_dash = |told: &Told| told.as_deref().unwrap_or("–").to_owned();
    output.line(format!("{} · {} · {}", or_dash(&identity.name), identity.state.as_str(), identity.id));
    output.line(format!("  {} · {}", or_dash(&identity.title), or_dash(&identity.department)));
    output.line(format!("  addresses   {}", identity.emails.join(", ")));
    output.line(format!("  employee    {}", or_dash(&identity.employee_id)));
    output.line(format!("  manager     {}", person.manager.clone().unwrap_or_else(|| "–".into())));
    let days = format!("{} to {}", or_dash(&identity.start_date), or_dash(&identity.end_date));
    output.line(format!("  works       {days} ({})", identity.time_zone.as_deref().unwrap_or("UTC")));
    for upcoming in &person.upcoming {
        output.line(format!("  decided     {} at {}, by {}", upcoming.what, upcoming.at, upcoming.by));
    }
    for account in &person.accounts {
        let (kind, state) = (account.kind.as_str(), account.state.as_str());
        output.line(format!("\n  {}/{kind}/{}  {state}", account.connection, account.id));
        let evidence = account.evidence.as_deref().unwrap_or("no link");
        output.line(format!("    {} · because: {evidence}", account.login.as_deref().unwrap_or("no login")));
        for grant in &account.grants {
            let scope = grant.scope.as_deref().map(|scope| format!(" ({scope})")).unwrap_or_default();
            let privileged = if grant.privileged { " · privileged" } else { "" };
            let pending = if grant.pending { " · waits for approval there" } else { "" };
            output.line(format!("    {}: {}{scope}{privileged}{pending}", grant.kind, grant.name));
        }
        for access in &account.access {
            let privileged = if access.privileged { " · privileged" } else { "" };
            output.line(format!("    › {}{privileged}", access.says));
        }
        for word in ["ticket_scope", "access"] {
            if let Some(value) = account.attributes.text(word) {
                output.line(format!("    {word}: {value}"));
            }
        }
    }
    for finding in &person.findings {
        output.line(format!("\n  ! {}", finding.text));
    }
    for step in &person.steps {
        output.line(format!("\n  → {} {} in {}: {}", step.id, step.effect, step.connection, step.reason.text));
        for change in &step.changes {
            output.line(format!("      {}", change_line(change)));
        }
    }
    Ok(())
}
