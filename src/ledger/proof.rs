//! Proofs: what shows a caller that its call is in the record, as it was.
//!
//! Owns the steps from a receipt to a signed checkpoint. The records in between must never be shown: their hashes are
//! enough.

use super::{Checkpoint, Hash, TrustedKeys, parse_hash, record_hash};
use crate::types::Record;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// That a record is in its node's chain, and who says so.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Proof {
    /// The record.
    pub record: Record,
    /// The `record_hash` of each record that follows, up to the checkpoint's; hexadecimal.
    pub following: Vec<String>,
    /// The next checkpoint; null until one is signed.
    pub checkpoint: Option<Checkpoint>,
    /// The key that signed it, base64. To be compared with one that is known: a proof does not vouch for its own key.
    pub public_key: Option<String>,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// The receipt is that of another call.
    #[error("the receipt does not belong to this record")]
    WrongReceipt,
    /// The record is not in a chain.
    #[error("the record has no place in a chain")]
    Unchained,
    /// The content does not fit the hash.
    #[error("the record was altered: its content does not fit its hash")]
    Altered,
    /// Nobody has signed yet.
    #[error(
        "no checkpoint has been signed since; fetch the proof anew in about a minute (audit.checkpoint_every_secs)"
    )]
    NotSigned,
    /// The hashes do not lead from the record to the checkpoint.
    #[error("the record does not lead to the checkpoint")]
    NotCovered,
    /// The checkpoint is not to be believed.
    #[error(transparent)]
    NotTrusted(#[from] super::LedgerError),
}

impl Proof {
    /// Whether the record is the receipt's, unaltered, and covered by a checkpoint of a trusted key.
    pub fn verify(&self, keys: &TrustedKeys, receipt: Option<&str>) -> Result<(), ProofError> {
        let record = &self.record;
        let is_receipts = |receipt| record.receipt_hash.as_deref() == Some(&receipt_hash(receipt));
        if !receipt.is_none_or(is_receipts) {
            return Err(ProofError::WrongReceipt);
        }
        let hash = |text: &Option<Box<str>>| text.as_deref().and_then(parse_hash);
        let place = (record.seq, hash(&record.previous_hash), hash(&record.event_hash));
        let (Some(seq), Some(previous), Some(event_hash)) = place else {
            return Err(ProofError::Unchained);
        };
        if previous.followed_by(record_hash(record)) != event_hash {
            return Err(ProofError::Altered);
        }
        let checkpoint = self.checkpoint.as_ref().ok_or(ProofError::NotSigned)?;
        let head = keys.head(checkpoint)?;
        let steps = i64::try_from(self.following.len()).ok();
        let leads_there = checkpoint.node == *record.node
            && steps.and_then(|steps| seq.checked_add(steps)) == Some(head.seq)
            && self.reached_from(event_hash) == Some(head.event_hash);
        if leads_there { Ok(()) } else { Err(ProofError::NotCovered) }
    }

    fn reached_from(&self, event_hash: Hash) -> Option<Hash> {
        let mut following = self.following.iter().map(|hash| parse_hash(hash));
        following.try_fold(event_hash, |before, hash| Some(before.followed_by(hash?)))
    }
}

/// What the record holds of a receipt: SHA-256 of its text, hexadecimal.
pub fn receipt_hash(receipt: &str) -> String {
    Hash::of(receipt.as_bytes()).to_string()
}
