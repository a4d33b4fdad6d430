//! How live Freshservice is walked and searched. A plain list holds the inactive too, an incremental one does not, the
//! requesters' may include the agents, and a search sees what its index has learnt. It changes nothing but the index.

use axum::http::StatusCode;
use serde_json::json;

use super::changed_since;
use super::fresh::{linked, updated_since, with_link};
use super::freshservice_fields::Sort;
use super::freshservice_live::Tenant;
use super::freshservice_live_fields::Member;
use crate::Vendor::Freshservice;
use crate::exchange::{Call, Reply};
use crate::paging;
use crate::refusal::invalid;
use crate::table::Row;

impl Tenant {
    pub(super) fn list(&mut self, sort: Sort, call: &Call) -> Reply {
        if let Some(query) = call.query("query") {
            return self.search(sort, call, query);
        }
        let asked = updated_since(call).and_then(|since| {
            let include_agents = paging::flag(call, "include_agents")?.unwrap_or(false);
            Ok((since, paging::flag(call, "active")?, include_agents && sort == Sort::Requester))
        });
        let (since, active, include_agents) = match asked {
            Ok(asked) => asked,
            Err(wrong) => return invalid(Freshservice, StatusCode::BAD_REQUEST, &[wrong]),
        };
        // An incremental walk leaves the deactivated out unless they are asked for; a plain list holds them.
        let active = active.or(since.map(|_| true));
        let email = call.query("email");
        let fits = |member: &&Member| {
            active.is_none_or(|active| member.active == active)
                && email.is_none_or(|email| member.email.eq_ignore_ascii_case(email))
                && changed_since(&member.updated_at, since)
        };
        let show = |member: &Member| if sort == Sort::Agent { member.show() } else { member.show_as_requester() };
        let others = include_agents.then(|| self.agents.iter()).into_iter().flatten();
        let rows = self.table(sort).iter().chain(others).map(|held| &held.row).filter(fits);
        linked(Freshservice, call, rows.map(show), |rows| json!({ sort.many(): rows }))
    }

    /// Answers a search from the index, with the records as they are now.
    fn search(&mut self, sort: Sort, call: &Call, query: &str) -> Reply {
        let table = match sort {
            Sort::Agent => &self.agents,
            Sort::Requester => &self.requesters,
        };
        let found = self.index.find(call, query, |id| table.get(&id.to_string()).is_some());
        let found = match found {
            Ok(found) => found,
            Err(wrong) => return invalid(Freshservice, StatusCode::BAD_REQUEST, &[wrong]),
        };
        let rows = found.ids.iter().filter_map(|id| table.get(&id.to_string())).map(|held| held.row.show());
        let reply = Reply::ok(json!({ sort.many(): rows.collect::<Vec<_>>() }));
        found.next.into_iter().fold(reply, |reply, page| with_link(reply, call, page))
    }
}
