//! Events that say by their `type` what they are: responses, transcripts, images, errors.
//!
//! Owns which of them bring a piece of text, which repeat whole texts and what they end. It must never
//! take the piece of an event that it does not know for whole.

use super::{
    CallKey, CallList, CallPiece, Ends, ListedCall, TextKey,
    walk::{Reader, SOUND, hash},
};
use crate::openai::{
    json::{Kind, Value},
    texts::{Place, Shape},
};
use crate::types::TextSurface;

/// Calls that the caller runs, or whose arguments come piece by piece: they are complete only at
/// their item's end.
const OPEN_CALLS: &[&str] = &["function_call", "custom_tool_call", "mcp_call"];

const LAST_EVENTS: &[&str] = &[
    "error",
    "response.completed",
    "response.failed",
    "response.incomplete",
    "transcript.text.done",
];

/// Reads an event.
pub(super) fn read(reader: &mut Reader<'_>, root: Value<'_>) {
    let kind = root.member("type").and_then(Value::as_str).unwrap_or_default();
    let output = reader.number_of(root, "output_index");
    let item = output.as_ref().map_or(0, |output| output.value);
    reader.found.sequence = reader.number_of(root, "sequence_number");
    reader.found.output = output;
    let surface = surface_of(&kind, reader.own_surface);
    let stem = kind.strip_suffix(".delta").unwrap_or(&kind);
    for (key, value) in root.entries() {
        let name = key.as_str().unwrap_or_default();
        match name.as_ref() {
            "delta" | "audio" if matches!(stem, "response.audio" | "speech.audio") => {
                let sound = TextKey { output: item, place: place(reader, root, stem) };
                reader.running(SOUND, value, sound, surface);
            }
            "delta" if is_call_piece(stem) && value.as_str().is_some() => {
                let key = CallKey { output: item, index: 0 };
                let arguments = reader.arguments(value);
                reader.found.calls.push(CallPiece { arguments, ..CallPiece::of(key) });
                reader.found.only_pieces = true;
            }
            "delta" => {
                let key = TextKey { output: item, place: place(reader, root, stem) };
                reader.running("delta", value, key, surface);
            }
            "item" => {
                output_item(reader, value, item, kind == "response.output_item.added");
                reader.whole(value, Place::new(Shape::Message, surface));
            }
            "response" => {
                if let Some(items) = value.member("output").filter(|it| it.kind() == Kind::Array) {
                    output_list(reader, items);
                }
                reader.whole(value, Place::new(Shape::Body, TextSurface::Other));
            }
            name => reader.label(name, value),
        }
    }
    reader.whole(root, Place::new(Shape::Part, surface));
    ends(reader, root, &kind, item);
}

/// What of the running texts and calls is complete now.
fn ends(reader: &mut Reader<'_>, root: Value<'_>, kind: &str, output: u32) {
    let ends = if LAST_EVENTS.contains(&kind) {
        Ends::All
    } else if kind == "response.output_item.done" || kind.contains("_part.") {
        Ends::Output(output)
    } else if let Some(stem) = kind.strip_suffix(".done") {
        let own = || TextKey { output, place: place(reader, root, stem) };
        let call = CallKey { output, index: 0 };
        Ends::Text(if is_call_piece(stem) { call.arguments() } else { own() })
    } else {
        return;
    };
    reader.found.ends.push(ends);
}

/// The place of a running text: what it is, and the indexes that the event gives.
fn place(reader: &Reader<'_>, root: Value<'_>, stem: &str) -> u64 {
    let mut place = hash(stem);
    for (key, value) in root.entries() {
        let key = key.as_str().unwrap_or_default();
        let is_index = key == "index" || (key.ends_with("_index") && key != "output_index");
        if is_index && let Some(number) = reader.number(value) {
            place ^= hash(&key).rotate_left(number.value % 63 + 1);
        } else if key == "segment_id" {
            place ^= hash(&value.as_str().unwrap_or_default());
        }
    }
    place
}

fn is_call_piece(stem: &str) -> bool {
    let call = stem.strip_prefix("response.").unwrap_or(stem);
    call.split_once('.').is_none() && OPEN_CALLS.iter().any(|open| call.starts_with(open))
}

/// An output item as it begins or ends.
fn output_item(reader: &mut Reader<'_>, item: Value<'_>, output: u32, begins: bool) {
    let Some((name, is_open)) = called(item) else { return };
    let piece = CallPiece::of(CallKey { output, index: 0 });
    reader.found.calls.push(CallPiece {
        name: Some(name),
        in_pieces: false,
        is_open: is_open && begins,
        ..piece
    });
}

fn output_list(reader: &mut Reader<'_>, items: Value<'_>) {
    let listed = |item: Value<'_>| ListedCall {
        key: None,
        name: called(item).map(|(name, _)| name),
        range: item.span(),
    };
    let elements: Vec<_> = items.items().map(listed).collect();
    if elements.iter().any(|element| element.name.is_some()) {
        reader.found.lists.push(CallList { range: items.span(), elements, is_nullable: false });
    }
}

/// The name of the tool that an item calls, and whether more of the call is to come. A tool without a
/// name is known by its type.
fn called(item: Value<'_>) -> Option<(Box<str>, bool)> {
    let kind = item.member("type").and_then(Value::as_str)?;
    let tool = kind.strip_suffix("_call").or_else(|| kind.strip_suffix("_approval_request"))?;
    let name = item.member("name").and_then(Value::as_str);
    Some((name.as_deref().unwrap_or(tool).into(), OPEN_CALLS.contains(&kind.as_ref())))
}

fn surface_of(kind: &str, own: TextSurface) -> TextSurface {
    match kind {
        "error" => TextSurface::Other,
        _ if kind.starts_with("transcript.text") => TextSurface::Transcript,
        _ if kind.contains("reasoning") => TextSurface::Reasoning,
        _ if kind.contains("refusal") => TextSurface::Refusal,
        _ if kind.contains("_call_output") => TextSurface::ToolResult,
        _ if kind.contains("_call") => TextSurface::ToolArguments,
        _ => own,
    }
}
