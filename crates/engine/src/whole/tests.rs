//! A company in a store, judged in one piece and in parts of several sizes: the same plan, findings, links and moment.
//! The companies are made up by chance from few keys, so that people share addresses, numbers and managers; each is
//! changed and judged again, with decisions, wishes, earlier versions and records that are gone.

use super::*;
use crate::clock::Clock;
use crate::pinned::pin_all;
use crate::reconcile::part_about;
use serde_json::{Value, json};
use tempfile::TempDir;
use tenure_core::account::{Account, AccountKey, AccountState, Grant, Kind};
use tenure_core::census::Census;
use tenure_core::change::Step;
use tenure_core::correlate::found_identity_id;
use tenure_core::facts::{ClientAsks, ClientWish, Decided};
use tenure_store::test_support::postgres_url;
use tenure_store::{NewDecision, PullEnd, PullMode};

const NOW_MS: i64 = 1_800_000_000_000;
const PEOPLE: u64 = 40;
const POLICY: &str = r#"
[[grant]]
name = "everybody"
when = 'identity.type == "employee"'
[grant.to]
gorgias = { role = "agent" }
freshservice = { as = "requester" }
[[grant]]
name = "leads"
when = 'identity.title == "Lead" || identity.manager == null'
[grant.to]
gorgias = { role = "admin" }
gainsight = { role = "Standard User" }
[[grant]]
name = "senseless"
when = 'identity.department > 3'
[grant.to]
gorgias = { role = "agent" }
[[manage]]
connections = ["gorgias"]
extra_grants = "revoke"
orphans = "suspend"
[guards]
removals_max = 8
"#;

/// A dice that falls the same way again. People have keys in common so many times less often.
struct Dice {
    state: u64,
    apart: u64,
}

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }

    /// Tells whether something is somebody else's by chance.
    fn strays(&mut self, sides: u64) -> bool {
        self.below(sides * self.apart) == 0
    }

    fn address(&mut self) -> String {
        let number = self.below(PEOPLE);
        match self.below(8) {
            0 => format!("P{number}@Acme.example; second{number}@acme.example"),
            1 => format!("second{number}@acme.example"),
            _ => format!("p{number}@acme.example"),
        }
    }
}

async fn house(store: &str) -> (House, TempDir) {
    let folder = TempDir::new().unwrap();
    let mut config = format!("[store]\nurl = \"{store}\"\n");
    for source in ["hr", "temps"] {
        config += &format!("[connections.{source}]\napp = \"csv\"\nsource = true\npath = \"{source}.csv\"\n");
    }
    for (app, secrets) in
        [("gorgias", ["email", "token"].as_slice()), ("freshservice", &["api_key"]), ("gainsight", &["access_key"])]
    {
        config += &format!(
            "[connections.{app}]\napp = \"{app}\"\nurl = \"http://127.0.0.1:9/api\"\n[connections.{app}.secrets]\n"
        );
        secrets.iter().for_each(|secret| config += &format!("{secret} = {{ file = \"secret\" }}\n"));
    }
    for (name, text) in [("tenure.toml", config.as_str()), ("policy.toml", POLICY), ("secret", "x")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let house = House::open(&folder.path().join("tenure.toml"), Clock::telling(|| NOW_MS)).await.unwrap();
    (house, folder)
}

/// A record of a source, much like what it was before where `number` is the same.
fn record(source: &str, number: u64, dice: &mut Dice) -> Account {
    let mut record = Account::unknown(AccountKey::new(&source.into(), Kind::Person, format!("{number}")));
    record.state = AccountState::Active;
    let mut set = |name: &str, value: Value| record.fields.set(name.into(), value);
    set("employee_id", json!(if source == "temps" { format!("T{number}") } else { format!("{number}") }));
    set("work_email", json!(if dice.strays(6) { dice.address() } else { format!("p{number}@acme.example") }));
    set("name", json!(format!("Person {number}")));
    set("given_name", json!("Person"));
    set("family_name", json!(format!("Number {number}")));
    set("type", json!("employee"));
    set("title", json!(if dice.one_in(5) { "Lead" } else { "Agent" }));
    set("department", if dice.one_in(4) { json!("Support") } else { json!(4) });
    if !dice.one_in(5) {
        set("manager_id", json!(if dice.one_in(3) { dice.address() } else { dice.below(PEOPLE).to_string() }));
    }
    if dice.one_in(6) {
        set("end_date", json!(if dice.one_in(2) { "2026-12-01" } else { "2027-03-01" }));
    }
    record
}

fn account(app: &str, kind: Kind, number: u64, dice: &mut Dice) -> Account {
    let mut account = Account::unknown(AccountKey::new(&app.into(), kind, format!("{}", 1000 + number)));
    account.state = if dice.one_in(7) { AccountState::Suspended } else { AccountState::Active };
    account.login = (!dice.one_in(12))
        .then(|| if dice.strays(6) { dice.address() } else { format!("p{number}@acme.example") }.into());
    account.name = Some(format!("Person {number}").into());
    account.external_id = dice.strays(4).then(|| dice.below(PEOPLE).to_string().into());
    if app != "freshservice" {
        let admin = dice.one_in(6);
        let name = if app == "gainsight" {
            "Standard User"
        } else if admin {
            "admin"
        } else {
            "agent"
        };
        account.grants = vec![Grant {
            kind: "role".into(),
            id: None,
            name: name.into(),
            scope: None,
            privileged: admin,
            pending: false,
        }];
        account.grants_known = vec!["role".into()];
    }
    if dice.one_in(2) {
        account.fields.set("manager".into(), json!((1000 + dice.below(PEOPLE)).to_string()));
    }
    account
        .fields
        .set("email".into(), json!(if dice.strays(1) { dice.address() } else { format!("p{number}@acme.example") }));
    account
}

/// Reads everything, as complete pulls would; some of it is not there, and what was there before is gone.
async fn pull(house: &House, dice: &mut Dice) {
    let connections = [
        ("hr", Kind::Person),
        ("temps", Kind::Person),
        ("gorgias", Kind::Agent),
        ("freshservice", Kind::Requester),
        ("gainsight", Kind::User),
    ];
    for (name, kind) in connections {
        let run = house.store.begin_pull(&name.into(), PullMode::Full, NOW_MS - 1000).await.unwrap();
        let numbers = (0..PEOPLE).filter(|number| name != "temps" || number % 4 == 0);
        let page: Vec<Account> = numbers
            .filter(|_| !dice.one_in(9))
            .collect::<Vec<_>>()
            .into_iter()
            .map(
                |number| {
                    if kind == Kind::Person { record(name, number, dice) } else { account(name, kind, number, dice) }
                },
            )
            .collect();
        house.store.write_batch(&run, &page, None, NOW_MS - 1000).await.unwrap();
        house.store.finish_pull(&run, PullEnd::complete(), NOW_MS - 1000, &[]).await.unwrap();
    }
}

async fn say(house: &House, dice: &mut Dice) {
    let identity = |number: u64| found_identity_id(&"hr".into(), &number.to_string().into());
    let mut all = Vec::new();
    for turn in 0..6 {
        let (one, other) = (dice.below(PEOPLE), dice.below(PEOPLE));
        let account = AccountKey::new(&"gorgias".into(), Kind::Agent, format!("{}", 1000 + one));
        let attributes = |dice: &mut Dice| {
            [("work_email", json!(dice.address())), ("manager_id", json!(other.to_string())), ("title", json!("Lead"))]
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect()
        };
        all.push(match turn {
            0 => Decided::Link { account, identity: identity(other) },
            1 => Decided::Unlink { account, identity: Some(identity(one)) },
            2 => Decided::Join {
                identity: format!("01JOINED{one}").as_str().into(),
                attributes: attributes(dice),
                start_ms: None,
            },
            3 => Decided::Move { identity: identity(one), attributes: attributes(dice), from_ms: None },
            4 => Decided::Leave { identity: identity(one), at_ms: Some(NOW_MS + 5000), start_date: None },
            _ => Decided::Exempt { account },
        });
    }
    let decision =
        |what| NewDecision { at_ms: NOW_MS - 500, by: "mia".into(), note: None, what, concerns: Default::default() };
    house.store.decide(all.into_iter().map(decision).collect(), vec![], &[]).await.unwrap();
}

async fn wish(house: &House, dice: &mut Dice) {
    let number = dice.below(PEOPLE);
    let account = AccountKey::new(&"gainsight".into(), Kind::User, format!("{}", 1000 + number));
    let person = [("work_email".into(), json!(dice.address())), ("name".into(), json!("Wished"))].into_iter().collect();
    let wish = ClientWish {
        connection: "gainsight".into(),
        id: format!("w{number}").into(),
        client: "okta".into(),
        identity: format!("01WISHED{number}").as_str().into(),
        account: dice.one_in(2).then_some(account),
        kind: None,
        asks: ClientAsks::Present,
        login: dice.address(),
        external_id: None,
        primary: None,
        person,
        fields: Default::default(),
        manager: None,
        grants: Default::default(),
        because: None,
        is_held: false,
        since_ms: NOW_MS - 400,
        created_ms: NOW_MS - 400,
        version: 1,
    };
    house.store.put_wish(&wish, vec![], &[]).await.unwrap();
}

fn sorted(mut links: Vec<Link>) -> Vec<Link> {
    links.sort_by(|one, other| one.account.cmp(&other.account));
    links
}

/// Compares what comes of one piece and of parts, and pins what was found.
async fn compare(house: &House, told: &str) -> usize {
    let mark = house.store.mark().await.unwrap();
    let whole = judge_whole(house, &[], Some("mia")).await.unwrap();
    let links = sorted(whole.pins.links.clone());
    for size in [1, 25, 10_000] {
        let parts = judge_parts(house, &[], Some("mia"), size).await.unwrap();
        let told = format!("{told}, parts of {size}");
        assert_eq!(json!(parts.findings), json!(whole.findings), "{told}");
        assert_eq!(json!(parts.plan), json!(whole.plan), "{told}");
        assert_eq!(parts.next_ms, whole.next_ms, "{told}");
        assert_eq!(sorted(parts.pins.links), links, "{told}");
        assert!(whole.pins.others.as_ref().unwrap().is_subset(parts.pins.others.as_ref().unwrap()), "{told}");
    }
    let only = ["gorgias".into()];
    let (whole_of_one, parts) =
        (judge_whole(house, &only, None).await.unwrap(), judge_parts(house, &only, None, 25).await.unwrap());
    assert_eq!(
        json!((parts.plan, parts.findings)),
        json!((whole_of_one.plan, whole_of_one.findings)),
        "{told}, gorgias only"
    );
    pin_all(house, whole.pins, mark).await.unwrap();

    whole.plan.steps.len() + whole.plan.held.len()
}

/// Compares the plan of everybody with what comes of those alone whom some of its steps concern. Whoever joined by a
/// decision, and has no account yet, is not found by an address that others have as well: then a few steps differ.
/// Returns what a part was of the company, in hundredths and added up, how many there were, and in how many of them others
/// were counted for the guards.
async fn compare_about(house: &House, joined: bool, told: &str) -> [usize; 3] {
    let whole = judge_whole(house, &[], Some("mia")).await.unwrap().plan;
    let all: Vec<&Step> = whole.steps.iter().chain(whole.held.iter().map(|hold| &hold.step)).collect();
    let everything = company(house, &Scope::default()).await.unwrap();
    let (mut found, mut sums, mut other) = (0, [0; 3], Vec::new());
    for some in all.chunks(2) {
        let Some(part) = part_about(house, some).await.unwrap() else { continue };
        let plan = part.judge_alone(house, None).unwrap().plan;
        let wished: BTreeSet<_> = plan.all_steps().map(|step| &step.id).collect();
        found += some.len();
        let part = part.with_all_counts(house).await.unwrap();
        for (name, beyond) in &part.facts.beyond {
            let (own, all) = (census(&part.facts, name), census(&everything.facts, name));
            let both = |of: fn(&Census) -> u64| (of(&own) + of(beyond), of(&all));
            for (sum, all) in [both(|one| one.administrators), both(|one| one.active), both(|one| one.records)] {
                assert_eq!(sum, all, "{told}: {name}");
            }
            sums[2] += usize::from(beyond.administrators > 0);
        }
        sums[0] += part.facts.accounts.len() * 100 / everything.facts.accounts.len();
        sums[1] += 1;
        other.extend(some.iter().filter(|step| !wished.contains(&step.id)).map(|step| json!(step)));
    }
    assert!(found * 2 > all.len(), "{told}: only {found} of {} were found by themselves", all.len());
    let most = if joined { found / 20 } else { 0 };
    assert!(other.len() <= most, "{told}: of {found} otherwise by themselves: {other:?}");
    sums
}

/// Counts the accounts of a connection among some facts.
fn census(facts: &Facts, name: &ConnectionName) -> Census {
    let mut census = Census::default();
    for account in facts.accounts.iter().filter(|account| account.key.connection == *name) {
        census.count(account, facts.connections.get(name));
    }
    census
}

async fn live(store: &str, seed: u64, apart: u64) {
    let (house, _folder) = house(store).await;
    let mut dice = Dice { state: seed, apart };
    let (mut steps, mut size, mut parts, mut counted) = (0, 0, 0, 0);
    for turn in 0..3 {
        pull(&house, &mut dice).await;
        let told = format!("{store}, seed {seed}, turn {turn}");
        steps += compare(&house, &told).await;
        let [some, more, others] = compare_about(&house, turn > 0, &told).await;
        (size, parts, counted) = (size + some, parts + more, counted + others);
        say(&house, &mut dice).await;
        wish(&house, &mut dice).await;
    }
    assert!(steps > 100, "too little was proposed to tell anything: {steps}");
    let told = format!("{store}, seed {seed}: {parts} parts of {} %, others counted in {counted}", size / parts.max(1));
    assert!(apart == 1 || size < parts * 60 && counted > 10, "the parts tell too little: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_in_parts_comes_to_what_it_comes_to_in_one_piece() {
    for seed in 0..4 {
        live("sqlite:tenure.db", seed, if seed % 2 == 0 { 1 } else { 20 }).await;
    }
    live("sqlite::memory:", 4, 20).await;
    if let Some(url) = postgres_url() {
        live(&url, 5, 1).await;
        live(&postgres_url().expect("as before"), 6, 20).await;
    }
}
