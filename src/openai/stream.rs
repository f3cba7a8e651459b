//! A streamed answer on its way to the client.
//!
//! Owns what is read from it and the one edit that we make to it on our own account: removing the
//! traces of usage that only we asked for. It must never hold back what it does not edit, and never
//! more than one event.

use super::{
    answer::AnswerFacts,
    endpoint::StreamMarker,
    skim::{Seen, Skimmer},
    sse::{Framer, Token},
};
use bytes::{Bytes, BytesMut};
use std::ops::Range;
use thiserror::Error;

/// A comment that keeps a silent stream alive; may be sent at a boundary.
pub const PING: &[u8] = b": ping\n\n";

/// The longest event that is held until it is complete.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// What the last event of a complete stream says.
const DONE: &[u8] = b"[DONE]";

/// Why a stream cannot go on.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum StreamFault {
    /// An event that has to be held is over 1 MiB.
    #[error("an event of the stream is over 1 MiB")]
    EventTooLarge,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StreamEnd {
    /// With its marker, with `[DONE]`, or with an error of the provider's own.
    Complete,
    /// Before that.
    Truncated,
}

/// What to do with an event.
#[derive(Clone, Debug)]
enum Edit {
    Keep,
    Cut(Range<usize>),
    Drop,
}

/// What the data of the current event is.
#[derive(Clone, Copy, Debug, Default)]
enum Payload {
    /// This many bytes of [`DONE`] have been seen, and nothing else.
    #[default]
    Unread,
    Marker(usize),
    Json,
    Unknown,
}

/// Fed with the provider's chunks in any split; gives what goes to the client. It has no
/// `Debug`, because it holds pieces of content.
pub struct StreamEditor {
    marker: StreamMarker,
    removes_usage: bool,
    framer: Framer,
    skimmer: Skimmer,
    payload: Payload,
    has_ended: bool,
    /// The beginning of an event whose end is in a later chunk. Empty unless we edit.
    held: BytesMut,
    /// What was done with the last event, which a late newline shares.
    is_last_dropped: bool,
}

impl StreamEditor {
    /// `strip_usage`: whether usage was asked for by us alone
    /// ([`Call::usage_added`](super::Call::usage_added)).
    pub fn new(marker: StreamMarker, strip_usage: bool) -> Self {
        Self {
            marker,
            removes_usage: strip_usage,
            framer: Framer::default(),
            skimmer: Skimmer::default(),
            payload: Payload::default(),
            has_ended: false,
            held: BytesMut::new(),
            is_last_dropped: false,
        }
    }

    /// Reads a chunk and appends to `out` what may go to the client now. Without usage to remove
    /// that is the chunk itself; otherwise slices of it, up to the end of the last whole event.
    pub fn feed(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) -> Result<(), StreamFault> {
        let mut at = 0;
        // Where the current event begins, and what from here on has not been given out.
        let (mut event, mut pending) = (0, 0);
        while let Some(token) = self.framer.next(&chunk, &mut at) {
            match token {
                Token::Data(piece) => {
                    let position = self.held.len() + piece.start - event;
                    self.read(position, chunk.get(piece).unwrap_or_default());
                }
                Token::EventEnd => {
                    let edit = self.end_event();
                    if self.removes_usage {
                        self.release(&chunk, event..at, &mut pending, edit, out);
                    }
                    event = at;
                }
                Token::LateNewline => {
                    if self.is_last_dropped {
                        push(out, chunk.slice(pending..event));
                        pending = at;
                    }
                    event = at;
                }
            }
        }
        if !self.removes_usage {
            push(out, chunk);
            return Ok(());
        }
        push(out, chunk.slice(pending..event));
        self.held.extend_from_slice(chunk.get(event..).unwrap_or_default());
        if self.held.len() > MAX_EVENT_BYTES { Err(StreamFault::EventTooLarge) } else { Ok(()) }
    }

    /// Whether [`PING`] may be sent now: the client has whole events only.
    pub fn at_boundary(&self) -> bool {
        self.framer.is_between_events() || (self.removes_usage && self.framer.is_within_event())
    }

    /// Ends the stream: gives out what is still held, and says whether it was complete.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> StreamEnd {
        if self.framer.is_within_event() {
            let edit = self.end_event();
            let held = self.held.split().freeze();
            edit_event(&held, edit, out);
        }
        let is_whole = self.has_ended || self.marker == StreamMarker::Unknown;
        if is_whole { StreamEnd::Complete } else { StreamEnd::Truncated }
    }

    /// Whether the stream's end has been seen.
    pub const fn is_complete(&self) -> bool {
        self.has_ended
    }

    /// What is known so far.
    pub const fn facts(&self) -> &AnswerFacts {
        self.skimmer.facts()
    }

    /// Reads a piece of the current event's data.
    fn read(&mut self, position: usize, piece: &[u8]) {
        if let Payload::Unread = self.payload {
            self.payload = match piece.first() {
                Some(b'[') => Payload::Marker(0),
                _ => Payload::Json,
            };
        }
        match self.payload {
            Payload::Marker(seen) => {
                let expected = DONE.get(seen..).unwrap_or_default();
                let length = expected.len().min(piece.len());
                self.payload = if piece.get(..length) == expected.get(..length) {
                    self.has_ended |= length == expected.len();
                    Payload::Marker(seen + length)
                } else {
                    Payload::Unknown
                };
            }
            Payload::Json => self.skimmer.feed(position, piece),
            Payload::Unread | Payload::Unknown => {}
        }
    }

    fn end_event(&mut self) -> Edit {
        self.payload = Payload::Unread;
        let ended = self.marker.is_ended_by(self.skimmer.own_type());
        let seen = self.skimmer.next_document();
        if seen.is_complete {
            self.has_ended = seen.has_error || ended.unwrap_or(self.has_ended);
        }
        let edit = edit_for(seen);
        self.is_last_dropped = self.removes_usage && matches!(edit, Edit::Drop);
        if self.removes_usage { edit } else { Edit::Keep }
    }

    /// Gives out what is pending before and within the event that ended, as far as it needs to be
    /// touched: an event that stays as it is stays pending, so that neighbours leave as one slice.
    fn release(
        &mut self,
        chunk: &Bytes,
        event: Range<usize>,
        pending: &mut usize,
        edit: Edit,
        out: &mut Vec<Bytes>,
    ) {
        if !self.held.is_empty() {
            self.held.extend_from_slice(chunk.get(event.clone()).unwrap_or_default());
            edit_event(&self.held.split().freeze(), edit, out);
            *pending = event.end;
            return;
        }
        match edit {
            Edit::Keep => {}
            Edit::Cut(cut) => {
                push(out, chunk.slice(*pending..event.start + cut.start));
                *pending = event.start + cut.end;
            }
            Edit::Drop => {
                push(out, chunk.slice(*pending..event.start));
                *pending = event.end;
            }
        }
    }
}

/// What removes the traces of `include_usage` from an event.
fn edit_for(seen: Seen) -> Edit {
    match seen {
        Seen { is_complete: true, has_empty_choices: true, has_usage: true, .. } => Edit::Drop,
        Seen { is_complete: true, null_usage: Some(cut), .. } => Edit::Cut(cut),
        _ => Edit::Keep,
    }
}

fn edit_event(event: &Bytes, edit: Edit, out: &mut Vec<Bytes>) {
    match edit {
        Edit::Keep => push(out, event.clone()),
        Edit::Cut(cut) => {
            push(out, event.slice(..cut.start));
            push(out, event.slice(cut.end..));
        }
        Edit::Drop => {}
    }
}

fn push(out: &mut Vec<Bytes>, bytes: Bytes) {
    if !bytes.is_empty() {
        out.push(bytes);
    }
}

#[cfg(test)]
mod tests;
