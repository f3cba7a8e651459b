//! Stopping without cutting anybody off.
//!
//! Owns the count of exchanges under way and whether the gate is stopping. It must never end an exchange
//! itself: it only says when all have ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Shared by everything that serves.
#[derive(Clone, Debug, Default)]
pub struct Drain(Arc<State>);

#[derive(Debug, Default)]
struct State {
    stopping: AtomicBool,
    under_way: AtomicUsize,
}

/// One exchange under way, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Drain);

impl Drain {
    /// From now on new calls are refused.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the gate is stopping.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }

    /// Ends when no exchange is under way.
    pub async fn drained(&self) {
        while self.0.under_way.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(super) fn enter(&self) -> UnderWay {
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }
}

impl UnderWay {
    pub(super) fn is_stopping(&self) -> bool {
        self.0.is_stopping()
    }
}

/// The exchange is under way until both are dropped.
impl Clone for UnderWay {
    fn clone(&self) -> Self {
        self.0.enter()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.under_way.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn draining_waits_for_the_last_exchange() {
        let drain = Drain::default();
        let last = drain.enter();
        drain.stop();
        assert!(last.is_stopping());
        let waiting = tokio::time::timeout(LOOK_EVERY * 3, drain.drained()).await;
        assert!(waiting.is_err());
        drop(last);
        tokio::time::timeout(LOOK_EVERY * 3, drain.drained()).await.unwrap();
    }
}
