//! How verdicts are shown to administrators, in HTTP answers and with `--json`.
//!
//! Owns the names of the JSON members.

use crate::ledger::{NodeVerdict, Verdict};
use crate::types::ExchangeId;
use schemars::JsonSchema;
use serde::Serialize;

/// What a verification found.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "Verdict")]
pub struct VerdictView {
    /// Whether nothing is wrong.
    sound: bool,
    /// Records looked at.
    records: u64,
    /// The chains, by the names of their nodes.
    nodes: Vec<NodeVerdict>,
    /// The first problems, in the order in which they were met.
    problems: Vec<RecordProblem>,
    /// How many more there are.
    further_problems: u64,
}

/// Something that is wrong with the record.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct RecordProblem {
    /// Whose chain.
    node: String,
    /// Which place of it.
    seq: Option<i64>,
    /// Which record.
    id: Option<ExchangeId>,
    /// What it is, in one sentence.
    message: String,
}

/// What a verification found.
pub fn verdict(verdict: &Verdict) -> VerdictView {
    let problems = verdict.problems.iter().map(|it| RecordProblem {
        node: it.node.clone(),
        seq: it.seq,
        id: it.id,
        message: it.to_string(),
    });
    VerdictView {
        sound: verdict.is_sound(),
        records: verdict.records,
        nodes: verdict.nodes.clone(),
        problems: problems.collect(),
        further_problems: verdict.further_problems,
    }
}
