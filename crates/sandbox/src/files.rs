//! Writes what a person needs to run the product against the sandbox: configuration, policy, secrets, two HR exports.
//! Everything is ready to run in the directory it is written to. It does not read anything back.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::credentials::*;
use crate::hr;
use crate::policy;
use crate::{Idp, Limits, Options, Person, Sandbox, Status, Vendor};

/// Where the written files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// `tenure.toml`.
    pub config: PathBuf,
    /// `policy.toml`.
    pub policy: PathBuf,
    /// `people.csv`, yesterday's export.
    pub people: PathBuf,
    /// `people-today.csv`, today's export.
    pub people_today: PathBuf,
    /// `secrets/`.
    pub secrets: PathBuf,
}

/// The secrets of each vendor's connection, by the names that the configuration uses.
const SECRETS: [(Vendor, &[(&str, &str)]); 5] = [
    (Vendor::Gorgias, &[("email", GORGIAS_EMAIL), ("token", GORGIAS_TOKEN)]),
    (Vendor::Gladly, &[("username", GLADLY_USERNAME), ("secret", GLADLY_SECRET)]),
    (Vendor::Freshdesk, &[("api_key", FRESHDESK_API_KEY)]),
    (Vendor::Freshservice, &[("api_key", FRESHSERVICE_API_KEY)]),
    (Vendor::Gainsight, &[("access_key", GAINSIGHT_ACCESS_KEY)]),
];

/// How a configuration begins that a sandbox wrote.
const WRITTEN: &str = "# Written by the sandbox";

/// Writes all files.
pub(crate) fn write(dir: &Path, sandbox: &Sandbox, options: &Options) -> io::Result<Files> {
    let files = Files {
        config: dir.join("tenure.toml"),
        policy: dir.join("policy.toml"),
        people: dir.join("people.csv"),
        people_today: dir.join("people-today.csv"),
        secrets: dir.join("secrets"),
    };
    spare(dir, &files)?;
    fs::create_dir_all(&files.secrets)?;
    for (vendor, secrets) in SECRETS {
        for (name, secret) in secrets {
            write_secret(&files.secrets.join(format!("{vendor}-{name}")), secret)?;
        }
    }
    for idp in Idp::ALL {
        for (name, secret) in idp.secrets() {
            write_secret(&files.secrets.join(format!("{idp}-{name}")), &secret)?;
        }
    }
    for system in hr::SYSTEMS {
        for (name, secret) in hr::secrets(system) {
            write_secret(&files.secrets.join(format!("{system}-{name}")), secret)?;
        }
    }
    fs::write(&files.config, config(sandbox, options.limits))?;
    fs::write(&files.policy, policy::text(options.people))?;
    fs::write(&files.people, csv(&sandbox.company().yesterday))?;
    fs::write(&files.people_today, csv(&sandbox.company().now))?;
    Ok(files)
}

/// Refuses to write over files that no sandbox wrote: a company that somebody began by hand.
fn spare(dir: &Path, files: &Files) -> io::Result<()> {
    if fs::read_to_string(&files.config).is_ok_and(|text| text.starts_with(WRITTEN)) {
        return Ok(());
    }
    let Some(theirs) = [&files.config, &files.policy, &files.people].into_iter().find(|file| file.exists()) else {
        return Ok(());
    };
    let name = theirs.file_name().unwrap_or_default().to_string_lossy();
    let says = format!(
        "{} holds a {name} that no sandbox wrote; choose another folder, for nothing there is written over",
        dir.display()
    );
    Err(io::Error::new(io::ErrorKind::AlreadyExists, says))
}

fn write_secret(path: &Path, secret: &str) -> io::Result<()> {
    let mut open = fs::OpenOptions::new();
    open.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    open.open(path)?.write_all(secret.as_bytes())
}

fn config(sandbox: &Sandbox, limits: Limits) -> String {
    let mut text = String::from(
        "# Written by the sandbox: everything here is made up and safe to play with.\n\
         # Today's HR export lies in people-today.csv; copy it over people.csv and see what changes.\n\n\
         [store]\nurl = \"sqlite:tenure.db\"\n\n\
         [connections.hr]\napp = \"csv\"\nsource = true\npath = \"people.csv\"\n",
    );
    for (vendor, secrets) in SECRETS {
        text.push_str(&format!(
            "\n[connections.{vendor}]\napp = \"{vendor}\"\nurl = \"{}\"\n",
            sandbox.base_url(vendor)
        ));
        text.push_str(&pace_keys(vendor, limits));
        if let Some((_, bought)) = sandbox.world().seats(vendor) {
            text.push_str(&format!("seats = {bought}\n"));
        }
        text.push_str(&format!("[connections.{vendor}.secrets]\n"));
        for (name, _) in secrets {
            text.push_str(&format!("{name} = {{ file = \"secrets/{vendor}-{name}\" }}\n"));
        }
    }
    text.push_str(
        "\n# Identity providers answer here as well, with the people whom HR knew yesterday. Take the `#` away to read one as\n\
         # a further source; `sso = \"okta\"` in an app's connection then lets a leaver's sessions end there.\n",
    );
    for idp in Idp::ALL {
        let block = sandbox.idp_block(idp);
        text.extend(block.lines().map(|line| format!("# {line}\n")));
    }
    text.push_str(
        "\n# So do three HR systems, with the same people: each as a source in place of the file, or beside it.\n",
    );
    for system in hr::SYSTEMS {
        text.extend(sandbox.hr_block(system).lines().map(|line| format!("# {line}\n")));
    }
    text
}

/// Returns the connection of an identity provider, as a configuration has it.
pub(crate) fn idp_block(idp: Idp, url: &str, token_url: Option<&str>) -> String {
    let mut text = format!("[connections.{idp}]\napp = \"{idp}\"\nsource = true\nurl = \"{url}\"\n");
    if let Some(token_url) = token_url {
        text.push_str(&format!("token_url = \"{token_url}\"\n"));
    }
    if idp == Idp::Google {
        text.push_str(&format!("subject = \"{}\"\n", crate::OWNER_EMAIL));
    }
    text.push_str(&format!("[connections.{idp}.secrets]\n"));
    for (name, _) in idp.secrets() {
        text.push_str(&format!("{name} = {{ file = \"secrets/{idp}-{name}\" }}\n"));
    }
    text
}

/// Returns the plan whose published limit applies, or a limit that never bites when limits are off.
fn pace_keys(vendor: Vendor, limits: Limits) -> String {
    let Limits::Published(plans) = limits else {
        return "limits = { per_second = 1000 }\n".into();
    };
    match vendor {
        Vendor::Gorgias => format!("plan = \"{}\"\n", plans.gorgias.published().0),
        Vendor::Freshdesk => format!("plan = \"{}\"\n", plans.freshdesk.published().0),
        Vendor::Freshservice => format!("plan = \"{}\"\n", plans.freshservice.published().0),
        Vendor::Gladly | Vendor::Gainsight => String::new(),
    }
}

const COLUMNS: [&str; 17] = [
    "employee_id",
    "given_name",
    "family_name",
    "name",
    "work_email",
    "other_emails",
    "type",
    "department",
    "title",
    "location",
    "manager_id",
    "start_date",
    "end_date",
    "time_zone",
    "status",
    "phone",
    "locale",
];

fn csv(people: &[Person]) -> String {
    let mut text = COLUMNS.join(",");
    text.push('\n');
    for person in people {
        let cells = row(person).map(|cell| quoted(&cell));
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

fn row(person: &Person) -> [String; 17] {
    let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    let status = match person.status {
        Status::Active => "active",
        Status::Leave => "leave",
        Status::Terminated => "terminated",
    };
    [
        person.employee_id.clone().unwrap_or_default(),
        person.given_name.clone(),
        person.family_name.clone(),
        person.name(),
        person.work_email.clone(),
        String::new(),
        person.employment.into(),
        person.department.into(),
        person.title.clone(),
        person.location.into(),
        person.manager_id.clone().unwrap_or_default(),
        date(Some(person.start_date)),
        date(person.end_date),
        person.time_zone.into(),
        status.into(),
        person.phone.clone().unwrap_or_default(),
        person.locale.into(),
    ]
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_company_that_somebody_began_by_hand_is_not_written_over() {
        let sandbox = crate::start(Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["people.csv", "policy.toml", "tenure.toml"] {
            let file = folder.path().join(name);
            fs::write(&file, "mine\n").unwrap();
            let error = sandbox.write_files(folder.path()).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(fs::read_to_string(&file).unwrap(), "mine\n");
            assert!(!folder.path().join("secrets").exists());
            fs::remove_file(file).unwrap();
        }
        // Its own files it writes anew.
        let files = sandbox.write_files(folder.path()).unwrap();
        fs::write(&files.policy, "").unwrap();
        sandbox.write_files(folder.path()).unwrap();
        assert!(fs::read_to_string(&files.policy).unwrap().contains("[[grant]]"));
    }
}
