//! scim2-tester (PyPI), a judge that we did not write, run against the server where it is installed.
//! Where it finds fault and we hold to what we do, the reason stands here; everything else must pass.

use crate::desk::Desk;
use crate::source::pushed_desk;
use tenure_sandbox::Vendor;
use tokio::process::Command;

/// The one that `scripts/setup` installed, else whichever is on the path.
fn program() -> std::path::PathBuf {
    let ours = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/scim2/bin/scim2");
    if ours.exists() { ours } else { "scim2".into() }
}

/// Makes a folder that lets the tester draw the same flags and words each time: it makes up its people by chance.
fn draws() -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().unwrap();
    let seed = std::env::var("TENURE_TESTER_SEED").unwrap_or_else(|_| "1".into());
    std::fs::write(folder.path().join("sitecustomize.py"), format!("import random\nrandom.seed({seed:?})\n")).unwrap();
    folder
}

/// What the tester says, as the name of the check and its sentence; nothing where it is not installed.
async fn judged(desk: &Desk, connection: &str) -> Option<Vec<(bool, String)>> {
    let client = desk.client_of(connection).await;
    let url = format!("http://{}/scim/v2/{connection}", desk.listens);
    let draws = draws();
    let run = Command::new(program())
        .env("PYTHONPATH", draws.path())
        .args(["--url", &url, "test"])
        .env("SCIM_CLI_HEADERS", format!("Authorization: Bearer {}", client.token))
        .output()
        .await;
    let Ok(output) = run else {
        println!("skipped: scim2 is not installed (`scripts/setup` does)");
        return None;
    };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut checks: Vec<(bool, String)> = Vec::new();
    for line in told.lines() {
        let status = ["SUCCESS", "ERROR", "CRITICAL"].into_iter().find(|status| line.starts_with(status));
        match (status, checks.last_mut()) {
            (Some(status), _) => checks.push((status == "SUCCESS", line.to_owned())),
            (None, Some((_, text))) => text.push_str(line),
            _ => {}
        }
    }
    assert!(checks.len() > 20, "the tester said too little: {told} {}", String::from_utf8_lossy(&output.stderr));
    Some(checks)
}

/// Lists what does not pass beside what is held to, and what of that is found fault with no more.
fn open_faults(connection: &str, checks: &[(bool, String)], held_to: &[&str]) -> Vec<String> {
    let failed: Vec<&String> = checks.iter().filter(|(passed, _)| !passed).map(|(_, text)| text).collect();
    println!("{connection}: {} checks, {} passed", checks.len(), checks.len() - failed.len());
    let is_held_to = |text: &&&String| !held_to.iter().any(|known| text.contains(known));
    let open = failed.iter().filter(is_held_to).map(|text| format!("{connection}: {text}"));
    let past = held_to.iter().filter(|known| !failed.iter().any(|text| text.contains(**known)));
    open.chain(past.map(|known| format!("{connection}: nothing is wrong with {known} any more"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_passes_completely() {
    let desk = pushed_desk().await;
    let Some(checks) = judged(&desk, "idp").await else { return };
    assert_eq!(open_faults("idp", &checks, &[]), [""; 0]);
}

/// The tester adds, removes and replaces the whole of an extension in which everything is `readOnly`, and wants to read
/// back what it sent. RFC 7643 §7: a `readOnly` attribute shall not be modified; RFC 7644 §3.5.2 lets a server ignore it.
const READ_ONLY: &str = "urn:ietf:params:scim:schemas:extension:tenure:2.0:Provisioning'";

#[tokio::test(flavor = "multi_thread")]
async fn each_app_passes_completely_but_where_the_tester_errs() {
    let desk = Desk::open().await;
    let mut faults = Vec::new();
    for vendor in Vendor::ALL {
        let Some(checks) = judged(&desk, &vendor.to_string()).await else { return };
        let mut found = open_faults(&vendor.to_string(), &checks, &[READ_ONLY]);
        // Freshservice's agents need a role and its requesters have none, which `required` (RFC 7643 §7) cannot say of
        // half a type: the tester takes all roles from whoever it happened to make an agent, and is told so.
        let needs_role = |text: &String| text.contains("Failed to remove attribute 'roles'");
        found.retain(|text| vendor != Vendor::Freshservice || !needs_role(text));
        faults.extend(found);
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
