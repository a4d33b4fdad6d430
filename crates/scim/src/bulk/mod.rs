//! Many requests in one (RFC 7644 §3.7): read, put in an order in which every reference is known, run, answered.
//! The server carries out each operation that it is handed and says what came of it; nothing is carried out here.
//! Operations that refer to each other in a circle, or to one that failed, are answered and not handed out.

mod request;
mod run;

pub use request::{BulkLimits, BulkOperation, BulkRequest, Method};
pub use run::{BulkRun, Done, Ready};

/// The schema of a bulk request.
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The schema of its answer.
pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
