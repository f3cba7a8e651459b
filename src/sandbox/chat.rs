//! `POST /v1/chat/completions`.
//!
//! Owns the completion object and its chunks.

use super::{
    answer::{Answer, answer_chat},
    problem::Problem,
    request::{Request, text_of, tokens_in},
    shelf::Shelves,
    stored::keep_completion,
    stream::stream,
};
use crate::clock;
use actix_web::HttpResponse;
use serde_json::{Value, json};
use uuid::Uuid;

/// What every answer says of its maker.
pub(super) const FINGERPRINT: &str = "portcullis-sandbox";

/// Answers a conversation, streamed or whole.
pub(super) fn create_chat_completion(
    shelves: &Shelves,
    body: &[u8],
) -> Result<HttpResponse, Problem> {
    let request = Request::parse(body)?;
    let messages = match request.get("messages") {
        Value::Null => return Err(Problem::Missing("messages")),
        Value::Array(messages) if !messages.is_empty() => messages,
        _ => return Err(Problem::Invalid { param: "messages", expected: "a list of messages" }),
    };
    let limit = match request.count("max_completion_tokens")? {
        Some(limit) => Some(limit),
        None => request.count("max_tokens")?,
    };
    let include_usage = request.includes_usage()?;
    let answer = answer_chat(&request, messages, limit);
    let prompt_tokens = messages.iter().map(|message| tokens_in(&text_of(&message["content"])) + 4);
    let completion = Completion {
        id: format!("chatcmpl-{}", Uuid::now_v7().simple()),
        created: clock::now().as_secs(),
        model: request.model(),
        usage: usage(prompt_tokens.sum::<usize>() + 3, answer.tokens()),
        answer,
    };
    if request.switch("store")? {
        keep_completion(shelves, completion.whole(), request.get("metadata"), messages);
    }
    if request.switch("stream")? {
        Ok(stream(completion.chunks(include_usage)))
    } else {
        Ok(HttpResponse::Ok().json(completion.whole()))
    }
}

/// Token counts in the form of the real API.
pub(super) fn usage(prompt_tokens: usize, completion_tokens: usize) -> Value {
    json!({
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

struct Completion<'a> {
    id: String,
    created: i64,
    model: &'a str,
    answer: Answer,
    usage: Value,
}

impl Completion<'_> {
    fn whole(&self) -> Value {
        let message = match &self.answer {
            Answer::Text { text, .. } => json!({
                "role": "assistant", "content": text, "refusal": null, "annotations": [],
            }),
            Answer::ToolCall { name, arguments } => json!({
                "role": "assistant", "content": null, "refusal": null, "annotations": [],
                "tool_calls": [{
                    "id": self.call_id(), "type": "function",
                    "function": { "name": name, "arguments": arguments },
                }],
            }),
        };
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{
                "index": 0, "message": message, "logprobs": null,
                "finish_reason": self.answer.finish_reason(),
            }],
            "usage": self.usage,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        })
    }

    /// The role, the pieces, the finish reason and, when asked for, the token counts.
    fn chunks(&self, include_usage: bool) -> Vec<Value> {
        let mut deltas = match &self.answer {
            Answer::Text { text, .. } => {
                let first = json!({ "role": "assistant", "content": "", "refusal": null });
                let words = text.split_inclusive(' ').map(|word| json!({ "content": word }));
                std::iter::once(first).chain(words).collect::<Vec<_>>()
            }
            Answer::ToolCall { name, arguments } => {
                let call = json!({
                    "index": 0, "id": self.call_id(), "type": "function",
                    "function": { "name": name, "arguments": "" },
                });
                let first = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
                let pieces = arguments.split_inclusive([':', ',']).map(|piece| {
                    json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] })
                });
                std::iter::once(first).chain(pieces).collect()
            }
        };
        let last = json!({});
        deltas.push(last);
        let finished = deltas.len() - 1;
        let choices = deltas.into_iter().enumerate().map(|(position, delta)| {
            let finish_reason = (position == finished).then(|| self.answer.finish_reason());
            json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason }])
        });
        let mut chunks: Vec<Value> = choices
            .map(|choices| self.chunk(choices, include_usage.then_some(Value::Null)))
            .collect();
        if include_usage {
            chunks.push(self.chunk(json!([]), Some(self.usage.clone())));
        }
        chunks
    }

    /// `usage` is absent unless asked for, and then null in every chunk but the last.
    fn chunk(&self, choices: Value, usage: Option<Value>) -> Value {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        });
        if let (Some(usage), Some(members)) = (usage, chunk.as_object_mut()) {
            members.insert("usage".to_owned(), usage);
        }
        chunk
    }

    fn call_id(&self) -> String {
        self.id.replace("chatcmpl-", "call_")
    }
}
