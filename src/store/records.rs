//! The records of exchanges, as they are written: chained, in batches, once.
//!
//! Owns their places among all others and in their chains. It must never change a record once it is stored.

mod append;
mod chains;
mod findings;
mod insert;
mod legacy;
mod partitions;
mod row;
mod sums;

pub use append::Appended;
pub(super) use partitions::{POSITION_BITS, Partitions};
pub(super) use row::RecordRow;

use super::{Store, StoreError};
use crate::types::{Record, UnixMillis};
use std::sync::Arc;

impl Store {
    /// Appends records in one transaction. Records that are stored already are left alone, so that
    /// a batch whose fate is unknown can be given again.
    pub fn insert_records(&self, batch: &[Arc<Record>]) -> Result<(), StoreError> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.ok().and_then(|now| i64::try_from(now.as_millis()).ok()).unwrap_or_default();
        self.append_records(&mut batch.to_vec(), true, UnixMillis(now))?;
        Ok(())
    }
}

#[cfg(test)]
pub(super) use append::tests::verify;
#[cfg(test)]
mod tests;
