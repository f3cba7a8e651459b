//! How much of what clients send may be held in memory at once, over all calls.
//!
//! Owns one number. It must never wait: a body for which there is no room is refused.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The bytes that may be held, shared by all workers.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    held: AtomicUsize,
    limit: usize,
}

/// Bytes held for one call, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    account: Arc<Account>,
    bytes: usize,
}

impl Budget {
    /// Room for this many bytes.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Account { held: AtomicUsize::new(0), limit }))
    }

    /// Nothing held yet.
    pub(super) fn open(&self) -> Held {
        Held { account: Arc::clone(&self.0), bytes: 0 }
    }
}

impl Held {
    /// How many bytes more could be held now.
    pub(super) fn room(&self) -> usize {
        self.account.limit.saturating_sub(self.account.held.load(Ordering::Relaxed))
    }

    /// Whether there is room for this many bytes more; if so, they are held.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let before = self.account.held.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.account.limit {
            self.account.held.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.account.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_by_one_call_is_missing_to_the_next_until_it_ends() {
        let budget = Budget::new(10);
        let (mut first, mut second) = (budget.open(), budget.open());
        assert!(first.take(4) && first.take(4));
        assert!(!second.take(3), "only two are left");
        assert!(second.take(2));
        drop(first);
        assert!(second.take(8));
    }
}
