//! What a call gives a model to read, kept to be counted when the provider does not say.
//!
//! Owns the reading of a prompt as the pieces that cost tokens. It must never call a prompt whole of which the model
//! reads more than the call says: earlier answers, templates, pictures, tools of the provider's own.

use super::Call;
use crate::{
    openai::{
        edits::{Edit, apply},
        endpoint::{BodyKind, Endpoint},
        json::{Document, Kind, Value},
        texts::{Place, Shape, Texts, Walk},
    },
    types::{Governed, Sensitive, TextSurface},
};
use bytes::Bytes;
use std::borrow::Cow;

/// The body of a call, by reference, and what is changed in it on its way.
#[derive(Clone, Debug)]
pub struct Prompt {
    endpoint: &'static Endpoint,
    body: Sensitive<Bytes>,
    edits: Sensitive<Vec<Edit>>,
    messages: u32,
}

/// A piece of a prompt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PromptPiece<'p> {
    /// A message begins, of this many in all.
    Messages(u32),
    /// A text.
    Text(Cow<'p, str>),
    /// The name of a participant.
    Name(Cow<'p, str>),
    /// A function that is offered: its name and what it does.
    Function(String),
    /// Its parameters begin.
    Parameters,
    /// A parameter: its name, its type and what it is.
    Parameter(String),
    /// One of the few values that a parameter takes.
    Choice {
        /// The value.
        value: Cow<'p, str>,
        /// The parameter's first.
        is_first: bool,
    },
}

/// What in a message's content is text.
const TEXT_PARTS: &[&str] =
    &["text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text"];

/// What of a response's input the provider looks up.
const LOOKED_UP: &[&str] = &["previous_response_id", "conversation", "prompt"];

impl Call {
    /// What the model is given to read, where it answers with text.
    pub fn prompt(&self) -> Option<Prompt> {
        let kind = self.endpoint.body;
        let is_text = matches!(kind, BodyKind::Chat | BodyKind::Completion | BodyKind::Response);
        is_text.then(|| Prompt {
            endpoint: self.endpoint,
            body: self.body.clone(),
            edits: self.edits.clone(),
            messages: self.facts().message_count.unwrap_or(0),
        })
    }
}

impl Prompt {
    /// The bytes that it holds.
    pub fn held_bytes(&self) -> usize {
        self.body.expose().len()
    }

    /// Gives out all pieces; `false` where the model reads more than them.
    pub fn read(&self, mut take: impl FnMut(PromptPiece<'_>)) -> bool {
        let body = apply(self.body.expose(), self.edits.expose());
        let Ok(document) = Document::parse(&body) else { return false };
        let root = document.root();
        let mut texts = Texts::default();
        let place = Place::new(Shape::Body, TextSurface::Other);
        Walk { texts: &mut texts, offset: 0, trusts_ids: true }.value(root, place);
        let looks_up = self.endpoint.body == BodyKind::Response
            && LOOKED_UP.iter().any(|name| present(root, name).is_some());
        if looks_up || !texts.unread().is_empty() || !is_all_text(root) {
            return false;
        }
        if self.endpoint.body != BodyKind::Completion {
            let instructions = u32::from(present(root, "instructions").is_some());
            take(PromptPiece::Messages(self.messages.saturating_add(instructions)));
        }
        for span in texts.spans().iter().filter(|span| is_read(span.surface)) {
            let text = span.text(&body);
            let is_name = span.surface == TextSurface::Name;
            take(if is_name { PromptPiece::Name(text) } else { PromptPiece::Text(text) });
        }
        let offered = ["tools", "functions"].into_iter().filter_map(|name| present(root, name));
        offered.flat_map(Value::items).for_each(|tool| function(tool, &mut take));
        true
    }
}

/// What the model reads as it is written. Tools are not: they become declarations.
const fn is_read(surface: TextSurface) -> bool {
    use TextSurface::{
        Assistant, EndUser, Logprobs, Metadata, Name, Other, Prediction, Reasoning, Refusal,
        ResponseFormat, Suffix, System, ToolArguments, ToolDefinition, ToolResult, Transcript,
        User,
    };
    match surface {
        System | User | Assistant | ToolResult | ToolArguments | Name | Refusal | Reasoning
        | ResponseFormat | Suffix => true,
        EndUser | Metadata | Prediction | ToolDefinition | Transcript | Logprobs | Other => false,
    }
}

/// A member that says something.
fn present<'d>(object: Value<'d>, name: &str) -> Option<Value<'d>> {
    object.member(name).filter(|value| value.kind() != Kind::Null)
}

/// Whether messages and tools hold nothing that costs other tokens than those of its text.
fn is_all_text(root: Value<'_>) -> bool {
    let messages = ["messages", "input"].into_iter().filter_map(|name| present(root, name));
    let mut messages = messages.flat_map(Value::items);
    let mut tools = present(root, "tools").into_iter().flat_map(Value::items);
    messages.all(is_text_message) && tools.all(|tool| kind_of(tool).as_deref() == Some("function"))
}

fn is_text_message(message: Value<'_>) -> bool {
    let is_text =
        |part: Value<'_>| kind_of(part).is_some_and(|kind| TEXT_PARTS.contains(&kind.as_ref()));
    let parts = ["content", "output"].into_iter().filter_map(|name| present(message, name));
    let is_own = kind_of(message).as_deref() != Some("item_reference");
    is_own && present(message, "audio").is_none() && parts.flat_map(Value::items).all(is_text)
}

fn kind_of(object: Value<'_>) -> Option<Cow<'_, str>> {
    object.member("type").and_then(Value::as_str)
}

fn function(tool: Value<'_>, take: &mut impl FnMut(PromptPiece<'_>)) {
    let function = tool.member("function").unwrap_or(tool);
    let name = word(function, "name");
    take(PromptPiece::Function(format!("{name}:{}", description(function))));
    let parameters = present(function, "parameters").and_then(|it| present(it, "properties"));
    let Some(parameters) = parameters.filter(|it| it.entries().next().is_some()) else { return };
    take(PromptPiece::Parameters);
    self::parameters(parameters, take);
}

/// The parameters of an object, those of its inner objects among them. The reader of JSON bounds how deep they go.
fn parameters(properties: Value<'_>, take: &mut impl FnMut(PromptPiece<'_>)) {
    for (name, schema) in properties.entries() {
        let name = name.as_str().unwrap_or_default();
        let line = format!("{name}:{}:{}", word(schema, "type"), description(schema));
        take(PromptPiece::Parameter(line));
        let choices = present(schema, "enum").into_iter().flat_map(Value::items);
        for (at, choice) in choices.enumerate() {
            let value = choice.as_str().unwrap_or_else(|| Cow::Borrowed(choice.raw()));
            take(PromptPiece::Choice { value, is_first: at == 0 });
        }
        let inner = [Some(schema), present(schema, "items")].into_iter().flatten();
        for properties in inner.filter_map(|schema| present(schema, "properties")) {
            parameters(properties, take);
        }
    }
}

/// A description is written without its last stop.
fn description<'d>(of: Value<'d>) -> Cow<'d, str> {
    match word(of, "description") {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_end_matches('.')),
        Cow::Owned(text) => Cow::Owned(text.trim_end_matches('.').to_owned()),
    }
}

fn word<'d>(object: Value<'d>, name: &str) -> Cow<'d, str> {
    object.member(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
