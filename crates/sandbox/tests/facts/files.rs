//! The files that come with the sandbox, and the company that they tell of.

use std::collections::BTreeSet;

use serde_json::json;
use tenure_sandbox::*;

use crate::client::{calm, client, options};

#[tokio::test]
async fn the_files_are_ready_to_run() {
    let sandbox = calm().await;
    let dir = tempfile::tempdir().expect("a directory");
    let files = sandbox.write_files(dir.path()).expect("files");
    let config = std::fs::read_to_string(&files.config).expect("the configuration");
    for vendor in Vendor::ALL {
        assert!(config.contains(&format!("url = \"{}\"", sandbox.base_url(vendor))), "{vendor}");
        assert!(!config.contains("sandbox-"), "no secret stands in the configuration");
    }
    for line in config.lines().filter(|line| line.contains("file = ")) {
        let name = line.split('"').nth(1).expect("a path");
        let path = dir.path().join(name);
        assert!(!std::fs::read_to_string(&path).expect("a secret").is_empty());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        }
    }
    let people = std::fs::read_to_string(&files.people).expect("yesterday");
    assert_eq!(people.lines().count(), 41);
    assert!(people.contains("\"Director, Finance\""));
    let today = std::fs::read_to_string(&files.people_today).expect("today");
    assert_eq!(today.lines().count(), 45);
}

#[tokio::test]
async fn one_that_listens_everywhere_is_reached_at_the_loopback_address() {
    let listen = "0.0.0.0:0".parse().expect("an address");
    let sandbox = start(Options { listen, ..options() }).await.expect("the sandbox starts");
    let dir = tempfile::tempdir().expect("a directory");
    let files = sandbox.write_files(dir.path()).expect("files");
    let config = std::fs::read_to_string(&files.config).expect("the configuration");
    let here = format!("http://127.0.0.1:{}/", sandbox.addr().port());
    assert!(sandbox.base_url(Vendor::Gorgias).starts_with(&here) && !config.contains("0.0.0.0"), "{config}");
    assert!(sandbox.idp_url(Idp::Okta).starts_with(&here) && sandbox.hr_block("bamboohr").contains(&here));
}

#[tokio::test]
async fn published_limits_are_named_by_plan() {
    let sandbox = start(options()).await.expect("the sandbox starts");
    let dir = tempfile::tempdir().expect("a directory");
    let files = sandbox.write_files(dir.path()).expect("files");
    let config = std::fs::read_to_string(&files.config).expect("the configuration");
    assert!(config.contains("plan = \"pro\"") && config.contains("plan = \"enterprise\""));
    assert!(config.contains("seats = "));
}

#[tokio::test]
async fn the_apps_hold_what_yesterdays_file_says() {
    let sandbox = calm().await;
    let world = sandbox.world();
    for person in &sandbox.company().yesterday {
        let expected = match (person.department, person.employment) {
            ("Support", "employee") => vec![Vendor::Gorgias, Vendor::Gladly, Vendor::Freshdesk, Vendor::Freshservice],
            ("Support", _) => vec![Vendor::Gladly],
            ("Customer Success", _) => vec![Vendor::Freshservice, Vendor::Gainsight],
            _ => vec![Vendor::Freshservice],
        };
        for vendor in Vendor::ALL {
            let held = world.count(vendor, &person.work_email);
            assert_eq!(held, usize::from(expected.contains(&vendor)), "{} in {vendor}", person.work_email);
            if held == 1 && person.status == Status::Terminated {
                assert_eq!(world.state(vendor, &person.work_email), Some("suspended"));
            }
        }
    }
    for vendor in Vendor::ALL {
        assert_eq!(world.state(vendor, OWNER_EMAIL), Some("active"), "{vendor}");
        assert!(world.duplicates(vendor).is_empty());
    }
    assert_eq!(world.state(Vendor::Freshdesk, "yuki.sato@acme.example"), Some("invited"));
}

#[tokio::test]
async fn today_people_join_move_leave_return_and_change_names() {
    let sandbox = calm().await;
    let company = sandbox.company();
    let find = |name: &str| company.now.iter().find(|person| person.name() == name).expect("a person of this name");
    assert_eq!(find("Pia Novak").start_date, company.today);
    assert_eq!(find("Omar Haddad").manager_id, find("Nora Weiss").employee_id);
    assert_eq!(find("Zoe Park").start_date.to_string(), "2026-03-30");
    assert_eq!((find("Tom Baker").department, find("Felix Braun").department), ("Customer Success", "IT"));
    assert_eq!(find("Bruno Costa").end_date.map(|date| date.to_string()).as_deref(), Some("2026-03-15"));
    assert_eq!((find("Rosa Lind").status, find("Rosa Lind").start_date), (Status::Active, company.today));
    let jane = company.yesterday.iter().find(|person| person.name() == "Jane Doe").expect("Jane");
    assert_eq!(find("Jane Smith").employee_id, jane.employee_id);
    assert_eq!(find("Hiro Tanaka").end_date, Some(company.today));
    assert_eq!(find("Hiro Tanaka").time_zone, "America/Los_Angeles");
}

#[tokio::test]
async fn equal_seeds_give_equal_companies_without_namesakes() {
    let today = jiff::civil::date(2026, 3, 16);
    let (one, two) = (Company::invent(3000, 7, today), Company::invent(3000, 7, today));
    assert_eq!(one.now, two.now);
    assert_ne!(one.now, Company::invent(3000, 8, today).now);
    for people in [&one.yesterday, &one.now] {
        let emails: BTreeSet<&str> = people.iter().map(|person| person.work_email.as_str()).collect();
        let numbers: BTreeSet<_> = people.iter().map(|person| &person.employee_id).collect();
        assert_eq!((emails.len(), numbers.len()), (people.len(), people.len()));
    }
}

#[tokio::test]
async fn another_admin_may_change_the_world() {
    let sandbox = calm().await;
    let world = sandbox.world();
    assert!(world.change(Vendor::Freshservice, "felix.braun@acme.example", &json!({"job_title": "Changed"})));
    assert!(world.change(Vendor::Gorgias, "tom.baker@acme.example", &json!({"active": false})));
    assert!(!world.change(Vendor::Gorgias, "nobody@acme.example", &json!({"active": false})));
    let found = client(&sandbox, Vendor::Freshservice).get("/requesters?email=felix.braun@acme.example").await.body;
    assert_eq!(found["requesters"][0]["job_title"], "Changed");
    let tom = world.find(Vendor::Gorgias, "tom.baker@acme.example").expect("Tom");
    let truth = json!({"kind": "agent", "state": "suspended", "id": tom["id"].to_string(), "email": tom["email"]});
    assert_eq!(tom["sandbox"], truth);
}
