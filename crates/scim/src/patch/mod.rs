//! Patches (RFC 7644 §3.5.2): the message, its paths, and what it does to a resource.
//! `connect` writes patches to other people's servers; our own server reads the dialects that clients send.
//! Nothing is kept of a patch that fails anywhere: the resource is as it was.

mod apply;
mod message;
mod path;

pub use message::{PatchError, PatchOp, PatchOperation, PatchVerb};
pub use path::PatchPath;
