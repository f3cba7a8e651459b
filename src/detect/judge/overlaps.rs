//! Hits that overlap: which of them count.
//!
//! Owns the rule that the higher priority is what is counted. A hit that acts is told all the same when it
//! is beaten: no rule keeps another from taking out or stopping what it has found. It must never let a
//! hit count before all that could beat it are known.

use crate::detect::scanner::{Hit, MARKER_RULE};
use std::cell::Cell;

/// Hits of several rules in one text, until they are decided and cannot matter any more.
#[derive(Debug, Default)]
pub(in crate::detect) struct Overlaps {
    hits: Vec<Contender>,
    /// Beaten ones are told, too.
    acts: bool,
}

#[derive(Debug)]
struct Contender {
    hit: Hit,
    is_beaten: Cell<bool>,
    /// It touches what was redacted before.
    is_marked: Cell<bool>,
    is_told: bool,
}

impl Overlaps {
    /// For hits that act.
    pub(in crate::detect) fn of_acting() -> Self {
        Self { acts: true, ..Self::default() }
    }

    pub(in crate::detect) fn add(&mut self, hit: Hit) {
        let (is_beaten, is_marked) = (Cell::new(false), Cell::new(false));
        self.hits.push(Contender { hit, is_beaten, is_marked, is_told: false });
    }

    /// No hit will be added any more that begins before `settled`. Tells `counts` of the hits that are
    /// decided, in the order of the text, up to the first undecided one, and whether each counts; returns
    /// where that one begins, or `settled`.
    pub(in crate::detect) fn settle(
        &mut self,
        settled: usize,
        tell: &mut dyn FnMut(Hit, bool),
    ) -> usize {
        if self.hits.is_empty() {
            return settled;
        }
        self.hits.sort_by_key(|it| (it.hit.span.start, it.hit.span.end, it.hit.rule));
        self.compare();
        let acts = self.acts;
        let is_told = |it: &Contender| {
            !it.is_marked.get() && it.hit.rule != MARKER_RULE && (acts || !it.is_beaten.get())
        };
        let undecided = |it: &&Contender| {
            (is_told(it) || it.hit.rule == MARKER_RULE) && it.hit.span.end > settled
        };
        let first = self.hits.iter().find(undecided).map_or(settled, |it| it.hit.span.start);
        let release = first.min(settled);
        for it in &mut self.hits {
            if it.is_told || it.hit.span.start >= release {
                continue;
            }
            it.is_told = true;
            if is_told(it) {
                tell(it.hit.clone(), !it.is_beaten.get());
            }
        }
        // What reaches further can still beat another.
        self.hits.retain(|it| !it.is_told || it.hit.span.end > release);
        release
    }

    /// The text has lost its first `bytes` bytes.
    pub(in crate::detect) fn shift(&mut self, bytes: usize) {
        for it in &mut self.hits {
            for range in [&mut it.hit.span, &mut it.hit.value] {
                *range = range.start.saturating_sub(bytes)..range.end.saturating_sub(bytes);
            }
        }
    }

    /// Marks all that overlap one of higher priority.
    fn compare(&self) {
        let mut reaching: Vec<&Contender> = Vec::new();
        for it in &self.hits {
            reaching.retain(|other| other.hit.span.end > it.hit.span.start);
            for other in &reaching {
                if it.hit.rule == MARKER_RULE {
                    other.is_marked.set(true);
                } else if other.hit.rule == MARKER_RULE {
                    it.is_marked.set(true);
                }
                match it.hit.priority.cmp(&other.hit.priority) {
                    std::cmp::Ordering::Less => it.is_beaten.set(true),
                    std::cmp::Ordering::Greater => other.is_beaten.set(true),
                    std::cmp::Ordering::Equal => {}
                }
            }
            reaching.push(it);
        }
    }
}
