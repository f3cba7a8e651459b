//! Bytes that are allocated on the disk and promised to nobody.
//!
//! Owns the count. It must never go below zero: what is promised is there.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(super) struct Free(AtomicU64);

impl Free {
    /// Takes bytes if at least `leave` remain.
    pub(super) fn take(&self, bytes: u64, leave: u64) -> bool {
        let less = |free: u64| free.checked_sub(bytes).filter(|rest| *rest >= leave);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok()
    }

    pub(super) fn give(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}
