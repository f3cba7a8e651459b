//! Giving out one event.
//!
//! Owns what of it is changed: texts that were redacted or are not settled, calls that are taken out, and
//! the numbers that follow from both. It must never change an event in which nothing of that happened.

use super::{
    StreamStop,
    calls::{Arguments, Calls},
    texts::{Leftover, Texts},
};
use crate::openai::{
    BegunChoice, Edit, Endpoint, Event, EventTexts, Number, StreamHead, escaped, read_event,
    stream_head,
};
use bytes::Bytes;
use std::ops::Range;

/// The longest event that is kept to carry what is left of its text.
const MAX_TEMPLATE_BYTES: usize = 8 * 1024;

/// More choices than any call may ask for.
const MAX_CHOICES: usize = 256;

/// What the client has of the stream.
#[derive(Default)]
pub(super) struct Numbers {
    pub(super) head: Option<StreamHead>,
    pub(super) choices: Vec<BegunChoice>,
    last_sequence: Option<u32>,
    /// How many events of ours were put in.
    inserted: u32,
}

impl Numbers {
    pub(super) fn next_sequence(&self) -> u32 {
        self.last_sequence.map_or(0, |last| last.saturating_add(1))
    }
}

/// One event on its way out.
pub(super) struct Release<'a> {
    pub(super) endpoint: &'static Endpoint,
    pub(super) texts: &'a mut Texts,
    pub(super) calls: &'a mut Calls,
    pub(super) numbers: &'a mut Numbers,
    pub(super) out: &'a mut Vec<Bytes>,
}

impl Release<'_> {
    pub(super) fn event(&mut self, event: &Event, found: &EventTexts) -> Result<(), StreamStop> {
        if self.calls.drops_item(found) {
            return Ok(());
        }
        for left in self.texts.end_others(found)? {
            self.leftover(left)?;
        }
        let mut edits = Vec::new();
        let is_dropped = self.lists(found, &mut edits);
        self.judge(event, found, &mut edits)?;
        if is_dropped {
            return Ok(());
        }
        if self.texts.holds() {
            edits.extend(found.logprobs.iter().map(|range| emptied(event, range)));
        }
        self.arguments(event, found, &mut edits)?;
        self.finishes(found, &mut edits);
        self.renumber(found, &mut edits);
        self.note(event, found, &edits);
        if edits.is_empty() {
            self.out.push(event.raw().clone());
        } else {
            self.out.push(event.edited(&edits));
        }
        self.keep_templates(event, found)
    }

    /// The stream is over: gives out what is left of all texts.
    pub(super) fn end_all(&mut self) -> Result<(), StreamStop> {
        for left in self.texts.end_all()? {
            self.leftover(left)?;
        }
        Ok(())
    }

    /// Judges the event's texts.
    fn judge(
        &mut self,
        event: &Event,
        found: &EventTexts,
        edits: &mut Vec<Edit>,
    ) -> Result<(), StreamStop> {
        for (index, text) in found.texts.iter().enumerate() {
            let piece = text.text(event.data());
            let changed = match text.key {
                None => self.texts.whole(text.surface, &piece)?,
                Some(key) => {
                    let mut out = String::new();
                    self.texts.push(key, text.surface, &piece, &mut out)?;
                    let mut later = found.texts.iter().skip(index + 1);
                    if found.ends_text(key) && !later.any(|later| later.key == Some(key)) {
                        self.texts.end(key, &mut out)?;
                    }
                    (out != piece).then_some(out)
                }
            };
            if let Some(changed) = changed {
                edits.push(Edit::replacement(text.range.clone(), escaped(&changed)));
            }
        }
        Ok(())
    }

    /// Takes calls out of their lists. Whether nothing is left of the event.
    fn lists(&mut self, found: &EventTexts, edits: &mut Vec<Edit>) -> bool {
        let mut is_left = !found.only_calls;
        for list in &found.lists {
            let dropped: Vec<bool> =
                list.elements.iter().map(|element| self.calls.drops(element)).collect();
            is_left |= dropped.contains(&false);
            if dropped.contains(&true) {
                edits.extend(list.without(&dropped));
            }
        }
        !is_left
    }

    /// Puts redacted arguments in place of those that came; judges those that do not wait.
    fn arguments(
        &mut self,
        event: &Event,
        found: &EventTexts,
        edits: &mut Vec<Edit>,
    ) -> Result<(), StreamStop> {
        for piece in &found.calls {
            let Some(arguments) = &piece.arguments else { continue };
            match self.calls.arguments(piece.key) {
                Arguments::AsTheyCame => {}
                Arguments::Instead(others) => {
                    edits.push(Edit::replacement(arguments.range.clone(), escaped(&others)));
                }
                Arguments::Running => {
                    let (key, text) = (piece.key.arguments(), arguments.text(event.data()));
                    self.texts.push(key, arguments.surface, &text, &mut String::new())?;
                }
            }
        }
        Ok(())
    }

    /// A choice whose calls were all taken out did not end with a call.
    fn finishes(&self, found: &EventTexts, edits: &mut Vec<Edit>) {
        for choice in &found.choices {
            if let Some(range) =
                choice.finish.clone().filter(|_| self.calls.none_left(choice.index))
            {
                edits.push(Edit::replacement(range, "content_filter"));
            }
        }
    }

    fn renumber(&mut self, found: &EventTexts, edits: &mut Vec<Edit>) {
        for piece in &found.calls {
            let removed = self.calls.removed_before(piece.key);
            lower(piece.index.as_ref(), removed, edits);
        }
        if let Some(output) = &found.output {
            lower(Some(output), self.calls.items_removed_before(output.value), edits);
        }
        let Some(sequence) = &found.sequence else { return };
        let value = sequence.value.saturating_add(self.numbers.inserted);
        self.numbers.last_sequence = Some(value);
        if self.numbers.inserted > 0 {
            edits.push(written(sequence, value));
        }
    }

    /// Remembers what an event of ours would have to go on from.
    fn note(&mut self, event: &Event, found: &EventTexts, edits: &[Edit]) {
        if self.numbers.head.is_none() && !event.data().is_empty() {
            self.numbers.head = stream_head(event.data());
        }
        for seen in &found.choices {
            let choices = &mut self.numbers.choices;
            let known = choices.iter().position(|choice| choice.index == seen.index);
            if known.is_none() && choices.len() < MAX_CHOICES {
                choices.push(BegunChoice { index: seen.index, ..BegunChoice::default() });
            }
            let known = known.unwrap_or(choices.len().saturating_sub(1));
            if let Some(choice) = choices.get_mut(known) {
                choice.has_text |= says_something(seen.index, found, edits);
                choice.is_finished |= seen.finish.is_some();
            }
        }
    }

    /// Keeps the event for what is held of its texts.
    fn keep_templates(&mut self, event: &Event, found: &EventTexts) -> Result<(), StreamStop> {
        for key in found.texts.iter().filter_map(|text| text.key) {
            if !self.texts.is_holding(key) {
                continue;
            }
            let raw = event.raw();
            let template = if raw.len() <= MAX_TEMPLATE_BYTES {
                Bytes::copy_from_slice(raw)
            } else {
                event.edited(&bare(event, found))
            };
            if template.len() > MAX_TEMPLATE_BYTES {
                return Err(StreamStop::Unreadable);
            }
            self.texts.keep_template(key, template);
        }
        Ok(())
    }

    /// Gives out what is left of a text, in a copy of its last event.
    fn leftover(&mut self, left: Leftover) -> Result<(), StreamStop> {
        let event = Event::new(left.template.ok_or(StreamStop::Unreadable)?);
        let found = read_event(self.endpoint, event.data()).ok_or(StreamStop::Unreadable)?;
        let own = found.texts.iter().find(|text| text.key == Some(left.key));
        let own = own.ok_or(StreamStop::Unreadable)?;
        let mut edits = bare(&event, &found);
        edits.retain(|edit| edit.range != own.range);
        edits.push(Edit::replacement(own.range.clone(), escaped(&left.text)));
        for name in found.texts.iter().filter(|text| text.is_name) {
            if let Some(redacted) = self.texts.whole(name.surface, &name.text(event.data()))? {
                edits.push(Edit::replacement(name.range.clone(), escaped(&redacted)));
            }
        }
        if let Some(sequence) = &found.sequence {
            let next = self.numbers.next_sequence();
            edits.push(written(sequence, next));
            self.numbers.last_sequence = Some(next);
            self.numbers.inserted += 1;
        }
        if let Some(output) = &found.output {
            lower(Some(output), self.calls.items_removed_before(output.value), &mut edits);
        }
        let mut choices = self.numbers.choices.iter_mut();
        if let Some(choice) = choices.find(|choice| choice.index == left.key.output) {
            choice.has_text = true;
        }
        let copy = event.edited(&edits);
        let lacks_newline = copy.ends_with(b"\r\n\r");
        self.out.push(copy);
        if lacks_newline {
            self.out.push(Bytes::from_static(b"\n"));
        }
        Ok(())
    }
}

/// Whether a client gets text of this choice with the event.
fn says_something(choice: u32, found: &EventTexts, edits: &[Edit]) -> bool {
    let mut texts =
        found.texts.iter().filter(|text| text.key.is_some_and(|key| key.output == choice));
    texts.any(|text| {
        let edit = edits.iter().find(|edit| edit.range == text.range);
        edit.map_or(!text.range.is_empty(), |edit| !edit.with.is_empty())
    })
}

/// What makes an event say nothing: no text but names, no calls, and nothing that must be said only once.
fn bare(event: &Event, found: &EventTexts) -> Vec<Edit> {
    let texts = found.texts.iter().filter(|text| !text.is_name);
    let empty = texts.map(|text| Edit::replacement(text.range.clone(), ""));
    let lists = found.lists.iter().map(|list| &list.range);
    let nothing = found.said_once.iter().chain(lists);
    let nothing = nothing.map(|range| Edit::replacement(range.clone(), "null"));
    let logprobs = found.logprobs.iter().map(|range| emptied(event, range));
    empty.chain(nothing).chain(logprobs).collect()
}

/// No token probabilities: an empty list, or `null` in place of an object.
fn emptied(event: &Event, range: &Range<usize>) -> Edit {
    let is_list = event.data().get(range.start) == Some(&b'[');
    Edit::replacement(range.clone(), if is_list { "[]" } else { "null" })
}

fn lower(number: Option<&Number>, by: u32, edits: &mut Vec<Edit>) {
    if let Some(number) = number.filter(|_| by > 0) {
        edits.push(written(number, number.value.saturating_sub(by)));
    }
}

fn written(number: &Number, value: u32) -> Edit {
    Edit::replacement(number.range.clone(), value.to_string())
}
