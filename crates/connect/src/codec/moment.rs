//! Moments as the apps spell them: ISO 8601 with or without fraction, offset, or the T; without an offset UTC is meant.
//! Decoding turns them into milliseconds, incremental parameters are written from them. It reads no clock.

use jiff::Timestamp;
use jiff::civil::date;

/// Reads a moment as milliseconds since 1970, UTC.
pub(crate) fn read_moment(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        bytes
            .get(from..to)?
            .iter()
            .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let sign = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    if !sign(4, b"-") || !sign(7, b"-") || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    if bytes.len() == 10 {
        return Some(days * 86_400_000);
    }
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !sign(10, b"T t") || !sign(13, b":") || !sign(16, b":") || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let (millis, rest) = fraction(bytes.get(19..)?);
    let offset = offset_minutes(rest)?;
    Some(((days * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1000 + millis)
}

fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || (day > 28 && !is_day(year, month, day)) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn is_day(year: i64, month: i64, day: i64) -> bool {
    let (Ok(year), Ok(month), Ok(day)) = (i16::try_from(year), i8::try_from(month), i8::try_from(day)) else {
        return false;
    };
    date(year, month, 1).days_in_month() >= day
}

/// Returns the milliseconds of `.123456` and what follows.
fn fraction(rest: &[u8]) -> (i64, &[u8]) {
    if !rest.first().is_some_and(|byte| *byte == b'.' || *byte == b',') {
        return (0, rest);
    }
    let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let millis = (0..3).fold(0, |sum, at| sum * 10 + if at < digits { i64::from(rest[1 + at] - b'0') } else { 0 });
    (millis, &rest[1 + digits..])
}

fn offset_minutes(rest: &[u8]) -> Option<i64> {
    let rest = rest.trim_ascii();
    let sign = match rest.first() {
        None => return Some(0),
        Some(b'Z' | b'z') if rest.len() == 1 => return Some(0),
        Some(b'U') if rest == b"UTC" => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return None,
    };
    let digits: Vec<i64> = rest[1..].iter().filter(|byte| **byte != b':').map(|byte| i64::from(*byte) - 48).collect();
    match digits[..] {
        [a, b] if [a, b].iter().all(|d| (0..10).contains(d)) => Some(sign * (a * 10 + b) * 60),
        [a, b, c, d] if [a, b, c, d].iter().all(|d| (0..10).contains(d)) => {
            Some(sign * ((a * 10 + b) * 60 + c * 10 + d))
        }
        _ => None,
    }
}

/// Writes a moment in UTC, to the second.
pub(crate) fn write_moment(ms: i64) -> String {
    Timestamp::from_second(ms.div_euclid(1000)).map(|moment| moment.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_moment_is_one_moment() {
        for text in [
            "2019-09-25T06:18:22.839Z",
            "2019-09-25T06:18:22.839271",
            "2019-09-25 06:18:22.839",
            "2019-09-25T08:18:22.839+02:00",
            "2019-09-25T04:18:22.839-0200",
        ] {
            assert_eq!(read_moment(text), Some(1_569_392_302_839), "{text}");
        }
        assert_eq!(read_moment("1970-01-01"), Some(0));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in ["", "yesterday", "2019-13-01T00:00:00Z", "2019-02-30T00:00:00Z", "2019-09-25T06:18:22 Mars"] {
            assert_eq!(read_moment(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_written_to_the_second() {
        assert_eq!(write_moment(1_569_392_302_839), "2019-09-25T06:18:22Z");
    }
}
