//! A call: what we read of a request, together with the very bytes that will be forwarded.
//!
//! Owns the reading of request bodies and the one change that we make to them on our own account,
//! asking a stream for its usage. It must never let facts and bytes drift apart: both are private
//! and made together.

use super::{
    endpoint::{BodyKind, Endpoint, ModelPlace, Route, StreamMarker},
    fields::{any_field, field, flag, malformed, name},
    json::{Document, Kind, Value},
    tools::tool_names,
};
use crate::types::{CallFacts, Governed, Refusal, Sensitive};
use bytes::{Bytes, BytesMut};
use std::{borrow::Cow, ops::Range, sync::Arc};

/// How calls are read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Whether to ask streams for their usage where the caller did not
    /// (`upstream.request_stream_usage`).
    pub request_stream_usage: bool,
}

/// A call that has been read.
#[derive(Debug)]
pub struct Call {
    endpoint: &'static Endpoint,
    facts: CallFacts,
    target: Cow<'static, str>,
    body: Sensitive<Bytes>,
    usage_splice: Option<Splice>,
}

/// A replacement of some bytes of the body.
#[derive(Debug)]
struct Splice {
    place: Range<usize>,
    text: &'static str,
}

impl Call {
    /// Reads a request whose route is known. `query` is what follows the `?`, as it came.
    pub fn read(
        route: Route,
        query: Option<&str>,
        content_type: Option<&str>,
        body: Bytes,
        options: ReadOptions,
    ) -> Result<Self, Refusal> {
        let endpoint = route.endpoint;
        let mut facts = CallFacts {
            endpoint: endpoint.name,
            permission: endpoint.permission,
            model: route.path_model,
            implied_models: Vec::new(),
            message_count: None,
            has_system_prompt: None,
            has_tools: None,
            tool_names: Vec::new(),
            stream: false,
        };
        let usage_splice = match endpoint.body {
            BodyKind::None if body.is_empty() => None,
            BodyKind::None => return Err(refuse("This request must not have a body.")),
            _ => {
                check_content_type(content_type)?;
                read_body(endpoint, &body, &mut facts)?.filter(|_| options.request_stream_usage)
            }
        };
        let target = target(route.upstream_path, query)?;
        Ok(Self { endpoint, facts, target, body: Sensitive::new(body), usage_splice })
    }

    /// The endpoint's row.
    pub const fn endpoint(&self) -> &'static Endpoint {
        self.endpoint
    }

    /// Path and query to ask upstream for, after its base URL.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The content type to send with the body. Always ours: what was read as JSON must be read as
    /// JSON upstream, also where the caller sent no type.
    pub fn content_type(&self) -> Option<&'static str> {
        (self.endpoint.body != BodyKind::None).then_some("application/json")
    }

    /// The body as it came.
    pub const fn body(&self) -> &Bytes {
        self.body.expose()
    }

    /// Whether [`outgoing_body`](Self::outgoing_body) asks for usage that the caller did not ask
    /// for, so that its traces have to be removed from the stream.
    pub const fn usage_added(&self) -> bool {
        self.usage_splice.is_some()
    }

    /// The body to forward: the caller's own bytes, not copied, unless usage has to be asked for.
    pub fn outgoing_body(&self) -> Bytes {
        let body = self.body();
        let Some(Splice { place, text }) = &self.usage_splice else { return body.clone() };
        let before = body.get(..place.start).unwrap_or_default();
        let after = body.get(place.end..).unwrap_or_default();
        let mut outgoing = BytesMut::with_capacity(body.len() + text.len());
        outgoing.extend_from_slice(before);
        outgoing.extend_from_slice(text.as_bytes());
        outgoing.extend_from_slice(after);
        outgoing.freeze()
    }
}

impl Governed for Call {
    fn facts(&self) -> &CallFacts {
        &self.facts
    }
}

/// Fills in the facts; the result says how to ask for usage where the caller did not.
fn read_body(
    endpoint: &Endpoint,
    body: &[u8],
    facts: &mut CallFacts,
) -> Result<Option<Splice>, Refusal> {
    let document = Document::parse(body).map_err(|error| Refusal::Malformed {
        message: Cow::Owned(format!("The body is not valid JSON: {error}.")),
        param: None,
    })?;
    let root = document.root();
    if root.kind() != Kind::Object {
        return Err(refuse("The body must be a JSON object."));
    }
    if endpoint.model == ModelPlace::JsonField {
        let model = field(root, "model")?
            .ok_or_else(|| malformed("You must provide a model parameter.", "model"))?;
        facts.model = Some(Arc::from(name(model, "model")?.as_ref()));
        refuse_other_models(root)?;
    }
    match endpoint.body {
        BodyKind::None => {}
        BodyKind::Chat => read_chat(root, facts)?,
        BodyKind::Completion => facts.message_count = count_texts(root, "prompt")?,
        BodyKind::Embedding => {
            let count = count_texts(root, "input")?;
            let missing = || malformed("You must provide an input parameter.", "input");
            facts.message_count = Some(count.ok_or_else(missing)?);
        }
    }
    if endpoint.stream_end == StreamMarker::None || !flag(root, "stream")? {
        return Ok(None);
    }
    facts.stream = true;
    usage_splice(root)
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

fn read_chat(root: Value<'_>, facts: &mut CallFacts) -> Result<(), Refusal> {
    let messages = field(root, "messages")?
        .filter(|messages| messages.kind() == Kind::Array)
        .ok_or_else(|| malformed("The field must be an array of messages.", "messages"))?;
    let mut count = 0;
    let mut has_system_prompt = false;
    for message in messages.items() {
        if message.kind() != Kind::Object {
            return Err(malformed("Each message must be an object.", "messages"));
        }
        let role = field(message, "role")?.and_then(Value::as_str);
        has_system_prompt |= matches!(role.as_deref(), Some("system" | "developer"));
        count += 1;
    }
    facts.message_count = Some(count);
    facts.has_system_prompt = Some(has_system_prompt);
    facts.tool_names = tool_names(root)?;
    facts.has_tools = Some(!facts.tool_names.is_empty());
    Ok(())
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

fn usage_splice(root: Value<'_>) -> Result<Option<Splice>, Refusal> {
    let Some(options) = any_field(root, "stream_options")? else {
        let text = r#","stream_options":{"include_usage":true}"#;
        return Ok(Some(Splice { place: before_brace(root), text }));
    };
    match options.kind() {
        Kind::Null => Ok(Some(Splice { place: options.span(), text: r#"{"include_usage":true}"# })),
        Kind::Object if flag(options, "include_usage")? => Ok(None),
        Kind::Object => Ok(Some(match any_field(options, "include_usage")? {
            Some(value) => Splice { place: value.span(), text: "true" },
            None if options.entries().next().is_some() => {
                Splice { place: before_brace(options), text: r#","include_usage":true"# }
            }
            None => Splice { place: before_brace(options), text: r#""include_usage":true"# },
        })),
        _ => Err(malformed("The field must be an object.", "stream_options")),
    }
}

/// The empty place before an object's closing brace.
fn before_brace(object: Value<'_>) -> Range<usize> {
    let brace = object.span().end.saturating_sub(1);
    brace..brace
}

/// A missing type is taken as JSON, because the body must be JSON and is forwarded as JSON. A
/// form, which OpenAI would read differently from us, is refused like any other type.
fn check_content_type(content_type: Option<&str>) -> Result<(), Refusal> {
    let Some(content_type) = content_type else { return Ok(()) };
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((key, value)) if key.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if is_json && is_utf8 {
        return Ok(());
    }
    Err(Refusal::UnsupportedMedia {
        message: Cow::Borrowed(
            "The body must be JSON in UTF-8. Send 'Content-Type: application/json'.",
        ),
    })
}

/// Path and query. The query passes as it came if it is one by RFC 3986 (and the brackets that SDKs
/// send in it).
fn target(path: Cow<'static, str>, query: Option<&str>) -> Result<Cow<'static, str>, Refusal> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(path) };
    let mut pieces = query.split('%');
    let is_plain = |piece: &str| {
        let allowed = b"-._~!$&'()*+,;=:@/?[]";
        piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || allowed.contains(&byte))
    };
    let is_first_plain = pieces.next().is_some_and(is_plain);
    let is_encoded = |piece: &str| {
        piece.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            && is_plain(piece)
    };
    if is_first_plain && pieces.all(is_encoded) {
        return Ok(Cow::Owned(format!("{path}?{query}")));
    }
    Err(refuse("The query is not a valid URL query."))
}

fn refuse(message: &'static str) -> Refusal {
    Refusal::Malformed { message: Cow::Borrowed(message), param: None }
}

#[cfg(test)]
mod tests;
