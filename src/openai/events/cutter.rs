//! Cutting a stream into whole events.
//!
//! Owns the beginning of an event whose end is in a later chunk, and nothing else. It must never hold
//! more than one event.

use super::Event;
use crate::openai::sse::{Framer, Token};
use bytes::{Bytes, BytesMut};

/// The longest event that is held until it is complete: images come in one.
pub const MAX_EVENT_BYTES: usize = 32 << 20;

/// What a chunk brought.
pub enum Cut {
    /// A whole event, with the blank line that ends it.
    Event(Event),
    /// The `\n` of a `\r\n` whose `\r` ended the event before.
    Newline(Bytes),
    /// An event is over [`MAX_EVENT_BYTES`]; the rest of it is skipped.
    TooLarge,
}

/// Fed with chunks in any split. It has no `Debug`, because it holds content.
#[derive(Default)]
pub struct EventCutter {
    framer: Framer,
    held: BytesMut,
    is_skipping: bool,
}

impl EventCutter {
    /// Reads on from `*at`; `None` at the end of the chunk.
    pub fn next(&mut self, chunk: &Bytes, at: &mut usize) -> Option<Cut> {
        let mut start = *at;
        while let Some(token) = self.framer.next(chunk, at) {
            match token {
                Token::Data(_) => {}
                Token::LateNewline => return Some(Cut::Newline(chunk.slice(start..*at))),
                Token::EventEnd => {
                    let has_more = chunk.get(*at - 1) == Some(&b'\r');
                    if has_more && chunk.get(*at) == Some(&b'\n') {
                        self.framer.next(chunk, at);
                    }
                    if !std::mem::take(&mut self.is_skipping) {
                        return Some(self.event(chunk.slice(start..*at)));
                    }
                    start = *at;
                }
            }
        }
        let rest = chunk.get(start..).unwrap_or_default();
        if self.is_skipping || rest.is_empty() {
            return None;
        }
        if self.held.len() + rest.len() > MAX_EVENT_BYTES {
            self.held = BytesMut::new();
            self.is_skipping = true;
            return Some(Cut::TooLarge);
        }
        self.held.extend_from_slice(rest);
        None
    }

    /// What is left at the end of the stream: an event without its blank line.
    pub fn finish(&mut self) -> Option<Event> {
        let held = std::mem::take(&mut self.held).freeze();
        (!held.is_empty()).then(|| Event::new(held))
    }

    /// How much of an event is held.
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// Whether what comes next would begin a new event.
    pub fn is_between_events(&self) -> bool {
        self.framer.is_between_events()
    }

    fn event(&mut self, end: Bytes) -> Cut {
        if self.held.len() + end.len() > MAX_EVENT_BYTES {
            self.held = BytesMut::new();
            return Cut::TooLarge;
        }
        if self.held.is_empty() {
            return Cut::Event(Event::new(end));
        }
        let mut whole = std::mem::take(&mut self.held);
        whole.extend_from_slice(&end);
        Cut::Event(Event::new(whole.freeze()))
    }
}
