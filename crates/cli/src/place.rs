//! Where a command does its work: with the house that is opened here, or by a server that does the same.
//! Commands that a server does as well take a place; the others ask for the house in it.

use crate::arguments::Common;
use crate::exit::Mistake;
use crate::ground;
use crate::remote::Remote;
use tenure_engine::house::House;

/// Where a command does its work.
pub enum Place {
    /// Here.
    Here(Box<House>),
    /// There.
    There(Box<Remote>),
}

impl Place {
    /// Returns the place that the common arguments name.
    pub async fn of(common: &Common) -> anyhow::Result<Self> {
        Ok(match Remote::of(common)? {
            Some(remote) => Self::There(Box::new(remote)),
            None => Self::Here(Box::new(ground::open(common).await?)),
        })
    }

    /// Returns the house, for what is done beside the store only; `because` says why, after "it".
    ///
    /// # Errors
    /// A server is named.
    pub fn house(&self, because: &str) -> Result<&House, Mistake> {
        match self {
            Self::Here(house) => Ok(house),
            Self::There(_) => {
                Err(Mistake(format!("this is done beside the store only, without --server: it {because}")))
            }
        }
    }
}
