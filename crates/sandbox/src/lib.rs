//! Imitations of five vendors and an HR file: strict, stateful, over real HTTP on one port. They are built from the
//! vendors' guides alone and share no line with the connectors, so that both cannot err in the same way; the demo, the
//! tests and people who rehearse use them. Nothing here knows the product's words, its manifests or its store.

mod dialect;
mod surface;
mod vendor;

mod credentials;

mod habit;
mod options;

mod fault;

mod company;

mod clock;
mod table;
mod paging;
mod fields;
mod sheet;
mod exchange;
mod refusal;
mod sample;
mod scim;
mod vendors;
mod idp;

mod world;

pub mod hr;

mod pace;
mod tokens;
mod statistics;
mod mischief;
mod gzip;
mod door;
mod serve;

mod files;
mod policy;
mod sandbox;

pub use company::{Company, Person, Status};
pub use credentials::*;
pub use dialect::{Dialect, DialectError, Dialects};
pub use fault::{Fault, FaultError, Kind};
pub use files::Files;
pub use habit::Habit;
pub use idp::{Desk, Idp, okta_private_key, okta_read_private_key, service_account};
pub use options::{FreshdeskPlan, FreshservicePlan, GorgiasPlan, Limits, Options, Plans};
pub use sandbox::{Sandbox, indoors, start};
pub use statistics::{Statistics, VendorStatistics};
pub use surface::Surface;
pub use vendor::{UnknownVendor, Vendor};
pub use world::{PutStyle, World};
