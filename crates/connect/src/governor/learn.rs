//! What the headers of an answer tell of the budget, in every family that vendors use.
//! The governor reads each answer through here; names match in any case.
//! It does not judge: a header that cannot be read counts as not there.

use super::retry_after::{number, read_reset};
use http::HeaderMap;
use std::time::{Duration, SystemTime};

/// What an answer tells of the budget.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Told {
    /// Requests in a window.
    pub limit: Option<u64>,
    /// Requests that are left.
    pub remaining: Option<u64>,
    /// Requests that were used, by whomever.
    pub used: Option<u64>,
    /// Until the window rolls over.
    pub reset: Option<Duration>,
    /// How long the window is.
    pub per: Option<Duration>,
    /// What this request cost.
    pub cost: Option<u64>,
}

impl Told {
    /// Returns how much of the window is used, by whomever.
    pub fn used(&self) -> Option<u64> {
        self.used.or_else(|| Some(self.limit?.saturating_sub(self.remaining?)))
    }
}

const SECOND: Duration = Duration::from_secs(1);
const SPANS: [(&str, Duration); 4] = [
    ("second", SECOND),
    ("minute", Duration::from_secs(60)),
    ("hour", Duration::from_secs(3600)),
    ("day", Duration::from_secs(86_400)),
];
const PREFIXES: [&str; 3] = ["x-ratelimit", "ratelimit", "x-rate-limit"];
/// Headers whose text is a list of parameters.
const PARAMETERS: [(&str, &[&str]); 4] =
    [("ratelimit", &[]), ("ratelimit", &["policy"]), ("ratelimit", &["limit"]), ("x-ratelimit", &["limit"])];

/// Reads the headers of one answer. Moments are compared with the server's own clock where it tells it.
pub(super) fn read(headers: &HeaderMap, wall: SystemTime) -> Told {
    let wall = server_wall(headers, wall);
    let family = Family::of(headers);
    let mut told = family.by_span().or_else(|| by_fraction(headers)).unwrap_or_default();
    for prefix in PREFIXES {
        let count = |suffix: &str| family.text(prefix, &[suffix]).and_then(whole);
        told.limit = told.limit.or_else(|| count("limit")).or_else(|| count("total"));
        told.remaining = told.remaining.or_else(|| count("remaining"));
        told.cost = told.cost.or_else(|| count("used-currentrequest"));
        told.reset = told.reset.or_else(|| family.text(prefix, &["reset"]).and_then(|moment| read_reset(moment, wall)));
    }
    family.by_parameters(&mut told);
    told.limit = told.limit.filter(|limit| (1..=1_000_000_000).contains(limit));
    told.per = told.per.filter(|per| !per.is_zero() && *per <= SPANS[3].1 * 31);
    told
}

/// Returns the moment by the server's own clock where it tells it, else `wall`.
pub(super) fn server_wall(headers: &HeaderMap, wall: SystemTime) -> SystemTime {
    let date = headers.get("date").and_then(|date| date.to_str().ok());
    date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(wall)
}

/// The headers of an answer that may tell of the budget: few, and none of most answers.
struct Family<'h>(Vec<(&'h str, &'h str)>);

impl<'h> Family<'h> {
    fn of(headers: &'h HeaderMap) -> Self {
        let of_us = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        let all = headers.iter().filter(|(name, _)| of_us(name.as_str()));
        Self(all.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?.trim()))).collect())
    }

    /// Returns what the first header of this name says; the name is the prefix and words, with `-` between them.
    fn text(&self, prefix: &str, words: &[&str]) -> Option<&'h str> {
        let is_it = |name: &'h str| {
            let next = |rest: &'h str, word: &&str| rest.strip_prefix('-')?.strip_prefix(*word);
            name.strip_prefix(prefix).and_then(|rest| words.iter().try_fold(rest, next)) == Some("")
        };
        self.0.iter().find(|(name, _)| is_it(name)).map(|(_, text)| *text)
    }

    /// `Ratelimit-Limit-Second`, `X-RateLimit-Remaining-Minute` and their like; the shortest span counts.
    fn by_span(&self) -> Option<Told> {
        for (span, per) in SPANS {
            for prefix in PREFIXES {
                let limit = self.text(prefix, &["limit", span]).and_then(whole);
                let remaining = self.text(prefix, &["remaining", span]).and_then(whole);
                if limit.is_some() || remaining.is_some() {
                    return Some(Told { limit, remaining, per: Some(per), ..Told::default() });
                }
            }
        }
        None
    }

    /// `RateLimit: "default";r=50;t=30` with `RateLimit-Policy: "default";q=100;w=60`, and the older
    /// `RateLimit: limit=100, remaining=50, reset=30`; a window may also stand behind a plain limit, `100;w=60`.
    fn by_parameters(&self, told: &mut Told) {
        for (prefix, words) in PARAMETERS {
            for part in self.text(prefix, words).unwrap_or("").split([';', ',']).take(32) {
                let Some((key, value)) = part.split_once('=') else { continue };
                let value = value.trim().trim_matches('"');
                let span = || number(value).filter(|seconds| *seconds > 0.0).map(super::limits::seconds);
                match key.trim().to_ascii_lowercase().as_str() {
                    "limit" | "q" => told.limit = told.limit.or_else(|| whole(value)),
                    "remaining" | "r" => told.remaining = told.remaining.or_else(|| whole(value)),
                    "reset" | "t" => told.reset = told.reset.or_else(span),
                    "w" => told.per = told.per.or_else(span),
                    _ => {}
                }
            }
        }
    }
}

/// `X-Gorgias-Account-Api-Call-Limit: 12/40` and its like: used of how many.
fn by_fraction(headers: &HeaderMap) -> Option<Told> {
    let value = headers.iter().find(|(name, _)| name.as_str().ends_with("-api-call-limit"))?.1;
    let (used, limit) = value.to_str().ok()?.split_once('/')?;
    Some(Told { used: Some(whole(used)?), limit: Some(whole(limit)?), ..Told::default() })
}

/// Returns the whole number at the start of `text`; a negative one is 0.
fn whole(text: &str) -> Option<u64> {
    let first = text.split([';', ',']).next()?;
    number(first).map(|number| number.clamp(0.0, 1e15) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(headers: &[(&'static str, &str)]) -> Told {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        read(&map, SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000))
    }

    #[test]
    fn each_family_is_read() {
        let plain =
            told(&[("X-RateLimit-Limit", "10"), ("x-ratelimit-remaining", "7"), ("X-RATELIMIT-RESET", "1795000030")]);
        assert_eq!((plain.limit, plain.used(), plain.reset), (Some(10), Some(3), Some(Duration::from_secs(30))));
        let fresh = told(&[
            ("X-RateLimit-Total", "700"),
            ("X-RateLimit-Remaining", "699"),
            ("X-RateLimit-Used-CurrentRequest", "2"),
        ]);
        assert_eq!((fresh.limit, fresh.remaining, fresh.cost), (Some(700), Some(699), Some(2)));
        let fraction = told(&[("X-Gorgias-Account-Api-Call-Limit", "12/40")]);
        assert_eq!((fraction.used(), fraction.limit), (Some(12), Some(40)));
        let span = told(&[("Ratelimit-Limit-Second", "10"), ("Ratelimit-Remaining-Second", "9")]);
        assert_eq!((span.limit, span.used(), span.per), (Some(10), Some(1), Some(SECOND)));
        let okta = told(&[("X-Rate-Limit-Limit", "600"), ("X-Rate-Limit-Remaining", "1")]);
        assert_eq!(okta.used(), Some(599));
    }

    #[test]
    fn both_drafts_of_the_standard_are_read() {
        let newer = told(&[("RateLimit", "\"default\";r=50;t=30"), ("RateLimit-Policy", "\"default\";q=100;w=60")]);
        assert_eq!((newer.limit, newer.remaining), (Some(100), Some(50)));
        assert_eq!((newer.per, newer.reset), (Some(Duration::from_secs(60)), Some(Duration::from_secs(30))));
        let older = told(&[("RateLimit", "limit=100, remaining=50, reset=30")]);
        assert_eq!((older.limit, older.used(), older.reset), (Some(100), Some(50), Some(Duration::from_secs(30))));
        let oldest =
            told(&[("RateLimit-Limit", "100, 100;w=60"), ("RateLimit-Remaining", "1"), ("RateLimit-Reset", "5")]);
        assert_eq!((oldest.limit, oldest.remaining, oldest.per), (Some(100), Some(1), Some(Duration::from_secs(60))));
    }

    #[test]
    fn a_moment_is_compared_with_the_servers_own_clock() {
        let told = told(&[("X-RateLimit-Reset", "1700000010"), ("Date", "Tue, 14 Nov 2023 22:13:20 GMT")]);
        assert_eq!(told.reset, Some(Duration::from_secs(10)));
    }

    #[test]
    fn rubbish_tells_nothing() {
        for value in ["", "many", "-", "0", "99999999999999999999"] {
            assert_eq!(told(&[("X-RateLimit-Limit", value)]).limit, None, "{value}");
        }
        assert_eq!(told(&[("X-Gorgias-Account-Api-Call-Limit", "twelve/40")]), Told::default());
        assert_eq!(told(&[("X-RateLimit-Remaining", "-3")]).remaining, Some(0));
    }
}
