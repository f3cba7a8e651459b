//! Server-sent events as they pass by.
//!
//! Owns the framing: where data stands and where events end, whatever the line ends (`\n`, `\r\n`,
//! `\r`) and however the bytes are split. It must never buffer.

use std::ops::Range;

/// Something in a chunk.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token {
    /// A piece of a data line, with its line end if that is there. Lines of one event follow each
    /// other; the line end keeps them apart.
    Data(Range<usize>),
    /// An event has ended; the next byte is the next event's.
    EventEnd,
    /// That next byte was the `\n` of a `\r\n`: it still belongs to the event that ended.
    LateNewline,
}

/// Where the next byte stands in its line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Line {
    /// At its beginning.
    #[default]
    Fresh,
    /// After this many bytes of `data:`, and nothing else.
    Prefix(usize),
    /// After `data:`, where one space is skipped.
    BeforeData,
    /// In the data.
    Data,
    /// A comment or another field.
    Other,
}

const PREFIX: &[u8] = b"data:";

/// The state between two bytes.
#[derive(Debug, Default)]
pub(super) struct Framer {
    line: Line,
    /// The current event has at least one byte.
    is_within_event: bool,
    /// The last byte was `\r`: a `\n` may still belong to it.
    is_after_return: bool,
}

impl Framer {
    /// Reads on from `*at`; `None` at the end of the chunk.
    pub(super) fn next(&mut self, chunk: &[u8], at: &mut usize) -> Option<Token> {
        loop {
            let rest = chunk.get(*at..)?;
            let &byte = rest.first()?;
            if std::mem::take(&mut self.is_after_return) && byte == b'\n' {
                *at += 1;
                if self.is_within_event {
                    continue;
                }
                return Some(Token::LateNewline);
            }
            if self.line == Line::Fresh && rest.starts_with(b"data: ") {
                self.is_within_event = true;
                self.line = Line::Data;
                *at += PREFIX.len() + 1;
                continue;
            }
            match self.line {
                Line::Data => return Some(Token::Data(self.through_line_end(rest, at))),
                Line::Other => {
                    self.through_line_end(rest, at);
                }
                _ if matches!(byte, b'\n' | b'\r') => {
                    let is_blank = self.line == Line::Fresh;
                    self.end_line(byte);
                    *at += 1;
                    if is_blank {
                        self.is_within_event = false;
                        return Some(Token::EventEnd);
                    }
                }
                Line::BeforeData => {
                    self.line = Line::Data;
                    *at += usize::from(byte == b' ');
                }
                Line::Fresh => self.prefix(0, byte, at),
                Line::Prefix(seen) => self.prefix(seen, byte, at),
            }
        }
    }

    /// Whether what comes next would begin a new event.
    pub(super) const fn is_between_events(&self) -> bool {
        !self.is_within_event && !self.is_after_return
    }

    /// Whether an event has begun and not ended.
    pub(super) const fn is_within_event(&self) -> bool {
        self.is_within_event
    }

    fn prefix(&mut self, seen: usize, byte: u8, at: &mut usize) {
        self.is_within_event = true;
        *at += 1;
        self.line = match PREFIX.get(seen) {
            Some(expected) if *expected != byte => Line::Other,
            _ if seen + 1 == PREFIX.len() => Line::BeforeData,
            _ => Line::Prefix(seen + 1),
        };
    }

    /// Consumes the rest of the line, its end included.
    fn through_line_end(&mut self, rest: &[u8], at: &mut usize) -> Range<usize> {
        let start = *at;
        match memchr::memchr2(b'\n', b'\r', rest) {
            Some(length) => {
                *at += length + 1;
                self.end_line(rest.get(length).copied().unwrap_or_default());
            }
            None => *at += rest.len(),
        }
        start..*at
    }

    fn end_line(&mut self, byte: u8) {
        self.line = Line::Fresh;
        self.is_after_return = byte == b'\r';
    }
}
