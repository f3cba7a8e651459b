//! The ledger: what makes the record tamper-evident.
//!
//! Owns the canonical form of a record, the hash chain of a node, signed checkpoints, and the verification of all
//! three. Pure: it must never read a file, a clock or a database.
//!
//! `record_hash` = SHA-256 of the record's canonical form (RFC 8785) without `previous_hash` and `event_hash`;
//! `event_hash` = SHA-256(`previous_hash` ‖ `record_hash`), 32 bytes each; the first `previous_hash` of a node is zero.
//! So a link can be shown without showing the record that it stands for.

use crate::types::{Record, UnixMillis, text_enum};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Before the first record of a chain.
    pub const ZERO: Self = Self([0; 32]);
}

/// Where a chain ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// The last record's place; 0 before the first.
    pub seq: i64,
    /// Its `event_hash`.
    pub event_hash: Hash,
}

impl Head {
    /// Before the first record.
    pub const GENESIS: Self = Self { seq: 0, event_hash: Hash::ZERO };

    /// Makes the record the next of the chain: brings it into the form in which it can be stored, gives it its `seq` and
    /// hashes, and moves on to it.
    pub fn append(&mut self, record: &mut Record) {
        self.seq += 1;
        record.seq = Some(self.seq);
        let canonical = canonical(record);
        let mut link = Sha256::new();
        link.update(self.event_hash.0);
        link.update(Sha256::digest(&canonical));
        let event_hash = Hash(link.finalize().into());
        record.previous_hash = Some(hex(&self.event_hash).into());
        record.event_hash = Some(hex(&event_hash).into());
        self.event_hash = event_hash;
    }
}

/// The canonical form (RFC 8785) of a record without `previous_hash` and `event_hash`.
pub fn canonical(record: &Record) -> Vec<u8> {
    let mut value = serde_json::to_value(record).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("previous_hash");
        fields.remove("event_hash");
    }
    serde_json::to_vec(&value).unwrap_or_default()
}

fn hex(hash: &Hash) -> String {
    use std::fmt::Write;
    hash.0.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

text_enum! {
    /// Why a checkpoint was signed.
    CheckpointKind {
        /// Now and then.
        Regular = "regular",
        /// What stands up to here was removed when its time was over.
        Retention = "retention",
    }
}

/// A signed statement: at this moment, this node's chain ended so.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Whose chain.
    pub node: String,
    /// The last record's place.
    pub seq: i64,
    /// Its hash, hexadecimal.
    pub event_hash: String,
    /// Why.
    pub kind: CheckpointKind,
    /// When.
    pub signed_at: UnixMillis,
    /// The key that signs it.
    pub key_id: String,
    /// Ed25519 over the canonical form of all fields above, base64.
    pub signature: String,
}
