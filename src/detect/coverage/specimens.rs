//! A call and an answer of each kind, in which every text says what it is.
//!
//! Owns no knowledge of what is read: a specimen holds what such a body can hold, and the readers say what they find.

use crate::openai::{AnswerKind, BodyKind, Endpoint, FormKind};
use crate::types::ObjectKind;
use serde_json::{Value, json};

/// The query of a call.
pub(super) const QUERY: &str = "the+query";

const BOUNDARY: &str = "specimen";
const CONTENT_TYPE: &str = "multipart/form-data; boundary=specimen";
/// The beginning of a picture, in base64.
const BYTES: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkS";

/// The content type and the body of a call.
pub(super) fn call(kind: BodyKind) -> (Option<&'static str>, Vec<u8>) {
    let body = match kind {
        BodyKind::None => return (None, Vec::new()),
        BodyKind::Form(form) => return (Some(CONTENT_TYPE), form_of(form)),
        BodyKind::Chat => chat(),
        BodyKind::Completion => json!({
            "prompt": ["the prompt", 7], "suffix": "the suffix", "user": "the end user's id",
            "stop": ["stop sequences and all other fields"],
        }),
        BodyKind::Embedding => json!({ "input": ["the input", 7], "user": "the end user's id" }),
        BodyKind::Moderation => json!({ "input": [
            { "type": "text", "text": "the input" },
            { "type": "image_url", "image_url": { "url": data_url() } },
        ] }),
        BodyKind::Speech => {
            json!({ "input": "the words to speak", "instructions": "how to speak them" })
        }
        BodyKind::Image => json!({ "prompt": "the prompt", "user": "the end user's id" }),
        BodyKind::Response => response(),
        BodyKind::Batch => json!({
            "input_file_id": "file_1", "endpoint": "/v1/chat/completions",
            "metadata": { "key": "metadata, keys and values" },
        }),
        BodyKind::Json => json!({
            "metadata": { "key": "metadata, keys and values" }, "other": "all other fields",
        }),
        BodyKind::Unread => json!("nothing of it is read"),
    };
    let body = with_model(body);
    (Some("application/json"), body.to_string().into_bytes())
}

/// A plain answer.
pub(super) fn answer(endpoint: &Endpoint) -> Vec<u8> {
    let answer = match (endpoint.body, endpoint.answer) {
        (BodyKind::Speech, _) => return vec![0xff],
        (BodyKind::Embedding, _) => json!({ "data": [{ "embedding": [0.5] }] }),
        (_, AnswerKind::Opaque) => batch_output(),
        (_, AnswerKind::ModelList) => json!({ "data": [{ "id": "a model's name and owner" }] }),
        (BodyKind::Completion, _) => json!({
            "choices": [{ "text": "the completion", "logprobs": { "tokens": ["tokens with their probabilities"] } }],
        }),
        (BodyKind::Moderation, _) => {
            json!({ "results": [{ "other": "all fields of the answer" }] })
        }
        (BodyKind::Form(FormKind::Transcription | FormKind::Translation), _) => {
            json!({ "text": "what was heard", "segments": [{ "text": "what was heard, piece by piece" }] })
        }
        (BodyKind::Image | BodyKind::Form(FormKind::ImageEdit | FormKind::ImageVariation), _) => {
            json!({ "data": [{ "revised_prompt": "the revised prompt", "b64_json": BYTES }] })
        }
        (body, _) => of_object(endpoint, body),
    };
    answer.to_string().into_bytes()
}

/// What the specimens cannot show: what is no text by its nature, and what another call of this kind would hold.
pub(super) fn never_text(endpoint: &Endpoint) -> Option<&'static str> {
    match endpoint.body {
        BodyKind::Embedding => Some("the answer's vectors are numbers, not text"),
        BodyKind::Form(FormKind::File) => Some("a file that is not for batches is not read"),
        _ => None,
    }
}

/// The answer of an endpoint that is about an object of the provider's account.
fn of_object(endpoint: &Endpoint, body: BodyKind) -> Value {
    let about = endpoint.creates.or(endpoint.addresses).or(endpoint.lists);
    let object = match about {
        Some(ObjectKind::Completion) if endpoint.path.ends_with("/messages") => {
            return json!({ "data": [{ "role": "user", "content": "the stored messages" }] });
        }
        Some(ObjectKind::Response) if endpoint.path.ends_with("/input_items") => {
            return json!({ "data": [{ "role": "user", "content": "the stored input items" }] });
        }
        Some(ObjectKind::Completion) => chat_answer(),
        Some(ObjectKind::Response) => response_answer(),
        _ if body == BodyKind::Chat => chat_answer(),
        _ => json!({
            "metadata": { "key": "metadata, keys and values" },
            "other": "all fields of the answer",
        }),
    };
    if endpoint.lists.is_some() { json!({ "data": [object] }) } else { object }
}

fn with_model(mut body: Value) -> Value {
    if let Some(body) = body.as_object_mut() {
        body.insert("model".to_owned(), json!("a-model"));
    }
    body
}

fn data_url() -> String {
    format!("data:image/jpeg;base64,{BYTES}")
}

fn chat() -> Value {
    json!({
        "messages": [
            { "role": "system", "content": "system and developer messages" },
            { "role": "user", "name": "names of participants", "content": [
                { "type": "text", "text": "user messages" },
                { "type": "image_url", "image_url": { "url": data_url() } },
                { "type": "file", "file": { "file_data": "data:text/plain;base64,ZmlsZXMgaW4gYmFzZTY0IHRoYXQgaG9sZCB0ZXh0" } },
            ] },
            { "role": "assistant", "content": "earlier messages of the model", "refusal": "refusals of the model",
              "reasoning_content": "what the model thought",
              "tool_calls": [{ "type": "function", "function": { "arguments": "arguments of tool calls" } }] },
            { "role": "tool", "content": "what tools gave back" },
        ],
        "tools": [{ "type": "function", "function": { "name": "f", "description": "descriptions and schemas of tools" } }],
        "response_format": { "json_schema": { "description": "the wanted format and its schema" } },
        "prediction": { "type": "content", "content": "the predicted output" },
        "metadata": { "key": "metadata, keys and values" },
        "user": "the end user's id",
        "stop": ["stop sequences and all other fields"],
    })
}

fn response() -> Value {
    json!({
        "instructions": "the instructions",
        "input": [
            { "role": "developer", "content": "system and developer messages" },
            { "role": "user", "content": [
                { "type": "input_text", "text": "user messages and inputs" },
                { "type": "input_image", "image_url": data_url() },
            ] },
            { "role": "assistant", "content": [
                { "type": "output_text", "text": "earlier messages of the model" },
                { "type": "refusal", "refusal": "refusals of the model" },
            ] },
            { "type": "function_call", "arguments": "arguments of tool calls" },
            { "type": "function_call_output", "output": "what tools gave back" },
            { "type": "reasoning", "summary": [{ "text": "what the model thought" }], "encrypted_content": BYTES },
        ],
        "prompt": { "variables": { "name": "variables of a stored prompt" } },
        "tools": [{ "type": "function", "name": "f", "description": "descriptions and schemas of tools" }],
        "text": { "format": { "description": "the wanted format and its schema" } },
        "metadata": { "key": "metadata, keys and values" },
        "user": "the end user's id",
        "other": "all other fields",
    })
}

fn chat_answer() -> Value {
    json!({
        "choices": [{
            "message": {
                "role": "assistant", "content": "the answer", "refusal": "a refusal",
                "reasoning_content": "what the model thought",
                "tool_calls": [{ "type": "function", "function": { "arguments": "arguments of tool calls" } }],
                "audio": { "data": BYTES, "transcript": "what a spoken answer says" },
            },
            "logprobs": { "content": [{ "token": "tokens with their probabilities" }] },
        }],
        "metadata": { "key": "metadata, keys and values" },
        "other": "all other fields",
    })
}

fn response_answer() -> Value {
    json!({
        "output": [
            { "type": "message", "role": "assistant", "content": [
                { "type": "output_text", "text": "the answer", "logprobs": [{ "token": "tokens with their probabilities" }] },
                { "type": "refusal", "refusal": "a refusal" },
            ] },
            { "type": "function_call", "arguments": "arguments of tool calls" },
            { "type": "mcp_call", "output": "what tools gave back that the provider ran" },
            { "type": "reasoning", "summary": [{ "text": "what the model thought" }], "encrypted_content": BYTES },
            { "type": "image_generation_call", "result": BYTES },
        ],
        "instructions": "the instructions, repeated",
        "metadata": { "key": "metadata, keys and values" },
        "other": "all other fields",
    })
}

/// A line of what a batch has put out: a file may be one, or any other text.
fn batch_output() -> Value {
    json!({
        "custom_id": "the names of a batch's lines",
        "response": { "body": chat_answer() },
        "other": "the text of any other file",
    })
}

fn form_of(kind: FormKind) -> Vec<u8> {
    let fields: &[(&str, &str)] = match kind {
        FormKind::Transcription | FormKind::Translation => {
            &[("model", "a-model"), ("prompt", "the prompt"), ("other", "all other fields")]
        }
        FormKind::ImageEdit => &[
            ("model", "a-model"),
            ("prompt", "the prompt"),
            ("user", "the end user's id"),
            ("other", "all other fields"),
        ],
        FormKind::ImageVariation => {
            &[("model", "a-model"), ("user", "the end user's id"), ("other", "all other fields")]
        }
        FormKind::File => &[("purpose", "batch"), ("other", "all other fields")],
    };
    let mut form = String::new();
    for (name, text) in fields {
        form += &format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
        );
    }
    let (name, file) = match kind {
        FormKind::File => ("file", batch_input()),
        FormKind::ImageEdit | FormKind::ImageVariation => ("image", "an image".to_owned()),
        FormKind::Transcription | FormKind::Translation => ("file", "a recording".to_owned()),
    };
    form += &format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"names of files\"\r\n\r\n{file}\r\n--{BOUNDARY}--\r\n"
    );
    form.into_bytes()
}

/// The one kind of file that is read.
fn batch_input() -> String {
    let body = with_model(
        json!({ "messages": [{ "role": "user", "content": "all texts of each line, where the file is for a batch" }] }),
    );
    let line = json!({
        "custom_id": "the names of a batch's lines", "method": "POST", "url": "/v1/chat/completions", "body": body,
    });
    line.to_string()
}
