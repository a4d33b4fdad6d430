//! The product as a person meets it: the real program, run as a process against the sandbox over real HTTP.
//! Scenarios are read from `scenarios/*.txt`; kills and refusals are written in Rust, since they are loops and tables.
//! Nothing here looks into the product: it reads exit codes, JSON and files, and asks the sandbox what is really there.

mod daemons;
mod remote;
mod backups;
mod console;
mod day;
mod doors;
mod faults;
mod costs;
mod forecast;
mod hr;
mod journal;
mod kills;
mod operate;
mod peers;
mod refusals;
mod restless;
mod scenarios;
mod shared;
mod sixth;
mod stage;
mod storms;
mod tables;
mod trace;
mod words;
