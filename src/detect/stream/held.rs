//! An answer that goes on only after it was judged.
//!
//! Owns the order of its events, and how much of them is held. Events that wait for a tool call make all
//! that come after them wait, so that the order stays the provider's; when they become many, those that
//! only bring pieces of arguments leave these to the call's first. It must never hold more than its bounds.

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
use crate::types::TextSurface;
use bytes::Bytes;
use std::{collections::VecDeque, sync::Arc};

/// The most that the arguments of an answer's calls may come to while they wait for their verdict.
const MAX_ARGUMENT_BYTES: usize = 1 << 20;

/// The most that the events that wait may come to: a call's longest arguments, as JSON writes them.
const MAX_QUEUED_BYTES: usize = 4 << 20;

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
    /// How much is queued before pieces of arguments are merged.
    merged_at: usize,
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
            merged_at: most_bytes,
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

    /// Whether nothing waits.
    pub(super) fn is_settled(&self) -> bool {
        self.queue.is_empty() && self.cutter.is_between_events() && self.texts.held_bytes() == 0
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
            Err(StreamStop::Violation) => Some(Gap::Stopped),
            Ok(()) => self.gap,
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
        let event = self.without_bad_lines(event)?;
        if event.data().is_empty() {
            return self.queue_up(event, out);
        }
        let mut texts = read_event(self.endpoint, event.data()).ok_or(StreamStop::Unreadable)?;
        if is_last {
            // It has no blank line, so nothing can follow it.
            texts.ends.push(Ends::All);
        }
        self.gap = self.gap.or(texts.unread.first().copied().map(Gap::Unread));
        self.calls.note(&texts, event.data(), &mut self.texts)?;
        self.queued_bytes += event.raw().len();
        self.queue.push_back(Waiting { event, texts });
        self.drain(out)?;
        self.stay_within_bounds()
    }

    /// The event without the lines beside its data that may not go on.
    fn without_bad_lines(&mut self, event: Event) -> Result<Event, StreamStop> {
        let mut bad = Vec::new();
        for line in event.other_lines() {
            let is_bad = match line.text {
                Some(text) => self.texts.whole(TextSurface::Other, text)?.is_some(),
                None => true,
            };
            bad.extend(is_bad.then_some(line));
        }
        Ok(if bad.is_empty() { event } else { event.without(&bad) })
    }

    fn stay_within_bounds(&mut self) -> Result<(), StreamStop> {
        if self.queued_bytes > self.merged_at {
            let calls = &mut self.calls;
            let mut carried = Vec::new();
            self.queue.retain(|waiting| !calls.merges(&waiting.texts, &mut carried));
            self.queued_bytes = self.queue.iter().map(|waiting| waiting.event.raw().len()).sum();
            self.merged_at = self.most_bytes.max(2 * self.queued_bytes);
        }
        let is_within = self.texts.held_bytes() <= self.most_bytes
            && self.calls.held_bytes() <= MAX_ARGUMENT_BYTES
            && self.queued_bytes <= MAX_QUEUED_BYTES;
        if is_within { Ok(()) } else { Err(StreamStop::TooMuchHeld) }
    }

    /// What has no data goes on in its place.
    fn queue_up(&mut self, event: Event, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        if self.queue.is_empty() {
            out.push(event.raw().clone());
            return Ok(());
        }
        self.queued_bytes += event.raw().len();
        self.queue.push_back(Waiting { event, texts: EventTexts::default() });
        self.stay_within_bounds()
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
