//! What the record starts from: the journal that an earlier process left, the key that signs, where the chains stand.
//!
//! Owns the order: what began and did not end is ended before anything is served, and a database that knows less than
//! the checkpoints' file is noticed. It must never remove what the store does not have.

use super::AppError;
use crate::actors::audit::{Desk, Notary};
use crate::bus::audit::Gauge;
use crate::config::Config;
use crate::journal::{Journal, JournalSettings};
use crate::ledger::{Head, TrustedKeys};
use crate::store::{CheckpointFile, Store, audit_signer};
use crate::types::{Outcome, Record, Scan, ScanExtent, UsageSource};
use std::{borrow::Cow, collections::HashMap};

/// The journal, and what its keeper works with.
pub(super) struct OpenRecord {
    pub(super) journal: Journal,
    pub(super) gauge: Gauge,
    pub(super) desk: Desk,
}

/// Opens the journal, ends what an earlier process began, and makes our public key known.
pub(super) fn open(config: &Config, store: &Store) -> Result<OpenRecord, AppError> {
    let audit = &config.audit;
    let data_dir = &config.data_dir;
    let signer =
        audit_signer(audit.signing_key_file.as_deref(), data_dir).map_err(AppError::AuditKey)?;
    let public_key = signer.public_key();
    let node = config.server.node.as_str();
    store.register_audit_key(
        &public_key.key_id(),
        &public_key.to_string(),
        node,
        crate::clock::now(),
    )?;
    warn_of_lost_keys(store, node, &public_key.key_id())?;
    let file = CheckpointFile::of(audit.checkpoint_file.as_deref(), data_dir);
    let keys = TrustedKeys::from_iter([public_key]);
    file.check().map_err(AppError::Checkpoints)?;
    let heads = restore_heads(store, &keys, &file)?;
    let settings = JournalSettings {
        dir: audit.journal_dir.clone().unwrap_or_else(|| data_dir.join("journal")),
        segment_bytes: audit.segment_bytes,
        most_bytes: audit.journal_bytes,
        durability: audit.durability,
    };
    let mut interrupted = 0;
    let journal = Journal::open(settings, |record| {
        interrupted += 1;
        interrupt(record);
    })?;
    if interrupted > 0 {
        tracing::warn!(
            interrupted,
            "an earlier process ended before these exchanges did; they are recorded so"
        );
    }
    let gauge = Gauge::new(journal.clone());
    let notary = Notary::new(signer, file, node.into(), gauge.clone(), audit);
    if let Some(Known { head, signed_seq }) = heads.get(node) {
        notary.go_on_from(node, *head, *signed_seq);
    }
    let desk = Desk::new(store.clone(), journal.clone(), audit.clone(), notary, gauge.clone());
    Ok(OpenRecord { journal, gauge, desk })
}

/// Whoever verifies needs the keys that signed before.
fn warn_of_lost_keys(store: &Store, node: &str, key_id: &str) -> Result<(), AppError> {
    let keys = store.audit_keys()?;
    for old in keys.iter().filter(|key| key.node == node && key.key_id != key_id) {
        tracing::warn!(
            key_id = old.key_id,
            public_key = old.public_key,
            "this gateway signed checkpoints with another key before: `audit verify` needs it as --public-key"
        );
    }
    Ok(())
}

/// How an exchange ended that an earlier process began.
fn interrupt(record: &mut Record) {
    record.outcome = Some(Outcome::Interrupted);
    record.scan = Scan {
        extent: ScanExtent::None,
        reason: Some(Cow::Borrowed("the gate ended before the exchange did")),
    };
    if record.stream == Some(true) && record.usage_source.is_none() {
        record.usage_source = Some(UsageSource::Partial);
    }
}

/// A chain as an earlier process left it.
struct Known {
    head: Head,
    /// The last place that the file has a checkpoint for.
    signed_seq: i64,
}

/// A database that was restored from a backup lacks what the file has checkpoints for. The chain goes on behind the last
/// of them, so that what is missing shows as missing, and nothing is signed twice.
fn restore_heads(
    store: &Store,
    keys: &TrustedKeys,
    file: &CheckpointFile,
) -> Result<HashMap<String, Known>, AppError> {
    let stored = store.chain_heads()?.into_iter();
    let mut known: HashMap<_, _> =
        stored.map(|(node, head)| (node, Known { head, signed_seq: 0 })).collect();
    let mut lacking = HashMap::new();
    file.each(|checkpoint| {
        let entry = known.entry(checkpoint.node.clone());
        let chain = entry.or_insert(Known { head: Head::GENESIS, signed_seq: 0 });
        // A signature takes far longer to check than a line to read, and what the database has needs none.
        let is_ahead = checkpoint.seq > chain.head.seq;
        if is_ahead
            && let Some(head) = checkpoint.head().filter(|_| keys.check(&checkpoint).is_ok())
        {
            lacking.entry(checkpoint.node).or_insert(chain.head.seq + 1);
            chain.head = head;
        }
        chain.signed_seq = chain.signed_seq.max(checkpoint.seq.min(chain.head.seq));
    })
    .map_err(AppError::Checkpoints)?;
    for (node, missing_from) in lacking {
        let Some(Known { head, .. }) = known.get(&node) else { continue };
        tracing::error!(
            node,
            missing_from,
            missing_to = head.seq,
            "the database lacks records that a checkpoint was signed for: was it restored from a backup? \
             `portcullis audit verify` shows them as missing"
        );
        store.restore_head(&node, *head)?;
    }
    Ok(known)
}
