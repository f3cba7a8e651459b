//! Judging a whole text.
//!
//! Owns what the hits in a text lead to: redactions, a stop, findings. It must never keep the text.

mod overlaps;

pub(super) use overlaps::Overlaps;

use super::{
    Profile, Tally,
    fold::Folded,
    scanner::{Hit, MARKER_RULE, Progress, Text},
};
use crate::types::{Action, Lifecycle, TextSurface};
use std::ops::Range;

/// What is to be done about a text.
#[derive(Debug, Default)]
pub struct Judged {
    /// What is replaced, in the order of the text; none overlaps or touches another.
    pub redactions: Vec<Redaction>,
    /// Whether the text stops the call or the answer.
    pub stops: bool,
}

/// A piece of a text and what stands for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redaction {
    /// The bytes of the text.
    pub range: Range<usize>,
    /// `[REDACTED:TYPE]`.
    pub label: String,
}

/// Where a text stands, and what the rules do there.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) profile: &'a Profile,
    pub(super) lifecycle: Lifecycle,
    pub(super) surface: TextSurface,
}

/// Judges a whole text. Findings go to the tally.
pub fn judge(
    profile: &Profile,
    lifecycle: Lifecycle,
    surface: TextSurface,
    text: &str,
    tally: &mut Tally,
) -> Judged {
    let place = Place { profile, lifecycle, surface };
    place.judge(text, &mut |hit, action| place.note(hit, text, action, tally))
}

impl Place<'_> {
    /// Judges a whole text, and tells of each hit that counts with what is done about it.
    pub(super) fn judge(self, text: &str, counts: &mut dyn FnMut(&Hit, Action)) -> Judged {
        let Self { profile, lifecycle, surface } = self;
        let watch = profile.watch(lifecycle);
        if text.is_empty() || !watch.watched.has(surface) {
            return Judged::default();
        }
        let folded = watch.folded.has(surface).then(|| Folded::of(text, false));
        let whole = Text { text, folded: folded.as_ref(), is_end: true };
        let (mut acting, mut noting) = (Overlaps::of_acting(), Overlaps::default());
        let mut sort = |hit: Hit| {
            if hit.rule == MARKER_RULE {
                noting.add(hit.clone());
                acting.add(hit);
            } else if profile.action(hit.rule, lifecycle).acts() {
                acting.add(hit);
            } else {
                noting.add(hit);
            }
        };
        let wanted = |rule| rule == MARKER_RULE || self.action(rule) != Action::Allow;
        let detections = profile.detections();
        detections.scanner().advance(&mut Progress::default(), whole, &wanted, &mut sort);

        let mut stops = false;
        let mut values = Vec::new();
        acting.settle(text.len(), &mut |hit, is_counted| {
            let action = self.action(hit.rule);
            if is_counted || action.stops() {
                counts(&hit, action);
            }
            stops |= action.stops();
            if action == Action::Redact {
                values.push((hit.value, hit.rule));
            }
        });
        noting.settle(text.len(), &mut |hit, _| counts(&hit, Action::Log));
        Judged { redactions: self.redactions(values), stops }
    }

    /// What a rule does here.
    pub(super) fn action(&self, rule: usize) -> Action {
        if self.profile.detections().searches(rule, self.surface) {
            self.profile.action(rule, self.lifecycle)
        } else {
            Action::Allow
        }
    }

    /// Counts a hit.
    pub(super) fn note(&self, hit: &Hit, text: &str, action: Action, tally: &mut Tally) {
        let value =
            hit.decoded.as_deref().or_else(|| text.get(hit.value.clone())).unwrap_or_default();
        let place = (self.lifecycle, self.surface);
        if let Some(group) = self.profile.detections().group(hit.rule, value, place, action) {
            tally.add(group);
        }
    }

    fn redactions(&self, mut values: Vec<(Range<usize>, usize)>) -> Vec<Redaction> {
        values.sort_by_key(|(range, rule)| (range.start, range.end, *rule));
        let mut redactions: Vec<Redaction> = Vec::with_capacity(values.len());
        for (range, rule) in values {
            match redactions.last_mut() {
                Some(last) if last.range.end >= range.start => {
                    last.range.end = last.range.end.max(range.end);
                }
                _ => redactions
                    .push(Redaction { range, label: self.profile.detections().label(rule) }),
            }
        }
        redactions
    }
}

#[cfg(test)]
mod tests;
