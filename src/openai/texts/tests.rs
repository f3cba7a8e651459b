//! The texts of calls: every one is found, with its surface and its place.

use super::*;
use crate::openai::{Call, ReadOptions, find};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

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

#[test]
fn bytes_in_base64_are_said_to_be_unread_and_what_only_looks_so_is_text() {
    let bytes = "iVBORw0KGgoA".repeat(10);
    let part =
        |part: Value| json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
    let chat = "/chat/completions";
    let picture = format!("data:image/png;base64,{bytes}");
    for unread in [
        json!({"type": "image_url", "image_url": {"url": picture}}),
        json!({"type": "input_image", "image_url": picture}),
        json!({"type": "input_audio", "input_audio": {"data": bytes, "format": "wav"}}),
        json!({"type": "file", "file": {"file_data": format!("data:application/pdf;base64,{bytes}")}}),
        json!({"type": "file", "file": {"file_data": bytes}}),
        json!({"type": "file", "file": {"file_data": format!("data:text/plain;charset=utf-16;base64,{bytes}")}}),
    ] {
        check(chat, part(unread), &[], &[Unread::Binary]);
    }
    for (text, expected) in [
        (
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,my secret"}}),
            "user: data:image/png;base64,my secret",
        ),
        (json!({"type": "input_audio", "input_audio": {"data": "sk-canary"}}), "user: sk-canary"),
        (
            json!({"type": "input_audio", "input_audio": {"data": format!("{bytes} secret")}}),
            &*format!("user: {bytes} secret"),
        ),
        (
            json!({"type": "input_file", "file_data": "data:text/csv;base64,YSxiCjEsMg=="}),
            "tool_result: a,b\n1,2",
        ),
        (
            json!({"type": "input_file", "file_data": "data:text/plain;charset=UTF-8;base64,w6k"}),
            "tool_result: é",
        ),
        // What it calls itself does not count, and an escape hides nothing.
        (
            json!({"type": "input_file", "file_data": "data:application/yaml;charset=us-ascii;BASE64,YTogc2VjcmV0"}),
            "tool_result: a: secret",
        ),
        (
            json!({"type": "image_url", "image_url": {"url": "DATA:image/png;base64,YTogc2VjcmV0"}}),
            "tool_result: a: secret",
        ),
        (
            json!({"type": "input_audio", "input_audio": {"data": "dGhlIHNlY3JldCBpcyBpbiBoZXJl"}}),
            "user: the secret is in here",
        ),
        (
            json!({"type": "thinking", "signature": format!("sk-proj-{}", "aB3_".repeat(15) + "x")}),
            &*format!("user: sk-proj-{}x", "aB3_".repeat(15)),
        ),
        (json!({"type": "text", "text": picture}), &*format!("user: {picture}")),
        (json!({"type": "input_file", "filename": "a.pdf"}), "user: a.pdf"),
    ] {
        check(chat, part(text), &[expected], &[]);
    }
}

#[test]
fn escapes_hide_neither_a_key_nor_a_role_nor_a_text() {
    let call = read(
        "/chat/completions",
        r#"{"model":"m","messages":[{"cont\u0065nt":"\ud83d\ude00 h\u0069","r\u006fle":"syste\u006d"}],"met\u0061data":{"\u00e9":"\n"}}"#,
    );
    let body = call.body();
    let texts: Vec<_> =
        call.texts().spans().iter().map(|span| (span.surface, span.text(body))).collect();
    let expected = [
        (crate::types::TextSurface::System, "😀 hi"),
        (crate::types::TextSurface::Metadata, "é"),
        (crate::types::TextSurface::Metadata, "\n"),
    ];
    assert_eq!(texts, expected.map(|(surface, text)| (surface, text.into())));
}

#[test]
fn a_key_that_could_be_bytes_is_judged_and_said_to_be_unread() {
    let key = format!("sk-proj-{}", "aB3_".repeat(15));
    let body =
        json!({"model": "m", "messages": [{"role": "user", "content": [{"signature": key}]}]});
    check("/chat/completions", body, &[&format!("user: {key}")], &[Unread::Encrypted]);
}

#[test]
fn long_numbers_are_texts_but_for_those_of_the_format() {
    let body = r#"{"model":"m","seed":123456789012,"created":1234567890,"prompt_tokens":12345678,
        "x":{"created_at":1234567890, "n":-123456789.5e1},
        "messages":[{"role":"user","content": 4111111111111111 }],"prompt":[1234567890,[1234567890]]}"#;
    let call = read("/chat/completions", body);
    let shown: Vec<String> = call
        .texts()
        .spans()
        .iter()
        .map(|span| format!("{}: {}", span.surface, span.text(call.body())))
        .collect();
    assert_eq!(shown, ["other: -123456789.5e1", "user: 4111111111111111"]);
    assert_eq!(call.texts().unread(), [Unread::Tokens]);
    let card = &call.texts().spans()[1].clone();
    assert_eq!(card.raw(call.body(), 2..5), card.range);
    let edits = card.redact(call.body(), [(0..16, "[REDACTED:PII_CREDIT_CARD]")]);
    let expected = body.replace("4111111111111111", "\"[REDACTED:PII_CREDIT_CARD]\"");
    assert_eq!(call.redact(edits).outgoing_body(), expected);
}

#[test]
fn nothing_is_collected_that_is_not_asked_for() {
    let route = find("POST", "/chat/completions", false).unwrap();
    let options = ReadOptions { collect_texts: false, ..OPTIONS };
    let body = Bytes::from_static(br#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#);
    assert_eq!(Call::read(route, None, None, body, options).unwrap().texts(), &Texts::default());
}

/// All strings of a document, keys included.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            found.push(key.clone());
            strings(value, found);
        }),
        _ => {}
    }
}

fn any_body() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        prop::sample::select(vec![
            "role",
            "content",
            "type",
            "text",
            "name",
            "tools",
            "function",
            "parameters",
            "input",
            "output",
            "data",
            "url",
            "image_url",
            "id",
            "status",
            "prompt",
            "variables",
            "metadata",
            "messages",
            "tool_calls",
            "arguments",
            "choices",
            "message",
            "logprobs",
            "result",
        ])
        .prop_map(str::to_owned),
        "[a-zé\"]{1,4}",
    ];
    let text = prop_oneof![
        prop::sample::select(vec!["user", "system", "message", "reasoning", "text"])
            .prop_map(str::to_owned),
        "[a-z0-9é\\\\\n😀]{0,8}",
    ];
    let leaf = prop_oneof![text.prop_map(Value::from), Just(Value::Null), Just(json!(7))];
    leaf.prop_recursive(6, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_string_is_found_but_for_the_formats_own_words(body in any_body()) {
        let text = body.to_string();
        let document = crate::openai::json::Document::parse(text.as_bytes()).unwrap();
        for shape in [Shape::Body, Shape::Bodies, Shape::Line, Shape::Message] {
            let mut texts = Texts::default();
            let place = Place::new(shape, crate::types::TextSurface::Other);
            Walk { texts: &mut texts, offset: 0, trusts_ids: false }.value(document.root(), place);
            let mut missing = Vec::new();
            strings(&body, &mut missing);
            missing.retain(|text| !text.is_empty());
            for span in texts.spans() {
                let text = span.text(text.as_bytes());
                let place = missing.iter().position(|one| *one == text).expect("found twice");
                missing.remove(place);
            }
            prop_assert!(missing.iter().all(|text| is_own_word(text)), "{missing:?}");
        }
    }
}
