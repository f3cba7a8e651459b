//! The walk over a document that finds its texts.
//!
//! Owns what counts as text at a place. It must never pass over a string that it has not looked at.
//! It calls itself once for each level of nesting, of which the reader of JSON takes 128.

use super::{
    Texts, Unread,
    packed::{Content, content_of},
    shape::{Place, Shape, Step},
    span::{TextSpan, Writing},
    words::is_own_word,
};
use crate::openai::{
    endpoint::is_id,
    json::{Kind, Value},
};
use crate::types::TextSurface;
use std::ops::Range;

/// A shorter number is nobody's: no card, no account, no telephone.
const MIN_DIGITS: usize = 9;

/// A shorter string could be a word that only looks like base64.
const MIN_PACKED_BYTES: usize = 24;

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
            Kind::Number => self.number(value, place.surface),
            Kind::Null | Kind::True | Kind::False => {}
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
        if matches!(step, Step::Figure) && value.kind() == Kind::Number {
            return;
        }
        let is_passed = value.as_str().is_some_and(|text| match step {
            Step::Word => is_own_word(&text),
            Step::Id => self.trusts_ids && is_id(&text),
            Step::Fact => true,
            Step::Link => self.file(value, &text),
            Step::Payload(reason) => self.payload(value, &text, reason, place.surface),
            Step::Into(_) | Step::Figure => false,
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

    /// Whether a string where bytes are expected is base64: of text, which is taken, or of anything
    /// else, which is said to be unread.
    fn payload(
        &mut self,
        value: Value<'_>,
        text: &str,
        reason: Unread,
        surface: TextSurface,
    ) -> bool {
        if is_data_url(text) {
            return self.file(value, text);
        }
        match content_of(text) {
            Content::Text if text.len() >= MIN_PACKED_BYTES => {
                self.packed(value, 0, surface);
                true
            }
            // A long key could be taken for bytes without their padding, or in the alphabet for URLs.
            Content::Bytes if text.len().is_multiple_of(4) => {
                self.texts.skip(reason);
                !text.contains(['-', '_'])
            }
            _ => false,
        }
    }

    /// Takes a file that is written as an address (RFC 2397) in base64, if it is one: its text, if it
    /// holds text, whatever it calls itself.
    fn file(&mut self, value: Value<'_>, url: &str) -> bool {
        let Some((head, data)) = url.split_once(',').filter(|_| is_data_url(url)) else {
            return false;
        };
        let (_, encoding) = head.rsplit_once(';').unwrap_or_default();
        if !encoding.trim().eq_ignore_ascii_case("base64") {
            return false;
        }
        match content_of(data) {
            Content::Text => self.packed(value, head.len() + 1, TextSurface::ToolResult),
            Content::Bytes => self.texts.skip(Unread::Binary),
            Content::Other => return false,
        }
        true
    }

    /// Takes the text that a string holds in base64 from this place on.
    fn packed(&mut self, string: Value<'_>, from: usize, surface: TextSurface) {
        let is_escaped = string.kind() == Kind::String { escaped: true };
        let raw = string.raw().trim_matches('"');
        let span = TextSpan::packed(surface, &self.inside(string), raw, is_escaped, from);
        self.texts.spans.push(span);
    }

    fn number(&mut self, number: Value<'_>, surface: TextSurface) {
        let digits = number.raw().trim_start_matches('-');
        let digits = digits.bytes().take_while(u8::is_ascii_digit).count();
        if digits >= MIN_DIGITS {
            let span = number.span();
            let range = self.offset + span.start..self.offset + span.end;
            let writing = Writing::Number;
            self.texts.spans.push(TextSpan { surface, is_key: false, range, writing });
        }
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

fn is_data_url(text: &str) -> bool {
    text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}
