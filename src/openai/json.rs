//! JSON as a flat tape over the text it was read from.
//!
//! Owns strict reading (one meaning for every reader, or none) and navigation by spans, so that
//! what is passed on is the caller's own bytes. It must never recurse on its input, build a copy of
//! the document, or put content into an error.

mod escape;
mod scanner;

pub(crate) use escape::{decode, unescape};

use std::{borrow::Cow, ops::Range};
use thiserror::Error;

/// Why a text is not JSON that we accept. Says where and what, never what stood there.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{reason} at byte {offset}")]
pub(crate) struct JsonError {
    /// Offset in bytes from the start of the text.
    pub(crate) offset: usize,
    /// A plain reason.
    pub(crate) reason: &'static str,
}

/// What a node is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    Number,
    String { escaped: bool },
    Array,
    Object,
}

/// One value or key. Nodes stand in document order; an object's children are key, value, key, …
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    /// First byte; a string's opening quote.
    start: u32,
    /// One past the last byte.
    end: u32,
    /// The node after this one and all its children.
    next: u32,
}

/// A JSON text that has been read in full. It has no `Debug`, because it is content.
pub(crate) struct Document<'t> {
    text: &'t str,
    nodes: Vec<Node>,
}

impl<'t> Document<'t> {
    /// Reads `bytes`, refusing whatever two readers might read differently.
    pub(crate) fn parse(bytes: &'t [u8]) -> Result<Self, JsonError> {
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            return Err(JsonError { offset: 0, reason: "a byte order mark" });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| JsonError { offset: error.valid_up_to(), reason: "invalid UTF-8" })?;
        Ok(Self { text, nodes: scanner::scan(text)? })
    }

    /// The outermost value.
    pub(crate) fn root(&self) -> Value<'_> {
        Value { text: self.text, nodes: &self.nodes, index: 0 }
    }
}

/// A value within a [`Document`].
#[derive(Clone, Copy)]
pub(crate) struct Value<'d> {
    text: &'d str,
    nodes: &'d [Node],
    index: usize,
}

impl<'d> Value<'d> {
    /// What it is.
    pub(crate) fn kind(self) -> Kind {
        self.node().kind
    }

    /// Where it stands in the text, quotes and brackets included.
    pub(crate) fn span(self) -> Range<usize> {
        let node = self.node();
        wide(node.start)..wide(node.end)
    }

    /// As it is written, quotes and brackets included.
    pub(crate) fn raw(self) -> &'d str {
        self.text.get(self.span()).unwrap_or_default()
    }

    /// A string's text without its escapes; `None` for anything else.
    pub(crate) fn as_str(self) -> Option<Cow<'d, str>> {
        let Kind::String { escaped } = self.kind() else { return None };
        let raw = raw_string(self.text, self.node());
        if escaped { unescape(raw) } else { Some(Cow::Borrowed(raw)) }
    }

    /// An array's items; nothing for anything else.
    pub(crate) fn items(self) -> impl Iterator<Item = Value<'d>> {
        self.children(Kind::Array)
    }

    /// An object's keys and values; nothing for anything else.
    pub(crate) fn entries(self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> {
        let mut children = self.children(Kind::Object);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The value of a member by its exact name; `None` where there is none.
    pub(crate) fn member(self, name: &str) -> Option<Value<'d>> {
        let mut entries = self.entries();
        entries.find(|(key, _)| key.as_str().as_deref() == Some(name)).map(|(_, value)| value)
    }

    /// Keys and values at any depth, in no particular order, but for those inside of values whose
    /// key is not to be `entered`.
    pub(crate) fn entries_within(
        self,
        entered: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (Value<'d>, Value<'d>)> {
        let mut unread = vec![self];
        let mut found = Vec::new();
        let is_entered = move |(key, value): &(Self, Self)| {
            value.is_container() && key.as_str().is_some_and(|key| entered(&key))
        };
        std::iter::from_fn(move || {
            while found.is_empty() {
                let container = unread.pop()?;
                unread.extend(container.items().filter(|item| item.is_container()));
                found.extend(container.entries());
                let inner = found.iter().filter(|entry| is_entered(entry));
                unread.extend(inner.map(|(_, value)| *value));
            }
            found.pop()
        })
    }

    fn is_container(self) -> bool {
        matches!(self.kind(), Kind::Array | Kind::Object)
    }

    fn children(self, kind: Kind) -> impl Iterator<Item = Value<'d>> {
        let end = if self.kind() == kind { wide(self.node().next) } else { 0 };
        let mut index = self.index + 1;
        std::iter::from_fn(move || {
            let child = Value { index, ..self };
            (index < end).then(|| {
                index = wide(child.node().next);
                child
            })
        })
    }

    fn node(self) -> Node {
        let nothing = Node { kind: Kind::Null, start: 0, end: 0, next: u32::MAX };
        self.nodes.get(self.index).copied().unwrap_or(nothing)
    }
}

/// A string node's text between its quotes.
fn raw_string(text: &str, node: Node) -> &str {
    text.get(wide(node.start) + 1..wide(node.end).saturating_sub(1)).unwrap_or_default()
}

/// An index kept small on the tape. Lossless wherever a `usize` has 32 bits.
fn wide(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
