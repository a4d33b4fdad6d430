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

/// What the tester says, as the name of the check and its sentence; nothing where it is not installed.
async fn judged(desk: &Desk, connection: &str) -> Option<Vec<(bool, String)>> {
    let client = desk.client_of(connection).await;
    let url = format!("http://{}/scim/v2/{connection}", desk.listens);
    let run = Command::new(program())
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
            (None, Some((_, text))) if line.starts_with(' ') => text.push_str(line),
            _ => {}
        }
    }
    assert!(checks.len() > 20, "the tester said too little: {told} {}", String::from_utf8_lossy(&output.stderr));
    Some(checks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_passes_but_for_what_we_hold_to() {
    let desk = pushed_desk().await;
    let Some(checks) = judged(&desk, "idp").await else { return };
    let held_to = [
        // The only address is the first choice, and Okta wants to be told so.
        "unexpected value for 'emails'",
    ];
    let failed: Vec<&String> = checks.iter().filter(|(passed, _)| !passed).map(|(_, text)| text).collect();
    let open: Vec<&&String> = failed.iter().filter(|text| !held_to.iter().any(|known| text.contains(known))).collect();
    println!("{} checks, {} passed", checks.len(), checks.len() - failed.len());
    assert!(open.is_empty(), "{open:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_made_found_and_taken_away_in_front_of_each_app() {
    let desk = Desk::open_with(|files| {
        let text = std::fs::read_to_string(&files.policy).unwrap();
        let more = "\n[[grant]]\nname = \"whoever a client makes\"\nwhen = 'identity.state == \"unknown\"'\n[grant.to]\n\
                    gorgias = { role = \"agent\" }\ngladly = { role = \"AGENT\" }\nfreshdesk = { roles = [\"Agent\"] }\n\
                    gainsight = { role = \"Standard User\" }\n";
        std::fs::write(&files.policy, format!("{text}{more}")).unwrap();
    })
    .await;
    for vendor in Vendor::ALL {
        let Some(checks) = judged(&desk, &vendor.to_string()).await else { return };
        let passed = checks.iter().filter(|(passed, _)| *passed).count();
        println!("{vendor}: {} checks, {passed} passed", checks.len());
        for (_, text) in checks.iter().filter(|(passed, _)| !passed) {
            println!("  {}", text.chars().take(160).collect::<String>());
        }
        for wanted in ["created User", "queried User", "found User", "deleted User"] {
            let has = checks.iter().any(|(passed, text)| *passed && text.contains(wanted));
            let failed: Vec<_> = checks.iter().filter(|(passed, _)| !passed).collect();
            assert!(has, "{vendor}: {wanted}: {failed:#?}");
        }
    }
}
