//! The shapes of what was blocked.

use super::*;
use crate::openai::ENDPOINTS;

const IT: BlockedAnswer<'_> = BlockedAnswer { id: "dec1", model: Some("gpt-4o"), created_secs: 7 };

fn endpoint(name: &str) -> &'static Endpoint {
    ENDPOINTS.iter().find(|row| row.name == name).unwrap()
}

fn whole(name: &str) -> Value {
    let blocked = blocked_answer(endpoint(name), false, &IT).unwrap();
    assert_eq!(blocked.content_type, "application/json");
    serde_json::from_slice(&blocked.body).unwrap()
}

/// The data of the events of a stream.
fn data(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn whole_answers_have_the_references_shapes() {
    let expected = json!({
        "id": "chatcmpl-dec1", "object": "chat.completion", "created": 7, "model": "gpt-4o",
        "choices": [{"index": 0, "logprobs": null, "finish_reason": "content_filter",
            "message": {"role": "assistant", "content": BLOCKED_MESSAGE, "refusal": null}}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    });
    assert_eq!(whole("chat/completions"), expected);
    let completion = whole("completions");
    assert_eq!(completion["choices"][0]["text"], BLOCKED_MESSAGE);
    assert_eq!(completion["choices"][0]["finish_reason"], "content_filter");
    let response = whole("responses");
    assert_eq!((&response["id"], &response["status"]), (&json!("resp_dec1"), &json!("incomplete")));
    assert_eq!(response["incomplete_details"]["reason"], "content_filter");
    assert_eq!(response["output"][0]["content"][0]["text"], BLOCKED_MESSAGE);
}

#[test]
fn a_stream_that_never_began_tells_everything_in_its_few_events() {
    for name in ["chat/completions", "completions"] {
        let blocked = blocked_answer(endpoint(name), true, &IT).unwrap();
        assert_eq!(blocked.content_type, "text/event-stream");
        assert!(blocked.body.ends_with(b"\n\ndata: [DONE]\n\n"));
        let events = data(&blocked.body);
        assert_eq!(events.len(), 1);
        assert_eq!(
            (&events[0]["blocked"], &events[0]["message"]),
            (&json!(true), &json!(BLOCKED_MESSAGE))
        );
        assert_eq!(events[0]["choices"][0]["finish_reason"], "content_filter");
    }
    let events = data(&blocked_answer(endpoint("responses"), true, &IT).unwrap().body);
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["response.created", "response.incomplete"]);
    assert_eq!(events[0]["response"]["id"], events[1]["response"]["id"]);
    assert_eq!((&events[1]["blocked"], &events[1]["sequence_number"]), (&json!(true), &json!(1)));
}

#[test]
fn other_endpoints_have_no_shape_and_their_streams_end_with_an_error() {
    for name in ["embeddings", "moderations", "audio/transcriptions", "responses/{id}", "models"] {
        assert!(blocked_answer(endpoint(name), false, &IT).is_none());
    }
    let event = blocked_event(endpoint("audio/transcriptions"), &IT, &BegunStream::default());
    let events = data(&event);
    assert_eq!(
        (&events[0]["error"]["code"], &events[0]["blocked"]),
        (&json!("content_blocked"), &json!(true))
    );
}
