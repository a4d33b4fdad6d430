//! The guides at their word: rows of lists with the fields of the guide's own sample and no other, and no list that the
//! guide does not name. Laid over the answers of any imitation of a guide. What a look at one record shows stays whole.

use axum::http::Method;
use serde_json::Value;

use crate::Vendor;
use crate::exchange::{Call, Reply};
use crate::refusal::not_found;

/// How literally a tenant takes its guide.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Literal {
    /// Rows show what the sample shows.
    pub rows: bool,
    /// Only the lists that the guide names are there.
    pub lists: bool,
}

impl Literal {
    /// Answers a call to a list that the guide does not name.
    pub fn before(self, vendor: Vendor, call: &Call) -> Option<Reply> {
        let unnamed: &[&str] = match vendor {
            Vendor::Freshdesk => &["roles", "groups"],
            Vendor::Freshservice => &["roles", "groups", "departments", "locations"],
            Vendor::Gorgias | Vendor::Gladly | Vendor::Gainsight => &[],
        };
        let [list] = call.path()[..] else { return None };
        (self.lists && unnamed.contains(&list)).then(|| not_found(vendor))
    }

    /// Takes out of the rows of a list what the sample does not show.
    pub fn after(self, vendor: Vendor, call: &Call, mut reply: Reply) -> Reply {
        if !self.rows || call.method != Method::GET || !reply.status.is_success() {
            return reply;
        }
        let [list] = call.path()[..] else { return reply };
        let Some((place, fields)) = sample(vendor, list) else { return reply };
        let rows = reply.body.as_mut().and_then(|body| match place {
            "" => body.as_array_mut(),
            place => body.get_mut(place).and_then(Value::as_array_mut),
        });
        for row in rows.into_iter().flatten().filter_map(Value::as_object_mut) {
            row.retain(|field, _| fields.contains(&field.as_str()));
        }
        reply
    }
}

/// Returns where the rows of a list lie, and what the guide's sample of one shows.
fn sample(vendor: Vendor, list: &str) -> Option<(&'static str, &'static [&'static str])> {
    Some(match (vendor, list) {
        (Vendor::Gorgias, "users") => ("data", &["id", "email", "name", "active"]),
        (Vendor::Gladly, "agents") => ("items", &["id", "emailAddress", "name", "role", "active"]),
        (Vendor::Freshdesk, "agents") => ("", &["id", "name", "email", "active", "role_ids", "created_at"]),
        (Vendor::Freshservice, "agents") => ("agents", &["id", "first_name", "email", "active"]),
        (Vendor::Freshservice, "requesters") => ("requesters", &["id", "first_name", "email"]),
        (Vendor::Gainsight, "users") => ("data", &["userId", "email", "firstName", "isActive"]),
        _ => return None,
    })
}
