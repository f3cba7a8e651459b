//! Skimming a JSON answer as it passes by.
//!
//! Owns a push reader that is fed any split of the bytes and keeps only the few facts that we
//! record. It must never buffer the answer: captures are bounded, everything else is stepped over.
//! It reads a provider's answer leniently; it judges only whether the outermost value is complete.

mod place;
mod seen;
mod state;
mod values;

pub use seen::AnswerFacts;
pub(super) use seen::Seen;

use super::run::run_before;
use place::{Field, Place};
use state::{Capture, Inside, State};

/// More of them than that are not remembered; no answer has nearly as many.
const MAX_INNER_IDS: usize = 512;

/// The push reader. It has no `Debug`, because it holds pieces of content.
#[derive(Default)]
pub(super) struct Skimmer {
    facts: AnswerFacts,
    captured: Vec<u8>,
    /// The `type` at the document's top level; kept for its room.
    own_type: Vec<u8>,
    position: usize,
    document: State,
    /// The `error` inside of the document is that of an earlier call.
    is_of_earlier_call: bool,
}

impl Skimmer {
    /// For an object that an earlier call has made: how that one failed is no error of this call.
    pub(super) fn of_earlier_call() -> Self {
        Self { is_of_earlier_call: true, ..Self::default() }
    }

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

    /// The `type` of the current document, empty as long as there is none.
    pub(super) fn own_type(&self) -> &[u8] {
        &self.own_type
    }

    /// Ends the current document and is ready for the next.
    pub(super) fn next_document(&mut self) -> Seen {
        self.own_type.clear();
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
                state.expects_key = !state.place.is_list();
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
            Field::Id => self.facts.id.is_none(),
            Field::Model => self.facts.model.is_none(),
            Field::InnerId => self.facts.inner_ids.len() < MAX_INNER_IDS,
            Field::FinishReason | Field::Status | Field::Code | Field::Type | Field::Object => true,
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
        if state.field == Field::Error && state.place == Place::Root {
            state.seen.has_error = !state.is_null;
        }
    }

    fn open(&mut self, bracket: u8) {
        let state = &mut self.document;
        let is_first = state.seen.has_empty_choices;
        let place = state.place.inner(state.field, bracket, is_first);
        let place = place.filter(|place| *place != Place::Error || !self.is_of_earlier_call);
        state.is_null = false;
        self.note_value();
        let state = &mut self.document;
        match place {
            Some(place) => {
                state.seen.has_usage |= place == Place::Usage;
                state.seen.has_empty_choices |= place == Place::Choices;
                state.is_in_response |= place == Place::Response;
                state.expects_key = !place.is_list();
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
            Place::Root => self.end_document(),
            Place::Usage | Place::Error | Place::Output if state.is_in_response => {
                state.place = Place::Response;
            }
            Place::Usage | Place::Error | Place::Output | Place::Choices => {
                state.place = Place::Root;
            }
            Place::Details => state.place = Place::Usage,
            Place::Item => state.place = Place::Output,
            Place::Audio => state.place = Place::Message,
            Place::Message => state.place = Place::FirstChoice,
            Place::Response => {
                state.is_in_response = false;
                state.place = Place::Root;
            }
            Place::FirstChoice => {
                state.place = Place::Choices;
                if state.choice_finish.is_some() && state.choice_index.unwrap_or(0) == 0 {
                    self.facts.finish_reason = state.choice_finish.take();
                }
            }
        }
    }

    fn end_document(&mut self) {
        let state = &mut self.document;
        state.seen.is_complete = true;
        if state.is_response {
            self.facts.finish_reason = state.own_status.take();
        }
        if self.own_type == b"error" {
            state.seen.has_error = true;
            self.facts.error_type.get_or_insert_with(|| "error".into());
            self.facts.error_code = self.facts.error_code.take().or(state.own_code.take());
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
