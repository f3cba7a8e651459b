//! The chain of one node while it is verified.
//!
//! Owns what is remembered of it, which does not grow with its records, and the order in which a record is judged. It
//! must never believe what a record says of itself: only hashes, and checkpoints that were found good.

use super::{Begin, CheckpointKind, Hash, Head, NodeVerdict, ProblemKind, Scope, Span};
use crate::types::UnixMillis;
use std::collections::BTreeMap;

/// What ties a record to its chain.
pub(super) struct Link {
    pub(super) seq: i64,
    pub(super) previous_hash: Hash,
    pub(super) event_hash: Hash,
    /// Whether `event_hash` is that of `previous_hash` and the content.
    pub(super) fits: bool,
}

/// What trusted checkpoints say of a place.
struct Signed {
    hash: Hash,
    /// When that was said first.
    at: UnixMillis,
    /// Whether it was said when the chain ended there.
    is_regular: bool,
}

#[derive(Default)]
pub(super) struct Chain {
    /// By places.
    signed: BTreeMap<i64, Signed>,
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
    pub(super) fn mark(
        &mut self,
        head: Head,
        kind: CheckpointKind,
        at: UnixMillis,
    ) -> Option<ProblemKind> {
        let is_regular = kind == CheckpointKind::Regular;
        if !is_regular {
            self.removed_to = self.removed_to.max(head.seq);
        }
        let new = Signed { hash: head.event_hash, at, is_regular };
        let known = self.signed.entry(head.seq).or_insert(new);
        known.at = known.at.min(at);
        known.is_regular |= is_regular;
        (known.hash != head.event_hash).then_some(ProblemKind::Fork)
    }

    /// When the last checkpoint before this moment was signed, of a chain that went on.
    pub(super) fn signed_before(&self, from: UnixMillis) -> Option<UnixMillis> {
        let went_on = self.signed.values().any(|signed| signed.at >= from);
        let mut times = self.signed.values().rev().map(|signed| signed.at);
        times.find(|at| *at < from).filter(|_| went_on)
    }

    /// Whether there are records of which no checkpoint says anything.
    pub(super) fn is_never_signed(&self) -> bool {
        self.signed.is_empty() && self.head.is_some()
    }

    pub(super) const fn records(&self) -> u64 {
        self.records
    }

    /// Takes the next record and says what is wrong with it.
    pub(super) fn follow(&mut self, link: &Link, scope: Scope, span: &Span) -> Vec<ProblemKind> {
        let mut found = Vec::new();
        self.records += 1;
        if !link.fits {
            found.push(ProblemKind::Altered);
        }
        let Some(seq) = self.place(link) else { return found };
        match self.head {
            None => found.extend(self.begin(seq, link, scope, span)),
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
                if scope != Scope::Picked {
                    found.push(ProblemKind::Missing { from: head.seq + 1, to: seq - 1 });
                }
                self.end_run();
                found.extend(self.unlinked(seq, link));
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

    /// What is wrong with the first record.
    fn begin(&mut self, seq: i64, link: &Link, scope: Scope, span: &Span) -> Option<ProblemKind> {
        self.first_seq = seq;
        let before = seq - 1;
        let is_missing = || {
            scope != Scope::Picked
                && self.before_first(span.begin).is_some_and(|allowed| before > allowed)
                && before > self.removed_to
        };
        let missing = || is_missing().then_some(ProblemKind::BeginningMissing);
        self.unlinked(seq, link).or_else(missing)
    }

    /// Up to here records may stand before the first; `None` when there is no saying.
    fn before_first(&self, begin: Begin) -> Option<i64> {
        let mut signed = self.signed.iter();
        match begin {
            Begin::First => Some(0),
            Begin::Signed(from) => {
                Some(signed.rfind(|(_, signed)| signed.at < from).map_or(0, |(seq, _)| *seq))
            }
            Begin::Written(from) => signed
                .find(|(_, signed)| signed.is_regular && signed.at >= from)
                .map(|(seq, _)| *seq),
        }
    }

    /// Whether the first record, or the first behind a gap, does not follow on what was signed before it.
    fn unlinked(&self, seq: i64, link: &Link) -> Option<ProblemKind> {
        let before = match seq {
            1 => Some(&Hash::ZERO),
            _ => self.signed.get(&(seq - 1)).map(|signed| &signed.hash),
        };
        let is_other = before.is_some_and(|hash| *hash != link.previous_hash);
        is_other.then_some(ProblemKind::Unlinked)
    }

    fn move_to(&mut self, head: Head) -> Option<ProblemKind> {
        self.head = Some(head);
        self.open += 1;
        if self.signed.get(&head.seq)?.hash != head.event_hash {
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
    pub(super) fn truncated(&self, span: &Span) -> Option<ProblemKind> {
        let is_within = |signed: &Signed| span.to.is_none_or(|to| signed.at < to);
        let (to, _) = self.signed.iter().rfind(|(_, signed)| is_within(signed))?;
        let last = match self.head {
            Some(head) => head.seq,
            // Retention may have removed all of them, but none behind one that is there.
            None => self.before_first(span.begin)?.max(self.removed_to),
        };
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
