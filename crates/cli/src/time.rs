//! Spans and moments as people read them.

use jiff::Timestamp;

/// Writes a span as people say it: `3 s`, `2 min`, `1.5 h`.
pub fn span(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "under 1 s".into(),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Writes the moment that lies so many seconds ahead, where that is more than a minute: `14:03:20 UTC`.
pub fn clock(seconds: f64, now_ms: i64) -> Option<String> {
    if seconds <= 60.0 || !seconds.is_finite() {
        return None;
    }
    let at = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    let (now, end) = (at(now_ms), at(now_ms.saturating_add((seconds * 1000.0) as i64)));
    let day = |moment: Timestamp| moment.strftime("%Y-%m-%d").to_string();
    let form = if day(now) == day(end) { "%H:%M:%S UTC" } else { "%H:%M UTC on %Y-%m-%d" };
    Some(end.strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_where_it_is_more_than_a_minute_away() {
        assert_eq!(clock(60.0, 0), None);
        assert_eq!(clock(61.0, 0).as_deref(), Some("00:01:01 UTC"));
        assert_eq!(clock(90_000.0, 0).as_deref(), Some("01:00 UTC on 1970-01-02"));
    }
}
