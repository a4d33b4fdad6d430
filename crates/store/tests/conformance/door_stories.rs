//! Stories of tokens and of sealed values: what is kept, what is revoked, what is sealed anew all at once.
//! Each gets an empty store. None of them knows which database it is.

use serde_json::json;
use tenure_core::journal::Draft;
use tenure_store::test_support::TestStore;
use tenure_store::{Invitation, Sealed, SealedPlace, Session, SignedBy, StoreError, Token};

fn draft(event: &str) -> Vec<Draft> {
    let (at, actor) = ("2026-11-24T10:00:00Z".into(), "mia@acme.example".into());
    vec![Draft { at, actor, event: event.into(), run: None, step: None, body: json!({}) }]
}

fn token(id: &str, created_ms: i64) -> Token {
    Token {
        id: id.into(),
        hash: format!("hash of {id}"),
        name: "ci".into(),
        owner: "mia@acme.example".into(),
        scopes: vec!["api:read".into(), "scim:hr".into()],
        created_ms,
        expires_ms: Some(90),
        revoked_ms: None,
        used_ms: None,
    }
}

pub async fn a_token_is_kept_by_its_hash_until_it_is_revoked(TestStore { store, .. }: &TestStore) {
    store.add_token(&token("a", 1), draft("token_created")).await.unwrap();
    store.add_token(&Token { expires_ms: None, ..token("b", 2) }, draft("token_created")).await.unwrap();
    assert!(store.add_token(&token("a", 3), draft("token_created")).await.is_err(), "an id is given once");
    assert_eq!(store.token("a").await.unwrap(), Some(token("a", 1)));
    assert_eq!(store.token("c").await.unwrap(), None);
    store.use_token("a", 50, 40).await.unwrap();
    store.use_token("a", 60, 50).await.unwrap();
    assert_eq!(store.token("a").await.unwrap().unwrap().used_ms, Some(50), "noted again only after a while");
    assert!(store.revoke_token("a", 70, draft("token_revoked")).await.unwrap());
    assert!(!store.revoke_token("a", 80, draft("token_revoked")).await.unwrap());
    assert!(!store.revoke_token("c", 80, draft("token_revoked")).await.unwrap());
    let all = store.tokens().await.unwrap();
    assert_eq!(
        all.iter().map(|token| (&*token.id, token.revoked_ms)).collect::<Vec<_>>(),
        [("b", None), ("a", Some(70))]
    );
    let events: Vec<String> = store.read_journal(0, 10).await.unwrap().into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, ["token_created", "token_created", "token_revoked"], "only what was done is told");
}

pub async fn sealed_values_are_sealed_anew_all_or_none(TestStore { store, .. }: &TestStore) {
    let place = |name: &str| SealedPlace { connection: "gorgias".into(), name: name.into() };
    let sealed = |opener: &str, byte: u8| Sealed { opener: opener.into(), value: vec![byte; 3] };
    for (name, byte) in [("one", 1), ("two", 2), ("lost", 3)] {
        store.set_sealed(&place(name), &sealed("k1", 0)).await.unwrap();
        store.set_sealed(&place(name), &sealed("k1", byte)).await.unwrap();
    }
    assert_eq!(store.sealed(&place("one")).await.unwrap(), Some(sealed("k1", 1)));
    assert_eq!(store.sealed(&place("three")).await.unwrap(), None);
    assert_eq!(store.openers().await.unwrap(), [("k1".into(), 3)]);
    let refused = |place: &SealedPlace, old: &Sealed| match place.name.as_str() {
        "two" => Err(StoreError::Closed),
        _ => Ok(Some(old.clone())),
    };
    assert!(store.reseal(refused, draft("key_rotated")).await.is_err());
    assert_eq!(
        (store.openers().await.unwrap(), store.read_journal(0, 10).await.unwrap().len()),
        (vec![("k1".into(), 3)], 0)
    );
    let anew = |place: &SealedPlace, old: &Sealed| -> Result<_, StoreError> {
        Ok((place.name != "lost").then(|| sealed("k2", old.value[0] + 10)))
    };
    assert_eq!(store.reseal(anew, draft("key_rotated")).await.unwrap(), (2, 1));
    assert_eq!(store.openers().await.unwrap(), [("k2".into(), 2)]);
    assert_eq!(store.sealed(&place("two")).await.unwrap(), Some(sealed("k2", 12)));
    assert_eq!(store.sealed(&place("lost")).await.unwrap(), None);
    assert_eq!(store.read_journal(0, 10).await.unwrap().len(), 1);
}

fn invitation(id: &str) -> Invitation {
    let (hash, made_by) = (format!("hash of {id}"), "root".into());
    let (who, role) = ("mia@acme.example".into(), "approver".into());
    Invitation { id: id.into(), hash, who, role, made_by, created_ms: 1, expires_ms: 100, used_ms: None }
}

fn session(id: &str, created_ms: i64) -> Session {
    Session {
        id: id.into(),
        hash: format!("hash of {id}"),
        who: "mia@acme.example".into(),
        role: "approver".into(),
        created_ms,
        expires_ms: created_ms + 500,
        seen_ms: created_ms,
        ended_ms: None,
        signed_by: None,
    }
}

pub async fn an_invitation_opens_one_session_however_many_ask(TestStore { store, .. }: &TestStore) {
    store.add_invitation(&invitation("i"), draft("invited")).await.unwrap();
    assert_eq!(store.invitation("i").await.unwrap(), Some(invitation("i")));
    assert_eq!(store.invitation("j").await.unwrap(), None);
    let ids = ["a", "b", "c", "d"];
    let sessions = ids.map(|id| session(id, 50));
    let asked = sessions.iter().map(|session| store.open_session("i", session, draft("signed_in")));
    let opened: Vec<bool> = futures::future::join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
    assert_eq!(store.sessions(60).await.unwrap().len(), 1);
    assert_eq!(store.invitation("i").await.unwrap().unwrap().used_ms, Some(50));
    store.add_invitation(&invitation("late"), draft("invited")).await.unwrap();
    assert!(!store.open_session("late", &session("e", 100), draft("signed_in")).await.unwrap(), "it has ended");
    assert!(!store.open_session("none", &session("e", 100), draft("signed_in")).await.unwrap());
    let events: Vec<String> = store.read_journal(0, 10).await.unwrap().into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, ["invited", "signed_in", "invited"], "only what was done is told");
}

pub async fn a_session_is_good_until_it_is_ended(TestStore { store, .. }: &TestStore) {
    store.add_invitation(&invitation("i"), draft("invited")).await.unwrap();
    assert!(store.open_session("i", &session("a", 50), draft("signed_in")).await.unwrap());
    store.see_session("a", 70).await.unwrap();
    store.see_session("a", 60).await.unwrap();
    assert_eq!(store.session("a").await.unwrap(), Some(Session { seen_ms: 70, ..session("a", 50) }));
    assert_eq!(store.sessions(549).await.unwrap().len(), 1);
    assert_eq!(store.sessions(550).await.unwrap().len(), 0, "it ends by itself");
    assert!(store.end_session("a", 80, draft("signed_out")).await.unwrap());
    assert!(!store.end_session("a", 90, draft("signed_out")).await.unwrap());
    assert_eq!(store.session("a").await.unwrap().unwrap().ended_ms, Some(80));
    assert_eq!(store.sessions(81).await.unwrap().len(), 0);
}

fn signed(id: &str, subject: &str, sid: Option<&str>) -> Session {
    let (provider, flow) = ("idp".into(), format!("flow of {id}"));
    let signed_by = Some(SignedBy { provider, subject: subject.into(), sid: sid.map(str::to_owned), flow });
    Session { signed_by, ..session(id, 50) }
}

pub async fn a_signing_in_opens_one_session_however_often_it_comes_back(TestStore { store, .. }: &TestStore) {
    let one = signed("a", "mia", Some("s1"));
    let again = Session { signed_by: one.signed_by.clone(), ..session("b", 51) };
    let asked =
        [one.clone(), again].map(|session| async move { store.open_signed(&session, draft("signed_in")).await });
    let opened: Vec<bool> = futures::future::join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
    assert_eq!(store.read_journal(0, 10).await.unwrap().len(), 1, "only what was done is told");
    let kept = store.sessions(60).await.unwrap();
    assert_eq!(kept.first().and_then(|kept| kept.signed_by.clone()), one.signed_by);
}

pub async fn a_provider_ends_its_own_session_or_all_of_a_person(TestStore { store, .. }: &TestStore) {
    let all = [signed("a", "mia", Some("s1")), signed("b", "mia", Some("s2")), signed("c", "mia", None)];
    for session in all.iter().chain(&[signed("d", "tom", Some("s3")), session("e", 50)]) {
        assert!(store.open_signed(session, draft("signed_in")).await.unwrap());
    }
    let found = |subject, sid| async move {
        let sessions = store.sessions_of("idp", subject, sid, 60).await.unwrap();
        sessions.into_iter().map(|session| session.id).collect::<Vec<_>>().join("")
    };
    assert_eq!(found(Some("mia"), None).await, "abc");
    assert_eq!(found(Some("mia"), Some("s1")).await, "ac", "and the one of which no session was named");
    assert_eq!(found(None, Some("s1")).await, "a");
    assert_eq!(found(None, None).await, "");
    assert_eq!(store.sessions_of("other", Some("mia"), None, 60).await.unwrap(), []);
    store.end_session("a", 70, draft("session_ended")).await.unwrap();
    assert_eq!(found(Some("mia"), None).await, "bc");
}
