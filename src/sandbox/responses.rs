//! `/v1/responses`.
//!
//! Owns the response object. It answers as the sandbox's chat does, and remembers unless told not to.

mod events;

use super::{
    answer::{Answer, answer_chat},
    page::{Page, parameter},
    problem::Problem,
    request::{Request, text_of, tokens_in},
    shelf::{Kept, Shelves},
    stream::stream_events,
};
use crate::clock;
use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use serde_json::{Value, json};
use uuid::Uuid;

const DEFAULT_LIMIT: usize = 20;

/// `POST /v1/responses`.
pub(super) fn create_response(shelves: &Shelves, body: &[u8]) -> Result<HttpResponse, Problem> {
    let request = Request::parse(body)?;
    let items = conversation(shelves, &request)?;
    let limit = request.count("max_output_tokens")?;
    let answer = answer_chat(&as_chat(&request)?, &items, limit);
    let input_tokens = items.iter().map(|item| tokens_in(&text_of(&item["content"])) + 4).sum();
    let response = whole(&request, &answer, usage(input_tokens, answer.tokens()));
    if request.get("store") != &Value::Bool(false) {
        let object = response.clone();
        shelves.responses.put(Kept { object, content: Bytes::new(), items });
    }
    if request.switch("stream")? {
        Ok(stream_events(events::of(&response)))
    } else {
        Ok(HttpResponse::Ok().json(response))
    }
}

/// `GET /v1/responses/{id}`, streamed again when the query asks for it.
pub(super) fn show_response(
    shelves: &Shelves,
    request: &HttpRequest,
    id: &str,
) -> Result<HttpResponse, Problem> {
    let response = shelves.responses.find(id)?.object;
    if parameter(request, "stream").as_deref() != Some("true") {
        return Ok(HttpResponse::Ok().json(response));
    }
    let mut events = events::of(&response);
    if let Some(last_seen) = parameter(request, "starting_after") {
        let expected = "a sequence number";
        let wrong = |_not_a_number| Problem::Invalid { param: "starting_after", expected };
        let last_seen: u64 = last_seen.parse().map_err(wrong)?;
        events.retain(|event| event["sequence_number"].as_u64() > Some(last_seen));
    }
    Ok(stream_events(events))
}

/// `POST /v1/responses/{id}/cancel`: only what runs in the background can be cancelled.
pub(super) fn cancel_response(shelves: &Shelves, id: &str) -> Result<HttpResponse, Problem> {
    if shelves.responses.find(id)?.get("background") != &Value::Bool(true) {
        return Err(Problem::NotInBackground);
    }
    shelves.responses.set(id, "status", json!("cancelled"))
}

/// `GET /v1/responses/{id}/input_items`.
pub(super) fn list_input_items(
    shelves: &Shelves,
    request: &HttpRequest,
    id: &str,
) -> Result<HttpResponse, Problem> {
    let items = shelves.responses.find(id)?.items;
    Page::read(request, DEFAULT_LIMIT, true)?.of(items.iter())
}

/// What was said before, if the request goes on from another response, and its own input.
fn conversation(shelves: &Shelves, request: &Request) -> Result<Vec<Value>, Problem> {
    if !request.get("conversation").is_null() {
        return Err(Problem::NoSuch("The sandbox keeps no conversations.".to_owned()));
    }
    let mut items = match request.get("previous_response_id").as_str() {
        None => Vec::new(),
        Some(id) => {
            let unknown = |_no_such| Problem::NoPreviousResponse(id.to_owned());
            let previous = shelves.responses.find(id).map_err(unknown)?;
            let output = previous.get("output").as_array().cloned().unwrap_or_default();
            previous.items.into_iter().chain(output).collect()
        }
    };
    match request.get("input") {
        // Asking again without further words is allowed.
        Value::Null if !items.is_empty() => {}
        Value::Null => return Err(Problem::Missing("input")),
        Value::String(text) => items.push(input_item(&json!({ "role": "user", "content": text }))),
        Value::Array(given) => items.extend(given.iter().map(input_item)),
        _ => return Err(Problem::Invalid { param: "input", expected: "a string or a list" }),
    }
    Ok(items)
}

/// An item of the input in the form in which it is listed: with an id, and content in parts.
fn input_item(given: &Value) -> Value {
    let mut item = given.clone();
    let Some(members) = item.as_object_mut() else { return item };
    let role = given.get("role");
    let prefix = if role.is_some() { "msg" } else { "item" };
    members.entry("id").or_insert_with(|| json!(format!("{prefix}_{}", Uuid::now_v7().simple())));
    members.entry("status").or_insert_with(|| json!("completed"));
    let Some(role) = role else { return item };
    if let Some(text) = given["content"].as_str() {
        let kind = if role == "assistant" { "output_text" } else { "input_text" };
        let mut part = json!({ "type": kind, "text": text });
        if let Some(part) = part.as_object_mut().filter(|_| role == "assistant") {
            part.insert("annotations".to_owned(), json!([]));
        }
        members.insert("content".to_owned(), json!([part]));
    }
    members.entry("type").or_insert_with(|| json!("message"));
    item
}

/// The request as the chat endpoint would have it: there, functions and formats are nested deeper.
fn as_chat(request: &Request) -> Result<Request, Problem> {
    let nested = |function: &Value| json!({ "type": "function", "function": function });
    let tools = request.get("tools").as_array().into_iter().flatten();
    let tools: Value = tools.filter(|tool| tool["type"] == "function").map(nested).collect();
    let choice = request.get("tool_choice");
    let format = request.get("text").get("format").unwrap_or(&Value::Null);
    Request::of(
        json!({
            "model": request.model(),
            "tools": tools,
            "tool_choice": if choice.is_object() { nested(choice) } else { choice.clone() },
            "response_format": { "type": format["type"], "json_schema": format },
        }),
        None,
    )
}

/// Token counts in the form that this endpoint has for them.
fn usage(input_tokens: usize, output_tokens: usize) -> Value {
    json!({
        "input_tokens": input_tokens,
        "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
        "output_tokens": output_tokens,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": input_tokens + output_tokens,
    })
}

fn output_item(answer: &Answer, status: &str) -> Value {
    let id = Uuid::now_v7().simple();
    match answer {
        Answer::Text { text, .. } => json!({
            "id": format!("msg_{id}"), "type": "message", "role": "assistant", "status": status,
            "content": [{ "type": "output_text", "text": text, "annotations": [], "logprobs": [] }],
        }),
        Answer::ToolCall { name, arguments } => json!({
            "id": format!("fc_{id}"), "type": "function_call", "status": status,
            "call_id": format!("call_{id}"), "name": name, "arguments": arguments,
        }),
    }
}

fn whole(request: &Request, answer: &Answer, usage: Value) -> Value {
    let cut = answer.finish_reason() == "length";
    let status = if cut { "incomplete" } else { "completed" };
    let or = |name: &str, default: Value| match request.get(name) {
        Value::Null => default,
        given => given.clone(),
    };
    let now = clock::now().as_secs();
    json!({
        "id": format!("resp_{}", Uuid::now_v7().simple()),
        "object": "response",
        "created_at": now,
        "completed_at": (!cut).then_some(now),
        "status": status,
        "background": or("background", json!(false)),
        "error": null,
        "incomplete_details": cut.then(|| json!({ "reason": "max_output_tokens" })),
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "model": request.model(),
        "output": [output_item(answer, status)],
        "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
        "previous_response_id": request.get("previous_response_id"),
        "reasoning": or("reasoning", json!({ "effort": null, "summary": null })),
        "service_tier": "default",
        "store": or("store", json!(true)),
        "temperature": or("temperature", json!(1.0)),
        "text": or("text", json!({ "format": { "type": "text" } })),
        "tool_choice": or("tool_choice", json!("auto")),
        "tools": or("tools", json!([])),
        "top_p": or("top_p", json!(1.0)),
        "truncation": or("truncation", json!("disabled")),
        "usage": usage,
        "user": request.get("user"),
        "metadata": or("metadata", json!({})),
    })
}
