//! Chance, handed out from one place: bytes that nobody can guess, for tokens, keys and seals.
//! Tests hand in bytes of their own. What the bytes are for is not known here.

use crate::error::EngineError;
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;

type Fill = dyn Fn(&mut [u8]) -> bool + Send + Sync;

/// Gives bytes that nobody can guess.
#[derive(Clone)]
pub struct Chance(Arc<Fill>);

impl Chance {
    /// Returns the chance of this machine.
    pub fn system() -> Self {
        let random = SystemRandom::new();
        Self(Arc::new(move |bytes| random.fill(bytes).is_ok()))
    }

    /// Returns a chance that gives what `fill` writes; it tells whether it could.
    pub fn giving(fill: impl Fn(&mut [u8]) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// Returns so many bytes.
    ///
    /// # Errors
    /// The machine gives none.
    pub fn bytes<const COUNT: usize>(&self) -> Result<[u8; COUNT], EngineError> {
        let mut bytes = [0; COUNT];
        match (self.0)(&mut bytes) {
            true => Ok(bytes),
            false => Err(EngineError::Broken("the machine gives no random bytes".into())),
        }
    }
}

impl std::fmt::Debug for Chance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chance")
    }
}
