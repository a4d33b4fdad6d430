//! The door of the console over real HTTP: who comes in by which way, and what they may do inside.

mod acts;
mod approvals;
mod connect;
mod leaver;
mod matching;
mod openid;
mod pages;
mod past;
mod provider;
mod roles;
mod stage;
