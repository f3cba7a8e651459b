//! An answer that goes on only after it was judged.
//!
//! Owns the order of its events, and how much of them is held. Events that wait for a tool call make all
//! that come after them wait, so that the order stays the provider's. It must never hold more than its
//! bound.

use super::{
    Gap, Report, StreamStop,
    calls::Calls,
    release::{Numbers, Release},
    scan,
    texts::Texts,
};
use crate::openai::{
    BegunStream, BlockedAnswer, Cut, Endpoint, Ends, Event, EventCutter, EventTexts, blocked_event,
    read_event,
};
use crate::policy::ToolPolicy;
use bytes::Bytes;
use std::{collections::VecDeque, sync::Arc};

/// An event that waits, with what was read in it.
struct Waiting {
    event: Event,
    texts: EventTexts,
}

/// Holds whole events. It has no `Debug`, because it holds content.
pub(super) struct Held {
    endpoint: &'static Endpoint,
    cutter: EventCutter,
    texts: Texts,
    calls: Calls,
    queue: VecDeque<Waiting>,
    queued_bytes: usize,
    most_bytes: usize,
    numbers: Numbers,
    gap: Option<Gap>,
}

impl Held {
    pub(super) fn new(
        texts: Texts,
        tools: Option<Arc<ToolPolicy>>,
        endpoint: &'static Endpoint,
        most_bytes: usize,
    ) -> Self {
        Self {
            endpoint,
            cutter: EventCutter::default(),
            texts,
            calls: Calls::new(tools),
            queue: VecDeque::new(),
            queued_bytes: 0,
            most_bytes,
            numbers: Numbers::default(),
            gap: None,
        }
    }

    pub(super) fn feed(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        let fed = self.take_all(chunk, out);
        self.note(fed)
    }

    pub(super) fn finish(&mut self, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        let finished = self.take_rest(out);
        self.note(finished)
    }

    /// Where only tools are held, texts that have not ended are judged as far as they came.
    pub(super) fn report(&mut self) -> Report {
        if !self.texts.holds() && self.texts.end_all().is_err() {
            self.gap = Some(Gap::Unreadable);
        }
        Report {
            tally: self.texts.take_tally(),
            scan: scan(self.gap),
            tools_removed: self.calls.take_removed(),
        }
    }

    pub(super) fn blocked_event(&self, it: &BlockedAnswer<'_>) -> Bytes {
        let begun = BegunStream {
            head: self.numbers.head.as_ref(),
            choices: &self.numbers.choices,
            next_sequence: self.numbers.next_sequence(),
        };
        blocked_event(self.endpoint, it, &begun)
    }

    /// Says in the report why the answer was cut.
    fn note(&mut self, done: Result<(), StreamStop>) -> Result<(), StreamStop> {
        self.gap = match done {
            Err(StreamStop::Unreadable) => Some(Gap::Unreadable),
            Err(StreamStop::TooMuchHeld) => Some(Gap::TooMuchHeld),
            Ok(()) | Err(StreamStop::Violation) => self.gap,
        };
        done
    }

    fn take_all(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        let mut at = 0;
        while let Some(cut) = self.cutter.next(chunk, &mut at) {
            match cut {
                Cut::Event(event) => self.take(event, false, out)?,
                Cut::Newline(newline) => self.queue_up(Event::new(newline), out)?,
                Cut::TooLarge => return Err(StreamStop::Unreadable),
            }
        }
        Ok(())
    }

    fn take_rest(&mut self, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        if let Some(event) = self.cutter.finish() {
            self.take(event, true, out)?;
        }
        self.calls.decide_all(&mut self.texts)?;
        self.drain(out)?;
        self.release(out).end_all()
    }

    fn take(
        &mut self,
        event: Event,
        is_last: bool,
        out: &mut Vec<Bytes>,
    ) -> Result<(), StreamStop> {
        if event.data().is_empty() {
            return self.queue_up(event, out);
        }
        let mut texts = read_event(self.endpoint, event.data()).ok_or(StreamStop::Unreadable)?;
        if is_last {
            // It has no blank line, so nothing can follow it.
            texts.ends.push(Ends::All);
        }
        if texts.has_binary {
            self.gap = Some(Gap::Binary);
        }
        self.calls.note(&texts, event.data(), &mut self.texts)?;
        self.queued_bytes += event.raw().len();
        self.queue.push_back(Waiting { event, texts });
        self.drain(out)?;
        let held = self.queued_bytes + self.calls.held_bytes() + self.texts.held_bytes();
        if held > self.most_bytes { Err(StreamStop::TooMuchHeld) } else { Ok(()) }
    }

    /// What has no data goes on in its place.
    fn queue_up(&mut self, event: Event, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        if self.queue.is_empty() {
            out.push(event.raw().clone());
            return Ok(());
        }
        self.queued_bytes += event.raw().len();
        self.queue.push_back(Waiting { event, texts: EventTexts::default() });
        if self.queued_bytes > self.most_bytes { Err(StreamStop::TooMuchHeld) } else { Ok(()) }
    }

    /// Gives out the events that wait for no call.
    fn drain(&mut self, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        while let Some(next) = self.queue.pop_front_if(|next| !self.calls.is_waiting(&next.texts)) {
            self.queued_bytes -= next.event.raw().len();
            self.release(out).event(&next.event, &next.texts)?;
        }
        Ok(())
    }

    fn release<'a>(&'a mut self, out: &'a mut Vec<Bytes>) -> Release<'a> {
        Release {
            endpoint: self.endpoint,
            texts: &mut self.texts,
            calls: &mut self.calls,
            numbers: &mut self.numbers,
            out,
        }
    }
}
