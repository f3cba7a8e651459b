//! An answer that is judged as it passes.
//!
//! Owns the choice of how: event streams event by event, text as text, and a plain JSON answer, which nothing may
//! change (else it would have been read whole before it began), once it has passed. It must never hold back what
//! no rule could act on.

use super::{Plan, reader::Reader};
use crate::detect::{
    AnswerGuard, Report, StreamScreen, StreamStop, Tally, TextScreen, UNREAD, screen_answer,
};
use crate::openai::{AnswerKind, BlockedAnswer, BodyKind, Endpoint};
use crate::pipeline::{Gate, screening::JUDGE_AT_ONCE};
use crate::types::{Scan, ScanExtent, TextSurface};
use bytes::{Bytes, BytesMut};
use std::{borrow::Cow, collections::VecDeque};

/// A longer plain answer is not judged after it has passed.
const MOST_JUDGED: usize = 16 * 1024 * 1024;

/// So much of an answer's beginning tells whether it is text.
const SNIFFED: usize = 1_024;

/// The screening of one answer.
pub(super) enum Screen {
    /// Nothing is looked for.
    Idle(Option<&'static str>),
    Events(Box<StreamScreen>),
    Text(Box<TextScreen>),
    /// Its first bytes tell whether it is text.
    Unknown(Box<TextScreen>),
    /// A plain answer: its pieces, kept until it is whole.
    Passed(Box<Passed>),
}

/// A plain answer that passes.
pub(super) struct Passed {
    pieces: Vec<Bytes>,
    length: usize,
}

impl Screen {
    /// For an answer whose head has come. `was_judged`: it was read whole, and judged, before it began.
    pub(super) fn of(
        gate: &Gate,
        plan: &Plan,
        reader: &Reader,
        is_text: bool,
        was_judged: bool,
    ) -> Self {
        if was_judged {
            return Self::Idle(None);
        }
        let guard = &plan.guard;
        if plan.endpoint.body == BodyKind::Unread {
            return Self::Idle(Some(UNREAD));
        }
        if !guard.watches() {
            return Self::Idle(Some("no detection rule applies to the answer"));
        }
        let settings = gate.settings.streams;
        let profile = || std::sync::Arc::clone(&guard.profile);
        match reader {
            Reader::Events { .. } => {
                let tools = guard.tools.clone();
                let screen = StreamScreen::new(profile(), tools, plan.endpoint, settings);
                Self::Events(Box::new(screen))
            }
            Reader::Json { .. } if plan.endpoint.body == BodyKind::Embedding => {
                Self::Idle(Some("vectors are not text"))
            }
            Reader::Json { .. } => Self::Passed(Box::new(Passed { pieces: Vec::new(), length: 0 })),
            Reader::Opaque { .. } => {
                let surface = match plan.endpoint.answer {
                    AnswerKind::Opaque => TextSurface::ToolResult,
                    _ => TextSurface::Transcript,
                };
                let screen = Box::new(TextScreen::new(&guard.profile, surface, settings));
                if is_text { Self::Text(screen) } else { Self::Unknown(screen) }
            }
        }
    }

    /// Whether the answer may have another length than announced.
    pub(super) fn may_edit(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Unknown(_))
    }

    /// Takes what the reader has released and appends what may go on now.
    pub(super) fn feed(
        &mut self,
        released: &mut Vec<Bytes>,
        ready: &mut VecDeque<Bytes>,
    ) -> Result<(), StreamStop> {
        self.settle_kind(released);
        match self {
            Self::Idle(_) | Self::Unknown(_) => ready.extend(released.drain(..)),
            Self::Passed(passed) => {
                passed.keep(released);
                ready.extend(released.drain(..));
            }
            Self::Events(_) | Self::Text(_) => {
                let mut out = Vec::with_capacity(released.len());
                let fed = released.drain(..).try_for_each(|chunk| self.pass(chunk, &mut out));
                ready.extend(out);
                fed?;
            }
        }
        Ok(())
    }

    /// What is sound or an image is no text; a batch's output is, whatever it calls itself.
    fn settle_kind(&mut self, released: &[Bytes]) {
        let Self::Unknown(_) = self else { return };
        let Some(first) = released.iter().find(|piece| !piece.is_empty()) else { return };
        let start = first.get(..SNIFFED).unwrap_or(first);
        // A character may be cut by the end of the piece.
        let is_text = match std::str::from_utf8(start) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none(),
        };
        let unknown = std::mem::replace(self, Self::Idle(Some("the answer is not text")));
        if let (Self::Unknown(screen), true, false) = (unknown, is_text, start.contains(&0)) {
            *self = Self::Text(screen);
        }
    }

    fn pass(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) -> Result<(), StreamStop> {
        match self {
            Self::Events(screen) => screen.feed(chunk, out),
            Self::Text(screen) => screen.feed(chunk, out),
            Self::Idle(_) | Self::Unknown(_) | Self::Passed(_) => Ok(()),
        }
    }

    /// The provider's body ended.
    pub(super) fn finish(&mut self, ready: &mut VecDeque<Bytes>) -> Result<(), StreamStop> {
        let mut out = Vec::new();
        let finished = match self {
            Self::Events(screen) => screen.finish(&mut out),
            Self::Text(screen) => screen.finish(&mut out),
            Self::Idle(_) | Self::Unknown(_) | Self::Passed(_) => Ok(()),
        };
        ready.extend(out);
        finished
    }

    /// Whether a comment or an event of ours may be put in; `None`: whoever reads the stream knows.
    pub(super) fn at_boundary(&self) -> Option<bool> {
        match self {
            Self::Events(screen) => Some(screen.at_boundary()),
            _ => None,
        }
    }

    /// Whether everything fed so far is judged and given out, as far as its events tell.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            Self::Events(screen) => screen.is_settled(),
            _ => true,
        }
    }

    /// What ends a stream that a rule stops.
    pub(super) fn blocked_event(&self, it: &BlockedAnswer<'_>) -> Option<Bytes> {
        match self {
            Self::Events(screen) => Some(screen.blocked_event(it)),
            _ => None,
        }
    }

    /// What was found and what was screened, told once at the end, however that came.
    pub(super) fn report(&mut self, plan: &Plan) -> Option<Report> {
        match std::mem::replace(self, Self::Idle(None)) {
            Self::Idle(None) => None,
            Self::Idle(Some(reason)) => Some(report(Tally::new(), ScanExtent::None, Some(reason))),
            Self::Events(mut screen) => Some(screen.report()),
            Self::Text(mut screen) | Self::Unknown(mut screen) => Some(screen.report()),
            Self::Passed(passed) => Some(passed.judge(plan.endpoint, &plan.guard)),
        }
    }

    /// A long plain answer that has passed, to be judged away from the worker.
    pub(super) fn take_long(&mut self) -> Option<Box<Passed>> {
        let is_long = matches!(self, Self::Passed(passed) if passed.length > JUDGE_AT_ONCE);
        match is_long.then(|| std::mem::replace(self, Self::Idle(None))) {
            Some(Self::Passed(passed)) => Some(passed),
            _ => None,
        }
    }
}

impl Passed {
    fn keep(&mut self, pieces: &[Bytes]) {
        self.length += pieces.iter().map(Bytes::len).sum::<usize>();
        if self.length > MOST_JUDGED {
            self.pieces.clear();
        } else {
            self.pieces.extend(pieces.iter().cloned());
        }
    }

    pub(super) fn judge(self, endpoint: &'static Endpoint, guard: &AnswerGuard) -> Report {
        if self.length > MOST_JUDGED {
            let reason = "the answer was too long to be judged after it had passed";
            return report(Tally::new(), ScanExtent::None, Some(reason));
        }
        let whole = match <[Bytes; 1]>::try_from(self.pieces) {
            Ok([only]) => only,
            Err(pieces) => {
                let mut whole = BytesMut::with_capacity(self.length);
                pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
                whole.freeze()
            }
        };
        let mut tally = Tally::new();
        match screen_answer(endpoint, &whole, guard, &mut tally) {
            Some(screened) => Report { tally, scan: screened.scan, tools_removed: Vec::new() },
            None if whole.is_empty() => report(tally, ScanExtent::Full, None),
            None => report(tally, ScanExtent::None, Some("the answer could not be read")),
        }
    }
}

fn report(tally: Tally, extent: ScanExtent, reason: Option<&'static str>) -> Report {
    Report {
        tally,
        scan: Scan { extent, reason: reason.map(Cow::Borrowed) },
        tools_removed: Vec::new(),
    }
}
