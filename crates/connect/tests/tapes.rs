//! The tapes of every app folder, replayed: what is asked over the wire, and what it comes to.
//! Also that a copied folder is an app of its own. `TENURE_ACCEPT=1` writes down what the tapes come to, to be read
//! before it is committed.

mod common;

use common::{connect, pull, secrets};
use std::path::{Path, PathBuf};
use tenure_connect::{Catalogue, Connector, Settings, lint_app, read_app, run_tapes};
use tenure_core::abilities::{Effect, Standing};
use tenure_core::facts::Coverage;
use tenure_sandbox::Vendor;

fn apps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps")
}

#[tokio::test]
async fn the_tapes_of_every_app_come_to_what_is_expected() {
    let accept = std::env::var_os("TENURE_ACCEPT").is_some();
    let mut problems = Vec::new();
    let catalogue = Catalogue::load(&[]).unwrap();
    for app in catalogue.apps().filter(|app| app.manifest.is_asked()) {
        let (name, folder) = (&app.name, apps().join(&app.name));
        let report = run_tapes(&read_app(&folder).unwrap()).await;
        let written = app.manifest.kinds.values().any(|kind| kind.effects.contains_key(&Effect::Create));
        assert!(report.tapes.len() >= if written { 8 } else { 3 }, "{name}");
        for tape in report.tapes {
            if accept {
                let text = serde_json::to_string_pretty(&tape.actual).unwrap();
                std::fs::write(folder.join(format!("expected/{}.json", tape.name)), text + "\n").unwrap();
            }
            problems.extend(tape.problems.into_iter().map(|problem| format!("{name}/{}: {problem}", tape.name)));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test]
async fn a_tape_that_is_played_otherwise_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (home, copy) = (apps().join("gorgias"), folder.path().join("gorgias"));
    copy_folder(&home, &copy);
    let tape = copy.join("tape/suspend.json");
    let text = std::fs::read_to_string(&tape).unwrap().replacen("\"active\": false", "\"active\": null", 1);
    std::fs::write(&tape, text).unwrap();
    let expected = copy.join("expected/read-absent.json");
    std::fs::write(&expected, "{\"found\": {}}").unwrap();
    let report = run_tapes(&read_app(&copy).unwrap()).await;
    let bad: Vec<&str> = report.tapes.iter().filter(|tape| !tape.problems.is_empty()).map(|tape| &*tape.name).collect();
    assert_eq!(bad, ["read-absent", "suspend"]);
    assert!(!report.is_good());
}

#[tokio::test]
async fn a_copied_folder_with_another_base_is_another_app() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("deskside");
    copy_folder(&apps().join("gladly"), &copy);
    let manifest = copy.join("manifest.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let text = text
        .replace("app = \"gladly\"", "app = \"deskside\"")
        .replace("title = \"Gladly\"", "title = \"Deskside\"")
        .replace("https://{org}.gladly.com/api/v1", "https://{org}.deskside.example/v9");
    std::fs::write(&manifest, text).unwrap();
    let catalogue = Catalogue::load(&[folder.path().to_path_buf()]).unwrap();
    let app = catalogue.get("deskside").unwrap();
    assert_eq!(catalogue.apps().count(), Catalogue::load(&[]).unwrap().apps().count() + 1);
    assert!(lint_app(app).is_empty());
    let mut settings = Settings::new("sixth".into(), app.manifest.clone(), Standing::Target);
    settings.parameters.insert("org".into(), "acme".into());
    assert!(settings.base_url().is_err(), "the copied hosts do not fit the new pattern");
    let sandbox = common::sandbox().await;
    settings.url = Some(sandbox.base_url(Vendor::Gladly));
    let sixth = Connector::new(settings, secrets(Vendor::Gladly)).unwrap();
    assert_eq!(sixth.abilities().title.as_str(), "Deskside");
    let (ours, theirs) = (pull(&sixth).await, pull(&connect(&sandbox, Vendor::Gladly)).await);
    assert_eq!(ours.coverage, Coverage::Complete);
    assert_eq!(ours.accounts.len(), theirs.accounts.len());
    assert!(ours.accounts.keys().all(|key| key.connection.as_str() == "sixth"));
}

#[test]
fn a_broken_manifest_costs_its_own_app_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("aside", "app = \"aside\"\nkidns = 1\n"), ("gladly", "this is [no toml\n")] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("manifest.toml"), text).unwrap();
    }
    let catalogue = Catalogue::load(&[folder.path().to_path_buf()]).unwrap();
    assert_eq!(catalogue.broken().map(|(name, _)| name).collect::<Vec<_>>(), ["aside", "gladly"]);
    assert_eq!(catalogue.problem("aside").unwrap().line, 2);
    assert!(catalogue.get("gladly").is_none(), "what was meant is the folder's");
    assert!(catalogue.resolve("gladly", folder.path()).unwrap_err().to_string().contains("manifest.toml:1"));
    assert!(catalogue.resolve("gorgias", folder.path()).is_ok());
    assert_eq!(catalogue.apps().count(), Catalogue::load(&[]).unwrap().apps().count() - 1);
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}
