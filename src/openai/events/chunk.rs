//! Chunks of chat and of plain completions.
//!
//! Owns what stands in `choices[]`. It must never take a field of a delta that it does not know for
//! whole: it is a piece of something.

use super::{
    CallKey, CallList, CallPiece, ChoiceSeen, Ends, ListedCall, TextKey,
    walk::{Reader, SOUND, hash, inside},
};
use crate::openai::{
    json::{Kind, Value},
    texts::{Place, Shape},
};
use crate::types::TextSurface;

/// The index of the one call of the older `function_call`.
const THE_FUNCTION: u32 = u32::MAX;

/// Reads a chunk.
pub(super) fn read(reader: &mut Reader<'_>, root: Value<'_>) {
    let mut has_other = false;
    for (key, value) in root.entries() {
        match key.as_str().unwrap_or_default().as_ref() {
            "choices" => value.items().for_each(|it| choice(reader, it, &mut has_other)),
            "usage" if value.kind() == Kind::Object => {
                reader.found.said_once.push(value.span());
                has_other = true;
            }
            name => reader.label(name, value),
        }
    }
    reader.whole(root, Place::new(Shape::Body, TextSurface::Other));
    let found = &mut reader.found;
    has_other |= found.choices.len() != 1
        || found.texts.iter().any(|text| !text.range.is_empty() && text.key.is_some());
    found.only_calls = !found.lists.is_empty() && !has_other;
    found.only_pieces = found.only_calls && found.calls.iter().all(|piece| piece.name.is_none());
}

fn choice(reader: &mut Reader<'_>, choice: Value<'_>, has_other: &mut bool) {
    let index = reader.number_of(choice, "index").map_or(0, |index| index.value);
    let mut finish = None;
    for (key, value) in choice.entries() {
        match key.as_str().unwrap_or_default().as_ref() {
            "delta" => delta(reader, value, index, has_other),
            "text" => {
                let key = TextKey { output: index, place: hash("text") };
                reader.running("text", value, key, TextSurface::Assistant);
            }
            "finish_reason" if value.as_str().is_some() => {
                finish = Some(inside(value));
                reader.found.said_once.push(value.span());
                reader.found.ends.push(Ends::Output(index));
                *has_other = true;
            }
            "message" => {
                *has_other = true;
                whole_calls(reader, value);
            }
            _ => {}
        }
    }
    reader.found.choices.push(ChoiceSeen { index, finish });
}

/// The calls of a whole message: each is judged by its name.
fn whole_calls(reader: &mut Reader<'_>, message: Value<'_>) {
    for (key, value) in message.entries() {
        match key.as_str().unwrap_or_default().as_ref() {
            "tool_calls" if value.kind() == Kind::Array => {
                let elements = value.items().map(whole_call).collect();
                list(reader, value, elements);
            }
            "function_call" => list(reader, value, vec![whole_call(value)]),
            _ => {}
        }
    }
}

fn whole_call(call: Value<'_>) -> ListedCall {
    let called = call.member("function").or_else(|| call.member("custom")).unwrap_or(call);
    let name = called.member("name").and_then(Value::as_str).map(Into::into);
    ListedCall { key: None, name, range: call.span() }
}

fn delta(reader: &mut Reader<'_>, delta: Value<'_>, output: u32, has_other: &mut bool) {
    if delta.kind() != Kind::Object {
        let text = TextKey { output, place: hash("delta") };
        return reader.running("delta", delta, text, TextSurface::Assistant);
    }
    for (key, value) in delta.entries() {
        reader.name(key);
        let name = key.as_str().unwrap_or_default();
        match name.as_ref() {
            "role" if value.as_str().is_some() => {
                reader.found.said_once.push(value.span());
                *has_other = true;
            }
            "tool_calls" if value.kind() == Kind::Array => tool_calls(reader, value, output),
            "function_call" if value.kind() == Kind::Object => {
                let call = CallKey { output, index: THE_FUNCTION };
                function(reader, value, call, None);
                let element = ListedCall { key: Some(call), name: None, range: value.span() };
                list(reader, value, vec![element]);
            }
            "audio" if value.kind() == Kind::Object => {
                for (inner, value) in value.entries() {
                    let inner = inner.as_str().unwrap_or_default();
                    let text = TextKey { output, place: hash("audio") ^ hash(&inner) };
                    let inner = if inner == "data" { SOUND } else { &inner };
                    reader.running(inner, value, text, TextSurface::Assistant);
                }
            }
            _ => {
                let text = TextKey { output, place: hash(&name) };
                reader.running(&name, value, text, surface_of(&name));
            }
        }
    }
}

fn surface_of(key: &str) -> TextSurface {
    match key {
        "content" => TextSurface::Assistant,
        "refusal" => TextSurface::Refusal,
        _ if key.starts_with("reasoning") || key.starts_with("thinking") => TextSurface::Reasoning,
        _ => TextSurface::Other,
    }
}

fn tool_calls(reader: &mut Reader<'_>, calls: Value<'_>, output: u32) {
    let mut elements = Vec::new();
    for (position, call) in calls.items().enumerate() {
        let number = reader.number_of(call, "index");
        let position = u32::try_from(position).unwrap_or(THE_FUNCTION);
        let index = number.as_ref().map_or(position, |number| number.value);
        let key = CallKey { output, index };
        let mut is_told = false;
        for (name, value) in call.entries() {
            match name.as_str().unwrap_or_default().as_ref() {
                "function" | "custom" if value.kind() == Kind::Object => {
                    function(reader, value, key, number.clone());
                    is_told = true;
                }
                name => reader.label(name, value),
            }
        }
        if !is_told {
            reader.found.calls.push(CallPiece { index: number, ..CallPiece::of(key) });
        }
        elements.push(ListedCall { key: Some(key), name: None, range: call.span() });
    }
    list(reader, calls, elements);
}

fn list(reader: &mut Reader<'_>, value: Value<'_>, elements: Vec<ListedCall>) {
    if !elements.is_empty() {
        reader.found.lists.push(CallList { range: value.span(), elements, is_nullable: true });
    }
}

/// What is called: a function with arguments, or a custom tool with its input.
fn function(
    reader: &mut Reader<'_>,
    function: Value<'_>,
    key: CallKey,
    index: Option<super::Number>,
) {
    let name = function.member("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    let arguments = function.member("arguments").or_else(|| function.member("input"));
    let arguments = arguments.and_then(|it| reader.arguments(it));
    let name = name.map(Into::into);
    reader.found.calls.push(CallPiece { name, arguments, index, ..CallPiece::of(key) });
}
