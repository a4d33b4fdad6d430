//! Joins the rooms: decides when, retries, reads the clock, and runs the walk against the world.
