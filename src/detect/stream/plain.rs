//! An answer that is plain text: a transcription, subtitles, a file.
//!
//! Owns the pieces of characters at the ends of its chunks. It must never take bytes that are no text
//! for text.

use super::{Gap, Report, StreamSettings, StreamStop, holds, scan};
use crate::detect::{
    lane::{Lane, Stopped},
    profile::Profile,
    tally::Tally,
};
use crate::types::{Lifecycle, TextSurface};
use bytes::{Bytes, BytesMut};
use std::sync::Arc;

/// One text in chunks. It has no `Debug`, because it holds content.
pub struct TextScreen {
    lane: Lane,
    holds: bool,
    most_bytes: usize,
    tally: Tally,
    /// The beginning of a character whose end is in the next chunk.
    partial: BytesMut,
    gap: Option<Gap>,
    is_over: bool,
}

impl TextScreen {
    /// A text of this surface.
    pub fn new(profile: &Arc<Profile>, surface: TextSurface, settings: StreamSettings) -> Self {
        let holds = holds(profile, settings);
        let watches = profile.watches(Lifecycle::Egress);
        Self {
            lane: Lane::new(profile, Lifecycle::Egress, surface, holds),
            holds,
            most_bytes: settings.held_bytes,
            tally: Tally::new(),
            partial: BytesMut::new(),
            gap: (!watches).then_some(Gap::NothingWatches),
            is_over: false,
        }
    }

    /// Takes the next bytes and appends what may go on now. After an error nothing more may be fed.
    pub fn feed(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        if !self.holds {
            out.push(chunk.clone());
        }
        if self.gap.is_some() || chunk.is_empty() {
            return Ok(());
        }
        let is_continued = !self.partial.is_empty();
        let whole = if is_continued {
            self.partial.extend_from_slice(&chunk);
            std::mem::take(&mut self.partial).freeze()
        } else {
            chunk
        };
        let (text, rest) = match std::str::from_utf8(&whole) {
            Ok(text) => (text, 0),
            Err(error) if error.error_len().is_none() => {
                let (text, rest) = whole.split_at(error.valid_up_to());
                (std::str::from_utf8(text).unwrap_or_default(), rest.len())
            }
            Err(_) => return self.give_up(StreamStop::Unreadable),
        };
        self.partial.extend_from_slice(whole.get(whole.len() - rest..).unwrap_or_default());
        let mut free = String::new();
        let pushed = self.lane.push(text, &mut free, &mut self.tally);
        pushed.or_else(|Stopped::Violation| self.give_up(StreamStop::Violation))?;
        if self.holds {
            if free == text {
                push(out, whole.slice(..text.len()));
            } else {
                push(out, free.into());
            }
            if self.lane.held_bytes() > self.most_bytes {
                return self.give_up(StreamStop::TooMuchHeld);
            }
        }
        Ok(())
    }

    /// The text has ended: judges and gives out what is left.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        if self.gap.is_some() || std::mem::replace(&mut self.is_over, true) {
            return Ok(());
        }
        if !self.partial.is_empty() {
            self.give_up(StreamStop::Unreadable)?;
        }
        let mut free = String::new();
        let finished = self.lane.finish(&mut free, &mut self.tally);
        finished.or_else(|Stopped::Violation| self.give_up(StreamStop::Violation))?;
        if self.holds {
            push(out, free.into());
        }
        Ok(())
    }

    /// What was found; takes it out. To be asked once, at the end, however that came.
    pub fn report(&mut self) -> Report {
        if !self.holds && self.finish(&mut Vec::new()).is_err() {
            // A client may leave before the end: what came is judged; nothing is held, so nothing stops.
            self.gap = Some(Gap::Unreadable);
        }
        Report {
            tally: std::mem::take(&mut self.tally),
            scan: scan(self.gap),
            tools_removed: Vec::new(),
        }
    }

    /// From here on nothing is judged; what must be judged is cut.
    fn give_up(&mut self, stop: StreamStop) -> Result<(), StreamStop> {
        self.gap = Some(match stop {
            StreamStop::Violation => Gap::Stopped,
            StreamStop::TooMuchHeld => Gap::TooMuchHeld,
            StreamStop::Unreadable => Gap::Unreadable,
        });
        if self.holds { Err(stop) } else { Ok(()) }
    }
}

fn push(out: &mut Vec<Bytes>, bytes: Bytes) {
    if !bytes.is_empty() {
        out.push(bytes);
    }
}
