//! Acts: one for each key, by whoever asks twice; what came of one stays; a key of which nothing came may be used again.

use tenure_store::test_support::TestStore;
use tenure_store::{Act, NewJob};

fn act(id: &str, owner: &str, key: Option<&str>) -> Act {
    Act {
        id: id.into(),
        owner: owner.into(),
        key: key.map(str::to_owned),
        digest: "d".into(),
        asked_ms: 5,
        body: "{}".into(),
        ended_ms: None,
        answer: None,
    }
}

pub async fn an_act_is_done_once_for_its_key(TestStore { store, .. }: &TestStore) {
    let job = |key: &str| [NewJob { kind: "act", key: key.into(), run_at_ms: 5 }];
    assert_eq!(store.add_act(&act("a-1", "mia", Some("k")), &job("a-1")).await.unwrap(), None);
    let again = store.add_act(&act("a-2", "mia", Some("k")), &job("a-2")).await.unwrap();
    assert_eq!(again, Some(act("a-1", "mia", Some("k"))));
    assert_eq!(store.job("act", "a-2").await.unwrap(), None, "nothing is enqueued the second time");
    assert!(store.job("act", "a-1").await.unwrap().is_some());
    assert_eq!(store.add_act(&act("a-3", "ann", Some("k")), &[]).await.unwrap(), None, "another's key is another");
    for id in ["a-4", "a-5"] {
        assert_eq!(store.add_act(&act(id, "mia", None), &[]).await.unwrap(), None, "without a key each is its own");
    }
}

pub async fn what_came_of_an_act_stays(TestStore { store, .. }: &TestStore) {
    store.add_act(&act("a-1", "mia", Some("k")), &[]).await.unwrap();
    store.end_act("a-1", "one", 7).await.unwrap();
    store.end_act("a-1", "two", 8).await.unwrap();
    store.forget_act("a-1").await.unwrap();
    let kept = store.act("a-1").await.unwrap().unwrap();
    assert_eq!((kept.answer.as_deref(), kept.ended_ms), (Some("one"), Some(7)));
    store.add_act(&act("a-2", "mia", Some("l")), &[]).await.unwrap();
    store.forget_act("a-2").await.unwrap();
    assert_eq!(store.add_act(&act("a-3", "mia", Some("l")), &[]).await.unwrap(), None);
    let later = Act { asked_ms: 8 * 24 * 60 * 60 * 1000, ..act("a-4", "mia", None) };
    store.add_act(&later, &[]).await.unwrap();
    assert_eq!(store.act("a-1").await.unwrap(), None, "after a week it is forgotten");
}
