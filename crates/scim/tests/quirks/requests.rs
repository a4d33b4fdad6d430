//! Quirks of requests.
