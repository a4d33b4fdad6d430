//! Reads `Retry-After` in every form that servers send it, and moments told by other headers.
//! The governor asks it at each refusal.
//! It decides nothing: a wait that is rubbish is called rubbish, and the caller backs off by itself.

use std::time::{Duration, SystemTime};

/// What `Retry-After` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryAfter {
    /// There is none.
    Absent,
    /// So long; never zero.
    Wait(Duration),
    /// Something that tells no wait: zero, negative, in the past, or unreadable.
    Rubbish,
}

/// Reads the value of a `Retry-After` header: seconds, a fraction of seconds, or an HTTP date as seen from `wall`.
pub fn read_retry_after(value: Option<&str>, wall: SystemTime) -> RetryAfter {
    let Some(text) = value.map(str::trim) else { return RetryAfter::Absent };
    let text = text.trim_end_matches(['s', 'S']).trim_end();
    if let Some(seconds) = number(text) {
        return wait(seconds);
    }
    match httpdate::parse_http_date(text) {
        Ok(moment) => moment.duration_since(wall).map_or(RetryAfter::Rubbish, |left| wait(left.as_secs_f64())),
        Err(_) => RetryAfter::Rubbish,
    }
}

fn wait(seconds: f64) -> RetryAfter {
    if seconds > 0.0 { RetryAfter::Wait(super::limits::seconds(seconds)) } else { RetryAfter::Rubbish }
}

/// Returns the number that `text` spells in plain digits; `inf`, `nan` and hexadecimals are none.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b".-+".contains(&byte));
    if plain { text.parse::<f64>().ok().filter(|number| number.is_finite()) } else { None }
}

/// Reads a moment at which a budget is full again, as a wait from `wall`: seconds or milliseconds since 1970,
/// seconds from now, or an HTTP date. A moment in the past is none.
pub(super) fn read_reset(text: &str, wall: SystemTime) -> Option<Duration> {
    let since_1970 = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let seconds = match number(text) {
        Some(moment) if moment >= 1e11 => moment / 1000.0 - since_1970,
        Some(moment) if moment >= 5e8 => moment - since_1970,
        Some(wait) => wait,
        None => httpdate::parse_http_date(text.trim()).ok()?.duration_since(wall).ok()?.as_secs_f64(),
    };
    (seconds > 0.0).then(|| super::limits::seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall() -> SystemTime {
        httpdate::parse_http_date("Tue, 24 Nov 2026 10:00:00 GMT").unwrap()
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        let read = |text| read_retry_after(Some(text), wall());
        assert_eq!(read("3"), RetryAfter::Wait(Duration::from_secs(3)));
        assert_eq!(read(" 0.25 "), RetryAfter::Wait(Duration::from_millis(250)));
        assert_eq!(read("2s"), RetryAfter::Wait(Duration::from_secs(2)));
        assert_eq!(read("Tue, 24 Nov 2026 10:00:07 GMT"), RetryAfter::Wait(Duration::from_secs(7)));
        assert_eq!(read_retry_after(None, wall()), RetryAfter::Absent);
    }

    #[test]
    fn no_header_makes_the_wait_zero() {
        for text in ["0", "-5", "0.0", "", "soon", "NaN", "inf", "0x10", "1e9", "Tue, 24 Nov 2026 09:59:00 GMT", "--1"]
        {
            assert_eq!(read_retry_after(Some(text), wall()), RetryAfter::Rubbish, "{text:?}");
        }
    }

    #[test]
    fn an_enormous_wait_is_a_wait() {
        let RetryAfter::Wait(wait) = read_retry_after(Some("99999999999999999999999"), wall()) else { panic!() };
        assert!(wait >= Duration::from_secs(600));
    }

    #[test]
    fn a_reset_is_a_moment_or_a_wait() {
        let since = wall().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let read = |text: String| read_reset(&text, wall());
        assert_eq!(read((since + 30).to_string()), Some(Duration::from_secs(30)));
        assert_eq!(read(((since + 30) * 1000).to_string()), Some(Duration::from_secs(30)));
        assert_eq!(read("30".into()), Some(Duration::from_secs(30)));
        assert_eq!(read((since - 30).to_string()), None);
        assert_eq!(read("-1".into()), None);
        assert_eq!(read("tomorrow".into()), None);
    }
}
