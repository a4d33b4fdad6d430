//! What SCIM clients wish: kept by version, found by keys, and known of an earlier moment.

use crate::observation_stories::{agent, gorgias, pull};
use tenure_core::account::{AccountKey, Fields, Kind};
use tenure_core::facts::{ClientAsks, ClientWish, Link};
use tenure_store::test_support::TestStore;
use tenure_store::{Managers, Seed};

fn wish(id: &str, version: i64) -> ClientWish {
    let mut person = Fields::default();
    person.set("work_email".into(), "jane@acme.com".into());
    ClientWish {
        connection: "desk".into(),
        id: id.into(),
        client: "SCIM client okta".into(),
        identity: "01JANE".into(),
        account: None,
        kind: None,
        asks: ClientAsks::Present,
        login: "Jane@acme.com".into(),
        external_id: Some("00u1".into()),
        primary: None,
        person,
        fields: Fields::default(),
        manager: None,
        grants: Default::default(),
        because: None,
        is_held: false,
        since_ms: version * 1000,
        created_ms: 1000,
        version,
    }
}

pub async fn of_two_who_write_one_wish_none_is_lost(TestStore { store, .. }: &TestStore) {
    assert!(store.put_wish(&wish("a", 1), Vec::new(), &[]).await.unwrap());
    assert!(!store.put_wish(&wish("a", 1), Vec::new(), &[]).await.unwrap(), "somebody was quicker");
    let writers = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                let mut kept = store.wish(&"desk".into(), "a").await.unwrap().unwrap();
                kept.version += 1;
                kept.since_ms = kept.version * 1000;
                if store.put_wish(&kept, Vec::new(), &[]).await.unwrap() {
                    return;
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(store.wish(&"desk".into(), "a").await.unwrap().unwrap().version, 9);
}

pub async fn a_wish_is_found_by_whatever_a_client_knows(TestStore { store, .. }: &TestStore) {
    store.put_wish(&wish("a", 1), Vec::new(), &[]).await.unwrap();
    let desk = "desk".into();
    for text in ["JANE@acme.com", "00u1"] {
        assert_eq!(store.find_wishes(&desk, text).await.unwrap(), [wish("a", 1)], "{text}");
    }
    assert!(store.find_wishes(&"other".into(), "00u1").await.unwrap().is_empty());
    assert_eq!(store.wishes_without_account(&desk, "", 10).await.unwrap().len(), 1);
    assert_eq!(store.count_wishes_without_account(&desk).await.unwrap(), 1);
    let key = AccountKey::new(&desk, Kind::Agent, "7");
    let with = ClientWish { account: Some(key.clone()), ..wish("a", 2) };
    assert!(store.put_wish(&with, Vec::new(), &[]).await.unwrap());
    assert_eq!(store.wishes_of(std::slice::from_ref(&key)).await.unwrap(), std::slice::from_ref(&with));
    assert_eq!(store.count_wishes_without_account(&desk).await.unwrap(), 0);
    let seeds = [
        Seed { identities: vec!["01JANE".into()], ..Seed::default() },
        Seed { keys: vec!["jane@acme.com".into()], ..Seed::default() },
        Seed { accounts: vec![key], ..Seed::default() },
    ];
    for seed in seeds {
        let loaded = store.load_cluster(&seed, Managers::Left).await.unwrap();
        assert_eq!(loaded.client_wishes, std::slice::from_ref(&with), "{seed:?}");
    }
}

pub async fn what_was_wished_before_is_known_of_its_moment(TestStore { store, .. }: &TestStore) {
    for version in 1..=3 {
        assert!(store.put_wish(&wish("a", version), Vec::new(), &[]).await.unwrap());
    }
    for at_ms in [1000, 2500, 3000] {
        let past = store.load_past(at_ms).await.unwrap().client_wishes;
        assert_eq!(past, [wish("a", at_ms / 1000)], "at {at_ms}");
    }
    assert!(store.load_past(999).await.unwrap().client_wishes.is_empty());
    let last = wish("a", 3);
    assert!(store.withdraw_wish(&last, 4000, Vec::new()).await.unwrap());
    assert!(!store.withdraw_wish(&last, 4000, Vec::new()).await.unwrap());
    assert!(store.load_all().await.unwrap().client_wishes.is_empty());
    assert_eq!(store.load_past(3999).await.unwrap().client_wishes, [last]);
}

pub async fn a_wish_is_about_the_account_that_its_person_is_found_to_have(TestStore { store, .. }: &TestStore) {
    let link = |connection: &str, kind: Kind, id: &str| Link {
        account: AccountKey::new(&connection.into(), kind, id),
        identity: "01JANE".into(),
        evidence: "made by a step".into(),
        since_ms: 1,
    };
    // Of whichever kind: a customer's record with the same address is not what is wished.
    let agent = wish("a", 1);
    assert!(store.put_wish(&agent, Vec::new(), &[]).await.unwrap());
    let account = async || store.wish(&"desk".into(), "a").await.unwrap().unwrap().account;
    // Nothing of another connection, and no other sort of record.
    store.pin_links(&[link("chat", Kind::Agent, "1"), link("desk", Kind::Contact, "2")], 1).await.unwrap();
    assert_eq!(account().await, None);
    store.pin_links(&[link("desk", Kind::Agent, "7")], 1).await.unwrap();
    let found = AccountKey::new(&"desk".into(), Kind::Agent, "7");
    assert_eq!(account().await, Some(found.clone()));
    assert_eq!(store.count_wishes_without_account(&"desk".into()).await.unwrap(), 0);
    assert_eq!(store.wishes_of(std::slice::from_ref(&found)).await.unwrap().len(), 1);
    // A client that had not heard of it yet says something, and takes it from nobody.
    assert!(store.put_wish(&ClientWish { version: 2, ..agent }, Vec::new(), &[]).await.unwrap());
    assert_eq!(account().await, Some(found));
}

pub async fn what_stands_in_the_way_of_wishes_is_listed(TestStore { store, .. }: &TestStore) {
    for id in ["a", "b", "c", "d"] {
        let because = (id != "b").then(|| "waits for 1 of security".to_owned());
        let told = ClientWish { because, is_held: true, ..wish(id, 1) };
        assert!(store.put_wish(&told, Vec::new(), &[]).await.unwrap());
    }
    let ids = |page: Vec<ClientWish>| page.iter().map(|wish| wish.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(store.wishes_told(None, 2).await.unwrap()), ["a", "c"]);
    assert_eq!(ids(store.wishes_told(Some((&"desk".into(), "c")), 2).await.unwrap()), ["d"]);
    assert!(store.put_wish(&wish("a", 2), Vec::new(), &[]).await.unwrap());
    assert_eq!(ids(store.wishes_told(None, 9).await.unwrap()), ["c", "d"]);
    assert_eq!(store.find_wishes(&"desk".into(), "JANE@acme.com").await.unwrap().len(), 4);
}

pub async fn who_is_wished_gone_is_neither_listed_nor_counted(TestStore { store, .. }: &TestStore) {
    let everybody = [agent("1", "jane@acme.com"), agent("2", "max@acme.com")];
    pull(store, &gorgias(), &everybody, 1000).await;
    let kinds = [Kind::Agent];
    let seen = async || {
        let listed = store.accounts_from(&gorgias(), &kinds, 0, 10).await.unwrap();
        assert_eq!(store.count_accounts(&gorgias(), &kinds).await.unwrap(), listed.len() as u64);
        listed.iter().map(|one| one.account.key.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(seen().await, ["1", "2"]);
    let about = ClientWish { connection: gorgias(), account: Some(everybody[0].key.clone()), ..wish("a", 1) };
    // Whom people hold back is still there.
    let held = ClientWish { asks: ClientAsks::Gone, is_held: true, because: Some("held".into()), ..about.clone() };
    assert!(store.put_wish(&held, Vec::new(), &[]).await.unwrap());
    assert_eq!(seen().await, ["1", "2"]);
    let gone = ClientWish { asks: ClientAsks::Gone, version: 2, ..about };
    assert!(store.put_wish(&gone, Vec::new(), &[]).await.unwrap());
    assert_eq!(seen().await, ["2"]);
}
