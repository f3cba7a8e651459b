//! The chain of one node while it is verified.
//!
//! Owns what is remembered of it, which does not grow with its records, and the order in which a record is judged. It
//! must never believe what a record says of itself: only hashes, and checkpoints that were found good.

use super::{CheckpointKind, Hash, Head, NodeVerdict, ProblemKind, Scope};
use std::collections::BTreeMap;

/// What ties a record to its chain.
pub(super) struct Link {
    pub(super) seq: i64,
    pub(super) previous_hash: Hash,
    pub(super) event_hash: Hash,
    /// Whether `event_hash` is that of `previous_hash` and the content.
    pub(super) fits: bool,
}

#[derive(Default)]
pub(super) struct Chain {
    /// What trusted checkpoints say.
    signed: BTreeMap<i64, Hash>,
    /// Up to here records may be gone: their time was over.
    removed_to: i64,
    head: Option<Head>,
    first_seq: i64,
    records: u64,
    last_checkpoint: Option<i64>,
    /// Records since the last checkpoint, or since a gap.
    open: u64,
    /// Records before a gap that no checkpoint covered.
    unprotected: u64,
}

impl Chain {
    /// Remembers what a trusted checkpoint says; `Fork` when another says something else.
    pub(super) fn mark(&mut self, signed: Head, kind: CheckpointKind) -> Option<ProblemKind> {
        if kind == CheckpointKind::Retention {
            self.removed_to = self.removed_to.max(signed.seq);
        }
        let known = self.signed.entry(signed.seq).or_insert(signed.event_hash);
        (*known != signed.event_hash).then_some(ProblemKind::Fork)
    }

    /// Takes the next record and says what is wrong with it.
    pub(super) fn follow(&mut self, link: &Link, scope: Scope) -> Vec<ProblemKind> {
        let mut found = Vec::new();
        self.records += 1;
        if !link.fits {
            found.push(ProblemKind::Altered);
        }
        let Some(seq) = self.place(link) else { return found };
        match self.head {
            None => found.extend(self.begin(seq, link, scope)),
            Some(head) if seq <= head.seq => {
                found.push(ProblemKind::Repeated);
                return found;
            }
            Some(head) if seq == head.seq + 1 => {
                if head.event_hash != link.previous_hash {
                    found.push(ProblemKind::Unlinked);
                    self.end_run();
                }
            }
            Some(head) => {
                if scope != Scope::Picked && !self.may_be_gone(seq - 1) {
                    found.push(ProblemKind::Missing { from: head.seq + 1, to: seq - 1 });
                }
                self.end_run();
                found.extend(self.begin(seq, link, Scope::Part));
            }
        }
        found.extend(self.move_to(Head { seq, event_hash: link.event_hash }));
        found
    }

    /// Where the record stands. What an altered one says of that may be altered too: it stands where it is linked, or
    /// where it is expected, or (`None`) nobody knows where.
    fn place(&self, link: &Link) -> Option<i64> {
        let Some(head) = self.head.filter(|_| !link.fits) else { return Some(link.seq) };
        let expected = head.seq.saturating_add(1);
        let is_here = link.seq == expected || link.previous_hash == head.event_hash;
        is_here.then_some(expected)
    }

    /// What is wrong with the first record, or the first behind a gap.
    fn begin(&mut self, seq: i64, link: &Link, scope: Scope) -> Option<ProblemKind> {
        if self.head.is_none() {
            self.first_seq = seq;
        }
        let before = match seq {
            1 => Some(&Hash::ZERO),
            _ => self.signed.get(&(seq - 1)),
        };
        if before.is_some_and(|hash| *hash != link.previous_hash) {
            return Some(ProblemKind::Unlinked);
        }
        let is_missing = scope == Scope::Whole && !self.may_be_gone(seq - 1);
        is_missing.then_some(ProblemKind::BeginningMissing)
    }

    /// Whether retention removed all records up to this one, or is about to.
    const fn may_be_gone(&self, seq: i64) -> bool {
        seq <= self.removed_to
    }

    fn move_to(&mut self, head: Head) -> Option<ProblemKind> {
        self.head = Some(head);
        self.open += 1;
        if *self.signed.get(&head.seq)? != head.event_hash {
            return Some(ProblemKind::CheckpointDiffers);
        }
        self.last_checkpoint = Some(head.seq);
        self.open = 0;
        None
    }

    /// No later checkpoint says anything of the records up to here.
    fn end_run(&mut self) {
        self.unprotected += std::mem::take(&mut self.open);
    }

    /// What is missing behind the last record.
    pub(super) fn truncated(&self) -> Option<ProblemKind> {
        let (to, _) = self.signed.last_key_value()?;
        let last = self.head.map_or(0, |head| head.seq).max(self.removed_to);
        (*to > last).then(|| ProblemKind::Truncated { from: last + 1, to: *to })
    }

    /// What was seen; `None` when there were only checkpoints.
    pub(super) fn verdict(&self, node: &str) -> Option<NodeVerdict> {
        Some(NodeVerdict {
            node: node.to_owned(),
            first_seq: self.first_seq,
            last_seq: self.head?.seq,
            records: self.records,
            last_checkpoint: self.last_checkpoint,
            unprotected: self.unprotected + self.open,
        })
    }
}
