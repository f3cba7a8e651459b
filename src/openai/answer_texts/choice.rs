//! The choices of an answer and the tool calls in them.
//!
//! Owns where they stand, in both shapes that answers have: choices with messages, and a response's
//! items. It must never take the calls of an earlier answer for this one's.

use super::AnswerTexts;
use crate::openai::{
    edits::Edit,
    json::{Kind, Value},
    tools::{without_items, without_members},
};
use std::ops::Range;

/// One of the answers that an answer holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AnswerChoice {
    /// All of it.
    pub range: Range<usize>,
    /// Why it ended, with its quotes.
    pub finish_reason: Option<Range<usize>>,
    /// What takes its probabilities out.
    pub(super) logprobs: Vec<Edit>,
}

/// A tool call of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ToolCall {
    /// The function's or tool's name; for a tool of the provider's own, its type (`web_search`).
    pub name: Box<str>,
    /// Its place among the [choices](AnswerTexts::choices).
    pub choice: usize,
    /// All of it.
    pub range: Range<usize>,
    /// Its arguments, without quotes, where they are a string.
    pub arguments: Option<Range<usize>>,
}

/// Finds the choices and their tool calls in an answer that stands behind `offset` bytes.
pub(super) fn collect(root: Value<'_>, offset: usize, found: &mut AnswerTexts) {
    let choices_before = found.choices.len();
    let add = |found: &mut AnswerTexts, holder: Value<'_>, logprobs: Vec<Edit>| {
        let finish_reason = holder.member("finish_reason");
        found.choices.push(AnswerChoice {
            range: behind(offset, holder.span()),
            finish_reason: finish_reason.map(|reason| behind(offset, reason.span())),
            logprobs: logprobs.into_iter().map(|edit| edit.behind(offset)).collect(),
        });
        found.choices.len() - 1
    };
    let mut calls = Vec::new();
    for choice in choices(root) {
        let place = add(found, choice, nulled(choice, "null"));
        let message = choice.member("message").unwrap_or(choice);
        let made = message.member("tool_calls").into_iter().flat_map(listed);
        let made = made.chain(message.member("function_call"));
        calls.extend(made.filter_map(|call| message_call(call, place)));
    }
    for item in root.member("output").into_iter().flat_map(Value::items) {
        let parts = item.member("content").into_iter().flat_map(Value::items);
        let place = add(found, item, parts.flat_map(|part| nulled(part, "[]")).collect());
        calls.extend(item_call(item, place));
    }
    let logprobs = nulled(root, "null");
    if found.choices.len() == choices_before && !logprobs.is_empty() {
        add(found, root, logprobs);
    }
    found.tool_calls.extend(calls.into_iter().map(|call| ToolCall {
        range: behind(offset, call.range),
        arguments: call.arguments.map(|arguments| behind(offset, arguments)),
        ..call
    }));
}

/// The calls of a message. Some servers write one without the list.
fn listed(calls: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    calls.items().chain((calls.kind() == Kind::Object).then_some(calls))
}

fn behind(offset: usize, range: Range<usize>) -> Range<usize> {
    offset + range.start..offset + range.end
}

/// What takes out the calls that begin at these places.
pub(super) fn removal(root: Value<'_>, starts: &[usize]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for choice in choices(root) {
        edits.extend(removal_in(choice, starts));
    }
    if let Some(items) = root.member("output") {
        edits.extend(without_items(items, going(items, starts)));
    }
    edits
}

fn removal_in(choice: Value<'_>, starts: &[usize]) -> Vec<Edit> {
    let message = choice.member("message").unwrap_or(choice);
    let (calls, call) = (message.member("tool_calls"), message.member("function_call"));
    let mut members = Vec::new();
    let mut edits = Vec::new();
    if let Some(calls) = calls {
        let going = going(calls, starts);
        match (going.contains(&true), going.contains(&false)) {
            (true, true) => edits.extend(without_items(calls, going)),
            (true, false) => members.push("tool_calls"),
            _ => {}
        }
    }
    if call.is_some_and(|call| starts.contains(&call.span().start)) {
        members.push("function_call");
    }
    edits.extend(without_members(message, &members));
    let reason = choice.member("finish_reason").filter(|reason| {
        matches!(reason.as_str().as_deref(), Some("tool_calls" | "function_call"))
    });
    let keeps = |call: Option<Value<'_>>, name| {
        !members.contains(&name) && call.is_some_and(|call| call.kind() != Kind::Null)
    };
    let calls_nothing = !keeps(calls, "tool_calls") && !keeps(call, "function_call");
    if let Some(reason) = reason.filter(|_| calls_nothing && !members.is_empty()) {
        edits.push(Edit::replacement(reason.span(), "\"content_filter\""));
    }
    edits
}

fn going(calls: Value<'_>, starts: &[usize]) -> Vec<bool> {
    listed(calls).map(|call| starts.contains(&call.span().start)).collect()
}

/// The choices of an answer, or of all answers in a list.
fn choices(root: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let listed = root.member("data").into_iter().flat_map(Value::items);
    let holders = std::iter::once(root).chain(listed);
    holders.filter_map(|holder| holder.member("choices")).flat_map(Value::items)
}

fn nulled(holder: Value<'_>, nothing: &'static str) -> Vec<Edit> {
    let logprobs = holder.member("logprobs").filter(|logprobs| logprobs.kind() != Kind::Null);
    logprobs.map(|logprobs| Edit::replacement(logprobs.span(), nothing)).into_iter().collect()
}

/// A call of a message: `{"function": {"name", "arguments"}}`, `{"custom": {"name", "input"}}`, or
/// (older) name and arguments alone.
fn message_call(call: Value<'_>, choice: usize) -> Option<ToolCall> {
    if call.kind() != Kind::Object {
        return None;
    }
    let holder = call.member("function").or_else(|| call.member("custom")).unwrap_or(call);
    Some(ToolCall {
        name: text(holder, "name").or_else(|| text(call, "type")).unwrap_or_default(),
        choice,
        range: call.span(),
        arguments: arguments(holder),
    })
}

/// An item that calls a tool, or asks whether it may, has a type that ends so.
fn item_call(item: Value<'_>, choice: usize) -> Option<ToolCall> {
    let kind = text(item, "type")?;
    let tool = kind.strip_suffix("_call").or_else(|| kind.strip_suffix("_approval_request"))?;
    let name = text(item, "name").unwrap_or_else(|| tool.into());
    Some(ToolCall { name, choice, range: item.span(), arguments: arguments(item) })
}

fn arguments(holder: Value<'_>) -> Option<Range<usize>> {
    let fields = ["arguments", "input", "code"];
    let arguments = fields.iter().find_map(|name| holder.member(name))?;
    let span = arguments.span();
    arguments.as_str().map(|_| span.start + 1..span.end - 1)
}

fn text(object: Value<'_>, name: &str) -> Option<Box<str>> {
    object.member(name)?.as_str().map(Into::into)
}
