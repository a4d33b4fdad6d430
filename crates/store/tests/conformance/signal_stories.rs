//! Signals: each is said once, in its order, until it is taken; with its stream it goes.

use tenure_store::test_support::TestStore;
use tenure_store::{NewJob, Signal, SignalStream};

fn stream(id: &str, owner: &str) -> SignalStream {
    SignalStream { id: id.into(), owner: owner.into(), created_ms: 5, body: "{}".into() }
}

fn signal(stream: &str, jti: &str, place: i64, made_ms: i64) -> Signal {
    Signal { stream: stream.into(), jti: jti.into(), place, made_ms, body: jti.into() }
}

pub async fn a_signal_is_kept_until_it_is_taken_and_said_once(TestStore { store, .. }: &TestStore) {
    let day_ms = 24 * 60 * 60 * 1000;
    let now_ms = 100 * day_ms;
    let both = [signal("a", "two", 2, now_ms), signal("a", "one", 1, now_ms), signal("b", "one", 1, now_ms)];
    let job = NewJob { kind: "push", key: "a".into(), run_at_ms: 1 };
    store.add_signals(&both, Some(7), &[job], now_ms).await.unwrap();
    assert_eq!(store.signals_read().await.unwrap(), Some(7));
    assert!(store.job("push", "a").await.unwrap().is_some(), "the job comes with it");
    let (next, more) = store.next_signals("a", 1).await.unwrap();
    assert_eq!((next[0].jti.as_str(), more), ("one", true));
    store.end_signals("a", &["one".into(), "nothing".into()], now_ms).await.unwrap();
    store.add_signals(&[signal("a", "one", 3, now_ms)], None, &[], now_ms).await.unwrap();
    let (next, more) = store.next_signals("a", 9).await.unwrap();
    assert_eq!((next.len(), next[0].jti.as_str(), more), (1, "two", false), "what was taken is not said again");
    assert_eq!(store.next_signals("b", 9).await.unwrap().0.len(), 1, "another stream has its own");
    store.end_signals("a", &[], now_ms + 8 * day_ms).await.unwrap();
    assert!(store.next_signals("a", 9).await.unwrap().0.is_empty(), "after a week nothing is said any more");
}

pub async fn a_stream_is_kept_as_it_is_now_and_an_owner_has_some(TestStore { store, .. }: &TestStore) {
    assert!(store.put_signal_stream(&stream("a", "mia"), 1, vec![]).await.unwrap());
    assert!(!store.put_signal_stream(&stream("b", "mia"), 1, vec![]).await.unwrap());
    assert!(store.put_signal_stream(&stream("c", "ann"), 1, vec![]).await.unwrap());
    let changed = SignalStream { body: "new".into(), ..stream("a", "mia") };
    assert!(store.put_signal_stream(&changed, 1, vec![]).await.unwrap());
    assert_eq!(store.signal_stream("a").await.unwrap(), Some(changed));
    assert_eq!(store.signal_streams().await.unwrap().len(), 2, "what was refused is not kept");
    store.add_signals(&[signal("a", "one", 1, 5)], None, &[], 5).await.unwrap();
    assert!(store.remove_signal_stream("a", vec![]).await.unwrap());
    assert!(!store.remove_signal_stream("a", vec![]).await.unwrap());
    assert!(store.next_signals("a", 9).await.unwrap().0.is_empty());
}
