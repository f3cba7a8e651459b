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

/// More pieces than any tool's name comes in.
const MAX_NAME_PIECES: usize = 64;

/// What is known of a call.
enum State {
    /// More of it is to come, and it waits.
    Open,
    /// It may be made and no rule acts on arguments: what is still to come goes on as it comes.
    Passing,
    /// It goes on as it came.
    Fine,
    /// Its first piece carries all of its arguments, the others none.
    Whole(String),
    /// It is taken out.
    Removed,
}

/// What stands in place of a piece of a call's arguments.
pub(super) enum Arguments {
    /// The piece itself, which was judged.
    AsTheyCame,
    /// This.
    Instead(String),
    /// The piece itself, which nobody has judged.
    Running,
}

struct ToolCall {
    key: CallKey,
    /// The pieces of its name. Some clients take one of them, some put them together.
    names: Vec<Box<str>>,
    arguments: String,
    /// Events that brought pieces of its arguments are gone.
    is_merged: bool,
    state: State,
}

impl ToolCall {
    fn new(key: CallKey) -> Self {
        let (names, arguments) = (Vec::new(), String::new());
        Self { key, names, arguments, is_merged: false, state: State::Open }
    }

    /// The name that may not be called, of those that clients may take for its.
    fn denied_name(&self, tools: &ToolPolicy) -> Option<Box<str>> {
        let joined = self.names.concat().into_boxed_str();
        let mut names = std::iter::once(joined).chain(self.names.iter().cloned());
        names.find(|name| tools.denies(name).is_some())
    }

    fn add_name(&mut self, piece: &CallPiece) -> Result<(), StreamStop> {
        let Some(name) = &piece.name else { return Ok(()) };
        if piece.in_pieces || self.names.is_empty() {
            self.names.push(name.clone());
        }
        let is_another = !piece.in_pieces && !self.names.contains(name);
        let is_bad = is_another || self.names.len() > MAX_NAME_PIECES;
        if is_bad { Err(StreamStop::Unreadable) } else { Ok(()) }
    }
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
            self.add(piece, data)?;
            if !piece.is_open {
                self.decide(|call| call.key == piece.key, texts)?;
            } else if !texts.acts_on(TextSurface::ToolArguments) {
                self.let_pass(piece.key);
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
        let is_open = |key| matches!(self.find(key), Some(ToolCall { state: State::Open, .. }));
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

    /// Whether an event that waits can be dropped, because an earlier one will carry the pieces of
    /// arguments that it is there for. `carried`: the calls of which one was seen.
    pub(super) fn merges(&mut self, event: &EventTexts, carried: &mut Vec<CallKey>) -> bool {
        let merges = event.only_pieces
            && event.calls.iter().all(|piece| {
                carried.contains(&piece.key)
                    && matches!(self.find(piece.key), Some(ToolCall { state: State::Open, .. }))
            });
        for piece in event.calls.iter().filter(|piece| piece.arguments.is_some()) {
            if !merges {
                carried.push(piece.key);
            } else if let Some(call) = self.all.iter_mut().find(|call| call.key == piece.key) {
                call.is_merged = true;
            }
        }
        merges
    }

    pub(super) fn arguments(&mut self, key: CallKey) -> Arguments {
        let call = self.all.iter_mut().find(|call| call.key == key);
        match call.map(|call| &mut call.state) {
            Some(State::Whole(arguments)) => Arguments::Instead(std::mem::take(arguments)),
            Some(State::Passing) => Arguments::Running,
            _ => Arguments::AsTheyCame,
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
        self.all.iter().map(|call| call.arguments.len()).sum()
    }

    pub(super) fn take_removed(&mut self) -> Vec<Box<str>> {
        std::mem::take(&mut self.removed)
    }

    fn add(&mut self, piece: &CallPiece, data: &[u8]) -> Result<(), StreamStop> {
        if self.find(piece.key).is_none() {
            if self.all.len() >= MAX_CALLS {
                return Err(StreamStop::TooMuchHeld);
            }
            self.all.push(ToolCall::new(piece.key));
        }
        let tools = self.tools.as_deref();
        let Some(call) = self.all.iter_mut().find(|call| call.key == piece.key) else {
            return Ok(());
        };
        call.add_name(piece)?;
        let more = piece.arguments.as_ref().map(|it| it.text(data)).unwrap_or_default();
        let is_bad = match &call.state {
            State::Open => {
                call.arguments.push_str(&more);
                false
            }
            // The client has its name already.
            State::Passing => tools.is_some_and(|tools| call.denied_name(tools).is_some()),
            State::Removed => false,
            // Judged as whole, and now it goes on.
            State::Fine | State::Whole(_) => {
                !more.is_empty() || (piece.in_pieces && piece.name.is_some())
            }
        };
        if is_bad { Err(StreamStop::Unreadable) } else { Ok(()) }
    }

    /// Lets a call go that need not wait for its arguments, once its name is known. When they begin, it
    /// is.
    fn let_pass(&mut self, key: CallKey) {
        let tools = self.tools.as_deref();
        let Some(call) = self.all.iter_mut().find(|call| call.key == key) else { return };
        let is_known = !call.names.is_empty() && !call.arguments.is_empty();
        let waits = matches!(call.state, State::Open) && !call.is_merged;
        if !waits || (tools.is_some() && !is_known) {
            return;
        }
        // What is taken out is judged all the same, when it is whole.
        if tools.is_none_or(|tools| call.denied_name(tools).is_none()) {
            call.arguments = String::new();
            call.state = State::Passing;
        }
    }

    fn decide(
        &mut self,
        is_complete: impl Fn(&ToolCall) -> bool,
        texts: &mut Texts,
    ) -> Result<(), StreamStop> {
        let tools = self.tools.as_deref();
        for call in self.all.iter_mut().filter(|call| is_complete(call)) {
            if !matches!(call.state, State::Open) {
                continue;
            }
            let arguments = std::mem::take(&mut call.arguments);
            let redacted = texts.whole(TextSurface::ToolArguments, &arguments)?;
            call.state = if let Some(name) = tools.and_then(|tools| call.denied_name(tools)) {
                self.removed.push(name);
                State::Removed
            } else {
                match redacted {
                    Some(redacted) => State::Whole(redacted),
                    None if call.is_merged => State::Whole(arguments),
                    None => State::Fine,
                }
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
