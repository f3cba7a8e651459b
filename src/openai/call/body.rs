//! Reading the JSON body of a call.
//!
//! Owns what each kind of body must look like, as far as we act on it. It must never read a field
//! in two places, nor type one that nobody acts on.

use super::{
    ReadOptions,
    reading::{Batch, Reading},
    references::Reference,
    response::read_response,
    usage::usage_splice,
};
use crate::openai::{
    endpoint::{BodyKind, Endpoint, ModelPlace, StreamMarker, batchable},
    fields::{any_field, field, flag, malformed, name, refuse},
    json::{Document, Kind, Value},
    texts::{Place, Shape, Walk},
    tools::tool_names,
};
use crate::types::{ObjectKind, Refusal, TextSurface};
use std::{borrow::Cow, sync::Arc};

/// Reads a body as it came.
pub(super) fn read_json(
    endpoint: &'static Endpoint,
    body: &[u8],
    options: ReadOptions,
) -> Result<Reading, Refusal> {
    let document = Document::parse(body).map_err(|error| Refusal::Malformed {
        message: Cow::Owned(format!("The body is not valid JSON: {error}.")),
        param: None,
    })?;
    let mut reading = read_object(endpoint, document.root(), options)?;
    if options.collect_texts {
        let place = Place::new(Shape::Body, TextSurface::Other);
        let mut walk = Walk { texts: &mut reading.texts, offset: 0, trusts_ids: false };
        walk.value(document.root(), place);
    }
    Ok(reading)
}

/// Reads a value as the body of a call to `endpoint`. Its texts are left to those who know where it
/// stands.
pub(in crate::openai) fn read_object(
    endpoint: &'static Endpoint,
    root: Value<'_>,
    options: ReadOptions,
) -> Result<Reading, Refusal> {
    if root.kind() != Kind::Object {
        return Err(refuse("The body must be a JSON object."));
    }
    let mut reading = Reading::of(endpoint);
    if let ModelPlace::JsonField { defaults } = endpoint.model {
        let model = field(root, "model")?.map(|model| model.as_str().unwrap_or_default());
        reading.note_model(model.as_deref(), defaults)?;
        refuse_other_models(root)?;
    }
    match endpoint.body {
        BodyKind::None | BodyKind::Json | BodyKind::Form(_) | BodyKind::Unread => {}
        BodyKind::Chat => read_chat(root, &mut reading)?,
        BodyKind::Completion => reading.facts.message_count = count_texts(root, "prompt")?,
        BodyKind::Embedding | BodyKind::Moderation => {
            let count = count_texts(root, "input")?;
            let missing = || malformed("You must provide an input parameter.", "input");
            reading.facts.message_count = Some(count.ok_or_else(missing)?);
        }
        BodyKind::Speech => read_one_text(root, "input", &mut reading)?,
        BodyKind::Image => read_one_text(root, "prompt", &mut reading)?,
        BodyKind::Response => read_response(root, &mut reading)?,
        BodyKind::Batch => read_batch(root, &mut reading)?,
    }
    reading.facts.stream = asks_for_stream(endpoint, root)?;
    if reading.facts.stream && endpoint.stream_end == StreamMarker::Done {
        reading.usage_splice = usage_splice(root)?.filter(|_| options.request_stream_usage);
    }
    if options.collect_references {
        reading.references.collect(root)?;
    }
    Ok(reading)
}

/// Some servers take further models to fall back on; only `model` is authorised, so only it may be named.
fn refuse_other_models(root: Value<'_>) -> Result<(), Refusal> {
    for other in ["models", "fallbacks"] {
        if any_field(root, other)?.is_some() {
            let message = "Only the field model may name a model here. Leave this one out.";
            return Err(malformed(message, other));
        }
    }
    Ok(())
}

fn asks_for_stream(endpoint: &Endpoint, root: Value<'_>) -> Result<bool, Refusal> {
    match (endpoint.stream_end, endpoint.body) {
        (StreamMarker::None, _) => Ok(false),
        (_, BodyKind::Speech) => {
            let format = field(root, "stream_format")?.and_then(Value::as_str);
            Ok(format.as_deref() == Some("sse"))
        }
        _ => flag(root, "stream"),
    }
}

fn read_chat(root: Value<'_>, reading: &mut Reading) -> Result<(), Refusal> {
    let messages = field(root, "messages")?
        .filter(|messages| messages.kind() == Kind::Array)
        .ok_or_else(|| malformed("The field must be an array of messages.", "messages"))?;
    let facts = &mut reading.facts;
    let (count, has_system_prompt) = read_messages(messages, "messages")?;
    facts.message_count = Some(count);
    facts.has_system_prompt = Some(has_system_prompt);
    facts.tool_names = tool_names(root)?;
    facts.has_tools = Some(!facts.tool_names.is_empty());
    reading.stores_answer = flag(root, "store")?;
    Ok(())
}

/// How many messages (or items) there are, and whether one of them instructs the model.
pub(super) fn read_messages(
    messages: Value<'_>,
    param: &'static str,
) -> Result<(u32, bool), Refusal> {
    let mut count = 0;
    let mut has_system_prompt = false;
    for message in messages.items() {
        if message.kind() != Kind::Object {
            return Err(malformed("Each message must be an object.", param));
        }
        let role = field(message, "role")?.and_then(Value::as_str);
        has_system_prompt |= matches!(role.as_deref(), Some("system" | "developer"));
        count += 1;
    }
    Ok((count, has_system_prompt))
}

/// How many texts `prompt` or `input` holds: a string, an array of token numbers (one text), or an
/// array of either.
fn count_texts(root: Value<'_>, param: &'static str) -> Result<Option<u32>, Refusal> {
    let Some(texts) = field(root, param)? else { return Ok(None) };
    let is_one = match texts.kind() {
        Kind::String { .. } => true,
        Kind::Array => texts.items().next().is_some_and(|item| item.kind() == Kind::Number),
        _ => return Err(malformed("The field must be a string or an array.", param)),
    };
    let count = if is_one { 1 } else { texts.items().count() };
    Ok(Some(u32::try_from(count).unwrap_or(u32::MAX)))
}

fn read_one_text(
    root: Value<'_>,
    param: &'static str,
    reading: &mut Reading,
) -> Result<(), Refusal> {
    match field(root, param)?.map(Value::kind) {
        Some(Kind::String { .. }) => reading.facts.message_count = Some(1),
        _ => return Err(malformed("The field must be a string.", param)),
    }
    Ok(())
}

fn read_batch(root: Value<'_>, reading: &mut Reading) -> Result<(), Refusal> {
    let missing = || malformed("You must provide an input_file_id parameter.", "input_file_id");
    let file = field(root, "input_file_id")?.ok_or_else(missing)?;
    let input_file: Arc<str> = name(file, "input_file_id")?.as_ref().into();
    let url = field(root, "endpoint")?.and_then(Value::as_str);
    let (url, _) = url.and_then(|url| batchable(&url)).ok_or_else(|| {
        malformed("The field must name an endpoint that batches may use.", "endpoint")
    })?;
    let id = Arc::clone(&input_file);
    reading.references.push(Reference { kind: ObjectKind::File, id, param: "input_file_id" })?;
    reading.batch = Some(Batch { input_file, url });
    Ok(())
}

#[cfg(test)]
mod tests;
