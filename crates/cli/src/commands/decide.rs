//! `tenure link`, `unlink` and `exempt`: a person's decision on a dispute or a finding.

use crate::arguments::{ExemptArguments, LinkArguments, UnlinkArguments};
use crate::exit::Exit;
use crate::ground::actor;
use crate::output::Output;
use crate::place::Place;
use tenure_engine::act::{self, Decision, ExemptAsked, LinkAsked, UnlinkAsked};
use tenure_serve::api::writes;

/// Decides that an account is somebody's.
pub async fn link(place: &Place, arguments: &LinkArguments, output: &Output) -> anyhow::Result<Exit> {
    let LinkArguments { account, identity, said } = arguments;
    let asked = LinkAsked { account: account.clone(), identity: identity.clone(), note: said.note.clone() };
    told(
        output,
        match place {
            Place::Here(house) => act::link(house, &asked, &actor(said.by.as_deref())).await?,
            Place::There(remote) => remote.ask::<writes::Link>(&asked).await?,
        },
    )
}

/// Decides that an account is not somebody's.
pub async fn unlink(place: &Place, arguments: &UnlinkArguments, output: &Output) -> anyhow::Result<Exit> {
    let UnlinkArguments { account, identity, said } = arguments;
    let asked = UnlinkAsked { account: account.clone(), identity: identity.clone(), note: said.note.clone() };
    told(
        output,
        match place {
            Place::Here(house) => act::unlink(house, &asked, &actor(said.by.as_deref())).await?,
            Place::There(remote) => remote.ask::<writes::Unlink>(&asked).await?,
        },
    )
}

/// Decides that an account is to be left alone, or that the form in which an app answers is the known one from now on.
pub async fn exempt(place: &Place, arguments: &ExemptArguments, output: &Output) -> anyhow::Result<Exit> {
    let ExemptArguments { thing, said } = arguments;
    let asked = ExemptAsked { thing: thing.clone(), note: said.note.clone() };
    told(
        output,
        match place {
            Place::Here(house) => act::exempt(house, &asked, &actor(said.by.as_deref())).await?,
            Place::There(remote) => remote.ask::<writes::Exempt>(&asked).await?,
        },
    )
}

fn told(output: &Output, decision: Decision) -> anyhow::Result<Exit> {
    if output.json {
        output.document(&decision)?;
    } else {
        output.line(&decision.decided);
    }
    Ok(Exit::Done)
}
