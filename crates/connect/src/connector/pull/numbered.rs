//! Numbered pages, several in flight, delivered in their order.
//! Where a total says how many pages there are, exactly those are asked for; elsewhere the flight widens with each
//! full page, as far as the app is slow, and what was asked for beyond the end is dropped. A list that shrinks meanwhile is walked once more.

use super::super::walk::{PAGES_MAX, Position};
use super::guard::Guard;
use super::{Pending, Run, Stop};
use crate::error::{ConnectError, ErrorKind};
use std::collections::VecDeque;
use std::time::Duration;

/// Pages in flight at most.
const FLIGHT_MAX: usize = 8;

/// One page more in flight for so much time that a page takes.
const WORTH: Duration = Duration::from_micros(2500);

/// Returns how many pages in flight are worth their while: where the end is not known, each may be one for nothing, so
/// that a fast app is asked for one after the other.
fn width_for(elapsed: Duration, end_is_known: bool) -> usize {
    if end_is_known {
        return FLIGHT_MAX;
    }
    usize::try_from(elapsed.as_micros() / WORTH.as_micros()).unwrap_or(FLIGHT_MAX).clamp(1, FLIGHT_MAX)
}

/// How a walk over numbered pages stands.
struct Flight {
    pending: VecDeque<(u64, Pending)>,
    /// The next page to ask for.
    ahead: u64,
    /// The last page, once it is known.
    last: Option<u64>,
    width: usize,
    /// Whether the app was seen to say where the next page is.
    links: bool,
}

impl Run<'_> {
    pub(super) async fn numbered(&self, position: Position, seen: u64) -> Result<(), Stop> {
        let first = match position {
            Position::Page(page) => page,
            _ => 1,
        };
        let guard = self.fly(first, seen).await?;
        if !guard.shrank() {
            return guard.check_total().map_err(Stop::Because);
        }
        let guard = self.fly(1, 0).await?;
        if guard.shrank() {
            let text = "the list became shorter while it was walked, twice: records may have been missed";
            return Err(Stop::Because(ConnectError::new(ErrorKind::Malformed, text)));
        }
        guard.check_total().map_err(Stop::Because)
    }

    async fn fly(&self, first: u64, seen: u64) -> Result<Guard, Stop> {
        let walk = &self.stage.walk;
        let mut guard = Guard::new(seen);
        let mut flight = Flight { pending: VecDeque::new(), ahead: first, last: None, width: 1, links: false };
        for _ in 0..PAGES_MAX {
            while flight.pending.len() < flight.width && flight.last.is_none_or(|last| flight.ahead <= last) {
                flight.pending.push_back((flight.ahead, self.fetch(Position::Page(flight.ahead))));
                flight.ahead += 1;
            }
            let Some((number, mut pending)) = flight.pending.pop_front() else { return Ok(guard) };
            let response = pending.answer().await?;
            let page = {
                let json = self.json(&response)?;
                let rows = walk.rows(&json)?;
                let mut page = self.page(&response, &json, rows, None, &mut guard)?;
                flight.links |= page.links;
                let ends = self.ends(&flight, &page, number, &guard);
                page.next = (!ends).then_some(Position::Page(number + 1));
                page
            };
            if let (true, Some(total), true) = (walk.total_ends(), page.total, page.rows > 0) {
                let size = self.page_size(page.rows, total, number);
                flight.last = Some(total.div_ceil(size).max(number));
            }
            let ends = page.next.is_none();
            self.deliver(page, &guard).await?;
            if ends {
                return Ok(guard);
            }
            flight.width = (flight.width * 2).min(width_for(response.elapsed, flight.last.is_some()));
            if flight.last.is_some_and(|last| last <= number) && flight.pending.is_empty() {
                // The total says that this was the end, the records seen say that it was not: one page more.
                flight.last = Some(number + 1);
            }
        }
        Err(Stop::Because(ConnectError::new(ErrorKind::Malformed, format!("the list has more than {PAGES_MAX} pages"))))
    }

    /// Returns how many records a page really holds: an app may give fewer than asked for and mean it.
    fn page_size(&self, rows: usize, total: u64, number: u64) -> u64 {
        let asked = u64::from(self.stage.walk.size().unwrap_or(1)).max(1);
        let rows = rows as u64;
        if number == 1 && rows < asked && rows < total { rows.max(1) } else { asked }
    }

    /// Tells whether this page is the last one.
    fn ends(&self, flight: &Flight, page: &super::PageRead, number: u64, guard: &Guard) -> bool {
        let walk = &self.stage.walk;
        if page.rows == 0 {
            return true;
        }
        if let (true, Some(total)) = (walk.total_ends(), page.total) {
            let by_count = guard.seen() >= total;
            let by_page = flight.last.is_some_and(|last| number > last);
            return by_count || by_page;
        }
        let full = walk.size().is_none_or(|size| page.rows >= size as usize);
        // An app that says where the next page is, is believed; else a short page is the last one.
        if flight.links { !page.links } else { !full }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_app_without_a_total_is_asked_for_one_page_after_the_other() {
        assert_eq!(width_for(Duration::from_millis(2), false), 1);
        assert_eq!(width_for(Duration::from_millis(20), false), 8);
        assert_eq!(width_for(Duration::from_millis(2), true), 8);
        assert_eq!(width_for(Duration::from_secs(60), false), 8);
    }
}
