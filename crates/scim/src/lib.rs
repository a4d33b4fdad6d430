//! The SCIM 2.0 protocol without a server: list responses, filters and their quoting.
