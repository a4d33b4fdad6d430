//! Identity providers in a scenario: they are connected, people are moved in them, and their sessions are looked at.
//! Words come from the script; the truth is asked of the sandbox, not of the program.

use super::scene::Scene;
use crate::stage::email_of;
use std::fs;
use tenure_sandbox::Idp;

/// Returns the provider of that name.
pub fn named(name: &str) -> Option<Idp> {
    Idp::ALL.into_iter().find(|idp| idp.name() == name)
}

/// Does what an admin of the provider does, or connects it.
pub fn given(scene: &Scene, idp: Idp, words: &[&str]) -> Result<(), String> {
    let desk = scene.stage.sandbox().idp(idp);
    let done = |done: bool| if done { Ok(()) } else { Err(format!("{idp} cannot do `{}`", words.join(" "))) };
    match words {
        ["instead", "of", "hr"] => {
            let (text, hr) =
                (config(scene)?, "[connections.hr]\napp = \"csv\"\nsource = true\npath = \"people.csv\"\n");
            write(scene, &text.replacen(hr, &block(scene, idp), 1))
        }
        ["signs", "in", connections @ ..] => {
            let mut text = config(scene)? + "\n" + &block(scene, idp);
            for connection in connections {
                let head = format!("app = \"{connection}\"\n");
                text = text.replacen(&head, &format!("{head}sso = \"{idp}\"\n"), 1);
            }
            write(scene, &text)
        }
        ["puts", person, standing] => done(desk.stand(&email_of(person), standing)),
        ["deletes", person] => done(desk.delete(&email_of(person))),
        ["signs", person] => done(desk.sign_in(&email_of(person))),
        [person, "gets", change] => {
            let (field, value) = change.split_once('=').ok_or("write FIELD=VALUE")?;
            done(desk.change(&email_of(person), field, value))
        }
        _ => Err(format!("`{idp} {}` means nothing", words.join(" "))),
    }
}

/// Looks at the sessions of somebody.
pub fn then(scene: &Scene, idp: Idp, words: &[&str]) -> Result<(), String> {
    let desk = scene.stage.sandbox().idp(idp);
    let (found, wanted) = match words {
        [person, "sessions", "=", wanted] => (desk.sessions(&email_of(person)), *wanted),
        [person, "endings", "=", wanted] => (desk.endings(&email_of(person)), *wanted),
        _ => return Err(format!("`{idp} {}` means nothing", words.join(" "))),
    };
    let found = found.map_or_else(|| "nobody".into(), |found| found.to_string());
    if found == wanted { Ok(()) } else { Err(format!("{found}, not {wanted}")) }
}

fn config(scene: &Scene) -> Result<String, String> {
    fs::read_to_string(&scene.stage.files().config).map_err(|error| error.to_string())
}

fn write(scene: &Scene, text: &str) -> Result<(), String> {
    fs::write(&scene.stage.files().config, text).map_err(|error| error.to_string())
}

/// Returns the connection's block, as the sandbox offers it in its configuration.
fn block(scene: &Scene, idp: Idp) -> String {
    scene.stage.sandbox().idp_block(idp)
}
