//! One text and its way back to the bytes.
//!
//! Owns how a text is written in a body: plainly, with JSON's escapes, in base64, or as a number. It must never
//! name other bytes than those that a piece of the text is written with.

use super::packed;
use crate::openai::{edits::Edit, json};
use crate::types::TextSurface;
use std::{borrow::Cow, ops::Range};

/// A text of a body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TextSpan {
    /// What it is a part of.
    pub surface: TextSurface,
    /// Whether it is an object's key.
    pub is_key: bool,
    /// Where it stands in the body, without its quotes.
    pub range: Range<usize>,
    pub(super) writing: Writing,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Writing {
    Plain,
    Escaped,
    /// In base64, whose string has escapes if `is_escaped`.
    Base64 {
        is_escaped: bool,
    },
    /// The digits of a number of JSON.
    Number,
}

impl TextSpan {
    /// A text that is not JSON.
    pub(in crate::openai) const fn plain(surface: TextSurface, range: Range<usize>) -> Self {
        Self { surface, is_key: false, range, writing: Writing::Plain }
    }

    /// What a string of JSON holds in base64 from a place of its text on. `range`: where it stands,
    /// without its quotes; `raw`: what stands there.
    pub(super) fn packed(
        surface: TextSurface,
        range: &Range<usize>,
        raw: &str,
        is_escaped: bool,
        from: usize,
    ) -> Self {
        let mut way = Way { start: range.start, raw, is_escaped, at: 0, seen: 0 };
        let range = way.written_at(from)..range.end;
        Self { surface, is_key: false, range, writing: Writing::Base64 { is_escaped } }
    }

    /// The text, decoded; borrowed where it is written plainly.
    pub fn text<'b>(&self, body: &'b [u8]) -> Cow<'b, str> {
        let raw = self.written(body);
        match self.writing {
            Writing::Plain | Writing::Number => Cow::Borrowed(raw),
            Writing::Escaped => json::unescape(raw).unwrap_or_default(),
            Writing::Base64 { is_escaped } => {
                let base64 = if is_escaped { json::unescape(raw) } else { Some(raw.into()) };
                let text = base64.and_then(|base64| packed::text_of(&base64));
                Cow::Owned(text.unwrap_or_default())
            }
        }
    }

    /// The bytes of the body that a piece of the text is written with. A piece of base64 or of a
    /// number has no bytes of its own: then it is all of it.
    pub fn raw(&self, body: &[u8], piece: Range<usize>) -> Range<usize> {
        match self.writing {
            Writing::Base64 { .. } | Writing::Number => self.range.clone(),
            Writing::Plain | Writing::Escaped => self.way(body).place(&piece),
        }
    }

    /// The edits that replace pieces of the text, given in order and apart from each other, by
    /// labels that need no escape in JSON.
    pub fn redact<'r>(
        &self,
        body: &[u8],
        pieces: impl IntoIterator<Item = (Range<usize>, &'r str)>,
    ) -> Vec<Edit> {
        let mut pieces = pieces.into_iter().peekable();
        if pieces.peek().is_none() {
            return Vec::new();
        }
        let whole = |with| vec![Edit::replacement(self.range.clone(), with)];
        match self.writing {
            Writing::Base64 { .. } => {
                return whole(packed::packed(&replaced(&self.text(body), pieces)));
            }
            // What is no number any more becomes a string.
            Writing::Number => return whole(format!("\"{}\"", replaced(&self.text(body), pieces))),
            Writing::Plain | Writing::Escaped => {}
        }
        let mut way = self.way(body);
        pieces
            .map(|(piece, label)| Edit::replacement(way.place(&piece), label.to_owned()))
            .collect()
    }

    fn way<'b>(&self, body: &'b [u8]) -> Way<'b> {
        let is_escaped = self.writing == Writing::Escaped;
        Way { start: self.range.start, raw: self.written(body), is_escaped, at: 0, seen: 0 }
    }

    fn written<'b>(&self, body: &'b [u8]) -> &'b str {
        let bytes = body.get(self.range.clone()).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }
}

fn replaced<'r>(text: &str, pieces: impl Iterator<Item = (Range<usize>, &'r str)>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut copied_to = 0;
    for (piece, label) in pieces {
        replaced.push_str(text.get(copied_to..piece.start).unwrap_or_default());
        replaced.push_str(label);
        copied_to = piece.end;
    }
    replaced + text.get(copied_to..).unwrap_or_default()
}

/// The way from places in a text to those in what is written, both from the left to the right.
struct Way<'b> {
    /// Where what is written begins in the body.
    start: usize,
    raw: &'b str,
    is_escaped: bool,
    /// Bytes of what is written that lie behind,
    at: usize,
    /// and the bytes of text that they stand for.
    seen: usize,
}

impl Way<'_> {
    fn place(&mut self, piece: &Range<usize>) -> Range<usize> {
        let start = self.written_at(piece.start);
        start..self.written_at(piece.end)
    }

    fn written_at(&mut self, place: usize) -> usize {
        if !self.is_escaped {
            return self.start + place;
        }
        if place < self.seen {
            (self.at, self.seen) = (0, 0);
        }
        loop {
            let rest = self.raw.get(self.at..).unwrap_or_default().as_bytes();
            let plain_bytes = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
            if place <= self.seen + plain_bytes || plain_bytes == rest.len() {
                return self.start + self.at + (place - self.seen).min(plain_bytes);
            }
            let escape = rest.get(plain_bytes..).unwrap_or_default();
            let Some((character, length)) = json::decode(escape) else {
                return self.start + self.raw.len();
            };
            self.at += plain_bytes + length;
            self.seen += plain_bytes + character.len_utf8();
        }
    }
}
