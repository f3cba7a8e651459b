//! `POST /v1/moderations`.
//!
//! Owns the categories. The sandbox finds nothing: it does not read what it is given.

use super::{problem::Problem, request::Request};
use actix_web::HttpResponse;
use serde_json::{Map, Value, json};
use uuid::Uuid;

const DEFAULT_MODEL: &str = "omni-moderation-latest";
const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// Answers one result per text; a list of parts is one input.
pub(super) fn create_moderation(body: &[u8]) -> Result<HttpResponse, Problem> {
    let request = Request::parse_or(body, DEFAULT_MODEL)?;
    let results = match request.get("input") {
        Value::Null => return Err(Problem::Missing("input")),
        Value::String(_) => 1,
        Value::Array(texts) if texts.iter().all(Value::is_string) => texts.len(),
        Value::Array(_) => 1,
        _ => return Err(Problem::Invalid { param: "input", expected: "a string or a list" }),
    };
    let of_each = |value: Value| -> Map<String, Value> {
        CATEGORIES.into_iter().map(|name| (name.to_owned(), value.clone())).collect()
    };
    let result = json!({
        "flagged": false,
        "categories": of_each(json!(false)),
        "category_scores": of_each(json!(0.00001)),
        "category_applied_input_types": of_each(json!(["text"])),
    });
    Ok(HttpResponse::Ok().json(json!({
        "id": format!("modr-{}", Uuid::now_v7().simple()),
        "model": request.model(),
        "results": vec![result; results],
    })))
}
