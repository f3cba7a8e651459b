//! The values of an answer: names, numbers and all that is stepped over.
//!
//! Owns what is kept of a value, and as what. It must never keep more of a text than a name may
//! have.

use super::{
    Skimmer,
    place::{Field, Place},
    state::{Capture, Inside},
};
use crate::openai::{fields::MAX_NAME_BYTES, json::unescape, run::run_before};
use std::borrow::Cow;

impl Skimmer {
    pub(super) fn text(&mut self, rest: &[u8], capture: Capture) -> usize {
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
            Capture::Value if state.field == Field::Type && state.place == Place::Root => {
                std::mem::swap(&mut self.own_type, &mut self.captured);
            }
            Capture::Value => self.note_text(),
        }
    }

    fn note_text(&mut self) {
        let text = captured_text(&self.captured);
        let state = &mut self.document;
        match state.field {
            Field::Id => self.facts.id = text,
            Field::Model => self.facts.model = text,
            Field::FinishReason => state.choice_finish = text,
            Field::InnerId => {
                // A stream repeats it in each piece.
                let text = text.filter(|id| self.facts.inner_ids.last() != Some(id));
                self.facts.inner_ids.extend(text);
            }
            Field::Status if state.place == Place::Root => state.own_status = text,
            Field::Status => self.facts.finish_reason = text,
            Field::Object => state.is_response = text.as_deref() == Some("response"),
            Field::Code if state.place == Place::Root => state.own_code = text,
            Field::Code => self.facts.error_code = text,
            Field::Type => self.facts.error_type = text,
            _ => {}
        }
    }

    pub(super) fn scalar(&mut self, rest: &[u8]) -> usize {
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
            Field::CachedTokens => self.facts.usage.cached_tokens = number,
            Field::ReasoningTokens => self.facts.usage.reasoning_tokens = number,
            Field::Index => state.choice_index = number,
            Field::Code if state.place == Place::Error => {
                self.facts.error_code = number.map(|code| code.to_string().into());
            }
            Field::Usage if state.is_null && state.place == Place::Root => {
                state.cuts_to_next_key = state.comma.is_none();
                state.seen.null_usage = Some(state.member..end);
            }
            _ => {}
        }
    }
}

/// A captured text, unless it is too long or not a text at all.
fn captured_text(captured: &[u8]) -> Option<Box<str>> {
    let raw = std::str::from_utf8(captured).ok().filter(|raw| raw.len() <= MAX_NAME_BYTES)?;
    unescape(raw).map(Cow::into_owned).map(Into::into)
}
