//! Stored chat completions: those that were created with `store: true`.
//!
//! Owns what is told of them afterwards.

use super::{
    page::{Page, parameter},
    problem::Problem,
    request::object_in,
    shelf::{Kept, Shelves},
};
use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use serde_json::{Value, json};

const DEFAULT_LIMIT: usize = 20;

/// Keeps a completion with the messages that it answers.
pub(super) fn keep_completion(
    shelves: &Shelves,
    mut completion: Value,
    metadata: &Value,
    messages: &[Value],
) {
    if let Some(members) = completion.as_object_mut() {
        let metadata = if metadata.is_null() { json!({}) } else { metadata.clone() };
        members.insert("metadata".to_owned(), metadata);
    }
    let id = completion.get("id").and_then(Value::as_str).unwrap_or_default();
    let message = |(index, message): (usize, &Value)| {
        let content = &message["content"];
        let (text, parts) =
            if content.is_array() { (&Value::Null, content) } else { (content, &Value::Null) };
        json!({
            "id": format!("{id}-{index}"), "role": message["role"], "name": message.get("name"),
            "content": text, "content_parts": parts,
        })
    };
    let items = messages.iter().enumerate().map(message).collect();
    shelves.completions.put(Kept { object: completion, content: Bytes::new(), items });
}

/// `GET /v1/chat/completions`.
pub(super) fn list_completions(
    shelves: &Shelves,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let model = parameter(request, "model");
    let page = Page::read(request, DEFAULT_LIMIT, false)?;
    shelves
        .completions
        .list(&page, |completion| model.as_deref().is_none_or(|model| completion["model"] == model))
}

/// `POST /v1/chat/completions/{id}`: other metadata.
pub(super) fn update_completion(
    shelves: &Shelves,
    id: &str,
    body: &[u8],
) -> Result<HttpResponse, Problem> {
    let metadata = object_in(body)?.get("metadata").cloned();
    shelves.completions.set(id, "metadata", metadata.ok_or(Problem::Missing("metadata"))?)
}

/// `GET /v1/chat/completions/{id}/messages`.
pub(super) fn list_messages(
    shelves: &Shelves,
    request: &HttpRequest,
    id: &str,
) -> Result<HttpResponse, Problem> {
    let messages = shelves.completions.find(id)?.items;
    Page::read(request, DEFAULT_LIMIT, false)?.of(messages.iter())
}
