//! Files as people really have them, and files that somebody made to hurt.
//! Each text is read from memory or disk and judged by its people and its report.
//! A bad row must cost exactly itself, and the right to say that anybody is gone.

use super::people::{FileReport, People, PeopleOptions};
use super::rows::{CELL_MAX, ROW_MAX};
use super::*;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use tenure_core::account::{Account, AccountState, Kind};
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;

fn options(map: &[(&str, &str)]) -> PeopleOptions {
    let map = map.iter().map(|(ours, theirs)| ((*ours).into(), (*theirs).into())).collect::<BTreeMap<_, _>>();
    PeopleOptions { connection: ConnectionName::new("hr"), map, skip: BTreeSet::new() }
}

fn read_mapped(bytes: impl Into<Vec<u8>>, map: &[(&str, &str)]) -> (Vec<Account>, FileReport) {
    let mut people = People::from_bytes(Bytes::from(bytes.into()), options(map)).unwrap();
    let accounts: Vec<Account> = people.by_ref().collect();
    (accounts, people.report_now())
}

fn read(bytes: impl Into<Vec<u8>>) -> (Vec<Account>, FileReport) {
    read_mapped(bytes, &[])
}

fn ids(accounts: &[Account]) -> Vec<&str> {
    accounts.iter().map(|account| account.key.id.as_str()).collect()
}

/// Returns the problems as `line:column message`.
fn problems(report: &FileReport) -> Vec<String> {
    report.problems.iter().map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.message)).collect()
}

fn field<'a>(account: &'a Account, name: &str) -> Option<&'a Value> {
    account.fields.get(name)
}

const GOOD: &str = "employee_id,given_name,family_name,work_email,other_emails,start_date,status,Cost Center\n\
    E1,Jane,Doe,Jane@Acme.com,a@b.c; d@e.f ,2026-01-31,Active,4711\n\
    E2,Ben,,ben@acme.com,,,terminated,\n";

#[test]
fn a_plain_file_is_read_completely() {
    let (people, report) = read(GOOD);
    assert_eq!(ids(&people), ["E1", "E2"]);
    let jane = &people[0];
    assert_eq!((jane.key.kind, jane.key.connection.as_str()), (Kind::Person, "hr"));
    assert_eq!(jane.login.as_deref(), Some("Jane@Acme.com"));
    assert_eq!(jane.name.as_deref(), Some("Jane Doe"));
    assert_eq!(field(jane, "name"), Some(&json!("Jane Doe")));
    assert_eq!(field(jane, "other_emails"), Some(&json!(["a@b.c", "d@e.f"])));
    assert_eq!(field(jane, "start_date"), Some(&json!("2026-01-31")));
    assert_eq!(field(jane, "Cost Center"), Some(&json!("4711")));
    assert_eq!(field(jane, "status"), Some(&json!("active")));
    assert_eq!(jane.state, AccountState::Active);
    let ben = &people[1];
    assert_eq!(ben.state, AccountState::Suspended);
    assert_eq!(field(ben, "family_name"), Some(&Value::Null), "an empty cell is known to be empty");
    assert_eq!(field(ben, "department"), None, "a column that is absent is unknown");
    assert_eq!((report.coverage, report.because, report.people), (Coverage::Complete, None, 2));
    assert_eq!((report.encoding, report.delimiter), (Encoding::Utf8, ','));
}

#[test]
fn every_delimiter_is_found() {
    for delimiter in [",", ";", "\t", "|"] {
        let text = format!("work_email{delimiter}name\na@b.c{delimiter}Ann\n");
        let (people, report) = read(text);
        assert_eq!(people[0].name.as_deref(), Some("Ann"));
        assert_eq!((report.delimiter.to_string().as_str(), report.coverage), (delimiter, Coverage::Complete));
    }
    let (people, _) = read("sep=;\nemployee_id;name\n1;\"Doe, Jane\"\n");
    assert_eq!(people[0].name.as_deref(), Some("Doe, Jane"));
    let (people, report) = read("work_email\na@b.c\n");
    assert_eq!((people.len(), report.delimiter), (1, ','));
    let (people, _) = read("Last, first;employee_id\nDoe, Jane;1\n");
    assert_eq!(ids(&people), ["1"], "known columns outweigh many columns");
}

#[test]
fn every_encoding_is_found() {
    let text = "employee_id,name\r\n1,Zoë Müller\r\n2,Ann\r\n";
    let utf16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let windows = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    for (bytes, encoding) in [
        (text.as_bytes().to_vec(), Encoding::Utf8),
        ([b"\xEF\xBB\xBF", text.as_bytes()].concat(), Encoding::Utf8),
        ([b"\xFF\xFE".to_vec(), utf16(u16::to_le_bytes)].concat(), Encoding::Utf16Le),
        ([b"\xFE\xFF".to_vec(), utf16(u16::to_be_bytes)].concat(), Encoding::Utf16Be),
        (utf16(u16::to_le_bytes), Encoding::Utf16Le),
        (utf16(u16::to_be_bytes), Encoding::Utf16Be),
        (windows, Encoding::Windows1252),
    ] {
        let (people, report) = read(bytes);
        assert_eq!((report.encoding, report.coverage), (encoding, Coverage::Complete), "{:?}", report.problems);
        assert_eq!(people[0].name.as_deref(), Some("Zoë Müller"));
        assert_eq!(people.len(), 2);
    }
}

#[test]
fn a_damaged_character_late_in_a_utf8_file_costs_its_row_alone() {
    let mut text = b"employee_id,name\n".to_vec();
    for at in 0..30_000 {
        text.extend_from_slice(format!("{at},Zo\u{eb}\n").as_bytes());
    }
    text.extend_from_slice(b"x,Zo\xEB\n");
    let (people, report) = read(text);
    assert_eq!((people.len(), report.encoding, report.rows_bad), (30_000, Encoding::Utf8, 1));
    assert_eq!(people[29_999].name.as_deref(), Some("Zoë"));
    assert_eq!(problems(&report), ["30002:2 the cell is no readable text"]);
}

#[test]
fn rows_of_two_encodings_are_told_and_nobody_is_renamed() {
    let (people, report) = read(b"employee_id,name\n1,J\xC3\xB6rg\n2,J\xF6rg\n3,Zo\xEB\n".to_vec());
    assert_eq!((report.encoding, report.rows_bad, people.len()), (Encoding::Utf8, 2, 1), "{:?}", report.problems);
    assert_eq!(people[0].name.as_deref(), Some("Jörg"));
    assert_eq!(problems(&report), ["3:2 the cell is no readable text", "4:2 the cell is no readable text"]);
}

#[test]
fn headers_match_without_case_blanks_and_underscores_and_by_the_map() {
    let text = "Emp No,Given Name,FAMILY_NAME,Work E-Mail,Kostenstelle\n7,Jane,Doe,j@d.e,4711\n";
    let map = [("employee_id", "emp_no"), ("work_email", "Work E-Mail"), ("cost_center", "Kostenstelle")];
    let (people, report) = read_mapped(text, &map);
    assert_eq!((ids(&people), report.coverage), (vec!["7"], Coverage::Complete));
    assert_eq!(people[0].login.as_deref(), Some("j@d.e"));
    assert_eq!(people[0].name.as_deref(), Some("Jane Doe"));
    assert_eq!(field(&people[0], "cost_center"), Some(&json!("4711")));
    assert_eq!(field(&people[0], "Emp No"), None);
}

#[test]
fn the_map_outweighs_a_column_of_our_own_name() {
    let (people, report) = read_mapped("id,employee_id\nright,wrong\n", &[("employee_id", "id")]);
    assert_eq!((ids(&people), report.coverage), (vec!["right"], Coverage::Complete));
}

#[test]
fn a_column_that_is_missing_or_stands_twice_is_reported() {
    let (people, report) = read_mapped("employee_id,name,Name\n1,a,b\n", &[("title", "Job")]);
    assert_eq!((people.len(), report.coverage), (1, Coverage::Partial));
    assert_eq!(people[0].name.as_deref(), Some("a"));
    assert_eq!(
        problems(&report),
        [
            "1:0 column `Job` is missing, which the map names as title",
            "1:3 column `Name` stands there twice; the first is read"
        ]
    );
}

#[test]
fn a_file_without_keys_or_without_anything_is_partial() {
    let (people, report) = read("name,title\nJane,Boss\n");
    assert!(people.is_empty());
    assert_eq!(problems(&report), ["1:0 neither a column employee_id nor a column work_email is there"]);
    assert_eq!(report.coverage, Coverage::Partial);
    for nothing in ["", "\n\n  \n", "\u{feff}"] {
        let (people, report) = read(nothing);
        assert!(people.is_empty());
        assert_eq!(report.coverage, Coverage::Partial, "{nothing:?}");
    }
    let (people, report) = read("employee_id,name\n");
    assert_eq!((people.len(), report.coverage), (0, Coverage::Complete), "a header alone says: nobody");
}

#[test]
fn days_that_do_not_exist_are_reported_with_their_place() {
    let text = "employee_id,start_date,end_date\n\
        1,2026-02-29,\n2,2024-02-29,2026-12-31T00:00:00Z\n3,31.01.2026,2026-13-01\n4,2026-1-1,\n5,,2026-06-31 00:00\n";
    let (people, report) = read(text);
    assert_eq!(ids(&people), ["2"]);
    assert_eq!(field(&people[0], "end_date"), Some(&json!("2026-12-31")));
    assert_eq!(
        problems(&report),
        [
            "2:2 start_date is a day that does not exist",
            "4:2 start_date is not a date such as 2026-01-31",
            "4:3 end_date is a day that does not exist",
            "5:2 start_date is not a date such as 2026-01-31",
            "6:3 end_date is a day that does not exist",
        ]
    );
    assert_eq!((report.rows_bad, report.problems_total), (4, 5));
    let because = report.because.unwrap();
    assert_eq!(because, "5 problems, the first in line 2, column 2: start_date is a day that does not exist");
}

#[test]
fn two_people_with_one_key_are_reported_with_both_lines() {
    let text = "employee_id,work_email\n1,a@b.c\n2,x@y.z\n1,other@b.c\n3,A@B.C\n,x@y.z\n";
    let (people, report) = read(text);
    assert_eq!(ids(&people), ["1", "2"]);
    assert_eq!(
        problems(&report),
        [
            "4:1 employee_id is the same as in line 2",
            "5:2 work_email is the same as in line 2",
            "6:2 work_email is the same as in line 3",
        ]
    );
}

#[test]
fn a_person_without_an_employee_id_is_known_by_the_address_in_lower_case() {
    let (people, report) = read("employee_id,work_email,name\n,Jane@Acme.COM,Jane\n,,Nobody\n");
    assert_eq!(ids(&people), ["jane@acme.com"]);
    assert_eq!(problems(&report), ["3:0 neither employee_id nor work_email is filled"]);
}

#[test]
fn rows_with_another_number_of_cells_are_reported() {
    let (people, report) = read("employee_id,name\n1,a\n2\n3,c,d\n4,e,,\n\n , \n5,f\n");
    assert_eq!(ids(&people), ["1", "4", "5"], "empty cells at the end are tolerated, blank rows are none");
    assert_eq!(
        problems(&report),
        ["3:0 the row has 1 cells, the header has 2", "4:0 the row has 3 cells, the header has 2"]
    );
}

#[test]
fn a_file_that_was_cut_is_partial() {
    let (people, report) = read("employee_id,name,end_date\n1,a,\n2,b");
    assert_eq!(ids(&people), ["1"]);
    assert_eq!(problems(&report), ["3:0 the file seems to be cut: the last row has 2 cells, the header has 3"]);
    let (people, report) = read("employee_id,name\n1,a\n2,b");
    assert_eq!((people.len(), report.coverage), (2, Coverage::Complete), "a last line may lack its end");
    let (_, report) = read("employee_id,name\n1,a\n2,\"b");
    assert_eq!(problems(&report), ["3:2 a quote is opened and never closed"]);
}

#[test]
fn quotes_hold_delimiters_quotes_and_lines() {
    let (people, report) = read("employee_id,name,title\r\n1,\"Doe, \"\"J\"\"\",\"two\r\nlines\"\r\n2,5\" pipe,x\r\n");
    assert_eq!(report.coverage, Coverage::Complete, "{:?}", report.problems);
    assert_eq!(people[0].name.as_deref(), Some("Doe, \"J\""));
    assert_eq!(field(&people[0], "title"), Some(&json!("two\r\nlines")));
    assert_eq!(people[1].name.as_deref(), Some("5\" pipe"));
}

#[test]
fn a_damaged_quote_costs_one_row_and_not_the_rest_of_the_file() {
    let text = "employee_id,name\n1,a\n2,\"b\n3,c\n4,\"d\"\n5,\"e\"x\n6,\"\"\n7,g\n";
    let (people, report) = read(text);
    assert_eq!(ids(&people), ["1", "3", "4", "6", "7"]);
    assert_eq!(
        problems(&report),
        ["3:2 there is text behind a closing quote", "6:2 there is text behind a closing quote"]
    );
    let (people, report) = read("employee_id,name\n1,\"a\n2,b\n3,c\",d\n4,e\n");
    assert_eq!(ids(&people), ["2", "4"]);
    assert_eq!(problems(&report)[0], "2:0 a quote is opened that belongs to no cell");
    assert_eq!(report.coverage, Coverage::Partial);
}

#[test]
fn line_numbers_count_the_lines_within_quotes() {
    let (_, report) = read("employee_id,name\n1,\"a\nb\nc\"\n2\n");
    assert_eq!(problems(&report), ["5:0 the row has 1 cells, the header has 2"]);
    let (people, report) = read("employee_id,name\r1,a\r2\r");
    assert_eq!(people.len(), 1, "line ends of old Macs");
    assert_eq!(problems(&report), ["3:0 the row has 1 cells, the header has 2"]);
}

#[test]
fn a_nul_byte_is_reported() {
    let (people, report) = read("employee_id,name\n1,a\n2,b\0c\n3,d\n");
    assert_eq!(ids(&people), ["1", "3"]);
    assert_eq!(problems(&report), ["3:2 the cell contains a NUL byte"]);
    let (people, report) = read(vec![0; 100_000]);
    assert!(people.is_empty());
    assert_eq!(report.coverage, Coverage::Partial);
}

#[test]
fn cells_and_rows_without_end_are_reported_and_the_next_row_is_read() {
    let long_cell = "x".repeat(CELL_MAX + 1);
    let text = format!("employee_id,name\n1,{long_cell}\n2,\"{long_cell}\"\n3,c\n");
    let (people, report) = read(text);
    assert_eq!(ids(&people), ["3"]);
    assert_eq!(problems(&report).len(), 2);
    assert!(problems(&report)[0].starts_with("2:2 the cell is longer than"), "{:?}", report.problems);
    let long_row = "abcdefg,".repeat(ROW_MAX / 8 + 2);
    let (people, report) = read(format!("employee_id,name\n1,{long_row}\n2,b\n"));
    assert_eq!(ids(&people), ["2"]);
    assert!(problems(&report)[0].starts_with("2:0 the row is longer than"), "{:?}", report.problems);
    let (people, report) = read(vec![b'x'; 5_000_000]);
    assert_eq!((people.len(), report.coverage), (0, Coverage::Partial));
}

#[test]
fn a_number_that_is_too_long_for_a_key_costs_its_row() {
    let (people, report) = read(format!("employee_id,name\n{},a\n2,b\n", "9".repeat(1025)));
    assert_eq!(ids(&people), ["2"]);
    assert_eq!(problems(&report), ["2:1 employee_id is longer than 1024 bytes"]);
    assert_eq!(report.coverage, Coverage::Partial);
}

#[test]
fn ten_thousand_columns_are_reported_and_the_first_thousand_read() {
    let header: Vec<String> = (0..10_001).map(|at| format!("c{at}")).collect();
    let row = vec!["v"; 10_001].join(",");
    let text = format!("employee_id,{}\n1,{row}\n", header.join(","));
    let (people, report) = read(text);
    assert_eq!(problems(&report), ["1:0 10002 columns, at most 1024 are read"]);
    assert_eq!(report.coverage, Coverage::Partial);
    assert_eq!(people[0].fields.iter().count(), 1024);
}

#[test]
fn quotes_that_hurt_on_every_line_are_bounded() {
    let mut text = String::from("employee_id,name\n");
    for at in 0..20_000 {
        text.push_str(&format!("{at},\"x\"y{}\n", "z".repeat(50)));
    }
    let (people, report) = read(text);
    assert!(people.is_empty());
    assert_eq!(report.problems.len(), 100);
    assert_eq!(report.problems_total, 1001);
}

#[test]
fn no_message_repeats_what_a_cell_holds() {
    let text = "employee_id,work_email,other_emails,start_date\nhush1,hush2,hush3,hush4\n";
    let (_, report) = read(text);
    assert_eq!(report.problems_total, 3);
    assert!(!format!("{report:?}").contains("hush"));
}

#[test]
fn words_for_a_status_are_understood_loosely() {
    let text = "employee_id,status\n1,TERMINATED\n2,On Leave\n3,\n4,Sabbatical\n5,left\n";
    let (people, _) = read(text);
    let states: Vec<_> = people.iter().map(|person| (person.fields.text("status"), person.state)).collect();
    assert_eq!(
        states,
        [
            (Some("terminated"), AccountState::Suspended),
            (Some("leave"), AccountState::Active),
            (None, AccountState::Active),
            (Some("sabbatical"), AccountState::Active),
            (Some("terminated"), AccountState::Suspended),
        ]
    );
}

#[test]
fn a_reading_that_stops_early_is_partial() {
    let mut people = People::from_bytes(Bytes::from(GOOD), options(&[])).unwrap();
    assert!(people.next().is_some());
    let report = people.report_now();
    assert_eq!(report.coverage, Coverage::Partial);
    assert_eq!(report.because.as_deref(), Some("the file was not read to its end"));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_partial() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut text = String::from("employee_id,name\n");
    for at in 0..20_000 {
        text.push_str(&format!("{at},somebody\n"));
    }
    file.write_all(text.as_bytes()).unwrap();
    let mut people = People::open(file.path(), options(&[])).unwrap();
    people.next().unwrap();
    file.as_file().set_len(150_000).unwrap();
    people.by_ref().for_each(drop);
    let report = people.report_now();
    assert_eq!(report.coverage, Coverage::Partial);
    assert!(problems(&report).iter().any(|problem| problem.contains("the file changed")), "{report:?}");
}

#[test]
fn what_is_no_file_is_an_error_with_its_path() {
    let missing = People::open(std::path::Path::new("/nowhere/people.csv"), options(&[])).unwrap_err();
    assert!(matches!(&missing, FileError::Unreadable { .. }) && missing.to_string().contains("/nowhere/people.csv"));
    let folder = People::open(&std::env::temp_dir(), options(&[])).unwrap_err();
    assert!(matches!(folder, FileError::NotAFile { .. }));
}

#[test]
fn pieces_may_end_anywhere() {
    // Rows of many lengths put every kind of boundary at the edge of a 64 KiB piece.
    for offset in 0..40 {
        let mut text = format!("employee_id,name{}\r\n", " ".repeat(offset));
        for at in 0..9_000 {
            text.push_str(&format!("{at},\"Zoë \"\"{at}\"\", x\"\r\n"));
        }
        let (people, report) = read(text);
        assert_eq!((people.len(), report.coverage), (9_000, Coverage::Complete), "{:?}", report.problems.first());
        assert_eq!(people[8_999].name.as_deref(), Some("Zoë \"8999\", x"));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        read(bytes);
    }

    #[test]
    fn nearly_csv_never_panics_and_never_repeats_a_key(body in "[a1,;\"\n\r\u{0}é|\t@ ]{0,200}") {
        let (people, report) = read(format!("employee_id,work_email,x\n{body}"));
        let mut ids: Vec<_> = ids(&people).into_iter().map(str::to_owned).collect();
        ids.sort();
        ids.dedup();
        proptest::prop_assert_eq!(ids.len(), people.len());
        proptest::prop_assert_eq!(report.people as usize, people.len());
        proptest::prop_assert!(report.rows_bad == 0 || report.coverage == Coverage::Partial);
    }
}
