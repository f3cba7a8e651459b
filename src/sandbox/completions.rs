//! `POST /v1/completions`.
//!
//! Owns the older completion object, whose chunks have the same form as the whole.

use super::{
    answer::answer_prompt,
    chat::{FINGERPRINT, usage},
    problem::Problem,
    request::{Request, tokens_in},
    stream::stream,
};
use crate::clock;
use actix_web::HttpResponse;
use serde_json::{Value, json};
use uuid::Uuid;

/// What the real API answers at most when no limit is given.
const DEFAULT_MAX_TOKENS: usize = 16;

/// Answers a prompt, streamed or whole.
pub(super) fn create_completion(body: &[u8]) -> Result<HttpResponse, Problem> {
    let request = Request::parse(body)?;
    let prompt_tokens = match request.get("prompt") {
        Value::Null => return Err(Problem::Missing("prompt")),
        Value::String(prompt) => tokens_in(prompt),
        Value::Array(prompts) => {
            prompts.iter().map(|prompt| prompt.as_str().map_or(1, tokens_in)).sum()
        }
        _ => return Err(Problem::Invalid { param: "prompt", expected: "a string or a list" }),
    };
    let include_usage = request.includes_usage()?;
    let limit = request.count("max_tokens")?.unwrap_or(DEFAULT_MAX_TOKENS);
    let (text, finish_reason) = answer_prompt(&request, limit);
    let usage = usage(prompt_tokens, tokens_in(&text));

    let id = format!("cmpl-{}", Uuid::now_v7().simple());
    let created = clock::now().as_secs();
    let object = |choices: Value, usage: Option<Value>| {
        let mut object = json!({
            "id": id, "object": "text_completion", "created": created,
            "model": request.model(), "system_fingerprint": FINGERPRINT, "choices": choices,
        });
        if let (Some(usage), Some(members)) = (usage, object.as_object_mut()) {
            members.insert("usage".to_owned(), usage);
        }
        object
    };
    let choice = |text: &str, finish_reason: Option<&str>| json!([{ "text": text, "index": 0, "logprobs": null, "finish_reason": finish_reason }]);
    if !request.switch("stream")? {
        let whole = object(choice(&text, Some(finish_reason)), Some(usage));
        return Ok(HttpResponse::Ok().json(whole));
    }
    let no_usage = || include_usage.then_some(Value::Null);
    let words = text.split_inclusive(' ').map(|word| object(choice(word, None), no_usage()));
    let mut chunks: Vec<Value> = words.collect();
    chunks.push(object(choice("", Some(finish_reason)), no_usage()));
    if include_usage {
        chunks.push(object(json!([]), Some(usage)));
    }
    Ok(stream(chunks))
}
