//! A response as the events of its stream.
//!
//! Owns their order and numbers. They are made from the finished response, so that a stream can be
//! sent again at any time.

use serde_json::{Map, Value, json};

/// All events, from `response.created` to the one that ends the stream.
pub(super) fn of(response: &Value) -> Vec<Value> {
    let begun = with(
        response,
        json!({
            "status": "in_progress", "output": [], "usage": null, "completed_at": null,
            "incomplete_details": null,
        }),
    );
    let mut events = vec![
        json!({ "type": "response.created", "response": begun }),
        json!({ "type": "response.in_progress", "response": begun }),
    ];
    for (index, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        events.extend(item_events(index, item));
    }
    let status = response["status"].as_str().unwrap_or_default();
    let end = if status == "incomplete" { "response.incomplete" } else { "response.completed" };
    events.push(json!({ "type": end, "response": response }));
    let number = |(number, event)| with(&event, json!({ "sequence_number": number }));
    events.into_iter().enumerate().map(number).collect()
}

fn item_events(index: usize, item: &Value) -> Vec<Value> {
    let (empty, inside) = if item["type"] == "function_call" {
        (json!({ "status": "in_progress", "arguments": "" }), argument_events(item))
    } else {
        (json!({ "status": "in_progress", "content": [] }), text_events(item))
    };
    let first = json!({ "type": "response.output_item.added", "item": with(item, empty) });
    let last = json!({ "type": "response.output_item.done", "item": item });
    let place = json!({ "item_id": item["id"] });
    let inside = inside.iter().map(|event| with(event, place.clone()));
    let events = std::iter::once(first).chain(inside).chain([last]);
    events.map(|event| with(&event, json!({ "output_index": index }))).collect()
}

fn text_events(item: &Value) -> Vec<Value> {
    let part = item.pointer("/content/0").unwrap_or(&Value::Null);
    let text = part["text"].as_str().unwrap_or_default();
    let empty = with(part, json!({ "text": "" }));
    let mut events = vec![json!({ "type": "response.content_part.added", "part": empty })];
    events.extend(text.split_inclusive(' ').map(
        |word| json!({ "type": "response.output_text.delta", "delta": word, "logprobs": [] }),
    ));
    events.push(json!({ "type": "response.output_text.done", "text": text, "logprobs": [] }));
    events.push(json!({ "type": "response.content_part.done", "part": part }));
    events.iter().map(|event| with(event, json!({ "content_index": 0 }))).collect()
}

fn argument_events(item: &Value) -> Vec<Value> {
    let arguments = item["arguments"].as_str().unwrap_or_default();
    let pieces = arguments.split_inclusive([':', ',']);
    let deltas = pieces
        .map(|piece| json!({ "type": "response.function_call_arguments.delta", "delta": piece }));
    let done = json!({
        "type": "response.function_call_arguments.done",
        "name": item["name"], "arguments": arguments,
    });
    deltas.chain([done]).collect()
}

/// An object with some members set.
fn with(object: &Value, members: Value) -> Value {
    let set = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let both: Map<String, Value> = set(object).into_iter().chain(set(&members)).collect();
    both.into()
}
