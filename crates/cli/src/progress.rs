//! Shows on a terminal what long work says of itself: one bar per connection with rate, time left and requests.
//! Off a terminal, or when told to be quiet, nothing is drawn; trouble is logged either way.
//! It only listens: results come from the verbs.

use crate::output::Output;
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tenure_engine::clock::Clock;
use tenure_engine::progress::{Progress, Said};

/// How often the log says how far a pull is.
const LOGGED_EVERY: Duration = Duration::from_secs(10);

/// Returns a listener that draws where drawing makes sense.
pub fn listener(output: &Output) -> Progress {
    let draw = std::io::stderr().is_terminal() && !output.quiet && !output.json;
    let bars = draw.then(|| Mutex::new(Bars { all: MultiProgress::new(), by_connection: BTreeMap::new() }));
    let last_logged = Mutex::new(BTreeMap::new());
    Progress::to(move |said| {
        log(&said, &last_logged);
        if let Some(bars) = &bars {
            bars.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).show(&said);
        }
    })
}

/// Writes what is worth a line of the log; how far a pull is, at its first page and now and then.
fn log(said: &Said, last_logged: &Mutex<BTreeMap<String, Instant>>) {
    match said {
        Said::Trouble { connection, text } => tracing::info!(connection, "{text}"),
        Said::Read { connection, accounts, requests, left: Some(left), seconds_left, .. } => {
            let mut last = last_logged.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if last.get(connection).is_none_or(|at| at.elapsed() >= LOGGED_EVERY) {
                last.insert(connection.clone(), Instant::now());
                tracing::info!(connection, accounts, requests, "{left} requests left{}", end_of(*seconds_left));
            }
        }
        _ => {}
    }
}

/// Says when a pull will be done about, in the words that follow a count.
fn end_of(seconds_left: Option<f64>) -> String {
    let Some(seconds) = seconds_left else { return String::new() };
    match crate::time::clock(seconds, Clock::system().now_ms()) {
        Some(end) => format!(", done about {end}"),
        None => format!(", {}", crate::time::span(seconds)),
    }
}

struct Bars {
    all: MultiProgress,
    by_connection: BTreeMap<String, ProgressBar>,
}

impl Bars {
    fn show(&mut self, said: &Said) {
        match said {
            Said::PullBegan { connection, .. } => {
                let bar = self.all.add(ProgressBar::new_spinner());
                bar.set_style(style("{spinner} {prefix:14} {pos:>8} accounts  {rate:>10}  {msg}"));
                bar.set_prefix(connection.clone());
                bar.enable_steady_tick(Duration::from_millis(120));
                self.by_connection.insert(connection.clone(), bar);
            }
            Said::Read { connection, accounts, total, requests, left, seconds_left } => {
                let Some(bar) = self.by_connection.get(connection) else { return };
                if let Some(total) = total
                    && bar.length() != Some(*total)
                {
                    bar.set_length(*total);
                    bar.set_style(style(
                        "{spinner} {prefix:14} {pos:>8}/{len} accounts  {rate:>10}  {eta} left  {msg}",
                    ));
                }
                bar.set_position(*accounts);
                bar.set_message(match left {
                    Some(left) => format!("{requests} requests, {left} left{}", end_of(*seconds_left)),
                    None => format!("{requests} requests"),
                });
            }
            Said::PullEnded { connection, .. } => {
                if let Some(bar) = self.by_connection.remove(connection) {
                    bar.finish_and_clear();
                }
            }
            Said::Waiting { connection, seconds } => {
                if let Some(bar) = self.by_connection.get(connection) {
                    bar.set_message(format!("waits {} for the rate limit", crate::time::span(*seconds)));
                }
            }
            Said::StepBegan { step } => {
                let bar = self.by_connection.entry(step.connection.to_string()).or_insert_with(|| {
                    let bar = self.all.add(ProgressBar::new_spinner());
                    bar.set_style(style("{spinner} {prefix:14} {pos:>5} steps  {msg}"));
                    bar.set_prefix(step.connection.to_string());
                    bar
                });
                bar.set_message(format!("{} {}", step.effect, step.person.as_deref().unwrap_or("")));
            }
            Said::StepEnded { step, .. } => {
                if let Some(bar) = self.by_connection.get(step.connection.as_str()) {
                    bar.inc(1);
                }
            }
            Said::Trouble { .. } => {}
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
        // A terminal that takes no more is nobody's to be told of.
        let _ = text.write_str(&rate(state.per_sec()));
    })
}

/// Says how many come in a second, as precisely as it means anything.
fn rate(per_second: f64) -> String {
    if per_second < 9.95 { format!("{per_second:.1}/s") } else { format!("{per_second:.0}/s") }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for bar in self.by_connection.values() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_told_in_whole_numbers_and_a_small_one_in_tenths() {
        assert_eq!(rate(393.738_243_656_909), "394/s");
        assert_eq!(rate(9.96), "10/s");
        assert_eq!(rate(3.456), "3.5/s");
        assert_eq!(rate(0.0), "0.0/s");
    }
}
