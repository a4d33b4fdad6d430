//! The table of who may do what, walked over real HTTP: every place for every role and for nobody, with a good form and
//! with one from elsewhere. And what every answer says to the browser; links that are used once; sessions that end.

use crate::stage::{MIA, stage_of_now as stage};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use std::sync::atomic::Ordering;
use tenure_console::{doors, places};
use tenure_core::role::Role;
use tenure_engine::session::{self, INVITED_MS};

const HOUR_MS: i64 = 3600 * 1000;

/// A path with something in the place of its parameters.
fn filled(path: &str) -> String {
    let parts = [
        ("{plan}", "p-none"),
        ("{person}", "nobody"),
        ("{step}", "s-none"),
        ("{connection}", "none"),
        ("{app}", "csv"),
    ];
    parts.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_comes_through_where_the_table_says_and_nowhere_else() {
    let stage = stage("").await;
    let mut walked = 0;
    for role in Role::ALL {
        for place in places() {
            // Signed in anew for each: signing out is one of the places.
            let (cookie, key) = stage.signed_in(MIA, role).await;
            let path = filled(place.path);
            let answer = stage.ask(place.method.as_str(), &path, &cookie, &format!("form_key={key}")).await;
            let told = format!("{role} {} {path}: {answer:?}", place.method);
            match role.may(place.deed) {
                true => assert!(![401, 403, 503].contains(&answer.status), "{told}"),
                false => assert!(answer.status == 403 && answer.body.contains("who may not"), "{told}"),
            }
            walked += 1;
        }
    }
    assert!(walked > 120, "only {walked} places were walked");
    for place in places() {
        let answer = stage.ask(place.method.as_str(), &filled(place.path), "", "form_key=x").await;
        let told = (answer.status, answer.says("location"));
        let next = filled(place.path).replace('/', "%2F");
        let way_in = if place.path == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={next}") };
        let wanted = if place.method == "GET" { (303, way_in.as_str()) } else { (401, "") };
        assert_eq!(told, wanted, "nobody at {}", place.path);
    }
    for door in doors() {
        let path = door.path.replace("{provider}", "none").replace("{name}", "none");
        let answer = stage.ask(door.method.as_str(), &path, "", "").await;
        let wanted = if path == "/sign-in" { [200, 403] } else { [404, 404] };
        assert!(wanted.contains(&answer.status), "{} {path}: {answer:?}", door.method);
        assert!(
            !answer.body.contains("Sign out") && answer.says("set-cookie").is_empty(),
            "{path} takes somebody for signed in"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_act_asks_for_a_form_of_this_session_from_a_page_of_ours() {
    let stage = stage("").await;
    let (cookie, key) = stage.signed_in(MIA, Role::Admin).await;
    let (_, other) = stage.signed_in(MIA, Role::Admin).await;
    for place in places().into_iter().filter(|place| place.method == "POST") {
        let path = filled(place.path);
        for body in [String::new(), "form_key=".into(), format!("form_key={other}")] {
            let answer = stage.ask("POST", &path, &cookie, &body).await;
            assert!(answer.status == 403 && answer.body.contains("not good any more"), "{path} {body}: {answer:?}");
        }
        for header in ["Origin: https://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n", "Origin: null\r\n"] {
            let answer = stage.ask("POST", &path, &format!("{cookie}{header}"), &format!("form_key={key}")).await;
            assert_eq!(answer.status, 403, "{path} {header}");
        }
    }
    let long = format!("form_key={key}&note={}", "x".repeat(600_000));
    assert_eq!(stage.ask("POST", "/plans", &cookie, &long).await.status, 413);
    assert_eq!(stage.house.store.decisions(0, 10).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let stage = stage("").await;
    let (cookie, _) = stage.signed_in(MIA, Role::Admin).await;
    for path in ["/", "/sign-in", "/audit", "/people/nobody", "/assets/console.js", "/sessions"] {
        let answer = stage.get(path, &cookie).await;
        let policy = answer.says("content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!((answer.says("x-frame-options"), answer.says("x-content-type-options")), ("DENY", "nosniff"));
        if !path.starts_with("/assets") {
            assert_eq!(answer.says("cache-control"), "no-store", "{path}");
            let style = answer.body.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
            let hash = BASE64_STANDARD.encode(Sha256::digest(style));
            assert!(policy.contains(&format!("style-src 'sha256-{hash}';")), "the look that it has: {policy}");
            assert!(!answer.body.contains("<script>") && !answer.body.contains(" style="), "{path} has inline parts");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_squeezed_for_our_own_visitors_and_never_for_another_site() {
    let stage = stage("").await;
    let (cookie, _) = stage.signed_in(MIA, Role::Admin).await;
    let plain = stage.get("/", &cookie).await;
    assert_eq!(plain.says("content-encoding"), "", "nobody asked for it");
    let from = |site: &str| format!("{cookie}Accept-Encoding: gzip, br\r\nSec-Fetch-Site: {site}\r\n");
    for site in ["none", "same-origin"] {
        let small = stage.get("/", &from(site)).await;
        assert_eq!((small.status, small.says("content-encoding")), (200, "gzip"), "{site}");
        let length: usize = small.says("content-length").parse().unwrap();
        assert!(length * 2 < plain.body.len(), "{length} of {}", plain.body.len());
        assert!(small.says("vary").contains("sec-fetch-site") && small.says("cache-control") == "no-store");
    }
    for site in ["cross-site", "same-site"] {
        assert_eq!(stage.get("/", &from(site)).await.says("content-encoding"), "", "{site}");
    }
    let named = plain.body.split('"').find(|word| word.starts_with("/assets/console.js?")).unwrap();
    let script = stage.get(named, "Accept-Encoding: gzip\r\n").await;
    assert!(script.says("cache-control").contains("immutable") && script.says("content-encoding") == "gzip");
    assert_eq!(stage.get("/assets/console.js?x", "").await.says("cache-control"), "private, max-age=300");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_signs_in_once_and_not_for_ever() {
    let stage = stage("").await;
    let link = stage.link(MIA, Role::Approver).await;
    let shown = stage.get(&format!("/sign-in?link={link}"), "").await;
    assert!(shown.status == 200 && shown.body.contains(MIA) && shown.body.contains("approver"));
    assert_eq!(shown.says("set-cookie"), "", "looking uses nothing up");
    let foreign = stage.ask("POST", "/sign-in", "Origin: https://evil.example\r\n", &format!("link={link}")).await;
    assert_eq!(foreign.status, 403);
    let opened = stage.follow(&link).await;
    let cookie = opened.says("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    assert_eq!(stage.follow(&link).await.status, 403, "it is used up");
    let late = stage.link(MIA, Role::Admin).await;
    stage.now_ms.fetch_add(INVITED_MS, Ordering::Relaxed);
    assert_eq!(stage.follow(&late).await.status, 403, "it has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_when_told_when_nobody_uses_it_and_after_ten_hours() {
    let stage = stage("").await;
    let (cookie, key) = stage.signed_in(MIA, Role::Viewer).await;
    stage.now_ms.fetch_add(HOUR_MS - 1, Ordering::Relaxed);
    assert_eq!(stage.get("/people", &cookie).await.status, 200, "it was used within the hour");
    let out = stage.ask("POST", "/sign-out", &cookie, &format!("form_key={key}")).await;
    assert!(out.says("set-cookie").contains("Max-Age=0"));
    assert_eq!(stage.get("/people", &cookie).await.status, 303);
    let (idle, _) = stage.signed_in(MIA, Role::Viewer).await;
    stage.now_ms.fetch_add(HOUR_MS, Ordering::Relaxed);
    assert_eq!(stage.get("/people", &idle).await.status, 303, "nobody used it for an hour");
    let (long, _) = stage.signed_in(MIA, Role::Viewer).await;
    for _ in 0..10 {
        stage.now_ms.fetch_add(HOUR_MS - 60_000, Ordering::Relaxed);
        assert_eq!(stage.get("/people", &long).await.status, 200);
    }
    stage.now_ms.fetch_add(20 * 60_000, Ordering::Relaxed);
    assert_eq!(stage.get("/people", &long).await.status, 303, "no session outlives its ten hours");
    let (ended, _) = stage.signed_in(MIA, Role::Viewer).await;
    let sessions = session::list(&stage.house).await.unwrap();
    let (admin, key) = stage.signed_in("root", Role::Admin).await;
    let body = format!("form_key={key}&session={}", sessions[0].id);
    assert_eq!(stage.ask("POST", "/sessions/end", &admin, &body).await.status, 303);
    assert_eq!(stage.get("/people", &ended).await.status, 303, "an admin ended it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_the_cookie_is_bound_to_the_host_and_never_sent_in_clear() {
    let stage = stage("[server]\npublic_url = \"https://tenure.acme.example\"").await;
    let opened = stage.follow(&stage.link(MIA, Role::Admin).await).await;
    let cookie = opened.says("set-cookie");
    assert!(cookie.starts_with("__Host-tenure_session=") && cookie.contains("; Secure"), "{cookie}");
    assert!(opened.says("strict-transport-security").contains("max-age"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_guesses_links_is_stopped_and_told_nothing() {
    let stage = stage("").await;
    let good = stage.link(MIA, Role::Admin).await;
    let forged = format!("{}{}", &good[..good.len() - 1], if good.ends_with('0') { "1" } else { "0" });
    let one = stage.get(&format!("/sign-in?link={forged}"), "").await;
    let other = stage.get("/sign-in?link=nonsense", "").await;
    assert_eq!((one.status, &one.body), (403, &other.body), "a link that is nearly good is answered as any other");
    for _ in 0..40 {
        stage.follow("nonsense").await;
    }
    assert_eq!(stage.follow("nonsense").await.status, 429);
    assert_eq!(stage.follow(&good).await.status, 303, "who has a good one is let in all the same");
    stage.now_ms.fetch_add(60_000, Ordering::Relaxed);
    assert_eq!(stage.follow("nonsense").await.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_asked_for_leads_elsewhere_or_becomes_markup() {
    let stage = stage("").await;
    let (cookie, key) = stage.signed_in("<b>mia</b>@acme.example", Role::Admin).await;
    let hostile = [
        "/?done=https://evil.example",
        "/people?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/audit?q=%22%3E%3Cimg%20src%3Dx%3E",
    ];
    for path in hostile {
        let answer = stage.get(path, &cookie).await;
        assert_eq!(answer.status, 200, "{path}");
        for bad in ["<script>alert", "<img src=x", "<b>mia", "evil.example"] {
            assert!(!answer.body.contains(bad), "{path} says {bad}");
        }
    }
    let body = format!("form_key={key}&as_of=2026-01-01&next=https://evil.example");
    let answer = stage.ask("POST", "/as-of", &cookie, &body).await;
    assert_eq!(answer.says("location"), "/people?done=past");
    let missing = stage.get("/people/%3Cscript%3E", &cookie).await;
    assert!(missing.status == 404 && missing.body.contains("&#60;script&#62;"), "{missing:?}");
}
