//! Reading an event's values.
//!
//! Owns which strings are pieces of running texts; all others are whole ones. It must never pass over
//! a string without a reason: a label of the event itself, or bytes that are not text.

use super::{EventText, EventTexts, Number, TextKey};
use crate::openai::{
    json::{Kind, Value},
    texts::{Place, Texts, Unread, Walk},
};
use crate::types::TextSurface;
use std::{cmp::Reverse, ops::Range};

/// Members of events and deltas whose values are ids and fixed words, as long as they look like it.
const LABELS: &[&str] = &[
    "call_id",
    "event_id",
    "id",
    "item_id",
    "model",
    "object",
    "obfuscation",
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

/// Names of other members that come with most events.
const NAMES: &[&str] = &[
    "arguments",
    "content",
    "content_index",
    "delta",
    "function",
    "index",
    "name",
    "output_index",
    "partial_image_index",
    "reasoning",
    "reasoning_content",
    "refusal",
    "sequence_number",
    "summary_index",
    "text",
    "tool_calls",
    "transcript",
];

/// Members in which images stand, and what only the provider can read.
const BINARY: &[&str] = &[SOUND, "b64_json", "encrypted_content", "partial_image_b64"];

/// The `data` of a delta's `audio`.
pub(super) const SOUND: &str = "audio.data";

/// Members in which images and sound stand, or text.
const OFTEN_BINARY: &[&str] = &["audio", "data", "result"];

const LONGEST_LABEL: usize = 128;

/// A shorter string in one of the members that are only [`OFTEN_BINARY`] is read.
const LEAST_BINARY: usize = 1024;

/// Collects what one event holds.
pub(super) struct Reader<'d> {
    pub(super) data: &'d [u8],
    pub(super) own_surface: TextSurface,
    pub(super) found: EventTexts,
    /// What is read already.
    read: Vec<Range<usize>>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(data: &'d [u8], own_surface: TextSurface) -> Self {
        Self { data, own_surface, found: EventTexts::default(), read: Vec::new() }
    }

    /// What was found, in order.
    pub(super) fn into_found(self) -> EventTexts {
        let mut found = self.found;
        found.texts.sort_by_key(|text| text.range.start);
        found
    }

    /// Takes all strings of a value, and the names of members that nobody knows, as whole texts, but
    /// for what is read already.
    pub(super) fn whole(&mut self, value: Value<'_>, place: Place) {
        self.read.sort_by_key(|read| (read.start, Reverse(read.end)));
        self.read.dedup_by(|next, kept| next.end <= kept.end);
        let mut texts = Texts::default();
        Walk { texts: &mut texts, offset: 0, trusts_ids: true }.value(value, place);
        for span in texts.spans() {
            let is_known = span.is_key && self.is_known_name(&span.range);
            if !is_known && !self.is_read(&span.range) {
                let escaped = self.raw(&span.range).contains(&b'\\');
                let (surface, range) = (span.surface, span.range.clone());
                let is_name = span.is_key;
                self.found.texts.push(EventText { surface, key: None, is_name, range, escaped });
            }
        }
        texts.unread().iter().for_each(|unread| self.skip(*unread));
        self.read.push(value.span());
    }

    /// Takes all strings of a value as pieces of running texts, one for each place.
    pub(super) fn running(
        &mut self,
        name: &str,
        value: Value<'_>,
        text: TextKey,
        surface: TextSurface,
    ) {
        self.read.push(value.span());
        self.pieces(name, value, text, surface);
    }

    fn pieces(&mut self, name: &str, value: Value<'_>, text: TextKey, surface: TextSurface) {
        match value.kind() {
            Kind::String { .. } if !self.is_no_text(name, value) => {
                self.push(value, surface, Some(text));
            }
            Kind::Array => value.items().for_each(|item| self.pieces(name, item, text, surface)),
            Kind::Object => {
                let index = self.number_of(value, "index").map_or(0, |index| index.value);
                for (key, value) in value.entries() {
                    self.name(key);
                    let inner = key.as_str().unwrap_or_default();
                    let place = text.place.rotate_left(7) ^ hash(&inner) ^ u64::from(index);
                    self.pieces(&inner, value, TextKey { place, ..text }, surface);
                }
            }
            _ => {}
        }
    }

    /// Takes the name of a member, where it is none that everybody knows.
    pub(super) fn name(&mut self, key: Value<'_>) {
        if !self.is_known_name(&inside(key)) {
            let name = text(key, TextSurface::Other, None);
            self.found.texts.extend(name.map(|name| EventText { is_name: true, ..name }));
        }
    }

    /// Passes over a member that is a label, or bytes that nobody reads as text.
    pub(super) fn label(&mut self, name: &str, value: Value<'_>) {
        if matches!(value.kind(), Kind::String { .. }) && self.is_no_text(name, value) {
            self.read.push(value.span());
        }
    }

    /// Takes a piece of a call's arguments.
    pub(super) fn arguments(&mut self, value: Value<'_>) -> Option<EventText> {
        self.read.push(value.span());
        text(value, TextSurface::ToolArguments, None)
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

    pub(super) fn skip(&mut self, unread: Unread) {
        if !self.found.unread.contains(&unread) {
            self.found.unread.push(unread);
        }
    }

    /// Finds token probabilities, wherever they stand.
    pub(super) fn logprobs(&mut self, root: Value<'_>) {
        for (key, value) in root.entries_within(|name| name != "logprobs") {
            let is_list = matches!(value.kind(), Kind::Array | Kind::Object);
            if is_list && key.as_str().as_deref() == Some("logprobs") {
                self.found.logprobs.push(value.span());
                self.read.push(value.span());
            }
        }
    }

    fn push(&mut self, value: Value<'_>, surface: TextSurface, key: Option<TextKey>) {
        self.found.texts.extend(text(value, surface, key));
    }

    /// Whether a string is a label, or bytes that nobody reads as text.
    fn is_no_text(&mut self, name: &str, value: Value<'_>) -> bool {
        let raw = self.raw(&inside(value));
        if LABELS.contains(&name) {
            return raw.len() <= LONGEST_LABEL && raw.iter().all(|byte| is_label_byte(*byte));
        }
        let is_place =
            BINARY.contains(&name) || (OFTEN_BINARY.contains(&name) && raw.len() >= LEAST_BINARY);
        let is_binary = is_place && raw.iter().all(|byte| is_base64_byte(*byte));
        if is_binary {
            let is_encrypted = name == "encrypted_content";
            self.skip(if is_encrypted { Unread::Encrypted } else { Unread::Binary });
        }
        is_binary
    }

    fn is_known_name(&self, range: &Range<usize>) -> bool {
        let is_it = |name: &&str| name.as_bytes() == self.raw(range);
        LABELS.iter().any(is_it) || NAMES.iter().any(is_it)
    }

    /// Whether a string lies within what is read; that is in order.
    fn is_read(&self, range: &Range<usize>) -> bool {
        let begun = self.read.partition_point(|read| read.start <= range.start);
        let last = begun.checked_sub(1).and_then(|last| self.read.get(last));
        last.is_some_and(|read| range.end <= read.end)
    }

    fn raw(&self, range: &Range<usize>) -> &'d [u8] {
        self.data.get(range.clone()).unwrap_or_default()
    }
}

/// A string of the document as a text.
fn text(value: Value<'_>, surface: TextSurface, key: Option<TextKey>) -> Option<EventText> {
    let Kind::String { escaped } = value.kind() else { return None };
    Some(EventText { surface, key, is_name: false, range: inside(value), escaped })
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

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/')
}

fn is_base64_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}
