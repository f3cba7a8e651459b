//! The tool calls of one answer.
//!
//! Owns each call from its first piece to the verdict on the whole. It must never let one go on piece by
//! piece.

use super::{StreamStop, texts::Texts};
use crate::openai::{CallKey, CallPiece, EventTexts, ListedCall};
use crate::policy::ToolPolicy;
use crate::types::TextSurface;
use std::sync::Arc;

/// More calls than any answer makes.
const MAX_CALLS: usize = 1_024;

/// What is known of a call.
enum State {
    /// More of it is to come.
    Open { arguments: String },
    /// It goes on as it came.
    Fine,
    /// Its first piece carries all of its redacted arguments, the others none.
    Redacted(String),
    /// It is taken out.
    Removed,
}

struct ToolCall {
    key: CallKey,
    name: Option<Box<str>>,
    state: State,
}

/// Judges calls. It has no `Debug`, because it holds content.
pub(super) struct Calls {
    tools: Option<Arc<ToolPolicy>>,
    all: Vec<ToolCall>,
    removed: Vec<Box<str>>,
}

impl Calls {
    pub(super) fn new(tools: Option<Arc<ToolPolicy>>) -> Self {
        Self { tools, all: Vec::new(), removed: Vec::new() }
    }

    /// Takes what an event says, and judges the calls that are complete with it.
    pub(super) fn note(
        &mut self,
        event: &EventTexts,
        data: &[u8],
        texts: &mut Texts,
    ) -> Result<(), StreamStop> {
        for piece in &event.calls {
            let is_next = |call: &ToolCall| {
                call.key.output == piece.key.output && call.key.index != piece.key.index
            };
            self.decide(is_next, texts)?;
            self.add(piece, data)?;
            if !piece.is_open {
                self.decide(|call| call.key == piece.key, texts)?;
            }
        }
        if event.ends.is_empty() {
            return Ok(());
        }
        self.decide(|call| event.ends.iter().any(|ends| ends.call(call.key)), texts)
    }

    /// Judges all calls: nothing more comes.
    pub(super) fn decide_all(&mut self, texts: &mut Texts) -> Result<(), StreamStop> {
        self.decide(|_| true, texts)
    }

    /// Whether an event must wait for the verdict on a call.
    pub(super) fn is_waiting(&self, event: &EventTexts) -> bool {
        let is_open =
            |key| matches!(self.find(key), Some(ToolCall { state: State::Open { .. }, .. }));
        event.calls.iter().any(|piece| is_open(piece.key)) || item_of(event).is_some_and(is_open)
    }

    /// Whether the event belongs to an output item that is taken out.
    pub(super) fn drops_item(&self, event: &EventTexts) -> bool {
        item_of(event).is_some_and(|key| self.is_removed(key))
    }

    /// Whether an element of a list is a call that is taken out.
    pub(super) fn drops(&mut self, element: &ListedCall) -> bool {
        if let Some(key) = element.key {
            return self.is_removed(key);
        }
        let Some(name) = element.name.as_deref().filter(|name| self.denies(name)) else {
            return false;
        };
        if !self.removed.iter().any(|removed| removed.as_ref() == name) {
            self.removed.push(name.into());
        }
        true
    }

    /// What stands in place of a piece of a call's arguments, where it does not go on as it came.
    pub(super) fn arguments(&mut self, key: CallKey) -> Option<String> {
        let call = self.all.iter_mut().find(|call| call.key == key)?;
        match &mut call.state {
            State::Redacted(arguments) => Some(std::mem::take(arguments)),
            _ => None,
        }
    }

    /// How many calls before this one were taken out of its choice.
    pub(super) fn removed_before(&self, key: CallKey) -> u32 {
        self.count(|call| call.output == key.output && call.index < key.index)
    }

    /// How many output items before this one were taken out.
    pub(super) fn items_removed_before(&self, output: u32) -> u32 {
        self.count(|call| call.output < output)
    }

    /// Whether a choice made calls and none of them is left.
    pub(super) fn none_left(&self, output: u32) -> bool {
        let mut of_choice = self.all.iter().filter(|call| call.key.output == output).peekable();
        of_choice.peek().is_some() && of_choice.all(|call| matches!(call.state, State::Removed))
    }

    pub(super) fn held_bytes(&self) -> usize {
        let held = |call: &ToolCall| match &call.state {
            State::Open { arguments } => arguments.len(),
            _ => 0,
        };
        self.all.iter().map(held).sum()
    }

    pub(super) fn take_removed(&mut self) -> Vec<Box<str>> {
        std::mem::take(&mut self.removed)
    }

    fn add(&mut self, piece: &CallPiece, data: &[u8]) -> Result<(), StreamStop> {
        if self.find(piece.key).is_none() {
            if self.all.len() >= MAX_CALLS {
                return Err(StreamStop::TooMuchHeld);
            }
            let state = State::Open { arguments: String::new() };
            self.all.push(ToolCall { key: piece.key, name: None, state });
        }
        let Some(call) = self.all.iter_mut().find(|call| call.key == piece.key) else {
            return Ok(());
        };
        match (&call.name, &piece.name) {
            (None, Some(name)) => call.name = Some(name.clone()),
            // Some clients would take the one name, some the other, some both together.
            (Some(name), Some(other)) if name != other => return Err(StreamStop::Unreadable),
            _ => {}
        }
        let more = piece.arguments.as_ref().map(|arguments| arguments.text(data));
        match (&mut call.state, more) {
            (State::Open { arguments }, Some(more)) => arguments.push_str(&more),
            // Judged as whole, and now it goes on.
            (_, Some(more)) if !more.is_empty() => return Err(StreamStop::Unreadable),
            _ => {}
        }
        Ok(())
    }

    fn decide(
        &mut self,
        is_complete: impl Fn(&ToolCall) -> bool,
        texts: &mut Texts,
    ) -> Result<(), StreamStop> {
        let tools = self.tools.as_deref();
        for call in self.all.iter_mut().filter(|call| is_complete(call)) {
            let State::Open { arguments } = &mut call.state else { continue };
            let arguments = std::mem::take(arguments);
            let name = call.name.as_deref().unwrap_or_default();
            call.state = if tools.is_some_and(|tools| tools.denies(name).is_some()) {
                self.removed.push(name.into());
                State::Removed
            } else {
                let redacted = texts.whole(TextSurface::ToolArguments, &arguments)?;
                redacted.map_or(State::Fine, State::Redacted)
            };
        }
        Ok(())
    }

    fn denies(&self, name: &str) -> bool {
        self.tools.as_ref().is_some_and(|tools| tools.denies(name).is_some())
    }

    fn find(&self, key: CallKey) -> Option<&ToolCall> {
        self.all.iter().find(|call| call.key == key)
    }

    fn is_removed(&self, key: CallKey) -> bool {
        self.find(key).is_some_and(|call| matches!(call.state, State::Removed))
    }

    fn count(&self, is_before: impl Fn(CallKey) -> bool) -> u32 {
        let removed =
            |call: &&ToolCall| matches!(call.state, State::Removed) && is_before(call.key);
        u32::try_from(self.all.iter().filter(removed).count()).unwrap_or(u32::MAX)
    }
}

fn item_of(event: &EventTexts) -> Option<CallKey> {
    event.output.as_ref().map(|output| CallKey { output: output.value, index: 0 })
}
