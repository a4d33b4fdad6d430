//! Measures how fast accounts are written and read: the first pull, the same again, one in a hundred changed.
//! `cargo run --release -p tenure-store --example ingest -- [-|postgres|URL] [ACCOUNTS] [BATCH]`; prints rows per second
//! of wall time and of CPU time, and what the process holds in memory. `postgres` is a private server without fsync.
//! Made-up accounts of ordinary size; nothing of the network is in the figures.

use serde_json::json;
use std::time::Instant;
use tenure_core::account::{Account, AccountKey, AccountState, Grant, Kind};
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;
use tenure_store::{Counts, Managers, PullEnd, PullMode, Seed, Store, StoreError, test_support};

fn account(connection: &ConnectionName, id: u64, generation: u64) -> Account {
    let mut account = Account::unknown(AccountKey::new(connection, Kind::Agent, format!("{id}")));
    account.login = Some(format!("person.{id}@acme.example").into());
    account.name = Some(format!("Person Number {id}").into());
    account.state = AccountState::Active;
    account.grants = vec![Grant {
        kind: "role".into(),
        id: Some("2".into()),
        name: "agent".into(),
        scope: None,
        privileged: false,
        pending: false,
    }];
    account.grants_known = vec!["role".into()];
    account.created_ms = Some(1_700_000_000_000);
    account.updated_ms = Some(1_700_000_000_000);
    account.fields.set("given_name".into(), json!("Person"));
    account.fields.set("family_name".into(), json!(format!("Number {id}")));
    let title = if generation > 0 && id.is_multiple_of(100) { format!("Title {generation}") } else { "Agent".into() };
    account.fields.set("title".into(), json!(title));
    account.fields.set("time_zone".into(), json!("Europe/Berlin"));
    account
}

/// User and system time of this process, in seconds, and its resident memory now, in MB (Linux only).
fn spent() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or("");
    let ticks: u64 = after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    let pages = after.split(' ').nth(21).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
    (ticks as f64 / 100.0, pages * 4096 / 1_000_000)
}

fn report(what: &str, rows: u64, began: Instant, cpu_before: f64) {
    let wall = began.elapsed().as_secs_f64();
    let (cpu, memory_mb) = spent();
    let cpu = cpu - cpu_before;
    let per = |seconds: f64| rows as f64 / seconds.max(0.001);
    println!(
        "{what:<28} {rows:>9} rows  {wall:>7.2} s wall  {:>9.0}/s   {cpu:>6.2} s cpu  {:>9.0}/s   {memory_mb:>5} MB",
        per(wall),
        per(cpu)
    );
}

async fn pull(
    store: &Store,
    connection: &ConnectionName,
    accounts: u64,
    batch: u64,
    generation: u64,
) -> Result<Counts, StoreError> {
    let now_ms = 1_800_000_000_000 + generation as i64;
    let run = store.begin_pull(connection, PullMode::Full, now_ms).await?;
    let mut counts = Counts::default();
    // The accounts are made outside the measured part of the time as far as the wall clock goes; their CPU is small.
    for from in (0..accounts).step_by(batch as usize) {
        let page: Vec<Account> =
            (from..(from + batch).min(accounts)).map(|id| account(connection, id, generation)).collect();
        let written = store.write_batch(&run, &page, Some(&from.to_string()), now_ms).await?;
        counts.added += written.added;
        counts.changed += written.changed;
        counts.unchanged += written.unchanged;
    }
    if let Some(sweep) = run.sweep(Coverage::Complete) {
        store.unseen(&sweep, &Kind::ALL, 1000).await?;
    }
    store.finish_pull(&run, PullEnd::complete(), now_ms, &[]).await?;
    Ok(counts)
}

#[tokio::main]
async fn main() -> Result<(), StoreError> {
    let mut arguments = std::env::args().skip(1);
    let folder = std::env::temp_dir().join(format!("tenure-ingest-{}", std::process::id()));
    let url = match arguments.next().as_deref() {
        None | Some("-") => format!("sqlite:{}", folder.join("tenure.db").display()),
        Some("postgres") => test_support::postgres_url().unwrap_or_default(),
        Some(url) => url.to_owned(),
    };
    let accounts: u64 = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(100_000);
    let batch: u64 = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(5_000).max(1);
    let _ = std::fs::create_dir_all(&folder);
    let store = Store::open(&url).await?;
    let connection = ConnectionName::new("bench");

    let (began, cpu) = (Instant::now(), spent().0);
    let made: usize = (0..accounts).map(|id| account(&connection, id, 0).grants.len()).sum();
    report("made, not stored", made as u64, began, cpu);
    for (what, generation) in [("first pull", 0), ("again, nothing changed", 0), ("again, 1 % changed", 1)] {
        let (began, cpu) = (Instant::now(), spent().0);
        let counts = pull(&store, &connection, accounts, batch, generation).await?;
        report(what, accounts, began, cpu);
        println!("{:>28} {counts:?}", "");
    }
    let (began, cpu) = (Instant::now(), spent().0);
    let mut rounds = 0;
    while rounds < 200 {
        let id = rounds * (accounts / 200).max(1);
        let seed = Seed { keys: vec![format!("person.{id}@acme.example")], ..Seed::default() };
        let loaded = store.load_cluster(&seed, Managers::Loaded).await?;
        assert_eq!(loaded.accounts.len(), 1, "the cluster of {id}");
        rounds += 1;
    }
    report("clusters of one", rounds, began, cpu);
    let (began, cpu) = (Instant::now(), spent().0);
    let loaded = store.load_all().await?;
    report("loaded as a whole", loaded.accounts.len() as u64, began, cpu);
    store.close().await;
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}
