//! The walk without the world: correlate, decide, diff, plan, approve and the journal's chain, as pure functions.
