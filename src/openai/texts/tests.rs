//! The texts of calls: every one is found, with its surface and its place.

use super::*;
use crate::openai::{Call, ReadOptions, find};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

mod generated;
mod hidden;
mod redaction;

pub(super) const OPTIONS: ReadOptions =
    ReadOptions { request_stream_usage: true, collect_references: false, collect_texts: true };

pub(super) fn read(path: &str, body: &str) -> Call {
    let route = find("POST", path, false).unwrap();
    Call::read(route, None, None, Bytes::from(body.to_owned()), OPTIONS).unwrap()
}

/// `surface: text` of each text in order; a key with a colon behind it.
fn found(path: &str, body: &Value) -> (Vec<String>, Vec<Unread>) {
    let call = read(path, &body.to_string());
    let shown = |span: &TextSpan| {
        let colon = if span.is_key { ":" } else { "" };
        format!("{}: {}{colon}", span.surface, span.text(call.body()))
    };
    (call.texts().spans().iter().map(shown).collect(), call.texts().unread().to_vec())
}

fn check(path: &str, body: Value, expected: &[&str], unread: &[Unread]) {
    let (mut texts, reasons) = found(path, &body);
    let mut expected = expected.to_vec();
    // Not all writers of JSON keep the order of keys.
    texts.sort_unstable();
    expected.sort_unstable();
    assert_eq!(texts, expected, "{path}");
    assert_eq!(reasons, unread, "{path}");
}

#[test]
fn the_texts_of_a_chat_have_the_surface_of_their_role() {
    let body = json!({
        "model": "gpt-4o", "stream": false, "n": 2, "service_tier": "auto", "seed": 7,
        "messages": [
            {"role": "system", "content": "a", "name": "b"},
            {"role": "developer", "content": [{"type": "text", "text": "c"}]},
            {"role": "user", "content": [{"type": "text", "text": "d"},
                {"type": "image_url", "image_url": {"url": "https://e/f", "detail": "low"}}]},
            {"role": "assistant", "content": null, "refusal": "g", "reasoning_content": "h",
                "tool_calls": [{"id": "call_1", "type": "function",
                    "function": {"name": "f1", "arguments": "{\"i\":1}"}},
                    {"id": "call_2", "type": "custom", "custom": {"name": "f2", "input": "j"}}]},
            {"role": "assistant", "content": "k", "function_call": {"name": "f3", "arguments": "l"}},
            {"role": "tool", "tool_call_id": "call_1", "content": "m"},
            {"role": "function", "name": "f3", "content": "n"},
            {"role": "strange", "content": "o"},
        ],
        "prediction": {"type": "content", "content": "p"},
        "stop": ["q"], "user": "r", "safety_identifier": "s", "prompt_cache_key": "t",
        "metadata": {"u": "v", "type": "text"},
        "web_search_options": {"user_location": {"approximate": {"city": "w"}}},
        "logit_bias": {"50256": -100},
        "x_unknown": [{"x_inner": ["z"]}],
    });
    let expected = [
        "system: a",
        "name: b",
        "system: c",
        "user: d",
        "user: https://e/f",
        "refusal: g",
        "reasoning: h",
        "other: call_1",
        "tool_arguments: f1",
        "tool_arguments: {\"i\":1}",
        "other: call_2",
        "tool_arguments: f2",
        "tool_arguments: j",
        "assistant: k",
        "tool_arguments: f3",
        "tool_arguments: l",
        "other: call_1",
        "tool_result: m",
        "name: f3",
        "tool_result: n",
        "other: strange",
        "other: o",
        "prediction: p",
        "other: q",
        "end_user: r",
        "end_user: s",
        "end_user: t",
        "metadata: u:",
        "metadata: v",
        "other: w",
        "other: 50256:",
        "other: x_unknown:",
        "other: x_inner:",
        "other: z",
    ];
    check("/chat/completions", body, &expected, &[]);
}

#[test]
fn the_texts_of_tools_and_formats_are_found_to_their_ends() {
    let body = json!({
        "model": "gpt-4o", "messages": [],
        "tools": [{"type": "function", "function": {"name": "a", "description": "b", "strict": true,
            "parameters": {"type": "object", "required": ["c"], "additionalProperties": false,
                "properties": {"c": {"type": "string", "description": "d", "enum": ["e", "auto"]}}}}},
            {"type": "custom", "custom": {"name": "f", "format": {"type": "grammar",
                "grammar": {"syntax": "lark", "definition": "g"}}}}],
        "functions": [{"name": "h", "description": "i"}],
        "tool_choice": {"type": "function", "function": {"name": "a"}},
        "function_call": "auto", "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "j", "schema":
            {"type": "object", "properties": {"k": {"const": "l"}}, "$defs": {"m": {}}}}},
    });
    let expected = [
        "tool_definition: a",
        "tool_definition: b",
        "tool_definition: c",
        "tool_definition: c:",
        "tool_definition: d",
        "tool_definition: e",
        "tool_definition: auto",
        "tool_definition: f",
        "tool_definition: g",
        "tool_definition: h",
        "tool_definition: i",
        "tool_definition: a",
        "tool_definition: auto",
        "response_format: j",
        "response_format: k:",
        "response_format: l",
        "response_format: m:",
    ];
    check("/chat/completions", body, &expected, &[]);
}

/// A response with an item of each kind.
fn response() -> Value {
    let item = |kind: &str, more: Value| {
        let mut item = more;
        item["type"] = kind.into();
        item
    };
    json!({
        "model": "gpt-5", "instructions": "a", "previous_response_id": "resp_1", "store": false,
        "input": [
            {"role": "user", "content": "b"},
            item("message", json!({"role": "assistant", "id": "msg_1", "status": "completed",
                "content": [{"type": "output_text", "text": "c", "annotations": [{"title": "d"}]},
                    {"type": "refusal", "refusal": "e"}]})),
            item("function_call", json!({"call_id": "call_1", "name": "f", "arguments": "g"})),
            item("function_call_output", json!({"call_id": "call_1", "output": "h"})),
            item("custom_tool_call_output", json!({"output": [{"type": "input_text", "text": "i"}]})),
            item("computer_call", json!({"action": {"type": "type", "text": "j"}})),
            item("local_shell_call", json!({"action": {"command": ["k"], "env": {"l": "m"}}})),
            item("mcp_call", json!({"name": "n", "server_label": "o", "arguments": "p", "output": "q"})),
            item("file_search_call", json!({"queries": ["r"], "results": [{"text": "s"}]})),
            item("code_interpreter_call", json!({"code": "t", "outputs": [{"type": "logs", "logs": "u"}]})),
            item("reasoning", json!({"summary": [{"type": "summary_text", "text": "v"}],
                "content": [{"type": "reasoning_text", "text": "w"}], "encrypted_content": "x".repeat(100)})),
            item("mcp_list_tools", json!({"tools": [{"name": "y", "description": "z"}]})),
            item("item_reference", json!({"id": "msg_2"})),
        ],
        "text": {"format": {"type": "json_schema", "name": "A", "schema": {"title": "B"}}},
        "prompt": {"id": "pmpt_1", "version": "2", "variables": {"C": "D", "E": {"type": "input_text", "text": "F"}}},
        "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
        "metadata": {"G": "H"},
    })
}

#[test]
fn the_texts_of_a_response_have_the_surface_of_their_item() {
    let expected = [
        "system: a",
        "other: resp_1",
        "user: b",
        "other: msg_1",
        "assistant: c",
        "assistant: d",
        "refusal: e",
        "other: call_1",
        "tool_arguments: f",
        "tool_arguments: g",
        "other: call_1",
        "tool_result: h",
        "tool_result: i",
        "tool_arguments: j",
        "tool_arguments: k",
        "tool_arguments: l:",
        "tool_arguments: m",
        "tool_arguments: n",
        "tool_arguments: o",
        "tool_arguments: p",
        "tool_result: q",
        "tool_arguments: r",
        "tool_result: s",
        "tool_arguments: t",
        "tool_result: u",
        "reasoning: v",
        "reasoning: w",
        "tool_definition: y",
        "tool_definition: z",
        "other: msg_2",
        "response_format: A",
        "response_format: B",
        "other: pmpt_1",
        "user: 2",
        "user: C:",
        "user: D",
        "user: E:",
        "user: F",
        "other: auto",
        "other: reasoning.encrypted_content",
        "metadata: G:",
        "metadata: H",
    ];
    check("/responses", response(), &expected, &[Unread::Encrypted]);
    let body =
        json!({"model": "m", "input": "a", "instructions": [{"role": "user", "content": "b"}]});
    check("/responses", body, &["user: a", "user: b"], &[]);
}

#[test]
fn the_texts_of_the_other_endpoints_are_found() {
    let m = "gpt";
    check(
        "/completions",
        json!({"model": m, "prompt": ["a", "b"], "suffix": "c", "user": "d"}),
        &["user: a", "user: b", "suffix: c", "end_user: d"],
        &[],
    );
    check("/completions", json!({"model": m, "prompt": [[1, 2], [3]]}), &[], &[Unread::Tokens]);
    check(
        "/embeddings",
        json!({"model": m, "input": ["a"], "encoding_format": "float"}),
        &["user: a"],
        &[],
    );
    check("/embeddings", json!({"model": m, "input": [1, 2]}), &[], &[Unread::Tokens]);
    check(
        "/moderations",
        json!({"input": [{"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://b"}}]}),
        &["user: a", "user: https://b"],
        &[],
    );
    check(
        "/audio/speech",
        json!({"model": m, "input": "a", "instructions": "b", "voice": "alloy"}),
        &["user: a", "system: b"],
        &[],
    );
    check(
        "/images/generations",
        json!({"model": m, "prompt": "a", "size": "1024x1024", "style": "odd"}),
        &["user: a", "other: odd"],
        &[],
    );
    check(
        "/batches",
        json!({"input_file_id": "file-1", "endpoint": "/v1/responses",
        "completion_window": "24h", "metadata": {"a": "b"}}),
        &["other: file-1", "metadata: a:", "metadata: b"],
        &[],
    );
    check(
        "/chat/completions/x",
        json!({"metadata": {"a": "b"}}),
        &["metadata: a:", "metadata: b"],
        &[],
    );
    check("/responses/x/cancel", json!({"a": ["b"]}), &["other: a:", "other: b"], &[]);
}
