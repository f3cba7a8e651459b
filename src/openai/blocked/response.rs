//! A blocked response.
//!
//! Owns its object and the events around it. It must never say what was found.

use super::{BLOCKED_MESSAGE, Words};
use serde_json::{Value, json};

/// An event that repeats the whole response.
pub(super) fn lifecycle(kind: &str, sequence: u32, words: &Words<'_>, status: &str) -> Value {
    json!({"type": kind, "sequence_number": sequence, "response": response(words, status)})
}

/// The response, with all that the SDKs' models ask for.
pub(super) fn response(words: &Words<'_>, status: &str) -> Value {
    let is_blocked = status == "incomplete";
    let message = json!({
        "type": "message",
        "id": format!("msg_{}", words.decision),
        "status": "incomplete",
        "role": "assistant",
        "content": [{"type": "output_text", "text": BLOCKED_MESSAGE, "annotations": []}],
    });
    let details = json!({"reason": "content_filter"});
    let usage = json!({
        "input_tokens": 0,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 0,
    });
    json!({
        "id": words.id,
        "object": "response",
        "created_at": words.created_secs,
        "status": status,
        "error": null,
        "incomplete_details": is_blocked.then_some(details),
        "instructions": null,
        "max_output_tokens": null,
        "model": words.model,
        "output": if is_blocked { vec![message] } else { Vec::new() },
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null},
        "store": false,
        "temperature": null,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
        "truncation": "disabled",
        "usage": is_blocked.then_some(usage),
        "user": null,
        "metadata": {},
    })
}
