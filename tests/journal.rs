//! The journal as others check it: the program and a verifier that shares nothing with it read the same exports, whole
//! and tampered with, and name the same entry; anchors outside tell of what the file alone cannot.
//! It judges by exit codes and by what both print, not by the program's own code.

use crate::day::expect;
use crate::stage::Stage;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tenure_sandbox::{Limits, Options};

const TAMPERED: usize = 150;

fn open() -> Stage {
    Stage::open(Options { people: 30, seed: 1, limits: Limits::Off, ..Options::default() })
}

/// Lives through a day and exports its journal.
fn export(stage: &Stage) -> Vec<u8> {
    expect(&stage.run(&["pull"]), 0);
    stage.next_morning();
    expect(&stage.run(&["pull"]), 0);
    let id = crate::day::approved_plan(stage);
    expect(&stage.run(&["apply", &id]), 0);
    let exported = stage.plainly(&["audit", "export"]);
    expect(&exported, 0);
    exported.out.into_bytes()
}

fn verifier() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scripts/verify-journal.py")
}

#[test]
fn an_export_as_one_document_is_verified_as_its_lines_are() {
    let stage = open();
    let lines = String::from_utf8(export(&stage)).unwrap();
    let exported = stage.run(&["audit", "export"]);
    expect(&exported, 0);
    let document = exported.json().unwrap();
    let entries = document["entries"].as_array().unwrap();
    // Each export is an entry itself.
    assert_eq!(entries.len(), lines.lines().count(), "{}", entries.len());
    assert_eq!(document["end"]["entries"], entries.len());
    let (good, bad) = (stage.folder().join("good.json"), stage.folder().join("bad.json"));
    std::fs::write(&good, &exported.out).unwrap();
    let changed = exported.out.replacen("\"event\":\"step_ended\"", "\"event\":\"step_begun\"", 1);
    assert_ne!(changed, exported.out);
    std::fs::write(&bad, changed).unwrap();
    let found = verified_independently(&[good.clone(), bad.clone()], None);
    assert!(found[0].is_none() && found[1].is_some(), "{found:?}");
    for (file, code) in [(good, 0), (bad, 2)] {
        let checked = stage.run(&["audit", "verify", "--file", file.to_str().unwrap()]);
        expect(&checked, code);
        assert_eq!(checked.json().unwrap()["broken"].is_null(), code == 0, "{checked}");
    }
}

/// Returns, for each file, the entry at which the independent verifier finds it broken.
fn verified_independently(files: &[PathBuf], anchors: Option<&Path>) -> Vec<Option<i64>> {
    let mut command = Command::new("python3");
    command.arg(verifier()).args(files);
    if let Some(anchors) = anchors {
        command.arg("--anchors").arg(anchors);
    }
    let ended = command.output().expect("python3 is there");
    let said = String::from_utf8(ended.stdout).unwrap();
    let verdicts: Vec<Option<i64>> = said
        .lines()
        .map(|line| {
            let (_, rest) = line.split_once(": broken at entry ")?;
            Some(rest.split(':').next().unwrap().parse().unwrap())
        })
        .collect();
    assert_eq!(verdicts.len(), files.len(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(if verdicts.iter().all(Option::is_none) { 0 } else { 2 }));
    verdicts
}

#[test]
fn anchors_that_cannot_be_read_are_told_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (export, anchors) = (folder.path().join("export"), folder.path().join("anchors"));
    fs::write(&export, "").unwrap();
    let told = || {
        let ended =
            Command::new("python3").arg(verifier()).arg(&export).arg("--anchors").arg(&anchors).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    };
    assert!(told().contains("anchors: cannot be read: No such file"), "{}", told());
    fs::write(&anchors, "{\"seq\":1}\n").unwrap();
    assert!(told().contains("no anchor"), "{}", told());
}

/// Returns the entry at which the program finds an export broken.
fn verified(stage: &Stage, file: &Path, anchors: Option<&Path>) -> Option<i64> {
    let mut words = vec!["audit", "verify", "--file", file.to_str().unwrap()];
    words.extend(anchors.into_iter().flat_map(|anchors| ["--anchors", anchors.to_str().unwrap()]));
    let ended = stage.run(&words);
    let broken = ended.json().unwrap()["broken"]["seq"].as_i64();
    assert_eq!(ended.code, if broken.is_some() { 2 } else { 0 }, "{ended}");
    broken
}

/// Changes a byte, or removes, repeats or moves a line, or cuts the end off.
fn tampered(text: &[u8], chance: &mut StdRng) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let (one, other) = (chance.random_range(0..lines.len()), chance.random_range(0..lines.len() - 1));
    let last = lines.len() - 1;
    match chance.random_range(0..6) {
        0 => drop(lines.remove(one)),
        1 => lines.insert(other, lines[one]),
        2 => lines.swap(one, if other == one { last } else { other }),
        3 => return text[..chance.random_range(0..text.len())].to_vec(),
        _ => {
            let mut changed = text.to_vec();
            let at = chance.random_range(0..text.len());
            changed[at] ^= chance.random_range(1..=255_u8);
            return changed;
        }
    }
    lines.concat()
}

#[test]
fn two_verifiers_find_whatever_was_done_to_an_export() {
    let stage = open();
    let text = export(&stage);
    let folder = stage.folder().join("tampered");
    fs::create_dir_all(&folder).unwrap();
    let whole = folder.join("whole");
    fs::write(&whole, &text).unwrap();
    assert_eq!(verified(&stage, &whole, None), None);
    assert_eq!(verified_independently(std::slice::from_ref(&whole), None), [None]);
    let mut chance = StdRng::seed_from_u64(7);
    let files: Vec<PathBuf> = (0..TAMPERED).map(|at| folder.join(at.to_string())).collect();
    for file in &files {
        let other = loop {
            let other = tampered(&text, &mut chance);
            if other != text {
                break other;
            }
        };
        fs::write(file, other).unwrap();
    }
    let independent = verified_independently(&files, None);
    for (file, other) in files.iter().zip(independent) {
        let ours = verified(&stage, file, None);
        assert!(ours.is_some(), "{} is not found", file.display());
        assert_eq!(ours, other, "{}: the verifiers name different entries", file.display());
    }
}

#[test]
fn an_end_that_was_forged_contradicts_an_anchor() {
    let stage = open();
    let config = stage.files().config.clone();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let anchor = format!(
        "[journal]\nanchor = {{ file = \"anchors.jsonl\", syslog = \"{}\" }}\nanchor_every = \"0h\"\n\n[store]",
        socket.local_addr().unwrap()
    );
    stage.edit(&config, "[store]", &anchor).unwrap();
    let text = String::from_utf8(export(&stage)).unwrap();
    let anchors = stage.folder().join("anchors.jsonl");
    let written = fs::read_to_string(&anchors).unwrap();
    assert!(written.lines().count() >= 3, "each command that writes is anchored: {written}");
    let mut message = [0; 1024];
    socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    let length = socket.recv(&mut message).unwrap();
    let message = String::from_utf8_lossy(&message[..length]).into_owned();
    assert!(message.starts_with("<109>1 ") && message.contains(written.lines().next().unwrap()), "{message}");
    expect(&stage.run(&["audit", "verify"]), 0);
    let anchored = |stage: &Stage| {
        let doctor = stage.run(&["doctor"]).json().unwrap();
        let lines = doctor["checks"].as_array().unwrap().clone();
        lines.iter().find(|line| line["what"] == "anchors").unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(anchored(&stage), "good");
    let kept_aside = stage.folder().join("kept-aside.jsonl");
    fs::rename(&anchors, &kept_aside).unwrap();
    assert_eq!(anchored(&stage), "problem", "somebody took the anchors away");
    fs::rename(&kept_aside, &anchors).unwrap();
    // The last ten entries are cut off, and the last line is written anew.
    let lines: Vec<&str> = text.lines().collect();
    let kept = &lines[..lines.len() - 11];
    let last: Value = serde_json::from_str(kept[kept.len() - 1]).unwrap();
    let end = format!("{{\"end\":{{\"entries\":{},\"head\":{}}}}}", kept.len(), last["hash"]);
    let forged = stage.folder().join("forged.jsonl");
    fs::write(&forged, format!("{}\n{end}\n", kept.join("\n"))).unwrap();
    let next = Some(kept.len() as i64 + 1);
    assert_eq!(verified(&stage, &forged, None), None, "the file alone does not tell");
    assert_eq!(verified(&stage, &forged, Some(&anchors)), next);
    assert_eq!(verified_independently(&[forged], Some(&anchors)), [next]);
    // An anchor of another chain: the store's own journal contradicts it, and whoever looks after the daemon is told.
    let hash = last["hash"].as_str().unwrap();
    let own = fs::read_to_string(&anchors).unwrap();
    for (seq, says) in [(1, "not the one that was anchored"), (1_000_000, "was anchored, and the journal ends")] {
        fs::write(&anchors, format!("{own}{{\"at\":\"\",\"hash\":\"{hash}\",\"seq\":{seq}}}\n")).unwrap();
        assert_eq!(anchored(&stage), "problem", "{seq}");
        assert!(stage.run(&["doctor"]).out.contains(says), "{says}");
    }
    fs::write(&anchors, format!("{own}spoilt\n")).unwrap();
    assert_eq!(anchored(&stage), "problem", "a line that is no anchor ends no look at the rest");
    fs::write(&anchors, &own).unwrap();
    assert_eq!(anchored(&stage), "good");
    fs::write(&anchors, format!("{{\"at\":\"\",\"hash\":\"{hash}\",\"seq\":1}}\n")).unwrap();
    let verified = stage.run(&["audit", "verify"]);
    expect(&verified, 2);
    assert_eq!(verified.json().unwrap()["broken"]["seq"], 1, "{verified}");
}

#[test]
fn a_webhook_inside_the_company_is_no_anchor_unless_allowed() {
    let stage = open();
    let config = stage.files().config.clone();
    let anchor = "[journal]\nanchor = { webhook = \"https://127.0.0.1:9/hidden-path\" }\n\n[store]";
    stage.edit(&config, "[store]", anchor).unwrap();
    expect(&stage.run(&["pull"]), 0);
    let planned = stage.run(&["plan"]);
    assert!(planned.err.contains("private address") && !planned.err.contains("hidden-path"), "{planned}");
    assert!(planned.code == 0 || planned.code == 2, "the work is done all the same: {planned}");
    expect(&stage.run(&["audit", "anchor"]), 1);
}

#[test]
fn who_takes_whole_lists_away_or_looks_into_the_past_is_written() {
    let stage = open();
    expect(&stage.run(&["pull"]), 0);
    expect(&stage.run(&["accounts", "--format", "csv"]), 0);
    expect(&stage.run(&["grants", "--as-of", "2026-11-01"]), 0);
    expect(&stage.run(&["accounts"]), 0);
    let exported = stage.plainly(&["audit", "export"]);
    let entries: Vec<Value> = exported.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reads: Vec<(&str, &str)> = entries
        .iter()
        .filter(|entry| entry["event"] == "read")
        .map(|entry| (entry["actor"].as_str().unwrap(), entry["body"]["what"].as_str().unwrap()))
        .collect();
    let by = "olga@acme.example";
    assert_eq!(reads, [(by, "accounts"), (by, "grants"), (by, "journal")]);
}
