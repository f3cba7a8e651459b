//! What a caller gets in place of what was blocked.
//!
//! Owns the shapes in which each endpoint says so: valid answers and events for the official SDKs, which
//! show the reference's `blocked` object at the same time. It must never say what was found.

mod response;

use super::{BodyKind, Endpoint, StreamHead};
use bytes::Bytes;
use response::{lifecycle, response};
use serde_json::{Value, json};

/// What the reference says.
pub const BLOCKED_MESSAGE: &str = "Content blocked due to policy violations";

const DONE: &str = "data: [DONE]\n\n";

/// What an answer that was blocked still tells.
#[derive(Clone, Copy, Debug)]
pub struct BlockedAnswer<'a> {
    /// The decision's id.
    pub id: &'a str,
    /// The model that was asked for.
    pub model: Option<&'a str>,
    /// Now, in seconds since 1970.
    pub created_secs: i64,
}

/// A blocked answer as it is sent.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// Its content type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: Bytes,
}

/// A choice of a stream that had begun.
#[derive(Clone, Copy, Debug, Default)]
pub struct BegunChoice {
    /// Its index.
    pub index: u32,
    /// The client has text of it.
    pub has_text: bool,
    /// It has its finish reason.
    pub is_finished: bool,
}

/// What the client has of a stream that is cut.
#[derive(Clone, Copy, Debug, Default)]
pub struct BegunStream<'a> {
    /// The words that its events repeat; `None`: it has none of its events.
    pub head: Option<&'a StreamHead>,
    /// Of a stream of chunks, the choices.
    pub choices: &'a [BegunChoice],
    /// Of a stream with numbered events, the next number.
    pub next_sequence: u32,
}

/// In which shape an endpoint says it.
#[derive(Clone, Copy)]
enum Shape {
    Chat,
    Completion,
    Response,
}

impl Shape {
    fn of(endpoint: &Endpoint) -> Option<Self> {
        match (endpoint.body, endpoint.name) {
            (BodyKind::Chat, _) => Some(Self::Chat),
            (BodyKind::Completion, _) => Some(Self::Completion),
            (BodyKind::Response, _) | (_, "responses/{id}") => Some(Self::Response),
            _ => None,
        }
    }

    const fn id_prefix(self) -> &'static str {
        match self {
            Self::Chat => "chatcmpl-",
            Self::Completion => "cmpl-",
            Self::Response => "resp_",
        }
    }
}

/// The answer in place of one that was blocked before anything of it was sent. `None`: the endpoint
/// has no such shape, and the call is refused.
pub fn blocked_answer(
    endpoint: &Endpoint,
    stream: bool,
    it: &BlockedAnswer<'_>,
) -> Option<Blocked> {
    let shape = Shape::of(endpoint).filter(|_| endpoint.method == "POST")?;
    if stream {
        let body = events(shape, it, &BegunStream::default()).into();
        return Some(Blocked { content_type: "text/event-stream", body });
    }
    let words = Words::of(shape, it, None);
    let body = match shape {
        Shape::Chat => whole_chat(&words),
        Shape::Completion => whole_completion(&words),
        Shape::Response => response(&words, "incomplete"),
    };
    Some(Blocked { content_type: super::CONTENT_TYPE, body: body.to_string().into() })
}

/// What ends a stream that is cut: one event that is the reference's `blocked` object and a valid
/// event of the endpoint, then the endpoint's own end. A choice of which the client has text gets no
/// more of it, so that an answer is never mixed with our words; one without gets the message.
pub fn blocked_event(
    endpoint: &Endpoint,
    it: &BlockedAnswer<'_>,
    begun: &BegunStream<'_>,
) -> Bytes {
    match Shape::of(endpoint) {
        Some(shape) => events(shape, it, begun).into(),
        None => event(None, &error()).into(),
    }
}

fn events(shape: Shape, it: &BlockedAnswer<'_>, begun: &BegunStream<'_>) -> String {
    let words = Words::of(shape, it, begun.head);
    match shape {
        Shape::Chat => event(None, &chunk(&words, begun, chat_choice)) + DONE,
        Shape::Completion => event(None, &chunk(&words, begun, completion_choice)) + DONE,
        Shape::Response => {
            let mut all = String::new();
            let mut sequence = begun.next_sequence;
            if begun.head.is_none() {
                let created = lifecycle("response.created", sequence, &words, "in_progress");
                all.push_str(&event(Some("response.created"), &created));
                sequence += 1;
            }
            let mut last = lifecycle("response.incomplete", sequence, &words, "incomplete");
            mark(&mut last);
            all.push_str(&event(Some("response.incomplete"), &last));
            all
        }
    }
}

/// The words that every event of an answer repeats: its own, where it has told them.
struct Words<'a> {
    id: String,
    /// For ids within the answer.
    decision: &'a str,
    model: &'a str,
    created_secs: i64,
    object: &'static str,
}

impl<'a> Words<'a> {
    fn of(shape: Shape, it: &BlockedAnswer<'a>, head: Option<&'a StreamHead>) -> Self {
        let own_id = head.and_then(|head| head.id.as_deref());
        Self {
            id: own_id.map_or_else(|| format!("{}{}", shape.id_prefix(), it.id), str::to_owned),
            decision: it.id,
            model: head.and_then(|head| head.model.as_deref()).or(it.model).unwrap_or_default(),
            created_secs: head.and_then(|head| head.created_secs).unwrap_or(it.created_secs),
            object: match shape {
                Shape::Chat => "chat.completion.chunk",
                Shape::Completion => "text_completion",
                Shape::Response => "response",
            },
        }
    }
}

fn whole_chat(words: &Words<'_>) -> Value {
    json!({
        "id": words.id,
        "object": "chat.completion",
        "created": words.created_secs,
        "model": words.model,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": BLOCKED_MESSAGE, "refusal": null},
            "logprobs": null,
            "finish_reason": "content_filter",
        }],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    })
}

fn whole_completion(words: &Words<'_>) -> Value {
    json!({
        "id": words.id,
        "object": words.object,
        "created": words.created_secs,
        "model": words.model,
        "choices": [completion_choice(0, Some(BLOCKED_MESSAGE), false)],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    })
}

/// One chunk that finishes every choice that is not finished.
fn chunk(
    words: &Words<'_>,
    begun: &BegunStream<'_>,
    choice: fn(u32, Option<&str>, bool) -> Value,
) -> Value {
    let unfinished = begun.choices.iter().filter(|choice| !choice.is_finished);
    let text = |has_text: bool| (!has_text).then_some(BLOCKED_MESSAGE);
    let mut choices: Vec<Value> =
        unfinished.map(|it| choice(it.index, text(it.has_text), true)).collect();
    if begun.choices.is_empty() {
        choices.push(choice(0, Some(BLOCKED_MESSAGE), false));
    }
    let mut chunk = json!({
        "id": words.id,
        "object": words.object,
        "created": words.created_secs,
        "model": words.model,
        "choices": choices,
    });
    mark(&mut chunk);
    chunk
}

/// SDKs add a role to the one that they have, so it is said only once.
fn chat_choice(index: u32, text: Option<&str>, has_role: bool) -> Value {
    let mut delta = json!({});
    if let Some(delta) = delta.as_object_mut() {
        if !has_role {
            delta.insert("role".into(), "assistant".into());
        }
        if let Some(text) = text {
            delta.insert("content".into(), text.into());
        }
    }
    json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": "content_filter"})
}

fn completion_choice(index: u32, text: Option<&str>, _begun: bool) -> Value {
    let text = text.unwrap_or_default();
    json!({"index": index, "text": text, "logprobs": null, "finish_reason": "content_filter"})
}

/// The SDKs raise it as an error.
fn error() -> Value {
    let mut error = json!({
        "error": {
            "message": BLOCKED_MESSAGE,
            "type": "invalid_request_error",
            "param": null,
            "code": "content_blocked",
        },
    });
    mark(&mut error);
    error
}

/// Makes an object the reference's `blocked` object too.
fn mark(object: &mut Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert("blocked".into(), true.into());
        members.insert("message".into(), BLOCKED_MESSAGE.into());
    }
}

fn event(name: Option<&str>, data: &Value) -> String {
    match name {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}

#[cfg(test)]
mod tests;
