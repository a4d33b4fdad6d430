//! A connection that is added from the console: written into `tenure.toml` beside what stands there, comments and all. The
//! file is changed only once the whole of it was read, the connection's secrets were found, and its app answered a look at its
//! rights; where something is wrong, it stays as it is. No secret goes through here: only the place where it lies.

use crate::check::{CheckLine, Verdict, check};
use crate::config::SecretPlace;
use crate::decide::By;
use crate::error::{Blame, EngineError};
use crate::house::House;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tenure_connect::Auth;
use tenure_core::hex::hex;
use tenure_core::journal::Draft;
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value, value};

const VALUE_LEN_MAX: usize = 500;

/// A connection that somebody wants.
#[derive(Clone, Debug, Default)]
pub struct NewConnection {
    /// Its name.
    pub name: String,
    /// Its app.
    pub app: String,
    /// Whether it says who should be here.
    pub source: bool,
    /// Its further keys with a text each: what the app's address asks for, `url`, `plan`, `every`, `path`.
    pub keys: BTreeMap<String, String>,
    /// Where each secret lies.
    pub secrets: BTreeMap<String, SecretPlace>,
}

/// What an app asks of a connection, for whoever fills in a form.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its keys with a text.
    pub keys: Vec<AskedKey>,
    /// Its secrets.
    pub secrets: Vec<String>,
    /// Which of these make a credential, the usual one first.
    pub forms: Vec<Vec<String>>,
    /// Whether it is a file, which says who should be here.
    pub is_file: bool,
}

/// One key of a connection.
#[derive(Clone, Debug)]
pub struct AskedKey {
    /// Its name.
    pub key: String,
    /// What it is.
    pub says: String,
    /// What it is unless said.
    pub default: String,
}

/// Tells whether the file can be changed from here.
pub fn is_writable(house: &House) -> bool {
    let file = &house.config.file;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let writable = |path: &Path| std::fs::metadata(path).is_ok_and(|meta| !meta.permissions().readonly());
    if !writable(file) || !writable(folder) {
        return false;
    }
    // Only the attempt tells whether this process may: rights are more than their bits.
    let trial = folder.join(format!(".tenure-{}.trial", std::process::id()));
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&trial).is_ok();
    made && std::fs::remove_file(&trial).is_ok()
}

/// Lists what an app asks of a connection; nothing where there is no such app.
pub fn asked(house: &House, app: &str) -> Option<Asked> {
    let app = house.catalogue.get(app)?;
    let manifest = &app.manifest;
    let key = |key: &str, says: &str| AskedKey { key: key.into(), says: says.into(), default: String::new() };
    let parameters = manifest.base.iter().flat_map(|base| &base.parameters);
    let parameters = parameters
        .map(|(name, asked)| AskedKey { default: asked.default.clone().unwrap_or_default(), ..key(name, &asked.says) });
    let mut keys: Vec<AskedKey> = parameters.collect();
    let is_file = manifest.file.is_some();
    if is_file {
        keys.push(key("path", "the file, beside tenure.toml or by its whole path"));
    }
    if is_file || manifest.base.is_some() {
        keys.push(key("url", "the whole address, where it is not the usual one; it wins over what is above"));
    }
    if manifest.is_asked() || is_file {
        keys.push(key("every", "how often it is read, such as 15m, 2h or 1d"));
    }
    let secrets: Vec<String> = manifest.secrets.keys().cloned().collect();
    let of = |auth: &Auth| auth.secrets().into_iter().map(str::to_owned).collect();
    let forms = manifest.auth.as_ref().map_or_else(|| vec![secrets.clone()], |auth| auth.forms().map(of).collect());
    Some(Asked { keys, secrets, forms, is_file })
}

/// Adds a connection to the file, once it is known to be good. Returns what the look at its rights says.
///
/// # Errors
/// The name is taken, a key or a secret is wrong, the app refuses the credential, or the file cannot be written; then the
/// file is as it was.
#[tracing::instrument(name = "add_connection", skip_all, fields(connection = %new.name, app = %new.app))]
#[boxed]
pub async fn add(house: &House, new: &NewConnection, by: &By) -> Result<Vec<CheckLine>, EngineError> {
    let file = &house.config.file;
    let before = std::fs::read_to_string(file).map_err(|error| unwritable(file, &error))?;
    let text = written(&before, new)?;
    let trial = Trial::write(house, file, &text)?;
    let wrong = |error: EngineError| match error.blame() {
        // The file of which it speaks is the one that would be.
        Blame::Operator => {
            EngineError::Asked(error.to_string().replace(&trial.0.display().to_string(), &file.display().to_string()))
        }
        _ => error,
    };
    let lines = probe(house, &trial.0, new).await.map_err(wrong)?;
    // Whoever edited the file meanwhile would lose what they wrote.
    if std::fs::read_to_string(file).map_err(|error| unwritable(file, &error))? != before {
        return Err(EngineError::Moved(
            "tenure.toml was changed meanwhile; look at it, and add the connection again".into(),
        ));
    }
    let body = serde_json::json!({ "connection": new.name, "app": new.app, "source": new.source });
    let (at, actor, event) = (house.clock.now_text(), by.who.clone(), "connection_added".to_owned());
    house.store.append_journal(vec![Draft { at, actor, event, run: None, step: None, body }]).await?;
    std::fs::rename(&trial.0, file).map_err(|error| unwritable(file, &error))?;
    Ok(lines)
}

fn unwritable(file: &Path, error: &std::io::Error) -> EngineError {
    EngineError::Asked(format!("{} cannot be changed: {error}", file.display()))
}

/// The file as it would be, beside the one that is: gone when it is not taken.
struct Trial(PathBuf);

impl Trial {
    fn write(house: &House, file: &Path, text: &str) -> Result<Self, EngineError> {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let trial = file.with_file_name(format!(".{name}.{}", hex(&house.chance.bytes::<6>()?)));
        let mode = std::fs::metadata(file).map(|meta| meta.permissions());
        std::fs::write(&trial, text).map_err(|error| unwritable(file, &error))?;
        let written = Self(trial);
        let mode = mode.and_then(|mode| std::fs::set_permissions(&written.0, mode));
        let synced = mode.and_then(|()| std::fs::File::open(&written.0)?.sync_all());
        synced.map_err(|error| unwritable(file, &error))?;
        Ok(written)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        // A file that was taken is not there any more under this name.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Opens the house that the file would make, and looks at the rights of the new connection there.
async fn probe(house: &House, trial: &Path, new: &NewConnection) -> Result<Vec<CheckLine>, EngineError> {
    let next = House::open(trial, house.clock.clone()).await?;
    let name = tenure_core::name::ConnectionName::new(&new.name);
    let looked = match next.reader(&name).await {
        Ok(_) => check(&next, std::slice::from_ref(&new.name), false).await,
        Err(error) => Err(error),
    };
    next.close().await;
    let lines: Vec<CheckLine> = looked?.into_iter().filter(|line| line.connection.is_some()).collect();
    let wrong: Vec<&str> =
        lines.iter().filter(|line| line.verdict == Verdict::Problem).map(|line| line.says.as_str()).collect();
    if wrong.is_empty() { Ok(lines) } else { Err(EngineError::Asked(wrong.join("; "))) }
}

/// Returns the file's text with the connection in it.
fn written(before: &str, new: &NewConnection) -> Result<String, EngineError> {
    let field = |field, because: &str| EngineError::Field { field, because: because.to_owned() };
    let name = new.name.trim();
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 60 || !name.chars().all(good) {
        return Err(field("name", "letters, digits, `-` and `_`; it stands in addresses"));
    }
    let mut document: DocumentMut = before.parse().map_err(|_| field("name", "the file is no TOML at this moment"))?;
    let connections = document.entry("connections").or_insert_with(|| implicit().into());
    let connections =
        connections.as_table_mut().ok_or_else(|| field("name", "`connections` of the file is no table"))?;
    if connections.contains_key(name) {
        return Err(field("name", "a connection of this name is there already"));
    }
    let mut table = Table::new();
    table.insert("app", value(new.app.as_str()));
    if new.source {
        table.insert("source", value(true));
    }
    for (key, text) in &new.keys {
        let text = text.trim();
        if text.len() > VALUE_LEN_MAX || text.chars().any(char::is_control) {
            return Err(EngineError::Field {
                field: "keys",
                because: format!("`{key}` is too long, or has a line break"),
            });
        }
        if !text.is_empty() {
            table.insert(key, value(text));
        }
    }
    if !new.secrets.is_empty() {
        let mut secrets = Table::new();
        for (secret, place) in &new.secrets {
            secrets.insert(secret, place_of(place)?);
        }
        table.insert("secrets", Item::Table(secrets));
    }
    table.decor_mut().set_prefix("\n");
    connections.insert(name, Item::Table(table));
    Ok(document.to_string())
}

fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// Writes where a secret lies. What looks like the secret itself is refused.
fn place_of(place: &SecretPlace) -> Result<Item, EngineError> {
    let field = |because: &str| EngineError::Field { field: "secrets", because: because.to_owned() };
    let (key, text) = match place {
        SecretPlace::Env(name) => {
            let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            if name.is_empty()
                || name.len() > 100
                || !name.chars().all(upper)
                || name.starts_with(|c: char| c.is_ascii_digit())
            {
                return Err(field(
                    "a variable's name has capital letters, digits and `_`, and is not the secret itself",
                ));
            }
            ("env", name.clone())
        }
        SecretPlace::File(path) => {
            let text = path.to_string_lossy().into_owned();
            if !path.is_absolute() || text.len() > VALUE_LEN_MAX || text.chars().any(char::is_control) {
                return Err(field("a file is named by its whole path, and is not the secret itself"));
            }
            ("file", text)
        }
        SecretPlace::Command(_) => return Err(field("a program is named in the file alone, by whoever may change it")),
    };
    let mut inline = InlineTable::new();
    inline.insert(key, Value::from(text));
    Ok(value(inline))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str) -> NewConnection {
        let secrets = BTreeMap::from([("token".to_owned(), SecretPlace::Env("DESK_TOKEN".into()))]);
        let keys = BTreeMap::from([("account".to_owned(), "acme".to_owned()), ("every".to_owned(), String::new())]);
        NewConnection { name: name.into(), app: "desk".into(), source: false, keys, secrets }
    }

    #[test]
    fn what_stands_in_the_file_stays_as_it_is() {
        let before =
            "# ours\n[store]\nurl = \"sqlite:x.db\" # the store\n\n# people\n[connections.hr]\napp = \"csv\"\n";
        let after = written(before, &new("desk")).unwrap();
        assert!(after.starts_with(before), "{after}");
        let added = "\n[connections.desk]\napp = \"desk\"\naccount = \"acme\"\n\n[connections.desk.secrets]\ntoken = { env = \"DESK_TOKEN\" }\n";
        assert_eq!(&after[before.len()..], added);
        assert!(written("", &new("desk")).unwrap().contains("[connections.desk]"), "a file without any connection");
        assert!(written(before, &new("hr")).is_err(), "the name is taken");
    }

    #[test]
    fn a_secret_itself_is_not_written() {
        for place in [
            SecretPlace::Env("a9f-secret".into()),
            SecretPlace::File("a9f8e7d6".into()),
            SecretPlace::Command(vec!["sh".into()]),
        ] {
            let mut new = new("desk");
            new.secrets.insert("token".into(), place);
            assert!(written("", &new).is_err());
        }
        for name in ["", "a b", "a.b", "a]\nx", "\"x\""] {
            assert!(written("", &new(name)).is_err(), "{name}");
        }
    }
}
