//! The ledger: what makes the record tamper-evident.
//!
//! Owns the canonical form of a record, the hash chain of a node, signed checkpoints, and the verification of all
//! three. Pure: it must never read a file, a clock or a database.
//!
//! `record_hash` = SHA-256 of the record's canonical form (RFC 8785) without `previous_hash` and `event_hash`;
//! `event_hash` = SHA-256(`previous_hash` ‖ `record_hash`), 32 bytes each; the first `previous_hash` of a node is zero.
//! So a link can be shown without showing the record that it stands for.
//!
//! | file | |
//! |---|---|
//! | `canonical` | the canonical form, and what a database can store |
//! | `keys` | who signs, and whom we trust |
//! | `checkpoint` | what is signed |
//! | `verifier`, `chain`, `span`, `verdict` | what is wrong with the records of a store or of an export |
//! | `export` | the lines of an export: how they are written, read and verified |
//! | `proof` | what shows a caller that its call is in the record |

mod canonical;
mod chain;
mod checkpoint;
mod export;
mod keys;
mod proof;
mod span;
mod verdict;
mod verifier;

pub use canonical::{canonical, write_known, write_record};
pub use checkpoint::{Checkpoint, CheckpointKind};
pub use export::{
    ExportEnd, ExportError, ExportHeader, ExportReader, ExportVerifier, ExportWriter, Line,
};
pub use keys::{LedgerError, PublicKey, Signer, TrustedKeys};
pub use proof::{Proof, ProofError, receipt_hash};
pub use span::{Begin, Span};
pub use verdict::{NodeVerdict, Problem, ProblemKind, Scope, Verdict};
pub use verifier::Verifier;

use crate::types::{Record, hex};
use sha2::{Digest, Sha256};
use std::fmt;

/// A SHA-256.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Before the first record of a chain.
    pub const ZERO: Self = Self([0; 32]);

    fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The `event_hash` of a record that follows on the one with this.
    fn followed_by(self, record_hash: Self) -> Self {
        let mut both = [0; 64];
        let (before, after) = both.split_at_mut(32);
        before.copy_from_slice(&self.0);
        after.copy_from_slice(&record_hash.0);
        Self::of(&both)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// The hash in 64 lower-case hexadecimal digits; `None` for any other text.
pub fn parse_hash(hex: &str) -> Option<Hash> {
    let digits: &[u8; 64] = hex.as_bytes().try_into().ok()?;
    let mut hash = [0; 32];
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(Hash(hash))
}

/// The hash of a record's content: of its canonical form.
pub fn record_hash(record: &Record) -> Hash {
    Hash::of(&canonical(record))
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
    ///
    /// What cannot be stored: NUL becomes U+FFFD; numbers beyond 2⁵³ − 1 become that (RFC 8785 knows no greater ones),
    /// moments outside of the years 1970 to 9999 the nearest within; a `receipt_hash` that is no hash becomes null.
    pub fn append(&mut self, record: &mut Record) {
        canonical::make_storable(record);
        self.seq = self.seq.saturating_add(1);
        record.seq = Some(self.seq);
        record.previous_hash = Some(hex(&self.event_hash.0).into());
        self.event_hash = self.event_hash.followed_by(record_hash(record));
        record.event_hash = Some(hex(&self.event_hash.0).into());
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
