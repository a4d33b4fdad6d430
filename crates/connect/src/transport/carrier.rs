//! What carries a request in place of the network: a world made for a simulation, in the same process.
//! It stands where the HTTP client stands: checks, credentials, limits of size and time and what an error means for the
//! caller are the same on both roads. Nothing of the product builds one.

use bytes::Bytes;
use futures::future::BoxFuture;
use std::fmt;

/// Brings a complete request to whoever answers it.
pub trait Carrier: Send + Sync + fmt::Debug {
    /// Carries one request, credential and all, and returns its answer.
    fn carry(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, Lost>>;
}

/// How a request was lost on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// Nobody took the call: nothing was sent.
    NotSent,
    /// The connection broke: it may have been done.
    Ambiguous,
}
