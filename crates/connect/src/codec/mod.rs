//! Records as the apps spell them, and accounts as we do: both directions, compiled once from the manifest.
//! The connector hands in documents and gets accounts, and hands in changes and gets bodies. Nothing here sends.

pub(crate) mod json;
pub(crate) mod moment;
pub(crate) mod zone;
pub(crate) mod names;
pub(crate) mod value;
pub(crate) mod state;
pub(crate) mod read;
pub(crate) mod outline;
pub(crate) mod grants;
pub(crate) mod write;
