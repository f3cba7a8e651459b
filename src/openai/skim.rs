//! Skimming a JSON answer as it passes by.
//!
//! Owns a push reader that is fed any split of the bytes and keeps only the few facts that we
//! record. It must never buffer the answer: captures are bounded, everything else is stepped over.
//! It reads a provider's answer leniently; it judges only whether the outermost value is complete.

mod place;
mod seen;
mod state;

pub use seen::AnswerFacts;
pub(super) use seen::Seen;

use super::{fields::MAX_NAME_BYTES, json::unescape, run::run_before};
use place::{Field, Place};
use state::{Capture, Inside, State};
use std::borrow::Cow;

/// The push reader. It has no `Debug`, because it holds pieces of content.
#[derive(Default)]
pub(super) struct Skimmer {
    facts: AnswerFacts,
    captured: Vec<u8>,
    position: usize,
    document: State,
}

impl Skimmer {
    /// The facts of all documents so far.
    pub(super) const fn facts(&self) -> &AnswerFacts {
        &self.facts
    }

    /// Takes the facts out.
    pub(super) fn into_facts(self) -> AnswerFacts {
        self.facts
    }

    /// What was seen of the current document.
    pub(super) const fn seen(&self) -> &Seen {
        &self.document.seen
    }

    /// Ends the current document and is ready for the next.
    pub(super) fn next_document(&mut self) -> Seen {
        std::mem::take(&mut self.document).seen
    }

    /// Reads more of the document. `position` is where `bytes` stand in the caller's counting.
    pub(super) fn feed(&mut self, position: usize, bytes: &[u8]) {
        self.position = position;
        let mut rest = bytes;
        while !rest.is_empty() && !self.document.seen.is_complete {
            let used = match self.document.inside {
                Inside::Structure => self.structure(rest),
                Inside::Text(capture) => self.text(rest, capture),
                Inside::Scalar => self.scalar(rest),
                Inside::Skipped => self.skipped(rest),
            };
            rest = rest.get(used..).unwrap_or_default();
            self.position += used;
        }
    }

    fn structure(&mut self, rest: &[u8]) -> usize {
        let state = &mut self.document;
        let Some(&byte) = rest.first() else { return 0 };
        match byte {
            b'"' if state.expects_key => self.start_key(),
            b'"' => self.start_text(),
            b':' => state.expects_key = false,
            b',' => {
                state.expects_key = state.place != Place::Choices;
                state.field = Field::Other;
                if state.place == Place::Root {
                    state.comma = Some(self.position);
                }
            }
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => self.close(),
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => {
                self.start_scalar(byte);
                return 0;
            }
        }
        1
    }

    fn start_key(&mut self) {
        let state = &mut self.document;
        if state.place == Place::Root {
            if state.cuts_to_next_key {
                state.cuts_to_next_key = false;
                state.seen.null_usage =
                    state.seen.null_usage.take().map(|cut| cut.start..self.position);
            }
            state.member = state.comma.unwrap_or(self.position);
        }
        self.captured.clear();
        state.inside = Inside::Text(Capture::Key);
    }

    fn start_text(&mut self) {
        self.document.is_null = false;
        self.note_value();
        let is_wanted = match self.document.field {
            Field::Model => self.facts.model.is_none(),
            Field::FinishReason | Field::Code | Field::Type => true,
            _ => false,
        };
        self.captured.clear();
        self.document.inside =
            Inside::Text(if is_wanted { Capture::Value } else { Capture::Nothing });
    }

    fn start_scalar(&mut self, first: u8) {
        self.document.is_null = first == b'n';
        self.note_value();
        self.document.number = Some(0);
        self.document.inside = Inside::Scalar;
    }

    /// A value begins.
    fn note_value(&mut self) {
        let state = &mut self.document;
        if state.place == Place::Choices {
            state.seen.has_empty_choices = false;
        }
        if state.field == Field::Error {
            state.seen.has_error = !state.is_null;
        }
    }

    fn open(&mut self, bracket: u8) {
        let state = &mut self.document;
        let is_first = state.seen.has_empty_choices;
        let place = state.place.inner(state.field, bracket, is_first);
        state.is_null = false;
        self.note_value();
        let state = &mut self.document;
        match place {
            Some(place) => {
                state.seen.has_usage |= place == Place::Usage;
                state.seen.has_empty_choices |= place == Place::Choices;
                state.expects_key = place != Place::Choices;
                state.place = place;
                state.field = Field::Other;
            }
            None => {
                state.skipped_depth = 1;
                state.inside = Inside::Skipped;
            }
        }
    }

    fn close(&mut self) {
        let state = &mut self.document;
        state.expects_key = false;
        state.field = Field::Other;
        match state.place {
            Place::Outside => {}
            Place::Root => state.seen.is_complete = true,
            Place::Usage | Place::Error | Place::Choices => state.place = Place::Root,
            Place::FirstChoice => {
                state.place = Place::Choices;
                if state.choice_finish.is_some() && state.choice_index.unwrap_or(0) == 0 {
                    self.facts.finish_reason = state.choice_finish.take();
                }
            }
        }
    }

    fn text(&mut self, rest: &[u8], capture: Capture) -> usize {
        let run = if std::mem::take(&mut self.document.is_escaped) {
            1
        } else {
            run_before(rest, |byte| (byte == b'"') | (byte == b'\\'))
        };
        let (plain, stop) = rest.split_at(run.min(rest.len()));
        self.capture(plain, capture);
        // After an escaped byte the next one is looked at in the next round.
        match stop.first() {
            Some(b'\\') => {
                self.capture(b"\\", capture);
                self.document.is_escaped = true;
                run + 1
            }
            Some(b'"') => {
                self.end_text(capture);
                run + 1
            }
            _ => run,
        }
    }

    /// Keeps one byte more than a name may have, which tells that it was too long.
    fn capture(&mut self, bytes: &[u8], capture: Capture) {
        if capture != Capture::Nothing {
            let room = (MAX_NAME_BYTES + 1).saturating_sub(self.captured.len());
            self.captured.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    fn end_text(&mut self, capture: Capture) {
        let state = &mut self.document;
        let is_skipping = state.skipped_depth > 0;
        state.inside = if is_skipping { Inside::Skipped } else { Inside::Structure };
        match capture {
            Capture::Nothing => {}
            Capture::Key => state.field = Field::named(state.place, &self.captured),
            Capture::Value => {
                let text = captured_text(&self.captured);
                match state.field {
                    Field::Model => self.facts.model = text,
                    Field::FinishReason => state.choice_finish = text,
                    Field::Code => self.facts.error_code = text,
                    Field::Type => self.facts.error_type = text,
                    _ => {}
                }
            }
        }
    }

    fn scalar(&mut self, rest: &[u8]) -> usize {
        let stops = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
        let end = rest.iter().position(stops);
        let digits = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let state = &mut self.document;
        if state.field != Field::Other {
            state.number = digits
                .iter()
                .try_fold(state.number, |number, digit| {
                    let digit = char::from(*digit).to_digit(10)?;
                    Some(number?.checked_mul(10)?.checked_add(digit.into()))
                })
                .flatten();
        }
        if end.is_some() {
            self.end_scalar(self.position + digits.len());
        }
        digits.len()
    }

    fn end_scalar(&mut self, end: usize) {
        let state = &mut self.document;
        state.inside = Inside::Structure;
        let number = state.number;
        match state.field {
            Field::InputTokens => self.facts.usage.input_tokens = number,
            Field::OutputTokens => self.facts.usage.output_tokens = number,
            Field::Index => state.choice_index = number,
            Field::Code => self.facts.error_code = number.map(|code| code.to_string().into()),
            Field::Usage if state.is_null => {
                state.cuts_to_next_key = state.comma.is_none();
                state.seen.null_usage = Some(state.member..end);
            }
            _ => {}
        }
    }

    /// Steps over what is inside a container that says nothing to us.
    fn skipped(&mut self, rest: &[u8]) -> usize {
        // Bit 5 tells `[` from `{` and `]` from `}`.
        let stops = |byte| (byte == b'"') | (byte | 0x20 == b'{') | (byte | 0x20 == b'}');
        let run = run_before(rest, stops);
        let state = &mut self.document;
        match rest.get(run) {
            None => return run,
            Some(b'"') => state.inside = Inside::Text(Capture::Nothing),
            Some(b'{' | b'[') => state.skipped_depth += 1,
            Some(_) => {
                state.skipped_depth -= 1;
                if state.skipped_depth == 0 {
                    state.inside = Inside::Structure;
                    state.seen.is_complete = state.place == Place::Outside;
                }
            }
        }
        run + 1
    }
}

/// A captured text, unless it is too long or not a text at all.
fn captured_text(captured: &[u8]) -> Option<Box<str>> {
    let raw = std::str::from_utf8(captured).ok().filter(|raw| raw.len() <= MAX_NAME_BYTES)?;
    unescape(raw).map(Cow::into_owned).map(Into::into)
}
