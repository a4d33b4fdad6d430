//! A job: one piece of work that is measured in a process of its own, and what came of it.
//! The bench hands it over as JSON in an argument and gets the outcome as a line of JSON on standard output.

use crate::serve::Shape;
use crate::spent::Spent;
use crate::{join, judge, look, million, ours, past, reference};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is to be measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    /// The list, by the bare loop.
    Reference(Pull),
    /// The list, by the product.
    Ours(Pull),
    /// A whole company judged, from facts in memory.
    Whole { people: u64, links: Links },
    /// One changed person judged, through a store that holds everybody.
    One { people: u64 },
    /// A whole company judged, from the store.
    Stored { people: u64 },
    /// A whole company judged from its store, again and again.
    Million { people: u64 },
    /// A list as of a moment, behind so many changes of each record.
    Past { people: u64, changes: u64 },
    /// Parts of lists and look-ups, through a store that holds everybody.
    Pages { people: u64 },
    /// The two files in this folder joined and diffed.
    Join { folder: PathBuf, by: Joiner },
}

/// Who joins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Joiner {
    /// A bare hash join.
    Bare,
    /// The walk.
    Ours,
}

/// Whether links are pinned already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Links {
    /// None is: the first run.
    Fresh,
    /// All are: every later run.
    Pinned,
}

/// A list to be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pull {
    /// The base URL.
    pub url: String,
    /// How the list is cut.
    pub shape: Shape,
    /// Pages that the reference asks for at once; the product decides for itself.
    pub flights: usize,
    /// The permitted rate, as `tenure.toml` says it.
    pub limits: String,
    /// The store that several processes share, and by which name each of them knows the server; a new store for one alone.
    #[serde(default)]
    pub shared: Option<(String, String)>,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What it used up.
    pub spent: Spent,
    /// Accounts there are afterwards.
    pub accounts: u64,
    /// Different ones among them.
    pub distinct: u64,
    /// Whether everything was read.
    pub complete: bool,
    /// Why not.
    pub because: Option<String>,
    /// Requests that it counted itself.
    pub requests: u64,
    /// Further figures, by name.
    pub figures: std::collections::BTreeMap<String, f64>,
}

/// Does a job and prints its outcome.
pub fn run(job: Job) -> anyhow::Result<()> {
    let outcome = match job {
        Job::Reference(pull) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(reference::pull(&pull))?
        }
        Job::Ours(pull) => two_threads()?.block_on(ours::pull(&pull))?,
        Job::Whole { people, links } => two_threads()?.block_on(judge::whole(people, links))?,
        Job::One { people } => two_threads()?.block_on(judge::one(people))?,
        Job::Join { folder, by: Joiner::Bare } => join::bare(&folder)?,
        Job::Join { folder, by: Joiner::Ours } => two_threads()?.block_on(join::ours(&folder))?,
        Job::Past { people, changes } => two_threads()?.block_on(past::past(people, changes))?,
        Job::Pages { people } => two_threads()?.block_on(look::pages(people))?,
        Job::Million { people } => two_threads()?.block_on(million::million(people))?,
        Job::Stored { people } => two_threads()?.block_on(judge::stored(people))?,
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

/// Returns a runtime like the program's own.
fn two_threads() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}
