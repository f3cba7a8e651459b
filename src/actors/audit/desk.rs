//! What the keepers of the record share, one after the other.
//!
//! Owns whose turn it is. It must never let two of them write at the same time.

use super::Notary;
use crate::bus::audit::Gauge;
use crate::config::Audit;
use crate::journal::Journal;
use crate::store::Store;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64};

/// What every keeper of the record works with, also the one that succeeds it.
#[derive(Clone)]
pub struct Desk {
    pub(super) store: Store,
    pub(super) journal: Journal,
    pub(super) settings: Audit,
    pub(super) notary: Arc<Notary>,
    pub(super) gauge: Gauge,
    /// The keeper whose turn it is.
    pub(super) keeper: Arc<AtomicU64>,
    /// Held while a batch is written: the job of a keeper that died can outlive it.
    pen: Arc<Mutex<()>>,
}

impl Desk {
    /// The store may have, or lack, anything that stands in the journal.
    pub fn new(
        store: Store,
        journal: Journal,
        settings: Audit,
        notary: Notary,
        gauge: Gauge,
    ) -> Self {
        Self {
            store,
            journal,
            settings,
            notary: Arc::new(notary),
            gauge,
            keeper: Arc::default(),
            pen: Arc::default(),
        }
    }

    /// Records that the store does not have.
    pub(super) fn unsettled(&self) -> u64 {
        self.journal.status().unsettled
    }

    /// What a panic under this lock leaves half done is given to the store again.
    pub(super) fn pen(&self) -> MutexGuard<'_, ()> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
