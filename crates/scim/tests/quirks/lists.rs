//! Quirks of lists.
