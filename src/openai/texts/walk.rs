//! The walk over a document that finds its texts.
//!
//! Owns what counts as text at a place. It must never pass over a string that it has not looked at.
//! It calls itself once for each level of nesting, of which the reader of JSON takes 128.

use super::{
    Texts, Unread,
    shape::{Place, Shape, Step},
    span::{TextSpan, Writing, decoded},
    words::is_own_word,
};
use crate::openai::{
    endpoint::is_id,
    json::{Kind, Value},
    run::run_before,
};
use crate::types::TextSurface;
use std::ops::Range;

/// What is shorter is read, even where bytes are expected.
const MIN_PAYLOAD_BYTES: usize = 64;

/// A walk over documents of one body.
pub(in crate::openai) struct Walk<'t> {
    pub(in crate::openai) texts: &'t mut Texts,
    /// Where the document begins in the body.
    pub(in crate::openai) offset: usize,
    /// Whether ids are the provider's own, so that nobody hides anything in them.
    pub(in crate::openai) trusts_ids: bool,
}

impl Walk<'_> {
    /// Takes all texts of a value.
    pub(in crate::openai) fn value(&mut self, value: Value<'_>, place: Place) {
        match value.kind() {
            Kind::String { .. } => self.text(value, place.surface, false),
            Kind::Array => self.items(value, place),
            Kind::Object => self.members(value, place.within(value)),
            Kind::Null | Kind::True | Kind::False | Kind::Number => {}
        }
    }

    fn items(&mut self, list: Value<'_>, place: Place) {
        let takes_tokens = matches!(place.shape, Shape::Prompt | Shape::Message);
        for item in list.items() {
            if takes_tokens && item.kind() == Kind::Number {
                self.texts.skip(Unread::Tokens);
            } else {
                self.value(item, place);
            }
        }
    }

    fn members(&mut self, object: Value<'_>, place: Place) {
        for (key, value) in object.entries() {
            let name = key.as_str().unwrap_or_default();
            if let Some(step) = place.step(&name) {
                self.member(value, step, place);
                continue;
            }
            if !is_own_word(&name) {
                self.text(key, place.surface, true);
            }
            self.value(value, place.unknown());
        }
    }

    fn member(&mut self, value: Value<'_>, step: Step, place: Place) {
        if let Step::Into(inner) = step {
            return self.value(value, inner);
        }
        let is_passed = value.as_str().is_some_and(|text| match step {
            Step::Word => is_own_word(&text),
            Step::Id => self.trusts_ids && is_id(&text),
            Step::Fact => true,
            Step::Link => text.starts_with("data:") && self.file(value, &text),
            Step::Payload(reason) => self.payload(value, &text, reason),
            Step::Into(_) => false,
        });
        match step {
            _ if is_passed => {}
            Step::Word if value.kind() == Kind::Array => {
                value.items().for_each(|item| self.member(item, Step::Word, place));
            }
            Step::Link => self.value(value, Place::new(Shape::Part, place.surface)),
            Step::Id | Step::Fact => self.value(value, Place::new(Shape::Free, TextSurface::Other)),
            _ => self.value(value, Place::new(Shape::Free, place.surface)),
        }
    }

    /// Whether a string where bytes are expected is nothing else.
    fn payload(&mut self, value: Value<'_>, text: &str, reason: Unread) -> bool {
        if text.starts_with("data:") {
            return self.file(value, text);
        }
        let is_payload = is_base64(text);
        if is_payload {
            self.texts.skip(reason);
        }
        is_payload
    }

    /// Takes a file that is written as an address (RFC 2397), if it is one: its text where it is one
    /// in plain base64.
    fn file(&mut self, value: Value<'_>, url: &str) -> bool {
        let Some((head, data)) = url.split_once(',') else { return false };
        let Some(kind) = head.strip_suffix(";base64") else { return false };
        let is_plain = value.kind() == Kind::String { escaped: false };
        if is_plain && is_text_type(kind) && decoded(data).is_some() {
            let within = self.inside(value);
            self.texts.spans.push(TextSpan {
                surface: TextSurface::ToolResult,
                is_key: false,
                range: within.start + head.len() + 1..within.end,
                writing: Writing::Base64,
            });
            return true;
        }
        let is_payload = is_base64(data);
        if is_payload {
            self.texts.skip(Unread::Binary);
        }
        is_payload
    }

    fn text(&mut self, string: Value<'_>, surface: TextSurface, is_key: bool) {
        let range = self.inside(string);
        if range.is_empty() {
            return;
        }
        let is_escaped = string.kind() == Kind::String { escaped: true };
        let writing = if is_escaped { Writing::Escaped } else { Writing::Plain };
        self.texts.spans.push(TextSpan { surface, is_key, range, writing });
    }

    /// Where a string stands in the body, without its quotes.
    fn inside(&self, string: Value<'_>) -> Range<usize> {
        let span = string.span();
        self.offset + span.start + 1..self.offset + span.end - 1
    }
}

/// Whether a string is long enough for bytes and made of nothing but base64.
fn is_base64(text: &str) -> bool {
    let is_other = |byte: u8| {
        !(byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='))
    };
    text.len() >= MIN_PAYLOAD_BYTES && run_before(text.as_bytes(), is_other) == text.len()
}

/// Whether a `data:` address is one of text in UTF-8.
fn is_text_type(head: &str) -> bool {
    let kind = head.strip_prefix("data:").unwrap_or_default().to_ascii_lowercase();
    let mut pieces = kind.split(';');
    let name = pieces.next().unwrap_or_default();
    let is_text = name.starts_with("text/")
        || matches!(name, "application/json" | "application/xml" | "application/x-ndjson");
    is_text
        && pieces
            .all(|parameter| !parameter.starts_with("charset=") || parameter == "charset=utf-8")
}
