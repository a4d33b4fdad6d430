//! `tenure sandbox`: runs the imitations until it is told to stop, and writes a configuration that points at them.

use crate::arguments::SandboxArguments;
use crate::exit::{Exit, Mistake};
use crate::output::Output;
use anyhow::Context;
use tenure_sandbox::{Fault, Idp, Options, Sandbox, Vendor};

/// Runs the sandbox.
pub async fn run(arguments: &SandboxArguments, output: &Output) -> anyhow::Result<Exit> {
    let sandbox = tenure_sandbox::start(options(arguments)?)
        .await
        .with_context(|| format!("start on {}; --listen names another address", arguments.listen))?;
    let files = match &arguments.out {
        Some(folder) => Some(sandbox.write_files(folder).with_context(|| format!("write to {}", folder.display()))?),
        None => None,
    };
    if output.json {
        let idps = Idp::ALL.iter().map(|idp| (idp.to_string(), sandbox.idp_url(*idp)));
        let vendors = Vendor::ALL.iter().map(|vendor| (vendor.to_string(), sandbox.base_url(*vendor)));
        let urls: std::collections::BTreeMap<String, String> = vendors.chain(idps).collect();
        let dialects: std::collections::BTreeMap<String, &str> =
            Vendor::ALL.iter().map(|vendor| (vendor.to_string(), sandbox.dialect(*vendor).name())).collect();
        output.document(&serde_json::json!({
            "listen": sandbox.addr().to_string(),
            "urls": urls,
            "dialects": dialects,
            "config": files.as_ref().map(|files| files.config.display().to_string()),
        }))?;
    } else {
        output.line(format!("listening on {}", sandbox.addr()));
        for vendor in Vendor::ALL {
            let dialect = sandbox.dialect(vendor);
            output.line(format!("  {:<14} {:<6} {}", vendor.to_string(), dialect.name(), sandbox.base_url(vendor)));
        }
        for idp in Idp::ALL {
            output.line(format!("  {:<14} {:<6} {}", idp.to_string(), "", sandbox.idp_url(idp)));
        }
        if let Some(files) = &files {
            output.line(format!("\nwrote {}", files.config.display()));
            output.line(format!("today's HR export is {}", files.people_today.display()));
        }
        output.advice("stop with Ctrl-C");
    }
    stopped().await;
    show_statistics(&sandbox, output);
    sandbox.stop().await;
    Ok(Exit::Done)
}

fn options(arguments: &SandboxArguments) -> Result<Options, Mistake> {
    let faults: Result<Vec<Fault>, _> = arguments
        .fault
        .iter()
        .map(|spec| spec.parse().map_err(|error| Mistake(format!("--fault {spec}: {error}"))))
        .collect();
    let dialects =
        arguments.dialect.parse().map_err(|error| Mistake(format!("--dialect {}: {error}", arguments.dialect)))?;
    Ok(Options {
        dialects,
        keep: arguments.out.clone(),
        listen: arguments.listen,
        people: arguments.people,
        seed: arguments.seed,
        faults: faults?,
        ..Options::default()
    })
}

async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

fn show_statistics(sandbox: &Sandbox, output: &Output) {
    let statistics = sandbox.statistics();
    for vendor in Vendor::ALL {
        let seen = statistics.of(vendor);
        output.advice(format!(
            "  {:<14} {} requests, {} writes, {} answered with 429",
            vendor.to_string(),
            seen.requests,
            seen.writes,
            seen.throttled
        ));
    }
}
