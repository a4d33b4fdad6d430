//! Sends one HTTP request and brings back one bounded answer, or says what may have happened to it.
//! Connectors and the governor hand in requests; answers go back to them as status, headers and bytes.
//! It knows no app, no paging and no rate limit, follows no redirect, and repeats nothing by itself.

mod assertion;
mod carrier;
mod clock;
mod credential;
mod error;
mod exchange;
mod hook;
mod key;
mod mail;
pub(crate) use error::host_and_port;
mod oauth;
mod options;
mod request;
mod witness;
#[cfg(test)]
mod tests;

pub use assertion::Assertion;
pub use carrier::{Carrier, Lost};
pub use clock::{Clock, SystemClock};
pub use credential::Credential;
pub use error::{Target, TransportError};
pub use exchange::{Transport, Wire, is_loopback};
pub use hook::{HookReach, SetRefused, Unreached, may_reach, reach_hook, send_hook, send_set, send_signed_hook};
pub use key::SigningKey;
pub use mail::{Mail, MailServer, reach_mail, send_mail};
pub use oauth::{ClientCredentials, ClientStyle, KeptToken, TokenKeeper};
pub use options::{HttpPolicy, Timeouts, TransportOptions};
pub use request::{Priority, Request, Response, TooMany};
pub use witness::{Exchanged, Witnessed, witnessed};
pub(crate) use witness::{tell, tell_shared};
