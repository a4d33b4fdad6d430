//! Bad input: files that say what they cannot say, secrets that are not there, HR exports that are damaged, an app that
//! answers with ids that are none. Each is told with its place, ends with the code that says who must act, and does no
//! harm. The texts of the messages are asked for no more than what a person needs to find the place.

use crate::stage::{Answer, Ended, Pretender, Stage, picture};
use serde_json::Value;
use std::fs;
use tenure_sandbox::{Limits, Options, Vendor};

const PEOPLE: usize = 21;

fn open() -> Stage {
    Stage::open(Options { people: PEOPLE, limits: Limits::Off, ..Options::default() })
}

/// Returns the number of the line that contains `text`, from 1.
fn line_of(text: &str, wanted: &str) -> usize {
    text.lines().position(|line| line.contains(wanted)).map_or(0, |at| at + 1)
}

/// Fails unless the run ended with this code and said all of these words.
fn expect(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, code, "{ended}");
    for word in words {
        assert!(ended.says(word), "does not say {word:?}: {ended}");
    }
}

#[test]
fn an_unknown_key_is_told_with_file_line_and_the_nearest_known_one() {
    let stage = open();
    let files = stage.files().clone();
    let cases = [
        (&files.config, "[store]\n", "[stor]\n", "`stor`", "store"),
        (&files.config, "seats = ", "seets = ", "seets", "seats"),
        (&files.config, "source = true", "sorce = true", "sorce", "source"),
        (&files.config, "path = \"people.csv\"", "pathh = \"people.csv\"", "pathh", "path"),
        (&files.config, "token = {", "tokn = {", "tokn", "token"),
        (&files.config, "limits = { per_second", "limits = { per_secnd", "per_secnd", "per_second"),
        (&files.policy, "removals_max = ", "removals_mx = ", "removals_mx", "removals_max"),
        (&files.policy, "[lifecycle]", "[lifecicle]", "lifecicle", "lifecycle"),
        (&files.policy, "orphans = ", "orfans = ", "orfans", "orphans"),
        (&files.policy, "gainsight = { role =", "gainsight = { roll =", "roll", "role"),
        (&files.policy, "gainsight = { role =", "gainsigt = { role =", "gainsigt", "gainsight"),
        (&files.policy, "identity.department == \"IT\"'", "identitty.department == \"IT\"'", "identitty", "identity"),
    ];
    for (file, from, to, wrong, nearest) in cases {
        let before = fs::read_to_string(file).unwrap();
        let after = before.replacen(from, to, 1);
        assert_ne!(before, after, "{from} is not in the file");
        fs::write(file, &after).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let place = format!("{name}:{}", line_of(&after, to.trim()));
        for command in [&["check", "--offline"][..], &["pull"], &["plan"]] {
            expect(&stage.run(command), 1, &[&place, wrong, nearest]);
        }
        fs::write(file, before).unwrap();
    }
    assert_eq!(stage.run(&["check", "--offline"]).code, 0);
    let asked: u64 = Vendor::ALL.iter().map(|vendor| stage.sandbox().statistics().of(*vendor).requests).sum();
    assert_eq!(asked, 0, "nothing is asked of anybody before the files are right");
}

#[test]
fn a_value_of_the_wrong_sort_is_told_with_its_line() {
    let stage = open();
    let files = stage.files().clone();
    let cases = [
        (&files.config, "source = true", "source = \"yes\""),
        (&files.config, "url = \"sqlite:tenure.db\"", "url = 7"),
        (&files.config, "token = { file = \"secrets/gorgias-token\" }", "token = \"in-clear-for-all-to-see\""),
        (&files.policy, "removals_max_share = 0.5", "removals_max_share = 50"),
        (&files.policy, "suspend_after_end = \"0h\"", "suspend_after_end = \"soon\""),
        (&files.policy, "from = [\"security\"]", "from = [\"securty\"]"),
        (&files.policy, "when = 'true'", "when = 'tru e'"),
    ];
    for (file, from, to) in cases {
        let before = fs::read_to_string(file).unwrap();
        let after = before.replacen(from, to, 1);
        assert_ne!(before, after, "{from} is not in the file");
        fs::write(file, &after).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let ended = stage.run(&["plan"]);
        expect(&ended, 1, &[&format!("{name}:{}", line_of(&after, to))]);
        fs::write(file, before).unwrap();
    }
}

#[test]
fn a_file_that_is_not_there_or_no_toml_is_told() {
    let stage = open();
    fs::remove_file(&stage.files().policy).unwrap();
    fs::write(&stage.files().config, "this is [not toml\n").unwrap();
    expect(&stage.run(&["pull"]), 1, &["tenure.toml:1"]);
    fs::remove_file(&stage.files().config).unwrap();
    expect(&stage.run(&["pull"]), 1, &["tenure.toml", "tenure init"]);
}

#[test]
fn a_secret_that_is_missing_or_empty_is_told_by_connection_and_name_and_never_by_value() {
    let stage = open();
    let file = stage.files().secrets.join("gladly-secret");
    fs::remove_file(&file).unwrap();
    expect(&stage.run(&["pull"]), 1, &["gladly", "`secret`"]);
    expect(&stage.run(&["check"]), 2, &["gladly", "`secret`"]);
    fs::write(&file, "").unwrap();
    expect(&stage.run(&["pull"]), 1, &["gladly", "`secret`", "empty"]);
    stage
        .edit(&stage.files().config, "{ file = \"secrets/gladly-secret\" }", "{ env = \"NOT_SET_ANYWHERE\" }")
        .unwrap();
    expect(&stage.run(&["pull"]), 1, &["gladly", "`secret`", "NOT_SET_ANYWHERE"]);
    let command = "{ command = [\"sh\", \"-c\", \"echo half-a-secret; exit 9\"] }";
    stage.edit(&stage.files().config, "{ env = \"NOT_SET_ANYWHERE\" }", command).unwrap();
    let ended = stage.run(&["pull"]);
    expect(&ended, 1, &["gladly", "`secret`"]);
    assert!(!ended.says("half-a-secret"), "{ended}");
    stage.edit(&stage.files().config, "exit 9", "exit 0").unwrap();
    stage.edit(&stage.files().config, "[connections.gorgias.secrets]\n", "[connections.gorgias.secrets]\n#").unwrap();
    expect(&stage.run(&["pull"]), 1, &["gorgias", "`email`"]);
    assert!(stage.aftermath().is_empty());
}

#[test]
fn a_thing_that_does_not_exist_is_a_mistake_of_whoever_asks() {
    let stage = open();
    expect(&stage.run(&["pull", "gorgas"]), 1, &["gorgias"]);
    expect(&stage.run(&["plan"]), 1, &["pull"]);
    expect(&stage.run(&["apply"]), 1, &["plan"]);
    assert_eq!(stage.run(&["pull"]).code, 0);
    expect(&stage.run(&["apply", "p-000000000000"]), 1, &["p-000000000000"]);
    expect(&stage.run(&["approve", "s-0000000000000000", "--as", "mia@acme.example"]), 1, &["s-0000000000000000"]);
    expect(&stage.run(&["who", "nobody@nowhere.example"]), 1, &["nobody@nowhere.example"]);
    expect(&stage.run(&["accounts", "--where", "account.state = = 1"]), 1, &[]);
    expect(&stage.run(&["findings", "--kind", "orphan_acount"]), 1, &["orphan_account"]);
    expect(&stage.run(&["accounts", "--as-of", "yesterday-ish"]), 1, &["yesterday-ish"]);
    expect(&stage.run(&["exempt", "gorgias/.."]), 1, &[]);
    expect(&stage.run(&["exempt", "gorgias/0"]), 1, &[]);
    expect(&stage.run(&["exempt", "gorgias/"]), 1, &[]);
    expect(&stage.run(&["plans"]), 1, &["plan"]);
}

/// A way to write the same or another text into the export.
type Dress = fn(&str) -> Vec<u8>;

/// How an HR export may be damaged, what must be said of it, and what is left of it.
struct Damage {
    name: &'static str,
    does: Dress,
    says: &'static [&'static str],
}

fn without_line(text: &str, at: usize) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    lines.remove(at);
    lines
}

fn with_line(text: &str, at: usize, change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    lines[at] = change(&lines[at]);
    (lines.join("\n") + "\n").into_bytes()
}

fn with_cell(line: &str, at: usize, value: &str) -> String {
    let mut cells: Vec<&str> = line.split(',').collect();
    cells[at] = value;
    cells.join(",")
}

/// Line 4 of the file is Samuel Okafor, line 7 Jane Doe.
const DAMAGES: [Damage; 13] = [
    Damage {
        name: "no column that says who it is",
        does: |text| with_line(text, 0, |line| line.replace("employee_id", "number").replace("work_email", "mailbox")),
        says: &["employee_id", "work_email"],
    },
    Damage {
        name: "no header",
        does: |text| (without_line(text, 0).join("\n") + "\n").into_bytes(),
        says: &["line 1"],
    },
    Damage {
        name: "one number twice",
        does: |text| with_line(text, 6, |line| line.replace("E00006", "E00007")),
        says: &["line 8", "employee_id"],
    },
    Damage {
        name: "a date that does not exist",
        does: |text| with_line(text, 3, |line| with_cell(line, 12, "31/02/2026")),
        says: &["line 4", "end_date"],
    },
    Damage {
        name: "a day of a month that does not exist",
        does: |text| with_line(text, 3, |line| with_cell(line, 11, "2026-02-30")),
        says: &["line 4", "start_date"],
    },
    Damage {
        name: "a number too long for a key",
        does: |text| with_line(text, 3, |line| with_cell(line, 0, &"9".repeat(1100))),
        says: &["line 4", "employee_id"],
    },
    Damage {
        name: "a NUL",
        does: |text| with_line(text, 3, |line| line.replace("Samuel", "Sam\0uel")),
        says: &["line 4"],
    },
    Damage {
        name: "a row too short",
        does: |text| with_line(text, 6, |line| line[..20].to_owned()),
        says: &["line 7"],
    },
    Damage {
        name: "a row too long",
        does: |text| with_line(text, 6, |line| format!("{line},more,and,more")),
        says: &["line 7"],
    },
    Damage {
        name: "a quote that is never closed",
        does: |text| with_line(text, 6, |line| line.replace("Jane", "\"Jane")),
        says: &["line 7"],
    },
    Damage {
        name: "ten thousand columns",
        does: |text| {
            let mut lines: Vec<String> = text.lines().map(String::from).collect();
            let many: String = (0..10_000).map(|at| format!(",column_{at}")).collect();
            lines[0].push_str(&many);
            (lines.join("\n") + "\n").into_bytes()
        },
        says: &["columns"],
    },
    Damage { name: "nothing at all", does: |_| Vec::new(), says: &["empty"] },
    Damage {
        name: "something that is no text",
        does: |_| (0..5000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect(),
        says: &["line"],
    },
];

fn removals(plan: &Value) -> Vec<&Value> {
    let steps = plan["steps"].as_array().into_iter().flatten();
    steps.filter(|step| matches!(step["effect"].as_str(), Some("suspend" | "revoke" | "delete"))).collect()
}

/// Plays one damage; the error says what went wrong.
fn suffer(damage: &Damage) -> Result<(), String> {
    let stage = open();
    stage.edit(&stage.files().policy, "extra_grants = \"revoke\"", "extra_grants = \"report\"")?;
    assert_eq!(stage.run(&["pull"]).code, 0);
    // Bruno's row is fine and says that he left; he keeps what he has until a good file says so.
    let text = fs::read_to_string(&stage.files().people).map_err(|error| error.to_string())?;
    let leaves = text.replacen(",active,+1 555 000 0009", ",terminated,+1 555 000 0009", 1);
    assert_ne!(text, leaves, "Bruno's row changed its form");
    fs::write(&stage.files().people, (damage.does)(&leaves)).map_err(|error| error.to_string())?;
    let before = picture(&stage.world());
    let pulled = stage.run(&["pull", "hr"]);
    if !matches!(pulled.code, 4 | 5) || pulled.json()?["pulls"][0]["coverage"] != "partial" {
        return Err(format!("the pull is not told as partial: {pulled}"));
    }
    if let Some(word) = damage.says.iter().find(|word| !pulled.says(word)) {
        return Err(format!("does not say {word:?}: {pulled}"));
    }
    let planned = stage.run(&["plan"]);
    if !removals(&planned.json()?).is_empty() {
        return Err(format!("something is taken away: {planned}"));
    }
    let applied = stage.run(&["apply"]);
    let after = picture(&stage.world());
    if let Some((key, record)) = after.iter().find(|(key, record)| before.get(*key) != Some(record)) {
        return Err(format!("{key} was changed to {record}\nby {applied}\nof {planned}"));
    }
    if !matches!(applied.code, 0 | 3) {
        return Err(format!("{applied}\nof {planned}"));
    }
    let wrongs = stage.aftermath();
    if wrongs.is_empty() { Ok(()) } else { Err(wrongs.join("\n")) }
}

#[test]
fn a_damaged_export_is_told_with_its_lines_and_changes_nothing() {
    let wrongs: Vec<String> = DAMAGES
        .iter()
        .filter_map(|damage| suffer(damage).err().map(|because| format!("{}: {because}", damage.name)))
        .collect();
    assert!(wrongs.is_empty(), "{} of {} damages:\n\n{}", wrongs.len(), DAMAGES.len(), wrongs.join("\n\n"));
}

#[test]
fn an_export_that_is_not_there_is_told() {
    let stage = open();
    assert_eq!(stage.run(&["pull"]).code, 0);
    fs::remove_file(&stage.files().people).unwrap();
    let pulled = stage.run(&["pull"]);
    assert_eq!(pulled.code, 4, "{pulled}");
    assert!(pulled.says("people.csv"), "{pulled}");
    assert!(removals(&stage.run(&["plan"]).json().unwrap()).is_empty());
}

#[test]
fn an_export_in_another_dress_is_read_all_the_same() {
    let dressed: [(&str, Dress); 5] = [
        ("a byte order mark", |text| format!("\u{feff}{text}").into_bytes()),
        ("windows line ends", |text| text.replace('\n', "\r\n").into_bytes()),
        ("semicolons", |text| {
            text.replace("\"Director, Finance\"", "Director\u{1}Finance")
                .replace(',', ";")
                .replace('\u{1}', ", ")
                .into_bytes()
        }),
        ("two-byte letters", |text| {
            let mut bytes = vec![0xff, 0xfe];
            bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            bytes
        }),
        ("blank lines at the end", |text| format!("{text}\n\n").into_bytes()),
    ];
    let stage = open();
    stage.edit(&stage.files().policy, "extra_grants = \"revoke\"", "extra_grants = \"report\"").unwrap();
    assert_eq!(stage.run(&["pull"]).code, 0);
    let text = fs::read_to_string(&stage.files().people).unwrap();
    for (name, dress) in dressed {
        fs::write(&stage.files().people, dress(&text)).unwrap();
        let pulled = stage.run(&["pull", "hr"]);
        assert_eq!(pulled.code, 0, "{name}: {pulled}");
        let told = pulled.json().unwrap();
        assert_eq!(
            (&told["pulls"][0]["changed"], &told["pulls"][0]["gone"]),
            (&0.into(), &0.into()),
            "{name}: {pulled}"
        );
        assert_eq!(stage.run(&["plan"]).code, 0, "{name}");
    }
}

/// Points the connection `gorgias` at a pretender.
fn point(stage: &Stage, pretender: &Pretender) {
    let real = stage.sandbox().base_url(Vendor::Gorgias);
    stage.edit(&stage.files().config, &real, &format!("http://{}/api", pretender.addr)).unwrap();
}

const ROLES: &str = r#"{"data":[{"id":1,"name":"admin"},{"id":2,"name":"agent"}],"meta":{"next_cursor":null}}"#;

#[test]
fn an_id_that_is_none_never_reaches_a_path() {
    let ids = [
        "0",
        "\"\"",
        "\"..\"",
        "\"../roles\"",
        "\".\"",
        "\"a/b\"",
        "\"1?x=y\"",
        "\"%2e%2e\"",
        "\"a\\u0000b\"",
        "null",
        "-1",
        "{}",
    ];
    let row = |at: usize, id: &str| {
        format!(
            r#"{{"id":{id},"email":"odd{at}@acme.example","name":"Odd {at}","role":{{"id":2,"name":"agent"}},"active":true}}"#
        )
    };
    let rows: Vec<String> = ids.iter().enumerate().map(|(at, id)| row(at, id)).collect();
    let page = format!(r#"{{"data":[{}],"meta":{{"next_cursor":null}}}}"#, rows.join(","));
    let pretender = Pretender::start(move |_, path| match path.split('?').next() {
        Some("/api/roles") => Answer::json(ROLES),
        Some("/api/users") => Answer::json(&page),
        _ => Answer { status: "404 Not Found", ..Answer::json("{}") },
    });
    let stage = open();
    point(&stage, &pretender);
    stage.edit(&stage.files().policy, "orphans = \"report\"", "orphans = \"suspend\"").unwrap();
    stage.edit(&stage.files().policy, "removals_max_share = 0.5", "removals_max_share = 1.0").unwrap();
    let pulled = stage.run(&["pull"]);
    assert_eq!(pulled.code, 4, "records without a usable id make a read partial: {pulled}");
    let planned = stage.run(&["plan"]);
    assert!(matches!(planned.code, 0 | 2 | 3), "{planned}");
    assert!(matches!(stage.run(&["apply"]).code, 0 | 3 | 4));
    let odd: Vec<String> = pretender
        .asked()
        .into_iter()
        .map(|asked| asked.lines().next().unwrap_or_default().to_owned())
        .filter(|line| {
            let path = line.split(' ').nth(1).unwrap_or_default();
            let bare = path.split('?').next().unwrap_or_default();
            !matches!(bare, "/api/users" | "/api/roles")
        })
        // A minus sign and a percent sign, once encoded, are an id as good as any other.
        .filter(|line| !line.ends_with("/api/users/-1") && !line.ends_with("/api/users/%252e%252e"))
        .filter(|line| !line.ends_with("/api/users/a%2Fb") && !line.ends_with("/api/users/1%3Fx%3Dy"))
        .collect();
    assert!(odd.is_empty(), "asked for {odd:?}");
    assert!(stage.aftermath().is_empty());
}

/// Opens a stage whose Gorgias has this one account.
fn pretend_account(user: &str) -> (Stage, Pretender) {
    let page = format!(r#"{{"data":[{user}],"meta":{{"next_cursor":null}}}}"#);
    let pretender = Pretender::start(move |_, path| match path.split('?').next() {
        Some("/api/roles") => Answer::json(ROLES),
        _ => Answer::json(&page),
    });
    let stage = open();
    point(&stage, &pretender);
    (stage, pretender)
}

#[test]
fn an_id_too_long_to_be_kept_makes_the_read_partial() {
    let id = "x".repeat(1100);
    let user = format!(r#"{{"id":"{id}","email":"odd@acme.example","name":"Odd","role":{{"id":2,"name":"agent"}}}}"#);
    let (stage, _pretender) = pretend_account(&user);
    expect(&stage.run(&["pull", "gorgias"]), 4, &["1 of 1 records", "cannot be kept"]);
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_host() {
    let thief = Pretender::start(|_, _| Answer::json(ROLES));
    let elsewhere = format!("http://localhost:{}/api/users", thief.addr.port());
    let pretender = Pretender::start(move |_, _| Answer {
        status: "302 Found",
        headers: format!("Location: {elsewhere}\r\n"),
        body: String::new(),
    });
    let stage = open();
    point(&stage, &pretender);
    let pulled = stage.run(&["pull", "gorgias"]);
    assert_eq!(pulled.code, 4, "{pulled}");
    assert!(pulled.says("redirect"), "{pulled}");
    assert!(matches!(stage.run(&["check", "gorgias"]).code, 2 | 5));
    assert!(!pretender.asked().is_empty());
    let seen = thief.asked();
    assert!(seen.is_empty(), "the other host was asked: {seen:?}");
}

#[test]
fn plain_http_to_another_machine_is_refused_before_anything_is_sent() {
    let stage = open();
    let real = stage.sandbox().base_url(Vendor::Gorgias);
    stage.edit(&stage.files().config, &real, "http://tenant.example/api").unwrap();
    expect(&stage.run(&["pull", "gorgias"]), 1, &["allow_http"]);
}

#[test]
fn odd_letters_in_names_reach_neither_the_terminal_nor_a_formula() {
    let user = r#"{"id":7,"email":"odd@acme.example","name":"=1+1\u001b[31m\u0000\u202e","role":{"id":2,"name":"agent"},"active":true}"#;
    let (stage, _pretender) = pretend_account(user);
    assert_eq!(stage.run(&["pull", "gorgias"]).code, 0);
    for format in ["table", "csv"] {
        let listed = stage.plainly(&["accounts", "--connection", "gorgias", "--format", format]);
        assert_eq!(listed.code, 0, "{listed}");
        assert!(listed.out.contains("odd@acme.example"), "{listed}");
        assert!(format == "csv" || !listed.out.contains(['\u{1b}', '\0']), "{listed}");
        assert!(!listed.out.lines().flat_map(|line| line.split(',')).any(|cell| cell.starts_with("=1")), "{listed}");
    }
}

#[test]
fn a_journal_that_was_changed_afterwards_is_noticed() {
    let stage = open();
    assert_eq!(stage.run(&["pull"]).code, 0);
    stage.next_morning();
    assert_eq!(stage.run(&["pull"]).code, 0);
    let plan = stage.run(&["plan"]).json().unwrap();
    assert_eq!(stage.run(&["approve", plan["id"].as_str().unwrap(), "--as", "mia@acme.example"]).code, 0);
    assert_eq!(stage.run(&["audit", "verify"]).code, 0);
    let mut changed = 0;
    for name in ["tenure.db", "tenure.db-wal"] {
        let file = stage.folder().join(name);
        let Ok(mut bytes) = fs::read(&file) else { continue };
        let (from, to) = (b"mia@acme.example", b"eve@acme.example");
        for at in 0..bytes.len().saturating_sub(from.len()) {
            if bytes[at..].starts_with(from) {
                bytes[at..at + from.len()].copy_from_slice(to);
                changed += 1;
            }
        }
        fs::write(&file, bytes).unwrap();
    }
    assert!(changed > 0, "the approver's name stands somewhere");
    let verified = stage.run(&["audit", "verify"]);
    assert_ne!(verified.code, 0, "{verified}");
    assert!(verified.says("broken"), "{verified}");
}

#[test]
fn a_mistyped_command_is_told_as_json_where_json_is_asked_for() {
    let stage = open();
    let ended = stage.run(&["plan", "--nonsense"]);
    expect(&ended, 1, &["--nonsense"]);
    let told = ended.json().unwrap();
    assert_eq!(told["exit"], 1, "{ended}");
    assert!(told["error"].as_str().unwrap().contains("--nonsense") && ended.err.starts_with("error: "), "{ended}");
    let failed = stage.run(&["who", "nobody@nowhere.example"]);
    let told = failed.json().unwrap();
    assert_eq!(told["exit"], 1, "{failed}");
    let sentence = told["error"].as_str().unwrap();
    assert_eq!(failed.err.trim(), format!("tenure: {sentence}"), "{failed}");
    let plainly = stage.plainly(&["plan", "--nonsense"]);
    assert!(plainly.code == 1 && plainly.err.starts_with("error: "), "{plainly}");
}

#[test]
fn a_file_that_is_not_there_is_told_with_the_reason() {
    let stage = open();
    fs::remove_file(&stage.files().people).unwrap();
    expect(&stage.run(&["pull", "hr"]), 4, &["people.csv: No such file"]);
}
