//! Comma-separated values (RFC 4180): one row per record, one column per field.
//!
//! Owns the order of the columns and the quoting. A text that a spreadsheet would take for a formula must never stand
//! there as one: models and sessions are the callers' words.

use super::fields;
use crate::types::Record;
use serde_json::Value;
use std::borrow::Cow;

/// The columns, in the order in which the record is described; those of changes came later and stand last, so that
/// no other moves. A test compares them with its fields.
pub(super) const COLUMNS: [&str; 55] = [
    "id",
    "started_at",
    "agent_id",
    "agent_name",
    "agent_type",
    "roles",
    "permission",
    "session_id",
    "token_id",
    "app_context",
    "surface",
    "tool_name",
    "mcp_server",
    "action",
    "target",
    "endpoint",
    "model",
    "response_model",
    "message_count",
    "has_system_prompt",
    "has_tools",
    "tool_names",
    "stream",
    "policy_result",
    "policy_rule",
    "policy_version",
    "policy_reason",
    "findings",
    "scan",
    "detection_version",
    "tools_removed",
    "trust_score",
    "risk_score",
    "risk_tier",
    "status_code",
    "error_code",
    "finish_reason",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "usage_source",
    "latency_ms",
    "time_to_first_byte_ms",
    "gateway_us",
    "request_bytes",
    "response_bytes",
    "outcome",
    "receipt_hash",
    "node",
    "seq",
    "previous_hash",
    "event_hash",
    "actor",
    "detail",
];

/// What spreadsheets take for the beginning of a formula.
const FORMULA_SIGNS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The names of the columns.
pub(super) fn header(out: &mut Vec<u8>) {
    write_row(COLUMNS.iter().map(|name| Cow::Borrowed(*name)), out);
}

/// One record.
pub(super) fn row(record: &Record, out: &mut Vec<u8>) {
    let fields = fields(record);
    write_row(COLUMNS.iter().map(|name| fields.get(*name).map_or(Cow::Borrowed(""), cell)), out);
}

fn write_row<'c>(cells: impl Iterator<Item = Cow<'c, str>>, out: &mut Vec<u8>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_cell(&cell, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// A value as text. Lists and objects are JSON, which never begins like a formula.
fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) if text.starts_with(FORMULA_SIGNS) => Cow::Owned(format!("'{text}")),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn write_cell(cell: &str, out: &mut Vec<u8>) {
    if !cell.contains(['"', ',', '\r', '\n']) {
        return out.extend_from_slice(cell.as_bytes());
    }
    out.push(b'"');
    out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}
