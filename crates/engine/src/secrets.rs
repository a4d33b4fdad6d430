//! Reads the secrets of a connection from where `tenure.toml` says that they lie.
//! Values go straight into `SecretString` and from there to a connector; nothing here prints or keeps one.
//! An error names the connection, the secret and the place, never what was found there.

use crate::config::SecretPlace;
use secrecy::SecretString;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SECRET_LEN_MAX: usize = 64 * 1024;
const COMMAND_WAIT: Duration = Duration::from_secs(20);

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
#[error("read secret `{secret}` of {} from {place}: {because}", self.whose())]
pub struct SecretError {
    /// Whose secret.
    pub connection: String,
    /// Which one.
    pub secret: String,
    /// Where it should lie.
    pub place: String,
    /// What is wrong there; never a value.
    pub because: String,
}

/// Whose secrets the store's own are.
pub(crate) const STORE: &str = "[store]";

impl SecretError {
    fn whose(&self) -> String {
        if self.connection.starts_with('[') {
            self.connection.clone()
        } else {
            format!("connection `{}`", self.connection)
        }
    }
}

/// Reads one secret. Relative file paths start at `folder`.
///
/// # Errors
/// The place does not exist, cannot be read, is empty or is too large.
pub fn read_secret(
    connection: &str,
    secret: &str,
    place: &SecretPlace,
    folder: &Path,
) -> Result<SecretString, SecretError> {
    let fail = |because: String| SecretError {
        connection: connection.to_owned(),
        secret: secret.to_owned(),
        place: describe(place),
        because,
    };
    let text = match place {
        SecretPlace::Env(name) => {
            std::env::var(name).map_err(|_| fail(format!("set it, for example `export {name}=…`")))?
        }
        SecretPlace::File(path) => {
            let path = if path.is_absolute() { path.clone() } else { folder.join(path) };
            read_file(&path).map_err(fail)?
        }
        SecretPlace::Command(words) => run(words, folder).map_err(fail)?,
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(fail("it is empty".into()));
    }
    Ok(SecretString::from(text.to_owned()))
}

/// Reads an ordinary file that is no larger than a secret may be. A device or a pipe may never end, or never begin.
fn read_file(path: &Path) -> Result<String, String> {
    let told = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !told.is_file() {
        return Err("it is no ordinary file".into());
    }
    if told.len() > SECRET_LEN_MAX as u64 {
        return Err(format!("{} bytes are too many for a secret", told.len()));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(SECRET_LEN_MAX as u64).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

fn describe(place: &SecretPlace) -> String {
    match place {
        SecretPlace::Env(name) => format!("environment variable {name}"),
        SecretPlace::File(path) => format!("file {}", path.display()),
        SecretPlace::Command(words) => format!("command {:?}", words.first().map_or("", String::as_str)),
    }
}

/// Runs `words` and returns what they print, within a bounded time. What the program writes to its standard error
/// goes to the operator's terminal, where a pass phrase may be asked for.
fn run(words: &[String], folder: &Path) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("the command has no words")?;
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let stdout = child.stdout.take().ok_or("no output")?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.take(SECRET_LEN_MAX as u64).read_to_string(&mut text).map(|_| text)
    });
    let until = Instant::now() + COMMAND_WAIT;
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if Instant::now() > until => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it did not end within {} s", COMMAND_WAIT.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    reader.join().map_err(|_| "its output could not be read".to_owned())?.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn read(place: SecretPlace) -> Result<SecretString, SecretError> {
        read_secret("gorgias", "token", &place, Path::new("."))
    }

    #[test]
    fn a_command_prints_the_secret_without_its_line_break() {
        let secret = read(SecretPlace::Command(vec!["printf".into(), "abc\\n".into()])).unwrap();
        assert_eq!(secret.expose_secret(), "abc");
    }

    #[test]
    fn a_missing_secret_names_connection_and_name() {
        let error = read(SecretPlace::Env("TENURE_TEST_NOT_SET".into())).unwrap_err().to_string();
        assert!(error.contains("gorgias") && error.contains("token") && error.contains("TENURE_TEST_NOT_SET"));
    }

    #[test]
    fn what_may_never_end_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        for place in [Path::new("/dev/zero"), folder.path()] {
            let error = read(SecretPlace::File(place.into())).unwrap_err().to_string();
            assert!(error.contains("it is no ordinary file"), "{error}");
        }
    }

    #[test]
    fn a_failing_command_does_not_show_what_it_printed() {
        let place = SecretPlace::Command(vec!["sh".into(), "-c".into(), "echo s3cret; exit 3".into()]);
        let error = read(place).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && !error.contains("s3cret"), "{error}");
    }
}
