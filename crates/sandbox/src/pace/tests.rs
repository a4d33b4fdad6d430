//! The limits of each vendor in each dialect, with hours that pass in no time. Requests are bare calls without a socket.
//! What the headers look like on the wire is for the facts to show.

use axum::http::Method;
use bytes::Bytes;

use super::*;
use crate::Surface;

fn call(method: Method, path: &str) -> Call {
    let segments = path.split('/').skip(1).map(String::from).collect();
    Call {
        method,
        surface: Surface::Rest,
        url: path.into(),
        segments,
        query: Vec::new(),
        json_declared: true,
        scim_declared: false,
        body: Bytes::new(),
    }
}

fn pace(vendor: Vendor, dialect: Dialect) -> Pace {
    Pace::new(vendor, dialect, Limits::published(), None).expect("a pace")
}

fn served(pace: &mut Pace, now: Duration, method: Method) -> usize {
    (0..2_000).take_while(|_| !pace.take(now, &call(method.clone(), "/users")).refused).count()
}

const START: Duration = Duration::from_secs(20_000 * 86_400);

#[test]
fn the_guides_limits_are_windows_of_the_plan() {
    for (vendor, limit) in [(Vendor::Gorgias, 10), (Vendor::Freshdesk, 700), (Vendor::Freshservice, 400)] {
        assert_eq!(served(&mut pace(vendor, Dialect::Guide), START, Method::GET), limit, "{vendor}");
    }
}

#[test]
fn freshdesk_says_when_to_come_back_in_the_live_dialect_only() {
    for (dialect, says) in [(Dialect::Guide, None), (Dialect::Live, Some(60))] {
        let mut pace = pace(Vendor::Freshdesk, dialect);
        served(&mut pace, START, Method::GET);
        let verdict = pace.take(START, &call(Method::GET, "/agents"));
        assert_eq!((verdict.refused, verdict.retry_after), (true, says));
        let names: Vec<&str> = verdict.headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["x-ratelimit-total", "x-ratelimit-remaining", "x-ratelimit-used-currentrequest"]);
    }
}

#[test]
fn the_live_lists_of_people_have_limits_of_their_own() {
    let listed =
        |pace: &mut Pace, path| (0..2_000).take_while(|_| !pace.take(START, &call(Method::GET, path)).refused).count();
    let mut service = pace(Vendor::Freshservice, Dialect::Live);
    assert_eq!((listed(&mut service, "/agents"), listed(&mut service, "/requesters")), (140, 140));
    assert_eq!(listed(&mut service, "/agents/7"), 500 - 280);
    let mut desk = pace(Vendor::Freshdesk, Dialect::Live);
    assert_eq!((listed(&mut desk, "/contacts"), listed(&mut desk, "/agents")), (200, 500));
}

#[test]
fn what_freshservice_includes_costs_more() {
    let mut service = pace(Vendor::Freshservice, Dialect::Live);
    let query = vec![("include".into(), "a,b".into()), ("include_agents".into(), "true".into())];
    let verdict = service.take(START, &Call { query, ..call(Method::GET, "/requesters") });
    let told: Vec<&str> = verdict.headers.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(told, ["140", "136", "4"]);
}

#[test]
fn gorgias_live_is_a_bucket_of_forty_that_leaks_two_a_second() {
    let mut pace = pace(Vendor::Gorgias, Dialect::Live);
    assert_eq!(served(&mut pace, START, Method::GET), 40);
    let refused = pace.take(START, &call(Method::PUT, "/users/1"));
    assert_eq!((refused.refused, refused.retry_after), (true, Some(1)));
    assert_eq!(refused.headers, [("x-gorgias-account-api-call-limit", "40/40".to_string())]);
    assert_eq!(served(&mut pace, START + Duration::from_secs(3), Method::GET), 6);
}

#[test]
fn gladly_live_counts_each_method_by_itself_and_does_not_say_when() {
    let mut pace = pace(Vendor::Gladly, Dialect::Live);
    assert_eq!((served(&mut pace, START, Method::GET), served(&mut pace, START, Method::POST)), (10, 10));
    let refused = pace.take(START, &call(Method::GET, "/agents"));
    assert_eq!((refused.refused, refused.retry_after), (true, None));
}

#[test]
fn gainsight_live_has_an_hour_and_a_day_that_survive_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = || Pace::new(Vendor::Gainsight, Dialect::Live, Limits::published(), Some(dir.path())).expect("a pace");
    let hour = Duration::from_secs(3_600);
    assert_eq!(served(&mut open(), START, Method::PUT), 100);
    assert_eq!(served(&mut open(), START + hour / 2, Method::PUT), 0);
    let whole_day = (1..10).map(|at| served(&mut open(), START + hour * at, Method::PUT)).sum::<usize>();
    assert_eq!(whole_day, 900);
    assert_eq!(served(&mut open(), START + hour * 20, Method::PUT), 0);
    assert_eq!(served(&mut open(), START + hour * 24, Method::PUT), 100);
}
