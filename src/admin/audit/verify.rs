//! The verification of what the database holds.
//!
//! Owns which keys are trusted and why, and what is fed to the verifier. What is wrong with a chain is the ledger's to
//! say.

use super::{super::AdminError, checkpoints};
use crate::ledger::{
    Begin, Checkpoint, CheckpointKind, Hash, ProblemKind, PublicKey, Scope, Span, TrustedKeys,
    Verdict, Verifier,
};
use crate::store::{ScanBatch, ScanRange, Store, StoreError, Unreadable};
use crate::types::{ExchangeId, UnixMillis};
use uuid::Uuid;

/// Retention may remove records under our eyes: so often we look again.
const ATTEMPTS: usize = 3;
/// So long after it was written a record can be signed for that follows on it.
const CLOCKS_SECS: i64 = 60;
/// After this time the first checkpoint of a chain is there.
const FIRST_SIGNED_SECS: i64 = 600;

/// Whose checkpoints are believed.
#[derive(Debug, Default)]
pub struct Trust {
    /// Keys that this machine or whoever asks vouches for: for every node.
    pub known: Vec<PublicKey>,
    /// Keys of other gateways, with their names: only the database vouches for them, and each signs for that name only.
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
        let mut keys: TrustedKeys = self.known.iter().copied().collect();
        self.of_others.iter().for_each(|(node, key)| keys.trust_for(*key, node));
        keys
    }
}

/// Who is told how far it is, and may end it.
pub(super) type Progress<'a> = &'a mut dyn FnMut(u64, UnixMillis) -> Result<(), AdminError>;

/// What is to be verified, and with what.
pub struct Verification<'a> {
    /// All records, or those written within a time.
    pub range: (Option<UnixMillis>, Option<UnixMillis>),
    /// Checkpoints that were held outside of the database.
    pub kept: Vec<Checkpoint>,
    /// The gateway whose file of checkpoints is not there, though it has a key that signs them.
    pub lost_file_of: Option<String>,
    store: &'a Store,
    trust: &'a Trust,
    now: UnixMillis,
}

/// The verification of all records with what the database has. Chains that are young now need no checkpoint yet.
pub const fn verify<'a>(store: &'a Store, trust: &'a Trust, now: UnixMillis) -> Verification<'a> {
    Verification { range: (None, None), kept: Vec::new(), lost_file_of: None, store, trust, now }
}

impl Verification<'_> {
    /// Verifies. Now and then `progress` is told how many records were read, and up to when they were written; its error
    /// ends the work.
    ///
    /// Of a time, more is read than its records: from the last checkpoints before it, to whatever was signed within it.
    pub fn run(&self, progress: Progress<'_>) -> Result<Verdict, AdminError> {
        self.run_with(|| (), progress)
    }

    /// The same; `between` runs in each pass, after the checkpoints and before the records were read.
    pub(super) fn run_with(
        &self,
        mut between: impl FnMut(),
        progress: Progress<'_>,
    ) -> Result<Verdict, AdminError> {
        let (from, _) = self.range;
        let mut is_from_start = from.is_none();
        for _ in 1..ATTEMPTS {
            let (verdict, removals) = self.look(is_from_start, &mut between, progress)?;
            let is_gap = |kind| {
                use ProblemKind::{BeginningMissing, Missing, Truncated};
                matches!(kind, BeginningMissing | Missing { .. } | Truncated { .. })
            };
            let has_gap = verdict.problems.iter().any(|problem| is_gap(problem.kind));
            // Retention may have gone on meanwhile; or a gateway may have signed nothing for long before the time began.
            let may_be_none = !is_from_start || removals != self.removals()?;
            if !has_gap || !may_be_none {
                return Ok(verdict);
            }
            is_from_start = true;
        }
        Ok(self.look(is_from_start, &mut between, progress)?.0)
    }

    /// One pass, and how often retention had removed something before it.
    fn look(
        &self,
        is_from_start: bool,
        between: &mut dyn FnMut(),
        progress: Progress<'_>,
    ) -> Result<(Verdict, usize), AdminError> {
        let (from, to) = self.range;
        let is_part = from.is_some() || to.is_some();
        let scope = if is_part { Scope::Part } else { Scope::Whole };
        let mut verifier = Verifier::new(self.trust.keys(), self.kept.clone(), scope);
        let begin = from.map_or(Begin::First, Begin::Signed);
        verifier.look_at(scope, Span { begin, to });
        if let Some(node) = &self.lost_file_of {
            verifier.note(node, None, ProblemKind::CheckpointsLost);
        }
        for (node, seq) in self.store.unreadable_checkpoints()? {
            verifier.note(&node, Some(seq), ProblemKind::CheckpointUnreadable);
        }
        let mut removals = 0;
        self.each_checkpoint(|checkpoint| {
            removals += usize::from(checkpoint.kind == CheckpointKind::Retention);
            verifier.add_checkpoint(checkpoint);
        })?;
        between();
        let start = from.filter(|_| !is_from_start);
        let start = start.map(|from| verifier.signed_before(from).plus_secs(-CLOCKS_SECS));
        self.scan(&mut verifier, start, progress)?;
        for (node, is_long) in verifier.never_signed() {
            if is_long || !self.is_young(&node)? {
                verifier.note(&node, None, ProblemKind::NeverSigned);
            }
        }
        Ok((verifier.finish(), removals))
    }

    fn scan(
        &self,
        verifier: &mut Verifier,
        start: Option<UnixMillis>,
        progress: Progress<'_>,
    ) -> Result<(), AdminError> {
        let (_, to) = self.range;
        let mut range = ScanRange { from: start, to, ..ScanRange::default() };
        loop {
            let Some(batch) = self.store.scan_batch(&range)? else {
                // The clocks of gateways differ: what was signed within the time may be written a little later.
                if range.to.is_none() || !verifier.is_cut() {
                    return Ok(());
                }
                range = ScanRange { from: range.to, to: None, ..range };
                continue;
            };
            range.after = Some(batch.end);
            let at = batch.at;
            feed(verifier, batch);
            progress(verifier.records(), at)?;
            if range.to.is_none() && to.is_some() && !verifier.is_cut() {
                return Ok(());
            }
        }
    }

    /// Whether the node wrote a moment ago, so that its first checkpoint may still come.
    fn is_young(&self, node: &str) -> Result<bool, StoreError> {
        let mut range = ScanRange {
            from: Some(self.now.plus_secs(-FIRST_SIGNED_SECS)),
            to: Some(self.now.plus_secs(FIRST_SIGNED_SECS)),
            node: Some(node.to_owned()),
            after: None,
        };
        while let Some(batch) = self.store.scan_batch(&range)? {
            if !batch.records.is_empty() {
                return Ok(true);
            }
            range.after = Some(batch.end);
        }
        Ok(false)
    }

    /// How often retention removed something.
    fn removals(&self) -> Result<usize, StoreError> {
        let mut removals = 0;
        self.each_checkpoint(|checkpoint| {
            removals += usize::from(checkpoint.kind == CheckpointKind::Retention);
        })?;
        Ok(removals)
    }

    fn each_checkpoint(&self, mut take: impl FnMut(&Checkpoint)) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = checkpoints(self.store, None, after.as_ref())?;
            page.iter().for_each(&mut take);
            after = page.into_iter().next_back();
            if after.is_none() {
                return Ok(());
            }
        }
    }
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
