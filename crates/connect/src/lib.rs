//! Speaks HTTP to the apps as their manifests say, and reads source files.
//! The engine makes a connector for each configured connection out of settings and secrets, and calls its verbs; what
//! differs between apps lies in `apps/`, never here.
//! It deliberately knows no store, no policy and no person: it does what it is asked, or says why not.

pub mod manifest;
pub mod transport;
pub mod governor;
mod error;
mod settings;
mod codec;
mod abilities;
mod needs;
mod catalogue;
mod connector;
mod lint;
mod tape;
mod openid;
pub mod file;

pub use abilities::abilities_of;
pub use catalogue::{App, AppPlace, Catalogue, read_app};
pub use codec::state::Memory;
pub use connector::{
    Act, CheckLine, Connector, DialectFound, Look, LookupBy, Performed, PullEvent, PullStart, PullStream, Secrets,
    Spent, Surroundings, Verdict, forecast, tenant_of,
};
pub use error::{ConnectError, ErrorKind};
pub use lint::{lint, lint_app};
pub use manifest::{Auth, BudgetSpec, Manifest, manifest_schema};
pub use openid::{Discovered, Jwk, OpenidClient, OpenidError, Tokens};
pub use settings::{CONNECTION_KEYS, ScimOffers, ScimSettings, ScimUse, Settings};
pub use tape::{Tape, TapeReport, TapeResult, run_tapes};
pub use transport::{
    Exchanged, HookReach, HttpPolicy, KeptToken, Mail, MailServer, Priority, SetRefused, SigningKey, TokenKeeper,
    Unreached, Witnessed, may_reach, reach_hook, reach_mail, send_hook, send_mail, send_set, send_signed_hook,
    witnessed,
};
