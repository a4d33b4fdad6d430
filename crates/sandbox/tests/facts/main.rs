//! The traps of the five vendors as facts, each asserted over real HTTP. A fact that fails means that the sandbox got
//! tamer than the vendor. Nothing here uses the product's own connectors.

mod client;
mod dialects;
mod door;
mod faults;
mod files;
mod freshdesk;
mod freshdesk_live;
mod freshservice;
mod freshservice_live;
mod gainsight;
mod gainsight_live;
mod gladly;
mod gladly_live;
mod gorgias;
mod gorgias_live;
mod scim;
mod scim_tokens;
