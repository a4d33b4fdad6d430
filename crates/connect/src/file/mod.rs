//! A CSV file as a source of people: read in a stream, row by row, whatever wrote it.
//! The engine opens a file and takes accounts of kind `person` from it, then asks what was wrong with it.
//! One bad row makes the whole reading partial: its good rows count, the absence of somebody proves nothing.

mod folder;
mod download;
mod encoding;
mod header;
mod people;
mod person;
mod rows;
mod seen;
#[cfg(test)]
mod tests;

pub use download::{Download, Fetched, Validator};
pub use encoding::Encoding;
pub use folder::newest;
pub use header::meant;
pub use people::{FileError, FileReport, People, PeopleOptions, RowProblem};
