//! Keeps observations, decisions and the journal in SQLite or PostgreSQL.
