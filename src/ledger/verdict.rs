//! What a verification found.
//!
//! Owns the kinds of problems and their sentences. Each sentence must name the record that it is about.

use crate::types::{ExchangeId, text_enum};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

text_enum! {
    /// What part of the record is looked at.
    Scope {
        /// All: each chain must begin at its first record, or where retention ended, and reach its last checkpoint.
        Whole = "whole",
        /// A time of each chain, without gaps: it must hold what checkpoints of that time know.
        Part = "part",
        /// Records that a filter chose: gaps are no fault either. Only what a checkpoint covers without a gap is protected.
        Picked = "picked",
    }
}

/// What a verification found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Verdict {
    /// The chains, by the names of their nodes.
    pub nodes: Vec<NodeVerdict>,
    /// The first problems, in the order in which they were met: those of checkpoints first.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub further_problems: u64,
    /// Records looked at.
    pub records: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// The chain of one node, as far as it was seen.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct NodeVerdict {
    /// Whose.
    pub node: String,
    /// The first record's place.
    pub first_seq: i64,
    /// The last record's place.
    pub last_seq: i64,
    /// How many there are.
    pub records: u64,
    /// The last trusted checkpoint that the records agree with.
    pub last_checkpoint: Option<i64>,
    /// Records that no checkpoint stands behind: whoever can write there could have made them anew.
    pub unprotected: u64,
}

/// Something that is wrong. It displays as one sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Whose chain.
    pub node: String,
    /// Which place of it.
    pub seq: Option<i64>,
    /// Which record.
    pub id: Option<ExchangeId>,
    /// What it is.
    pub kind: ProblemKind,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProblemKind {
    /// The content does not fit its hash.
    Altered,
    /// It is not linked to the record before it.
    Unlinked,
    /// Records are missing before it.
    Missing {
        /// The first of them.
        from: i64,
        /// The last of them.
        to: i64,
    },
    /// Its place was taken already.
    Repeated,
    /// Records are missing at the end.
    Truncated {
        /// The first of them.
        from: i64,
        /// The last that a checkpoint knows.
        to: i64,
    },
    /// Records are missing at the beginning, and no retention checkpoint says why.
    BeginningMissing,
    /// A trusted checkpoint has another hash for this place.
    CheckpointDiffers,
    /// A checkpoint of a trusted key has a wrong signature.
    BadSignature,
    /// A checkpoint was signed with a key that is not trusted.
    UnknownKey,
    /// A checkpoint was signed with a key that is trusted for other nodes only.
    NotItsKey,
    /// Two trusted checkpoints have different hashes for one place.
    Fork,
    /// What stands in a checkpoint's place is none.
    CheckpointUnreadable,
    /// There is a key that signs checkpoints, but not the file that they are written to.
    CheckpointsLost,
    /// No trusted checkpoint knows anything of the chain, and it is not so young that none can be there yet.
    NeverSigned,
    /// It has no place in a chain.
    Unchained,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = &self.node;
        let record = Name { what: "record", problem: self };
        let checkpoint = Name { what: "the checkpoint at record", problem: self };
        match self.kind {
            ProblemKind::Altered => {
                write!(f, "{record} was altered: its content does not fit its hash")
            }
            ProblemKind::Unlinked => write!(
                f,
                "{record} is not linked to the one before it: one of the two was altered, inserted or moved"
            ),
            ProblemKind::Missing { from, to } => {
                write!(f, "missing before {record}: {}", Places(from, to))
            }
            ProblemKind::Repeated => {
                write!(f, "{record} stands behind its place: it was repeated, inserted or moved")
            }
            ProblemKind::Truncated { from, to } => write!(
                f,
                "missing at the end of node {node}: {}, which a signed checkpoint knows",
                Places(from, to)
            ),
            ProblemKind::BeginningMissing => write!(
                f,
                "{record} is the first, but the records before it were not removed by retention"
            ),
            ProblemKind::CheckpointDiffers => {
                write!(
                    f,
                    "{record} is not the one that was signed: it, or one before it, was replaced"
                )
            }
            ProblemKind::BadSignature => write!(f, "{checkpoint} has a wrong signature"),
            ProblemKind::UnknownKey => write!(
                f,
                "{checkpoint} was signed with a key that is not trusted: --public-key trusts one"
            ),
            ProblemKind::NotItsKey => write!(
                f,
                "{checkpoint} was signed with the key of another gateway: --public-key trusts it for all"
            ),
            ProblemKind::Fork => {
                write!(
                    f,
                    "{checkpoint} was signed twice, with different hashes: the chain was forked"
                )
            }
            ProblemKind::CheckpointUnreadable => {
                write!(f, "{checkpoint} cannot be read: it was altered")
            }
            ProblemKind::CheckpointsLost => write!(
                f,
                "the file of checkpoints of node {node} is not there, though there is a key that signs them"
            ),
            ProblemKind::NeverSigned => {
                write!(f, "no trusted checkpoint covers any record of node {node}")
            }
            ProblemKind::Unchained => write!(f, "{record} has no place in a chain"),
        }
    }
}

/// `record 7 of node a (0193…)`
struct Name<'p> {
    what: &'static str,
    problem: &'p Problem,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { node, seq, id, kind: _ } = self.problem;
        f.write_str(self.what)?;
        if let Some(seq) = seq {
            write!(f, " {seq}")?;
        }
        write!(f, " of node {node}")?;
        id.map_or(Ok(()), |id| write!(f, " ({id})"))
    }
}

/// `record 7`, `records 7 to 9`
struct Places(i64, i64);

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(from, to) = self;
        if from == to { write!(f, "record {from}") } else { write!(f, "records {from} to {to}") }
    }
}
