//! The SCIM 2.0 protocol without a server: schemas, filters, patches, lists, bulk requests and errors as values.
//! Connectors read other people's servers with it, and our own server answers with it; both hand texts in.
//! It follows RFC 7643 and 7644 in what it writes and is lenient in what it reads, and it opens no socket.

mod words;
mod path;
mod error;
mod dialect;
mod schema;
mod filter;
mod change;
mod patch;
mod newcomer;
mod list;

pub use change::{ListChange, Written, create, replace};
pub use dialect::{Dialect, Said};
pub use error::{ScimError, ScimType};
pub use filter::{Bound, Comparison, Filter, FilterError, Key, Literal, Lookup, equal, equal_all, quote};
pub use list::{ListError, ListResponse, Next, page_after};
pub use newcomer::Newcomer;
pub use patch::{PatchError, PatchOp, PatchOperation, PatchPath, PatchVerb};
pub use path::{AttributePath, NotAPath};
pub use schema::{
    Attribute, Extension, Kind, Mutability, Place, ResourceType, Returned, Schema, Spelling, Uniqueness, fold,
};

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
