//! Signing where the chains stand.
//!
//! Owns what was signed last, and that each checkpoint stands in the database and in the file outside of it. It must
//! never sign for a record that is not committed.

use crate::bus::audit::Gauge;
use crate::config::Audit;
use crate::ledger::{Checkpoint, CheckpointKind, Head, PublicKey, Signer, TrustedKeys};
use crate::store::{CheckpointFile, Store, StoreError};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Signs for the chains that this process writes.
pub struct Notary {
    signer: Signer,
    file: CheckpointFile,
    /// Whose checkpoints the gauge shows.
    node: Arc<str>,
    gauge: Gauge,
    after_records: i64,
    after: Duration,
    chains: Mutex<HashMap<String, Chain>>,
    /// Signed, and not in the file yet.
    unwritten: Mutex<Vec<Checkpoint>>,
}

/// A chain that was written to.
struct Chain {
    head: Head,
    signed_seq: i64,
    /// When the first record was written that is not signed for.
    since: Instant,
}

impl Notary {
    /// A notary who has signed for nothing yet.
    pub fn new(
        signer: Signer,
        file: CheckpointFile,
        node: Arc<str>,
        gauge: Gauge,
        settings: &Audit,
    ) -> Self {
        Self {
            signer,
            file,
            node,
            gauge,
            after_records: i64::try_from(settings.checkpoint_records).unwrap_or(i64::MAX),
            after: Duration::from_secs(settings.checkpoint_every_secs),
            chains: Mutex::new(HashMap::new()),
            unwritten: Mutex::new(Vec::new()),
        }
    }

    /// A chain that an earlier process wrote, and up to where it had signed.
    pub fn go_on_from(&self, node: &str, head: Head, signed_seq: i64) {
        let chain = Chain { head, signed_seq, since: Instant::now() };
        self.chains().insert(node.to_owned(), chain);
    }

    /// Nobody panics while holding the lock.
    fn chains(&self) -> MutexGuard<'_, HashMap<String, Chain>> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These chains end there now, committed.
    pub(super) fn note(&self, heads: Vec<(String, Head)>) {
        let mut chains = self.chains();
        for (node, head) in heads {
            let chain = chains.entry(node).or_insert_with(|| Chain {
                head,
                signed_seq: 0,
                since: Instant::now(),
            });
            if chain.signed_seq == chain.head.seq {
                chain.since = Instant::now();
            }
            chain.head = head;
        }
    }

    /// Whether a chain waits for its checkpoint.
    pub(super) fn is_due(&self, all: bool) -> bool {
        self.chains().values().any(|chain| self.chain_is_due(chain, all))
    }

    fn chain_is_due(&self, chain: &Chain, all: bool) -> bool {
        let unsigned = chain.head.seq - chain.signed_seq;
        unsigned > 0
            && (all || unsigned >= self.after_records || chain.since.elapsed() >= self.after)
    }

    /// Signs for what is due.
    pub(super) fn sign_due(&self, store: &Store, all: bool) -> Result<(), StoreError> {
        let due: Vec<_> = {
            let chains = self.chains();
            let due = chains.iter().filter(|(_, chain)| self.chain_is_due(chain, all));
            due.map(|(node, chain)| (node.clone(), chain.head)).collect()
        };
        for (node, head) in due {
            let checkpoint = self.sign(&node, head, CheckpointKind::Regular);
            store.insert_checkpoint(&checkpoint)?;
            if *node == *self.node {
                self.gauge.note_checkpoint(&checkpoint);
            }
            if let Some(chain) = self.chains().get_mut(&node) {
                (chain.signed_seq, chain.since) = (head.seq, Instant::now());
            }
        }
        Ok(())
    }

    /// The gateway whose notary this is.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// The keys whose checkpoints are believed: our own, and those that the database has of other gateways.
    pub(super) fn trusted(&self, store: &Store) -> Result<TrustedKeys, StoreError> {
        let mut trusted = TrustedKeys::from_iter([self.signer.public_key()]);
        for key in store.audit_keys()?.iter().filter(|key| *key.node != *self.node) {
            if let Ok(public) = PublicKey::parse(&key.public_key) {
                trusted.trust_for(public, &key.node);
            }
        }
        Ok(trusted)
    }

    /// Signs, and writes it down outside of the database: at once, or as soon as that file can be written again.
    pub(super) fn sign(&self, node: &str, head: Head, kind: CheckpointKind) -> Checkpoint {
        let checkpoint = self.signer.sign(node, head, kind, crate::clock::now());
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten.push(checkpoint.clone());
        let written = unwritten.iter().take_while(|it| self.is_written(it)).count();
        unwritten.drain(..written);
        self.gauge.note_checkpoint_file(!unwritten.is_empty());
        checkpoint
    }

    fn is_written(&self, checkpoint: &Checkpoint) -> bool {
        let appended = self.file.append(checkpoint);
        if let Err(error) = &appended {
            tracing::error!(%error, "a checkpoint could not be written to its file and is tried again");
        }
        appended.is_ok()
    }
}
