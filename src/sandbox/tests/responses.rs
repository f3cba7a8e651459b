//! Responses.

use super::{Reply, Sandbox, start};
use serde_json::{Value, json};

fn ask(sandbox: &Sandbox, extra: Value) -> Reply {
    let mut body = json!({ "model": "gpt-4o", "input": "Hello" });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    sandbox.post("/responses", &body)
}

fn path_of(response: &Value) -> String {
    format!("/responses/{}", response["id"].as_str().unwrap())
}

fn weather() -> Value {
    let schema = json!({ "type": "object", "properties": { "city": {"type": "string"} } });
    let tool = json!({ "type": "function", "name": "get_weather", "parameters": schema });
    json!({ "tools": [{ "type": "web_search" }, tool], "input": "How is the weather?" })
}

#[test]
fn a_stream_has_every_event_in_order_and_ends_with_the_whole() {
    let sandbox = start().unwrap();
    let events = ask(&sandbox, json!({ "stream": true })).events();
    let mut types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    types.dedup();
    assert_eq!(
        types,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let whole = &events.last().unwrap()["response"];
    let text = whole["output"][0]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("This answer comes from the Portcullis sandbox"));
    assert_eq!(events.iter().filter_map(|event| event["delta"].as_str()).collect::<String>(), text);
    assert!(whole["usage"]["total_tokens"].as_u64().unwrap() > 10);
    assert_eq!(&sandbox.get(&path_of(whole)).json(), whole);
    let again = sandbox.get(&format!("{}?stream=true&starting_after=3", path_of(whole))).events();
    assert_eq!(again, events[4..]);
}

#[test]
fn a_function_is_called_and_its_answer_is_taken_up() {
    let sandbox = start().unwrap();
    let called = ask(&sandbox, weather()).json();
    let call = &called["output"][0];
    assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("get_weather")));
    assert_eq!(call["arguments"], "{\"city\":\"sandbox\"}");
    let output = json!({ "type": "function_call_output", "call_id": call["call_id"],
                         "output": "sunny" });
    let mut next = weather();
    next["input"] = json!([output]);
    next["previous_response_id"] = called["id"].clone();
    let answered = ask(&sandbox, next).json();
    assert_eq!(answered["output"][0]["type"], "message");
    let items = sandbox.get(&format!("{}/input_items?order=asc", path_of(&answered))).json();
    let types: Vec<_> = items["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["message", "function_call", "function_call_output"]);

    let mut streamed = weather();
    streamed["stream"] = json!(true);
    let events = ask(&sandbox, streamed).events();
    let pieces = events.iter().filter_map(|event| event["delta"].as_str());
    assert_eq!(call["arguments"], pieces.collect::<String>());
    let forced = json!({ "tools": weather()["tools"], "tool_choice": {"type": "function", "name": "get_weather"} });
    assert_eq!(ask(&sandbox, forced).json()["output"][0]["type"], "function_call");
}

#[test]
fn a_response_is_known_only_when_it_was_stored_and_until_it_is_deleted() {
    let sandbox = start().unwrap();
    let unstored = ask(&sandbox, json!({ "store": false })).json();
    assert_eq!(sandbox.get(&path_of(&unstored)).status, 404);
    let follow_up = ask(&sandbox, json!({ "previous_response_id": unstored["id"] }));
    assert_eq!(follow_up.status, 400);
    assert_eq!(follow_up.json()["error"]["code"], "previous_response_not_found");
    let stored = ask(&sandbox, json!({})).json();
    assert_eq!(sandbox.delete(&path_of(&stored)).json()["deleted"], true);
    assert_eq!(sandbox.get(&path_of(&stored)).status, 404);
}

#[test]
fn only_what_runs_in_the_background_is_cancelled() {
    let sandbox = start().unwrap();
    let cancel =
        |response: &Value| sandbox.post(&format!("{}/cancel", path_of(response)), &json!({}));
    let background = ask(&sandbox, json!({ "background": true })).json();
    assert_eq!(cancel(&background).json()["status"], "cancelled");
    assert_eq!(cancel(&ask(&sandbox, json!({})).json()).status, 400);
}

#[test]
fn a_limit_makes_it_incomplete_and_a_schema_is_answered() {
    let sandbox = start().unwrap();
    let cut = ask(&sandbox, json!({ "max_output_tokens": 2, "stream": true })).events();
    let last = cut.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
    let schema = json!({ "type": "object", "properties": { "age": { "type": "integer" } } });
    let format = json!({ "type": "json_schema", "name": "x", "schema": schema });
    let reply = ask(&sandbox, json!({ "text": { "format": format } })).json();
    assert_eq!(reply["output"][0]["content"][0]["text"], "{\"age\":1}");
    assert_eq!(ask(&sandbox, json!({ "input": null })).status, 400);
    assert_eq!(ask(&sandbox, json!({ "input": 1 })).status, 400);
    assert_eq!(ask(&sandbox, json!({ "conversation": "conv_1" })).status, 404);
}
