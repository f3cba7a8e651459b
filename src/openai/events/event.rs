//! One whole event.
//!
//! Owns its bytes, where its data stands in them, and changing that data. It must never touch a byte
//! outside of what is to be changed.

use crate::openai::{
    edits::{Edit, apply},
    sse::{Framer, Token},
};
use bytes::Bytes;
use std::{borrow::Cow, ops::Range};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// An event as it came. It has no `Debug`, because it is content.
#[derive(Clone)]
pub struct Event {
    raw: Bytes,
    /// From the first byte of the data to the last.
    data: Range<usize>,
    /// The data, where it stands in more than one line.
    joined: Option<Box<[u8]>>,
}

/// A line of an event beside its data.
pub struct OtherLine<'e> {
    /// Where it stands, with its end.
    range: Range<usize>,
    /// What it says; `None` where it is neither a comment nor a field that an event may have.
    pub text: Option<&'e str>,
}

impl Event {
    /// Finds the data in a whole event.
    pub fn new(raw: Bytes) -> Self {
        let mut framer = Framer::default();
        let mut at = if raw.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let mut data = 0..0;
        let mut joined: Option<Vec<u8>> = None;
        let mut is_first = true;
        while let Some(token) = framer.next(&raw, &mut at) {
            let Token::Data(line) = token else { continue };
            let text = raw.get(line.clone()).unwrap_or_default();
            let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
            let line = line.start..line.start + end.map_or(0, |last| last + 1);
            if std::mem::take(&mut is_first) {
                data = line;
                continue;
            }
            let whole = joined.get_or_insert_with(|| slice(&raw, &data).to_vec());
            whole.push(b'\n');
            whole.extend_from_slice(slice(&raw, &line));
            data.end = line.end;
        }
        Self { raw, data, joined: joined.map(Vec::into_boxed_slice) }
    }

    /// All of it.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// What its data lines say together; empty for a comment.
    pub fn data(&self) -> &[u8] {
        self.joined.as_deref().unwrap_or_else(|| slice(&self.raw, &self.data))
    }

    /// The lines that are no data: comments, names, and what has no place in an event.
    pub fn other_lines(&self) -> impl Iterator<Item = OtherLine<'_>> {
        let mut at = if self.raw.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let mut next = move || {
            let rest = self.raw.get(at..).filter(|rest| !rest.is_empty())?;
            let length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let start = at;
            at = (start + length + 1).min(self.raw.len());
            Some((start..at, rest.get(..length)?))
        };
        std::iter::from_fn(move || {
            loop {
                let (range, line) = next()?;
                match line.split(|byte| *byte == b':').next().unwrap_or_default() {
                    b"data" => {}
                    b"" if line.is_empty() => {}
                    b"" | b"event" | b"id" | b"retry" => {
                        return Some(OtherLine { range, text: std::str::from_utf8(line).ok() });
                    }
                    _ => return Some(OtherLine { range, text: None }),
                }
            }
        })
    }

    /// The event without some of its lines.
    pub fn without(&self, lines: &[OtherLine<'_>]) -> Self {
        let removals: Vec<_> = lines.iter().map(|line| Edit::removal(line.range.clone())).collect();
        Self::new(apply(&self.raw, &removals))
    }

    /// The event with changed data. Data in several lines becomes one line.
    pub fn edited(&self, edits: &[Edit]) -> Bytes {
        let raw = &self.raw;
        let Some(joined) = &self.joined else {
            let shifted = edits.iter().map(|edit| {
                let Range { start, end } = edit.range;
                let range = start + self.data.start..end + self.data.start;
                Edit { range, with: edit.with.clone() }
            });
            return apply(raw, &shifted.collect::<Vec<_>>());
        };
        // JSON that was read has line ends only between its values, where a space says the same.
        let in_line = joined.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte });
        let data = apply(&in_line.collect(), edits);
        let before = raw.get(..self.data.start).unwrap_or_default();
        let after = raw.get(self.data.end..).unwrap_or_default();
        [before, &data, after].concat().into()
    }
}

/// A string as JSON writes it, without its quotes.
pub fn escaped(text: &str) -> Cow<'static, str> {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Cow::Owned(inside.unwrap_or_default().to_owned())
}

fn slice<'b>(bytes: &'b [u8], range: &Range<usize>) -> &'b [u8] {
    bytes.get(range.clone()).unwrap_or_default()
}
