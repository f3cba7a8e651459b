//! The strict single pass from text to tape.
//!
//! Owns the grammar (RFC 8259, nothing more) and what we refuse beyond it: duplicate keys at any
//! depth, nesting over 128, more than a million values. It must never recurse.

use super::{JsonError, Kind, Node, escape, raw_string, unescape, wide};
use crate::openai::run::run_before;
use std::borrow::Cow;

/// Nesting that real calls stay far below, and that other readers accept.
const MAX_DEPTH: usize = 128;
/// Bounds the tape at 16 MB, whatever the body's size.
const MAX_NODES: usize = 1 << 20;
/// Up to here keys are compared pair by pair; beyond, they are sorted.
const FEW_KEYS: usize = 16;

/// Reads all of `text`.
pub(super) fn scan(text: &str) -> Result<Vec<Node>, JsonError> {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        at: 0,
        nodes: Vec::with_capacity(64),
        open: Vec::with_capacity(16),
    };
    if u32::try_from(text.len()).is_err() {
        return Err(scanner.fault("a text over 4 GiB"));
    }
    scanner.run()?;
    Ok(scanner.nodes)
}

struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    nodes: Vec<Node>,
    /// Containers that are not closed yet, innermost last.
    open: Vec<(usize, Kind)>,
}

impl<'t> Scanner<'t> {
    fn run(&mut self) -> Result<(), JsonError> {
        loop {
            let is_entered = self.value()?;
            if is_entered {
                continue;
            }
            while let Some(&(_, kind)) = self.open.last() {
                match (self.peek_token(), kind) {
                    (Some(b','), Kind::Object) => {
                        self.at += 1;
                        self.key()?;
                        break;
                    }
                    (Some(b','), _) => {
                        self.at += 1;
                        break;
                    }
                    (Some(b'}'), Kind::Object) | (Some(b']'), Kind::Array) => self.close()?,
                    (Some(_), _) => return Err(self.fault("a comma or a bracket is missing")),
                    (None, _) => return Err(self.fault("the text ends too early")),
                }
            }
            if self.open.is_empty() {
                return match self.peek_token() {
                    None => Ok(()),
                    Some(_) => Err(self.fault("something after the end")),
                };
            }
        }
    }

    /// Reads a scalar or an empty container, or enters a container up to its first value (`true`).
    fn value(&mut self) -> Result<bool, JsonError> {
        match self.peek_token() {
            Some(b'"') => self.string().map(|()| false),
            Some(b'{') => self.enter(Kind::Object, b'}'),
            Some(b'[') => self.enter(Kind::Array, b']'),
            Some(b't') => self.literal(b"true", Kind::True).map(|()| false),
            Some(b'f') => self.literal(b"false", Kind::False).map(|()| false),
            Some(b'n') => self.literal(b"null", Kind::Null).map(|()| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(_) => Err(self.fault("a value is missing")),
            None => Err(self.fault("the text ends too early")),
        }
    }

    fn enter(&mut self, kind: Kind, closing: u8) -> Result<bool, JsonError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.fault("nesting over 128 levels"));
        }
        self.open.push((self.nodes.len(), kind));
        let start = self.at;
        self.at += 1;
        self.push(kind, start)?;
        if self.peek_token() == Some(closing) {
            return self.close().map(|()| false);
        }
        if kind == Kind::Object {
            self.key()?;
        }
        Ok(true)
    }

    fn close(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        let Some((index, kind)) = self.open.pop() else { return Ok(()) };
        if kind == Kind::Object {
            self.refuse_duplicates(index + 1)?;
        }
        let (end, next) = (narrow(self.at), narrow(self.nodes.len()));
        if let Some(node) = self.nodes.get_mut(index) {
            node.end = end;
            node.next = next;
        }
        Ok(())
    }

    fn key(&mut self) -> Result<(), JsonError> {
        if self.peek_token() != Some(b'"') {
            return Err(self.fault("a key is missing"));
        }
        self.string()?;
        if self.peek_token() != Some(b':') {
            return Err(self.fault("a colon is missing"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            let stops = |byte| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
            self.at += run_before(self.rest(), stops);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let Some((_, length)) = escape::decode(self.rest()) else {
                        return Err(self.fault("an invalid escape or half of a surrogate pair"));
                    };
                    escaped = true;
                    self.at += length;
                }
                Some(_) => return Err(self.fault("a control character in a string")),
                None => return Err(self.fault("the text ends in a string")),
            }
        }
        self.at += 1;
        self.push(Kind::String { escaped }, start)
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.fault("a number with a leading zero"));
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.push(Kind::Number, start)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.fault("a digit is missing")) } else { Ok(()) }
    }

    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<(), JsonError> {
        if !self.rest().starts_with(word) {
            return Err(self.fault("a value is missing"));
        }
        let start = self.at;
        self.at += word.len();
        self.push(kind, start)
    }

    fn push(&mut self, kind: Kind, start: usize) -> Result<(), JsonError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(self.fault("more than a million values"));
        }
        let next = narrow(self.nodes.len() + 1);
        self.nodes.push(Node { kind, start: narrow(start), end: narrow(self.at), next });
        Ok(())
    }

    /// Looks at the keys of the object whose first key is the node `first`; its last value is the
    /// last node. Keys are equal if they are equal to a reader, after unescaping.
    fn refuse_duplicates(&self, first: usize) -> Result<(), JsonError> {
        let mut seen = [""; FEW_KEYS];
        for (count, key) in self.keys(first).enumerate() {
            let name = raw_string(self.text, key);
            let (before, free) = seen.split_at_mut(count.min(FEW_KEYS));
            let (Some(slot), Kind::String { escaped: false }) = (free.first_mut(), key.kind) else {
                return self.refuse_duplicates_sorted(first);
            };
            if before.contains(&name) {
                return Err(duplicate(key.start));
            }
            *slot = name;
        }
        Ok(())
    }

    /// The same for many or escaped keys: sorting cannot be made slow by chosen keys.
    fn refuse_duplicates_sorted(&self, first: usize) -> Result<(), JsonError> {
        let mut names: Vec<(Cow<'t, str>, u32)> = self
            .keys(first)
            .map(|key| (unescape(raw_string(self.text, key)).unwrap_or_default(), key.start))
            .collect();
        names.sort_unstable();
        let equal = |pair: &[(Cow<'t, str>, u32)]| match pair {
            [(one, _), (other, start)] if one == other => Some(*start),
            _ => None,
        };
        names.windows(2).find_map(equal).map_or(Ok(()), |start| Err(duplicate(start)))
    }

    fn keys(&self, first: usize) -> impl Iterator<Item = Node> {
        let mut index = first;
        std::iter::from_fn(move || {
            let key = *self.nodes.get(index)?;
            index = self.nodes.get(index + 1).map_or(usize::MAX, |value| wide(value.next));
            Some(key)
        })
    }

    /// Skips white space.
    fn peek_token(&mut self) -> Option<u8> {
        while let Some(byte) = self.peek() {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'t [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, reason: &'static str) -> JsonError {
        JsonError { offset: self.at, reason }
    }
}

fn duplicate(start: u32) -> JsonError {
    JsonError { offset: wide(start), reason: "a duplicate key" }
}

/// Lossless: `scan` refuses texts over 4 GiB, and there are fewer nodes than bytes.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
