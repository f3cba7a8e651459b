//! An answer that goes on at once and is judged beside.
//!
//! Owns the copy of at most one event. It must never hold back, change or stop anything.

use super::{Gap, Report, scan, texts::Texts};
use crate::openai::{Cut, Endpoint, Event, EventCutter, read_event};
use crate::types::TextSurface;
use bytes::Bytes;

/// Reads what passes. It has no `Debug`, because it holds content.
pub(super) struct Passing {
    endpoint: &'static Endpoint,
    cutter: EventCutter,
    texts: Texts,
    gap: Option<Gap>,
}

impl Passing {
    pub(super) fn new(texts: Texts, endpoint: &'static Endpoint) -> Self {
        Self { endpoint, cutter: EventCutter::default(), texts, gap: None }
    }

    pub(super) fn feed(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) {
        out.push(chunk.clone());
        let mut at = 0;
        while let Some(cut) = self.cutter.next(&chunk, &mut at) {
            match cut {
                Cut::Event(event) => self.read(&event),
                Cut::Newline(_) => {}
                Cut::TooLarge => self.gap = Some(Gap::Unreadable),
            }
        }
    }

    pub(super) fn finish(&mut self) {
        if let Some(event) = self.cutter.finish() {
            self.read(&event);
        }
    }

    /// Texts that have not ended are judged as far as they came: a client may leave at any time.
    pub(super) fn report(&mut self) -> Report {
        if self.texts.end_all().is_err() {
            self.gap = Some(Gap::Unreadable);
        }
        Report { tally: self.texts.take_tally(), scan: scan(self.gap), tools_removed: Vec::new() }
    }

    pub(super) fn at_boundary(&self) -> bool {
        self.cutter.is_between_events()
    }

    fn read(&mut self, event: &Event) {
        let is_judged = self.judge_lines(event).and_then(|()| self.judge(event));
        if is_judged.is_none() {
            self.gap = Some(Gap::Unreadable);
        }
    }

    fn judge_lines(&mut self, event: &Event) -> Option<()> {
        for line in event.other_lines() {
            self.texts.whole(TextSurface::Other, line.text?).ok()?;
        }
        Some(())
    }

    /// Judges an event's texts; tool calls are texts like others here. `None`: it cannot be read.
    fn judge(&mut self, event: &Event) -> Option<()> {
        if event.data().is_empty() {
            return Some(());
        }
        let found = read_event(self.endpoint, event.data())?;
        self.gap = self.gap.or(found.unread.first().copied().map(Gap::Unread));
        self.texts.end_others(&found).ok()?;
        let texts = found.texts.iter().map(|text| (text.key, text));
        let pieces = found.calls.iter().filter_map(|piece| {
            let text = piece.arguments.as_ref()?;
            Some((Some(piece.key.arguments()), text))
        });
        let mut unchanged = String::new();
        for (key, text) in texts.chain(pieces) {
            let piece = text.text(event.data());
            match key {
                None => self.texts.whole(text.surface, &piece).map(|_| ()).ok()?,
                Some(key) => self.texts.push(key, text.surface, &piece, &mut unchanged).ok()?,
            }
            unchanged.clear();
        }
        for key in found.texts.iter().filter_map(|text| text.key) {
            if found.ends_text(key) {
                self.texts.end(key, &mut unchanged).ok()?;
            }
        }
        Some(())
    }
}
