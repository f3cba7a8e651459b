//! The events of a streamed answer, and where text stands in them.
//!
//! Owns cutting a stream into whole events and the reading of each of them: which strings are pieces of
//! which running text, which are whole in themselves, and what an event ends. It must never judge a
//! text, nor take half of an event for one.

mod chunk;
mod cutter;
mod event;
mod head;
mod typed;
mod walk;

pub use cutter::{Cut, EventCutter, MAX_EVENT_BYTES};
pub use event::{Event, OtherLine, escaped};
pub use head::{StreamHead, stream_head};

use super::texts::Unread;
use super::{
    Endpoint, StreamMarker,
    edits::{Edit, removals},
    json,
};
use crate::types::TextSurface;
use json::{Document, Kind};
use std::{borrow::Cow, ops::Range};
use walk::Reader;

/// Which running text a piece belongs to: the choice or the output item, and the place in it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TextKey {
    /// The index of the choice, or of the output item.
    pub output: u32,
    /// The place within it, hashed: its field and the indexes on the way there.
    pub place: u64,
}

/// A string of an event. Ranges are bytes of the event's data, quotes excluded.
#[derive(Clone, Debug)]
pub struct EventText {
    /// What the string is.
    pub surface: TextSurface,
    /// The running text that it is a piece of; `None`: it is whole in itself.
    pub key: Option<TextKey>,
    /// Whether it is the name of a member.
    pub is_name: bool,
    /// Where it stands.
    pub range: Range<usize>,
    /// Whether it is written with escapes.
    pub escaped: bool,
}

impl EventText {
    /// The string without its escapes.
    pub fn text<'d>(&self, data: &'d [u8]) -> Cow<'d, str> {
        let raw = data.get(self.range.clone()).unwrap_or_default();
        let raw = std::str::from_utf8(raw).unwrap_or_default();
        if self.escaped { json::unescape(raw).unwrap_or_default() } else { Cow::Borrowed(raw) }
    }
}

/// Which tool call of an answer: the choice and the call's index in it, or the output item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CallKey {
    /// The index of the choice, or of the output item.
    pub output: u32,
    /// The index within the choice; 0 for an output item.
    pub index: u32,
}

impl CallKey {
    /// The running text of its arguments, for who does not wait for the whole call.
    pub fn arguments(self) -> TextKey {
        TextKey { output: self.output, place: walk::hash("arguments") ^ u64::from(self.index) }
    }
}

/// What an event says of a tool call.
#[derive(Clone, Debug)]
pub struct CallPiece {
    /// Which call.
    pub key: CallKey,
    /// Its name, where this event tells it.
    pub name: Option<Box<str>>,
    /// Whether the name, like the arguments, comes in pieces.
    pub in_pieces: bool,
    /// A piece of its arguments.
    pub arguments: Option<EventText>,
    /// The number by which the event names the call within its choice.
    pub index: Option<Number>,
    /// More of it is to come: the provider does not run this call itself.
    pub is_open: bool,
}

impl CallPiece {
    /// A piece of a call of which all comes in pieces, that says nothing yet.
    fn of(key: CallKey) -> Self {
        Self { key, name: None, in_pieces: true, arguments: None, index: None, is_open: true }
    }
}

/// A list of an event that holds tool calls: one that may not be made can be taken out of it.
#[derive(Clone, Debug)]
pub struct CallList {
    /// The whole list, or the one object that takes its place.
    pub range: Range<usize>,
    /// The elements in order; those that are no calls have neither key nor name.
    pub elements: Vec<ListedCall>,
    /// Where nothing is left, `null` may stand in its place.
    pub is_nullable: bool,
}

impl CallList {
    /// What takes some elements out: `goes` says of each whether it does.
    pub fn without(&self, goes: &[bool]) -> Vec<Edit> {
        if self.is_nullable && !goes.contains(&false) {
            return vec![Edit::replacement(self.range.clone(), "null")];
        }
        let elements = self.elements.iter().map(|element| element.range.clone());
        removals(elements.zip(goes.iter().copied()))
    }
}

/// An element of a [`CallList`].
#[derive(Clone, Debug)]
pub struct ListedCall {
    /// Which call of the stream it is a piece of.
    pub key: Option<CallKey>,
    /// The call's name, where the element is the whole call.
    pub name: Option<Box<str>>,
    /// Where it stands.
    pub range: Range<usize>,
}

/// A number of an event.
#[derive(Clone, Debug)]
pub struct Number {
    /// Where it stands.
    pub range: Range<usize>,
    /// What it says.
    pub value: u32,
}

/// Which running texts and tool calls an event completes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ends {
    /// One text.
    Text(TextKey),
    /// All of a choice or an output item.
    Output(u32),
    /// All.
    All,
}

impl Ends {
    /// Whether it completes this text.
    pub fn text(self, key: TextKey) -> bool {
        match self {
            Self::Text(one) => one == key,
            Self::Output(output) => output == key.output,
            Self::All => true,
        }
    }

    /// Whether it completes this call.
    pub fn call(self, key: CallKey) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Output(output) => output == key.output,
            Self::All => true,
        }
    }
}

/// A choice that an event brings something for.
#[derive(Clone, Debug)]
pub struct ChoiceSeen {
    /// Its index.
    pub index: u32,
    /// Why the choice has ended, where it has: the word without its quotes.
    pub finish: Option<Range<usize>>,
}

/// What one event holds.
#[derive(Clone, Debug, Default)]
pub struct EventTexts {
    /// Its texts, in order.
    pub texts: Vec<EventText>,
    /// What it says of tool calls.
    pub calls: Vec<CallPiece>,
    /// Where tool calls stand in it.
    pub lists: Vec<CallList>,
    /// What is complete with it.
    pub ends: Vec<Ends>,
    /// The choices that it speaks of.
    pub choices: Vec<ChoiceSeen>,
    /// Token probabilities, which repeat the text; a list or an object.
    pub logprobs: Vec<Range<usize>>,
    /// What must not be said twice: a role, a finish reason, the usage.
    pub said_once: Vec<Range<usize>>,
    /// Its number in the stream.
    pub sequence: Option<Number>,
    /// The output item that it belongs to.
    pub output: Option<Number>,
    /// It is there for its tool calls alone.
    pub only_calls: bool,
    /// It is there for pieces of arguments alone, which another event can carry as well.
    pub only_pieces: bool,
    /// What nobody reads in it.
    pub unread: Vec<Unread>,
}

impl EventTexts {
    /// Whether this running text is complete with the event.
    pub fn ends_text(&self, key: TextKey) -> bool {
        self.ends.iter().any(|ends| ends.text(key))
    }
}

/// Reads an event's data. `None`: it cannot be read the one way that every client reads it.
pub fn read_event(endpoint: &Endpoint, data: &[u8]) -> Option<EventTexts> {
    if data.trim_ascii() == b"[DONE]" {
        return Some(EventTexts { ends: vec![Ends::All], ..EventTexts::default() });
    }
    let document = Document::parse(data).ok()?;
    let root = document.root();
    let mut reader = Reader::new(data, own_surface(endpoint));
    reader.logprobs(root);
    let is_chunk = |(key, value): (json::Value<'_>, json::Value<'_>)| {
        value.kind() == Kind::Array && key.as_str().as_deref() == Some("choices")
    };
    if root.entries().any(is_chunk) {
        chunk::read(&mut reader, root);
    } else {
        typed::read(&mut reader, root);
    }
    Some(reader.into_found())
}

/// What a text of an answer is where nothing else is said.
fn own_surface(endpoint: &Endpoint) -> TextSurface {
    match endpoint.stream_end {
        StreamMarker::Events(["transcript.text.done"]) => TextSurface::Transcript,
        _ => TextSurface::Assistant,
    }
}

#[cfg(test)]
mod tests;
