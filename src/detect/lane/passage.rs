//! A lane's text on its way through.
//!
//! Owns the text that is not settled, and what is put in the place of redacted values. It must never
//! keep more than is needed to settle it.

use super::{
    Stopped,
    track::{Role, Track},
};
use crate::detect::{CONTEXT_BYTES, Tally, fold::Folded, judge::Place, scanner::Text};
use crate::types::Action;
use std::ops::Range;

/// Text that is not needed any more is dropped when there is so much of it.
const DROP_BYTES: usize = 256;

/// A text on its way through.
pub(super) struct Passage {
    /// What is not settled, and what stands before it.
    text: String,
    /// Up to where it has gone on.
    released: usize,
    folded: Option<Folded>,
    /// Whether what was before `text` ended in a space when it was folded.
    after_space: bool,
    tracks: Vec<Track>,
    /// Values to be redacted, with their rules, that have not been reached.
    redactions: Vec<(Range<usize>, usize)>,
    /// Where the last redaction ends.
    redacted: Option<usize>,
    is_stopped: bool,
}

impl Passage {
    pub(super) fn new(tracks: Vec<Track>, folds: bool) -> Self {
        Self {
            text: String::new(),
            released: 0,
            folded: folds.then(Folded::default),
            after_space: false,
            tracks,
            redactions: Vec::new(),
            redacted: None,
            is_stopped: false,
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.text.len() - self.released
    }

    pub(super) fn advance(
        &mut self,
        place: Place<'_>,
        piece: &str,
        is_end: bool,
        out: &mut String,
        tally: &mut Tally,
    ) -> Result<(), Stopped> {
        if self.is_stopped {
            return Err(Stopped::Violation);
        }
        self.text.push_str(piece);
        if let Some(folded) = &mut self.folded {
            folded.fold(&self.text, self.after_space);
        }
        let stop = self.search(place, is_end, tally);
        let acting = self.tracks.iter().find(|track| track.role == Role::Act);
        let settled = acting.map_or(self.text.len(), |track| track.settled);
        self.release(place, stop.unwrap_or(settled), out);
        if stop.is_some() {
            self.is_stopped = true;
            self.text = String::new();
            self.released = 0;
            self.folded = None;
            return Err(Stopped::Violation);
        }
        self.drop_settled();
        Ok(())
    }

    /// Goes on with all searches; returns where the first match begins that stops the text.
    fn search(&mut self, place: Place<'_>, is_end: bool, tally: &mut Tally) -> Option<usize> {
        let text = Text { text: &self.text, folded: self.folded.as_ref(), is_end };
        let redactions = &mut self.redactions;
        let mut stop = None;
        for track in &mut self.tracks {
            let acts = track.role == Role::Act;
            track.advance(place, text, &mut |hit, is_counted| {
                if acts && stop.is_some() {
                    return;
                }
                let action = if acts { place.action(hit.rule) } else { Action::Log };
                if is_counted || action.stops() {
                    place.note(&hit, text.text, action, tally);
                }
                if action.stops() {
                    stop = Some(hit.span.start);
                } else if action == Action::Redact {
                    redactions.push((hit.value, hit.rule));
                }
            });
        }
        stop
    }

    /// Lets the text go on to `end`.
    fn release(&mut self, place: Place<'_>, end: usize, out: &mut String) {
        self.redactions.sort_by_key(|(range, rule)| (range.start, range.end, *rule));
        let reached = self.redactions.partition_point(|(range, _)| range.start < end);
        let mut from = self.released;
        for (range, rule) in self.redactions.drain(..reached) {
            let redacted = self.redacted.unwrap_or_default();
            out.push_str(self.text.get(from.max(redacted)..range.start).unwrap_or_default());
            if self.redacted.is_none_or(|redacted| redacted < range.start) {
                out.push_str(&place.profile.detections().label(rule));
            }
            self.redacted = Some(range.end.max(redacted));
            from = range.start;
        }
        let from = from.max(self.redacted.unwrap_or_default());
        out.push_str(self.text.get(from..end).unwrap_or_default());
        self.released = end;
    }

    /// Drops text that no search needs any more.
    fn drop_settled(&mut self) {
        let settled = self.tracks.iter().map(|track| track.settled).fold(self.released, usize::min);
        let end = self.text.floor_char_boundary(settled.saturating_sub(CONTEXT_BYTES));
        if end < DROP_BYTES {
            return;
        }
        let dropped = self.text.drain(..end);
        let folded = self.folded.is_some().then(|| Folded::of(dropped.as_str(), self.after_space));
        drop(dropped);
        let folded = folded.map_or_else(String::new, |folded| folded.text);
        if !folded.is_empty() {
            self.after_space = folded.ends_with(' ');
        }
        self.released -= end;
        self.redacted = self.redacted.and_then(|redacted| redacted.checked_sub(end));
        for (range, _) in &mut self.redactions {
            *range = range.start - end..range.end - end;
        }
        self.tracks.iter_mut().for_each(|track| track.shift(end, folded.len()));
    }
}
