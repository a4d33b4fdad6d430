//! Imitations of the five vendors and an HR file, strict and stateful, for demo, tests and rehearsal.
