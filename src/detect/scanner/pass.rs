//! One view of a text, searched by all automata.
//!
//! Owns which of their matches are a rule's: at each place the longest one, and none within the last.
//! It must never judge one before all that begin earlier are known.

use super::{
    Hit, Text,
    automaton::{Automaton, End, Sweep},
    needle::{Match, Needle},
    pattern::Problem,
};
use crate::detect::{Boundary, CONTEXT_BYTES, View};
use std::{ops::Range, sync::Arc};

/// Up to four automata: of rules that begin where a word may and of those that begin anywhere, and of
/// either the patterns that spell out how they begin and those that may begin in many ways.
pub(super) struct Searches(Vec<Search>);

/// One automaton, and to which rule each of its patterns belongs.
struct Search {
    automaton: Automaton,
    owners: Vec<Owner>,
}

struct Owner {
    needle: Arc<Needle>,
    /// Which of the rule's patterns.
    pattern: usize,
}

/// How far the search has come in one view of a text.
#[derive(Debug, Default)]
pub(super) struct Pass {
    sweeps: [Sweep; 4],
    /// Matches before which others of the same rule may still be found.
    candidates: Vec<Candidate>,
    /// Rules that go on only behind their last hit, and where.
    resume: Vec<(usize, usize)>,
}

/// A pattern's match, before it is known whether it counts.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    start: usize,
    end: usize,
    rule: usize,
    /// Which search found it, and which of its patterns.
    found_by: (usize, usize),
}

impl Searches {
    pub(super) fn build(needles: &[Arc<Needle>], view: View) -> Result<Self, Problem> {
        let mut searches = Vec::new();
        for boundary in Boundary::ALL {
            for spells in [true, false] {
                let is_meant = |it: &&Arc<Needle>| it.view == view && it.boundary == *boundary;
                let mut owners = Vec::new();
                let mut patterns = Vec::new();
                for needle in needles.iter().filter(is_meant) {
                    let all = needle.patterns.iter().zip(&needle.spells).enumerate();
                    for (pattern, (hir, _)) in all.filter(|(_, (_, it))| **it == spells) {
                        owners.push(Owner { needle: Arc::clone(needle), pattern });
                        patterns.push(hir);
                    }
                }
                if !patterns.is_empty() {
                    let automaton = Automaton::build(&patterns, *boundary == Boundary::Word)?;
                    searches.push(Search { automaton, owners });
                }
            }
        }
        Ok(Self(searches))
    }

    /// Goes on to the end of the text. Everything before the returned place of the view is decided.
    pub(super) fn advance(
        &self,
        pass: &mut Pass,
        view: View,
        text: Text<'_>,
        wanted: &dyn Fn(usize) -> bool,
        hit: &mut dyn FnMut(Hit),
    ) -> usize {
        let Pass { sweeps, candidates, .. } = pass;
        let viewed = text.view(view);
        for (number, (search, sweep)) in self.0.iter().zip(sweeps).enumerate() {
            search.automaton.sweep(sweep, viewed, text.is_end, &mut |start, ends| {
                let found = ends.iter().filter_map(|end| search.candidate(number, start, *end));
                candidates.extend(found.filter(|it| wanted(it.rule)));
            });
        }
        let searched = pass.sweeps.iter().take(self.0.len());
        let settled = searched.map(Sweep::settled).fold(viewed.len(), usize::min);
        for it in pass.longest(settled) {
            if pass.is_past(it) {
                continue;
            }
            let (search, pattern) = it.found_by;
            let owner = self.0.get(search).and_then(|search| search.owners.get(pattern));
            if let Some(found) = owner.and_then(|owner| owner.check(it, view, text)) {
                pass.resume_at(it);
                hit(found);
            }
        }
        settled
    }
}

impl Pass {
    /// The view has lost its first `bytes` bytes.
    pub(super) fn shift(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        for candidate in &mut self.candidates {
            candidate.start -= bytes;
            candidate.end -= bytes;
        }
        self.sweeps.iter_mut().for_each(|sweep| sweep.shift(bytes));
        self.resume.retain_mut(|(_, from)| {
            *from = from.saturating_sub(bytes);
            *from > 0
        });
    }

    /// Takes the candidates that begin before `settled`, in their order: of each rule and place the
    /// longest one.
    fn longest(&mut self, settled: usize) -> Vec<Candidate> {
        if self.candidates.is_empty() {
            return Vec::new();
        }
        let order = |it: &Candidate| (it.start, it.rule, usize::MAX - it.end, it.found_by);
        self.candidates.sort_unstable_by_key(order);
        let decided = self.candidates.partition_point(|it| it.start < settled);
        let mut longest: Vec<_> = self.candidates.drain(..decided).collect();
        longest.dedup_by_key(|it| (it.start, it.rule));
        longest
    }

    /// Whether it begins within the last hit of its rule.
    fn is_past(&self, it: Candidate) -> bool {
        self.resume.iter().any(|(rule, from)| *rule == it.rule && it.start < *from)
    }

    fn resume_at(&mut self, it: Candidate) {
        match self.resume.iter_mut().find(|(rule, _)| *rule == it.rule) {
            Some((_, from)) => *from = it.end,
            None => self.resume.push((it.rule, it.end)),
        }
    }
}

impl Search {
    fn candidate(&self, number: usize, start: usize, end: End) -> Option<Candidate> {
        let rule = self.owners.get(end.pattern)?.needle.rule;
        Some(Candidate { start, end: end.at, rule, found_by: (number, end.pattern) })
    }
}

impl Owner {
    /// The hit, if the match counts.
    fn check(&self, it: Candidate, view: View, text: Text<'_>) -> Option<Hit> {
        let span = text.source(view, it.start..it.end);
        let before: Range<usize> = span.start.saturating_sub(CONTEXT_BYTES)..span.start;
        let value = self.needle.value(Match {
            text: text.view(view),
            start: it.start,
            end: it.end,
            pattern: self.pattern,
            context: text.text.as_bytes().get(before).unwrap_or_default(),
        })?;
        Some(Hit {
            rule: self.needle.rule,
            priority: self.needle.priority,
            span,
            value: text.source(view, value),
            decoded: None,
        })
    }
}
