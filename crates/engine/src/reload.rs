//! The wish that this process reads its files anew, for whoever changed one: a page asks, the daemon reads, and the page is
//! told what came of it. Who sends a hang-up instead asks the same.
//! It reads nothing itself.

use async_recursion::async_recursion as boxed;
use std::time::Duration;
use tokio::sync::watch;

/// How long whoever asks waits.
const WAIT: Duration = Duration::from_secs(30);

#[derive(Debug, Default, Clone)]
struct Wishes {
    asked: u64,
    ended: u64,
    failed: Option<String>,
}

/// The wish. Clones share it.
#[derive(Clone, Debug)]
pub struct Reload(watch::Sender<Wishes>);

impl Default for Reload {
    fn default() -> Self {
        Self(watch::Sender::new(Wishes::default()))
    }
}

impl Reload {
    /// Asks for it, and waits for what comes of it.
    ///
    /// # Errors
    /// The files are wrong, or nobody reads them within half a minute; in words.
    #[boxed]
    pub async fn ask(&self) -> Result<(), String> {
        let mut heard = self.0.subscribe();
        let mut mine = 0;
        self.0.send_modify(|wishes| {
            wishes.asked += 1;
            mine = wishes.asked;
        });
        let ended = tokio::time::timeout(WAIT, heard.wait_for(|wishes| wishes.ended >= mine)).await;
        match ended {
            Ok(Ok(wishes)) => wishes.failed.clone().map_or(Ok(()), Err),
            _ => Err("the daemon has not read its files yet".into()),
        }
    }

    /// Waits until somebody asks.
    #[boxed]
    pub async fn asked(&self) {
        // The sender is here, so that the wait ends with a wish only.
        let _ = self.0.subscribe().wait_for(|wishes| wishes.asked > wishes.ended).await;
    }

    /// Tells whoever asked what came of it.
    pub fn end(&self, failed: Option<String>) {
        self.0.send_modify(|wishes| {
            wishes.ended = wishes.asked;
            wishes.failed = failed;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_asks_is_told_what_came_of_it() {
        let reload = Reload::default();
        let daemon = reload.clone();
        tokio::spawn(async move {
            for failed in [None, Some("line 3".to_owned())] {
                daemon.asked().await;
                daemon.end(failed);
            }
        });
        assert_eq!(reload.ask().await, Ok(()));
        assert_eq!(reload.ask().await, Err("line 3".into()));
    }
}
