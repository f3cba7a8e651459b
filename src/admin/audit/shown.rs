//! How keys, verdicts and records that were set aside are shown to administrators, in HTTP answers and with `--json`.
//!
//! Owns the names of the JSON members.

use crate::ledger::{NodeVerdict, Problem, Verdict};
use crate::store::{AuditKey, SetAside};
use serde_json::{Value, json};

/// The public half of a key that signs checkpoints.
pub fn key(key: &AuditKey) -> Value {
    json!({
        "key_id": key.key_id,
        "public_key": key.public_key,
        "node": key.node,
        "created_at": key.created_at,
    })
}

/// A record that the database did not take.
pub fn set_aside(record: &SetAside) -> Value {
    json!({
        "id": record.id,
        "node": record.node,
        "seq": record.seq,
        "at": record.at,
        "reason": record.reason,
        "record": record.record,
    })
}

/// What a verification found.
pub fn verdict(verdict: &Verdict) -> Value {
    json!({
        "sound": verdict.is_sound(),
        "records": verdict.records,
        "nodes": verdict.nodes.iter().map(node).collect::<Vec<_>>(),
        "problems": verdict.problems.iter().map(problem).collect::<Vec<_>>(),
        "further_problems": verdict.further_problems,
    })
}

fn node(node: &NodeVerdict) -> Value {
    json!({
        "node": node.node,
        "first_seq": node.first_seq,
        "last_seq": node.last_seq,
        "records": node.records,
        "last_checkpoint": node.last_checkpoint,
        "unprotected": node.unprotected,
    })
}

fn problem(problem: &Problem) -> Value {
    json!({
        "node": problem.node,
        "seq": problem.seq,
        "id": problem.id,
        "message": problem.to_string(),
    })
}
