//! Bodies of every kind: facts, refusals, and bytes that go on as they came.

use super::*;
use crate::openai::{Call, ENDPOINTS, find};
use crate::types::Governed;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

const OPTIONS: ReadOptions =
    ReadOptions { request_stream_usage: true, collect_references: false, collect_texts: true };

fn read(path: &str, body: &serde_json::Value) -> Result<Call, Refusal> {
    let route = find("POST", path, false).unwrap();
    Call::read(route, None, None, Bytes::from(body.to_string()), OPTIONS)
}

fn refused(path: &str, body: &serde_json::Value) -> Option<String> {
    match read(path, body).unwrap_err() {
        Refusal::Malformed { param, .. } => param.map(Cow::into_owned),
        other => panic!("{other:?}"),
    }
}

fn implied(call: &Call) -> Vec<&str> {
    call.facts().implied_models.iter().map(AsRef::as_ref).collect()
}

#[test]
fn where_no_model_is_named_the_providers_defaults_are_authorised() {
    let call = read("/moderations", &json!({"input": ["a", "b"]})).unwrap();
    assert_eq!((call.facts().model.as_deref(), call.facts().message_count), (None, Some(2)));
    assert_eq!(implied(&call), ["omni-moderation-latest"]);
    let call = read("/images/generations", &json!({"model": null, "prompt": "a"})).unwrap();
    assert_eq!(implied(&call), ["dall-e-2", "gpt-image-1"]);
    let call = read("/moderations", &json!({"model": "m", "input": [{"type": "text"}]})).unwrap();
    assert_eq!((call.facts().model.as_deref(), implied(&call).len()), (Some("m"), 0));
    for path in ["/responses", "/audio/speech", "/embeddings", "/completions"] {
        let body = json!({"input": "a", "prompt": "a"});
        assert_eq!(refused(path, &body).as_deref(), Some("model"), "{path}");
    }
    assert_eq!(refused("/moderations", &json!({"input": "a", "Model": "x"})).unwrap(), "model");
    assert_eq!(refused("/moderations", &json!({"input": "a", "model": 7})).unwrap(), "model");
    assert_eq!(refused("/moderations", &json!({"model": "m"})).unwrap(), "input");
}

#[test]
fn speech_and_images_hold_one_text_and_stream_in_their_own_way() {
    let speech = |more: (&str, serde_json::Value)| {
        let mut body = json!({"model": "tts-1", "input": "Hi", "voice": "alloy"});
        body[more.0] = more.1;
        read("/audio/speech", &body).map(|call| {
            assert_eq!(call.facts().message_count, Some(1));
            (call.facts().stream, call.usage_added())
        })
    };
    assert_eq!(speech(("stream_format", json!("sse"))), Ok((true, false)));
    assert_eq!(speech(("stream_format", json!("audio"))), Ok((false, false)));
    assert_eq!(speech(("stream", json!(true))), Ok((false, false)));
    assert!(speech(("input", json!(["Hi"]))).is_err());
    let image = json!({"model": "gpt-image-1", "prompt": "a cat", "stream": true});
    let call = read("/images/generations", &image).unwrap();
    assert!(call.facts().stream && !call.usage_added());
    assert_eq!(refused("/images/generations", &json!({"model": "m"})).unwrap(), "prompt");
}

#[test]
fn the_facts_of_a_response_are_read() {
    let call = read(
        "/responses",
        &json!({"model": "gpt-5", "stream": true, "input": [
            {"role": "developer", "content": "x"}, {"type": "function_call_output", "output": "y"}],
            "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"},
                {"type": "web_search"}, {"type": "image_generation"}]}),
    )
    .unwrap();
    let facts = call.facts();
    assert_eq!((facts.message_count, facts.has_system_prompt), (Some(2), Some(true)));
    assert_eq!((facts.stream, call.usage_added(), call.stores_answer()), (true, false, true));
    let tools: Vec<&str> = facts.tool_names.iter().map(AsRef::as_ref).collect();
    assert_eq!(tools, ["f", "c", "web_search", "image_generation"]);
    assert_eq!(implied(&call), ["gpt-image-1"]);

    let body = json!({"model": "m", "input": "a", "instructions": "b", "store": false});
    let call = read("/responses", &body).unwrap();
    let facts = call.facts();
    assert_eq!((facts.message_count, facts.has_system_prompt), (Some(1), Some(true)));
    assert_eq!((facts.has_tools, call.stores_answer()), (Some(false), false));
    let body = json!({"model": "m", "tools": [{"type": "image_generation", "model": "img"}]});
    assert_eq!(implied(&read("/responses", &body).unwrap()), ["img"]);
    for (field, value) in [
        ("input", json!(7)),
        ("input", json!(["a"])),
        ("tools", json!([{"type": "image_generation", "model": 7}])),
        ("tools", json!([{"type": "image_generation", "Model": "x"}])),
        ("stream", json!(1)),
        ("models", json!(["x"])),
    ] {
        let mut body = json!({"model": "m", "input": "a"});
        body[field] = value;
        assert!(refused("/responses", &body).is_some(), "{body}");
    }
}

#[test]
fn a_chat_is_stored_only_where_that_is_asked_for() {
    let stores = |store| {
        let body = json!({"model": "m", "messages": [], "store": store});
        read("/chat/completions", &body).map(|call| call.stores_answer())
    };
    assert_eq!(stores(json!(true)), Ok(true));
    assert_eq!(stores(json!(null)), Ok(false));
    assert_eq!(stores(json!(false)), Ok(false));
    assert!(stores(json!("yes")).is_err());
}

#[test]
fn a_batch_names_its_file_and_what_the_lines_ask_for() {
    let body =
        json!({"input_file_id": "file-1", "endpoint": "/v1/responses", "completion_window": "24h"});
    let call = read("/batches", &body).unwrap();
    assert_eq!(call.input_file().map(|id| &**id), Some("file-1"));
    assert_eq!(call.batch_endpoint(), Some("/v1/responses"));
    let reference = &call.references()[0];
    assert_eq!((reference.kind, reference.param), (ObjectKind::File, "input_file_id"));
    let call = call.with_batch_models(vec!["a".into(), "b".into(), "a".into()]);
    assert_eq!(implied(&call), ["a", "b"]);
    for (field, value) in [
        ("input_file_id", json!(null)),
        ("input_file_id", json!(7)),
        ("endpoint", json!(null)),
        ("endpoint", json!("/v1/files")),
        ("endpoint", json!("/v1/Responses")),
    ] {
        let mut body = body.clone();
        body[field] = value;
        assert_eq!(refused("/batches", &body).as_deref(), Some(field));
    }
}

#[test]
fn where_a_body_may_be_missing_it_is_an_object_or_nothing() {
    let read = |body: &'static str| {
        let route = find("POST", "/responses/resp_1/cancel", false).unwrap();
        Call::read(route, None, None, Bytes::from_static(body.as_bytes()), OPTIONS)
    };
    let nothing = read("").unwrap();
    assert_eq!((nothing.content_type(), nothing.target()), (None, "/responses/resp_1/cancel"));
    assert_eq!(read("{}").unwrap().content_type(), Some("application/json"));
    assert_eq!(read("[]").unwrap_err().status(), 400);
}

#[test]
fn an_unknown_endpoints_body_goes_on_unread() {
    let route = find("POST", "/vector_stores", true).unwrap();
    let body = Bytes::from_static(b"\xff not json");
    let call = Call::read(route, None, Some("text/x"), body.clone(), OPTIONS).unwrap();
    assert_eq!((call.content_type(), call.outgoing_body()), (Some("text/x"), body));
    assert_eq!(call.facts().endpoint, "unknown");
}

/// What each row's body must have, without asking for a stream.
fn required(endpoint: &Endpoint) -> Vec<(String, serde_json::Value)> {
    let fields = match endpoint.body {
        BodyKind::Chat => json!({"model": "m", "messages": [{"role": "user", "content": "é\n"}]}),
        BodyKind::Completion | BodyKind::Image => json!({"model": "m", "prompt": "p"}),
        BodyKind::Embedding | BodyKind::Moderation | BodyKind::Speech | BodyKind::Response => {
            json!({"model": "m", "input": "i"})
        }
        BodyKind::Batch => json!({"input_file_id": "f", "endpoint": "/v1/embeddings"}),
        _ => json!({}),
    };
    fields.as_object().unwrap().clone().into_iter().collect()
}

/// A text with some of its characters written as escapes.
fn escaped(text: &str, pattern: &mut impl Iterator<Item = bool>) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        if pattern.next() == Some(true) || character.is_control() || "\"\\".contains(character) {
            let units = character.encode_utf16(&mut [0; 2]).to_vec();
            written.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            written.push(character);
        }
    }
    written + "\""
}

proptest! {
    #[test]
    fn every_body_goes_on_byte_for_byte(
        unknown in prop::collection::btree_map("x_[a-zé]{1,6}", any::<String>(), 0..6),
        spaces in prop::collection::vec("[ \n\r\t]{0,3}", 8),
        escapes in prop::collection::vec(any::<bool>(), 16),
        rotation in 0usize..8,
        options in (any::<bool>(), any::<bool>()),
    ) {
        let options = ReadOptions { request_stream_usage: options.0, collect_references: options.1, collect_texts: true };
        let is_json = |row: &&Endpoint| !matches!(row.body, BodyKind::None | BodyKind::Form(_));
        for endpoint in ENDPOINTS.iter().filter(is_json) {
            let mut fields = required(endpoint);
            fields.extend(unknown.iter().map(|(key, value)| (key.clone(), json!({"y": [value]}))));
            let middle = rotation % fields.len().max(1);
            fields.rotate_left(middle);
            let mut space = spaces.iter().map(String::as_str).cycle();
            let mut pattern = escapes.iter().copied().cycle();
            let members: Vec<String> = fields.iter().map(|(key, value)| {
                let key = escaped(key, &mut pattern);
                let value = match value.as_str() {
                    Some(text) => escaped(text, &mut pattern),
                    None => serde_json::to_string_pretty(value).unwrap(),
                };
                format!("{}{key}{}:{}{value}", space.next().unwrap(), space.next().unwrap(), space.next().unwrap())
            }).collect();
            let body = Bytes::from(format!("{}{{{}}}{}", spaces[0], members.join(","), spaces[1]));
            let path = endpoint.path.replace("{id}", "x");
            let route = find(endpoint.method, &path, false).unwrap();
            let call = Call::read(route, None, None, body.clone(), options).unwrap();
            prop_assert_eq!(call.outgoing_body().as_ptr(), body.as_ptr());
            prop_assert_eq!(call.outgoing_body(), body);
        }
    }
}
