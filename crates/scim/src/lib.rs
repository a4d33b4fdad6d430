//! The SCIM 2.0 protocol without a server: schemas, filters, patches, lists, bulk requests and errors as values.
//! Connectors read other people's servers with it, and our own server answers with it; both hand texts in.
//! It follows RFC 7643 and 7644 in what it writes and is lenient in what it reads, and it opens no socket.
//!
//! A server holds resources as JSON objects in the form that [`create`], [`replace`] and [`PatchOp::apply`] give them:
//!
//! ```
//! use serde_json::json;
//! use tenure_scim::{PatchOp, PageLimits, ResourceType, Said, Search, create};
//!
//! let user = ResourceType::user();
//! let made = create(&user, json!({"userName": "jane@acme.com", "active": "True"}))?;
//! assert_eq!(made.resource["active"], true);
//!
//! // Entra ID switches somebody off.
//! let body = br#"{"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}"#;
//! let mut said = Said::default();
//! let written = PatchOp::read(body, &mut said)?.apply(&user, &made.resource)?;
//! assert!(written.changed.contains("active"));
//! said.extend(written.said);
//! let words: Vec<&str> = said.dialects.iter().map(|dialect| dialect.as_str()).collect();
//! assert_eq!(words, ["verb-case", "boolean-as-text"]);
//!
//! let search = Search::from_query("filter=userName+eq+%22JANE@acme.com%22", PageLimits::default(), &mut said)?;
//! let filter = search.filter.expect("it was asked").bind(&user, &mut said)?;
//! assert!(filter.fits(&written.resource));
//! # Ok::<(), tenure_scim::ScimError>(())
//! ```

mod words;
mod path;
mod error;
mod dialect;
mod schema;
mod filter;
mod change;
mod patch;
mod newcomer;
mod revision;
mod list;
mod projection;
mod sort;
mod cursor;
mod search;
mod listing;
mod version;
mod bulk;
mod endpoint;
mod offer;
mod media;
mod client;
mod recording;

pub use bulk::{BULK_REQUEST, BULK_RESPONSE, BulkLimits, BulkOperation, BulkRequest, BulkRun, Done, Method, Ready};
pub use change::{ListChange, Written, create, replace};
pub use client::{Client, Recognised, Shows};
pub use cursor::{Cursor, CursorSeal};
pub use dialect::{Dialect, Said};
pub use endpoint::Endpoint;
pub use error::{ScimError, ScimType};
pub use filter::{Bound, Comparison, Filter, FilterError, Key, Literal, Lookup, equal, equal_all, quote};
pub use list::{ListError, ListResponse, Next, page_after};
pub use listing::{Cursors, list};
pub use media::{answer_type, is_readable};
pub use newcomer::Newcomer;
pub use offer::{Authentication, Offer, RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG};
pub use patch::{PatchError, PatchOp, PatchOperation, PatchPath, PatchVerb};
pub use path::{AttributePath, NotAPath};
pub use projection::{Projection, Shown};
pub use recording::{
    Difference, Exchange, Given, Header, Heard, Mask, NotARecording, Recorded, Recording, Replay, Request, Thing,
    Wanted, golden, golden_names,
};
pub use revision::Revision;
pub use schema::{
    Attribute, Extension, Kind, Mutability, Place, ResourceType, Returned, Schema, Spelling, Uniqueness, fold,
};
pub use search::{Page, PageLimits, Search};
pub use sort::{Order, SortKey, Sorting};
pub use version::Version;

/// The schema of a list response.
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The schema of an error.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// The schema of a patch.
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// The core schema of a user.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The enterprise extension of a user.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The core schema of a group.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The media type in which SCIM is spoken.
pub const MEDIA_TYPE: &str = "application/scim+json";
