//! Checkpoints: signed statements of where a chain was.
//!
//! Owns their fields, the message that is signed and their one JSON form. It must never sign or trust by itself: that
//! is for the keys.

use super::{Head, parse_hash};
use crate::types::{UnixMillis, text_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
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

impl Checkpoint {
    /// Reads what [`to_json`](Self::to_json) wrote, byte for byte; `None` for anything else.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let checkpoint: Self = serde_json::from_slice(json).ok()?;
        (checkpoint.to_json().as_bytes() == json).then_some(checkpoint)
    }

    /// As one line of JSON, for the database, the file and an export.
    pub fn to_json(&self) -> String {
        // Texts and numbers only: this has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Where the chain was; `None` when the hash is none.
    pub fn head(&self) -> Option<Head> {
        Some(Head { seq: self.seq, event_hash: parse_hash(&self.event_hash)? })
    }

    /// What is signed.
    pub(super) fn message(&self) -> Vec<u8> {
        // In sorted order, which makes it canonical.
        #[derive(Serialize)]
        struct Message<'c> {
            event_hash: &'c str,
            key_id: &'c str,
            kind: CheckpointKind,
            node: &'c str,
            seq: i64,
            signed_at: UnixMillis,
        }
        let Self { node, seq, event_hash, kind, signed_at, key_id, signature: _ } = self;
        let (seq, kind, signed_at) = (*seq, *kind, *signed_at);
        serde_json::to_vec(&Message { event_hash, key_id, kind, node, seq, signed_at })
            .unwrap_or_default()
    }
}
