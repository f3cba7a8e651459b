//! The verification of what the database holds.
//!
//! Owns which keys are trusted and why, and what is fed to the verifier. What is wrong with a chain is the ledger's to
//! say.

use super::{super::AdminError, checkpoints};
use crate::ledger::{Checkpoint, Hash, PublicKey, Scope, TrustedKeys, Verdict, Verifier};
use crate::store::{ScanBatch, ScanRange, Store, StoreError, Unreadable};
use crate::types::{ExchangeId, UnixMillis};
use uuid::Uuid;

/// Whose checkpoints are believed.
#[derive(Debug, Default)]
pub struct Trust {
    /// Keys that this machine or whoever asks vouches for.
    pub known: Vec<PublicKey>,
    /// Keys of other gateways, with their names: only the database vouches for them.
    pub of_others: Vec<(String, PublicKey)>,
}

impl Trust {
    /// These keys, and those that the database has of gateways other than `node`. Of `node` itself nothing is taken from
    /// the database: who forges its record would put a key there.
    pub fn new(known: Vec<PublicKey>, store: &Store, node: &str) -> Result<Self, AdminError> {
        let mut of_others = Vec::new();
        for key in store.audit_keys()?.into_iter().filter(|key| key.node != node) {
            let Ok(public) = PublicKey::parse(&key.public_key) else { continue };
            if !known.contains(&public) {
                of_others.push((key.node, public));
            }
        }
        Ok(Self { known, of_others })
    }

    fn keys(&self) -> TrustedKeys {
        self.known.iter().chain(self.of_others.iter().map(|(_, key)| key)).copied().collect()
    }
}

/// Verifies all records, or those written within a time. `kept` are checkpoints that were held outside of the database.
/// Now and then `progress` is told how many records were read, and up to when they were written.
pub fn verify(
    store: &Store,
    range: (Option<UnixMillis>, Option<UnixMillis>),
    trust: &Trust,
    kept: Vec<Checkpoint>,
    progress: &mut dyn FnMut(u64, UnixMillis),
) -> Result<Verdict, AdminError> {
    let (from, to) = range;
    let scope = if from.is_some() || to.is_some() { Scope::Part } else { Scope::Whole };
    let mut verifier = Verifier::new(trust.keys(), kept, scope);
    add_checkpoints(store, &mut verifier)?;
    let mut range = ScanRange { from, to, ..ScanRange::default() };
    while let Some(batch) = store.scan_batch(&range)? {
        range.after = Some(batch.end);
        let at = batch.at;
        feed(&mut verifier, batch);
        progress(verifier.records(), at);
    }
    Ok(verifier.finish())
}

/// Gives the verifier a batch. What cannot be read comes in its place of the chain, as far as it still says which.
fn feed(verifier: &mut Verifier, batch: ScanBatch) {
    let mut unreadable = batch.unreadable;
    for record in &batch.records {
        if !unreadable.is_empty() {
            let seq = record.seq.unwrap_or_default();
            unreadable.retain(|row| {
                let is_before = row.node == *record.node && row.seq < seq;
                if is_before {
                    feed_unreadable(verifier, row);
                }
                !is_before
            });
        }
        verifier.feed(record);
    }
    unreadable.iter().for_each(|row| feed_unreadable(verifier, row));
}

fn feed_unreadable(verifier: &mut Verifier, row: &Unreadable) {
    let id = Uuid::try_parse(&row.id).ok().map(ExchangeId);
    verifier.feed_unreadable(&row.node, row.seq, id, Hash::ZERO, Hash::ZERO);
}

fn add_checkpoints(store: &Store, verifier: &mut Verifier) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = checkpoints(store, None, after.as_ref())?;
        page.iter().for_each(|checkpoint| verifier.add_checkpoint(checkpoint));
        after = page.into_iter().next_back();
        if after.is_none() {
            return Ok(());
        }
    }
}
