//! Starts a sandbox, writes its files into a directory and serves until it is interrupted. It takes the directory, the
//! number of people, and any number of faults. The program's own `sandbox` command does more; this needs only this crate.

use std::path::Path;

use tenure_sandbox::{Options, start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().unwrap_or_else(|| "sandbox".into());
    let people = arguments.next().map_or(Ok(40), |text| text.parse())?;
    let faults = arguments.map(|text| text.parse()).collect::<Result<Vec<_>, _>>()?;
    let sandbox = start(Options { people, faults, ..Options::default() }).await?;
    sandbox.write_files(Path::new(&dir))?;
    println!("http://{}", sandbox.addr());
    std::future::pending::<()>().await;
    Ok(())
}
