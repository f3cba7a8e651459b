//! Walking through an event's values.
//!
//! Owns what a string is by the key that it stands under. It must never pass over a string without a
//! reason: a short label, an id, or bytes that are not text.

use super::{EventText, EventTexts, Number, TextKey};
use crate::openai::json::{Kind, Value};
use crate::types::TextSurface;
use std::ops::Range;

/// Keys whose values are ids and fixed words, as long as they look like it.
const LABELS: &[&str] = &[
    "call_id",
    "container_id",
    "event_id",
    "file_id",
    "finish_reason",
    "id",
    "item_id",
    "model",
    "object",
    "obfuscation",
    "phase",
    "previous_response_id",
    "request_id",
    "response_id",
    "role",
    "segment_id",
    "service_tier",
    "status",
    "system_fingerprint",
    "type",
];

/// Keys under which images, and what only the provider can read, stand.
const BINARY: &[&str] = &[SOUND, "b64_json", "encrypted_content", "partial_image_b64"];

/// The `data` of a delta's `audio`.
pub(super) const SOUND: &str = "audio.data";

/// Keys under which images and sound stand, or text.
const OFTEN_BINARY: &[&str] = &["audio", "data", "result"];

const LONGEST_LABEL: usize = 128;

/// A shorter string under one of the keys that are only [`OFTEN_BINARY`] is read.
const LEAST_BINARY: usize = 1024;

/// Collects what one event holds.
pub(super) struct Reader<'d> {
    pub(super) data: &'d [u8],
    pub(super) own_surface: TextSurface,
    pub(super) found: EventTexts,
}

impl<'d> Reader<'d> {
    pub(super) fn new(data: &'d [u8], own_surface: TextSurface) -> Self {
        Self { data, own_surface, found: EventTexts::default() }
    }

    /// Takes all strings of a value as whole texts.
    pub(super) fn whole(&mut self, key: &str, value: Value<'_>, inherited: TextSurface) {
        let surface = surface_under(key, value, inherited);
        match value.kind() {
            Kind::String { .. } if !self.is_no_text(key, value) => self.push(value, surface, None),
            Kind::Array if key == "logprobs" => self.logprobs(value),
            Kind::Object if key == "logprobs" => self.logprobs(value),
            Kind::Array => value.items().for_each(|item| self.whole(key, item, surface)),
            Kind::Object => {
                for (inner, value) in value.entries() {
                    self.whole(&inner.as_str().unwrap_or_default(), value, surface);
                }
            }
            _ => {}
        }
    }

    /// Takes all strings of a value as pieces of running texts, one for each place.
    pub(super) fn running(
        &mut self,
        key: &str,
        value: Value<'_>,
        text: TextKey,
        surface: TextSurface,
    ) {
        match value.kind() {
            Kind::String { .. } if !self.is_no_text(key, value) => {
                self.push(value, surface, Some(text));
            }
            Kind::Array => value.items().for_each(|item| self.running(key, item, text, surface)),
            Kind::Object => {
                let index = self.number_of(value, "index").map_or(0, |index| index.value);
                for (inner, value) in value.entries() {
                    let inner = inner.as_str().unwrap_or_default();
                    let place = text.place.rotate_left(7) ^ hash(&inner) ^ u64::from(index);
                    self.running(&inner, value, TextKey { place, ..text }, surface);
                }
            }
            _ => {}
        }
    }

    /// Takes one string.
    pub(super) fn push(&mut self, value: Value<'_>, surface: TextSurface, key: Option<TextKey>) {
        self.found.texts.extend(text(value, surface, key));
    }

    pub(super) fn logprobs(&mut self, value: Value<'_>) {
        if matches!(value.kind(), Kind::Array | Kind::Object) {
            self.found.logprobs.push(value.span());
        }
    }

    /// A small number, and where it stands.
    pub(super) fn number(&self, value: Value<'_>) -> Option<Number> {
        let range = value.span();
        let digits = std::str::from_utf8(self.data.get(range.clone())?).ok()?;
        Some(Number { range, value: digits.parse().ok()? })
    }

    pub(super) fn number_of(&self, object: Value<'_>, key: &str) -> Option<Number> {
        object.member(key).and_then(|value| self.number(value))
    }

    /// Whether a string is a label, or bytes that nobody reads as text.
    fn is_no_text(&mut self, key: &str, value: Value<'_>) -> bool {
        let raw = self.data.get(inside(value)).unwrap_or_default();
        if LABELS.contains(&key) {
            return raw.len() <= LONGEST_LABEL && raw.iter().all(|byte| is_label_byte(*byte));
        }
        let is_key =
            BINARY.contains(&key) || (OFTEN_BINARY.contains(&key) && raw.len() >= LEAST_BINARY);
        let is_binary = is_key && raw.iter().all(|byte| is_base64_byte(*byte));
        self.found.has_binary |= is_binary && key != "encrypted_content";
        is_binary
    }
}

/// A string of the document as a text.
pub(super) fn text(
    value: Value<'_>,
    surface: TextSurface,
    key: Option<TextKey>,
) -> Option<EventText> {
    let Kind::String { escaped } = value.kind() else { return None };
    Some(EventText { surface, key, range: inside(value), escaped })
}

/// Where a string stands without its quotes.
pub(super) fn inside(string: Value<'_>) -> Range<usize> {
    let span = string.span();
    span.start + 1..span.end.saturating_sub(1).max(span.start + 1)
}

/// FNV-1a: places are told apart by it, nothing is kept safe by it.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// What strings below a key are.
fn surface_under(key: &str, value: Value<'_>, inherited: TextSurface) -> TextSurface {
    let kind = value.member("type").and_then(Value::as_str);
    match key {
        "refusal" => TextSurface::Refusal,
        "arguments" => TextSurface::ToolArguments,
        "instructions" => TextSurface::System,
        "tools" | "tool_choice" => TextSurface::ToolDefinition,
        "format" | "response_format" => TextSurface::ResponseFormat,
        "metadata" => TextSurface::Metadata,
        "user" | "safety_identifier" | "prompt_cache_key" => TextSurface::EndUser,
        "reasoning" | "reasoning_content" | "summary" => TextSurface::Reasoning,
        "error" => TextSurface::Other,
        _ => kind.and_then(|kind| surface_of_item(&kind)).unwrap_or(inherited),
    }
}

/// What the strings of an output item are.
fn surface_of_item(kind: &str) -> Option<TextSurface> {
    match kind {
        "message" | "output_text" => Some(TextSurface::Assistant),
        "reasoning" => Some(TextSurface::Reasoning),
        "refusal" => Some(TextSurface::Refusal),
        _ if kind.ends_with("_call_output") => Some(TextSurface::ToolResult),
        _ if kind.ends_with("_call") => Some(TextSurface::ToolArguments),
        _ => None,
    }
}

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/')
}

fn is_base64_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}
