//! The texts of one answer.
//!
//! Owns a lane for each running text, and what is known of the texts that were judged already. It must
//! never count a value again because the answer repeats a whole text.

use super::StreamStop;
use crate::detect::{
    judge::judge,
    lane::{Lane, Stopped},
    profile::Profile,
    tally::Tally,
};
use crate::openai::{EventTexts, TextKey};
use crate::types::{Lifecycle, TextSurface};
use bytes::Bytes;
use std::sync::Arc;

/// More texts than any answer runs at once.
const MAX_LANES: usize = 256;

/// More texts than that are not remembered, and counted again.
const MAX_SEEN: usize = 512;

/// One running text.
struct Running {
    key: TextKey,
    lane: Lane,
    print: Print,
    /// The last event that brought a piece, as long as some of it is held.
    template: Option<Bytes>,
}

/// What is left of a text at its end.
pub(super) struct Leftover {
    pub(super) key: TextKey,
    pub(super) text: String,
    pub(super) template: Option<Bytes>,
}

/// Judges texts. It has no `Debug`, because it holds content.
pub(super) struct Texts {
    profile: Arc<Profile>,
    holds: bool,
    lanes: Vec<Running>,
    /// Fingerprints of the texts that were judged to their end.
    seen: Vec<Print>,
    tally: Tally,
}

impl Texts {
    /// `holds`: nothing goes on before it was judged.
    pub(super) fn new(profile: Arc<Profile>, holds: bool) -> Self {
        Self { profile, holds, lanes: Vec::new(), seen: Vec::new(), tally: Tally::new() }
    }

    pub(super) fn holds(&self) -> bool {
        self.holds
    }

    /// Whether a rule may change or stop a text of this surface.
    pub(super) fn acts_on(&self, surface: TextSurface) -> bool {
        self.holds && self.profile.watch(Lifecycle::Egress).acting.has(surface)
    }

    /// Adds a piece to a running text, and appends to `out` what may go on.
    pub(super) fn push(
        &mut self,
        key: TextKey,
        surface: TextSurface,
        piece: &str,
        out: &mut String,
    ) -> Result<(), StreamStop> {
        let known = self.lanes.iter().position(|running| running.key == key);
        if known.is_none() {
            if self.lanes.len() >= MAX_LANES {
                return Err(StreamStop::TooMuchHeld);
            }
            let lane = Lane::new(&self.profile, Lifecycle::Egress, surface, self.holds);
            let print = Print::default();
            self.lanes.push(Running { key, lane, print, template: None });
        }
        let index = known.unwrap_or(self.lanes.len() - 1);
        let Some(running) = self.lanes.get_mut(index) else { return Ok(()) };
        running.template = None;
        running.print.add(piece);
        running.lane.push(piece, out, &mut self.tally).map_err(stop)
    }

    /// Ends a running text within the event that brought its last piece.
    pub(super) fn end(&mut self, key: TextKey, out: &mut String) -> Result<(), StreamStop> {
        let Some(index) = self.lanes.iter().position(|it| it.key == key) else { return Ok(()) };
        let mut running = self.lanes.remove(index);
        running.lane.finish(out, &mut self.tally).map_err(stop)?;
        self.remember(running.print);
        Ok(())
    }

    /// Ends the running texts that an event completes without bringing a piece of them.
    pub(super) fn end_others(&mut self, event: &EventTexts) -> Result<Vec<Leftover>, StreamStop> {
        if event.ends.is_empty() {
            return Ok(Vec::new());
        }
        let pieces = event.calls.iter().filter(|piece| piece.arguments.is_some());
        let texts = event.texts.iter().filter_map(|text| text.key);
        let brought: Vec<_> = pieces.map(|piece| piece.key.arguments()).chain(texts).collect();
        self.end_where(|key| event.ends_text(key) && !brought.contains(&key))
    }

    /// Ends all running texts.
    pub(super) fn end_all(&mut self) -> Result<Vec<Leftover>, StreamStop> {
        self.end_where(|_| true)
    }

    fn end_where(&mut self, ends: impl Fn(TextKey) -> bool) -> Result<Vec<Leftover>, StreamStop> {
        let mut left = Vec::new();
        for mut running in
            self.lanes.extract_if(.., |running| ends(running.key)).collect::<Vec<_>>()
        {
            let mut text = String::new();
            running.lane.finish(&mut text, &mut self.tally).map_err(stop)?;
            self.remember(running.print);
            if !text.is_empty() && self.holds {
                left.push(Leftover { key: running.key, text, template: running.template });
            }
        }
        Ok(left)
    }

    /// Judges a whole text; what it reads like after redaction, where that is not as it was.
    pub(super) fn whole(
        &mut self,
        surface: TextSurface,
        text: &str,
    ) -> Result<Option<String>, StreamStop> {
        if text.is_empty() {
            return Ok(None);
        }
        let mut print = Print::default();
        print.add(text);
        let mut found = Tally::new();
        let judged = if self.holds {
            redacted(&self.profile, surface, text, &mut found)
        } else {
            let mut lane = Lane::new(&self.profile, Lifecycle::Egress, surface, false);
            let mut unchanged = String::new();
            let pushed = lane.push(text, &mut unchanged, &mut found);
            let finished = pushed.and_then(|()| lane.finish(&mut unchanged, &mut found));
            finished.map(|()| None).map_err(stop)
        };
        if judged.is_err() || (!found.is_empty() && self.remember(print)) {
            self.tally.merge(found);
        }
        judged
    }

    /// Whether some of a running text is held, so that its last event is needed as a template.
    pub(super) fn is_holding(&self, key: TextKey) -> bool {
        self.holds && self.lanes.iter().any(|it| it.key == key && it.lane.held_bytes() > 0)
    }

    pub(super) fn keep_template(&mut self, key: TextKey, event: Bytes) {
        if let Some(running) = self.lanes.iter_mut().find(|running| running.key == key) {
            running.template = Some(event);
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.lanes.iter().map(|running| running.lane.held_bytes()).sum()
    }

    pub(super) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Whether the text is a new one.
    fn remember(&mut self, print: Print) -> bool {
        let is_new = !self.seen.contains(&print);
        if is_new && self.seen.len() < MAX_SEEN {
            self.seen.push(print);
        }
        is_new
    }
}

fn stop(stopped: Stopped) -> StreamStop {
    match stopped {
        Stopped::Violation => StreamStop::Violation,
    }
}

fn redacted(
    profile: &Profile,
    surface: TextSurface,
    text: &str,
    tally: &mut Tally,
) -> Result<Option<String>, StreamStop> {
    let judged = judge(profile, Lifecycle::Egress, surface, text, tally);
    if judged.stops {
        return Err(StreamStop::Violation);
    }
    if judged.redactions.is_empty() {
        return Ok(None);
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for redaction in &judged.redactions {
        out.push_str(text.get(at..redaction.range.start).unwrap_or_default());
        out.push_str(&redaction.label);
        at = redaction.range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Ok(Some(out))
}

/// A text's length and FNV-1a. Whoever makes two texts that share both hides a finding that is counted
/// elsewhere in the answer, and nothing else: each text is judged.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Print {
    length: usize,
    hash: u64,
}

impl Default for Print {
    fn default() -> Self {
        Self { length: 0, hash: 0xCBF2_9CE4_8422_2325 }
    }
}

impl Print {
    fn add(&mut self, piece: &str) {
        self.length += piece.len();
        self.hash = piece
            .bytes()
            .fold(self.hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    }
}
