//! The verification of records: one pass, in the order in which they are stored.
//!
//! Owns the chains of all nodes and the list of problems. What it holds must never grow with the number of records,
//! only with the nodes, the checkpoints and the first hundred problems.

use super::{
    Checkpoint, Hash, LedgerError, Problem, ProblemKind, Scope, Span, TrustedKeys, Verdict,
    canonical::{is_storable, write_content},
    chain::{Chain, Link},
    parse_hash,
};
use crate::types::{ExchangeId, Record, UnixMillis};
use std::collections::{BTreeMap, BTreeSet};

/// More say nothing new.
const MOST_PROBLEMS: usize = 100;
/// No chain has so many records before its first checkpoint.
const MOST_UNSIGNED: u64 = 100_000;

/// Finds what was changed, removed, inserted or moved.
pub struct Verifier {
    keys: TrustedKeys,
    scope: Scope,
    span: Span,
    /// The only one whose records are looked at.
    node: Option<String>,
    chains: BTreeMap<Box<str>, Chain>,
    /// Nodes and keys that were named as not trusted: once is enough.
    not_trusted: BTreeSet<(String, String)>,
    verdict: Verdict,
    canonical: Vec<u8>,
}

impl Verifier {
    /// Trusts these keys. The checkpoints may come from several places: in any order, and more than once.
    pub fn new(keys: TrustedKeys, mut checkpoints: Vec<Checkpoint>, scope: Scope) -> Self {
        let mut verifier = Self {
            keys,
            scope,
            span: Span::default(),
            node: None,
            chains: BTreeMap::new(),
            not_trusted: BTreeSet::new(),
            verdict: Verdict::default(),
            canonical: Vec::new(),
        };
        // So that the verdict does not depend on where they came from.
        checkpoints.sort_by(|a, b| {
            (&a.node, a.seq, a.signed_at, &a.signature).cmp(&(
                &b.node,
                b.seq,
                b.signed_at,
                &b.signature,
            ))
        });
        checkpoints.dedup();
        checkpoints.iter().for_each(|checkpoint| verifier.add_checkpoint(checkpoint));
        verifier
    }

    /// One more checkpoint, which must come before the records of its node.
    pub fn add_checkpoint(&mut self, checkpoint: &Checkpoint) {
        let (node, seq) = (&checkpoint.node, checkpoint.seq);
        let found = match self.keys.head(checkpoint) {
            Ok(head) => self.chain(node).mark(head, checkpoint.kind, checkpoint.signed_at),
            Err(error @ (LedgerError::UnknownKey | LedgerError::NotItsKey)) => {
                let is_new = self.not_trusted.insert((node.clone(), checkpoint.key_id.clone()));
                let is_unknown = error == LedgerError::UnknownKey;
                let kind =
                    if is_unknown { ProblemKind::UnknownKey } else { ProblemKind::NotItsKey };
                is_new.then_some(kind)
            }
            Err(_) => Some(ProblemKind::BadSignature),
        };
        self.report(node, Some(seq), None, found);
    }

    /// The next record.
    pub fn feed(&mut self, record: &Record) {
        let link = self.link(record);
        self.take(&record.node, record.seq, Some(record.id), link);
    }

    /// In the place of the next record: a row that cannot be read as one any more, and what of it can.
    pub fn feed_unreadable(
        &mut self,
        node: &str,
        seq: i64,
        id: Option<ExchangeId>,
        previous_hash: Hash,
        event_hash: Hash,
    ) {
        let link = Link { seq, previous_hash, event_hash, fits: false };
        self.take(node, Some(seq), id, (seq > 0).then_some(link));
    }

    /// How many records there were.
    pub const fn records(&self) -> u64 {
        self.verdict.records
    }

    /// What part of the record this is, before there is any.
    pub const fn look_at(&mut self, scope: Scope, span: Span) {
        (self.scope, self.span) = (scope, span);
    }

    /// Only this node's records are looked at.
    pub(super) fn look_only_at(&mut self, node: String) {
        self.node = Some(node);
    }

    /// A moment from which on what was written follows on what was signed before `from`, in the chains that went on.
    pub fn signed_before(&self, from: UnixMillis) -> UnixMillis {
        let signed = self.chains.values().filter_map(|chain| chain.signed_before(from));
        signed.fold(from, UnixMillis::min)
    }

    /// Whether a chain does not yet reach what was signed for.
    pub fn is_cut(&self) -> bool {
        let mut chains = self.chains.iter();
        chains.any(|(node, chain)| self.truncated(node, chain).is_some())
    }

    /// The nodes of which no trusted checkpoint says anything, and whether there are too many records for that.
    pub fn never_signed(&self) -> Vec<(String, bool)> {
        let unsigned = self.chains.iter().filter(|(_, chain)| chain.is_never_signed());
        unsigned.map(|(node, chain)| (node.to_string(), chain.records() > MOST_UNSIGNED)).collect()
    }

    /// Something that is wrong with what stands around the records.
    pub fn note(&mut self, node: &str, seq: Option<i64>, kind: ProblemKind) {
        self.report(node, seq, None, [kind]);
    }

    /// What was found.
    pub fn finish(mut self) -> Verdict {
        for (node, chain) in std::mem::take(&mut self.chains) {
            self.verdict.nodes.extend(chain.verdict(&node));
            let truncated = self.truncated(&node, &chain);
            self.report(&node, None, None, truncated);
        }
        self.verdict
    }

    fn truncated(&self, node: &str, chain: &Chain) -> Option<ProblemKind> {
        let is_looked_at = self.node.as_deref().is_none_or(|only| only == node);
        let is_whole = is_looked_at && self.scope != Scope::Picked;
        chain.truncated(&self.span).filter(|_| is_whole)
    }

    fn link(&mut self, record: &Record) -> Option<Link> {
        let seq = record.seq.filter(|seq| *seq > 0)?;
        let previous_hash = parse_hash(record.previous_hash.as_deref()?)?;
        let event_hash = parse_hash(record.event_hash.as_deref()?)?;
        self.canonical.clear();
        write_content(record, &mut self.canonical);
        let computed = previous_hash.followed_by(Hash::of(&self.canonical));
        let fits = event_hash == computed && is_storable(record);
        Some(Link { seq, previous_hash, event_hash, fits })
    }

    fn take(&mut self, node: &str, seq: Option<i64>, id: Option<ExchangeId>, link: Option<Link>) {
        self.verdict.records += 1;
        let (scope, span) = (self.scope, self.span);
        let found = match &link {
            Some(link) => self.chain(node).follow(link, scope, &span),
            None => vec![ProblemKind::Unchained],
        };
        self.report(node, seq, id, found);
    }

    fn chain(&mut self, node: &str) -> &mut Chain {
        self.chains.entry(node.into()).or_default()
    }

    fn report(
        &mut self,
        node: &str,
        seq: Option<i64>,
        id: Option<ExchangeId>,
        found: impl IntoIterator<Item = ProblemKind>,
    ) {
        for kind in found {
            if self.verdict.problems.len() < MOST_PROBLEMS {
                self.verdict.problems.push(Problem { node: node.to_owned(), seq, id, kind });
            } else {
                self.verdict.further_problems += 1;
            }
        }
    }
}
