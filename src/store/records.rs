//! The records of exchanges, as they are written: chained, in batches, once.
//!
//! Owns their places among all others and in their chains. It must never change a record once it is stored.

mod append;
mod audited;
mod chains;
mod findings;
mod insert;
mod legacy;
mod partitions;
mod row;
mod sums;
mod values;

pub use append::Appended;
pub(super) use append::lock_order;
pub use audited::Audited;
pub(super) use partitions::{POSITION_BITS, Partitions};
pub(super) use row::RecordRow;
pub(super) use sums::{COUNTS, HOUR_MS, MINUTE_MS, NAMES};

#[cfg(test)]
pub(super) use append::tests::verify;
#[cfg(test)]
mod tests;
