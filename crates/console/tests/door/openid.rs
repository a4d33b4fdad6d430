//! Signing in by a strict OpenID provider: the whole way there and back, whatever the provider's word lacks to be believed, and
//! the end of sessions when somebody signs out there.

use crate::provider::{Provider, SECRET, Signed};
use crate::stage::{Answer, Stage, stage};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tenure_core::role::Role;
use tenure_engine::check::{Verdict, check};
use tenure_engine::session;

const MINUTE_MS: i64 = 60_000;
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

async fn open(more: &str) -> (Stage, Arc<Provider>) {
    let now_ms = Arc::new(AtomicI64::new(1_800_000_000_000));
    let provider = Provider::start(&now_ms).await;
    let server = format!(
        "[server.oidc.idp]\ntitle = \"Acme\"\nissuer = {:?}\nclient_id = \"tenure\"\n\
         client_secret = {{ command = [\"printf\", {SECRET:?}] }}\n{more}\n\
         [server.oidc.idp.roles]\nviewer = [\"staff\"]\nadmin = [\"it\"]\n",
        provider.issuer()
    );
    (stage(&server, &now_ms).await, provider)
}

/// A browser that went to the provider and comes back: the path, and the cookie that it kept.
struct Way {
    path: String,
    cookie: String,
}

async fn go(stage: &Stage, provider: &Provider, next: &str) -> Way {
    let sent = stage.get(&format!("/sign-in/idp?next={next}"), "").await;
    assert_eq!(sent.status, 303, "{sent:?}");
    let kept = sent.says("set-cookie");
    assert!(kept.contains("HttpOnly") && kept.contains("SameSite=Lax") && kept.contains("Max-Age=600"), "{kept}");
    let back = provider.visit(sent.says("location")).await;
    let base = format!("http://{}", stage.address);
    let path = back.says("location").strip_prefix(&base).unwrap_or_else(|| panic!("{back:?}")).to_owned();
    Way { path, cookie: format!("Cookie: {}\r\n", kept.split(';').next().unwrap()) }
}

async fn come_back(stage: &Stage, way: &Way) -> Answer {
    stage.get(&way.path, &way.cookie).await
}

async fn whole_way(stage: &Stage, provider: &Provider) -> Answer {
    come_back(stage, &go(stage, provider, "/").await).await
}

/// Returns the session's cookie, where somebody was let in.
fn session_of(answer: &Answer) -> Option<String> {
    let cookies = answer.says("set-cookie").lines().map(|line| line.split(';').next().unwrap_or_default());
    let mut sessions = cookies.filter(|cookie| cookie.starts_with("tenure_session=") && cookie.len() > 20);
    sessions.next().map(|cookie| format!("Cookie: {cookie}\r\n"))
}

#[track_caller]
fn is_refused(answer: &Answer, says: &str) {
    assert_eq!((answer.status, session_of(answer)), (403, None), "{says}: {answer:?}");
    assert!(answer.body.contains(says), "{says}: {}", answer.body);
    assert!(!answer.body.contains(SECRET) && !answer.body.contains("code-"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_signs_in_at_the_provider_and_comes_to_the_page_they_wanted() {
    let (stage, provider) = open("").await;
    let asked = stage.get("/plans/p-1", "").await;
    assert_eq!(asked.says("location"), "/sign-in?next=%2Fplans%2Fp-1");
    let page = stage.get(asked.says("location"), "").await;
    assert!(page.body.contains("href=\"/sign-in/idp?next=%2Fplans%2Fp-1\">Sign in with Acme</a>"), "{}", page.body);
    let way = go(&stage, &provider, "%2Fplans%2Fp-1").await;
    let back = come_back(&stage, &way).await;
    assert_eq!((back.status, back.says("location")), (303, "/plans/p-1"), "{back:?}");
    let cookie = session_of(&back).expect("a session");
    let inside = stage.get("/sessions", &cookie).await;
    assert!(inside.status == 200 && inside.body.contains("mia@acme.example") && inside.body.contains("admin"));
    let journal = stage.house.store.read_journal(0, 10).await.unwrap();
    assert_eq!(
        (journal.len(), journal[0].event.as_str(), journal[0].actor.as_str()),
        (1, "signed_in", "mia@acme.example")
    );
    let told = serde_json::to_string(&journal).unwrap();
    assert!(told.contains("\"provider\":\"idp\"") && !told.contains("u1") && !told.contains("code-"), "{told}");
    is_refused(&come_back(&stage, &way).await, "it answered 400 (invalid_grant)");
    provider.habits().forgets_codes = true;
    let way = go(&stage, &provider, "/").await;
    assert_eq!(come_back(&stage, &way).await.says("location"), "/?done=signed-in");
    is_refused(&come_back(&stage, &way).await, "used already");
    assert_eq!(session::list(&stage.house).await.unwrap().len(), 2, "each signing-in opens one session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_is_not_the_providers_own_of_now_for_us_lets_nobody_in() {
    let (stage, provider) = open("").await;
    for signed in [Signed::NotAtAll, Signed::ByPublicKey, Signed::ByAnother] {
        provider.habits().signed = signed;
        is_refused(&whole_way(&stage, &provider).await, "is not believed");
    }
    provider.habits().signed = Signed::Rightly;
    let seconds = stage.now_ms.load(Ordering::Relaxed) / 1000;
    let wrong: [(Value, &str); 8] = [
        (json!({ "nonce": "another" }), "(nonce)"),
        (json!({ "aud": "another" }), "(aud)"),
        (json!({ "aud": ["tenure", "another"] }), "(azp)"),
        (json!({ "iss": "http://another" }), "(iss)"),
        (json!({ "exp": seconds - 61 }), "has ended"),
        (json!({ "iat": seconds + 3600, "exp": seconds + 7200 }), "later than now"),
        (json!({ "email_verified": false }), "does not vouch"),
        (json!({ "groups": ["others"] }), "no role"),
    ];
    for (claims, says) in wrong {
        provider.habits().claims = claims;
        is_refused(&whole_way(&stage, &provider).await, says);
    }
    provider.habits().claims = json!({ "groups": null, "_claim_names": { "groups": "src1" } });
    is_refused(&whole_way(&stage, &provider).await, "more groups than the provider puts into a token");
    assert_eq!(session::list(&stage.house).await.unwrap().len(), 0);
    assert_eq!(stage.house.store.read_journal(0, 10).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_without_what_belongs_to_it_is_not_let_in() {
    let (stage, provider) = open("").await;
    let (one, other) = (go(&stage, &provider, "/").await, go(&stage, &provider, "/").await);
    let without = stage.get(&one.path, "").await;
    is_refused(&without, "not begun here");
    let swapped = Way { path: one.path.clone(), cookie: other.cookie.clone() };
    is_refused(&come_back(&stage, &swapped).await, "not begun here");
    let stateless = Way { path: one.path.replace("state=", "stat="), cookie: one.cookie.clone() };
    is_refused(&come_back(&stage, &stateless).await, "not begun here");
    let issuer = one.path.split("&iss=").next().unwrap().to_owned();
    for path in [issuer.clone(), format!("{issuer}&iss=http://another")] {
        is_refused(&come_back(&stage, &Way { path, cookie: one.cookie.clone() }).await, "another provider answered");
    }
    let refused = one.path.replace("code=", "error=access_denied&x=");
    is_refused(&come_back(&stage, &Way { path: refused, cookie: one.cookie.clone() }).await, "(access_denied)");
    let hostile = one.path.replace("code=", "error=%3Cscript%3E&x=");
    let hostile = come_back(&stage, &Way { path: hostile, cookie: one.cookie.clone() }).await;
    assert!(!hostile.body.contains("<script>"), "{}", hostile.body);
    stage.now_ms.fetch_add(10 * MINUTE_MS + 1, Ordering::Relaxed);
    is_refused(&come_back(&stage, &one).await, "took too long");
    for next in ["https:%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example"] {
        let back = come_back(&stage, &go(&stage, &provider, next).await).await;
        assert_eq!(back.says("location"), "/?done=signed-in", "{next}");
    }
    assert_eq!(stage.get("/sign-in/none", "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_is_asked_for_once_and_an_unknown_one_not_again_and_again() {
    let (stage, provider) = open("").await;
    assert!(session_of(&whole_way(&stage, &provider).await).is_some());
    provider.rotate("k2");
    stage.now_ms.fetch_add(MINUTE_MS, Ordering::Relaxed);
    assert!(session_of(&whole_way(&stage, &provider).await).is_some(), "its new key is asked for");
    assert_eq!(provider.habits().keys_asked, 2);
    for _ in 0..5 {
        let forged = provider.sign(&provider.claims());
        let (_, rest) = forged.split_once('.').unwrap();
        let unknown = format!("logout_token=eyJhbGciOiJFUzI1NiIsImtpZCI6Ing5In0.{rest}");
        let answer = stage.ask("POST", "/sign-in/idp/logout", "", &unknown).await;
        assert!(answer.status == 400 && answer.body.contains("none of the provider's keys fits it"), "{answer:?}");
    }
    assert_eq!(provider.habits().keys_asked, 2, "within a minute they are not asked for again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_token_lacks_is_asked_for_and_must_be_of_the_same_person() {
    let (stage, provider) = open("").await;
    provider.habits().claims = json!({ "groups": null });
    is_refused(&whole_way(&stage, &provider).await, "tells no groups");
    provider.habits().told = json!({ "sub": "u1", "groups": ["staff"], "email": "root@acme.example" });
    let back = whole_way(&stage, &provider).await;
    assert!(session_of(&back).is_some(), "{back:?}");
    let sessions = session::list(&stage.house).await.unwrap();
    assert_eq!(
        (sessions[0].who.as_str(), sessions[0].role.as_str()),
        ("mia@acme.example", "viewer"),
        "what is signed counts"
    );
    provider.habits().told = json!({ "sub": "u2", "groups": ["it"] });
    is_refused(&whole_way(&stage, &provider).await, "somebody else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_out_at_the_provider_is_signed_out_here() {
    let (stage, provider) = open("").await;
    let one = session_of(&whole_way(&stage, &provider).await).unwrap();
    provider.habits().claims = json!({ "sid": "session 2" });
    let two = session_of(&whole_way(&stage, &provider).await).unwrap();
    provider.habits().claims = json!({ "sub": "u2", "sid": "session 3", "email": "tom@acme.example" });
    let tom = session_of(&whole_way(&stage, &provider).await).unwrap();
    let (linked, _) = stage.signed_in("mia@acme.example", Role::Viewer).await;
    let logout = |change: Value| {
        let mut claims = provider.claims();
        claims["jti"] = json!("1");
        claims["events"] = json!({ LOGOUT: {} });
        change.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
        format!("logout_token={}", provider.sign(&claims))
    };
    let tell = |body: String| {
        let stage = &stage;
        async move { stage.ask("POST", "/sign-in/idp/logout", "", &body).await }
    };
    let id_token = format!("logout_token={}", provider.sign(&provider.claims()));
    for body in [id_token, logout(json!({ "nonce": "n" })), logout(json!({ "aud": "other" })), "logout_token=x".into()]
    {
        let answer = tell(body).await;
        assert!(answer.status == 400 && answer.body.contains("invalid_request"), "{answer:?}");
        assert_eq!(answer.says("cache-control"), "no-store");
    }
    let inside = |cookie: &str| {
        let (stage, cookie) = (&stage, cookie.to_owned());
        async move { stage.get("/people", &cookie).await.status == 200 }
    };
    assert!(inside(&one).await && inside(&two).await, "a word that is not believed ends nothing");
    assert_eq!(tell(logout(json!({}))).await.status, 200);
    assert!(!inside(&one).await && inside(&two).await, "one session ended there, one here");
    assert_eq!(tell(logout(json!({ "sid": null }))).await.status, 400, "a mark of nothing is none");
    let mut claims = provider.claims();
    claims.as_object_mut().unwrap().remove("sid");
    claims["jti"] = json!("2");
    claims["events"] = json!({ LOGOUT: {} });
    assert_eq!(tell(format!("logout_token={}", provider.sign(&claims))).await.status, 200);
    assert!(
        !inside(&two).await && inside(&tom).await && inside(&linked).await,
        "and all that it opened, of them alone"
    );
    let ended = stage.house.store.read_journal(0, 100).await.unwrap();
    assert_eq!(ended.iter().filter(|entry| entry.event == "session_ended").count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_not_there_is_said_to_be_so() {
    let now_ms = Arc::new(AtomicI64::new(1_800_000_000_000));
    let server = "[server.oidc.idp]\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"c\"\neveryone = \"viewer\"";
    let answer = stage(server, &now_ms).await.get("/sign-in/idp", "").await;
    assert!(answer.status == 409 && answer.body.contains("cannot sign anybody in"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_what_is_wrong_with_a_provider() {
    let says = async |stage: &Stage, offline: bool| {
        let lines = check(&stage.house, &[], offline).await.unwrap();
        let lines = lines.into_iter().filter(|line| line.what == "sign-in idp");
        let lines: Vec<_> = lines.map(|line| (line.verdict, line.says, line.unreachable)).collect();
        assert!(lines.iter().all(|line| !line.1.contains(SECRET)), "{lines:?}");
        lines
    };
    let any = |lines: &[(Verdict, String, bool)], verdict, part: &str| {
        assert!(lines.iter().any(|line| line.0 == verdict && line.1.contains(part)), "{part}: {lines:?}");
    };
    let (stage, provider) = open("").await;
    let lines = says(&stage, false).await;
    any(&lines, Verdict::Problem, "say `public_url`");
    any(&lines, Verdict::Good, "secret can be read");
    any(&lines, Verdict::Good, "answers, with ");
    any(&says(&stage, true).await, Verdict::Good, "was not asked");

    let now_ms = Arc::new(AtomicI64::new(1_800_000_000_000));
    let settings = |issuer: &str, secret: &str| {
        format!(
            "[server]\npublic_url = \"https://tenure.acme.example/\"\n[server.oidc.idp]\nissuer = {issuer:?}\n\
             client_id = \"tenure\"\n{secret}\n[server.oidc.idp.roles]\nadmin = [\"it\"]\n"
        )
    };
    let other = self::stage(&settings(&format!("{}/", provider.issuer()), ""), &now_ms).await;
    let lines = says(&other, false).await;
    any(&lines, Verdict::Confirm, "https://tenure.acme.example/sign-in/idp/back");
    any(&lines, Verdict::Good, "a public client");
    any(&lines, Verdict::Problem, &format!("it calls itself {},", provider.issuer()));
    let lost = self::stage(&settings("http://127.0.0.1:1", "client_secret = { file = \"nowhere\" }"), &now_ms).await;
    any(&says(&lost, false).await, Verdict::Problem, "nowhere");
    let silent = self::stage(&settings("http://127.0.0.1:1", ""), &now_ms).await;
    let lines = says(&silent, false).await;
    assert!(lines.iter().any(|line| line.0 == Verdict::Problem && line.2), "nobody answers there: {lines:?}");
}
