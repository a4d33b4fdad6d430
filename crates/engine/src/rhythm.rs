//! When something is done by itself: after a length of time, or as a cron pattern says, and not in quiet hours.
//! It is read from the words of the configuration, and computes moments from moments; it reads no clock.

use crate::work::span;
use croner::Cron;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use tenure_core::policy::Delay;

/// Moments of a pattern that are looked at to see how close two are.
const MOMENTS_LOOKED: usize = 50;
/// How far the moments of one pattern are spread, so that connections that share it do not begin together.
const SPREAD_MS: i64 = 60 * 1000;

/// When something is done by itself.
#[derive(Clone, Debug)]
pub struct Rhythm {
    beat: Beat,
    quiet: Option<(Time, Time)>,
    zone: TimeZone,
}

#[derive(Clone, Debug)]
enum Beat {
    /// As is usual.
    Usual,
    /// When somebody asks only.
    Never,
    /// After so many milliseconds.
    Every(i64),
    /// As a pattern says.
    Pattern(Box<Cron>),
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { beat: Beat::Usual, quiet: None, zone: TimeZone::UTC }
    }
}

/// Which word is wrong, and how.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub key: &'static str,
    pub message: String,
    pub hint: &'static str,
}

impl Rhythm {
    /// Reads it from the words of the configuration.
    pub(crate) fn read(
        every: Option<Option<Delay>>,
        pattern: Option<&str>,
        quiet: Option<&str>,
        zone: Option<&str>,
    ) -> Result<Self, Wrong> {
        let wrong =
            |key, text: &str, hint| Wrong { key, message: format!("`{key}` is {text:?}, which means no time"), hint };
        let beat = match (pattern, every) {
            (Some(text), _) => {
                let read = Cron::from_str(text).map_err(|_| {
                    wrong("schedule", text, "such as \"0 */2 * * *\": minute, hour, day, month, weekday")
                })?;
                let ever = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
                if read.find_next_occurrence(&ever, false).is_err() {
                    return Err(wrong("schedule", text, "a day that no month has, say; such as \"0 2 1 * *\""));
                }
                Beat::Pattern(Box::new(read))
            }
            (None, None) => Beat::Usual,
            (None, Some(None)) => Beat::Never,
            (None, Some(Some(every))) => Beat::Every(every.as_ms()),
        };
        let quiet =
            quiet.map(|text| hours(text).ok_or_else(|| wrong("quiet", text, "such as \"22:00-06:00\""))).transpose()?;
        let zone = match zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| wrong("time_zone", name, "such as \"Europe/Berlin\""))?,
        };
        Ok(Self { beat, quiet, zone })
    }

    /// Says how often, where the configuration says nothing.
    pub(crate) fn or_every(self, every_ms: i64) -> Self {
        let beat = if matches!(self.beat, Beat::Usual) { Beat::Every(every_ms) } else { self.beat };
        Self { beat, ..self }
    }

    /// Says how often, whatever the configuration says; its quiet hours stay.
    pub(crate) fn every(self, every_ms: i64) -> Self {
        Self { beat: Beat::Every(every_ms), ..self }
    }

    pub(crate) fn is_pattern(&self) -> bool {
        matches!(self.beat, Beat::Pattern(_))
    }

    /// Returns how often it is at most, in milliseconds; nothing where never by itself. Of a pattern, the shortest time
    /// between two of its moments.
    pub fn every_ms(&self) -> Option<i64> {
        match &self.beat {
            Beat::Usual | Beat::Never => None,
            Beat::Every(every_ms) => Some(*every_ms),
            Beat::Pattern(pattern) => {
                let begin = Timestamp::UNIX_EPOCH.to_zoned(self.zone.clone());
                let moments: Vec<i64> = pattern.iter_after(begin).take(MOMENTS_LOOKED).map(|at| ms(&at)).collect();
                moments.windows(2).map(|two| two[1] - two[0]).min()
            }
        }
    }

    /// Says it in words that follow "is read".
    pub fn says(&self) -> String {
        let quiet = self.quiet.map(|(from, to)| format!(", not from {} to {}", clock(from), clock(to)));
        let zone = self.zone.iana_name().unwrap_or("UTC");
        match &self.beat {
            Beat::Usual | Beat::Never => "when somebody asks for it".into(),
            Beat::Every(every_ms) => {
                let quiet = quiet.map(|quiet| format!("{quiet} ({zone})")).unwrap_or_default();
                format!("every {}{quiet}", span(*every_ms))
            }
            Beat::Pattern(pattern) => format!("at {:?}{} ({zone})", pattern.as_str(), quiet.unwrap_or_default()),
        }
    }

    /// Returns the moment after `now_ms` at which it is done, for a thing of this name: a little later for one than for
    /// another, so that what shares a rhythm does not stay together; after quiet hours, when they end.
    pub fn next_ms(&self, name: &str, now_ms: i64) -> Option<i64> {
        let spread = |of_ms: i64, most_ms: i64| {
            let mut hasher = DefaultHasher::new();
            (name, now_ms / of_ms.max(1)).hash(&mut hasher);
            (hasher.finish() % 1000) as i64 * most_ms / 1000
        };
        let at_ms = match &self.beat {
            Beat::Usual | Beat::Never => return None,
            Beat::Every(every_ms) => now_ms + every_ms + spread(*every_ms, every_ms / 10),
            Beat::Pattern(pattern) => {
                let next = pattern.find_next_occurrence(&self.at(now_ms)?, false).ok()?;
                ms(&next) + spread(SPREAD_MS, SPREAD_MS)
            }
        };
        Some(self.after_quiet(at_ms).map_or(at_ms, |end_ms| end_ms + spread(SPREAD_MS, SPREAD_MS)))
    }

    /// Returns the moment itself, or when the quiet hours end in which it lies.
    pub fn unquiet_ms(&self, at_ms: i64) -> i64 {
        self.after_quiet(at_ms).unwrap_or(at_ms)
    }

    /// Returns when the quiet hours end in which a moment lies, if it does.
    fn after_quiet(&self, at_ms: i64) -> Option<i64> {
        let (from, to) = self.quiet?;
        let at = self.at(at_ms)?;
        let time = at.time();
        let (is_quiet, tomorrow) = match from <= to {
            true => (from <= time && time < to, false),
            false => (from <= time || time < to, from <= time),
        };
        let day = if tomorrow { at.date().checked_add(1.day()).ok()? } else { at.date() };
        let end = day.to_datetime(to).to_zoned(self.zone.clone()).ok()?;
        is_quiet.then(|| ms(&end))
    }

    fn at(&self, ms: i64) -> Option<Zoned> {
        Some(Timestamp::from_millisecond(ms).ok()?.to_zoned(self.zone.clone()))
    }
}

fn ms(at: &Zoned) -> i64 {
    at.timestamp().as_millisecond()
}

fn clock(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}

/// Reads `22:00-06:00`.
fn hours(text: &str) -> Option<(Time, Time)> {
    let (from, to) = text.split_once('-')?;
    let read = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
    let hours = (read(from)?, read(to)?);
    (hours.0 != hours.1).then_some(hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(pattern: Option<&str>, quiet: Option<&str>, zone: Option<&str>) -> Rhythm {
        Rhythm::read(None, pattern, quiet, zone).unwrap().or_every(600_000)
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn the_next_read_is_at_most_a_tenth_late_and_not_at_one_moment_for_all() {
        let rhythm = rhythm(None, None, None);
        let next: Vec<i64> =
            ["hr", "north", "south", "west"].iter().filter_map(|name| rhythm.next_ms(name, 1_000_000)).collect();
        assert!(next.iter().all(|at_ms| (1_600_000..1_660_000).contains(at_ms)), "{next:?}");
        assert!(next.iter().any(|at_ms| *at_ms != next[0]), "{next:?}");
        assert_eq!(Rhythm::read(Some(None), None, None, None).unwrap().next_ms("hr", 0), None);
    }

    #[test]
    fn a_pattern_is_followed_in_its_time_zone() {
        let rhythm = rhythm(Some("0 */2 * * *"), None, Some("Asia/Kolkata"));
        let next = rhythm.next_ms("hr", at("2026-11-26T00:31:00Z")).unwrap(); // 06:01 there
        let wanted = at("2026-11-26T02:30:00Z");
        assert!((wanted..wanted + SPREAD_MS).contains(&next), "{next} {wanted}");
        assert_eq!(rhythm.every_ms(), Some(2 * 3600 * 1000));
        assert_eq!(rhythm.says(), "at \"0 */2 * * *\" (Asia/Kolkata)");
    }

    #[test]
    fn quiet_hours_are_waited_out_over_midnight_too() {
        let rhythm = rhythm(None, Some("22:00-06:00"), Some("Europe/Berlin"));
        for (now, end) in
            [("2026-11-26T20:55:00Z", "2026-11-27T05:00:00Z"), ("2026-11-27T02:00:00Z", "2026-11-27T05:00:00Z")]
        {
            let next = rhythm.next_ms("hr", at(now)).unwrap();
            assert!((at(end)..at(end) + SPREAD_MS).contains(&next), "{now}: {next}");
        }
        let noon = at("2026-11-27T11:00:00Z");
        assert!(rhythm.next_ms("hr", noon).unwrap() < noon + 700_000);
    }

    #[test]
    fn a_start_within_quiet_hours_waits_for_their_end() {
        let rhythm = rhythm(None, Some("22:00-06:00"), Some("Europe/Berlin"));
        assert_eq!(rhythm.unquiet_ms(at("2026-11-27T02:00:00Z")), at("2026-11-27T05:00:00Z"));
        assert_eq!(rhythm.unquiet_ms(at("2026-11-27T11:00:00Z")), at("2026-11-27T11:00:00Z"));
    }

    #[test]
    fn what_means_no_time_is_told_by_its_key() {
        let key = |pattern, quiet, zone| Rhythm::read(None, pattern, quiet, zone).unwrap_err().key;
        assert_eq!(key(Some("every day"), None, None), "schedule");
        assert_eq!(key(None, Some("22-6"), None), "quiet");
        assert_eq!(key(None, None, Some("Europe/Berln")), "time_zone");
    }
}
