//! The API over real HTTP: a house with a real store, the sandbox behind it, a worker beside it, and a client that sees
//! nothing but bytes. What the command line shows of the same is compared where the whole program runs.

mod client;
mod stage;
mod doors;
mod events;
mod reads;
mod described;
mod fuzzed;
mod hooks;
mod ssf;
mod writes;
