//! The SCIM server as its clients meet it: over HTTP, in front of imitated apps, with a real store.

mod desk;
mod reads;
mod quirks;
mod sequences;
mod doors;
mod managers;
mod source;
mod oauth;
mod tester;
mod standing;
mod writes;
