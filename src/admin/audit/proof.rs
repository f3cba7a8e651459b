//! The proof of one call, for whoever holds its receipt.
//!
//! Owns what a proof is made of. It must never tell a wrong receipt from an unknown call.

use super::super::AdminError;
use crate::ledger::{Checkpoint, Proof, receipt_hash, record_hash};
use crate::store::{ScanRange, Store, StoreError};
use crate::types::{ExchangeId, Record};
use subtle::ConstantTimeEq;

/// The hash of no receipt: an unknown call is compared too.
const NO_RECEIPT: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The proof of a call, or `None` when there is no such call or the receipt is not its own. It reaches at most `most`
/// records further: when no checkpoint stands there yet, its place is empty.
pub fn prove(
    store: &Store,
    id: ExchangeId,
    receipt: &str,
    most: u64,
) -> Result<Option<Proof>, AdminError> {
    let record = store.record(id)?;
    let expected = record.as_ref().and_then(|record| record.receipt_hash.as_deref());
    let presented = receipt_hash(receipt);
    let fits = presented.as_bytes().ct_eq(expected.unwrap_or(NO_RECEIPT).as_bytes());
    let Some(record) = record.filter(|_| bool::from(fits)) else { return Ok(None) };
    let Some((following, checkpoint)) = path(store, &record, most)? else {
        return Ok(Some(Proof {
            record,
            following: Vec::new(),
            checkpoint: None,
            public_key: None,
        }));
    };
    let public_key = public_key(store, &checkpoint)?;
    Ok(Some(Proof { record, following, checkpoint: Some(checkpoint), public_key }))
}

/// The hashes from a record to the next checkpoint of its chain, and that checkpoint.
fn path(
    store: &Store,
    record: &Record,
    most: u64,
) -> Result<Option<(Vec<String>, Checkpoint)>, StoreError> {
    let Some(seq) = record.seq else { return Ok(None) };
    let Some(checkpoint) = store.checkpoint_from(&record.node, seq)? else { return Ok(None) };
    let steps = u64::try_from(checkpoint.seq.saturating_sub(seq)).unwrap_or(u64::MAX);
    if steps > most {
        return Ok(None);
    }
    let hashes = following(store, record, steps)?;
    Ok(hashes.map(|hashes| (hashes, checkpoint)))
}

/// The hashes of so many records that follow in the chain; `None` when they are not there.
fn following(
    store: &Store,
    record: &Record,
    steps: u64,
) -> Result<Option<Vec<String>>, StoreError> {
    let wanted = usize::try_from(steps).unwrap_or(usize::MAX);
    let node = Some(record.node.to_string());
    let mut range = ScanRange { after: store.place(record.id)?, node, ..ScanRange::default() };
    let mut hashes = Vec::new();
    while hashes.len() < wanted {
        let Some(batch) = store.scan_batch(&range)? else { return Ok(None) };
        range.after = Some(batch.end);
        let missing = wanted.saturating_sub(hashes.len());
        hashes.extend(batch.records.iter().take(missing).map(|next| record_hash(next).to_string()));
    }
    Ok(Some(hashes))
}

fn public_key(store: &Store, checkpoint: &Checkpoint) -> Result<Option<String>, StoreError> {
    let keys = store.audit_keys()?;
    let signing = keys.into_iter().find(|key| key.key_id == checkpoint.key_id);
    Ok(signing.map(|key| key.public_key))
}
