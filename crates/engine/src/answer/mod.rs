//! What people ask and are told: one shape for the command line, for the server, and for a command line far from it.
//! Each file holds a question with everything that it may say, and the answer as JSON shows it; the verbs and the store
//! are asked, and nothing is decided here.
//! How a question comes in, and how an answer is shown, is not known here.

mod page;
mod people;
mod lists;
mod who;
mod why;
mod kept;
mod findings;
mod connections;
mod health;
mod plans;
mod journal;
mod work;
mod apps;

pub use apps::{AppBrief, AppView, Apps, FurtherDialect, app, app_view, apps, can};
pub use connections::{ConnectionView, Connections, PullSeen, connection, connections, pulls_since};
pub use findings::{Findings, FindingsAsked, findings, kind_of, list as list_findings};
pub use health::{Noted, State};
pub use journal::{Journal, JournalAsked, journal};
pub(crate) use kept::Kept;
pub use lists::{Accounts, Grants, ListAsked, accounts, grants};
pub use page::{LIMIT_MAX, LIMIT_USUAL, bound};
pub use people::{Identities, identities};
pub(crate) use plans::releases;
pub use plans::{Plans, Release, RunView, Runs, Told, plan, plans, run, runs, told};
pub use who::{Person, Upcoming, WhoAsked, person_of, upcoming, who};
pub use why::{Because, why};
pub use work::{JobView, Jobs, job, jobs};
