//! Stories of pulls, batches, absence and time.
//! Each gets an empty store; what a database answers goes through the public interface only.
//! None of them knows which database it is.

use serde_json::json;
use std::time::{Duration, Instant};
use tenure_core::account::{Account, AccountKey, AccountState, Kind};
use tenure_core::facts::Coverage;
use tenure_core::facts::Link;
use tenure_core::name::ConnectionName;
use tenure_store::test_support::TestStore;
use tenure_store::{AccountFilter, Belief, Counts, Managers, Overview, PullEnd, PullMode, Seed, Store, StoreError};

pub fn gorgias() -> ConnectionName {
    ConnectionName::new("gorgias")
}

pub fn agent(id: &str, login: &str) -> Account {
    let mut account = Account::unknown(AccountKey::new(&gorgias(), Kind::Agent, id));
    account.login = Some(login.into());
    account.state = AccountState::Active;
    account
}

pub fn end(coverage: Coverage) -> PullEnd {
    PullEnd {
        coverage,
        because: (coverage == Coverage::Partial).then(|| "the third page did not come".into()),
        watermark: None,
        requests: 3,
        throttled: 1,
        floor_seconds: 0.25,
        seconds: 1.5,
        belief: Belief::Believed,
    }
}

/// Pulls exactly these accounts, completely.
pub async fn pull(store: &Store, connection: &ConnectionName, accounts: &[Account], now_ms: i64) -> Counts {
    let run = store.begin_pull(connection, PullMode::Full, now_ms).await.unwrap();
    store.write_batch(&run, accounts, None, now_ms).await.unwrap();
    let sweep = run.sweep(Coverage::Complete).unwrap();
    let unseen = store.unseen(&sweep, &Kind::ALL, 1000).await.unwrap();
    store.mark_gone(&sweep, &unseen, now_ms).await.unwrap();
    store.finish_pull(&run, end(Coverage::Complete), now_ms, &[]).await.unwrap().counts
}

async fn names(store: &Store, as_of_ms: Option<i64>) -> Vec<String> {
    let filter = AccountFilter { among: None, as_of_ms };
    let page = store.accounts(&filter, None, 1000).await.unwrap();
    let name = |account: &Account| format!("{}:{}", account.key.id, account.login.as_deref().unwrap_or(""));
    let mut names: Vec<String> = page.accounts.iter().map(|observed| name(&observed.account)).collect();
    names.sort();
    names
}

async fn overview(store: &Store) -> Overview {
    store.overviews().await.unwrap().remove(&gorgias()).unwrap()
}

pub async fn a_batch_is_counted_as_added_changed_or_unchanged(TestStore { store, .. }: &TestStore) {
    let first = pull(store, &gorgias(), &[agent("1", "a@acme.com"), agent("2", "b@acme.com")], 1000).await;
    assert_eq!(first, Counts { added: 2, ..Counts::default() });
    let again = pull(store, &gorgias(), &[agent("1", "a@acme.com"), agent("2", "b@acme.com")], 2000).await;
    assert_eq!(again, Counts { unchanged: 2, ..Counts::default() });
    let moved = pull(store, &gorgias(), &[agent("1", "new@acme.com"), agent("3", "c@acme.com")], 3000).await;
    assert_eq!(moved, Counts { added: 1, changed: 1, gone: 1, ..Counts::default() });
    let last = store.last_complete_pull(&gorgias()).await.unwrap().unwrap();
    assert_eq!((last.accounts, last.started_ms), (2, 3000));
    let told = last.end.unwrap();
    assert_eq!((told.requests, told.throttled, told.floor_seconds, told.seconds), (3, 1, 0.25, 1.5));
}

pub async fn a_record_that_comes_twice_in_one_pull_is_kept_once(TestStore { store, .. }: &TestStore) {
    let run = store.begin_pull(&gorgias(), PullMode::Full, 1000).await.unwrap();
    let one = [agent("1", "a@x"), agent("2", "b@x"), agent("1", "a@x")];
    let one = store.write_batch(&run, &one, None, 1000).await.unwrap();
    assert_eq!(one, Counts { added: 2, ..Counts::default() });
    let two = store.write_batch(&run, &[agent("2", "b@x"), agent("3", "c@x")], None, 1001).await.unwrap();
    assert_eq!(two, Counts { added: 1, repeated: 1, ..Counts::default() });
    let pull = store.finish_pull(&run, end(Coverage::Complete), 1002, &[]).await.unwrap();
    assert_eq!(pull.accounts, 3);
    assert_eq!(names(store, None).await, ["1:a@x", "2:b@x", "3:c@x"]);
}

pub async fn a_killed_pull_goes_on_where_its_last_batch_ended(TestStore { store, url, .. }: &TestStore) {
    let run = store.begin_pull(&gorgias(), PullMode::Full, 1000).await.unwrap();
    assert_eq!(run.checkpoint, None);
    store.write_batch(&run, &[agent("1", "a@x")], Some("page 2"), 1000).await.unwrap();
    // A batch whose answer nobody waits for is written with its checkpoint, or not at all.
    let second = [agent("2", "b@x")];
    let write = store.write_batch(&run, &second, Some("page 3"), 1001);
    let cut = tokio::time::timeout(std::time::Duration::from_micros(300), write);
    let written = cut.await.is_ok();
    store.close().await;

    let store = Store::open(url).await.unwrap();
    let resumed = store.begin_pull(&gorgias(), PullMode::Full, 5000).await.unwrap();
    assert_eq!((resumed.id, resumed.started_ms), (run.id, 1000));
    let there = names(&store, None).await.len();
    match resumed.checkpoint.as_deref() {
        Some("page 2") => assert_eq!((there, resumed.counts.added, written), (1, 1, false)),
        Some("page 3") => assert_eq!((there, resumed.counts.added), (2, 2)),
        other => panic!("unexpected checkpoint {other:?}"),
    }
    store.write_batch(&resumed, &[agent("2", "b@x"), agent("3", "c@x")], Some("page 4"), 5000).await.unwrap();
    let sweep = resumed.sweep(Coverage::Complete).unwrap();
    assert_eq!(store.unseen(&sweep, &Kind::ALL, 10).await.unwrap(), []);
    assert_eq!(store.finish_pull(&resumed, end(Coverage::Complete), 5001, &[]).await.unwrap().accounts, 3);
    let next = store.begin_pull(&gorgias(), PullMode::Full, 6000).await.unwrap();
    assert_ne!(next.id, run.id);
    assert_eq!(next.checkpoint, None);
    store.close().await;
}

pub async fn an_old_unfinished_pull_is_begun_anew(TestStore { store, .. }: &TestStore) {
    let run = store.begin_pull(&gorgias(), PullMode::Full, 0).await.unwrap();
    store.write_batch(&run, &[agent("1", "a@x")], Some("page 2"), 0).await.unwrap();
    let other_mode = store.begin_pull(&gorgias(), PullMode::Incremental, 10).await.unwrap();
    assert_ne!(other_mode.id, run.id);
    let day = 24 * 60 * 60 * 1000;
    let anew = store.begin_pull(&gorgias(), PullMode::Full, day).await.unwrap();
    assert_ne!(anew.id, run.id);
    assert_eq!((anew.checkpoint.clone(), anew.counts), (None, Counts::default()));
    let given_up = overview(store).await.last.unwrap();
    assert_eq!(given_up.id, run.id);
    assert_eq!(given_up.end.unwrap().coverage, Coverage::Partial);
    let sweep = anew.sweep(Coverage::Complete).unwrap();
    assert_eq!(store.unseen(&sweep, &Kind::ALL, 10).await.unwrap().len(), 1);
}

pub async fn a_partial_sweep_never_proves_absence(TestStore { store, .. }: &TestStore) {
    pull(store, &gorgias(), &[agent("1", "a@x"), agent("2", "b@x")], 1000).await;
    let partial = store.begin_pull(&gorgias(), PullMode::Full, 2000).await.unwrap();
    assert!(partial.sweep(Coverage::Partial).is_none());
    let incremental = store.begin_pull(&gorgias(), PullMode::Incremental, 2000).await.unwrap();
    assert!(incremental.sweep(Coverage::Complete).is_none());
    store.finish_pull(&partial, end(Coverage::Partial), 2001, &[]).await.unwrap();
    assert_eq!(names(store, None).await.len(), 2);
    assert_eq!(overview(store).await.last.unwrap().id, partial.id);
    assert_eq!(store.last_complete_pull(&gorgias()).await.unwrap().unwrap().started_ms, 1000);
}

pub async fn only_what_a_complete_walk_did_not_meet_is_gone(TestStore { store, .. }: &TestStore) {
    let mut bot = agent("9", "bot@x");
    bot.key.kind = Kind::Bot;
    pull(store, &gorgias(), &[agent("1", "a@x"), agent("2", "b@x"), agent("3", "c@x"), bot], 1000).await;
    let run = store.begin_pull(&gorgias(), PullMode::Full, 2000).await.unwrap();
    store.write_batch(&run, &[agent("1", "a@x")], None, 2000).await.unwrap();
    let sweep = run.sweep(Coverage::Complete).unwrap();
    let candidates = store.unseen(&sweep, &[Kind::Agent], 10).await.unwrap();
    assert_eq!(candidates.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(store.unseen(&sweep, &Kind::ALL, 1).await.unwrap().len(), 1);
    store.mark_seen(&run, &candidates[..1]).await.unwrap();
    let met = AccountKey::new(&gorgias(), Kind::Agent, "1");
    let gone = store.mark_gone(&sweep, &[met, candidates[0].clone(), candidates[1].clone()], 2001).await.unwrap();
    assert_eq!(gone, 1);
    assert_eq!(names(store, None).await, ["1:a@x", "2:b@x", "9:bot@x"]);
    let done = store.finish_pull(&run, end(Coverage::Complete), 2002, &[]).await.unwrap();
    assert_eq!((done.counts.gone, done.accounts), (1, 2));
}

pub async fn an_account_that_goes_while_a_pull_walks_hides_no_missing_one(TestStore { store, .. }: &TestStore) {
    pull(store, &gorgias(), &[agent("1", "a@x"), agent("2", "b@x")], 1000).await;
    let run = store.begin_pull(&gorgias(), PullMode::Full, 2000).await.unwrap();
    store.write_batch(&run, &[agent("1", "a@x")], None, 2000).await.unwrap();
    store.record_gone(&gorgias(), &[AccountKey::new(&gorgias(), Kind::Agent, "1")], 2001).await.unwrap();
    let sweep = run.sweep(Coverage::Complete).unwrap();
    let missing = store.unseen(&sweep, &Kind::ALL, 10).await.unwrap();
    assert_eq!(missing.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["2"]);
}

pub async fn a_finished_pull_takes_no_more_batches(TestStore { store, .. }: &TestStore) {
    let run = store.begin_pull(&gorgias(), PullMode::Full, 1000).await.unwrap();
    store.finish_pull(&run, end(Coverage::Complete), 1001, &[]).await.unwrap();
    let late = store.write_batch(&run, &[agent("1", "a@x")], None, 1002).await;
    assert!(matches!(late, Err(StoreError::PullOver { .. })));
    let twice = store.finish_pull(&run, end(Coverage::Complete), 1003, &[]).await;
    assert!(matches!(twice, Err(StoreError::PullOver { .. })));
    assert_eq!(names(store, None).await.len(), 0);
}

pub async fn an_earlier_moment_is_answered_as_it_was(TestStore { store, .. }: &TestStore) {
    pull(store, &gorgias(), &[agent("1", "a@x"), agent("2", "b@x")], 1000).await;
    pull(store, &gorgias(), &[agent("1", "a2@x"), agent("2", "b@x")], 2000).await;
    pull(store, &gorgias(), &[agent("1", "a3@x"), agent("3", "c@x")], 3000).await;
    assert_eq!(names(store, Some(999)).await, Vec::<String>::new());
    assert_eq!(names(store, Some(1000)).await, ["1:a@x", "2:b@x"]);
    assert_eq!(names(store, Some(1999)).await, ["1:a@x", "2:b@x"]);
    assert_eq!(names(store, Some(2500)).await, ["1:a2@x", "2:b@x"]);
    assert_eq!(names(store, Some(3000)).await, ["1:a3@x", "3:c@x"]);
    assert_eq!(names(store, None).await, ["1:a3@x", "3:c@x"]);
    let key = AccountKey::new(&gorgias(), Kind::Agent, "1");
    let then = store.account(&key, Some(2000)).await.unwrap().unwrap();
    assert_eq!((then.since_ms, then.until_ms), (2000, Some(3000)));
    assert_eq!(then.account.login.as_deref(), Some("a2@x"));
    assert_eq!(store.account(&key, None).await.unwrap().unwrap().since_ms, 3000);
    let gone = AccountKey::new(&gorgias(), Kind::Agent, "2");
    let elsewhere = AccountKey { connection: "gladly".into(), ..key.clone() };
    let states = store.account_states(&[&gone, &elsewhere, &key]).await.unwrap();
    assert_eq!(states, [(key.clone(), AccountState::Active)]);
    let versions = store.versions(&key, 10).await.unwrap();
    let spans: Vec<_> = versions.iter().map(|version| (version.since_ms, version.until_ms)).collect();
    assert_eq!(spans, [(1000, Some(2000)), (2000, Some(3000)), (3000, None)]);
}

pub async fn the_far_past_costs_no_more_than_yesterday(TestStore { store, .. }: &TestStore) {
    const CHANGES: i64 = 400;
    for at in 1..=CHANGES {
        let all: Vec<Account> = (0..30).map(|id| agent(&id.to_string(), &format!("p{id}-{at}@acme.com"))).collect();
        store.record_accounts(&gorgias(), &all, at * 1000).await.unwrap();
    }
    let (mut early, mut late) = (Duration::MAX, Duration::MAX);
    for _ in 0..15 {
        for (at_ms, best) in [(1500, &mut early), ((CHANGES - 1) * 1000 + 500, &mut late)] {
            let began = Instant::now();
            let names = names(store, Some(at_ms)).await;
            *best = began.elapsed().min(*best);
            assert_eq!(names.len(), 30);
            assert!(names[0].ends_with(&format!("-{}@acme.com", at_ms / 1000)), "{}", names[0]);
        }
    }
    assert!(early < late * 3, "{early:?} for the first of {CHANGES} versions, {late:?} for the last but one");
}

pub async fn the_past_has_the_links_and_decisions_of_then(TestStore { store, .. }: &TestStore) {
    let key = AccountKey::new(&gorgias(), Kind::Agent, "1");
    let link = |identity: &str, since_ms| Link {
        account: key.clone(),
        identity: identity.into(),
        evidence: "login = work_email".into(),
        since_ms,
    };
    store.pin_links(&[link("01JANE", 1000)], 1000).await.unwrap();
    store.pin_links(&[link("01MAX", 2000)], 2000).await.unwrap();
    store.unpin(&key, 3000).await.unwrap();
    let mut owners = Vec::new();
    for at_ms in [999, 1000, 1999, 2000, 2999, 3000] {
        let past = store.load_past(at_ms).await.unwrap();
        owners.push(past.links.iter().map(|link| link.identity.to_string()).collect::<Vec<_>>().join(","));
    }
    assert_eq!(owners, ["", "01JANE", "01JANE", "01MAX", "01MAX", ""]);
}

pub async fn an_account_that_comes_back_has_a_gap_in_its_past(TestStore { store, .. }: &TestStore) {
    pull(store, &gorgias(), &[agent("1", "a@x")], 1000).await;
    pull(store, &gorgias(), &[], 2000).await;
    let back = pull(store, &gorgias(), &[agent("1", "a@x")], 3000).await;
    assert_eq!(back, Counts { added: 1, ..Counts::default() });
    let key = AccountKey::new(&gorgias(), Kind::Agent, "1");
    let mut there = Vec::new();
    for at_ms in [999, 1000, 1999, 2000, 2999, 3000] {
        there.push(store.account(&key, Some(at_ms)).await.unwrap().is_some());
    }
    assert_eq!(there, [false, true, true, false, false, true]);
}

pub async fn totals_follow_every_write(TestStore { store, .. }: &TestStore) {
    let mut invited = agent("2", "b@x");
    invited.state = AccountState::Invited;
    let mut contact = agent("3", "c@x");
    contact.key.kind = Kind::Contact;
    pull(store, &gorgias(), &[agent("1", "a@x"), invited, contact], 1000).await;
    let totals = overview(store).await.totals;
    assert_eq!((totals.total(), totals.active(), totals.seats(|kind| kind == Kind::Agent)), (3, 3, 2));
    let mut suspended = agent("1", "a@x");
    suspended.state = AccountState::Suspended;
    let counts = store.record_accounts(&gorgias(), &[suspended], 2000).await.unwrap();
    assert_eq!(counts, Counts { changed: 1, ..Counts::default() });
    let gone = AccountKey::new(&gorgias(), Kind::Contact, "3");
    assert_eq!(store.record_gone(&gorgias(), std::slice::from_ref(&gone), 2001).await.unwrap(), 1);
    assert_eq!(store.record_gone(&gorgias(), &[gone], 2002).await.unwrap(), 0);
    let totals = overview(store).await.totals;
    assert_eq!((totals.total(), totals.active(), totals.seats(|_| true)), (2, 1, 1));
    assert_eq!(totals.of(Kind::Agent, AccountState::Suspended), 1);
    assert_eq!(store.overviews().await.unwrap().len(), 1);
    assert_eq!(store.connections().await.unwrap(), [gorgias()]);
}

pub async fn a_doubted_pull_is_not_what_a_source_is_compared_with(TestStore { store, .. }: &TestStore) {
    for (now_ms, belief) in [(1, Belief::Believed), (2, Belief::Doubted), (3, Belief::Doubted)] {
        let run = store.begin_pull(&gorgias(), PullMode::Full, now_ms).await.unwrap();
        let watermark = Some(format!("mark {now_ms}"));
        let end = PullEnd { belief, watermark, ..end(Coverage::Complete) };
        store.finish_pull(&run, end, now_ms, &[]).await.unwrap();
    }
    let at = |pull: Option<tenure_store::Pull>| pull.map(|pull| pull.started_ms);
    assert_eq!(at(store.last_complete_pull(&gorgias()).await.unwrap()), Some(3));
    assert_eq!(at(store.previous_complete_pull(&gorgias()).await.unwrap()), Some(1));
    let Overview { last, complete, previous, .. } = overview(store).await;
    assert_eq!((at(last), at(complete), at(previous)), (Some(3), Some(3), Some(1)));
    let doubted = store.pulls(&gorgias(), 2).await.unwrap()[1].id;
    store.set_belief(doubted, Belief::Believed).await.unwrap();
    assert_eq!(at(store.previous_complete_pull(&gorgias()).await.unwrap()), Some(2));
    assert_eq!(at(overview(store).await.previous), Some(2));
    assert_eq!(store.watermark(&gorgias()).await.unwrap().as_deref(), Some("mark 3"));
    assert_eq!(store.watermark(&"unknown".into()).await.unwrap(), None);
}

pub async fn two_pulls_of_one_connection_at_once_lose_nothing(TestStore { store, .. }: &TestStore) {
    let run = store.begin_pull(&gorgias(), PullMode::Full, 1000).await.unwrap();
    let mut tasks = Vec::new();
    for task in 0..4_u32 {
        let (store, run) = (store.clone(), run.clone());
        tasks.push(tokio::spawn(async move {
            for batch in 0..5_u32 {
                // Neighbouring batches overlap by half, so that everything is written twice, by different tasks.
                let from = (batch * 4 + task) * 50;
                let accounts: Vec<Account> =
                    (from..from + 100).map(|id| agent(&id.to_string(), &format!("{id}@x"))).collect();
                store.write_batch(&run, &accounts, None, 1000).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let pull = store.finish_pull(&run, end(Coverage::Complete), 1001, &[]).await.unwrap();
    assert_eq!((pull.accounts, pull.counts.added, pull.counts.changed), (1050, 1050, 0));
    assert_eq!(overview(store).await.totals.total(), 1050);
}

pub async fn hostile_texts_are_kept_or_refused_never_fatal(TestStore { store, .. }: &TestStore) {
    let mut odd = agent("a/b'; DROP TABLE account; --\u{1f}\n", "x\0y@acme.com");
    odd.external_id = Some("e".repeat(5000).into());
    odd.fields.set("other_emails".into(), json!(vec!["q@acme.com"; 500]));
    odd.fields.set("note".into(), json!("line\nend\u{0}\u{1e}"));
    store.record_accounts(&gorgias(), &[odd.clone()], 1000).await.unwrap();
    assert_eq!(store.account(&odd.key, None).await.unwrap().unwrap().account, odd);
    assert_eq!(store.load_all().await.unwrap().accounts, [odd.clone()]);
    assert_eq!(store.find_accounts(odd.key.id.as_str()).await.unwrap().len(), 1);
    for id in ["", "nul\0", &"x".repeat(4000)] {
        let refused = store.record_accounts(&gorgias(), &[agent(id, "a@x")], 1000).await;
        assert!(matches!(refused, Err(StoreError::Record { .. })));
    }
    let foreign = store.record_accounts(&"gladly".into(), &[agent("1", "a@x")], 1000).await;
    assert!(matches!(foreign, Err(StoreError::Record { .. })));
    assert_eq!(store.find_accounts("\0").await.unwrap(), []);
    let run = store.begin_pull(&gorgias(), PullMode::Full, 2000).await.unwrap();
    store.write_batch(&run, &[], Some("cursor\0x"), 2000).await.unwrap();
    let told = PullEnd { because: Some("the server said \0".into()), ..end(Coverage::Partial) };
    store.finish_pull(&run, told, 2001, &[]).await.unwrap();
    let of_nul = Seed { keys: vec!["\0".into()], identities: vec!["\0".into()], ..Seed::default() };
    assert_eq!(store.load_cluster(&of_nul, Managers::Loaded).await.unwrap().accounts, []);
}
