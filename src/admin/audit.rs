//! What administrators and auditors do with the record: export it, verify it, prove a single call.
//!
//! Owns how records and checkpoints come together, page by page and in constant memory. It must never decide whether a
//! chain is sound: that is the ledger's.

mod export;
mod moment;
mod own;
mod proof;
mod runs;
pub mod shown;
mod verify;

pub use export::{Export, ExportRequest};
pub use moment::{Moment, NoMoment};
pub use own::Own;
pub use proof::prove;
pub use runs::{Begun, Range, RunState, RunView, Runs};
pub use verify::{Trust, Verification, verify};

use crate::ledger::Checkpoint;
use crate::store::{Store, StoreError};

/// Checkpoints read at once.
const CHECKPOINTS: u32 = 1_000;

/// The checkpoints of a chain, or of all, behind `after`: none when there are no more.
fn checkpoints(
    store: &Store,
    node: Option<&str>,
    after: Option<&Checkpoint>,
) -> Result<Vec<Checkpoint>, StoreError> {
    let after = after.map(|last| (last.node.as_str(), last.seq, last.kind));
    store.checkpoints(node, after, CHECKPOINTS)
}

#[cfg(test)]
mod tests;
