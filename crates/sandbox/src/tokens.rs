//! The tokens that a client gets for its id and secret, each for a while. The desk issues them and the door of the SCIM
//! surface asks whose right one carries. They are made up and guard nothing.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::credentials::Right;
use crate::paging::digest;

const LIFE_DEFAULT: Duration = Duration::from_secs(3_600);

pub(crate) struct Tokens {
    issued: HashMap<String, (Right, Instant)>,
    pub life: Duration,
    serial: u64,
}

impl Default for Tokens {
    fn default() -> Self {
        Tokens { issued: HashMap::new(), life: LIFE_DEFAULT, serial: 0 }
    }
}

impl Tokens {
    /// Returns a new token and how many seconds it lasts.
    pub fn issue(&mut self, right: Right, now: Instant) -> (String, u64) {
        self.serial += 1;
        let token = format!("sandbox-access-token-{:016x}", digest(&("token", self.serial)));
        self.issued.insert(token.clone(), (right, now + self.life));
        (token, self.life.as_secs())
    }

    /// Returns what the holder of a token may do; nothing when it is unknown or over.
    pub fn right(&self, token: &str, now: Instant) -> Option<Right> {
        self.issued.get(token).filter(|(_, until)| now < *until).map(|(right, _)| *right)
    }

    /// Ends all tokens before their time.
    pub fn revoke(&mut self) {
        self.issued.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lasts_as_long_as_it_says() {
        let mut tokens = Tokens { life: Duration::from_secs(5), ..Tokens::default() };
        let now = Instant::now();
        let (token, seconds) = tokens.issue(Right::Write, now);
        assert_eq!((seconds, tokens.right(&token, now + Duration::from_secs(4))), (5, Some(Right::Write)));
        assert_eq!(tokens.right(&token, now + Duration::from_secs(5)), None);
        let (other, _) = tokens.issue(Right::Read, now);
        assert_eq!(tokens.right(&other, now), Some(Right::Read));
        tokens.revoke();
        assert_eq!(tokens.right(&other, now), None);
    }
}
