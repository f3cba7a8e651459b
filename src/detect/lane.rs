//! One text in pieces.
//!
//! Owns what of it may go on: everything of which no acting rule can make a match any more. It must
//! never let a byte pass that a rule redacts or stops, however the text is cut.

mod passage;
mod track;

use super::{Profile, Tally, judge::Place};
use crate::types::{Lifecycle, TextSurface};
use passage::Passage;
use std::sync::Arc;
use track::Role;

/// One text in pieces. Where nothing is to be held, every piece passes at once and is judged as it
/// goes; acting rules then only note.
pub struct Lane {
    profile: Arc<Profile>,
    lifecycle: Lifecycle,
    surface: TextSurface,
    hold: bool,
    /// From the first piece that is searched.
    passage: Option<Box<Passage>>,
}

/// Why a text does not go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Stopped {
    /// A rule blocks or quarantines.
    #[error("a rule stops the text")]
    Violation,
}

impl Lane {
    /// A text of which nothing has come yet.
    pub fn new(
        profile: &Arc<Profile>,
        lifecycle: Lifecycle,
        surface: TextSurface,
        hold: bool,
    ) -> Self {
        Self { profile: Arc::clone(profile), lifecycle, surface, hold, passage: None }
    }

    /// Takes the next piece, and appends to `out` what may go on now, redacted. Once it was stopped, it
    /// stays so.
    pub fn push(
        &mut self,
        piece: &str,
        out: &mut String,
        tally: &mut Tally,
    ) -> Result<(), Stopped> {
        self.advance(piece, false, out, tally)
    }

    /// The text is complete: the rest goes on, redacted.
    pub fn finish(&mut self, out: &mut String, tally: &mut Tally) -> Result<(), Stopped> {
        self.advance("", true, out, tally)
    }

    /// How much of the text is held back.
    pub fn held_bytes(&self) -> usize {
        self.passage.as_ref().map_or(0, |passage| passage.held_bytes())
    }

    fn advance(
        &mut self,
        piece: &str,
        is_end: bool,
        out: &mut String,
        tally: &mut Tally,
    ) -> Result<(), Stopped> {
        if self.passage.is_none() {
            let roles = self.roles();
            if piece.is_empty() || roles.is_empty() {
                out.push_str(piece);
                return Ok(());
            }
            let folds = self.profile.watch(self.lifecycle).folded.has(self.surface);
            let tracks =
                roles.iter().map(|role| role.track(&self.profile, self.lifecycle)).collect();
            self.passage = Some(Box::new(Passage::new(tracks, folds)));
        }
        let Some(passage) = &mut self.passage else { return Ok(()) };
        let place =
            Place { profile: &self.profile, lifecycle: self.lifecycle, surface: self.surface };
        passage.advance(place, piece, is_end, out, tally)
    }

    /// What is searched for, and to which end.
    fn roles(&self) -> &'static [Role] {
        let watch = self.profile.watch(self.lifecycle);
        match (watch.acting.has(self.surface), watch.noting.has(self.surface)) {
            (true, true) if self.hold => &[Role::Act, Role::Note],
            (true, false) if self.hold => &[Role::Act],
            (false, false) => &[],
            _ => &[Role::Watch],
        }
    }
}

#[cfg(test)]
mod tests;
