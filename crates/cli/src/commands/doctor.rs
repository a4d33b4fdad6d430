//! `tenure doctor`: the installation as a whole, without a request to any app: what is wrong, and who must do what.
//! It runs also where configuration, policy or store are broken, since it is then that somebody asks.

use crate::arguments::Common;
use crate::commands::check::show;
use crate::exit::Exit;
use crate::output::Output;
use crate::place::Place;
use tenure_engine::check::{CheckLine, Verdict};
use tenure_engine::clock::Clock;
use tenure_engine::doctor::doctor;
use tenure_serve::api::reads;

/// Looks at everything.
pub async fn run(common: &Common, output: &Output) -> anyhow::Result<Exit> {
    tell(&doctor(&common.config, Clock::system()).await, "here", output)
}

/// Has a server look at itself.
pub async fn ask(place: &Place, output: &Output) -> anyhow::Result<Exit> {
    let Place::There(remote) = place else { anyhow::bail!("doctor opens no house") };
    tell(&remote.ask::<reads::Doctor>(&reads::Nothing {}).await?.checks, "there", output)
}

fn tell(lines: &[CheckLine], place: &str, output: &Output) -> anyhow::Result<Exit> {
    show(lines, place, output)?;
    let problems = lines.iter().filter(|line| line.verdict == Verdict::Problem).count();
    if !output.json {
        output.line(if problems == 0 { "all is well".into() } else { format!("{problems} problems") });
    }
    Ok(if problems == 0 { Exit::Done } else { Exit::Changes })
}
