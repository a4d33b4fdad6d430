//! schemathesis, a program from PyPI, makes up requests from the API's description, right and wrong ones, and looks whether
//! each is answered as described. It runs where it is installed (`scripts/setup` does it where it can), and says so where not.

use crate::stage::on_stage;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tenure_core::scope::Scope;

/// Requests that are made up for one endpoint, beside those that follow from its description.
const EXAMPLES: &str = "5";
/// What may be right by its form and wrong all the same, such as the name of a connection that is not there, is told with
/// 422: no description can say which names there are.
const NOT_ASKED: &str = "positive_data_acceptance";

/// Finds the program: where the setup puts it, else on the path.
fn program() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/schemathesis/bin/schemathesis");
    let answers = |program: &PathBuf| {
        let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    [own, PathBuf::from("schemathesis")].into_iter().find(answers)
}

#[test]
fn made_up_requests_are_answered_as_described() {
    let Some(program) = program() else {
        println!("skipped: schemathesis is not installed; scripts/setup, or `pip install schemathesis`, does it");
        return;
    };
    on_stage(async |stage| {
        stage.work().await;
        let client = stage.client("olga@acme.example", &[Scope::Admin, Scope::Approve]).await;
        let url = format!("http://{}/api/v1", client.address);
        let mut command = tokio::process::Command::new(program);
        command.arg("run").arg(format!("{url}/openapi.json")).args(["--url", &url, "--header", client.shows.trim()]);
        command.args(["--max-examples", EXAMPLES, "--exclude-checks", NOT_ASKED, "--phases", "coverage,fuzzing"]);
        command.args(["--exclude-path", "/events"]);
        command.args(["--suppress-health-check", "all", "--seed", "1", "--no-color"]);
        let ended = command.current_dir(stage.folder()).stdin(Stdio::null()).output().await.unwrap();
        let told = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(ended.status.success(), "{told}\n{}", String::from_utf8_lossy(&ended.stderr));
        assert!(told.contains("generated"), "{told}");
    });
}
